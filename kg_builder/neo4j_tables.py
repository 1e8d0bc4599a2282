"""A graph's tables on a Neo4j server: the statements that write, thin out and read them, a batch a transaction.

Names in the statements are those of a checked schema, values are parameters.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

import neo4j
import polars as pl

from kg_builder.changes import leaving, replaced_by
from kg_builder.cypher import edge_pattern
from kg_builder.neo4j_sessions import Session
from kg_builder.schema import EdgeType, GraphSchema
from kg_builder.tables import GraphTables, edge_columns, node_columns

_ROWS = 10_000  # of one transaction
_VECTORS = 1_000  # rows of one transaction that carries vectors
_SOURCES = 500  # sources of one transaction that replaces derived edges
_DETACHED = 1_000  # nodes of one transaction that takes their edges along
_CHUNK = 100_000  # edges of one answer
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


def _index(session: Session, label: str, column: str, vectors: pl.Series) -> None:
    """A vector index over the column, made anew where the vectors' length has changed."""
    length = int(cast("int", vectors.drop_nulls().list.len().mode()[0]))
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


def read_nodes(session: Session, schema: GraphSchema, label: str, *, derived: bool) -> pl.DataFrame:
    """The table of the nodes of the label."""
    skipped = () if derived else schema.node(label).derived
    columns = {name: dtype for name, dtype in node_columns(schema, label).items() if name not in skipped}
    wide = any(dtype == pl.List(pl.Float32) for dtype in columns.values())
    ids = ids_of(session, label)
    return _collected(session, f"MATCH (n:`{label}` {{id: id}})", "n", columns, ids, _VECTORS if wide else _ROWS)


def read_edges(session: Session, schema: GraphSchema, kind: EdgeType, sources: pl.Series) -> pl.DataFrame:
    """The table of the edges of the kind; `sources` are the ids of all nodes they may start at."""
    source, name, target = kind
    match = f"MATCH (a:`{source}` {{id: id}})-[r:`{name}`]->(b:`{target}`)"
    columns = edge_columns(schema, kind)
    count = run(session, f"MATCH {edge_pattern(kind)} RETURN count(r)")[0][0] if len(sources) else 0
    if not count:
        return pl.DataFrame(schema=columns)
    return _collected(session, match, "r", columns, sources, max(1, _CHUNK * len(sources) // count))


def _collected(
    session: Session, match: str, owner: str, columns: Mapping[str, pl.DataType], ids: pl.Series, size: int
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
        answer = list(run(session, cypher, ids=ids[start : start + size].to_list())[0].values())
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
