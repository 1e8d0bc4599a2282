"""A linear model from product to product in closed form, which trusts pairs close together in a history more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp

from graphrec import splits
from graphrec.errors import NothingToLearn
from graphrec.metrics import counts, hits, ndcg, top
from graphrec.ridge import Caution, dense, local, neighbours_for
from graphrec.scorers import FitContext, State, Term
from graphrec.tensors import Floats, Histories, KnownGraph, Rows, sparse, sparse_arrays

LIMIT = 5_000
"""Products in one dense system; time grows with the cube (5,000: ten seconds on two cores). Beyond, each has one of its own."""
_CAUTIONS = (
    *(Caution(penalty, 0.5) for penalty in (50.0, 100.0, 200.0, 400.0)),
    *(Caution(penalty, 0.2) for penalty in (150.0, 300.0)),
)
"""Without any dropout the Gram matrix need not be positive, since nearness is cut off at `_WINDOW` places."""
_DEFAULT_PENALTY, _DEFAULT_LOCAL_PENALTY, _DROPOUT = 100.0, 60.0, 0.5
_TRIED_UP_TO = 2_500
"""Products up to which every caution is tried on a cut; beyond, the default is taken, since each trial costs a whole solution."""
_NEARNESS, _WINDOW, _ANYWHERE = 10.0, 40, 0.5
_PAIRS = 10_000_000
"""Pairs close together that are counted, at most: in more data than this allows the window is shorter."""
_KEPT = 300
"""Weights kept a product, the largest, where the system is larger than a few of those."""


@dataclass(frozen=True)
class Linear:
    """score(user, i) = Σ over the history h of B[h, i], where B minimises ‖X − XB‖² + ‖Λ^½ B‖² with a zero diagonal.

    B = I − P / diag(P), P = (G + Λ)⁻¹, Λ = λI + p / (1 − p) · diag(G): the penalty that leaving out a share p of every history
    amounts to. Where the order is known, G counts a pair of products d places apart in a user's history not as 1 but as
    0.5 + 0.5·exp(−d / 10), d ≤ 40. Beyond `LIMIT` products, column i of B solves the same problem over the 100 products most like
    i alone (fewer beyond 45,000). Products nobody chose are not scored (-inf). Sources: `graphrec.ridge`.
    """

    name: ClassVar[str] = "linear"
    weights: sp.csr_matrix
    """[m, m] float32 B over the products somebody chose."""
    rows: Rows
    """[m] their product rows, rising."""
    products: int
    caution: Caution
    notes: tuple[str, ...] = ()
    """What was limited, in words."""

    @classmethod
    def fit(cls, known: KnownGraph, context: FitContext) -> Self:
        """The solution for the caution that ranks an inner cut best (small catalogues), else for the default one."""
        return cls._made(known, _best_caution(known, context.seed))

    def refit(self, known: KnownGraph, context: FitContext) -> Self:  # noqa: ARG002
        """The solution for the same caution on this graph."""
        return self._made(known, self.caution)

    @classmethod
    def fit_with(cls, known: KnownGraph, penalty: float) -> Self:
        """The solution for this λ, with a dropout of a half."""
        return cls._made(known, Caution(penalty, _DROPOUT))

    @classmethod
    def cost(cls, known: KnownGraph) -> float:
        """Processor seconds of one fit, roughly: the cube of a small catalogue, else a fixed price for each product."""
        products = int(known.warm.sum())
        if products > LIMIT:
            return 6e-4 * products + 1e-5 * len(known.interactions)
        return (len(_CAUTIONS) if products <= _TRIED_UP_TO else 1) * 8e-11 * products**3 + 1e-5 * len(known.interactions)

    @classmethod
    def memory(cls, known: KnownGraph) -> float:
        """Bytes of a fit at its height, roughly: a small catalogue's system several times, else neighbours and close pairs."""
        products = int(known.warm.sum())
        if products <= LIMIT:
            return 6e7 + 32 * products**2
        return 1e8 + 24 * neighbours_for(products) * products + 25 * min(_PAIRS, _WINDOW * len(known.interactions))

    @classmethod
    def _made(cls, known: KnownGraph, caution: Caution) -> Self:
        rows = np.flatnonzero(known.warm).astype(np.int64)
        if len(rows) <= LIMIT:
            return cls(_sparse(dense(gram(known, rows), caution)), rows, len(known.products), caution)
        ordered = _ordered(known)
        close = near(known.histories(), rows, len(known.products)) * np.float32(1 - _ANYWHERE) if ordered else None
        weights = local(known.matrix[:, rows], close, _ANYWHERE if ordered else 1.0, caution)
        each = neighbours_for(len(rows))
        note = f"linear: {len(rows):,} products are too many for one system; each is explained by the {each} most like it"
        return cls(weights.tocsr(), rows, len(known.products), caution, (note,))

    @property
    def penalty(self) -> float:
        """λ, in pairs of choices; larger is more cautious."""
        return self.caution.penalty

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
        """B in CSR parts, the rows it is over, and the caution."""
        arrays = {**sparse_arrays("weights", self.weights), "rows": self.rows}
        caution = [self.caution.penalty, self.caution.dropout]
        return State(arrays, {"products": self.products, "caution": caution, "notes": list(self.notes)})

    @classmethod
    def restore(cls, state: State) -> Self:
        """The scorer that `state` came from."""
        rows, settings = np.asarray(state.arrays["rows"]), state.settings
        weights = sparse(state.arrays, "weights", len(rows))
        return cls(weights, rows, int(settings["products"]), Caution(*settings["caution"]), tuple(settings["notes"]))


def gram(known: KnownGraph, rows: Rows) -> Floats:
    """[m, m] how many users chose both products, pairs far apart in a history counting half where the order is known."""
    chosen = known.matrix[:, rows]
    whole: Floats = (chosen.T @ chosen).toarray().astype(np.float32)
    if not _ordered(known):
        return whole
    pairs = _ANYWHERE * whole + (1 - _ANYWHERE) * near(known.histories(), rows, len(known.products)).toarray()
    pairs[np.diag_indices(len(rows))] = np.diag(whole)
    return np.asarray(pairs, dtype=np.float32)


def _ordered(known: KnownGraph) -> bool:
    return known.interactions.ordered and not splits.at_once(known.interactions)


def near(histories: Histories, rows: Rows, products: int) -> sp.csr_matrix:
    """[m, m] symmetric: exp(−d / 10) summed over users for products d ≤ 40 places apart; in large data fewer places."""
    user = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
    place = np.full(products, -1, dtype=np.int32)
    place[rows] = np.arange(len(rows))
    column = place[histories.product]
    window = min(_WINDOW, len(user) - 1, max(1, _PAIRS // max(len(user), 1)))
    shape = (len(rows), len(rows))
    found = sp.coo_matrix((np.zeros(0, dtype=np.float32), (column[:0], column[:0])), shape=shape).tocsr()
    for apart in range(1, window + 1):
        same = (user[apart:] == user[:-apart]) & (column[apart:] >= 0) & (column[:-apart] >= 0)
        weights = np.full(int(same.sum()), np.exp(-apart / _NEARNESS), dtype=np.float32)
        found = found + sp.coo_matrix((weights, (column[:-apart][same], column[apart:][same])), shape=shape).tocsr()
    both: sp.csr_matrix = (found + found.T).tocsr()
    return both


def _sparse(weights: Floats) -> sp.csr_matrix:
    """The largest weights of every row by size; all of them where there are few."""
    if len(weights) > 4 * _KEPT:
        least = np.partition(np.abs(weights), -_KEPT, axis=1)[:, -_KEPT, None]
        weights = np.where(np.abs(weights) >= least, weights, 0)
    found: sp.csr_matrix = sp.csr_matrix(weights)
    return found


def _best_caution(known: KnownGraph, seed: int) -> Caution:
    """The caution with the best NDCG@20 on an inner cut of at most 1,000 users; the default where that would take long."""
    products = int(known.warm.sum())
    default = Caution(_DEFAULT_LOCAL_PENALTY if products > LIMIT else _DEFAULT_PENALTY, _DROPOUT)
    if products > _TRIED_UP_TO:
        return default
    try:
        cut = splits.inner_cut(known, seed).sample(1_000, seed)
    except NothingToLearn:
        return default
    rows = np.flatnonzero(cut.known.warm).astype(np.int64)
    pairs, chosen, truth = gram(cut.known, rows), cut.known.matrix[cut.users][:, rows], cut.truth[:, rows]
    seen = chosen.toarray() > 0

    def quality(caution: Caution) -> float:
        scores: Floats = np.where(seen, -np.inf, chosen @ dense(pairs, caution)).astype(np.float32)
        return float(ndcg(hits(top(scores, 20), truth), counts(truth)).mean())

    return max(_CAUTIONS, key=quality)
