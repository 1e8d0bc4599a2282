"""Transactions on a Neo4j server, tried again where it is away for a while, restarts, or gave way in a dead-lock.

The driver tries again by itself, but in silence, with pauses of up to a minute, and not where the connection broke while a
transaction was committed. Each of ours may run twice: it merges, sets and deletes by key.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

import neo4j
from neo4j import exceptions

PATIENCE = 120.0
"""Seconds in which a transaction is tried again: a server that restarts is back by then."""
_FIRST, _LONGEST = 0.5, 10.0
"""Seconds before the second attempt, and between later ones at most; each pause is twice the one before."""

_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")
_Work = Callable[Concatenate[neo4j.ManagedTransaction, _Given], _Answer]
_log = logging.getLogger(__name__)


class Session:
    """The driver's session with a patience that is told of in the log.

    Args:
        driver: one that does not try again itself.
        address: what the server is called in messages.
        patience: seconds for which a transaction is tried again after its first failure.
        writes: whether the session may write.
        before: called before every attempt to write; what it raises ends the attempts.
    """

    def __init__(
        self,
        driver: neo4j.Driver,
        address: str,
        patience: float,
        *,
        writes: bool = True,
        before: Callable[[], None] | None = None,
    ) -> None:
        self._address = address
        self._patience = patience
        self._before = before
        self._session = driver.session(default_access_mode=neo4j.WRITE_ACCESS if writes else neo4j.READ_ACCESS)

    def execute_read(self, work: _Work[_Given, _Answer], *args: _Given.args, **given: _Given.kwargs) -> _Answer:
        """What the work returns, in a reading transaction."""
        return self._tried(lambda: self._session.execute_read(work, *args, **given))

    def execute_write(self, work: _Work[_Given, _Answer], *args: _Given.args, **given: _Given.kwargs) -> _Answer:
        """What the work returns, in a writing transaction; it may run more than once."""

        def attempt() -> _Answer:
            if self._before is not None:
                self._before()
            return self._session.execute_write(work, *args, **given)

        return self._tried(attempt)

    def _tried(self, attempt: Callable[[], _Answer]) -> _Answer:
        ends: float | None = None
        for pause in _pauses():
            try:
                return attempt()
            except (exceptions.DriverError, exceptions.Neo4jError) as error:
                now = time.monotonic()
                ends = now + self._patience if ends is None else ends
                if now >= ends or not _passes(error):
                    raise
                self._tell(_what(error), ends - now)
                time.sleep(min(pause, ends - now))
        raise AssertionError("pauses do not end")

    def _tell(self, what: str, left: float) -> None:
        fields = {"store": self._address, "what": what, "seconds_left": round(left)}
        _log.warning("%s %s; trying again for %.0f s more", self._address, what, left, extra={"event": "again", "fields": fields})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self._session.close()


def _pauses() -> Iterator[float]:
    """Seconds to wait, each about twice as long as before; two that hinder each other do not wait alike."""
    pause = _FIRST
    while True:
        yield pause * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
        pause = min(2 * pause, _LONGEST)


def _passes(error: exceptions.DriverError | exceptions.Neo4jError) -> bool:
    """Whether it may be better later: a server that starts does not know its databases at once."""
    return error.is_retryable() or isinstance(error, exceptions.IncompleteCommit) or _code(error) in _STARTING


_STARTING = ("DatabaseNotFound", "DatabaseUnavailable")


def _what(error: Exception) -> str:
    code = _code(error)
    return f"says {code}" if code else "does not answer"


def _code(error: Exception) -> str:
    """The last part of the server's code, such as DeadlockDetected; nothing of the driver's own errors."""
    return (error.code or "").rpartition(".")[2] if isinstance(error, exceptions.Neo4jError) else ""
