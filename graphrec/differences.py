"""How far systems are apart over the same users, how sure that is, and what this many users can show at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphrec.metrics import Values
from graphrec.significance import holm, paired, smallest_difference

_CELLS = 20_000_000
"""Users × draws of one comparison."""


LEVEL = 0.05
"""Of being wrong about any of the comparisons that are made together."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One system's ndcg minus another's, over the same users."""

    system: str
    against: str
    difference: float
    low: float
    high: float
    """The 95% bootstrap interval."""
    p: float
    """Two-sided, of a permutation test, after Holm's correction for all comparisons made together."""
    smallest: float
    """The true difference that so many users would show in four of five tests, at Holm's strictest step; NaN for one user."""

    @property
    def told(self) -> bool:
        """Whether the data can tell the two apart: p is below .05. The interval is not corrected for other comparisons."""
        return self.p < LEVEL

    def __str__(self) -> str:
        return f"{self.difference:+.4f} [{self.low:+.4f}, {self.high:+.4f}], p {p_value(self.p)}"


def differences(values: Mapping[str, Values], pairs: Sequence[tuple[str, str]], *, seed: int = 0) -> tuple[Difference, ...]:
    """Of each (system, against) of `pairs`, with one correction for all of them.

    values: by system, one value a user. Thousands of users are drawn fewer times, at least a thousand.

    Example:
        >>> import numpy as np
        >>> one, other = np.tile([0.0, 0.2], 50), np.tile([0.1, 0.4], 50)
        >>> found, = differences({"one": one, "other": other}, [("other", "one")])
        >>> round(found.difference, 3), found.told, found.p < 0.001
        (0.15, True, True)
    """
    users = max(len(next(iter(values.values()))), 1)
    draws = min(10_000, max(1_000, _CELLS // users, 200 * len(pairs)))
    tests = [paired(values[against], values[system], draws=draws, seed=seed) for system, against in pairs]
    corrected = holm([test.permutation_p for test in tests])
    level = LEVEL / max(len(pairs), 1)  # of the strictest step of Holm's method
    return tuple(
        Difference(
            system,
            against,
            test.difference,
            test.low,
            test.high,
            p,
            smallest_difference(values[against], values[system], level=level),
        )
        for (system, against), test, p in zip(pairs, tests, corrected, strict=True)
    )


def pairs(systems: Sequence[str], first: str, floor: str) -> list[tuple[str, str]]:
    """Every system against the floor, and the first one against every other.

    Example:
        >>> pairs(["blend", "popularity", "linear"], "blend", "popularity")
        [('blend', 'popularity'), ('linear', 'popularity'), ('blend', 'linear')]
    """
    against_floor = [(system, floor) for system in systems if system != floor]
    return against_floor + [(first, system) for system in systems if system not in (first, floor)]


def p_value(p: float) -> str:
    """A p-value, of small ones only how small.

    Example:
        >>> p_value(0.0001), p_value(0.25)
        ('< .001', '0.250')
    """
    return "< .001" if p < 0.001 else f"{p:.3f}"
