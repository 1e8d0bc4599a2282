"""The part of a graph around one node, for what cannot hold all of it: a drawing, a networkx graph, a look by eye."""

from collections.abc import Mapping

import polars as pl

from kg_builder.errors import BadRequest, did_you_mean
from kg_builder.schema import EdgeType
from kg_builder.tables import GraphTables

_LOOKED_AT = 10_000
"""Ids that are compared with a misspelt one: comparing millions would take longer than looking it up."""

Ids = Mapping[str, pl.DataFrame]
"""By label, the ids (column `id`, each once) of some nodes."""


def neighbourhood(tables: GraphTables, around: str, *, hops: int = 2) -> GraphTables:
    """The nodes that can be reached from `around` within so many edges, whatever their direction, and all edges between them.

    Args:
        tables: the whole graph; only the ids that are near are held in memory.
        around: a label and an id, such as Product/B00005N7PS.
        hops: 0 leaves the node alone; a hub such as a root category brings nearly everything within 2.

    Raises:
        BadRequest: no such label or id; says which come close.

    Example:
        >>> from kg_builder.schema import RETAIL
        >>> nodes = {"Product": pl.DataFrame({"id": ["p1", "p2", "p3"]}), "Brand": pl.DataFrame({"id": ["acme"]})}
        >>> made = pl.DataFrame({"source": ["p1", "p2"], "target": ["acme", "acme"]})
        >>> shop = GraphTables.of(RETAIL, nodes, {("Product", "MADE_BY", "Brand"): made})
        >>> neighbourhood(shop, "Product/p1", hops=1).counts()[0]
        {'Product': 1, 'Brand': 1}
    """
    if hops < 0:
        raise BadRequest(f"hops must be at least 0 (got {hops})")
    label, name = _found(tables, around)
    near: Ids = {label: pl.DataFrame({"id": [name]})}
    edge_of_it = near
    for _ in range(hops):
        edge_of_it = _beyond(tables, edge_of_it, near)
        near = _joined(near, edge_of_it)
    nodes = {label: _only(tables.nodes[label], "id", ids) for label, ids in near.items() if label in tables.nodes}
    edges = {kind: table for kind, table in tables.edges.items() if kind[0] in near and kind[2] in near}
    between = {k: _only(_only(table, "source", near[k[0]]), "target", near[k[2]]) for k, table in edges.items()}
    return GraphTables(tables.schema, nodes, between)


def _beyond(tables: GraphTables, frontier: Ids, near: Ids) -> Ids:
    """The nodes one edge away from the frontier that are not near yet."""
    steps = [(label, found) for kind, table in tables.edges.items() for label, found in _steps(kind, table, frontier)]
    parts: dict[str, list[pl.DataFrame]] = {}
    for (label, _), ids in zip(steps, pl.collect_all([found for _, found in steps]), strict=True):
        parts.setdefault(label, []).append(ids)
    found = {label: pl.concat(frames).unique() for label, frames in parts.items()}
    return {label: ids.join(near[label], on="id", how="anti") if label in near else ids for label, ids in found.items()}


def _steps(kind: EdgeType, table: pl.LazyFrame, frontier: Ids) -> list[tuple[str, pl.LazyFrame]]:
    source, _, target = kind
    ways = [(source, "source", "target", target), (target, "target", "source", source)]
    return [
        (there, _only(table, column, frontier[here]).select(pl.col(other).alias("id")).unique())
        for here, column, other, there in ways
        if here in frontier
    ]


def _joined(one: Ids, other: Ids) -> Ids:
    return {label: pl.concat([part[label] for part in (one, other) if label in part]) for label in dict.fromkeys((*one, *other))}


def _only(table: pl.LazyFrame, column: str, ids: pl.DataFrame) -> pl.LazyFrame:
    return table.join(ids.lazy(), left_on=column, right_on="id", how="semi", maintain_order="left")


def _found(tables: GraphTables, around: str) -> tuple[str, str]:
    """The label and id that `around` names, both in the tables."""
    label, slash, name = around.partition("/")
    if not slash:
        raise BadRequest(f"around takes a label and an id, such as Product/B00005N7PS (got {around!r})")
    if label not in tables.nodes:
        close = did_you_mean(label, tables.nodes) or ";"
        raise BadRequest(f"there are no nodes {label!r}{close} known: {', '.join(tables.nodes) or 'none'}")
    ids = tables.nodes[label].select("id")
    if ids.filter(pl.col("id") == name).head(1).collect().is_empty():
        raise BadRequest(f"there is no {label} {name!r}{_close(ids, name)}").logged_as(f"there is no {label} of that id")
    return label, name


def _close(ids: pl.LazyFrame, name: str) -> str:
    """The id that was probably meant, as a clause: one that differs in its last letter, else in its second half."""
    starts = (name[: max(len(name) - 1, 0)], name[: (len(name) + 1) // 2])
    alike = (ids.filter(pl.col("id").str.starts_with(start)).head(_LOOKED_AT).collect()["id"] for start in starts)
    return next((close for found in alike if (close := did_you_mean(name, found))), "")
