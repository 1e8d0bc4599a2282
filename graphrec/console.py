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


def print_ranking(ranking: "Ranking", *, as_json: bool, asked: str = "user") -> None:
    """Prints a table with titles on a terminal, else TSV with a header, or JSON. asked: what the lists are for."""
    if as_json:
        lines = [{asked if name == "user" else name: value for name, value in line._asdict().items()} for line in ranking]
        typer.echo(json.dumps(lines, ensure_ascii=False))
        return
    if not sys.stdout.isatty():
        rows = (f"{one.user}\t{one.item}\t{one.rank}\t{one.score:.6g}" for one in ranking)
        typer.echo("\n".join([f"{asked}\titem\trank\tscore", *rows]))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(asked, "rank", "item", "title", "score")
    for number, one in enumerate(ranking):
        title = "" if ranking.titles is None else ranking.titles[number] or ""
        table.add_row(one.user, str(one.rank), one.item, title, f"{one.score:.4g}")
    Console().print(table)
