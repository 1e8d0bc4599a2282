"""A closed-form linear model from product to product (EASE), which trusts pairs close together in a history more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrec import splits
from graphrec.errors import NothingToLearn
from graphrec.metrics import counts, hits, ndcg, top
from graphrec.scorers import FitContext, State, Term
from graphrec.tensors import Floats, Histories, KnownGraph, Rows

LIMIT = 5_000
"""Products in the dense system: beyond, the most-chosen ones. Time grows with the cube (5,000: ten seconds on two cores)."""
_PENALTIES = (50.0, 100.0, 200.0, 400.0, 800.0)
_DEFAULT_PENALTY = 150.0
_TRIED_UP_TO = 2_500
"""Products up to which every penalty is tried on a cut; beyond, the default is taken, since each trial costs a whole solution."""
_NEARNESS, _WINDOW, _ANYWHERE = 10.0, 40, 0.5
_KEPT = 300
"""Weights kept a product, the largest, where the system is larger than a few of those."""


@dataclass(frozen=True)
class Linear:
    """score(user, i) = Σ over the history h of B[h, i], where B minimises ‖X − XB‖² + λ‖B‖² with a zero diagonal.

    B = I − P / diag(P), P = (G + λI)⁻¹. Source: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019
    (arXiv:1905.03375). Where the order is known, G counts a pair of products d places apart in a user's history not as 1 but as
    0.5 + 0.5·exp(−d / 10), d ≤ 40. Products beyond the `LIMIT` most-chosen ones, and those nobody chose, are not scored (-inf).
    """

    name: ClassVar[str] = "linear"
    weights: sp.csr_matrix
    """[m, m] float32 B over the products of the system."""
    rows: Rows
    """[m] their product rows, rising."""
    products: int
    penalty: float
    """λ, in pairs of choices; larger is more cautious."""
    notes: tuple[str, ...] = ()
    """What was limited, in words."""

    @classmethod
    def fit(cls, known: KnownGraph, context: FitContext) -> Self:
        """The solution for the λ that ranks an inner cut best (small catalogues), else for the default one."""
        return cls.fit_with(known, _best_penalty(known, context.seed))

    def refit(self, known: KnownGraph, context: FitContext) -> Self:  # noqa: ARG002
        """The solution for the same λ on this graph."""
        return self.fit_with(known, self.penalty)

    @classmethod
    def fit_with(cls, known: KnownGraph, penalty: float) -> Self:
        """The solution for this λ."""
        rows = _most_chosen(known)
        left = int(known.warm.sum()) - len(rows)
        notes = (f"linear: the {LIMIT} most-chosen products only; {left} are not scored",) if left else ()
        weights = _sparse(solve(gram(known, rows), penalty))
        return cls(weights, rows, len(known.products), penalty, notes)

    def score(self, histories: Histories) -> Floats:
        """[b, products]; -inf for products outside the system."""
        scores = np.full((len(histories), self.products), -np.inf, dtype=np.float32)
        known = histories.matrix(self.products)[:, self.rows]
        scores[:, self.rows] = (known @ self.weights).toarray()
        return scores

    def terms(self, history: Histories, product: int) -> Sequence[Term]:
        """B[h, product] for every h of the history; nothing for a product outside the system."""
        place = int(np.searchsorted(self.rows, product))
        if place == len(self.rows) or self.rows[place] != product:
            return ()
        column = np.zeros(self.products)
        column[self.rows] = self.weights[:, [place]].toarray().ravel()
        return [Term(int(row), "INTERACTED", float(column[row])) for row in history.product if column[row]]

    def state(self) -> State:
        """B in CSR parts, the rows it is over, and λ."""
        arrays = {"data": self.weights.data, "indices": self.weights.indices, "indptr": self.weights.indptr, "rows": self.rows}
        return State(arrays, {"products": self.products, "penalty": self.penalty, "notes": list(self.notes)})

    @classmethod
    def restore(cls, state: State) -> Self:
        """The scorer that `state` came from."""
        rows, settings = np.asarray(state.arrays["rows"]), state.settings
        parts = tuple(np.asarray(state.arrays[name]) for name in ("data", "indices", "indptr"))
        weights = sp.csr_matrix(parts, shape=(len(rows), len(rows)))
        return cls(weights, rows, int(settings["products"]), float(settings["penalty"]), tuple(settings["notes"]))


def gram(known: KnownGraph, rows: Rows) -> Floats:
    """[m, m] how many users chose both products, pairs far apart in a history counting half where the order is known."""
    chosen = known.matrix[:, rows]
    whole: Floats = (chosen.T @ chosen).toarray().astype(np.float32)
    if not known.interactions.ordered:
        return whole
    near = _near(known.histories(), rows, len(known.products))
    near[np.diag_indices(len(rows))] = np.diag(whole)
    return np.asarray(_ANYWHERE * whole + (1 - _ANYWHERE) * near, dtype=np.float32)


def solve(gram: npt.NDArray[np.floating], penalty: float) -> Floats:
    """[m, m] float32 B for this Gram matrix: the equation of `Linear`.

    Example:
        >>> solve(np.array([[4.0, 2.0], [2.0, 2.0]]), 1.0).tolist()
        [[0.0, 0.4000000059604645], [0.6666666865348816, 0.0]]
    """
    system = gram.astype(np.float64) if len(gram) <= _TRIED_UP_TO else gram.astype(np.float32)
    system[np.diag_indices(len(gram))] += penalty
    inverse = np.linalg.inv(system)
    weights: Floats = (inverse / -np.diag(inverse)).astype(np.float32)
    np.fill_diagonal(weights, 0)
    return weights


def _most_chosen(known: KnownGraph) -> Rows:
    chosen = np.bincount(known.interactions.product, minlength=len(known.products))
    best = np.argsort(-chosen, kind="stable")[:LIMIT]
    return np.sort(best[chosen[best] > 0]).astype(np.int64)


def _near(histories: Histories, rows: Rows, products: int) -> Floats:
    """[m, m] symmetric: exp(−d / 10) summed over users for products d ≤ 40 places apart."""
    user = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
    place = np.full(products, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    column = place[histories.product]
    near = np.zeros((len(rows), len(rows)), dtype=np.float32)
    for apart in range(1, min(_WINDOW, len(user) - 1) + 1):
        same = (user[apart:] == user[:-apart]) & (column[apart:] >= 0) & (column[:-apart] >= 0)
        weights = np.full(int(same.sum()), np.exp(-apart / _NEARNESS), dtype=np.float32)
        pairs = sp.coo_matrix((weights, (column[:-apart][same], column[apart:][same])), shape=near.shape)
        near += pairs.toarray()
    return near + near.T


def _sparse(weights: Floats) -> sp.csr_matrix:
    """The largest weights of every row by size; all of them where there are few."""
    if len(weights) > 4 * _KEPT:
        least = np.partition(np.abs(weights), -_KEPT, axis=1)[:, -_KEPT, None]
        weights = np.where(np.abs(weights) >= least, weights, 0)
    found: sp.csr_matrix = sp.csr_matrix(weights)
    return found


def _best_penalty(known: KnownGraph, seed: int) -> float:
    """The λ with the best NDCG@20 on an inner cut of at most 1,000 users; the default where that would take long."""
    if known.warm.sum() > _TRIED_UP_TO:
        return _DEFAULT_PENALTY
    try:
        cut = splits.inner_cut(known, seed).sample(1_000, seed)
    except NothingToLearn:
        return _DEFAULT_PENALTY
    rows = _most_chosen(cut.known)
    pairs, chosen, truth = gram(cut.known, rows), cut.known.matrix[cut.users][:, rows], cut.truth[:, rows]
    seen = chosen.toarray() > 0

    def quality(penalty: float) -> float:
        scores: Floats = np.where(seen, -np.inf, chosen @ solve(pairs, penalty)).astype(np.float32)
        return float(ndcg(hits(top(scores, 20), truth), counts(truth)).mean())

    return max(_PENALTIES, key=quality)
