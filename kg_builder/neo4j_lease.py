"""The right to write to a Neo4j server: held by one process at a time, and not for long after that process is dead."""

import os
import socket
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import neo4j
from neo4j import exceptions

from kg_builder.errors import StoreLocked
from kg_builder.neo4j_sessions import Session

_SECONDS = 60
"""How long a lease lasts that nobody renews."""
_RENEWED = 15
"""Seconds between renewals."""
_ID = "writer"
_TAKE = (
    "MERGE (l:Build {id: $id}) SET l.asked = timestamp() WITH l "  # the SET takes the node's lock: one asks at a time
    "WHERE l.holder IS NULL OR l.holder = $holder OR l.until < timestamp() OR l.holder IN $dead "
    "SET l.holder = $holder, l.who = $who, l.until = timestamp() + $milliseconds RETURN l.holder"
)
_HELD = "MATCH (l:Build {id: $id}) RETURN l.who, l.holder, l.until - timestamp()"


@dataclass(slots=True)
class Lease:
    """The right to write, renewed by a thread until it is given back."""

    driver: neo4j.Driver
    address: str
    patience: float
    """Seconds for which a server that is away is asked again."""
    holder: str = field(default_factory=lambda: str(uuid.uuid4()))
    over: threading.Event = field(default_factory=threading.Event)
    renewed: float = 0.0
    """When it was renewed last, on the clock of `time.monotonic`."""

    @classmethod
    def taken(cls, driver: neo4j.Driver, address: str, patience: float) -> Self:
        """The lease; one whose process is dead on this machine is taken over at once, any other one when it has run out.

        Raises:
            StoreLocked: somebody holds it; says who.
        """
        lease = cls(driver, address, patience)
        lease._ask("CREATE CONSTRAINT IF NOT EXISTS FOR (n:Build) REQUIRE n.id IS UNIQUE")
        if not lease._take(()):
            who, holder, left = lease._ask(_HELD)[0]
            over = holder not in _ours if who == _who() else _dead(who)
            if not over or not lease._take((holder,)):
                raise lease._lost(who, left)
        _ours.add(lease.holder)
        threading.Thread(target=lease._renew, daemon=True).start()
        return lease

    def keep(self) -> None:
        """The lease still holds: the server is asked where it has not renewed it for long, as after it was away.

        Raises:
            StoreLocked: it ran out meanwhile, and somebody else has taken it.
        """
        if time.monotonic() - self.renewed > _SECONDS / 2 and not self._take((), patience=0):
            who, _, left = self._ask(_HELD)[0]
            raise self._lost(who, left)

    def given_back(self) -> None:
        """Others may write; a server that is away or takes no writes finds the lease run out."""
        self.over.set()
        _ours.discard(self.holder)
        with suppress(exceptions.DriverError, exceptions.Neo4jError):
            self._ask("MATCH (l:Build {id: $id, holder: $holder}) REMOVE l.holder, l.who, l.until", patience=0)

    def _take(self, dead: tuple[str, ...], *, patience: float | None = None) -> bool:
        asked = time.monotonic()
        if not self._ask(_TAKE, patience, who=_who(), milliseconds=_SECONDS * 1000, dead=list(dead)):
            return False
        self.renewed = asked
        return True

    def _ask(self, cypher: str, patience: float | None = None, **parameters: Any) -> list[neo4j.Record]:
        given = {"id": _ID, "holder": self.holder, **parameters}
        with Session(self.driver, self.address, self.patience if patience is None else patience) as session:
            return session.execute_write(lambda transaction: list(transaction.run(cypher, given)))

    def _renew(self) -> None:
        while not self.over.wait(_RENEWED):
            with suppress(exceptions.DriverError, exceptions.Neo4jError):  # the server is away; whoever writes is told so
                self._take((), patience=0)

    def _lost(self, who: str, left: int) -> StoreLocked:
        return StoreLocked(
            f"{who} is writing to {self.address}; try again when it is done (if it was killed: in {max(1, left // 1000)} seconds)"
        )


_ours: set[str] = set()
"""The holders of this process that have not given back: a lease it could not give back, its server being away, is over."""


def _who() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _dead(who: str | None) -> bool:
    """Whether this is a process of this machine that is no more."""
    parts = (who or "").split(" ")
    if len(parts) != 4 or parts[3] != socket.gethostname():
        return False
    try:
        os.kill(int(parts[1]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
