"""The right to write to a Neo4j server: held by one process at a time, and not for long after that process is dead."""

import os
import socket
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Self

import neo4j
from neo4j import exceptions

from kg_builder.errors import StoreLocked

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
    holder: str
    over: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def taken(cls, driver: neo4j.Driver, uri: str) -> Self:
        """The lease; one whose process is dead on this machine is taken over at once, any other one when it has run out.

        Raises:
            StoreLocked: somebody holds it; says who.
        """
        lease = cls(driver, str(uuid.uuid4()))
        driver.execute_query("CREATE CONSTRAINT IF NOT EXISTS FOR (n:Build) REQUIRE n.id IS UNIQUE")
        if not lease._take(()):
            who, holder, left = driver.execute_query(_HELD, id=_ID).records[0]
            if not _dead(who) or not lease._take((holder,)):
                raise StoreLocked(
                    f"{who} is writing to {uri}; try again when it is done (if it was killed: in {max(1, left // 1000)} seconds)"
                )
        threading.Thread(target=lease._renew, daemon=True).start()
        return lease

    def given_back(self) -> None:
        """Others may write; a server that is away finds the lease run out."""
        self.over.set()
        try:
            self._ask("MATCH (l:Build {id: $id, holder: $holder}) REMOVE l.holder, l.who, l.until")
        except exceptions.DriverError:
            return

    def _take(self, dead: tuple[str, ...]) -> bool:
        who = f"process {os.getpid()} on {socket.gethostname()}"
        return bool(self._ask(_TAKE, who=who, milliseconds=_SECONDS * 1000, dead=list(dead)))

    def _ask(self, cypher: str, **parameters: Any) -> list[neo4j.Record]:
        found: list[neo4j.Record] = self.driver.execute_query(cypher, id=_ID, holder=self.holder, **parameters).records
        return found

    def _renew(self) -> None:
        while not self.over.wait(_RENEWED):
            try:
                self._take(())
            except (exceptions.DriverError, exceptions.Neo4jError):
                time.sleep(1)  # the server is away; whoever writes is told so


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
