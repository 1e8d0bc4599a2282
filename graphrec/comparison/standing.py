"""How sure a difference is: the figures of a system over users, and beside those of the first system."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphrec.metrics import Values, interval

_DRAWS, _CELLS = 10_000, 20_000_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One system beside another, over the same users."""

    mean: float
    low: float
    high: float
    """low, high: the 95% interval of the mean."""
    p: float
    """How often chance alone gives so large a difference."""


def difference(one: Values, other: Values, *, seed: int = 0) -> Difference:
    """The mean of one − other over users, with its bootstrap interval and the p of a sign-flip permutation test (two-sided).

    Source: Smucker, Allan & Carterette, "A comparison of statistical significance tests for information retrieval evaluation",
    CIKM 2007.

    Example:
        >>> difference(np.ones(50), np.zeros(50)).p < 0.001
        True
    """
    apart = one - other
    low, high = interval(apart, seed=seed)
    random, rows = np.random.default_rng(seed), max(1, _CELLS // max(len(apart), 1))
    reached, seen = 0, abs(float(apart.sum())) - 1e-9
    for start in range(0, _DRAWS, rows):
        signs = random.integers(0, 2, (min(rows, _DRAWS - start), len(apart)), dtype=np.int8) * 2.0 - 1.0
        reached += int((np.abs(signs @ apart) >= seen).sum())
    return Difference(float(apart.mean()), low, high, (reached + 1) / (_DRAWS + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values raised for being several, in the same order.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 1979.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    raised = np.empty(len(order))
    raised[order] = np.minimum(np.maximum.accumulate(np.asarray(p_values)[order] * np.arange(len(order), 0, -1)), 1)
    return [float(one) for one in raised]
