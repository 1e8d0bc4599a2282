"""What the command line shows: results on stdout, progress bars and notes on stderr."""

import json
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from graphrec.ranking import Ranking


class Bars:
    """A `kg_builder.stores.Progress` that draws one bar a kind of work, with its rate and the time left.

    Bars vanish when the work is over, so only results stay on the screen; where stderr is no terminal nothing is drawn.
    """

    def __init__(self, console: Console | None = None) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        end = (TextColumn("{task.fields[rate]}"), TimeRemainingColumn(elapsed_when_finished=True))
        self._progress = Progress(*columns, *end, console=console or Console(stderr=True), transient=True)
        self._tasks: dict[str, tuple[TaskID, float]] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        """Notes that `done` of `total` units of this work are done."""
        if what not in self._tasks:
            self._tasks[what] = (self._progress.add_task(what, total=total, rate=""), time.monotonic())
        task, began = self._tasks[what]
        spent = time.monotonic() - began
        rate = f"{done / spent:,.0f}/s" if done and spent > 0.1 else ""
        self._progress.update(task, completed=done, total=total, rate=rate)

    def __enter__(self) -> Self:
        if self._progress.console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()


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
    table = Table("user", "rank", "item", "title", "score")
    for number, one in enumerate(ranking):
        title = "" if ranking.titles is None else ranking.titles[number] or ""
        table.add_row(one.user, str(one.rank), one.item, title, f"{one.score:.4g}")
    Console().print(table)
