"""The Neo4j store: a server, by the official driver.

Every write is a MERGE on a declared key in a managed transaction, so it may be tried again, and a build that broke
off is mended by running it again. The schema and the builds are kept in `Build` nodes.
"""

import hashlib
import io
import json
import logging
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import neo4j
import pandas as pd
import polars as pl
from neo4j.graph import Node, Relationship
from neo4j.graph import Path as Walk
from polars.exceptions import PanicException, PolarsError

from kg_builder.changes import leaving
from kg_builder.cypher import edge_pattern, one_line, times_of_interactions
from kg_builder.errors import SchemaError, StoreError, StoreMissing
from kg_builder.neo4j_errors import check_version, errors
from kg_builder.neo4j_lease import Lease
from kg_builder.neo4j_reading import read_tables
from kg_builder.neo4j_sessions import PATIENCE, Session
from kg_builder.neo4j_tables import change, delete, ids_of, run, widen, write
from kg_builder.schema import GraphSchema
from kg_builder.stamps import check, stamp
from kg_builder.stores import Build, Progress, StoreInfo
from kg_builder.tables import GraphTables
from kg_builder.told import NOTHING

logging.getLogger("neo4j").addHandler(logging.NullHandler())  # what goes wrong is raised, not printed besides

_PART = 1 << 20  # bytes of one property


class Neo4jStore:
    """A graph on a Neo4j server. See `GraphStore` for what each method promises.

    Raises:
        StoreUnreachable: no server answers at the address.
        StoreRefused: it refuses the user or the password.
        StoreError: it is too old.

    Args:
        uri: of the server, `bolt://…` or `neo4j://…`.
        user: whom it knows.
        password: of that user.
        patience: seconds for which a server that was there is asked again where it is away.
    """

    def __init__(self, uri: str, user: str, password: str, *, patience: float = PATIENCE) -> None:
        self.uri = uri
        self._user = user
        self._patience = patience
        self._lease: Lease | None = None
        with errors(uri, user):
            self._driver = neo4j.GraphDatabase.driver(
                uri,
                auth=(user, password),
                connection_timeout=5,
                connection_acquisition_timeout=10,
                max_transaction_retry_time=0,  # `Session` tries again
                notifications_min_severity="OFF",
            )
        try:
            with errors(uri, user):
                check_version(self._driver, uri)
        except StoreError:
            self._driver.close()
            raise

    def write(
        self,
        tables: GraphTables,
        *,
        gone: GraphTables | None = None,
        build: Build | None = None,
        progress: Progress | None = None,
    ) -> None:
        """See `GraphStore.write`; in many transactions: what breaks off is completed by writing again.

        Raises:
            SchemaError: the tables contradict the store's schema, or an edge ends nowhere.
        """
        if "Build" in tables.schema.nodes:
            raise SchemaError("the label Build is taken: Neo4j stores keep the schema and the builds in such nodes; rename yours")
        started = time.monotonic()
        with self.writing(), self._errors(), self._session(writes=True) as session:
            there = self._schema(session)
            schema = there.merge(tables.schema) if there else tables.schema
            ends = {label for source, _, target in tables.edges for label in (source, target)}
            staying = {label: ids_of(session, label).to_frame("id").lazy() for label in sorted(ends)}
            for label, ids in (leaving(tables, gone) if gone is not None else {}).items():
                if label in staying:
                    staying[label] = staying[label].join(ids, on="id", how="anti")
            tables.check(held=staying)
            for label in ("Build", *schema.nodes):
                change(session, f"CREATE CONSTRAINT IF NOT EXISTS FOR (n:`{label}`) REQUIRE n.id IS UNIQUE")
            if schema != there:
                kept = stamp() | {"schema": schema.to_json()}
                change(session, "MERGE (b:Build {id: 'schema'}) SET b += $kept", kept=kept)
            if there is not None:
                widen(session, there, schema)
            written = GraphTables.of(schema, tables.nodes, tables.edges)
            write(session, written, gone, progress)
            if gone is not None:
                delete(session, written, gone)
            if build is not None:
                said = asdict(build.longer(time.monotonic() - started))
                record = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in said.items()}
                number = run(session, "MATCH (b:Build) WHERE b.source IS NOT NULL RETURN count(b)")[0][0]
                key = f"build:{build.at}:{number:06}:{build.format}:{build.source}"
                change(session, "MERGE (b:Build {id: $id}) SET b += $record", id=key, record=record)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """See `GraphStore.writing`; a lease that is renewed as long as this process lives.

        Raises:
            StoreLocked: somebody else writes; names the machine and the process.
        """
        if self._lease is not None:
            yield
            return
        with self._errors():
            self._lease = Lease.taken(self._driver, self.uri, self._patience)
        try:
            yield
        finally:
            lease, self._lease = self._lease, None
            lease.given_back()

    def remember(self, source: str, told: pl.LazyFrame) -> None:
        """See `GraphStore.remember`; as Parquet in the bytes of `Build` nodes, the new ones in place of the old in one step."""
        file = io.BytesIO()
        told.sink_parquet(file)
        data, key, fresh = file.getvalue(), f"told:{source}", str(uuid.uuid4())
        parts = range(0, len(data), _PART)
        with self.writing(), self._errors(), self._session(writes=True) as session:
            change(session, "CREATE CONSTRAINT IF NOT EXISTS FOR (n:Build) REQUIRE n.id IS UNIQUE")
            for number, start in enumerate(parts):
                made = {"id": f"{key}:{fresh}:{number}", "told": key, "version": fresh, "number": number}
                change(
                    session,
                    "MERGE (b:Build {id: $made.id}) SET b = $made, b.data = $data",
                    made=made,
                    data=data[start : start + _PART],
                )
            change(
                session,
                "MERGE (b:Build {id: $id}) SET b.current = $fresh, b.parts = $parts, b.sum = $sum",
                id=key,
                fresh=fresh,
                parts=len(parts),
                sum=_sum(data),
            )
            change(session, "MATCH (b:Build {told: $key}) WHERE b.version <> $fresh DELETE b", key=key, fresh=fresh)

    def remembered(self, source: str) -> pl.LazyFrame:
        """See `GraphStore.remembered`.

        Raises:
            StoreError: a part is missing or damaged.
        """
        key = f"told:{source}"
        with self._errors(), self._session() as session:
            parts = run(
                session,
                "MATCH (b:Build {id: $id}) OPTIONAL MATCH (p:Build {told: $id, version: b.current}) "
                "RETURN b.parts, b.sum, p.data ORDER BY p.number",
                id=key,
            )
        if not parts:
            return NOTHING
        data = [part for *_, part in parts if part is not None]
        try:
            if len(data) != parts[0][0]:
                raise OSError(f"{len(data)} of {parts[0][0]} parts are there")
            if parts[0][1] != _sum(whole := b"".join(data)):
                raise OSError("it is not what was written there")
            return pl.scan_parquet(io.BytesIO(whole))
        except (PolarsError, PanicException, OSError) as error:
            raise StoreError(
                f"{self.uri}: what {source} told of is damaged ({one_line(str(error))}); remove it (MATCH "
                f"(b:Build) WHERE {key!r} IN [b.id, b.told] DELETE b), and build every source again without prune"
            ) from None

    def remembered_besides(self, source: str) -> list[pl.LazyFrame]:
        """See `GraphStore.remembered_besides`."""
        return [self.remembered(name) for name in self._remembered() if name != source]

    def damaged(self) -> tuple[str, ...]:
        """See `GraphStore.damaged`."""
        found = []
        for name in self._remembered():
            try:
                self.remembered(name)
            except StoreError as error:
                found.append(str(error))
        return tuple(found)

    def altered(self) -> str:
        """See `GraphStore.altered`; of the graph's files the server takes care."""
        return ""

    def read(self, *, derived: bool = False, into: Path | None = None) -> GraphTables:
        """See `GraphStore.read`.

        Raises:
            StoreMissing: nothing was written to this server yet.
        """
        with self._errors():
            with self._session() as session:
                schema = self._known(session)
            return read_tables(self._ask, schema, derived=derived, into=into)

    def _remembered(self) -> list[str]:
        """The sources of which is known what they told of."""
        query = "MATCH (b:Build) WHERE b.id STARTS WITH 'told:' AND b.told IS NULL RETURN b.id ORDER BY b.id"
        with self._errors(), self._session() as session:
            return [str(one[0]).removeprefix("told:") for one in run(session, query)]

    def _ask(self, cypher: str, **parameters: Any) -> list[neo4j.Record]:
        """The records of a reading statement, in a session of its own: threads may ask at a time."""
        with self._session() as session:
            return run(session, cypher, **parameters)

    def query(self, cypher: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """See `GraphStore.query`; runs in a reading transaction.

        Raises:
            QueryError: the server does not accept the Cypher, a parameter is missing, or the query writes.
        """

        def rows(transaction: neo4j.ManagedTransaction) -> pd.DataFrame:
            result = transaction.run(cypher, dict(parameters or {}))
            columns = result.keys()
            return pd.DataFrame([[_plain(value) for value in record.values()] for record in result], columns=columns)

        with self._errors(), self._session() as session:
            return session.execute_read(rows)

    @property
    def address(self) -> str:
        """See `GraphStore.address`."""
        return self.uri

    def info(self) -> StoreInfo:
        """See `GraphStore.info`."""
        with self._errors(), self._session() as session:
            schema = self._known(session)
            nodes = {label: run(session, f"MATCH (n:`{label}`) RETURN count(n)")[0][0] for label in schema.nodes}
            edges = {kind: run(session, f"MATCH {edge_pattern(kind)} RETURN count(r)")[0][0] for kind in schema.edges}
            spans = [run(session, f"MATCH {where} RETURN min({at}), max({at})")[0] for where, at in times_of_interactions(schema)]
            builds = run(session, "MATCH (b:Build) WHERE b.source IS NOT NULL RETURN b ORDER BY b.at, b.id")
        return StoreInfo(
            address=self.address,
            nodes={label: count for label, count in nodes.items() if count},
            edges={kind: count for kind, count in edges.items() if count},
            first_at=min((first for first, _ in spans if first is not None), default=None),
            last_at=max((last for _, last in spans if last is not None), default=None),
            builds=tuple(_build(record[0]) for record in builds),
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Neo4jStore({self.uri!r}, user {self._user!r})"

    def _schema(self, session: Session) -> GraphSchema | None:
        """The schema that the server keeps; None where nothing was written yet.

        Raises:
            StoreError: a newer graphrec wrote it.
        """
        found = run(session, "MATCH (b:Build {id: 'schema'}) RETURN b.schema, b.form, b.by")
        if not found:
            return None
        text, form, by = found[0]
        check(self.uri, form, by)
        try:
            return GraphSchema.from_json(text)
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{self.uri}: the schema in (:Build {{id: 'schema'}}) is damaged ({one_line(str(error))}); "
                "restore the database from a backup, or empty it and build it again"
            ) from None

    def _known(self, session: Session) -> GraphSchema:
        schema = self._schema(session)
        if schema is None:
            raise StoreMissing(f"{self.uri} holds no graph of ours yet; make one with: kg-builder build SOURCE --into {self.uri}")
        return schema

    def _errors(self) -> AbstractContextManager[None]:
        return errors(self.uri, self._user, tried=self._patience)

    def _session(self, *, writes: bool = False) -> Session:
        lease = self._lease if writes else None
        return Session(self._driver, self.uri, self._patience, writes=writes, before=None if lease is None else lease.keep)


def _build(node: Node) -> Build:
    said = {one.name: node[one.name] for one in fields(Build) if node.get(one.name) is not None}
    return Build(**{name: json.loads(value) if name in _COUNTS else value for name, value in said.items()})


_COUNTS = ("rejected", "added", "changed", "removed")


def _sum(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _plain(value: object) -> object:
    """Nodes and relationships as their properties, paths as lists of both."""
    if isinstance(value, Walk):
        return {"nodes": [dict(node) for node in value.nodes], "relationships": [dict(edge) for edge in value.relationships]}
    if isinstance(value, Node | Relationship):
        return dict(value)
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return value
