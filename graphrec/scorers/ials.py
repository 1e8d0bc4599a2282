"""Implicit alternating least squares: users and products as factors, every product nobody chose a weak zero."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp
import torch

from graphrec import splits
from graphrec.errors import NothingToLearn
from graphrec.metrics import counts, hits, ndcg, top
from graphrec.scorers import FitContext, State
from graphrec.tensors import Floats, Histories, KnownGraph, Rows

_SMALL_DIM, _DIM, _SWEEPS = 64, 96, 5
"""Factors of a graph of up to `_TRIED_UP_TO` interactions, of a larger one, and how often both sides are solved."""
_PENALTIES = (0.003, 0.01, 0.03)
_DEFAULT_PENALTY = 0.01
_UNSEEN = 6.0
"""α₀ · products of a system over the mean length of a history: what all the zeros of a user weigh beside the ones."""
_TRIED_UP_TO = 100_000
"""Interactions up to which every penalty is tried on a cut."""
_CELLS = 4_000_000
"""Factors gathered, and cells of systems held, at a time: 16 MB each."""


@dataclass(frozen=True)
class Ials:
    """score(user, i) = ⟨u, v_i⟩ where U, V minimise Σ_{chosen} (1 − ⟨u, v⟩)² + α₀ Σ_{all} ⟨u, v⟩² + λ Σ_u (c_u + α₀ n)‖u‖² + ….

    c counts the choices of a user or product, n the products or users on the other side, so that frequent rows are held as
    firmly as rare ones. A user's factors are one exact solution over the history: strangers are folded in as known users are.
    Products nobody chose are not scored (-inf).

    Source: Rendle, Krichene, Zhang, Koren, "Revisiting the Performance of iALS on Item Recommendation Benchmarks", RecSys 2022
    (arXiv:2110.14037), with ν = 1; Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008.
    """

    name: ClassVar[str] = "ials"
    factors: Floats
    """[m, d] V of the products somebody chose."""
    rows: Rows
    """[m] their product rows, rising."""
    products: int
    unseen: float
    """α₀, the weight of a product that was not chosen beside 1 of a chosen one."""
    penalty: float
    """λ; larger is more cautious."""

    @classmethod
    def fit(cls, known: KnownGraph, context: FitContext) -> Self:
        """The factors for the λ that ranks an inner cut best (small graphs), else for the default one."""
        return cls._made(known, _best_penalty(known, context.seed), context.seed)

    def refit(self, known: KnownGraph, context: FitContext) -> Self:
        """The factors of this graph for the same λ."""
        return self._made(known, self.penalty, context.seed)

    @classmethod
    def cost(cls, known: KnownGraph) -> float:
        """Processor seconds of one fit, roughly: a system of d × d for every user and product, and a gather for every choice."""
        small = len(known.interactions) <= _TRIED_UP_TO
        sweeps = _SWEEPS * (1 + len(_PENALTIES) if small else 2.2)  # 96 factors take 2.2 times as long as 64
        return sweeps * (2e-5 * (len(known.users) + int(known.warm.sum())) + 2.5e-6 * len(known.interactions))

    @classmethod
    def memory(cls, known: KnownGraph) -> float:
        """Bytes of a fit at its height, roughly: factors a few times over, and what is gathered of them at a time."""
        return 1.3e8 + 20 * _DIM * (len(known.users) + int(known.warm.sum())) + 60 * len(known.interactions)

    @classmethod
    def _made(cls, known: KnownGraph, penalty: float, seed: int) -> Self:
        rows = np.flatnonzero(known.warm).astype(np.int64)
        chosen = known.matrix[:, rows].tocsr()
        unseen = _UNSEEN * chosen.nnz / max(chosen.shape[0] * chosen.shape[1], 1)
        return cls(_factors(chosen, unseen, penalty, seed), rows, len(known.products), unseen, penalty)

    def score(self, histories: Histories) -> Floats:
        """[b, products]; -inf for products nobody chose."""
        scores = np.full((len(histories), self.products), -np.inf, dtype=np.float32)
        users = solved(histories.matrix(self.products)[:, self.rows], self.factors, self.unseen, self.penalty)
        scores[:, self.rows] = users @ self.factors.T
        return scores

    def state(self) -> State:
        """V, the rows it is over, α₀ and λ."""
        settings = {"products": self.products, "unseen": self.unseen, "penalty": self.penalty}
        return State({"factors": self.factors, "rows": self.rows}, settings)

    @classmethod
    def restore(cls, state: State) -> Self:
        """The scorer that `state` came from."""
        factors, rows, settings = np.asarray(state.arrays["factors"]), np.asarray(state.arrays["rows"]), state.settings
        return cls(factors, rows, int(settings["products"]), float(settings["unseen"]), float(settings["penalty"]))


def solved(chosen: sp.csr_matrix, factors: Floats, unseen: float, penalty: float) -> Floats:
    """[r, d] for every row of `chosen` the u that minimises its part of the equation of `Ials`; zeros for an empty row.

    u = (Σ_{chosen} v vᵀ + α₀ VᵀV + λ (c + α₀ n) I)⁻¹ Σ_{chosen} v. chosen: [r, n]; factors: [n, d] V.
    """
    size, dim = factors.shape
    others = torch.from_numpy(factors)
    everywhere = unseen * (others.T @ others)
    lengths = np.diff(chosen.indptr)
    found = np.zeros((chosen.shape[0], dim), dtype=np.float32)
    for rows in _alike(lengths, dim):
        place = np.arange(lengths[rows[-1]])
        held = place < lengths[rows, None]  # [r, longest]
        at = np.where(held, chosen.indptr[rows, None] + place, 0)
        given = others[torch.from_numpy(chosen.indices[at].astype(np.int64))]
        given *= torch.from_numpy(held)[:, :, None]  # [r, longest, d]
        systems = torch.baddbmm(everywhere, given.transpose(1, 2), given)  # [r, d, d]
        firm = torch.from_numpy((penalty * (lengths[rows] + unseen * size)).astype(np.float32))
        systems.diagonal(dim1=1, dim2=2).add_(firm[:, None])
        lower = torch.linalg.cholesky(systems)
        found[rows] = torch.cholesky_solve(given.sum(1)[:, :, None], lower)[:, :, 0].numpy()
    return found


def _alike(lengths: Rows, dim: int) -> list[Rows]:
    """The rows that are not empty, shortest first, in groups as large as `_CELLS` allow."""
    order = np.argsort(lengths, kind="stable")
    order, groups = order[lengths[order] > 0], []
    while len(order):
        longest = np.maximum(lengths[order], dim)
        fits = np.arange(1, len(order) + 1) * longest * dim <= _CELLS
        size = max(1, int(fits.sum()))
        groups.append(order[:size])
        order = order[size:]
    return groups


def _factors(chosen: sp.csr_matrix, unseen: float, penalty: float, seed: int) -> Floats:
    """[m, d] V after the sweeps, from small random ones; d is no larger than the smaller side of `chosen`."""
    dim = max(1, min(_SMALL_DIM if chosen.nnz <= _TRIED_UP_TO else _DIM, *chosen.shape))
    start = np.random.default_rng(seed).standard_normal((chosen.shape[1], dim))
    products: Floats = (0.1 / np.sqrt(dim) * start).astype(np.float32)
    turned = chosen.T.tocsr()
    for _ in range(_SWEEPS):
        products = solved(turned, solved(chosen, products, unseen, penalty), unseen, penalty)
    return products


def _best_penalty(known: KnownGraph, seed: int) -> float:
    """The λ with the best NDCG@20 on an inner cut of at most 1,000 users; the default where that would take long."""
    if len(known.interactions) > _TRIED_UP_TO:
        return _DEFAULT_PENALTY
    try:
        cut = splits.inner_cut(known, seed).sample(1_000, seed)
    except NothingToLearn:
        return _DEFAULT_PENALTY
    seen = cut.histories.matrix(len(known.products)).nonzero()

    def quality(penalty: float) -> float:
        scores = Ials._made(cut.known, penalty, seed).score(cut.histories)
        scores[seen] = -np.inf
        return float(ndcg(hits(top(scores, 20), cut.truth), counts(cut.truth)).mean())

    return max(_PENALTIES, key=quality)
