"""Which scorers a fit can afford in time and memory: what each takes is known by the graph's size before anything is fitted."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from graphrec import scorers as registry
from graphrec.batches import CELLS
from graphrec.errors import BadRequest, NotEnoughMemory
from graphrec.memory import told
from graphrec.scorers import SelfExplaining
from graphrec.tensors import KnownGraph
from kg_builder.memory import available

DEFAULT = 600.0
"""Seconds that the scorers of a fit may take on two cores where nobody says otherwise."""
_STAYS = 0.25
"""What part of the memory that a fit takes at its height the fitted scorer keeps, about."""
_SCORE, _COPIES = 4, 4
"""Bytes of a score, and how many copies of one scorer's are held beside one of each."""
_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Budget:
    """The time that scorers are chosen for, and how much of it is gone."""

    seconds: float = DEFAULT
    by_clock: bool = False
    """Stop as well when the clock says that half is gone: true of a budget that somebody asked for. What fits is then a matter of
    the machine's speed at that moment; the default budget goes by the graph's size alone, so that fits can be repeated."""
    started: float = field(default_factory=time.perf_counter)

    def affordable(self, names: Sequence[str], known: KnownGraph) -> tuple[list[str], str]:
        """The cheapest of the scorers as far as the seconds go, in the order given, and what is left out ("" if nothing).

        Each is fitted twice, on the inner cut and on everything. The cheapest is always among them.
        """
        cost = {name: 2 * registry.load(name).cost(known) for name in names}
        kept: list[str] = []
        for name in sorted(names, key=lambda one: cost[one]):
            if kept and sum(cost[one] for one in (*kept, name)) > self.seconds:
                break
            kept.append(name)
        left = [f"{name} (about {cost[name]:.0f} s)" for name in names if name not in kept]
        why = f"left out for the budget of {self.seconds:.0f} s: {', '.join(left)}" if left else ""
        return [name for name in names if name in kept], why

    @property
    def half_gone(self) -> bool:
        """Whether no further scorer should be begun, since all must be fitted once more on everything."""
        return self.by_clock and time.perf_counter() - self.started > self.seconds / 2


def within_memory(names: Sequence[str], known: KnownGraph, most: float | None = None) -> tuple[list[str], str]:
    """The scorers that can be fitted in the memory that is free, or in `most` bytes, and what is left out ("" if nothing).

    Those that take least are taken first. What one of them leaves behind stays while the next is fitted, and while all score
    together.

    Raises:
        NotEnoughMemory: not even the one that takes least can be fitted.
    """
    free = available() if most is None else most
    if free is None:
        return list(names), ""
    takes = {name: registry.load(name).memory(known) for name in names}
    cells = min(CELLS, len(known.users) * len(known.products))
    kept: list[str] = []
    for name in sorted(names, key=lambda one: takes[one]):
        stays = _STAYS * sum(takes[one] for one in kept)
        if stays + max(takes[name], _SCORE * cells * (len(kept) + _COPIES)) > free:
            break
        kept.append(name)
    if not kept:
        least = min(names, key=lambda one: takes[one])
        raise NotEnoughMemory(
            f"{told(free)} of memory are free, and no scorer can be fitted in that: {least} alone takes about "
            f"{told(takes[least])}; free some, take a larger machine, build a part of the data, or try it with --max-memory"
        )
    left = [f"{name} (about {told(takes[name])})" for name in names if name not in kept]
    remedy = "more memory or a part of the data lets them in"
    left_out = f"left out, as {told(free)} of memory are free: {', '.join(left)}; {remedy}" if left else ""
    return [name for name in names if name in kept], left_out


def seconds_of(said: str) -> float:
    """Seconds, minutes or hours in words.

    Raises:
        BadRequest: it is none, or nothing is left to fit in.

    Example:
        >>> seconds_of("60s"), seconds_of("10m"), seconds_of("90")
        (60.0, 600.0, 90.0)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|)", said.strip().lower())
    if match is None or not float(match[1]):
        raise BadRequest(f"expected a time such as 60s, 10m or 1h (got {said!r})")
    return float(match[1]) * _UNITS[match[2]]


def explainable(names: Sequence[str]) -> tuple[list[str], str]:
    """The scorers whose score is a sum over the history, and which others are left out, in words ("" if none)."""
    kept = [name for name in names if hasattr(registry.load(name), SelfExplaining.terms.__name__)]
    left = [name for name in names if name not in kept]
    return kept, f"left out, since their shares do not add up exactly: {', '.join(left)}" if left else ""
