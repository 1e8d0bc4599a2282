"""What the commands do alike: arguments, one-line errors, progress, JSON and tables."""

import errno
import json
import logging
import math
import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from kg_builder.errors import BadRequest, KgBuilderError, did_you_mean
from kg_builder.logs import is_json, json_lines, log, said_of

if TYPE_CHECKING:
    from kg_builder.stores import GraphStore

Store = Annotated[
    str, typer.Argument(metavar="STORE", help="A path, or neo4j://host:7687 (user and password: NEO4J_USERNAME, NEO4J_PASSWORD).")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, nothing else.")]
LogJson = Annotated[bool, typer.Option("--log-json", help="Say on stderr what happens as JSON, an object a line.")]
"""`Program` looks for it before the command runs, so no command needs to."""


class Dangling(Enum):
    """What becomes of links to products that nothing else tells of."""

    KEEP = "keep"
    DROP = "drop"


SourceFormat = Annotated[
    str | None, typer.Option("--format", metavar="F", help="The dump's format, where looking is not enough.")
]
RejectsFile = Annotated[Path | None, typer.Option("--rejects", metavar="PATH", help="Where the refused rows go.")]
MaxRejects = Annotated[
    str | None, typer.Option("--max-rejects", metavar="N|P%", help="Faulty rows to put up with; more, and nothing is written.")
]
MaxBytes = Annotated[
    str | None,
    typer.Option("--max-bytes", metavar="N", help="Text that a file may hold, unpacked: 50GB, or a number of bytes."),
]
MaxMemory = Annotated[
    str | None,
    typer.Option(metavar="N", help="Memory that there is to build the graph in, such as 64GB, whatever seems to be free."),
]
MappingFile = Annotated[
    Path | None, typer.Option("--mapping", metavar="M.toml", help="What the columns mean (kg-builder infer proposes one).")
]
DanglingLinks = Annotated[Dangling, typer.Option("--dangling", help="Products that are only linked to: bare nodes, or no links.")]
Engine = Annotated[str, typer.Option("--engine", metavar="E", help="polars (this machine) or spark (a cluster); equal tables.")]
Master = Annotated[
    str | None,
    typer.Option("--master", metavar="URL", help="Spark's: spark://host:7077, yarn, local[4]; else as Spark is set up."),
]
"""How a source is read."""


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
    """A number of bytes, with or without a unit: of thousands (2GB), or of 1,024 where it has an i (2GiB).

    Raises:
        BadRequest: it is none.

    Example:
        >>> bytes_of("50GB"), bytes_of("1_000"), bytes_of("2KiB")
        (50000000000, 1000, 2048)
    """
    match = re.fullmatch(r"(\d[\d_]*(?:\.\d+)?)\s*(?:([kMGT])(i?))?B?", said.strip(), re.IGNORECASE)
    if match is None:
        raise BadRequest(f"expected a number of bytes such as 2000000 or 50GB (got {said!r})")
    unit, binary = match[2] or " ", match[3]
    return int(float(match[1]) * (1024 if binary else 1000) ** " KMGT".index(unit.upper()))


def moment_of(said: str) -> int:
    """Epoch seconds of a date or a time of ISO 8601 (UTC where it names no zone), or as they are.

    Raises:
        BadRequest: it is neither.

    Example:
        >>> moment_of("2026-11-24"), moment_of("2026-11-24T01:00+01:00"), moment_of("1795478400")
        (1795478400, 1795478400, 1795478400)
    """
    try:
        if said.strip().isdigit() and len(said.strip()) > 8:
            return int(said)
        moment = datetime.fromisoformat(said.strip())
    except ValueError:
        raise BadRequest(f"expected a moment such as 2026-11-24 or 2026-11-24T03:00:00+01:00 (got {said!r})") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


class Program(TyperGroup):
    """A program of commands that says in one line what went wrong: exit 1 where it was refused, 2 where the usage was wrong.

    With --json somewhere among the arguments, the line is on stdout too: `{"error": "…", "kind": "StoreMissing"}`.
    With --log-json stderr has JSON lines and nothing else, the last of them `ended` with the exit code.
    """

    refusals: tuple[type[Exception], ...] = (KgBuilderError, OSError, MemoryError)
    """What a user can meet; everything else is a mistake of ours and keeps its traceback."""
    misuses: tuple[type[Exception], ...] = (BadRequest,)
    """Those of them that the arguments alone are to blame for."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **__: Any) -> NoReturn:
        """Run what the arguments ask for, and end the process; without any, show the help."""
        given = list(sys.argv[1:] if args is None else args)
        command = next((one for one in given if not one.startswith("-")), None)
        with json_lines(sys.stderr, command=command) if "--log-json" in given else _retries_told():
            self._main(given)

    def _main(self, given: list[str]) -> NoReturn:
        try:
            code = super().main(given or ["--help"], self.name, standalone_mode=False) or 0
        except _UsageError as error:
            line = _misuse(error)
            self._end(line, BadRequest.__name__, 2, {"kind": BadRequest.__name__, "error": line}, as_json="--json" in given)
        except typer.Abort:
            self._end("a question was not answered", "Abort", 1, {"kind": "Abort"}, as_json="--json" in given)
        except self.refusals as error:
            code = 2 if isinstance(error, self.misuses) else 1
            self._end(_refusal(error), type(error).__name__, code, said_of(error), as_json="--json" in given)
        except Exception as error:
            if not is_json():
                raise
            where = [f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_tb(error.__traceback__)]
            log("ended", level=logging.CRITICAL, exit=1, kind=type(error).__name__, where=where)  # its words may quote a row
            raise SystemExit(1) from None
        log("ended", level=logging.ERROR if code else logging.INFO, exit=code)
        raise SystemExit(code)

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

    def _end(self, line: str, kind: str, code: int, logged: dict[str, object], *, as_json: bool) -> NoReturn:
        line = " ".join(line.split())
        if as_json:
            print_json({"error": line, "kind": kind})
        say(line, program=self.name)
        log("ended", level=logging.ERROR, exit=code, **logged)
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


def say(line: str, *, program: str | None = "kg-builder") -> None:
    """One line on stderr, unless only JSON belongs there: that has records of its own."""
    if not is_json():
        typer.echo(line if program is None else f"{program}: {line}", err=True)


@contextmanager
def _retries_told() -> Iterator[None]:
    """What is tried again on a server is a line each on the error stream."""
    logger, handler = logging.getLogger("kg_builder.neo4j_sessions"), logging.StreamHandler(sys.stderr)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def progress_bars(*, quiet: bool) -> Iterator[Any]:
    """A callback that draws bars on a terminal, writes a line now and then elsewhere, and nothing where `quiet`.

    With --log-json it makes records of progress.
    """
    if is_json():
        from kg_builder.progress import Logged

        yield Logged()
        return
    if quiet:
        yield None
        return
    from kg_builder.progress import Bars

    with Bars(sys.stderr) as bars:
        yield bars


def print_json(record: dict[str, Any]) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(record, ensure_ascii=False, indent=1))


def print_rejected(rejected: Mapping[str, int], rejects: Path | None) -> None:
    """How many rows were refused, and why."""
    if rejected:
        count = sum(rejected.values())
        where = "" if rejects is None else f" ({rejects})"
        typer.echo(f"{count:,} row{'s' * (count != 1)} refused{where}:")
        print_reasons(rejected)


def print_reasons(rejected: Mapping[str, int]) -> None:
    """A line a reason."""
    for reason, count in rejected.items():
        typer.echo(f"  {count:>8,}  {reason}")


def say_faults(faults: int, first: Sequence[str], rejects: Path | None) -> None:
    """Each faulty row in a line, the first few, on the error stream."""
    for message in first:
        say(" ".join(message.split()))
    further = faults - len(first)
    where = f"{further:,} further faulty rows are in {rejects}" if rejects is not None else f"{faults:,} rows are faulty"
    more = f"{where}; " if further else ""
    say(f"{more}all sound rows were written (--max-rejects 1% puts up with as many faulty ones)")


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
