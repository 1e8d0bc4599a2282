"""kg-builder enrich: attributes from products' texts, and an outside graph joined by id."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kg_builder.console import AsJson, LogJson, Store, open_store, print_json, progress_bars, say

if TYPE_CHECKING:
    from kg_builder.enrichment import Attribute, EnrichReport
    from kg_builder.enrichment.linking import Coverage

EXAMPLE = (
    "Examples: kg-builder enrich magazines.graph --dry-run  ·  "
    "kg-builder enrich movies.graph --triples freebase.nt.gz --link ml.link --hops 2"
)

_RELATIONS = 8
"""Relations that the table names; JSON has all."""


def run(
    store: Store,
    attributes: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Some of size, colour, material, pack, price_band; all where there are no triples."),
    ] = None,
    triples: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="head, relation, tail in columns, or N-Triples (.nt); may be gzipped."),
    ] = None,
    link: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="item and entity in two columns; without it, entities that have a product's id are it."
        ),
    ] = None,
    hops: Annotated[int, typer.Option(metavar="N", help="Keep triples up to so many hops from a linked product.")] = 1,
    keep_all: Annotated[bool, typer.Option("--all", help="Keep all triples.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing, say what would be written.")] = False,
    rejects: Annotated[Path | None, typer.Option(metavar="PATH", help="Where refused lines go.")] = None,
    max_rejects: Annotated[
        str | None, typer.Option(metavar="N|P%", help="Faulty lines to put up with; more, and nothing is written.")
    ] = None,
    as_json: AsJson = False,
    _log_json: LogJson = False,
) -> None:
    """Add what products' texts and an outside graph tell; doing it twice changes nothing.

    Every attribute and every triple is an edge RELATED {relation} to an Entity, such as colour:black. Faulty lines are left
    out and named, all others are used, and the exit code is 1, unless --max-rejects allows for them.
    """
    from kg_builder.enrichment import enrich

    wanted = None if attributes is None else [name.strip() for name in attributes.split(",") if name.strip()]
    with open_store(store, read_only=dry_run) as opened, progress_bars(quiet=as_json) as progress:
        report = enrich(
            opened,
            attributes=wanted,
            triples=triples,
            link=link,
            hops=None if keep_all else hops,
            dry_run=dry_run,
            rejects=rejects,
            max_rejects=max_rejects,
            progress=progress,
        )
    if as_json:
        print_json(_record(report))
    else:
        _print_report(report)
    if report.rejected and max_rejects is None:
        _print_faults(report, rejects)
        raise typer.Exit(1)


def _record(report: "EnrichReport") -> dict[str, Any]:
    verdict = {"verdict": report.coverage.verdict} if report.coverage is not None else {}
    record = asdict(report) | {"seconds": round(report.seconds, 2)}
    return record | {"coverage": None if report.coverage is None else record["coverage"] | verdict}


def _print_report(report: "EnrichReport") -> None:
    if report.attributes:
        typer.echo("attributes of products")
        _print_rows([_attribute_row(one, report.products) for one in report.attributes])
    if report.coverage is not None:
        _print_coverage(report.coverage)
    done = "written to" if report.written else "would be written to"
    typer.echo(f"{report.entities:,} entities and {report.edges:,} edges {done} {report.into}, of which are new:")
    typer.echo(f"  {report.new_entities:,} entities, {report.new_edges:,} edges ({report.seconds:.1f} s)")


def _attribute_row(one: "Attribute", products: int) -> list[str]:
    most = ", ".join(f"{value} ({count:,})" for value, count in one.most.items())
    values = f"{one.values:,} value{'s' * (one.values != 1)}"
    return [one.name, f"{one.products:,}", _percent(one.products, products), values, most]


def _print_coverage(held: "Coverage") -> None:
    typer.echo("outside graph")
    _print_rows(
        [
            ["products linked", f"{held.linked:,}", _percent(held.linked, held.products)],
            ["products not linked", f"{held.products - held.linked:,}", _percent(held.products - held.linked, held.products)],
            ["links to unknown products", f"{held.unknown_products:,}", "", ", ".join(held.unknown_product_examples)],
            ["links to entities without a triple", f"{held.silent_entities:,}", "", ", ".join(held.silent_entity_examples)],
            ["triples kept", f"{held.kept:,}", _percent(held.kept, held.triples)],
            *(["dropped:", f"{count:,}", _percent(count, held.triples), why] for why, count in held.dropped.items()),
        ]
    )
    typer.echo("relations")
    _print_rows([[name, f"{count:,}"] for name, count in _first(held.relations).items()])
    if len(held.relations) > _RELATIONS:
        typer.echo(f"  and {len(held.relations) - _RELATIONS:,} more")
    typer.echo(held.verdict)


def _print_rows(rows: list[list[str]]) -> None:
    """Aligned: the first column to the left, numbers to the right, the rest as it comes."""
    if not rows:
        return
    wide = [max(len(row[place]) for row in rows if len(row) > place) for place in range(max(map(len, rows)))]
    for row in rows:
        name, *others = row
        cells = [f"{name:<{wide[0]}}"] + [
            f"{cell:>{wide[place]}}" if place < 3 else f"{cell:<{wide[place]}}" for place, cell in enumerate(others, 1)
        ]
        typer.echo(f"  {'  '.join(cells)}".rstrip())


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else ""


def _first(relations: Mapping[str, int]) -> dict[str, int]:
    return dict(list(relations.items())[:_RELATIONS])


def _print_faults(report: "EnrichReport", rejects: Path | None) -> None:
    """Each refused line in a line, the first few, on the error stream."""
    for message in report.first_faults:
        say(" ".join(message.split()))
    further = sum(report.rejected.values()) - len(report.first_faults)
    where = "are in " + str(rejects) if rejects is not None else "were refused (--rejects PATH keeps them)"
    if further > 0:
        say(f"{further:,} further lines {where}; all sound ones were used")
