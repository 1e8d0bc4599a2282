"""What a write does to the graph that a store holds, worked out on tables and not in the store."""

import polars as pl

from kg_builder.schema import EdgeSpec, EdgeType
from kg_builder.tables import GraphTables


def applied(held: GraphTables, written: GraphTables) -> GraphTables:
    """The graph that a store should hold after `written` came to what it `held`.

    Nulls change nothing. Of derived edges, what the same sources held under the same key is gone first.
    """
    return without_replaced(held, written).merge(written)


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


def only_new(held: GraphTables, written: GraphTables) -> GraphTables | None:
    """The rows of `written` that are not held yet, or None where something held would change."""
    after = applied(held, written)
    if _rows_of(after, held) != held:
        return None
    nodes = {label: _absent(table, held.nodes.get(label), ("id",)) for label, table in written.nodes.items()}
    edges = {
        kind: _absent(table, held.edges.get(kind), written.schema.edge(kind).identity) for kind, table in written.edges.items()
    }
    return GraphTables(written.schema, nodes, edges)


def _rows_of(tables: GraphTables, held: GraphTables) -> GraphTables:
    """The rows of `tables` whose nodes and edges are held."""

    def present(table: pl.LazyFrame, there: pl.LazyFrame, identity: tuple[str, ...]) -> pl.LazyFrame:
        return table.join(there, on=list(identity), how="semi")

    nodes = {label: present(tables.nodes[label], table, ("id",)) for label, table in held.nodes.items()}
    edges: dict[EdgeType, pl.LazyFrame] = {
        kind: present(tables.edges[kind], table, tables.schema.edge(kind).identity) for kind, table in held.edges.items()
    }
    return GraphTables(tables.schema, nodes, edges)


def _absent(table: pl.LazyFrame, held: pl.LazyFrame | None, identity: tuple[str, ...]) -> pl.LazyFrame:
    return table if held is None else table.join(held, on=list(identity), how="anti")
