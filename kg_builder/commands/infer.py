"""kg-builder infer: propose a mapping for files of unknown make."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kg_builder.console import AsJson, print_json, print_table
from kg_builder.errors import AlreadyThere

if TYPE_CHECKING:
    from kg_builder.inference.proposals import Proposal

EXAMPLE = "Example: kg-builder infer shop --out m.toml && kg-builder build shop --mapping m.toml --into shop.graph"


def run(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A folder or a file: CSV, TSV, JSON lines, Parquet.")],
    out: Annotated[
        Path | None, typer.Option(metavar="M.toml", help="Where the mapping goes; refused where there is one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Propose what the columns of a shop's files mean, and say how sure it is of each.

    Without --out a terminal gets a table, and everything else the mapping itself, so that `> mapping.toml` works.
    """
    import sys

    from kg_builder.inference import infer

    if out is not None and out.exists():
        raise AlreadyThere(f"{out} is there already; remove it, or name another file with --out")
    proposal = infer(source)
    if out is not None:
        out.write_text(proposal.to_toml(str(out)), encoding="utf-8")
    if as_json:
        print_json(proposal.to_record())
    elif out is None and not sys.stdout.isatty():
        typer.echo(proposal.to_toml(), nl=False)
    else:
        print_table(["file", "rows are", "column", "is", "sure", "because"], _rows(proposal))
        for guess in proposal.files:
            typer.echo(f"{guess.file}: {guess.kind}, {guess.sure:.2f} sure: {guess.reason}")
        for note in proposal.notes:
            typer.echo(f"note: {note}", err=True)
        if out is not None:
            typer.echo(f"wrote {out}; next: kg-builder build {source} --mapping {out} --into shop.graph")


def _rows(proposal: "Proposal") -> list[list[Any]]:
    """A row a column; the file stands before its first one."""
    return [
        [
            *((guess.file, guess.kind) if not place else ("", "")),
            one.column,
            one.ours or "left out",
            f"{one.sure:.2f}",
            one.reason,
        ]
        for guess in proposal.files
        for place, one in enumerate(guess.columns)
    ]
