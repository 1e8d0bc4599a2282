"""The Neo4j store: a server, by the official driver.

Every write is a MERGE on a declared key in a managed transaction, so the driver may retry it, and a build that broke
off is mended by running it again. The schema and the builds are kept in `Build` nodes.
"""

import io
import json
import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from types import TracebackType
from typing import Any, Self, cast

import neo4j
import pandas as pd
import polars as pl
from neo4j import exceptions
from neo4j.graph import Node, Path, Relationship

from kg_builder.changes import leaving, replaced_by
from kg_builder.cypher import edge_pattern, one_line, times_of_interactions
from kg_builder.errors import QueryError, SchemaError, StoreError, StoreMissing, StoreRefused, StoreUnreachable
from kg_builder.neo4j_lease import Lease
from kg_builder.schema import EdgeType, GraphSchema
from kg_builder.stores import Build, Progress, StoreInfo
from kg_builder.tables import GraphTables, edge_columns, node_columns
from kg_builder.told import TOLD

logging.getLogger("neo4j").addHandler(logging.NullHandler())  # what goes wrong is raised, not printed besides

_ROWS = 10_000  # of one transaction
_VECTORS = 1_000  # rows of one transaction that carries vectors
_SOURCES = 500  # sources of one transaction that replaces derived edges
_DETACHED = 1_000  # nodes of one transaction that takes their edges along
_CHUNK = 100_000  # edges of one answer
_PATIENCE = 120  # seconds in which a transaction is tried again: a server that restarts is back by then
_PART = 1 << 20  # bytes of one property
_LONGEST_VECTOR = 4096  # Neo4j indexes no longer ones


class Neo4jStore:
    """A graph on a Neo4j server. See `GraphStore` for what each method promises.

    Raises:
        StoreUnreachable: no server answers at the address.
        StoreRefused: it refuses the user or the password.
    """

    def __init__(self, uri: str, user: str, password: str) -> None:
        self.uri = uri
        self._user = user
        self._lease: Lease | None = None
        with self._errors():
            self._driver = neo4j.GraphDatabase.driver(
                uri,
                auth=(user, password),
                connection_timeout=5,
                connection_acquisition_timeout=10,
                max_transaction_retry_time=_PATIENCE,
                notifications_min_severity="OFF",
            )
        try:
            with self._errors():
                self._driver.verify_connectivity()
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
        with self.writing(), self._errors(), self._driver.session() as session:
            there = _schema(session)
            schema = there.merge(tables.schema) if there else tables.schema
            ends = {label for source, _, target in tables.edges for label in (source, target)}
            staying = {label: _ids(session, label).to_frame("id").lazy() for label in sorted(ends)}
            for label, ids in (leaving(tables, gone) if gone is not None else {}).items():
                if label in staying:
                    staying[label] = staying[label].join(ids, on="id", how="anti")
            tables.check(held=staying)
            for label in ("Build", *schema.nodes):
                _change(session, f"CREATE CONSTRAINT IF NOT EXISTS FOR (n:`{label}`) REQUIRE n.id IS UNIQUE")
            if schema != there:
                _change(session, "MERGE (b:Build {id: 'schema'}) SET b.schema = $schema", schema=schema.to_json())
            written = GraphTables.of(schema, tables.nodes, tables.edges)
            _write(session, written, gone, progress)
            if gone is not None:
                _delete(session, written, gone)
            if build is not None:
                record = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in asdict(build).items()}
                key = f"build:{build.at}:{build.format}:{build.source}"
                _change(session, "MERGE (b:Build {id: $id}) SET b += $record", id=key, record=record)

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
            self._lease = Lease.taken(self._driver, self.uri)
        try:
            yield
        finally:
            lease, self._lease = self._lease, None
            lease.given_back()

    def remember(self, source: str, told: pl.DataFrame) -> None:
        """See `GraphStore.remember`; as Parquet in the bytes of `Build` nodes, the new ones in place of the old in one step."""
        file = io.BytesIO()
        told.write_parquet(file)
        data, key, fresh = file.getvalue(), f"told:{source}", str(uuid.uuid4())
        parts = range(0, len(data), _PART)
        with self.writing(), self._errors(), self._driver.session() as session:
            _change(session, "CREATE CONSTRAINT IF NOT EXISTS FOR (n:Build) REQUIRE n.id IS UNIQUE")
            for number, start in enumerate(parts):
                made = {"id": f"{key}:{fresh}:{number}", "told": key, "version": fresh, "number": number}
                _change(
                    session,
                    "MERGE (b:Build {id: $made.id}) SET b = $made, b.data = $data",
                    made=made,
                    data=data[start : start + _PART],
                )
            _change(
                session,
                "MERGE (b:Build {id: $id}) SET b.current = $fresh, b.parts = $parts",
                id=key,
                fresh=fresh,
                parts=len(parts),
            )
            _change(session, "MATCH (b:Build {told: $key}) WHERE b.version <> $fresh DELETE b", key=key, fresh=fresh)

    def remembered(self, source: str) -> pl.DataFrame:
        """See `GraphStore.remembered`.

        Raises:
            StoreError: a part is missing.
        """
        with self._errors(), self._driver.session(default_access_mode=neo4j.READ_ACCESS) as session:
            parts = _run(
                session,
                "MATCH (b:Build {id: $id}) MATCH (p:Build {told: $id, version: b.current}) "
                "RETURN b.parts, p.data ORDER BY p.number",
                id=f"told:{source}",
            )
        if not parts:
            return pl.DataFrame(schema=TOLD)
        if len(parts) != parts[0][0]:
            raise StoreError(f"{self.uri}: of what {source} told {len(parts)} of {parts[0][0]} parts are there; build it again")
        return pl.read_parquet(io.BytesIO(b"".join(part[1] for part in parts)))

    def read(self, *, derived: bool = False) -> GraphTables:
        """See `GraphStore.read`; the tables are in memory.

        Raises:
            StoreMissing: nothing was written to this server yet.
        """
        with self._errors(), self._driver.session(default_access_mode=neo4j.READ_ACCESS) as session:
            schema = self._known(session)
            labels = [label for label, spec in schema.nodes.items() if derived or not spec.record]
            nodes = {label: _read_nodes(session, schema, label, derived=derived) for label in labels}
            edges = {
                kind: _read_edges(session, schema, kind, nodes[kind[0]]["id"])
                for kind, spec in schema.edges.items()
                if derived or not spec.derived
            }
        return GraphTables.of(
            schema,
            {label: frame for label, frame in nodes.items() if frame.height},
            {kind: frame for kind, frame in edges.items() if frame.height},
        )

    def query(self, cypher: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """See `GraphStore.query`; runs in a reading transaction.

        Raises:
            QueryError: the server does not accept the Cypher, a parameter is missing, or the query writes.
        """

        def rows(transaction: neo4j.ManagedTransaction) -> pd.DataFrame:
            result = transaction.run(cypher, dict(parameters or {}))
            columns = result.keys()
            return pd.DataFrame([[_plain(value) for value in record.values()] for record in result], columns=columns)

        with self._errors(), self._driver.session(default_access_mode=neo4j.READ_ACCESS) as session:
            return session.execute_read(rows)

    @property
    def address(self) -> str:
        """See `GraphStore.address`."""
        return self.uri

    def info(self) -> StoreInfo:
        """See `GraphStore.info`."""
        with self._errors(), self._driver.session(default_access_mode=neo4j.READ_ACCESS) as session:
            schema = self._known(session)
            nodes = {label: _run(session, f"MATCH (n:`{label}`) RETURN count(n)")[0][0] for label in schema.nodes}
            edges = {kind: _run(session, f"MATCH {edge_pattern(kind)} RETURN count(r)")[0][0] for kind in schema.edges}
            spans = [
                _run(session, f"MATCH {where} RETURN min({at}), max({at})")[0] for where, at in times_of_interactions(schema)
            ]
            builds = _run(session, "MATCH (b:Build) WHERE b.source IS NOT NULL RETURN b ORDER BY b.at, b.id")
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

    def _known(self, session: neo4j.Session) -> GraphSchema:
        schema = _schema(session)
        if schema is None:
            raise StoreMissing(f"{self.uri} holds no graph of ours yet; make one with: kg-builder build SOURCE --into {self.uri}")
        return schema

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn the driver's errors into ours."""
        try:
            yield
        except exceptions.AuthError:
            raise self._refused() from None
        except exceptions.ClientError as error:
            if (error.code or "").startswith("Neo.ClientError.Security"):
                raise self._refused() from None
            raise QueryError(one_line(error.message or str(error))) from None
        except (exceptions.ServiceUnavailable, exceptions.SessionExpired):
            raise StoreUnreachable(
                f"no Neo4j server answers at {self.uri}; start one (make neo4j-start) or correct the address in NEO4J_URI"
            ) from None
        except (exceptions.Neo4jError, exceptions.DriverError, ValueError) as error:
            if isinstance(error, SchemaError | StoreError):
                raise
            raise StoreError(f"{self.uri}: {one_line(str(error))}") from None

    def _refused(self) -> StoreRefused:
        return StoreRefused(
            f"{self.uri} refuses the user {self._user!r} or the password; set NEO4J_USERNAME and NEO4J_PASSWORD to what it knows"
        )


def _run(session: neo4j.Session, cypher: str, **parameters: Any) -> list[neo4j.Record]:
    """The records of one reading statement of ours, tried again where the server was away; names in it are a checked schema's."""
    return session.execute_read(lambda transaction: list(transaction.run(cypher, parameters)))


def _change(session: neo4j.Session, cypher: str, **parameters: Any) -> None:
    """One writing statement of ours has run, tried again where the server was away."""
    session.execute_write(lambda transaction: transaction.run(cypher, parameters).consume())


def _schema(session: neo4j.Session) -> GraphSchema | None:
    found = _run(session, "MATCH (b:Build {id: 'schema'}) RETURN b.schema")
    return GraphSchema.from_json(found[0][0]) if found else None


def _build(node: Node) -> Build:
    said = {one.name: node[one.name] for one in fields(Build) if node.get(one.name) is not None}
    return Build(**{name: json.loads(value) if name in _COUNTS else value for name, value in said.items()})


_COUNTS = ("rejected", "added", "changed", "removed")


def _write(session: neo4j.Session, tables: GraphTables, gone: GraphTables | None, progress: Progress | None) -> None:
    nodes, edges = tables.counts()
    total, done = sum(nodes.values()) + sum(edges.values()), 0

    def send(batch: pl.DataFrame, *statements: tuple[str, pl.DataFrame]) -> None:
        nonlocal done

        def work(transaction: neo4j.ManagedTransaction) -> None:
            for cypher, rows in statements:
                transaction.run(cypher, rows=rows.rows()).consume()

        session.execute_write(work)
        done += batch.height
        if progress is not None:
            progress("write", done, total)

    for label in nodes:
        frame = _used(tables.nodes[label].collect(), ("id",))
        cypher = f"UNWIND $rows AS row MERGE (n:`{label}` {{id: row[0]}}){_set('n', frame.columns, 1)}"
        vectors = [column for column in frame.columns if frame.schema[column] == pl.List(pl.Float32)]
        there = None if gone is None else gone.nodes.get(label)
        for batch in frame.iter_slices(_VECTORS if vectors else _ROWS):
            send(batch, *_cleared(label, None, batch, there), (cypher, batch))
        for column in vectors:
            _index(session, label, column, frame[column])
    for kind in edges:
        spec = tables.schema.edge(kind)
        frame = _used(tables.edges[kind].collect(), spec.identity)
        cypher = _merge_edges(kind, frame.columns, spec.key)
        if not spec.derived:
            there = None if gone is None else gone.edges.get(kind)
            for batch in frame.iter_slices(_ROWS):
                send(batch, *_cleared(kind, spec.key, batch, there), (cypher, batch))
            continue
        replaced = _delete_edges(kind, spec.key)
        for batch in _by_sources(frame):
            send(batch, (replaced, batch.select(replaced_by(spec)).unique()), (cypher, batch))


def _cleared(
    kind: str | EdgeType, key: str | None, batch: pl.DataFrame, gone: pl.LazyFrame | None
) -> list[tuple[str, pl.DataFrame]]:
    """The statement, where it is needed, by which the written rows that are gone hold their identity alone."""
    if gone is None:
        return []
    identity = ["id"] if isinstance(kind, str) else ["source", "target", *([key] if key else [])]
    rows = batch.select(identity).join(gone.select(identity).collect(), on=identity, how="semi")
    if not rows.height:
        return []
    if isinstance(kind, str):
        return [(f"UNWIND $rows AS row MATCH (n:`{kind}` {{id: row[0]}}) SET n = {{id: row[0]}}", rows)]
    return [(f"{_match_edges(kind, key)} SET r = {f'{{`{key}`: row[2]}}' if key else '{}'}", rows)]


def _delete(session: neo4j.Session, written: GraphTables, gone: GraphTables) -> None:
    """What is gone and not written is deleted, last of all: what broke off before is completed by writing again."""
    for kind, table in gone.edges.items():
        if kind not in written.schema.edges:
            continue
        identity = list(written.schema.edge(kind).identity)
        rows = table.select(identity)
        if kind in written.edges:
            rows = rows.join(written.edges[kind], on=identity, how="anti")
        _send(session, f"{_match_edges(kind, written.schema.edge(kind).key)} DELETE r", rows)
    for label, ids in leaving(written, gone).items():
        _send(session, f"UNWIND $rows AS row MATCH (n:`{label}` {{id: row[0]}}) DETACH DELETE n", ids, size=_DETACHED)


def _send(session: neo4j.Session, cypher: str, rows: pl.LazyFrame, *, size: int = _ROWS) -> None:
    """The statement has run over all rows, so many a transaction."""

    def work(transaction: neo4j.ManagedTransaction, batch: pl.DataFrame) -> None:
        transaction.run(cypher, rows=batch.rows()).consume()

    for batch in rows.collect().iter_slices(size):
        session.execute_write(work, batch)


def _match_edges(kind: EdgeType, key: str | None) -> str:
    source, name, target = kind
    keyed = f" {{`{key}`: row[2]}}" if key else ""
    return f"UNWIND $rows AS row MATCH (:`{source}` {{id: row[0]}})-[r:`{name}`{keyed}]->(:`{target}` {{id: row[1]}})"


def _used(frame: pl.DataFrame, identity: tuple[str, ...]) -> pl.DataFrame:
    """The identity first, then the columns that hold anything: null changes nothing."""
    return frame.select(*identity, *(c.name for c in frame if c.name not in identity and c.null_count() < len(c)))


def _set(variable: str, columns: list[str], start: int) -> str:
    parts = [
        f"{variable}.`{name}` = coalesce(row[{place}], {variable}.`{name}`)"
        for place, name in enumerate(columns)
        if place >= start
    ]
    return f" SET {', '.join(parts)}" if parts else ""


def _merge_edges(kind: EdgeType, columns: list[str], key: str | None) -> str:
    source, name, target = kind
    keyed = f" {{`{key}`: row[2]}}" if key else ""
    return (
        f"UNWIND $rows AS row MATCH (a:`{source}` {{id: row[0]}}) MATCH (b:`{target}` {{id: row[1]}}) "
        f"MERGE (a)-[r:`{name}`{keyed}]->(b){_set('r', columns, 3 if key else 2)}"
    )


def _delete_edges(kind: EdgeType, key: str | None) -> str:
    source, name, target = kind
    keyed = f" {{`{key}`: row[1]}}" if key else ""
    return f"UNWIND $rows AS row MATCH (a:`{source}` {{id: row[0]}})-[r:`{name}`{keyed}]->(:`{target}`) DELETE r"


def _by_sources(frame: pl.DataFrame) -> list[pl.DataFrame]:
    """The rows in batches that keep all rows of a source together."""
    part = (pl.col("source").rank("dense") - 1) // _SOURCES
    return frame.with_columns(part.alias("__part")).partition_by("__part", include_key=False)


def _index(session: neo4j.Session, label: str, column: str, vectors: pl.Series) -> None:
    """A vector index over the column, made anew where the vectors' length has changed."""
    length = int(cast("int", vectors.drop_nulls().list.len().mode()[0]))
    if not 0 < length <= _LONGEST_VECTOR:
        return
    name = f"{label.lower()}_{column}"
    found = _run(session, "SHOW VECTOR INDEXES YIELD name, options WHERE name = $name RETURN options", name=name)
    if found and found[0][0]["indexConfig"]["vector.dimensions"] != length:
        _change(session, f"DROP INDEX `{name}`")
    settings = f"{{`vector.dimensions`: {length}, `vector.similarity_function`: 'cosine'}}"
    _change(
        session,
        f"CREATE VECTOR INDEX `{name}` IF NOT EXISTS FOR (n:`{label}`) ON n.`{column}` OPTIONS {{indexConfig: {settings}}}",
    )


def _ids(session: neo4j.Session, label: str) -> pl.Series:
    return pl.Series("id", _run(session, f"MATCH (n:`{label}`) RETURN collect(n.id)")[0][0], dtype=pl.String)


def _read_nodes(session: neo4j.Session, schema: GraphSchema, label: str, *, derived: bool) -> pl.DataFrame:
    skipped = () if derived else schema.node(label).derived
    columns = {name: dtype for name, dtype in node_columns(schema, label).items() if name not in skipped}
    wide = any(dtype == pl.List(pl.Float32) for dtype in columns.values())
    ids = _ids(session, label)
    return _collected(session, f"MATCH (n:`{label}` {{id: id}})", "n", columns, ids, _VECTORS if wide else _ROWS)


def _read_edges(session: neo4j.Session, schema: GraphSchema, kind: EdgeType, sources: pl.Series) -> pl.DataFrame:
    source, name, target = kind
    match = f"MATCH (a:`{source}` {{id: id}})-[r:`{name}`]->(b:`{target}`)"
    columns = edge_columns(schema, kind)
    count = _run(session, f"MATCH {edge_pattern(kind)} RETURN count(r)")[0][0] if len(sources) else 0
    if not count:
        return pl.DataFrame(schema=columns)
    return _collected(session, match, "r", columns, sources, max(1, _CHUNK * len(sources) // count))


def _collected(
    session: neo4j.Session, match: str, owner: str, columns: Mapping[str, pl.DataType], ids: pl.Series, size: int
) -> pl.DataFrame:
    """The columns of what matches, asked for `size` ids at a time.

    One answer is one row of lists, eight times faster than a row an edge. `collect` drops nulls, so where there are any
    a second list tells which values are there.
    """
    ends = {"source": "a.id", "target": "b.id"}
    values = [ends.get(name, f"{owner}.`{name}`") for name in columns]
    lists = [
        f"collect({value}), CASE WHEN count({value}) = count(*) THEN [] ELSE collect({value} IS NOT NULL) END" for value in values
    ]
    cypher = f"UNWIND $ids AS id {match} RETURN {', '.join(lists)}"
    parts = [pl.DataFrame(schema=dict(columns))]
    for start in range(0, len(ids), size):
        answer = list(_run(session, cypher, ids=ids[start : start + size].to_list())[0].values())
        pairs = zip(columns.items(), answer[::2], answer[1::2], strict=True)
        parts.append(pl.DataFrame([_spread(name, dtype, there, mask) for (name, dtype), there, mask in pairs]))
    return pl.concat(parts)


def _spread(name: str, dtype: pl.DataType, values: list[Any], mask: list[bool]) -> pl.Series:
    """The values at the places where the mask is true, null elsewhere; an empty mask means no nulls."""
    series = pl.Series(name, values, dtype=dtype)
    if not mask:
        return series
    present = pl.Series(mask)
    places = pl.DataFrame({"there": present, "place": present.cast(pl.Int64).cum_sum() - 1})
    return series.gather(places.select(pl.when("there").then("place"))["place"])


def _plain(value: object) -> object:
    """Nodes and relationships as their properties, paths as lists of both."""
    if isinstance(value, Path):
        return {"nodes": [dict(node) for node in value.nodes], "relationships": [dict(edge) for edge in value.relationships]}
    if isinstance(value, Node | Relationship):
        return dict(value)
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return value
