"""Progress as a person sees it: bars on a terminal, a line now and then elsewhere; and as records of a log."""

import time
from types import TracebackType
from typing import Self, TextIO

from kg_builder.logs import log

_PATIENCE = 2.0  # seconds without a sign of life before one is given
_EVERY = 10.0  # seconds between lines where there is no terminal
_LOGGED = 3.0  # seconds between records


class Bars:
    """A `Progress` callback that shows one bar a thing that is done, with rate and time left, once two seconds have gone by.

    Example:
        >>> import io
        >>> with Bars(io.StringIO()) as progress:
        ...     progress("write", 10, 20)
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started = self._said = time.monotonic()
        self._drawn: _Drawing | None = None

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take note that `done` of `total` units of `what` are done."""
        now = time.monotonic()
        if now - self._started < _PATIENCE:
            return
        if self._stream.isatty():
            if self._drawn is None:
                self._drawn = _Drawing(self._stream)
            self._drawn.update(what, done, total)
        elif now - self._said >= _EVERY:
            self._said = now
            self._stream.write(f"{what}: {done:,} of {total:,}\n")
            self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        if self._drawn is not None:
            self._drawn.stop()


class Logged:
    """A `Progress` callback that makes a record `progress` every three seconds."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take note that `done` of `total` units of `what` are done."""
        now = time.monotonic()
        if now - self._said >= _LOGGED:
            self._said = now
            log("progress", step=what, done=done, total=total)


class _Drawing:
    """Rich's bars; Rich is imported only where there is something to draw."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        self._bars = Progress(*columns, console=Console(file=stream), transient=True)
        self._tasks: dict[str, TaskID] = {}
        self._bars.start()

    def update(self, what: str, done: int, total: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=total, rate="")
        task = self._tasks[what]
        speed = next((one.speed for one in self._bars.tasks if one.id == task), None)
        self._bars.update(task, completed=done, total=total, rate=f"{speed:,.0f}/s" if speed else "")

    def stop(self) -> None:
        self._bars.stop()
