"""What is taken up now, of the kinds that the user takes to: brands, categories, makers, whatever the graph says of products."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrec import splits
from graphrec.batches import CELLS, by_batch
from graphrec.errors import NothingToLearn
from graphrec.fashions import first_choices, lately
from graphrec.listwise import likeliest
from graphrec.metrics import top
from graphrec.scorers import FitContext, State
from graphrec.tensors import Floats, Histories, KnownGraph, Rows, sparse, sparse_arrays

_SHARES = (np.inf, 1 / 16, 1 / 64)
"""Half-lives of a choice, as shares of the data's span: what always sold, this season's and this week's."""
_DOUBT = 30.0
"""Choices as everybody makes them that each history is thought to hold beside its own: larger believes less in a habit."""
_KINDS = 8
"""Relations whose groups count, at most: those with most edges."""
_FEWEST_ALIKE = 2.0
"""Products a group must hold on average for its relation to count: an id of its own for every product makes no kinds."""
_HEAD = 200
"""How many products of each list the weights are learnt from."""
_SCORED, _LEAST, _MOST = 60_000_000, 300, 2_000
"""Users × products that are scored to learn from, and how many users those are at least and at most."""
_TYPICAL = 0.2
"""The weight of a habit of size 1 beside that of the rate, before anything is learnt."""


@dataclass(frozen=True)
class Habits:
    """score(x, i) = Σ_d v_d · log rate_d(i) + Σ over relations r of w_r · mean over groups g of i of log(P(g | x) / P(g)).

    rate_d(i) is the decayed count of users who took up i under half-life d, a user who has not; P(g) the share of group g (a
    brand, a category) among all choices, and P(g | x) = (count of g in the history + 30 · P(g)) / (length + 30), Dirichlet
    smoothing (Zhai and Lafferty, "A study of smoothing methods for language models", SIGIR 2001). Taken together a naive Bayes
    model of the next choice whose factors carry weights ≥ 0, learnt by a listwise softmax regression on the heads of an inner
    cut's lists. Products nobody chose are not scored (-inf).
    """

    name: ClassVar[str] = "habits"
    rates: Floats
    """[half-lives, products] log rates."""
    groups: Mapping[str, sp.csr_matrix]
    """By relation, [products, groups] float32: 1 over the number of the product's groups of that relation."""
    usual: Mapping[str, Floats]
    """By relation, [groups] the share of each group among all choices."""
    warm: npt.NDArray[np.bool_]
    """[products] True where somebody chose the product."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """By relation, and by half-life (`rate 0`, `rate 1`, …)."""

    @classmethod
    def fit(cls, known: KnownGraph, context: FitContext) -> Self:
        """Rates and groups of this graph under weights learnt on an inner cut of it."""
        return cls._made(known, _learnt(known, context.seed))

    def refit(self, known: KnownGraph, context: FitContext) -> Self:  # noqa: ARG002
        """Rates and groups of this graph under the same weights."""
        return self._made(known, self.weights)

    @classmethod
    def cost(cls, known: KnownGraph) -> float:
        """Processor seconds of one fit: a few passes over the scores of the users that are learnt from."""
        asked = min(_asked(len(known.products)), len(known.users))
        kinds = len(_kinds(known))
        return 0.05 + 2e-6 * len(known.interactions) + 8e-9 * asked * len(known.products) * (4 + kinds)

    @classmethod
    def memory(cls, known: KnownGraph) -> float:
        """Bytes of a fit at its height, roughly: the scores of the users that are learnt from."""
        cells = min(CELLS, len(known.users) * len(known.products))
        return 5e7 + 12 * cells + 60 * len(known.interactions)

    @classmethod
    def _made(cls, known: KnownGraph, weights: Mapping[str, float] | None) -> Self:
        """Without weights: typical ones."""
        groups = _kinds(known)
        chosen = np.bincount(known.interactions.product, minlength=len(known.products)).astype(np.float32)
        totals = {name: chosen @ matrix for name, matrix in groups.items()}
        usual = {name: (total / max(float(total.sum()), 1e-9)).astype(np.float32) for name, total in totals.items()}
        rates = _rates(known)
        typical = {f"rate {place}": 1 / len(rates) for place in range(len(rates))} | dict.fromkeys(groups, _TYPICAL)
        return cls(rates, groups, usual, known.warm, typical if weights is None else weights)

    def score(self, histories: Histories) -> Floats:
        """[b, products]; -inf for products nobody chose."""
        total = np.zeros((len(histories), len(self.warm)), dtype=np.float32)
        for name, weight in self.weights.items():
            if weight:
                total += weight * self._feature(name, histories)
        total[:, ~self.warm] = -np.inf
        return total

    def features(self, histories: Histories, lists: Rows) -> Floats:
        """[b, c, features] what each weight is multiplied by, of the products in these lists. lists: [b, c]."""
        found = (self._feature(name, histories) for name in self.weights)
        at = np.maximum(lists, 0)
        return np.stack([np.take_along_axis(np.broadcast_to(one, (len(lists), len(self.warm))), at, 1) for one in found], axis=-1)

    def _feature(self, name: str, histories: Histories) -> Floats:
        """[b, products], or [1, products] where it is the same for everybody."""
        if name not in self.groups:
            return np.asarray(self.rates[int(name.split()[-1])][None, :])
        return self._lift(name, histories)

    def _lift(self, name: str, histories: Histories) -> Floats:
        """[b, products] the mean log lift of the product's groups; 0 for products of no group."""
        groups, usual = self.groups[name], self.usual[name]
        counts = (histories.matrix(len(self.warm)) @ groups).toarray()  # [b, groups]
        length = counts.sum(axis=1, keepdims=True)
        lifts = np.zeros(counts.shape, dtype=np.float32)
        sold = usual > 0
        lifts[:, sold] = np.log((counts[:, sold] / usual[sold] + _DOUBT) / (length + _DOUBT))
        return np.ascontiguousarray((groups @ lifts.T).T)

    def state(self) -> State:
        """Rates, groups and weights."""
        arrays: dict[str, npt.NDArray[np.generic]] = {"rates": self.rates, "warm": self.warm.astype(np.uint8)}
        names = list(self.groups)
        for number, name in enumerate(names):
            arrays |= {**sparse_arrays(f"groups/{number}", self.groups[name]), f"usual/{number}": self.usual[name]}
        return State(arrays, {"relations": names, "weights": dict(self.weights)})

    @classmethod
    def restore(cls, state: State) -> Self:
        """The scorer that `state` came from."""
        names = list(state.settings["relations"])
        usual = {name: np.asarray(state.arrays[f"usual/{number}"]) for number, name in enumerate(names)}
        groups = {name: sparse(state.arrays, f"groups/{number}", len(usual[name])) for number, name in enumerate(names)}
        warm = np.asarray(state.arrays["warm"]).astype(bool)
        return cls(np.asarray(state.arrays["rates"]), groups, usual, warm, dict(state.settings["weights"]))


def _rates(known: KnownGraph) -> Floats:
    """[half-lives, products] log rates; one half-life, the infinite one, where no times tell choices apart."""
    chosen, products = known.interactions, len(known.products)
    takers = np.bincount(first_choices(chosen, products).product, minlength=products)
    times = chosen.at[~np.isnan(chosen.at)]
    timed = 2 * len(times) >= len(chosen) > 0 and times.min() < times.max()
    counts = [lately(chosen, products, share) for share in (_SHARES if timed else _SHARES[:1])]
    return np.stack([np.log(count / (len(known.users) + 1 - takers)) for count in counts]).astype(np.float32)


def _kinds(known: KnownGraph) -> dict[str, sp.csr_matrix]:
    """By relation, [products, groups] each product's share in each of its groups."""
    kinds = dict(_grouping(known))
    return {name: _shared(kinds[name]) for name in sorted(sorted(kinds, key=lambda one: -kinds[one].nnz)[:_KINDS])}


def _grouping(known: KnownGraph) -> Iterator[tuple[str, sp.csr_matrix]]:
    """The relations between products and what is neither product nor user, without nodes that no product touches."""
    for (source, name, target), matrix in known.relations.items():
        if (source == "Product") == (target == "Product") or "User" in (source, target):
            continue
        groups = (matrix if source == "Product" else matrix.T).tocsr()
        groups = groups[:, np.flatnonzero(groups.getnnz(axis=0))]
        if groups.nnz and groups.nnz >= _FEWEST_ALIKE * groups.shape[1]:
            yield f"{source} {name} {target}", groups


def _shared(groups: sp.csr_matrix) -> sp.csr_matrix:
    each = 1 / np.maximum(groups.getnnz(axis=1), 1)
    return sp.csr_matrix(sp.diags(each.astype(np.float32)) @ (groups > 0).astype(np.float32))


def _asked(products: int) -> int:
    """How many users are learnt from, at most."""
    return int(np.clip(_SCORED // max(products, 1), _LEAST, _MOST))


def _learnt(known: KnownGraph, seed: int) -> Mapping[str, float] | None:
    """The weights under which an inner cut's later choices are the likeliest; None where no list's head holds one."""
    try:
        cut = splits.inner_cut(known, seed)
    except NothingToLearn:
        return None
    cut = cut.sample(_asked(len(known.products)), seed)
    habits = Habits._made(cut.known, None)
    heads = by_batch(lambda place, batch: _head(habits, cut, place, batch), cut.histories, len(known.products))
    values, real, truth = (np.concatenate(part) for part in zip(*(head for _, head in heads), strict=True))
    if not (real & truth).any():
        return None
    size = np.maximum(values[real].std(axis=0), 1e-6)
    centred = (values - values[real].mean(axis=0)) / size
    weights = likeliest(np.where(real[..., None], centred, 0).astype(np.float32), real, truth) / size
    return dict(zip(habits.weights, weights.tolist(), strict=True)) if weights.any() else None


def _head(
    habits: Habits, cut: splits.Split, place: slice, batch: Histories
) -> tuple[Floats, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """values [b, c, features], real [b, c], truth [b, c] of the head of each user's list."""
    scores = habits.score(batch)
    scores[:, ~cut.known.listed] = -np.inf
    scores[np.repeat(np.arange(len(batch)), np.diff(batch.indptr)), batch.product] = -np.inf
    lists = top(scores, min(_HEAD, scores.shape[1]))
    truth = np.take_along_axis(cut.truth[place].toarray() > 0, np.maximum(lists, 0), axis=1)
    real = lists >= 0
    return habits.features(batch, lists), real, truth & real
