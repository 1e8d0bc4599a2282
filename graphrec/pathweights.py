"""The weights of walks: how much a step along each of them is worth, learnt on an inner cut."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrec import splits
from graphrec.batches import Result, by_batch
from graphrec.errors import NothingToLearn
from graphrec.listwise import likeliest
from graphrec.metrics import counts, hits, ndcg, top
from graphrec.tensors import Floats, Histories, KnownGraph, Rows
from graphrec.walks import RELATIONS, Counts, Walk, add_to, places, walks
from graphrec.weighing import FEW, K, Weights

Mask = npt.NDArray[np.bool_]
Columns = npt.NDArray[np.bool_]
DECAYS = (1.0, 0.6, 0.2)
"""How much a product counts one place further from the end of the history; 1 is the history as a whole."""
_HEADS = (50, 100, 200)
"""How long the heads of the lists are that weights are learnt from: one of these, whichever validates better."""
_FIRST = 4
"""The first round's lists are made for one user in so many."""
_SCORED, _STEPPED = 100_000_000, 100_000
"""Users × products that are scored to learn from, and steps off their histories; 400 users at least, 10,000 at most."""
_FEATURES = 80_000_000
"""Cells of what the walks say of the heads: 320 MB."""
_CELLS = 4_000_000
_JUDGES = 5_000
"""Users on whom kinds of walks and lengths of heads are judged, at most."""
_FORGOTTEN = 1e-3
_LEAST_SHARE = 0.01
"""Walks whose part of the score varies less than this share of the whole are dropped."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Weights by walk and decay, and the weight of popularity."""

    weights: Mapping[str, tuple[float, ...]]
    """By walk's name, one a decay."""
    decays: tuple[float, ...]
    popularity: float
    worth: Mapping[str, float] = field(default_factory=dict)
    """By kind of walk (`graph`, `text`), the relative change of NDCG@20 by having it, on users its weights have not seen."""
    dropped: tuple[str, ...] = ()
    """The kinds that take away, where enough users say so."""

    def start(self, histories: Histories, walk: str, products: int) -> sp.csr_matrix:
        """[b, products] what stepping off from each product of a history is worth on this walk."""
        weights = self.weights[walk]
        values = sum(
            (weight * decayed(histories, decay) for weight, decay in zip(weights, self.decays, strict=True)),
            np.zeros(len(histories.product)),
        )
        return _start(histories, values, products)

    def to_json(self) -> dict[str, Any]:
        """The weights as JSON can hold them; `from_json` reads them back."""
        weights = {name: list(one) for name, one in self.weights.items()}
        judged = {"worth": dict(self.worth), "dropped": list(self.dropped)}
        return {"weights": weights, "decays": list(self.decays), "popularity": self.popularity, **judged}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The weights that `to_json` wrote."""
        weights = {name: tuple(one) for name, one in values["weights"].items()}
        popularity, worth = float(values["popularity"]), dict(values["worth"])
        return cls(weights, tuple(values["decays"]), popularity, worth, tuple(values["dropped"]))


def decayed(histories: Histories, decay: float) -> Counts:
    """[sum of lengths] decay^place from the end, 0 once below a thousandth; for decay 1 one over the root of the length.

    What was chosen at the same second shares a place.

    Example:
        >>> decayed(Histories.of([[4, 5, 6]]), 0.5).tolist()
        [0.25, 0.5, 1.0]
    """
    lengths = np.diff(histories.indptr)
    if decay == 1:
        return np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths)
    values = decay ** places(histories).astype(np.float64)
    return np.where(values < _FORGOTTEN, 0.0, values)


def _start(histories: Histories, values: Counts, products: int) -> sp.csr_matrix:
    """[b, products] these values at the products of the histories."""
    parts = (values.astype(np.float32), histories.product.copy(), histories.indptr.copy())
    start: sp.csr_matrix = sp.csr_matrix(parts, shape=(len(histories), products))
    start.eliminate_zeros()
    return start


def learn(known: KnownGraph, text: Floats | None, *, seed: int) -> Steps:
    """Weights for the walks of this graph: those under which an inner cut's later choices are the likeliest.

    Listwise softmax regression over the head of each user's list, in two rounds: the heads of the second are made under the
    weights of the first. Users whose choice is not in the head do not count: where a choice is put beside a head
    it does not belong to, weights are learnt that tell heads from tails, not the best of a head from its rest.
    Weights are not negative: free ones fit the accidents of a cut. Where nothing can be held out, or no choice is in a head,
    every walk counts by its typical size.
    """
    decays = DECAYS if known.interactions.ordered else DECAYS[:1]
    try:
        cut = splits.inner_cut(known, seed)
    except NothingToLearn:
        return _typical(walks(known, text), decays)
    return _Lesson(cut.sample(_learners(cut.known), seed), walks(cut.known, text), decays).learn(seed)


def _learners(known: KnownGraph) -> int:
    """How many users the weights are learnt from, at most."""
    length = max(1.0, known.matrix.nnz / len(known.users))
    return int(np.clip(min(_SCORED / len(known.products), _STEPPED / length), 400, 10_000))


def features(known: KnownGraph) -> int:
    """How many cells what the walks of this graph say of the heads has, about, before they are known."""
    width = len(DECAYS) * (12 + 2 * min(len(known.relations), RELATIONS))
    return min(_FEATURES, min(_learners(known), len(known.users)) * min(_HEADS[-1], len(known.products)) * width)


def _typical(made: Sequence[Walk], decays: tuple[float, ...]) -> Steps:
    """Every walk as strong as the other, the history as a whole."""
    sizes = {walk.name: float(walk.left.data.mean()) if walk.right is None else 5.0 for walk in made}
    first = (1.0, *(0.0 for _ in decays[1:])) if len(decays) == 1 else (0.5, 0.5, *(0.0 for _ in decays[2:]))
    return Steps({name: tuple(one / size for one in first) for name, size in sizes.items()}, decays, 0.1)


@dataclass(frozen=True, slots=True)
class _Heads:
    """What the walks say of the heads of the lists of those users whose heads hold a choice."""

    values: Floats
    """[u, c, features] place by place, each feature of size 1."""
    size: Floats
    """[features] what they were divided by."""
    real: Mask
    """[u, c] False where the list is shorter."""
    truth: Mask
    wanted: Rows
    """[u] how many products the user chose later, in the head or not."""

    def regress(self, columns: Columns, head: int, users: slice = slice(None)) -> Weights:
        """[features] weights learnt from these users' first `head` places; 0 for features that are not among the columns."""
        weights = np.zeros(self.values.shape[2])
        values = self.values[users, :head] if columns.all() else self.values[users, :head][:, :, columns]
        weights[columns] = likeliest(values, self.real[users, :head], self.truth[users, :head])
        return weights

    def quality(self, columns: Columns, head: int) -> float:
        """Mean NDCG@20 of the heads, each half of the users (at most `_JUDGES`) under the weights of the other."""
        total, judges = 0.0, min(_JUDGES, len(self.wanted))
        halves = slice(0, judges, 2), slice(1, judges, 2)
        for learnt, tested in (halves, halves[::-1]):
            weights = self.regress(columns, head, learnt).astype(np.float32)
            scores = np.where(self.real[tested], self.values[tested] @ weights, -np.inf).astype(np.float32)
            found = np.take_along_axis(self.truth[tested], np.maximum(top(scores, K), 0), axis=1)
            total += float(ndcg(found, self.wanted[tested]).sum())
        return total / judges


@dataclass(frozen=True, slots=True)
class _Lesson:
    """One cut, its walks, and what is learnt from them."""

    cut: splits.Split
    walks: Sequence[Walk]
    decays: tuple[float, ...]

    def learn(self, seed: int) -> Steps:
        steps = _typical(self.walks, self.decays)
        first = replace(self, cut=self.cut.sample(max(400, len(self.cut.users) // _FIRST), seed))._heads(steps)
        if first is None:
            return steps
        everything = np.ones(len(first.size), dtype=bool)
        steps = self._steps(first, first.regress(everything, _HEADS[-1]))
        heads = self._heads(steps)
        if heads is None:
            return steps
        length = max(_HEADS, key=lambda one: heads.quality(everything, one))
        return self._without_loss(heads, length, self._steps(heads, heads.regress(everything, length)))

    def _without_loss(self, heads: _Heads, length: int, steps: Steps) -> Steps:
        """The steps with what each kind of walk is worth, and without the kinds that take away."""
        kinds = [kind for kind in ("graph", "text") if any(walk.kind == kind for walk in self.walks)]
        everything = np.ones(len(heads.size), dtype=bool)
        quality = heads.quality(everything, length) if kinds else 0.0
        without = {kind: heads.quality(everything & ~self._columns(kind), length) for kind in kinds}
        worth = {kind: quality / less - 1 if less else 0.0 for kind, less in without.items()}
        dropped = tuple(kind for kind in kinds if worth[kind] < 0 and len(self.cut.users) >= FEW)
        useful = everything.copy()
        for kind in dropped:
            useful &= ~self._columns(kind)
        chosen = self._steps(heads, heads.regress(useful, length)) if dropped else steps
        return replace(chosen, worth=worth, dropped=dropped)

    def _columns(self, kind: str) -> Columns:
        """[features] True for those of this kind of walk."""
        return np.array([*np.repeat([walk.kind == kind for walk in self.walks], len(self.decays)), False], dtype=bool)

    def _heads(self, steps: Steps) -> _Heads | None:
        """The heads of the lists that these steps make; None where no head holds a choice."""
        lists = np.concatenate(self._by_batch(self.cut, lambda _place, batch: self._best(steps, batch)))
        found = hits(lists, self.cut.truth)
        most = _FEATURES // (lists.shape[1] * (len(self.walks) * len(self.decays) + 1))
        users = np.flatnonzero(found.any(axis=1))[:most]
        if not len(users):
            return None
        lists, found = lists[users], found[users]
        parts = self._by_batch(self.cut.only(users), lambda place, batch: self._features(batch, lists[place]))
        values = np.concatenate(parts)
        size = np.sqrt(np.square(values).mean(axis=(0, 1)))
        size[size < 1e-9] = np.inf
        values /= size
        return _Heads(values, size, lists >= 0, found, counts(self.cut.truth)[users])

    def _by_batch(self, cut: splits.Split, work: Callable[[slice, Histories], Result]) -> list[Result]:
        return [found for _, found in by_batch(work, cut.histories, len(cut.known.products), cells=_CELLS)]

    def _popularity(self) -> Floats:
        return np.log1p(np.asarray(self.cut.known.matrix.sum(axis=0)).ravel()).astype(np.float32)

    def _best(self, steps: Steps, batch: Histories) -> Rows:
        """[b, 200] the best products under these weights that the user has not chosen."""
        scores = np.repeat((steps.popularity * self._popularity())[None, :], len(batch), axis=0)
        products = scores.shape[1]
        for walk in (one for one in self.walks if one.name in steps.weights):
            add_to(scores, walk.reach(steps.start(batch, walk.name, products)))
        scores[batch.matrix(products).nonzero()] = -np.inf
        scores[:, ~self.cut.known.warm] = -np.inf
        return top(scores, _HEADS[-1])

    def _steps(self, heads: _Heads, scaled: Weights) -> Steps:
        """Without the walks that hardly move the score. scaled: [features] weights of the features as seen."""
        spread, weights = heads.values.std(axis=(0, 1)) * scaled, scaled / heads.size
        width = len(self.decays)
        by_walk = spread[:-1].reshape(len(self.walks), width).sum(axis=1)
        kept = by_walk >= _LEAST_SHARE * spread.sum()
        rows = {
            walk.name: tuple(weights[number * width : (number + 1) * width].tolist())
            for number, walk in enumerate(self.walks)
            if kept[number]
        }
        return Steps(rows, self.decays, float(weights[-1]))

    def _features(self, batch: Histories, lists: Rows) -> Floats:
        """[b, c, walks × decays + 1] what each walk and popularity say of the listed products; 0 where there is none (-1)."""
        width = len(self.decays)
        values = np.zeros((*lists.shape, len(self.walks) * width + 1), dtype=np.float32)
        values[:, :, -1] = self._popularity()[lists]
        factors = [decayed(batch, decay) for decay in self.decays]
        cells = _cells(lists, len(self.cut.known.products))
        for number, walk in enumerate(self.walks):
            said = _directly(walk, batch, factors, lists, cells) if walk.right is None else _through(walk, batch, factors, lists)
            values[:, :, number * width : (number + 1) * width] = said
        values[lists < 0] = 0
        return values


def _cells(lists: Rows, products: int) -> npt.NDArray[np.int32]:
    """[b, products] which of the b × c listed places a product has; what is not listed has the b × c-th."""
    cells = np.full((len(lists), products + 1), lists.size, dtype=np.int32)
    np.put_along_axis(cells, lists, np.arange(lists.size, dtype=np.int32).reshape(lists.shape), axis=1)  # -1 is the last column
    return cells[:, :-1]


def _directly(walk: Walk, batch: Histories, factors: Sequence[Counts], lists: Rows, cells: npt.NDArray[np.int32]) -> Counts:
    """[b, c, decays] what a walk of one matrix says, of the listed products only: most of what it reaches is not listed."""
    reach = walk.left[batch.product]
    step = np.repeat(np.arange(len(batch.product)), np.diff(reach.indptr))
    owner = np.repeat(np.arange(len(batch)), np.diff(batch.indptr))
    cell = cells[owner[step], reach.indices]
    listed = cell < lists.size
    cell, step, amount = cell[listed], step[listed], reach.data[listed]
    said = [np.bincount(cell, weights=amount * factor[step], minlength=lists.size).astype(np.float64) for factor in factors]
    return np.stack(said, axis=-1).reshape(*lists.shape, len(factors))


def _through(walk: Walk, batch: Histories, factors: Sequence[Counts], lists: Rows) -> Counts:
    """[b, c, decays] what a walk of two matrices says, which reaches far."""
    starts = (_start(batch, factor, walk.left.shape[0]) for factor in factors)
    return np.stack([np.take_along_axis(walk.reach(start).toarray(), lists, axis=1) for start in starts], axis=-1)
