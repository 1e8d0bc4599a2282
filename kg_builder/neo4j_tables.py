"""A graph's tables on their way to a Neo4j server: the statements that write them and thin them out, a batch a transaction.

Names in the statements are those of a checked schema, values are parameters.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

import neo4j
import polars as pl

from kg_builder.changes import leaving, replaced_by
from kg_builder.cypher import edge_pattern
from kg_builder.neo4j_sessions import Session
from kg_builder.schema import EdgeType, GraphSchema
from kg_builder.tables import GraphTables

_ROWS = 10_000  # of one transaction
_VECTORS = 1_000  # rows of one transaction that carries vectors
_SOURCES = 500  # sources of one transaction that replaces derived edges
_DETACHED = 1_000  # nodes of one transaction that takes their edges along
_LONGEST_VECTOR = 4096  # Neo4j indexes no longer ones

_Progress = Callable[[str, int, int], None]


def run(session: Session, cypher: str, **parameters: Any) -> list[neo4j.Record]:
    """The records of one reading statement of ours, tried again where the server was away; names in it are a checked schema's."""
    return session.execute_read(lambda transaction: list(transaction.run(cypher, parameters)))


def change(session: Session, cypher: str, **parameters: Any) -> None:
    """One writing statement of ours has run, tried again where the server was away."""
    session.execute_write(lambda transaction: transaction.run(cypher, parameters).consume())


def write(session: Session, tables: GraphTables, gone: GraphTables | None, progress: _Progress | None) -> None:
    """All rows are on the server; nodes first, and of derived edges those that they replace are gone."""
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
        frame = _used(tables.nodes[label], ("id",))
        columns = frame.collect_schema()
        cypher = f"UNWIND $rows AS row MERGE (n:`{label}` {{id: row[0]}}){_set('n', columns.names(), 1)}"
        vectors = [column for column, dtype in columns.items() if dtype == pl.List(pl.Float32)]
        there = None if gone is None else gone.nodes.get(label)
        for batch in _batches(frame, _VECTORS if vectors else _ROWS):
            send(batch, *_cleared(label, None, batch, there), (cypher, batch))
        for column in vectors:
            _index(session, label, column, frame.select(pl.col(column).list.len()).collect().to_series())
    for kind in edges:
        spec = tables.schema.edge(kind)
        frame = _used(tables.edges[kind], spec.identity)
        cypher = _merge_edges(kind, frame.collect_schema().names(), spec.key)
        if not spec.derived:
            there = None if gone is None else gone.edges.get(kind)
            for batch in _batches(frame, _ROWS):
                send(batch, *_cleared(kind, spec.key, batch, there), (cypher, batch))
            continue
        replaced = _delete_edges(kind, spec.key)
        for batch in _by_sources(frame.collect()):
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


def widen(session: Session, there: GraphSchema, schema: GraphSchema) -> None:
    """What the server holds has the types of the new schema, where they are wider than those of the old one."""
    nodes = [(f"(r:`{label}`)", spec.properties, schema.nodes[label].properties) for label, spec in there.nodes.items()]
    edges = [(edge_pattern(kind), spec.properties, schema.edges[kind].properties) for kind, spec in there.edges.items()]
    for pattern, old, new in (*nodes, *edges):
        for name in (name for name, kind in old.items() if new[name] != kind):
            made = "toFloat" if new[name] == "float" else "toString"
            change(session, f"MATCH {pattern} WHERE r.`{name}` IS NOT NULL SET r.`{name}` = {made}(r.`{name}`)")


def delete(session: Session, written: GraphTables, gone: GraphTables) -> None:
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


def _send(session: Session, cypher: str, rows: pl.LazyFrame, *, size: int = _ROWS) -> None:
    """The statement has run over all rows, so many a transaction."""

    def work(transaction: neo4j.ManagedTransaction, batch: pl.DataFrame) -> None:
        transaction.run(cypher, rows=batch.rows()).consume()

    for batch in _batches(rows, size):
        session.execute_write(work, batch)


def _match_edges(kind: EdgeType, key: str | None) -> str:
    source, name, target = kind
    keyed = f" {{`{key}`: row[2]}}" if key else ""
    return f"UNWIND $rows AS row MATCH (:`{source}` {{id: row[0]}})-[r:`{name}`{keyed}]->(:`{target}` {{id: row[1]}})"


def _used(table: pl.LazyFrame, identity: tuple[str, ...]) -> pl.LazyFrame:
    """The identity first, then the columns that hold anything: null changes nothing."""
    further = [name for name in table.collect_schema() if name not in identity]
    filled = table.select(pl.col(further).count()).collect(engine="streaming").row(0) if further else ()
    return table.select(*identity, *(name for name, count in zip(further, filled, strict=True) if count))


def _batches(table: pl.LazyFrame, size: int) -> Iterator[pl.DataFrame]:
    """The rows, so many at a time; never all of them in memory."""
    for batch in table.collect_batches(chunk_size=size):
        yield from batch.iter_slices(size)


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


def _index(session: Session, label: str, column: str, lengths: pl.Series) -> None:
    """A vector index over the column, made anew where the vectors' length has changed."""
    length = int(cast("int", lengths.drop_nulls().mode()[0]))
    if not 0 < length <= _LONGEST_VECTOR:
        return
    name = f"{label.lower()}_{column}"
    found = run(session, "SHOW VECTOR INDEXES YIELD name, options WHERE name = $name RETURN options", name=name)
    if found and found[0][0]["indexConfig"]["vector.dimensions"] != length:
        change(session, f"DROP INDEX `{name}`")
    settings = f"{{`vector.dimensions`: {length}, `vector.similarity_function`: 'cosine'}}"
    change(
        session,
        f"CREATE VECTOR INDEX `{name}` IF NOT EXISTS FOR (n:`{label}`) ON n.`{column}` OPTIONS {{indexConfig: {settings}}}",
    )


def ids_of(session: Session, label: str) -> pl.Series:
    """The ids of all nodes of the label."""
    return pl.Series("id", run(session, f"MATCH (n:`{label}`) RETURN collect(n.id)")[0][0], dtype=pl.String)
