"""What a source told of: of every node and edge which properties, and of which moment that is; never what they say."""

from collections.abc import Mapping, Sequence

import polars as pl

from kg_builder.marks import within, without
from kg_builder.schema import EdgeType, GraphSchema
from kg_builder.tables import GraphTables

IDENTITY = ("kind", "source", "target", "key")
"""A label with an id as `source`, or `Source-TYPE-Target` with both ends and the key."""

TOLD: Mapping[str, pl.DataType] = {**dict.fromkeys(IDENTITY, pl.String()), "said": pl.String(), "at": pl.Int64()}
"""Columns: who it is, the names of the properties that were said, a line each, and the moment in epoch seconds."""

NOTHING = pl.LazyFrame(schema=TOLD)

_SAYING = (*IDENTITY, "said")


def told(tables: GraphTables, at: int) -> pl.LazyFrame:
    """Every node and edge of a dump that tells of the moment `at`, in no order; what is derived or a record is left out.

    Example:
        >>> from kg_builder.schema import RETAIL
        >>> shop = GraphTables.of(RETAIL, {"Product": pl.DataFrame({"id": ["p"], "title": ["Tea"], "price": [3.0]})}, {})
        >>> told(shop, 1600000000).collect().rows()
        [('Product', 'p', None, None, 'price\\ntitle', 1600000000)]
    """
    graph = tables.without_derived()
    parts = [NOTHING]
    for label, table in graph.nodes.items():
        parts.append(table.select(pl.lit(label).alias("kind"), _said(table, ("id",)), source="id"))
    for kind, table in graph.edges.items():
        identity = graph.schema.edge(kind).identity
        columns = dict(zip(IDENTITY[1:], identity, strict=False))
        parts.append(table.select(pl.lit("-".join(kind)).alias("kind"), _said(table, identity), **columns))
    return pl.concat(parts, how="diagonal").select(*_SAYING, pl.lit(at, pl.Int64).alias("at"))


def _said(table: pl.LazyFrame, identity: Sequence[str]) -> pl.Expr:
    names = sorted(set(table.collect_schema()) - {*identity})
    said = [pl.when(pl.col(name).is_not_null()).then(pl.lit(name)) for name in names]
    return (pl.concat_str(said, separator="\n", ignore_nulls=True) if said else pl.lit("")).alias("said")


def says_more(now: pl.LazyFrame, before: pl.LazyFrame) -> bool:
    """Whether there is a node, an edge or a property of one that was not told of before."""
    return _any(without(now, before, _SAYING))


def says_less(now: pl.LazyFrame, before: pl.LazyFrame) -> bool:
    """Whether a node or an edge is told of no longer."""
    return _any(without(before, now, IDENTITY))


def with_news(before: pl.LazyFrame, now: pl.LazyFrame, at: int) -> pl.LazyFrame:
    """What a source told of before and tells of now, at the moment `at`; said once more it is as of the later moment.

    Example:
        >>> from kg_builder.schema import RETAIL
        >>> shop = GraphTables.of(RETAIL, {"User": pl.DataFrame({"id": ["u"]})}, {})
        >>> with_news(told(shop, 1), told(shop, 2), 2).collect()["at"].to_list()
        [2]
    """
    earlier, later = before.filter(pl.col("at") <= at), before.filter(pl.col("at") > at)
    return pl.concat([later, without(earlier, now, _SAYING), without(now, later, _SAYING)])


def still_told(rows: pl.LazyFrame, now: pl.LazyFrame) -> pl.LazyFrame:
    """Those rows whose node or edge is told of now."""
    return within(rows, now, IDENTITY)


def identities(rows: pl.DataFrame, schema: GraphSchema) -> GraphTables:
    """The nodes and edges that these rows name, those that the schema knows, without their properties."""
    nodes: dict[str, pl.DataFrame] = {}
    edges: dict[EdgeType, pl.DataFrame] = {}
    for (kind,), part in rows.select(IDENTITY).unique().group_by("kind"):
        if kind in schema.nodes:
            nodes[str(kind)] = part.select(id="source")
            continue
        source, _, rest = str(kind).partition("-")
        name, _, target = rest.partition("-")
        if (source, name, target) in schema.edges:
            key = schema.edge((source, name, target)).key
            edges[source, name, target] = part.select("source", "target", *([pl.col("key").alias(key)] if key else []))
    return GraphTables.of(schema, nodes, edges)


def _any(rows: pl.LazyFrame) -> bool:
    return rows.head(1).collect(engine="streaming").height > 0
