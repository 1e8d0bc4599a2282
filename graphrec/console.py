"""What the command line shows: results on stdout, notes on stderr."""

import json
import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from graphrec.ranking import Ranking


def show(value: object, text: str, *, as_json: bool) -> None:
    """Prints the value as JSON, or else the text."""
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False) if as_json else text)


def note(line: str) -> None:
    """Says something beside the result."""
    typer.echo(f"note: {line}", err=True)


def print_ranking(ranking: "Ranking", *, as_json: bool) -> None:
    """Prints a table with titles on a terminal, else TSV with a header, or JSON."""
    if as_json:
        typer.echo(json.dumps([line._asdict() for line in ranking], ensure_ascii=False))
        return
    if not sys.stdout.isatty():
        lines = (f"{one.user}\t{one.item}\t{one.rank}\t{one.score:.6g}" for one in ranking)
        typer.echo("\n".join(["user\titem\trank\tscore", *lines]))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("user", "rank", "item", "title", "score")
    for number, one in enumerate(ranking):
        title = "" if ranking.titles is None else ranking.titles[number] or ""
        table.add_row(one.user, str(one.rank), one.item, title, f"{one.score:.4g}")
    Console().print(table)
