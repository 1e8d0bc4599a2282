"""What the commands do alike: arguments, one-line errors, progress, JSON and tables."""

import errno
import json
import math
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from kg_builder.errors import BadRequest, KgBuilderError, did_you_mean

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


class Program(TyperGroup):
    """A program of commands that says in one line what went wrong: exit 1 where it was refused, 2 where the usage was wrong.

    With --json somewhere among the arguments, the line is on stdout too: `{"error": "…", "kind": "StoreMissing"}`.
    """

    refusals: tuple[type[Exception], ...] = (KgBuilderError, OSError, MemoryError)
    """What a user can meet; everything else is a mistake of ours and keeps its traceback."""
    misuses: tuple[type[Exception], ...] = (BadRequest,)
    """Those of them that the arguments alone are to blame for."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **__: Any) -> NoReturn:
        """Run what the arguments ask for, and end the process; without any, show the help."""
        given = list(sys.argv[1:] if args is None else args)
        try:
            raise SystemExit(super().main(given or ["--help"], self.name, standalone_mode=False) or 0)
        except _UsageError as error:
            self._end(_misuse(error), BadRequest.__name__, 2, as_json="--json" in given)
        except typer.Abort:
            self._end("a question was not answered", "Abort", 1, as_json="--json" in given)
        except self.refusals as error:
            code = 2 if isinstance(error, self.misuses) else 1
            self._end(_refusal(error), type(error).__name__, code, as_json="--json" in given)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - as in TyperGroup
        """The command that the first argument names."""
        if args[0] not in self.commands:
            ctx.fail(f"no command {args[0]!r}{did_you_mean(args[0], self.commands)}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as in TyperGroup
        """Run the command; whoever reads its output may stop before the end."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # `… | head` has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _end(self, line: str, kind: str, code: int, *, as_json: bool) -> NoReturn:
        line = " ".join(line.split())
        if as_json:
            print_json({"error": line, "kind": kind})
        typer.echo(f"{self.name}: {line}", err=True)
        raise SystemExit(code)


_UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # typer, which carries a click of its own, gives it no name


def _misuse(error: Any) -> str:  # noqa: ANN401 - see _UsageError
    """What is wrong with the arguments, and which help tells more."""
    said = error.format_message().replace(": Value error, ", ": ").rstrip(".")
    if hasattr(error, "possibilities"):
        known = [name for option in error.ctx.command.params for name in option.opts if name.startswith("-")]
        said = f"no option {error.option_name}{did_you_mean(error.option_name, known)}"
    return f"{said[:1].lower()}{said[1:]}" + ("" if error.ctx is None else f" ({error.ctx.command_path} --help)")


def _refusal(error: Exception) -> str:
    """The error's own words; of one of the system what is wrong with which file, and what helps."""
    if isinstance(error, OSError) and error.strerror:
        remedy = _REMEDIES.get(error.errno or 0, "")
        return (f"{error.strerror}: {error.filename}" if error.filename else error.strerror) + remedy
    return str(error) or "out of memory; take a larger machine or less at once"


_REMEDIES = {
    errno.EACCES: "; give this user the right to it, or name another path",
    errno.EPERM: "; give this user the right to it, or name another path",
    errno.EROFS: "; name a path that may be written to",
    errno.ENOSPC: "; free some space and repeat the command",
    errno.EDQUOT: "; free some space and repeat the command",
    errno.ENOTDIR: "; name a path whose folders are folders",
}


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
