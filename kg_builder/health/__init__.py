"""Is the graph sound, and what would its shop want to know of it: measures, and thresholds that they must keep."""

import math
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kg_builder.errors import BadRequest, did_you_mean
from kg_builder.health.examination import measures
from kg_builder.health.measures import Graph, Measure
from kg_builder.stores import GraphStore, opened
from kg_builder.tables import GraphTables

HARD_RULES = ("duplicate_nodes=0", "duplicate_edges=0", "dangling_edges=0", "category_cycles=0", "interactions_in_future=0")
"""Thresholds that hold unless another one for the same measure is given."""

_SYNTAX = re.compile(r"\s*(?P<name>[A-Za-z0-9_.]+)\s*(?P<sign>>=|<=|=)\s*(?P<limit>\d+(?:\.\d+)?|\.\d+)\s*(?P<percent>%?)\s*")
_FORMS = "NAME=80%, NAME=0, NAME>=80% or NAME<=100"


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a measure must keep.

    Example:
        >>> Threshold.parse("products_with_text=80%")
        Threshold(name='products_with_text', sign='=', limit=0.8, is_share=True)
    """

    name: str
    sign: Literal["=", ">=", "<="]
    """`=` is at least for what should be high, at most for what should be low."""
    limit: float
    is_share: bool
    """True where the limit is a part of the whole: it was given with a percent sign."""

    @classmethod
    def parse(cls, said: str) -> "Threshold":
        """The threshold that `NAME=80%`, `NAME=0`, `NAME>=80%` or `NAME<=100` says.

        Raises:
            BadRequest: it is none of these; a share of more than all, or a part of one thing.
        """
        found = _SYNTAX.fullmatch(said)
        if found is None:
            raise BadRequest(f"a threshold must be of the form {_FORMS} (got {said!r})")
        name, sign, said, percent = found.groups()
        limit = float(said)
        if percent and limit > 100:
            raise BadRequest(f"a share is at most 100% (got {name}{sign}{said}%)")
        if not percent and limit != int(limit):
            example = f"{100 * limit:g}%" if limit < 1 else f"{said}%"
            raise BadRequest(f"a number must be whole, and a share needs a %: say {name}{sign}{example} (got {name}{sign}{said})")
        return cls(name, sign, limit / 100 if percent else limit, bool(percent))  # type: ignore[arg-type]

    def violation(self, measure: Measure) -> str | None:
        """What is wrong, in words; None where the measure keeps the threshold.

        Nothing to measure keeps what must be at most something, and not what must be at least something.

        Raises:
            BadRequest: a share of what is no part of a whole, a number where a share is wanted, or `=` where neither high nor low
                is better.
        """
        self._check(measure)
        least = self.sign == ">=" or (self.sign == "=" and measure.better == "high")
        got = measure.share if self.is_share else measure.value
        if got is None:
            return (
                f"{self.name} must be at least {_written(self.limit, self.is_share)} (there is nothing to measure)"
                if least
                else None
            )
        if (got >= self.limit) if least else (got <= self.limit):
            return None
        bound = f"{'at least' if least else 'at most'} {_written(self.limit, self.is_share)}"
        examples = ", ".join(one.id for one in measure.examples)
        return (
            f"{self.name} must be {bound} (got {_written(got, self.is_share, self.limit)}){f': {examples}' if examples else ''}"
        )

    def _check(self, measure: Measure) -> None:
        if self.is_share and measure.of is None:
            raise BadRequest(f"{self.name} is no share of anything; give a number without % (got {_written(self.limit, True)})")
        if not self.is_share and measure.better == "high":  # 80 is nearly always meant as 80%, which it would keep too easily
            share = f"{self.limit if self.limit <= 100 else 80:g}%"
            raise BadRequest(f"{self.name} is held to a share: say {self.name}{self.sign}{share} (got {self.limit:g})")
        if self.sign == "=" and measure.better == "neither":
            raise BadRequest(f"{self.name} is better neither high nor low: say {self.name}>=… or {self.name}<=…")


def _written(value: float, share: bool, beside: float | None = None) -> str:
    """A number as people write it; a share with as many digits as tell it from the limit beside it."""
    if not share:
        return f"{value:,.10g}"
    for digits in range(7):
        said = f"{100 * value:.{digits}f}%"
        if (beside is None and math.isclose(float(said[:-1]), 100 * value)) or (
            beside is not None and digits and said != f"{100 * beside:.{digits}f}%"
        ):
            break
    return said


@dataclass(frozen=True, slots=True)
class Violation:
    """A threshold that a measure does not keep."""

    measure: Measure
    threshold: Threshold
    message: str
    """What must be and what is, with examples, in one line."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """Every measure of a graph, and which thresholds they violate."""

    measures: tuple[Measure, ...]
    violations: tuple[Violation, ...]

    @property
    def ok(self) -> bool:
        """True where every threshold is kept."""
        return not self.violations

    def __getitem__(self, name: str) -> Measure:
        """The measure of this name.

        Raises:
            BadRequest: there is none; names the closest.
        """
        return _find(self.by_name(), name)

    def by_name(self) -> dict[str, Measure]:
        """The measures by their names."""
        return {measure.name: measure for measure in self.measures}

    def record(self) -> dict[str, Any]:
        """The report as JSON can hold it."""
        return {
            "ok": self.ok,
            "violations": [{"name": one.measure.name, "message": one.message} for one in self.violations],
            "measures": [_record(measure) for measure in self.measures],
        }


def check(
    store: GraphStore | GraphTables | str | Path, thresholds: Iterable[str] = (), *, now: int | None = None
) -> HealthReport:
    """Every measure of the graph, and which thresholds it violates; what models wrote back does not count.

    Args:
        store: an open store, its address, or tables.
        thresholds: each `NAME=80%`, `NAME=0`, `NAME>=80%` or `NAME<=100`. With `=`, what should be high must be at least, what
            should be low at most so much. A limit with % is a share, any other a number; what should be high is held to shares
            alone. They come on top of `HARD_RULES` and replace the rule of the same measure.
        now: epoch seconds; interactions more than a day later lie in the future. None asks the clock.

    Raises:
        BadRequest: a threshold that cannot be, or names no measure; names the closest.
        StoreError: the store cannot be read.

    Example:
        >>> from kg_builder.planted import planted_shop
        >>> from kg_builder.tabulation import tabulate
        >>> report = check(tabulate(planted_shop()), ["products_with_price=99%"])
        >>> report.ok, report["products_with_interactions"].share
        (True, 0.9)
    """
    wanted = _wanted(thresholds)
    if isinstance(store, GraphTables):
        tables = store
    else:
        with opened(store, read_only=True) as there:
            tables = there.read()
    graph = Graph(tables.without_derived(), int(time.time()) if now is None else now)
    found = tuple(measures(graph))
    by_name = {measure.name: measure for measure in found}
    judged = [(threshold, _find(by_name, threshold.name)) for threshold in wanted]
    said = [Violation(measure, one, message) for one, measure in judged if (message := one.violation(measure)) is not None]
    return HealthReport(found, tuple(said))


def _wanted(thresholds: Iterable[str]) -> list[Threshold]:
    """The hard rules and the given thresholds; a given one replaces the rule of its measure."""
    given = [Threshold.parse(said) for said in thresholds]
    names = {threshold.name for threshold in given}
    return [rule for rule in map(Threshold.parse, HARD_RULES) if rule.name not in names] + given


def _find(by_name: Mapping[str, Measure], name: str) -> Measure:
    if name not in by_name:
        raise BadRequest(f"no measure {name!r}{did_you_mean(name, by_name) or ';'} kg-builder check STORE --list names them all")
    return by_name[name]


def _record(measure: Measure) -> dict[str, Any]:
    return {
        "name": measure.name,
        "group": measure.group,
        "what": measure.what,
        "value": _whole(measure.value),
        "of": measure.of,
        "share": measure.share,
        "better": measure.better,
        "unit": measure.unit or "count",
        "examples": [{"id": one.id, "value": _whole(one.value)} for one in measure.examples],
    }


def _whole(value: float | None) -> float | None:
    """Counts without a point."""
    return int(value) if value is not None and value == int(value) else value
