"""What a write does to the graph that a store holds, worked out on tables and not in the store."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from kg_builder.marks import without
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
    held = _touched(held, written)
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


def _touched(held: GraphTables, written: GraphTables) -> GraphTables:
    """Those rows of what is held that a write could change or replace."""
    nodes = {label: held.nodes[label].join(written.nodes[label], on="id", how="semi") for label in held.nodes}
    edges = {}
    for kind, table in held.edges.items():
        spec = written.schema.edge(kind)
        edges[kind] = table.join(written.edges[kind], on=list(replaced_by(spec) if spec.derived else spec.identity), how="semi")
    return GraphTables(held.schema, nodes, edges).collect()


def _absent(table: pl.LazyFrame, there: pl.LazyFrame | None, columns: list[str]) -> pl.LazyFrame:
    """The rows of the table that are not there, compared in these columns; a null equals a null."""
    return table if there is None else table.join(there, on=columns, how="anti", nulls_equal=True)


@dataclass(frozen=True, slots=True)
class News:
    """What a write of tables would do to a store, row by row."""

    tables: GraphTables
    """The rows that are new or say something else than the store."""
    added: Mapping[str, int]
    """How many are new, by label or `Source-TYPE-Target`."""
    changed: Mapping[str, int]

    @property
    def nothing(self) -> bool:
        """Whether the store says all that already."""
        return not self.added and not self.changed


def news(held: GraphTables, tables: GraphTables) -> News:
    """The rows of the tables that are not yet held as they are; a null says nothing.

    Of derived edges all rows of a source are news where one is: a write replaces them together.

    Example:
        >>> from kg_builder.schema import RETAIL
        >>> held, shop = (
        ...     GraphTables.of(RETAIL, {"Product": pl.DataFrame({"id": ids, "title": titles})}, {})
        ...     for ids, titles in ((["p", "q"], ["Tea", None]), (["p", "q", "r"], ["Tea", "Cup", None]))
        ... )
        >>> fresh = news(held, shop)
        >>> fresh.tables.counts(), fresh.added, fresh.changed
        (({'Product': 2}, {}), {'Product': 1}, {'Product': 1})
    """
    if not held.nodes:
        many, links = tables.counts()
        return News(tables, many | {"-".join(kind): count for kind, count in links.items()}, {})
    nodes: dict[str, pl.LazyFrame] = {}
    edges: dict[EdgeType, pl.LazyFrame] = {}
    added: dict[str, int] = {}
    changed: dict[str, int] = {}
    for label, table in tables.nodes.items():
        nodes[label] = _counted(label, _compared(table, held.nodes.get(label), ("id",)), added, changed)
    for kind, table in tables.edges.items():
        spec = tables.schema.edge(kind)
        edges[kind] = _counted("-".join(kind), _compared(table, held.edges.get(kind), spec.identity), added, changed)
        if spec.derived:
            edges[kind] = table.join(edges[kind], on=list(replaced_by(spec)), how="semi")
    return News(GraphTables(tables.schema, nodes, edges), added, changed)


_FRESH = "__fresh"


def _compared(table: pl.LazyFrame, held: pl.LazyFrame | None, identity: tuple[str, ...]) -> pl.DataFrame:
    """The rows that are not held as they are, `__fresh` where nothing of their identity is."""
    if held is None:
        return table.with_columns(pl.lit(value=True).alias(_FRESH)).collect(engine="streaming")
    columns, known = table.collect_schema().names(), held.collect_schema().names()
    table = _not_the_same(table, held).collect(engine="streaming").lazy()
    there = held.join(table, on=list(identity), how="semi").with_columns(pl.lit(value=False).alias(_FRESH))
    joined = table.join(there, on=list(identity), how="left", suffix="__held")
    other = [
        pl.col(name).is_not_null() & (pl.col(name).ne_missing(pl.col(f"{name}__held")) if name in known else True)
        for name in columns
        if name not in identity
    ]
    fresh = pl.col(_FRESH).fill_null(value=True)
    return joined.filter(pl.any_horizontal(fresh, *other)).select(*columns, fresh.alias(_FRESH)).collect(engine="streaming")


def _not_the_same(table: pl.LazyFrame, held: pl.LazyFrame) -> pl.LazyFrame:
    """The rows that are not held value for value."""
    columns, known = table.collect_schema(), held.collect_schema()
    there = [pl.col(name) if name in known else pl.lit(None, dtype).alias(name) for name, dtype in columns.items()]
    return without(table, held.select(there), columns.names())


def _counted(name: str, rows: pl.DataFrame, added: dict[str, int], changed: dict[str, int]) -> pl.LazyFrame:
    fresh = int(rows[_FRESH].sum())
    added.update({name: fresh} if fresh else {})
    changed.update({name: rows.height - fresh} if rows.height > fresh else {})
    return rows.drop(_FRESH).lazy()
