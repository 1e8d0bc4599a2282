"""Where graphs live: one protocol, two stores, and `connect`, which picks by the address."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import polars as pl

from kg_builder.errors import BadRequest, QueryError, StoreError, StoreMissing
from kg_builder.schema import EdgeType
from kg_builder.tables import GraphTables

if TYPE_CHECKING:
    import pandas as pd

NEO4J_SCHEMES = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")

Progress = Callable[[str, int, int], None]
"""Called as work goes on with (what is done, units done so far, units in all); the CLI draws it."""


@dataclass(frozen=True, slots=True)
class Build:
    """One run of the builder, as the store remembers it."""

    source: str
    format: str
    at: int
    """Epoch seconds, UTC."""
    rejected: Mapping[str, int] = field(default_factory=dict)
    """How many rows were refused, by reason."""
    faults: int = 0
    """How many of them for a fault."""
    added: Mapping[str, int] = field(default_factory=dict)
    """How many nodes and edges came to the store, by label or `Source-TYPE-Target`."""
    changed: Mapping[str, int] = field(default_factory=dict)
    removed: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    """From its start; a store that records it adds what the writing took."""
    version: str = ""
    """The builder's."""
    as_of: int | None = None
    """The moment that the dump tells of, in epoch seconds, where it was given; else that is `at`."""
    due: int | None = None
    """The epoch second from which on rows can be taken that were refused for lying in the future; None where there are none."""
    pruned: bool = False
    """Whether what the source tells of no longer was taken away."""
    digest: str = ""
    """Of the graph afterwards, as `kg-builder hash` prints it."""
    fingerprint: str = ""
    """Of the source's files and of how they were read; empty where there are no files."""

    @property
    def moment(self) -> int:
        """The moment that the dump tells of."""
        return self.at if self.as_of is None else self.as_of

    def longer(self, seconds: float) -> Self:
        """The same build, that took so many seconds more."""
        return replace(self, seconds=round(self.seconds + seconds, 2))


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What a store holds."""

    address: str
    nodes: Mapping[str, int]
    edges: Mapping[EdgeType, int]
    first_at: int | None
    """The earliest interaction's epoch second; None where no time is known."""
    last_at: int | None
    builds: tuple[Build, ...]
    """Every build that changed something, the oldest first."""

    @property
    def latest(self) -> tuple[Build, ...]:
        """The last build of each source."""
        return tuple({(one.source, one.format): one for one in self.builds}.values())


class GraphStore(Protocol):
    """A place that keeps a graph and answers Cypher. Used as a context manager it closes itself."""

    @property
    def address(self) -> str:
        """Where it is, without a password."""

    def write(
        self,
        tables: GraphTables,
        *,
        gone: GraphTables | None = None,
        build: Build | None = None,
        progress: Progress | None = None,
    ) -> None:
        """The store holds these tables besides what it held: nodes and edges that are there are updated (null changes nothing).

        Of derived edges, what the same sources held under the same key (the model) is replaced. Nodes and edges with the
        identities in `gone` leave the store in the same step, a node with all its edges. A node or edge in both is replaced:
        it holds what is written and nothing else, and a node keeps its other edges. Writing twice changes nothing.
        """

    def writing(self) -> AbstractContextManager[None]:
        """Nobody else writes to the store meanwhile; `write` does so by itself, this is for who reads first and writes then.

        Raises:
            StoreLocked: somebody writes; says who.
        """

    def remember(self, source: str, told: pl.LazyFrame) -> None:
        """The store keeps what a source tells of, in the columns of `kg_builder.told.TOLD`, in place of what it kept before."""

    def remembered(self, source: str) -> pl.LazyFrame:
        """What `remember` kept, no rows where that is nothing."""

    def remembered_besides(self, source: str) -> list[pl.LazyFrame]:
        """What `remember` kept of each other source."""

    def damaged(self) -> tuple[str, ...]:
        """What the store keeps beside the graph that is no longer as it was written, in a line each."""

    def altered(self) -> str:
        """Says so where the graph's own file is not the one that the store wrote; else nothing."""

    def read(self, *, derived: bool = False, into: Path | None = None) -> GraphTables:
        """Everything the store holds, without what a model wrote back unless `derived`.

        The tables are in memory, or with `into`, which is not read again while they live, as Parquet files in this folder.
        """

    def query(self, cypher: str, parameters: Mapping[str, Any] | None = None) -> "pd.DataFrame":
        """The rows that a reading Cypher query returns; nodes and relationships as dictionaries of their properties."""

    def info(self) -> StoreInfo:
        """Counts, time span and builds."""

    def close(self) -> None:
        """Let go of files and connections."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None: ...


def connect(address: str | Path, *, create: bool = False, read_only: bool = False, password: str | None = None) -> GraphStore:
    """The store at this address: a path is an embedded one, `neo4j://…` and `bolt://…` a server.

    User and password of a server come from NEO4J_USERNAME (default neo4j) and NEO4J_PASSWORD, unless a `password` is given.
    A server that is away in the middle is asked again for NEO4J_PATIENCE seconds (default 120).
    An address with a user or password in it is refused, lest they be shown. `create` makes an embedded store where there is
    none, with the first write. An embedded store can be read while another process writes to it.

    Raises:
        StoreMissing: there is no embedded store at the path (and not `create`).
        StoreLocked: `create`, and another process writes to it.
        StoreUnreachable, StoreRefused: no server answers; it refuses the user or password.
        StoreError: the address has another scheme, or the path is something else than a store.
    """
    if "://" in str(address):
        scheme, _, host = str(address).partition("://")
        if "@" in host:
            raise StoreError("an address has no user or password in it; set NEO4J_USERNAME and NEO4J_PASSWORD")
        if scheme not in NEO4J_SCHEMES:
            raise StoreError(f"expected a path or an address of {', '.join(NEO4J_SCHEMES)} (got {address})")
        from kg_builder.stores.neo4j import Neo4jStore

        user = os.environ.get("NEO4J_USERNAME", "neo4j")
        secret = os.environ.get("NEO4J_PASSWORD", "") if password is None else password
        return Neo4jStore(str(address), user, secret, patience=_patience())
    from kg_builder.stores.embedded import EmbeddedStore

    return EmbeddedStore(Path(address), create=create, read_only=read_only)


def _patience() -> float:
    """Seconds for which a server that is away is asked again.

    Raises:
        BadRequest: NEO4J_PATIENCE is no number.
    """
    said = os.environ.get("NEO4J_PATIENCE", "120")
    if not re.fullmatch(r"\d+(\.\d+)?", said):
        raise BadRequest(f"NEO4J_PATIENCE must be a number of seconds (got {said!r})")
    return float(said)


def forgotten(store: GraphStore, builds: Iterable[Build]) -> Iterator[str]:
    """The sources of these builds of which the store does not know any more what they told of."""
    for source in dict.fromkeys(build.source for build in builds):
        if not store.remembered(source).head(1).collect(engine="streaming").height:
            yield source


def is_store(address: str | Path) -> bool:
    """True for a server's address and for a folder that holds an embedded store.

    Example:
        >>> is_store("neo4j://localhost"), is_store("dumps/monday")
        (True, False)
    """
    path = Path(address)
    return "://" in str(address) or ((path / "database").is_file() and (path / "schema.json").is_file())


def asked(store: GraphStore, cypher: str) -> list[tuple[Any, ...]]:
    """The rows that the store answers; none where it holds no graph yet, or no node with a label that the query names."""
    try:
        return list(store.query(cypher).itertuples(index=False, name=None))
    except (StoreMissing, QueryError):  # an embedded store knows no label that nobody wrote
        return []


@contextmanager
def opened(store: GraphStore | str | Path, *, create: bool = False, read_only: bool = False) -> Iterator[GraphStore]:
    """The store: one at an address is connected to and closed in the end, one that is open stays so.

    Raises:
        StoreError: as `connect`.
    """
    if not isinstance(store, str | Path):
        yield store
        return
    with connect(store, create=create, read_only=read_only) as connected:
        yield connected
