"""kg-builder check: is the graph sound, and what would its shop want to know of it."""

import shutil
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from kg_builder.console import AsJson, Store, cell, open_store, print_json, print_table

if TYPE_CHECKING:
    from kg_builder.health import HealthReport
    from kg_builder.health.measures import Measure

EXAMPLE = (
    "Examples: kg-builder check magazines.graph  ·  "
    "kg-builder check magazines.graph --require products_with_text=80% --require orphans.Product=5%"
)

_WIDTH = 66
"""Characters of examples in a line of the table; JSON has them whole."""

_HELP = (
    "What a measure must keep; may be repeated. NAME=80% is at least for what should be high, at most for what should be low; "
    "'NAME>=80%' and 'NAME<=100' (in quotes) say it themselves. With %: a share; else a number. "
    "Always kept, unless given anew: duplicate_nodes=0, duplicate_edges=0, dangling_edges=0, category_cycles=0, "
    "interactions_in_future=0."
)


def run(
    store: Store,
    require: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help=_HELP)] = None,
    names: Annotated[bool, typer.Option("--list", help="Name every measure of the store, and say what it counts.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure a graph's health; exit 1 where a threshold is violated.

    Reported are orphans, duplicates, dangling edges, missing properties, nodes with far too many edges, the category tree,
    gaps in time, and how many products have text, brand, category, price, reviews.
    """
    from kg_builder.health import check

    with open_store(store, read_only=True) as opened:
        report = check(opened, require or ())
    if names:
        _print_names(report, as_json)
        return
    if as_json:
        print_json({"store": store, **report.record()})
    else:
        _print_report(store, report)
    for violation in report.violations:
        typer.echo(f"kg-builder: {violation.message}", err=True)
    if not report.ok:
        raise typer.Exit(1)


def _print_names(report: "HealthReport", as_json: bool) -> None:
    rows = [{"measure": one.name, "better": one.better, "counts": one.what} for one in report.measures]
    if as_json:
        print_json({"measures": rows})
    else:
        print_table(list(rows[0]), [list(row.values()) for row in rows])


def _print_report(store: str, report: "HealthReport") -> None:
    shown = [measure for measure in report.measures if _is_told(measure)]
    width = max((len(measure.name) for measure in shown), default=0)
    digits = max((len(_value(measure)) for measure in shown), default=0)
    broken = {violation.measure.name for violation in report.violations}
    typer.echo(store)
    for group, measures in groupby(report.measures, key=lambda measure: measure.group):
        held = list(measures)
        told = [measure for measure in held if _is_told(measure)]
        clean = [
            measure.name
            for measure in held
            if measure.better != "high" and not measure.unit and measure.value == 0 and measure.of != 0
        ]
        if not told and not clean:
            continue
        typer.echo(group)
        for one in told:
            share = "" if one.share is None else _share(one)
            mark = "✗" if one.name in broken else " "
            line = f"{mark} {one.name:<{width}}  {_value(one):>{digits}}  {share:>6}  {_examples(one)}".rstrip()
            typer.echo(_fitting(line))
        if clean:
            typer.echo(f"  none: {_shortened(clean)}")
    violated = len(report.violations)
    said = "1 threshold is violated" if violated == 1 else f"{violated} thresholds are violated"
    typer.echo(said if violated else "every threshold is kept")


def _fitting(line: str) -> str:
    """As much of the line as a terminal shows without a break; elsewhere all of it."""
    wide = shutil.get_terminal_size().columns
    return line if len(line) <= wide or not sys.stdout.isatty() else f"{line[: wide - 1]}…"


def _is_told(measure: "Measure") -> bool:
    """Zeros of what should be low stand together in a line."""
    if measure.value is None or measure.of == 0:
        return False
    return bool(measure.value) or measure.better == "high" or bool(measure.unit)


def _value(measure: "Measure") -> str:
    if measure.value is None:
        return ""
    if measure.unit == "moment":
        return datetime.fromtimestamp(measure.value, UTC).date().isoformat()
    unit = measure.unit.removesuffix("s") if measure.value == 1 else measure.unit
    return f"{measure.value:,.0f} {unit}".rstrip()


def _share(measure: "Measure") -> str:
    """One digit after the point, and neither 0.0% for something nor 100.0% for less than all."""
    share = 100 * (measure.share or 0.0)
    if 0 < share < 0.05:
        return "<0.1%"
    if 99.95 <= share < 100:
        return ">99.9%"
    return f"{share:.1f}%"


def _examples(measure: "Measure") -> str:
    said = [one.id if one.value is None else f"{one.id} ({one.value:,.0f})" for one in measure.examples]
    text = cell(", ".join(said))
    word = "without: " if measure.better == "high" and said else ""
    return word + (text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…")


def _shortened(names: Iterable[str]) -> str:
    """`orphans.User, orphans.Review` as `orphans (User, Review)`."""
    parts = []
    for family, members in groupby(names, key=lambda name: name.partition(".")[0]):
        labels = [label for name in members if (label := name.partition(".")[2])]
        parts.append(f"{family} ({', '.join(labels)})" if labels else family)
    return ", ".join(parts)
