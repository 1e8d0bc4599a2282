"""What is going on, as records of the logger `kg_builder`: for a program by its own handlers, for the command line as JSON lines.

A record has an event and fields. No field holds a password, a token or what a row says: of a refused row reason, file and line.
"""

import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

from kg_builder.errors import BadRequest, KgBuilderError

LOGGER = logging.getLogger("kg_builder")
LOGGER.addHandler(logging.NullHandler())  # where nobody listens, nothing is printed

_ADDRESS = re.compile(r"(\b[a-zA-Z][\w+.-]*://)(?:[^/\s'\"?#]*@)?([^\s'\"?#]*)(?:[?#][^\s'\"]*)?")
_QUOTED = re.compile(
    r" ?\((?:got|it has|saw|columns give) .*\)|; the first is .*|; did you mean .*?\?"
    r"|[;:(]* ?its (?:columns|header|fields) (?:is|are):.*",
    re.DOTALL,
)
"""Where a message has what a file or a store says."""


def log(event: str, *, level: int = logging.INFO, **fields: object) -> None:
    """One record; addresses in the fields lose user, password and query, fields that are None are left out.

    Example:
        >>> with json_lines(io := __import__("io").StringIO(), command="fetch"):
        ...     log("started", source="https://me:secret@example.org/ml.zip?token=1")
        >>> {**json.loads(io.getvalue()), "at": ""}
        {'at': '', 'level': 'info', 'event': 'started', 'command': 'fetch', 'source': 'https://example.org/ml.zip'}
    """
    if not LOGGER.isEnabledFor(level):
        return
    told = {name: _plain(value) for name, value in fields.items() if value is not None}
    words = ", ".join(f"{name}={value}" for name, value in told.items())
    LOGGER.log(level, "%s: %s", event, words, extra={"event": event, "fields": told})


@contextmanager
def logged(command: str, **fields: Any) -> Iterator[dict[str, Any]]:
    """`started` with these fields; `finished` with the seconds and what was put into the dictionary, or `failed` and why."""
    started = time.monotonic()
    log("started", command=command, **fields)
    found: dict[str, Any] = {}
    try:
        yield found
    except Exception as error:
        log("failed", level=logging.ERROR, command=command, **said_of(error), seconds=_since(started))
        raise
    log("finished", command=command, **fields, **found, seconds=_since(started))


def said_of(error: BaseException) -> dict[str, Any]:
    """The kind of an error, and of its message what may be in a log: what an error quotes of a row stays out.

    Example:
        >>> said_of(FileNotFoundError(2, "No such file or directory", "m.toml"))
        {'kind': 'FileNotFoundError', 'error': 'No such file or directory: m.toml'}
        >>> said_of(KgBuilderError("a.csv line 2: expected an id (got 'Ann')"))
        {'kind': 'KgBuilderError', 'error': 'a.csv line 2: expected an id'}
        >>> said_of(ValueError("no number: Ann"))
        {'kind': 'ValueError'}
    """
    found: dict[str, Any] = {"kind": type(error).__name__}
    said = str(error)
    if isinstance(error, KgBuilderError):
        said = error.logged or (said if isinstance(error, BadRequest) else _QUOTED.sub("", said))
    elif isinstance(error, OSError) and error.strerror:
        said = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    else:
        return found
    return {**found, "error": " ".join(said.split())}


@contextmanager
def json_lines(stream: TextIO, **always: object) -> Iterator[None]:
    """Every record is a line of JSON on the stream meanwhile, with these fields before its own."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_JsonLines(always))
    before, passed_on = LOGGER.level, LOGGER.propagate
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(before)
        LOGGER.propagate = passed_on


def is_json() -> bool:
    """Whether `json_lines` is at work, so that nothing else belongs on the error stream."""
    return any(isinstance(handler.formatter, _JsonLines) for handler in LOGGER.handlers)


class _JsonLines(logging.Formatter):
    """`at`, `level`, `event`, and the fields."""

    def __init__(self, always: Mapping[str, object]) -> None:
        super().__init__()
        self._always = dict(always)

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told = getattr(record, "fields", None)
        if told is None:
            told = {"message": _plain(record.getMessage())}
        first = {"at": at, "level": record.levelname.lower(), "event": getattr(record, "event", "message")}
        return json.dumps({**first, **self._always, **told}, ensure_ascii=False, default=str)


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a field holds
    """The value as JSON has it, without what an address must not show."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _ADDRESS.sub(r"\1\2", str(value))


def _since(started: float) -> float:
    return round(time.monotonic() - started, 2)
