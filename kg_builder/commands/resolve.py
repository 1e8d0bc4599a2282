"""kg-builder resolve: nodes that are one thing become one node, or are told apart again."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from kg_builder.console import AsJson, LogJson, Store, open_store, print_json, print_table, progress_bars

if TYPE_CHECKING:
    from kg_builder.resolving import ResolveReport
    from kg_builder.resolving.matching import Vectors

EXAMPLE = "Examples: kg-builder resolve magazines.graph --dry-run  ·  kg-builder resolve magazines.graph --undo Brand/bonniercorp"


def run(
    store: Store,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be merged.")] = False,
    label: Annotated[
        list[str] | None, typer.Option(metavar="LABEL", help="Brand, Category or Product; by default all. May be repeated.")
    ] = None,
    threshold: Annotated[
        float, typer.Option(metavar="F", help="The least score of a pair, 0 to 1; less finds more and errs more.")
    ] = 0.85,
    vectors: Annotated[bool, typer.Option("--vectors", help="Compare meanings by a text model, too.")] = False,
    undo: Annotated[
        list[str] | None, typer.Option(metavar="ALIAS", help="Take this merge back (Brand/acmee). May be repeated.")
    ] = None,
    as_json: AsJson = False,
    _log_json: LogJson = False,
) -> None:
    """Merge brands, categories and products that are one thing; every merge is recorded and can be undone."""
    from kg_builder.merging.aliases import LABELS
    from kg_builder.resolving import resolve

    model = _model() if vectors else None
    with open_store(store, create=False, read_only=dry_run) as opened, progress_bars(quiet=as_json) as progress:
        report = resolve(
            opened,
            labels=label or LABELS,
            threshold=threshold,
            vectors=model,
            undo=undo or (),
            dry_run=dry_run,
            progress=progress,
        )
    if as_json:
        print_json({**asdict(report), "rules": report.rules})
    else:
        _print(report, dry_run=dry_run)


def _print(report: "ResolveReport", *, dry_run: bool) -> None:
    if report.undone:
        verb = "would be" if dry_run else "was" if len(report.undone) == 1 else "were"
        typer.echo(f"{len(report.undone):,} merge{'s' * (len(report.undone) != 1)} {verb} taken back: {', '.join(report.undone)}")
        return
    if not report.merges:
        typer.echo(f"{report.store}: nothing to merge")
        return
    if dry_run:
        rows = [[merge.score, merge.rule, merge.alias, merge.one_name, merge.other, merge.other_name] for merge in report.merges]
        print_table(["score", "rule", "alias", "name", "same as", "its name"], rows)
    count = len(report.merges)
    were = "would be" if dry_run else "was" if count == 1 else "were"
    typer.echo(f"{count:,} node{'s' * (count != 1)} {were} merged in {report.store}")
    for rule, merged in report.rules.items():
        typer.echo(f"  {merged:>8,}  {rule}")


def _model() -> "Vectors":
    from kg_builder.resolving.models import text_vectors

    vectors: Vectors = text_vectors()
    return vectors
