"""What a source told of, by identity alone: enough to know later what it tells of no longer."""

from collections.abc import Mapping

import polars as pl

from kg_builder.schema import EdgeType, GraphSchema
from kg_builder.tables import GraphTables

TOLD: Mapping[str, pl.DataType] = {"kind": pl.String(), "source": pl.String(), "target": pl.String(), "key": pl.String()}
"""Columns: a label with an id as `source`, or `Source-TYPE-Target` with both ends and the key."""

NOTHING = pl.LazyFrame(schema=TOLD)


def told(tables: GraphTables) -> pl.LazyFrame:
    """The identity of every node and edge, in no order; what is derived or a record of merges is left out.

    Example:
        >>> from kg_builder.schema import RETAIL
        >>> shop = GraphTables.of(RETAIL, {"User": pl.DataFrame({"id": ["u"]})}, {})
        >>> told(shop).collect().rows()
        [('User', 'u', None, None)]
    """
    graph = tables.without_derived()
    parts = [NOTHING]
    for label, table in graph.nodes.items():
        parts.append(table.select(kind=pl.lit(label), source="id"))
    for kind, table in graph.edges.items():
        columns = dict(zip(("source", "target", "key"), graph.schema.edge(kind).identity, strict=False))
        parts.append(table.select(pl.lit("-".join(kind)).alias("kind"), **columns))
    return pl.concat(parts, how="diagonal").select(list(TOLD))


def identities(rows: pl.DataFrame, schema: GraphSchema) -> GraphTables:
    """The nodes and edges that these rows name, those that the schema knows, without their properties."""
    nodes: dict[str, pl.DataFrame] = {}
    edges: dict[EdgeType, pl.DataFrame] = {}
    for (kind,), part in rows.group_by("kind"):
        if kind in schema.nodes:
            nodes[str(kind)] = part.select(id="source")
            continue
        source, _, rest = str(kind).partition("-")
        name, _, target = rest.partition("-")
        if (source, name, target) in schema.edges:
            key = schema.edge((source, name, target)).key
            edges[source, name, target] = part.select("source", "target", *([pl.col("key").alias(key)] if key else []))
    return GraphTables.of(schema, nodes, edges)
