"""How often a product was chosen, what came lately counting for more where times are known."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from graphrec.scorers import FitContext, State
from graphrec.tensors import Floats, Histories, Interactions, KnownGraph

_HALF_LIVES = (np.inf, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64)
"""Shares of the data's span after which a choice counts half; the one that foretells the latest tenth best is taken."""


@dataclass(frozen=True)
class Popularity:
    """score(user, i) = log Σ over choices of i of 0.5^(age / half-life): the same for everybody.

    Products nobody chose are not scored (-inf). Without times every choice counts one.
    """

    name: ClassVar[str] = "popularity"
    scores: Floats
    """[products], -inf where nobody chose the product."""
    half_life: float
    """Seconds; inf where age does not count."""

    @classmethod
    def fit(cls, known: KnownGraph, context: FitContext) -> Self:  # noqa: ARG003
        """Counts of this graph, with the half-life that foretells its latest choices best."""
        products = len(known.products)
        half_life = _best_half_life(known.interactions, products)
        weights = decayed(known.interactions.at, half_life)
        counts = np.bincount(known.interactions.product, weights, minlength=products)
        with np.errstate(divide="ignore"):
            scores = np.where(known.warm, np.log(np.maximum(counts, 1e-6)), -np.inf)
        return cls(scores.astype(np.float32), half_life)

    def score(self, histories: Histories) -> Floats:
        """[b, products] log counts, -inf where nobody chose the product."""
        return np.repeat(self.scores[None, :], len(histories), axis=0)

    def state(self) -> State:
        """The scores and the half-life."""
        return State({"scores": self.scores}, {"half_life": None if np.isinf(self.half_life) else self.half_life})

    @classmethod
    def restore(cls, state: State) -> Self:
        """The scorer that `state` came from."""
        half_life = state.settings["half_life"]
        return cls(np.asarray(state.arrays["scores"]), np.inf if half_life is None else float(half_life))


def decayed(at: npt.NDArray[np.float64], half_life: float) -> npt.NDArray[np.float64]:
    """0.5^(age / half_life) with ages from the latest moment; 1 everywhere for an infinite half-life.

    at: [m] epoch seconds; an unknown time (NaN) counts as the median one.

    Example:
        >>> decayed(np.array([0.0, 10.0]), 10.0).tolist()
        [0.5, 1.0]
    """
    if np.isinf(half_life) or np.isnan(at).all():
        return np.ones(len(at))
    ages = np.nanmax(at) - at
    return np.asarray(0.5 ** (np.where(np.isnan(ages), np.nanmedian(ages), ages) / half_life))


def _best_half_life(chosen: Interactions, products: int) -> float:
    """The half-life under which the earlier nine tenths give the latest tenth the highest likelihood; inf without times."""
    if not len(chosen) or np.isnan(chosen.at).mean() > 0.5:
        return np.inf
    known = chosen.take(~np.isnan(chosen.at))
    later = known.at > np.quantile(known.at, 0.9)
    span = float(known.at.max() - known.at.min())
    if not later.any() or not span:
        return np.inf
    before, after = known.take(~later), np.bincount(known.product[later], minlength=products)

    def likelihood(share: float) -> float:
        counts = np.bincount(before.product, decayed(before.at, share * span), minlength=products)
        smooth = 0.01 * counts.sum() / products
        return float(after @ np.log((counts + smooth) / (counts + smooth).sum()))

    return max(_HALF_LIVES, key=likelihood) * span
