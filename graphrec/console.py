"""What the commands share: arguments, and what is shown, results on stdout and notes on stderr."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from graphrec.ranking import Ranking

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that `graphrec fit` wrote.")]
Store = Annotated[str, typer.Argument(metavar="STORE", help="A folder that `kg-builder build` wrote, or neo4j://host:7687.")]
Product = Annotated[str, typer.Argument(metavar="PRODUCT", help="A product's id.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, for programs.")]
K = Annotated[int, typer.Option("-k", min=1, help="How many products a list has.")]
Scorers = Annotated[str | None, typer.Option(help="Names with commas between; default all, kept where they help.")]
TextModel = Annotated[str | None, typer.Option(help="A hub name or folder; default MiniLM (English); none: read no texts.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda …; default cuda where there is one.")]
Seed = Annotated[int, typer.Option(help="Same seed, same machine, same model.")]
Users = Annotated[str | None, typer.Option(help="A file with one id a line, or ids with commas between; default everybody.")]
KeepSeen = Annotated[bool, typer.Option("--keep-seen", help="Let products in that the user chose before (groceries).")]


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


def names_of(text: str | None) -> list[str] | None:
    """The names of an option, commas between; None where it was not given."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]
