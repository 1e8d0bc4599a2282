"""What a write does to the graph that a store holds, worked out on tables and not in the store."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from kg_builder.schema import EdgeSpec, EdgeType
from kg_builder.tables import GraphTables


def applied(held: GraphTables, written: GraphTables, gone: GraphTables | None = None) -> GraphTables:
    """The graph that a store should hold after `written` came to what it `held` and `gone` left it.

    Nulls change nothing. Of derived edges, what the same sources held under the same key is gone first. A node that is gone
    takes its edges along; one that is written too is replaced and keeps them.

    Example:
        >>> from kg_builder.schema import RETAIL
        >>> made = pl.DataFrame({"source": ["p"], "target": ["b"]})
        >>> nodes = {"Product": pl.DataFrame({"id": ["p"]}), "Brand": pl.DataFrame({"id": ["b"]})}
        >>> held = GraphTables.of(RETAIL, nodes, {("Product", "MADE_BY", "Brand"): made})
        >>> gone = GraphTables.of(RETAIL, {"Brand": nodes["Brand"]}, {})
        >>> applied(held, GraphTables.of(RETAIL, {}, {}), gone).counts()
        ({'Product': 1}, {})
    """
    kept = held if gone is None else _without(held, written, gone)
    return without_replaced(kept, written).merge(written)


def leaving(written: GraphTables, gone: GraphTables) -> Mapping[str, pl.LazyFrame]:
    """By label, the ids of the nodes that are gone and not written: those that take their edges along."""
    ids = {label: table.select("id") for label, table in gone.nodes.items()}
    return {
        label: table.join(written.nodes[label], on="id", how="anti") if label in written.nodes else table
        for label, table in ids.items()
    }


def _without(held: GraphTables, written: GraphTables, gone: GraphTables) -> GraphTables:
    nodes, edges = dict(held.nodes), dict(held.edges)
    for label in nodes.keys() & gone.nodes.keys():
        nodes[label] = nodes[label].join(gone.nodes[label], on="id", how="anti")
    for kind in edges.keys() & gone.edges.keys():
        edges[kind] = edges[kind].join(gone.edges[kind], on=list(gone.schema.edge(kind).identity), how="anti")
    for label, ids in leaving(written, gone).items():
        for kind, table in edges.items():
            for end, owner in (("source", kind[0]), ("target", kind[2])):
                if owner == label:
                    table = table.join(ids, left_on=end, right_on="id", how="anti")
            edges[kind] = table
    return GraphTables(held.schema, nodes, edges)


def without_replaced(held: GraphTables, written: GraphTables) -> GraphTables:
    """What was held, without the derived edges that `written` replaces."""
    edges = dict(held.edges)
    for kind in edges.keys() & written.edges.keys():
        spec = written.schema.edge(kind)
        if spec.derived:
            edges[kind] = edges[kind].join(written.edges[kind], on=list(replaced_by(spec)), how="anti")
    return GraphTables(held.schema, held.nodes, edges)


def replaced_by(spec: EdgeSpec) -> tuple[str, ...]:
    """The columns that say which derived edges a write replaces: those of the same source under the same key."""
    return ("source",) if spec.key is None else ("source", spec.key)


@dataclass(frozen=True, slots=True)
class Difference:
    """How to get from what is held to what should be held without touching the rest."""

    gone: Mapping[EdgeType, pl.DataFrame]
    """The identities of edges to delete: replaced ones, and those that come back changed."""
    added: GraphTables
    """The rows to add."""


def difference(held: GraphTables, written: GraphTables) -> Difference | None:
    """What a write deletes and adds, or None where a held node would change, or an edge that carries a list.

    `held` is what the store holds of the tables that are written.
    """
    after = applied(held, written)
    nodes_held = GraphTables(held.schema, held.nodes, {})
    known = {
        label: table.join(held.nodes[label], on="id", how="semi") for label, table in after.nodes.items() if label in held.nodes
    }
    if GraphTables(after.schema, known, {}) != nodes_held:
        return None
    nodes = {label: _absent(table, held.nodes.get(label), ["id"]) for label, table in written.nodes.items()}
    edges, gone = {}, {}
    for kind, table in after.edges.items():
        there = held.edges.get(kind)
        if there is None:
            edges[kind] = table
            continue
        columns = table.collect_schema()
        if any(isinstance(dtype, pl.List) for dtype in columns.values()):
            return None
        edges[kind] = _absent(table, there, columns.names())
        gone[kind] = _absent(there, table, columns.names()).select(written.schema.edge(kind).identity).collect()
    return Difference(
        {kind: rows for kind, rows in gone.items() if rows.height}, GraphTables(after.schema, nodes, edges).collect()
    )


def _absent(table: pl.LazyFrame, there: pl.LazyFrame | None, columns: list[str]) -> pl.LazyFrame:
    """The rows of the table that are not there, compared in these columns; a null equals a null."""
    return table if there is None else table.join(there, on=columns, how="anti", nulls_equal=True)
