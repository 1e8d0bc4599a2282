"""What the commands do alike: arguments, one-line errors, progress, JSON and tables."""

import json
import math
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kg_builder.errors import BadRequest, KgBuilderError

if TYPE_CHECKING:
    from kg_builder.stores import GraphStore

Store = Annotated[
    str, typer.Argument(metavar="STORE", help="A path, or neo4j://host:7687 (user and password: NEO4J_USERNAME, NEO4J_PASSWORD).")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, nothing else.")]


def open_store(address: str, *, create: bool = False, read_only: bool = False) -> "GraphStore":
    """The store at the address; asks for the password of a server where nobody set one and somebody sits there.

    Raises:
        StoreError: as `kg_builder.connect`.
    """
    from kg_builder.stores import connect

    password = None
    if "://" in address and "NEO4J_PASSWORD" not in os.environ and sys.stdin.isatty():
        password = typer.prompt(
            f"password of {os.environ.get('NEO4J_USERNAME', 'neo4j')} at {address}", hide_input=True, err=True
        )
    return connect(address, create=create, read_only=read_only, password=password)


def bytes_of(said: str) -> int:
    """A number of bytes, with or without a unit of thousands.

    Raises:
        BadRequest: it is none.

    Example:
        >>> bytes_of("50GB"), bytes_of("1_000")
        (50000000000, 1000)
    """
    match = re.fullmatch(r"(\d[\d_]*(?:\.\d+)?)\s*([kMGT]?)i?B?", said.strip(), re.IGNORECASE)
    if match is None:
        raise BadRequest(f"expected a number of bytes such as 2000000 or 50GB (got {said!r})")
    return int(float(match[1]) * 1000 ** " KMGT".index(match[2].upper() or " "))


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Say what is wrong in one line and end with 1."""
    try:
        yield
    except BrokenPipeError:  # `… | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (KgBuilderError, OSError) as error:
        typer.echo(f"kg-builder: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(1) from None


@contextmanager
def progress_bars(*, quiet: bool) -> Iterator[Any]:
    """A callback that draws bars on a terminal, writes a line now and then elsewhere, and nothing where `quiet`."""
    if quiet:
        yield None
        return
    from kg_builder.progress import Bars

    with Bars(sys.stderr) as bars:
        yield bars


def print_json(record: dict[str, Any]) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(record, ensure_ascii=False, indent=1))


def print_table(columns: list[str], rows: list[list[Any]]) -> None:
    """A table for people on a terminal, tab-separated lines elsewhere."""
    if not sys.stdout.isatty():
        for row in [columns, *rows]:
            typer.echo("\t".join(cell(value) for value in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns)
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row))
    Console().print(table)


def cell(value: object) -> str:
    """A value as one cell of a table: nothing for a missing one, lists as JSON, no tabs or line ends."""
    if value is None or (isinstance(value, float) and math.isnan(value)):  # a missing number becomes NaN in a frame
        return ""
    text = json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else str(value)
    return text.replace("\t", " ").replace("\n", " ")
