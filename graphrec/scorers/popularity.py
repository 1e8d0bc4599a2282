"""How many took up a product of those who could, what came lately counting for more where times are known."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from graphrec.fashions import decayed, first_choices
from graphrec.scorers import FitContext, State
from graphrec.tensors import Floats, Histories, Interactions, KnownGraph

_HALF_LIVES = (np.inf, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64)
"""Shares of the data's span after which a choice counts half; the one that foretells the latest tenth best is taken."""


@dataclass(frozen=True)
class Popularity:
    """score(user, i) = log(Σ over users who took up i of 0.5^(age / half-life) / users who have not): the same for everybody.

    A user takes up a product once, when choosing it first, so that the score is a rate among those to whom it could still be
    recommended: what nearly everybody has already is not news to the rest. Products nobody chose are not scored (-inf). Without
    times every first choice counts one.
    """

    name: ClassVar[str] = "popularity"
    scores: Floats
    """[products], -inf where nobody chose the product."""
    half_life: float
    """Seconds; inf where age does not count."""

    @classmethod
    def fit(cls, known: KnownGraph, context: FitContext) -> Self:  # noqa: ARG003
        """Rates of this graph, with the half-life that foretells its latest choices best."""
        first = first_choices(known.interactions, len(known.products))
        half_life = _best_half_life(first, len(known.products))
        rates = _rates(first, half_life, len(known.users), len(known.products))
        with np.errstate(divide="ignore"):
            scores = np.where(known.warm, np.log(np.maximum(rates, 1e-9)), -np.inf)
        return cls(scores.astype(np.float32), half_life)

    @classmethod
    def cost(cls, known: KnownGraph) -> float:
        """Processor seconds of one fit: a few counts."""
        return 0.01 + 4e-7 * len(known.interactions)

    @classmethod
    def memory(cls, known: KnownGraph) -> float:
        """Bytes of a fit at its height, roughly."""
        return 1e7 + 60 * len(known.interactions)

    def score(self, histories: Histories) -> Floats:
        """[b, products] log rates, -inf where nobody chose the product."""
        return np.repeat(self.scores[None, :], len(histories), axis=0)

    def state(self) -> State:
        """The scores and the half-life."""
        return State({"scores": self.scores}, {"half_life": None if np.isinf(self.half_life) else self.half_life})

    @classmethod
    def restore(cls, state: State) -> Self:
        """The scorer that `state` came from."""
        half_life = state.settings["half_life"]
        return cls(np.asarray(state.arrays["scores"]), np.inf if half_life is None else float(half_life))


def _rates(first: Interactions, half_life: float, users: int, products: int) -> npt.NDArray[np.float64]:
    """[products] decayed first choices a user who has not chosen the product."""
    counts = np.bincount(first.product, decayed(first.at, half_life), minlength=products)
    return np.asarray(counts / (users + 1 - np.bincount(first.product, minlength=products)))


def _best_half_life(first: Interactions, products: int) -> float:
    """The half-life under which the earlier nine tenths make the latest tenth the likeliest; inf without times.

    Not the one whose list's head foretells it best: that one is shorter, follows single hits, and lost on MovieLens-100K what it
    won on Complete Journey.
    """
    if not len(first) or np.isnan(first.at).mean() > 0.5:
        return np.inf
    known = first.take(~np.isnan(first.at))
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
