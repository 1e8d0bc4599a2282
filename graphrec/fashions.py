"""What is taken up lately: first choices, and how they fade with age."""

import numpy as np
import numpy.typing as npt

from graphrec.tensors import Interactions

FAINT = 0.01
"""Choices that every product is given beside its own, so that one not chosen lately is rare and not impossible."""


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


def first_choices(chosen: Interactions, products: int) -> Interactions:
    """Every user's first choice of each product."""
    _, first = np.unique(chosen.user * products + chosen.product, return_index=True)
    kept = np.zeros(len(chosen), dtype=bool)
    kept[first] = True
    return chosen.take(kept)


def lately(chosen: Interactions, products: int, share: float) -> npt.NDArray[np.float64]:
    """[products] how many users took up each, and 0.01, what is older by `share` of the data's span counting half.

    Every user counts one where few times are known, or all are equal.

    Example:
        >>> at = np.array([0.0, 10.0])
        >>> two = Interactions(np.array([0, 1]), np.array([0, 1]), at, np.ones(2, dtype=np.float32), True)
        >>> lately(two, 3, 0.5).tolist()
        [0.26, 1.01, 0.01]
    """
    first = first_choices(chosen, products)
    timed = len(first) > 0 and float(np.isnan(first.at).mean()) <= 0.5
    span = float(np.nanmax(first.at) - np.nanmin(first.at)) if timed else 0.0
    counts = np.bincount(first.product, decayed(first.at, share * span if span else np.inf), minlength=products)
    return np.asarray(counts + FAINT)
