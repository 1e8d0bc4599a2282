"""Graph filters: what neighbours of neighbours chose, exactly, and what the graph's smoothest waves say. Nothing is trained."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import product as combinations
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp

from graphrec.lowrank import leading
from graphrec.scorers import FitContext, State, Term
from graphrec.tensors import Floats, Histories, KnownGraph
from graphrec.trials import Trial, faded

_MOST_VECTORS = 512
_WORK, _HELD = 2e10, 1 << 26
"""(users + products) · vectors², and products · vectors, at most: 10 s of processor time, 256 MB."""
_MET = 16_000_000
"""Nearnesses held at a time, histories × users."""
_SAMPLED = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """The choices of a `Spectral`; the defaults did well on data of four kinds."""

    fading: float = 0.0
    """The product at place j from the end of a history weighs (1 + j)^−fading: larger trusts the latest more."""
    before: float = 0.5
    """p: larger trusts rare products of the history more."""
    after: float = 0.2
    """q: larger recommends rare products more."""
    share: float = 0.3
    """α: typical size of the smooth part beside the exact part's."""
    bend: float = 0.0
    """h(σ) = σ^bend: 0 is an ideal low-pass, larger trusts the smoothest waves more."""
    low_before: float = 0.2
    """b, as p, for the smooth part."""
    low_after: float = 0.0
    """c, as q, for the smooth part."""


_NEAR = ((0.5, 0.2), (0.5, 0.0), (0.75, 0.35), (1.0, 0.5))
_LOW = ((0.2, 0.0), (0.0, -0.2))
_FADINGS = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class Spectral:
    """score(x) = x D^−p Rᵀ E^−½ R D^−q + α · x D^−b V h(σ) Vᵀ D^−c for a history x of products chosen before.

    R is who chose what, D and E the degrees of products and users; V and σ the leading right singular vectors and values of
    E^−¼ R D^−½. The first summand is a linear filter, the second a low-pass one: GF-CF (Shen et al., "How Powerful is Graph
    Convolution for Recommendation?", CIKM 2021, arXiv:2108.07567) and, with exponents of the degrees, ChebyCF (Kim et al., "Graph
    Spectral Filtering with Chebyshev Interpolation for Recommendation", SIGIR 2025, arXiv:2505.00552); free exponents of the walk
    are those of RP3β (Paudel et al., ACM TiiS 2017). No product-by-product matrix is made: the exact part is two sparse products.
    """

    name: ClassVar[str] = "spectral"
    chosen: sp.csr_matrix
    """[users, products] float32 R."""
    vectors: Floats
    """[products, r] V."""
    values: Floats
    """[r] σ, falling, the largest 1."""
    filter: Filter
    scale: float
    """α in the unit of the two parts."""
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
        made = cls(known.matrix, vectors, values / values.max(initial=1e-9), chosen, 1.0, notes)
        return replace(made, scale=chosen.share * made._ratio(known, seed))

    @classmethod
    def cost(cls, known: KnownGraph) -> float:
        """Processor seconds of one fit: mostly the orthonormal bases."""
        size = len(known.users) + len(known.products)
        return 0.2 + 8e-10 * size * _rank(known) ** 2 + 6e-6 * known.matrix.nnz

    def score(self, histories: Histories) -> Floats:
        """[b, products]; -inf for products nobody chose."""
        scores = self.near(histories)
        scores *= self.degrees**-self.filter.after
        scores += self.low(histories, self.scale)
        scores[:, ~self.warm] = -np.inf
        return scores

    def near(self, histories: Histories) -> Floats:
        """[b, products] x D^−p Rᵀ E^−½ R."""
        reached = np.zeros((len(histories), self.chosen.shape[1]), dtype=np.float32)
        done = 0
        for some in histories.batches(max(1, _MET // self.chosen.shape[0])):
            met = (self._start(some, self.filter.before) @ self.choosers).toarray() * self.gentle  # [b, users]
            reached[done : done + len(some)] = (self.choosers @ met.T).T
            done += len(some)
        return reached

    def low(self, histories: Histories, scale: float) -> Floats:
        """[b, products] scale · x D^−b V h(σ) Vᵀ D^−c."""
        waves = (self._start(histories, self.filter.low_before) @ self.vectors) * (scale * self.values**self.filter.bend)
        return np.asarray((waves @ self.vectors.T) * self.degrees**-self.filter.low_after, dtype=np.float32)

    def terms(self, history: Histories, product: int) -> Sequence[Term]:
        """What every product of the history adds; nothing for a product nobody chose."""
        if not self.warm[product]:
            return ()
        rows, weights, filter_ = history.product, faded(history, self.filter.fading), self.filter
        who = self.choosers[product].indices
        near = self.choosers[rows][:, who] @ self.gentle[who]
        near *= self.degrees[rows] ** -filter_.before * self.degrees[product] ** -filter_.after
        low = self.vectors[rows] @ (self.vectors[product] * self.values**filter_.bend * self.scale)
        low *= self.degrees[rows] ** -filter_.low_before * self.degrees[product] ** -filter_.low_after
        amounts = weights * (near + low)
        return [Term(int(row), "INTERACTED", float(one)) for row, one in zip(rows, amounts, strict=True) if one]

    def state(self) -> State:
        """Who chose what, V, σ and the filter."""
        arrays = {
            "indices": self.chosen.indices,
            "indptr": self.chosen.indptr,
            "vectors": self.vectors,
            "values": self.values,
        }
        return State(arrays, {"filter": asdict(self.filter), "scale": self.scale, "notes": list(self.notes)})

    @classmethod
    def restore(cls, state: State) -> Self:
        """The scorer that `state` came from."""
        indices, indptr, vectors, values = (np.asarray(state.arrays[x]) for x in ("indices", "indptr", "vectors", "values"))
        ones = np.ones(len(indices), dtype=np.float32)
        chosen = sp.csr_matrix((ones, indices, indptr), shape=(len(indptr) - 1, len(vectors)))
        settings = state.settings
        return cls(chosen, vectors, values, Filter(**settings["filter"]), float(settings["scale"]), tuple(settings["notes"]))

    @cached_property
    def choosers(self) -> sp.csr_matrix:
        """[products, users] Rᵀ."""
        return self.chosen.T.tocsr()

    @cached_property
    def gentle(self) -> Floats:
        """[users] E^−½."""
        return np.asarray(np.maximum(np.diff(self.chosen.indptr), 1) ** -0.5, dtype=np.float32)

    @cached_property
    def degrees(self) -> Floats:
        """[products] how many chose each; 1 for those that nobody chose."""
        return np.maximum(np.diff(self.choosers.indptr), 1).astype(np.float32)

    @cached_property
    def warm(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """[products] True where somebody chose the product."""
        return np.asarray(np.diff(self.choosers.indptr) > 0)

    def _start(self, histories: Histories, power: float) -> sp.csr_matrix:
        """[b, products] x D^−power."""
        start = histories.matrix(self.chosen.shape[1])
        start.data = faded(histories, self.filter.fading) * self.degrees[histories.product] ** -power
        return start

    def _ratio(self, known: KnownGraph, seed: int) -> float:
        """The spread of the exact part's scores over that of the smooth part's, over some users."""
        rows = np.random.default_rng(seed).permutation(len(known.users))[:_SAMPLED]
        some = known.histories(np.sort(rows))
        near = (self.near(some) * self.degrees**-self.filter.after)[:, self.warm].std(axis=1).mean()
        low = self.low(some, 1.0)[:, self.warm].std(axis=1).mean()
        return float(near / low) if low > 0 else 0.0


def _chosen(trial: Trial, seed: int) -> Filter:
    """First the exact part alone, then what the smooth part adds; one decomposition serves all."""
    made = Spectral.fit_with(trial.known, seed, Filter())
    fadings = _FADINGS if trial.known.interactions.ordered else _FADINGS[:1]
    usual = replace(made.filter, share=0.0)

    def exact(batch: Histories) -> Iterator[tuple[Filter, Floats]]:
        for fading, before in combinations(fadings, dict.fromkeys(before for before, _ in _NEAR)):
            tried = replace(made, filter=replace(usual, fading=fading, before=before))
            near = tried.near(batch)
            for after in (after for one, after in _NEAR if one == before):
                yield replace(tried.filter, after=after), near * made.degrees**-after

    found = trial.best(usual, exact)
    smooth = [
        replace(found, bend=bend, low_before=before, low_after=after) for bend, (before, after) in combinations((0.0, 1.0), _LOW)
    ]
    ratios = {one: replace(made, filter=one)._ratio(trial.known, seed) for one in smooth}

    def both(batch: Histories) -> Iterator[tuple[Filter, Floats]]:
        near = replace(made, filter=found).near(batch) * made.degrees**-found.after
        yield found, near.copy()
        for one in smooth:
            low = replace(made, filter=one).low(batch, ratios[one])
            for share in (0.3, 1.0):
                yield replace(one, share=share), near + share * low

    return trial.best(replace(found, share=Filter().share), both)


def _rank_of(known: KnownGraph) -> int:
    return max(1, min(len(known.users), int(known.warm.sum())) // 8)


def _rank(known: KnownGraph) -> int:
    size = len(known.users) + len(known.products)
    return max(1, min(_MOST_VECTORS, _rank_of(known), int((_WORK / size) ** 0.5), _HELD // len(known.products)))


def _normalised(chosen: sp.csr_matrix) -> sp.csr_matrix:
    """E^−¼ R D^−½."""
    users, products = np.diff(chosen.indptr), np.diff(chosen.tocsc().indptr)
    scaled: sp.csr_matrix = chosen.copy()
    scaled.data = (np.repeat(users, users) ** -0.25 * products[chosen.indices] ** -0.5).astype(np.float32)
    return scaled
