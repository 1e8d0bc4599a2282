"""The weights of walks: how much a step along each of them is worth, learnt on an inner cut."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from graphrec import splits
from graphrec.batches import Result, by_batch
from graphrec.errors import NothingToLearn
from graphrec.metrics import counts, hits, ndcg, top
from graphrec.tensors import Floats, Histories, KnownGraph, Rows
from graphrec.walks import Walk, walks
from graphrec.weighing import FEW, K, Weights, softmax_regression

Mask = npt.NDArray[np.bool_]
Columns = npt.NDArray[np.bool_]
DECAYS = (1.0, 0.6, 0.2)
"""How much a product counts one place further from the end of the history; 1 is the history as a whole."""
_BEST, _RANDOM, _POPULAR, _ROUNDS = 200, 100, 100, 2
_SCORED = 30_000_000
"""Users × products that are scored to learn from: 2,500 users at most, 400 at least."""
_TEMPERS = (0.0, 0.5, 1.0)
"""Exponents of what a random candidate stands for; 1 is the softmax over all products, 0 the one over the candidates."""
_CELLS = 4_000_000
_JUDGES = 1_000
"""Users on whom kinds of walks are judged, at most."""
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


def decayed(histories: Histories, decay: float) -> npt.NDArray[np.float64]:
    """[sum of lengths] decay^place from the end, 0 once below a thousandth; for decay 1 one over the root of the length.

    Example:
        >>> decayed(Histories.of([[4, 5, 6]]), 0.5).tolist()
        [0.25, 0.5, 1.0]
    """
    lengths = np.diff(histories.indptr)
    if decay == 1:
        return np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths)
    places = np.repeat(histories.indptr[1:], lengths) - 1 - np.arange(len(histories.product))
    values = decay ** places.astype(np.float64)
    return np.where(values < _FORGOTTEN, 0.0, values)


def _start(histories: Histories, values: npt.NDArray[np.float64], products: int) -> sp.csr_matrix:
    """[b, products] these values at the products of the histories."""
    parts = (values.astype(np.float32), histories.product.copy(), histories.indptr.copy())
    start: sp.csr_matrix = sp.csr_matrix(parts, shape=(len(histories), products))
    start.eliminate_zeros()
    return start


def learn(known: KnownGraph, text: Floats | None, *, seed: int) -> Steps:
    """Weights for the walks of this graph: those under which an inner cut's later choices are the likeliest.

    Listwise softmax regression over each user's 200 best candidates so far, the 100 most popular, 100 random ones and the truth,
    in two rounds that add up their candidates. A random candidate weighs as much as all it stands for (the loss is that of the
    softmax over all products), as itself (only the head of the list matters), or in between: whatever ranks the cut's users best.
    Weights are not negative: free ones fit the accidents of a cut. Where nothing can be held out, every walk counts by its
    typical size.
    """
    decays = DECAYS if known.interactions.ordered else DECAYS[:1]
    try:
        cut = splits.inner_cut(known, seed)
    except NothingToLearn:
        return _typical(walks(known, text), decays)
    cut = cut.sample(int(np.clip(_SCORED // len(known.products), 400, 2_500)), seed)
    return _Lesson(cut, walks(cut.known, text), decays, seed).learn()


def _typical(made: Sequence[Walk], decays: tuple[float, ...]) -> Steps:
    """Every walk as strong as the other, the history as a whole."""
    sizes = {walk.name: float(walk.left.data.mean()) if walk.right is None else 5.0 for walk in made}
    first = (1.0, *(0.0 for _ in decays[1:])) if len(decays) == 1 else (0.5, 0.5, *(0.0 for _ in decays[2:]))
    return Steps({name: tuple(one / size for one in first) for name, size in sizes.items()}, decays, 0.1)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the walks say of some candidates of every user of a cut."""

    values: Floats
    """[u, c, features], each feature of size 1."""
    size: Floats
    """[features] what they were divided by."""
    real: Mask
    """[u, c] False for repetitions and what cannot be recommended."""
    truth: Mask
    offset: Floats
    """[u, c] log of how many products a candidate stands for."""

    def regress(self, columns: Columns, temper: float, users: slice = slice(None)) -> Weights:
        """[features] weights learnt from these users; 0 for features that are not among the columns."""
        weights = np.zeros(self.values.shape[2])
        values = self.values[users] if columns.all() else self.values[users][:, :, columns]
        real, truth, offset = self.real[users], self.truth[users], temper * self.offset[users]
        weights[columns] = softmax_regression(values, real, truth, offset=offset, positive=True)
        return weights


@dataclass(frozen=True, slots=True)
class _Lesson:
    """One cut, its walks, and what is learnt from them."""

    cut: splits.Split
    walks: Sequence[Walk]
    decays: tuple[float, ...]
    seed: int

    def learn(self) -> Steps:
        drawn = self._drawn()
        lists, found = self._best(_typical(self.walks, self.decays)), []
        for _ in range(_ROUNDS):
            drawn = np.sort(np.concatenate([drawn, 2 * lists], axis=1), axis=1)
            seen = self._seen(drawn // 2, drawn % 2 == 1)
            everything = np.ones(len(seen.size), dtype=bool)
            tried = []
            for temper in _TEMPERS:
                steps = self._steps(seen, seen.regress(everything, temper))
                best = self._best(steps)
                tried.append((self._quality(best), temper, steps, best))
            quality, temper, steps, lists = max(tried, key=lambda one: one[0])
            found.append((quality, temper, steps))
        _, temper, steps = max(found, key=lambda one: one[0])
        return self._without_loss(seen, temper, steps)

    def _without_loss(self, seen: _Seen, temper: float, steps: Steps) -> Steps:
        """The steps with what each kind of walk is worth, and without the kinds that take away."""
        kinds = [kind for kind in ("graph", "text") if any(walk.kind == kind for walk in self.walks)]
        everything = np.ones(len(seen.size), dtype=bool)
        quality = self._crossed(seen, everything, temper) if kinds else 0.0
        without = {kind: self._crossed(seen, everything & ~self._columns(kind), temper) for kind in kinds}
        worth = {kind: quality / less - 1 if less else 0.0 for kind, less in without.items()}
        dropped = tuple(kind for kind in kinds if worth[kind] < 0 and len(self.cut.users) >= FEW)
        useful = everything.copy()
        for kind in dropped:
            useful &= ~self._columns(kind)
        chosen = self._steps(seen, seen.regress(useful, temper)) if dropped else steps
        return replace(chosen, worth=worth, dropped=dropped)

    def _columns(self, kind: str) -> Columns:
        """[features] True for those of this kind of walk."""
        return np.array([*np.repeat([walk.kind == kind for walk in self.walks], len(self.decays)), False], dtype=bool)

    def _crossed(self, seen: _Seen, columns: Columns, temper: float) -> float:
        """NDCG@20 among the candidates, each half of the users (at most `_JUDGES`) under the weights of the other."""
        wanted, total = counts(self.cut.truth), 0.0
        halves = slice(0, _JUDGES, 2), slice(1, _JUDGES, 2)
        for learnt, tested in (halves, halves[::-1]):
            weights = seen.regress(columns, temper, learnt).astype(np.float32)
            scores = np.where(seen.real[tested], seen.values[tested] @ weights, -np.inf).astype(np.float32)
            found = np.take_along_axis(seen.truth[tested], np.maximum(top(scores, K), 0), axis=1)
            total += float(ndcg(found, wanted[tested]).sum())
        return total / len(wanted[:_JUDGES])

    def _quality(self, lists: Rows) -> float:
        """NDCG@20 of the users' lists."""
        return float(ndcg(hits(lists[:, :K], self.cut.truth), counts(self.cut.truth)).mean())

    def _drawn(self) -> Rows:
        """[u, 100 + 100 + t] twice the rows of the most popular products, of random ones (plus one) and of the truth.

        Shorter rows of the truth repeat their last product.
        """
        warm = np.flatnonzero(self.cut.known.warm)
        users = len(self.cut.users)
        popular = np.argsort(-np.asarray(self.cut.known.matrix.sum(axis=0)).ravel(), kind="stable")[: min(_POPULAR, len(warm))]
        random = np.random.default_rng(self.seed).choice(warm, (users, _RANDOM))
        drawn = np.concatenate([2 * np.repeat(popular[None, :], users, axis=0), 2 * random + 1], axis=1)
        truth = self.cut.truth
        longest = min(int(np.diff(truth.indptr).max()), _BEST)
        places = np.minimum(truth.indptr[:-1, None] + np.arange(longest), truth.indptr[1:, None] - 1)
        return np.concatenate([drawn, 2 * truth.indices[places].astype(np.int64)], axis=1)

    def _by_batch(self, work: Callable[[slice, Histories], Result]) -> list[Result]:
        histories = self.cut.known.histories(self.cut.users)
        return [found for _, found in by_batch(work, histories, len(self.cut.known.products), cells=_CELLS)]

    def _best(self, steps: Steps) -> Rows:
        """[u, 200] the best products under these weights that the user has not chosen."""
        products = len(self.cut.known.products)
        popularity = steps.popularity * np.log1p(np.asarray(self.cut.known.matrix.sum(axis=0)).ravel())

        def best(_place: slice, batch: Histories) -> Rows:
            scores = np.repeat(popularity[None, :].astype(np.float32), len(batch), axis=0)
            for walk in (one for one in self.walks if one.name in steps.weights):
                scores += walk.reach(steps.start(batch, walk.name, products)).toarray()
            scores[batch.matrix(products).nonzero()] = -np.inf
            scores[:, ~self.cut.known.warm] = -np.inf
            found: Rows = torch.topk(torch.from_numpy(scores), min(_BEST, products), dim=1).indices.numpy()
            return found

        return np.concatenate(self._by_batch(best))

    def _seen(self, candidates: Rows, random: Mask) -> _Seen:
        """What the walks say. random: [u, c] True where a candidate stands for all that nothing else brought in."""
        values, truth, real = self._features(candidates)
        others = self.cut.known.warm.sum() - (real & ~random).sum(axis=1, keepdims=True)
        stands_for = np.maximum(others / np.maximum((real & random).sum(axis=1, keepdims=True), 1), 1.0)
        offset = np.where(random, np.log(stands_for), 0.0).astype(np.float32)
        size = np.sqrt(np.square(values).mean(axis=(0, 1)))
        size[size < 1e-9] = np.inf
        values /= size
        return _Seen(values, size, real, truth, offset)

    def _steps(self, seen: _Seen, scaled: Weights) -> Steps:
        """Without the walks that hardly move the score. scaled: [features] weights of the features as seen."""
        spread, weights = seen.values.std(axis=(0, 1)) * scaled, scaled / seen.size
        width = len(self.decays)
        by_walk = spread[:-1].reshape(len(self.walks), width).sum(axis=1)
        kept = by_walk >= _LEAST_SHARE * spread.sum()
        rows = {
            walk.name: tuple(weights[number * width : (number + 1) * width].tolist())
            for number, walk in enumerate(self.walks)
            if kept[number]
        }
        return Steps(rows, self.decays, float(weights[-1]))

    def _features(self, candidates: Rows) -> tuple[Floats, Mask, Mask]:
        """[u, c, walks × decays + 1] what each walk and popularity say of the candidates; [u, c] truth; [u, c] no repetition."""
        known, width = self.cut.known, len(self.decays)
        products = len(known.products)
        values = np.zeros((*candidates.shape, len(self.walks) * width + 1), dtype=np.float32)
        values[:, :, -1] = np.log1p(np.asarray(known.matrix.sum(axis=0)).ravel())[candidates]
        truth, seen = np.zeros(candidates.shape, dtype=bool), np.zeros(candidates.shape, dtype=bool)

        def fill(rows: slice, batch: Histories) -> None:
            truth[rows] = np.take_along_axis(self.cut.truth[rows].toarray() > 0, candidates[rows], axis=1)
            seen[rows] = np.take_along_axis(batch.matrix(products).toarray() > 0, candidates[rows], axis=1)
            starts = [_start(batch, decayed(batch, decay), products) for decay in self.decays]
            for number, walk in enumerate(self.walks):
                for place, start in enumerate(starts):
                    reach = walk.reach(start).toarray()
                    values[rows, :, number * width + place] = np.take_along_axis(reach, candidates[rows], axis=1)

        self._by_batch(fill)
        real = np.diff(candidates, axis=1, prepend=-1) > 0
        return values, truth & real, real & ~seen & (known.warm[candidates] | truth)
