"""How many places of a list go to products that nobody chose yet: an offset on their scores, and what it costs the others."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from graphrec.batches import by_batch
from graphrec.metrics import counts
from graphrec.tensors import Floats, Histories, KnownGraph, Rows
from graphrec.weighing import K

Score = Callable[[Histories], Floats]
_BORNE = 0.01
"""The share of the chosen products' NDCG that new ones may cost."""
_STEPS = tuple(0.7**times for times in range(12))
"""Shares of what is asked that are tried, the largest first."""


@dataclass(frozen=True, slots=True)
class Heads:
    """The K best of the chosen products and the K best of the new ones for some users, best first."""

    warm: Floats
    """[u, K] scores; -inf where there are fewer."""
    cold: Floats
    """[u, K] scores; -inf where there are fewer."""
    hits: npt.NDArray[np.bool_]
    """[u, K] True where the chosen product was chosen later, where that is known."""
    wanted: Rows
    """[u] how many chosen products were chosen later."""

    @classmethod
    def of(cls, score: Score, known: KnownGraph, histories: Histories, truth: sp.csr_matrix | None = None) -> Self:
        """The heads of these users' lists. truth: [u, products] ones, what they chose later."""
        products = len(known.products)
        told = Histories.of([[]] * len(histories)).matrix(products) if truth is None else truth
        later = sp.csr_matrix(told.multiply(known.warm.astype(np.float32)))
        later.eliminate_zeros()

        def heads(place: slice, batch: Histories) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
            scores = score(batch)
            scores[np.repeat(np.arange(len(batch)), np.diff(batch.indptr)), batch.product] = -np.inf
            warm, which = _best(np.where(known.warm & known.listed, scores, -np.inf))
            cold, _ = _best(np.where(~known.warm & known.listed, scores, -np.inf))
            return warm, cold, np.take_along_axis(later[place].toarray() > 0, which, axis=1)

        parts = [found for _, found in by_batch(heads, histories, products)]
        warm, cold, hits = (np.concatenate(column) for column in zip(*parts, strict=True))
        return cls(warm, cold, hits & np.isfinite(warm), counts(later))

    def offset(self, share: float) -> float:
        """What to add to the scores of new products so that they take this share of the K best places.

        The j-th best new product (c_j) is among the K best of all iff c_j + offset > w_{K+1−j}, the chosen one it pushes out, so
        the offset is a quantile of w_{K+1−j} − c_j over users and j.
        """
        with np.errstate(invalid="ignore"):
            apart = self.warm[:, ::-1] - self.cold
        ordered = np.sort(np.nan_to_num(apart, nan=np.inf, posinf=np.inf, neginf=-1e3).ravel())
        found = ordered[min(int(share * len(ordered)), len(ordered) - 1)]
        return float(found) if np.isfinite(found) else float(ordered[np.isfinite(ordered)].max(initial=0.0))

    def quality(self, offset: float = -np.inf) -> float:
        """Mean NDCG@K of the chosen products where new ones with this offset stand among them."""
        above = (self.cold[:, None, :] + offset > self.warm[:, :, None]).sum(axis=2)  # [u, K]
        places = np.arange(K) + above
        gained = (np.where(self.hits & (places < K), 1 / np.log2(places + 2.0), 0.0)).sum(axis=1)
        ideal = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(K) + 2.0))])[np.minimum(self.wanted, K)]
        return float(np.mean(gained[self.wanted > 0] / ideal[self.wanted > 0])) if self.wanted.any() else 0.0


def bearable(heads: Heads, share: float) -> float:
    """The share itself, or the largest part of it that costs the chosen products no more than a hundredth of their NDCG@K."""
    least = (1 - _BORNE) * heads.quality()
    return next((part * share for part in _STEPS if heads.quality(heads.offset(part * share)) >= least), 0.0)


def _best(scores: Floats) -> tuple[Floats, Rows]:
    """[b, K] the K highest scores, best first, -inf where there are fewer, and [b, K] their columns."""
    size = min(K, scores.shape[1])
    best = torch.topk(torch.from_numpy(scores), size, dim=1)
    missing = ((0, 0), (0, K - size))
    return np.pad(best.values.numpy(), missing, constant_values=-np.inf), np.pad(best.indices.numpy(), missing)
