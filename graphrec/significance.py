"""What figures over users are worth: intervals, tests between two systems, the smallest difference that so many users can show.

Every function takes one value a user. `intervals` draws users once for all metrics of a report.

Example:
    >>> import numpy as np
    >>> one = np.array([0.1, 0.4, 0.3, 0.2, 0.5, 0.3, 0.2, 0.4])
    >>> found = paired(one, one + np.array([0.1, 0.2, 0.1, 0.1, 0.2, 0.1, 0.1, 0.1]))
    >>> round(found.difference, 3), found.low > 0, found.permutation_p < 0.05
    (0.125, True, True)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from graphrec.errors import BadRequest
from graphrec.metrics import Values
from graphrec.tensors import Rows

_CELLS = 1 << 18
"""Draws × users held at a time: what a processor's cache holds is drawn several times as fast."""
_PRODUCT = 1 << 22
"""Draws × users multiplied with the columns at once: 32 MB."""
_ALIKE = 1e-12
"""Means that differ by no more than this share of the largest value are equal but for rounding."""


@dataclass(frozen=True, slots=True)
class Paired:
    """How two systems compare over the same users."""

    difference: float
    """The mean of the other minus the mean of the one."""
    low: float
    high: float
    """The 95% bootstrap interval of the difference."""
    bootstrap_p: float
    """Two-sided, of a bootstrap under no difference."""
    permutation_p: float
    """Two-sided, of random swaps of the two systems, a user at a time."""


def interval(values: Values, *, draws: int = 1000, seed: int = 0, share: float = 0.95) -> tuple[float, float]:
    """The percentile bootstrap interval of the mean over users; NaN is no value; (nan, nan) without values.

    Source: Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 1979.

    Example:
        >>> interval(np.ones(5))
        (1.0, 1.0)
    """
    return intervals({"": values}, draws=draws, seed=seed, share=share)[""]


def intervals(
    values: Mapping[str, Values], *, draws: int = 1000, seed: int = 0, share: float = 0.95
) -> dict[str, tuple[float, float]]:
    """`interval` of each of these, all over the same users, who are drawn once for all.

    A user who has no value of one of them, NaN, is drawn all the same and left out of its mean; one user alone has no interval.

    Example:
        >>> intervals({"hit": np.ones(3), "auc": np.array([0.5, np.nan, 0.5])})
        {'hit': (1.0, 1.0), 'auc': (0.5, 0.5)}
    """
    columns = np.stack(list(values.values()), axis=1).astype(np.float64) if values else np.zeros((0, 0))  # [users, m]
    if not len(columns):
        return dict.fromkeys(values, (float("nan"), float("nan")))
    means = _drawn_means(columns, draws, seed)
    means[:, (~np.isnan(columns)).sum(axis=0) < 2] = np.nan
    return {name: _edges(means[:, column], share) for column, name in enumerate(values)}


def paired(one: Values, other: Values, *, draws: int = 10_000, seed: int = 0) -> Paired:
    """How far the other system is above the one, how sure that is, and whether chance could do as much; [users], the same ones.

    Users without a value of one of them, NaN, are left out.

    The bootstrap draws users with replacement from differences that are shifted to a mean of 0; the permutation test swaps the
    two systems' values of every user by the toss of a coin. Either p is (1 + draws at least as far from 0) / (1 + draws), so
    never 0.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993; Smucker, Allan and Carterette, "A comparison of
    statistical significance tests for information retrieval evaluation", CIKM 2007.

    Raises:
        BadRequest: not the same number of users, or nobody with a value of both.

    Example:
        >>> paired(np.zeros(4), np.zeros(4)).permutation_p
        1.0
    """
    difference = _differences(one, other)
    mean = float(difference.mean())
    resampled = np.concatenate([difference[drawn].mean(axis=1) for drawn in _drawn(len(difference), draws, seed)])
    low, high = _edges(resampled, 0.95)
    swapped = _swapped_means(difference, draws, seed)
    far = abs(mean) - _ALIKE * float(np.abs(difference).max())
    return Paired(mean, low, high, _p(resampled - mean, far), _p(swapped, far))


def between(one: Values, other: Values, *, draws: int = 1000, seed: int = 0, share: float = 0.95) -> tuple[float, float, float]:
    """The other group's mean minus the one's, and its percentile bootstrap interval, each group of users drawn by itself.

    one: [a], other: [b], of different users; NaN is no value, and all three are NaN where a group has none.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, the two-sample problem.

    Example:
        >>> between(np.zeros(3), np.ones(2))
        (1.0, 1.0, 1.0)
    """
    one, other = one[~np.isnan(one)], other[~np.isnan(other)]
    if not len(one) or not len(other):
        return float("nan"), float("nan"), float("nan")
    drawn = [_drawn_means(values[:, None].astype(np.float64), draws, seed + number) for number, values in enumerate((one, other))]
    low, high = _edges(drawn[1][:, 0] - drawn[0][:, 0], share)
    return float(other.mean() - one.mean()), low, high


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values so that the chance of even one false alarm among all of them stays below the level they are held against.

    p̃ of the i-th smallest of m is the largest of (m − j + 1) p_j for j ≤ i, at most 1.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 1979.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return [float(one) for one in adjusted]


def smallest_difference(one: Values, other: Values, *, power: float = 0.8, level: float = 0.05) -> float:
    """The true difference that a two-sided test over so many users finds with this power; NaN below two users with both values.

    (z_{1 − level / 2} + z_power) · s / √users, s the standard deviation of the users' differences: what is smaller cannot be told
    from chance on this data. By the normal law, which asks for some thirty users.

    Source: Sakai, "Statistical reform in information retrieval?", SIGIR Forum 2014; "Designing test collections for comparing
    many systems", CIKM 2014.

    Raises:
        BadRequest: not the same number of users, or nobody with a value of both.

    Example:
        >>> round(smallest_difference(np.zeros(100), np.tile([0.0, 1.0], 50)), 4)
        0.1408
    """
    difference = _differences(one, other)
    if len(difference) < 2:
        return float("nan")
    z = NormalDist().inv_cdf(1 - level / 2) + NormalDist().inv_cdf(power)
    return float(z * difference.std(ddof=1) / np.sqrt(len(difference)))


def _differences(one: Values, other: Values) -> Values:
    """Of the users who have a value of both systems."""
    if len(one) != len(other):
        raise BadRequest(f"a comparison needs one value of either system for the same users (got {len(one)} and {len(other)})")
    difference = np.asarray(other, dtype=np.float64) - np.asarray(one, dtype=np.float64)
    known = difference[~np.isnan(difference)]
    if not len(known):
        raise BadRequest(f"nobody to compare: none of {len(one)} users has a value of both systems")
    return known


def _drawn_means(columns: Values, draws: int, seed: int) -> Values:
    """[draws, m] means over users drawn with replacement; NaN where none of them has a value. columns: [users, m].

    Columns that miss the same users share one count of those who were drawn.
    """
    missing = np.isnan(columns)
    filled = np.where(missing, 0.0, columns)
    gaps, which = np.unique(np.packbits(missing, axis=0), axis=1, return_inverse=True)
    absent = np.unpackbits(gaps, axis=0, count=len(columns)).astype(np.float64)  # [users, gaps]
    parts = []
    for times in _drawn_times(len(columns), draws, seed):
        held = len(columns) - times @ absent if missing.any() else np.full((len(times), len(gaps[0])), float(len(columns)))
        with np.errstate(invalid="ignore"):
            parts.append(times @ filled / held[:, which.ravel()])
    return np.concatenate(parts)


def _drawn_times(users: int, draws: int, seed: int) -> Iterator[Values]:
    """[size, users] how often each user is drawn, so many draws at a time that multiplying them is worth the call."""
    size, held = max(1, _PRODUCT // users), list[Values]()
    for drawn in _drawn(users, draws, seed):
        places = drawn + users * np.arange(len(drawn))[:, None]
        held.append(np.bincount(places.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(np.float64))
        if sum(map(len, held)) >= size:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


def _drawn(users: int, draws: int, seed: int) -> Iterator[Rows]:
    """[size, users] the users of some of the draws, drawn with replacement."""
    random = np.random.default_rng(seed)
    for size in _blocks(draws, users):
        yield random.integers(0, users, (size, users))


def _blocks(draws: int, users: int) -> Iterator[int]:
    """How many draws to make at a time."""
    size = max(1, _CELLS // users)
    for start in range(0, draws, size):
        yield min(size, draws - start)


def _swapped_means(difference: Values, draws: int, seed: int) -> Values:
    """[draws] means of the differences under signs of chance, eight users at a time: a byte says who of them is swapped."""
    eights = np.pad(difference, (0, -len(difference) % 8)).reshape(-1, 8)  # [n, 8]
    signs = 1.0 - 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)  # [256, 8]
    sums = (eights @ signs.T).ravel()  # [n · 256]
    places = 256 * np.arange(len(eights))
    random = np.random.default_rng(seed)
    bytes_ = (random.integers(0, 256, (size, len(eights)), dtype=np.uint8) for size in _blocks(draws, len(eights)))
    return np.concatenate([sums[places + drawn].sum(axis=1) for drawn in bytes_]) / len(difference)


def _edges(means: npt.NDArray[np.float64], share: float) -> tuple[float, float]:
    known = means[~np.isnan(means)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.percentile(known, [50 * (1 - share), 50 * (1 + share)])
    return float(low), float(high)


def _p(under_chance: Values, far: float) -> float:
    return float((1 + (np.abs(under_chance) >= far).sum()) / (1 + len(under_chance)))
