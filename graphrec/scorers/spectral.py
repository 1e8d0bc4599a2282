"""Graph filters: what neighbours of neighbours chose, exactly, and what the graph's smoothest waves say. Nothing is trained."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product as combinations
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp

from graphrec.degrees import Degrees
from graphrec.lowrank import leading
from graphrec.scorers import FitContext, State, Term
from graphrec.tensors import Floats, Histories, KnownGraph
from graphrec.trials import Trial, faded

_MOST_VECTORS = 512
_WORK, _HELD = 2e10, 1 << 26
"""(users + products) · vectors², and products · vectors, at most: 10 s of processor time, 256 MB."""
_MET = 16_000_000
"""Nearnesses held at a time, histories × users."""


@dataclass(frozen=True, slots=True)
class Filter:
    """The choices of a `Spectral`; the defaults are those that were published for the widest of the sets they were tried on."""

    fading: float = 0.0
    """The product at place j from the end of a history weighs (1 + j)^−fading: larger trusts the latest more."""
    beta: float = 0.4
    """β: larger trusts rare products of the history more, and recommends popular ones more."""
    share: float = 0.3
    """α: larger lifts the smooth waves more over the rest."""


_BETAS, _SHARES = (0.4, 0.2, 0.0), (0.3, 0.0, 0.6, 1.0)
_FADINGS = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class Spectral(Degrees):
    """score(x) = x D^−β h(P) D^β, P = D^−½ Rᵀ E^−1 R D^−½, for a history x of products chosen before.

    R is who chose what, D and E the degrees of products and users. h(λ) = λ + α(1 − λ) for the up to 512 leading eigenvalues of P
    and λ for the others, a plateau with a linear slope: x D^−β (P + α V (I − Λ) Vᵀ) D^β. GF-CF (Shen et al., "How Powerful is
    Graph Convolution for Recommendation?", CIKM 2021, arXiv:2108.07567) lifts all leading waves alike and has β = 0 but for them;
    the plateau and β are of ChebyCF (Kim et al., "Graph Spectral Filtering with Chebyshev Interpolation for Recommendation",
    SIGIR 2025, arXiv:2505.00552). No product-by-product matrix is made: P is two sparse products.
    """

    name: ClassVar[str] = "spectral"
    chosen: sp.csr_matrix
    """[users, products] float32 R."""
    vectors: Floats
    """[products, r] V."""
    values: Floats
    """[r] √Λ, falling, the largest 1."""
    filter: Filter
    notes: tuple[str, ...] = ()

    @classmethod
    def fit(cls, known: KnownGraph, context: FitContext) -> Self:
        """The filter that ranks an inner cut best; the default one unless another is clearly better."""
        trial = Trial.of(known, context.seed)
        chosen = Filter() if trial is None else _chosen(trial, context.seed)
        return cls.fit_with(known, context.seed, chosen)

    def refit(self, known: KnownGraph, context: FitContext) -> Self:
        """The same filter on this graph."""
        return self.fit_with(known, context.seed, self.filter)

    @classmethod
    def fit_with(cls, known: KnownGraph, seed: int, chosen: Filter) -> Self:
        """This filter on this graph."""
        rank = _rank(known)
        wanted = min(_MOST_VECTORS, _rank_of(known))
        notes = (f"spectral: {rank} singular vectors instead of {wanted}: the graph is large",) if rank < wanted else ()
        values, vectors = leading(_normalised(known.matrix), rank, seed)
        return cls(known.matrix, vectors, values / values.max(initial=1e-9), chosen, notes)

    @classmethod
    def cost(cls, known: KnownGraph) -> float:
        """Processor seconds of one fit: mostly the orthonormal bases."""
        size = len(known.users) + len(known.products)
        return 0.2 + 8e-10 * size * _rank(known) ** 2 + 6e-6 * known.matrix.nnz

    @classmethod
    def memory(cls, known: KnownGraph) -> float:
        """Bytes of a fit at its height, roughly: the bases a few times over."""
        size = len(known.users) + len(known.products)
        return 5e7 + 12 * size * _rank(known) + 60 * len(known.interactions)

    def score(self, histories: Histories) -> Floats:
        """[b, products]; -inf for products nobody chose."""
        scores = self.near(histories)
        if self.filter.share:
            scores += self.filter.share * self.smooth(histories)
        scores[:, ~self.warm] = -np.inf
        return scores

    def near(self, histories: Histories) -> Floats:
        """[b, products] x D^−β P D^β."""
        reached = np.zeros((len(histories), self.chosen.shape[1]), dtype=np.float32)
        done = 0
        for some in histories.batches(max(1, _MET // self.chosen.shape[0])):
            met = (self._start(some, self.filter.beta + 0.5) @ self.choosers).toarray() / self.lengths  # [b, users]
            reached[done : done + len(some)] = (self.choosers @ met.T).T
            done += len(some)
        reached *= self.degrees ** (self.filter.beta - 0.5)
        return reached

    def smooth(self, histories: Histories) -> Floats:
        """[b, products] x D^−β V (I − Λ) Vᵀ D^β."""
        waves = (self._start(histories, self.filter.beta) @ self.vectors) * (1 - self.values**2)
        return np.asarray((waves @ self.vectors.T) * self.degrees**self.filter.beta, dtype=np.float32)

    def terms(self, history: Histories, product: int) -> Sequence[Term]:
        """What every product of the history adds; nothing for a product nobody chose."""
        if not self.warm[product]:
            return ()
        rows, weights, beta = history.product, faded(history, self.filter.fading), self.filter.beta
        who = self.choosers[product].indices
        near = self.choosers[rows][:, who] @ (1 / self.lengths[who])
        near *= (self.degrees[rows] * self.degrees[product]) ** -0.5
        smooth = self.vectors[rows] @ (self.vectors[product] * (1 - self.values**2))
        amounts = weights * (self.degrees[product] / self.degrees[rows]) ** beta * (near + self.filter.share * smooth)
        return [Term(int(row), "INTERACTED", float(one)) for row, one in zip(rows, amounts, strict=True) if one]

    def state(self) -> State:
        """Who chose what, V, √Λ and the filter."""
        arrays = {
            "indices": self.chosen.indices,
            "indptr": self.chosen.indptr,
            "vectors": self.vectors,
            "values": self.values,
        }
        return State(arrays, {"filter": asdict(self.filter), "notes": list(self.notes)})

    @classmethod
    def restore(cls, state: State) -> Self:
        """The scorer that `state` came from."""
        indices, indptr, vectors, values = (np.asarray(state.arrays[x]) for x in ("indices", "indptr", "vectors", "values"))
        ones = np.ones(len(indices), dtype=np.float32)
        chosen = sp.csr_matrix((ones, indices, indptr), shape=(len(indptr) - 1, len(vectors)))
        settings = state.settings
        return cls(chosen, vectors, values, Filter(**settings["filter"]), tuple(settings["notes"]))

    def _start(self, histories: Histories, power: float) -> sp.csr_matrix:
        """[b, products] x D^−power."""
        start = histories.matrix(self.chosen.shape[1])
        start.data = faded(histories, self.filter.fading) * self.degrees[histories.product] ** -power
        return start


def _chosen(trial: Trial, seed: int) -> Filter:
    """The filter that ranks the trial's users best; one decomposition serves all."""
    made = Spectral.fit_with(trial.known, seed, Filter())
    fadings = _FADINGS if trial.known.interactions.ordered else _FADINGS[:1]

    def scored(batch: Histories) -> Iterator[tuple[Filter, Floats]]:
        for fading, beta in combinations(fadings, _BETAS):
            tried = replace(made, filter=Filter(fading, beta))
            near, smooth = tried.near(batch), tried.smooth(batch)
            for share in _SHARES:
                yield replace(tried.filter, share=share), near + np.float32(share) * smooth

    return trial.best(Filter(), scored)


def _rank_of(known: KnownGraph) -> int:
    return max(1, min(len(known.users), int(known.warm.sum())) // 8)


def _rank(known: KnownGraph) -> int:
    size = len(known.users) + len(known.products)
    return max(1, min(_MOST_VECTORS, _rank_of(known), int((_WORK / size) ** 0.5), _HELD // len(known.products)))


def _normalised(chosen: sp.csr_matrix) -> sp.csr_matrix:
    """E^−½ R D^−½, whose squared singular values and right singular vectors are Λ and V."""
    users, products = np.diff(chosen.indptr), np.diff(chosen.tocsc().indptr)
    scaled: sp.csr_matrix = chosen.copy()
    scaled.data = (np.repeat(users, users) ** -0.5 * products[chosen.indices] ** -0.5).astype(np.float32)
    return scaled
