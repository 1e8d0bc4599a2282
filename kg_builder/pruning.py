"""What leaves a store because its source tells of it no longer."""

from collections.abc import Iterable

import polars as pl

from kg_builder.marks import without
from kg_builder.merging.aliases import aliases, targets
from kg_builder.merging.images import image_by
from kg_builder.tables import GraphTables
from kg_builder.told import TOLD, identities


def gone(before: pl.LazyFrame, now: pl.LazyFrame, others: Iterable[pl.LazyFrame], held: GraphTables) -> GraphTables:
    """The nodes and edges of the store that a source told of before, and that neither it nor another source tells of now.

    Args:
        before: what the source told of, as `told` says it.
        now: what it tells of, in the store's terms: of a merged node the one that stands for it.
        others: what the other sources told of.
        held: the tables of the store, derived ones included.

    Example:
        >>> from kg_builder.schema import RETAIL
        >>> from kg_builder.told import told
        >>> old, new = (GraphTables.of(RETAIL, {"User": pl.DataFrame({"id": ids})}, {}) for ids in (["u", "v"], ["v"]))
        >>> gone(told(old), told(new), [], old).nodes["User"].collect()["id"].to_list()
        ['u']
    """
    still = pl.concat([now, *others])
    left = _as_merged(without(before, now, list(TOLD)).collect(engine="streaming"), held)
    left = without(left.unique().lazy(), still, list(TOLD)).collect(engine="streaming")
    named = identities(left, held.schema)
    nodes = {
        label: table.join(held.nodes[label], on="id", how="semi") for label, table in named.nodes.items() if label in held.nodes
    }
    edges = {
        kind: table.join(held.edges[kind], on=list(held.schema.edge(kind).identity), how="semi")
        for kind, table in named.edges.items()
        if kind in held.edges
    }
    nodes |= _records(nodes, held)
    return GraphTables(held.schema, nodes, edges).collect()


def _as_merged(rows: pl.DataFrame, held: GraphTables) -> pl.DataFrame:
    """The rows with every merged node as the one that stands for it."""
    to = targets(aliases(held).values())
    if not to or not rows.height:
        return rows
    image = image_by(to)
    found = []
    for kind, source, target, key in rows.iter_rows():
        name = tuple(kind.split("-")) if "-" in kind else kind
        led = image(name, tuple(one for one in (source, target, key) if one is not None))
        if led is not None:
            found.append((kind, *led, *[None] * (3 - len(led))))
    return pl.DataFrame(found, schema=rows.schema, orient="row")


def _records(nodes: dict[str, pl.LazyFrame], held: GraphTables) -> dict[str, pl.LazyFrame]:
    """The records of merges into nodes that leave."""
    leaving = {label: set(table.collect()["id"]) for label, table in nodes.items()}
    names = [one.id for one in aliases(held).values() if one.canonical in leaving.get(one.label, ())]
    return {"Alias": held.nodes["Alias"].filter(pl.col("id").is_in(names))} if names else {}
