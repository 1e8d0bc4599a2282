"""What of several dumps a store holds: what one tells of no longer leaves, and what a later one said stays."""

from collections.abc import Iterable

import polars as pl

from kg_builder.marks import without
from kg_builder.merging.aliases import aliases, targets
from kg_builder.merging.images import image_by
from kg_builder.tables import GraphTables
from kg_builder.told import IDENTITY, identities


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
        >>> gone(told(old, 1), told(new, 2), [], old).nodes["User"].collect()["id"].to_list()
        ['u']
    """
    still = pl.concat([now, *others])
    left = _as_merged(without(before, now, IDENTITY).collect(engine="streaming"), held)
    left = without(left.lazy(), still, IDENTITY).collect(engine="streaming")
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


def not_pruned(written: GraphTables, sources: Iterable[pl.LazyFrame], held: GraphTables) -> GraphTables:
    """What is written of a dump that comes after a later one was pruned: what no source tells of had left by then.

    Args:
        written: the tables of the dump.
        sources: what every source, its own included, tells of.
        held: the tables of the store, derived ones included.
    """
    named = identities(_as_merged(pl.concat(list(sources)).collect(engine="streaming"), held), written.schema)
    nodes = {k: _among(t, named.nodes.get(k), ("id",)) for k, t in written.nodes.items()}
    edges = {k: _among(t, named.edges.get(k), written.schema.edge(k).identity) for k, t in written.edges.items()}
    return GraphTables(written.schema, nodes, edges)


def _among(table: pl.LazyFrame, named: pl.LazyFrame | None, identity: tuple[str, ...]) -> pl.LazyFrame:
    return table.clear() if named is None else table.join(named, on=list(identity), how="semi")


def yielding(written: GraphTables, held: GraphTables, sources: Iterable[pl.LazyFrame], at: int) -> GraphTables:
    """What is written of the moment `at`, but what is held of every value that a source said of a later one.

    Args:
        written: the tables of the dump.
        held: the tables of the store, derived ones included.
        sources: what every source told of, as `told` says it.
        at: epoch seconds.

    Example:
        >>> from kg_builder.schema import RETAIL
        >>> from kg_builder.told import told
        >>> old, new = (
        ...     GraphTables.of(RETAIL, {"Product": pl.DataFrame({"id": ["p"], "title": [title], "price": [price]})}, {})
        ...     for title, price in (("Te", 3.0), ("Tea", None))
        ... )
        >>> yielding(old, new, [told(new, 2)], 1).nodes["Product"].select("title", "price").collect().row(0)
        ('Tea', 3.0)
    """
    later = _as_merged(pl.concat([one.filter(pl.col("at") > at) for one in sources]).collect(engine="streaming"), held)
    nodes, edges = dict(written.nodes), dict(written.edges)
    for (kind,), said in later.group_by("kind"):
        for label in nodes.keys() & held.nodes.keys() & {kind}:
            nodes[label] = _yielding(nodes[label], held.nodes[label], said, ("id",))
        for edge in [one for one in edges.keys() & held.edges.keys() if "-".join(one) == kind]:
            edges[edge] = _yielding(edges[edge], held.edges[edge], said, written.schema.edge(edge).identity)
    return GraphTables(written.schema, nodes, edges)


def _yielding(table: pl.LazyFrame, held: pl.LazyFrame, said: pl.DataFrame, identity: tuple[str, ...]) -> pl.LazyFrame:
    keys, columns, known = list(identity), table.collect_schema().names(), held.collect_schema()
    values = [name for name in columns if name not in identity and name in known]
    names = [pl.col(theirs).alias(ours) for theirs, ours in zip(IDENTITY[1:], identity, strict=False)]
    later = (
        said.lazy().select(*names, pl.col("said").str.split("\n")).group_by(keys).agg(pl.col("said").explode().alias("__said"))
    )
    there = held.join(later, on=keys).select(
        *keys, *(pl.when(pl.col("__said").list.contains(name)).then(pl.col(name)).alias(f"{name}__held") for name in values)
    )
    joined = table.join(there, on=keys, how="left")
    return joined.with_columns(pl.coalesce(f"{name}__held", name).alias(name) for name in values).select(columns)


def _as_merged(rows: pl.DataFrame, held: GraphTables) -> pl.DataFrame:
    """The rows of what was told, with every merged node as the one that stands for it."""
    to = targets(aliases(held).values())
    merged = [node for nodes in to.values() for node in nodes]
    touched = pl.any_horizontal(pl.col("source", "target").is_in(merged).fill_null(value=False))
    if not merged or not (found := rows.filter(touched)).height:
        return rows
    image, led = image_by(to), []
    for kind, source, target, key, *rest in found.iter_rows():
        name = tuple(kind.split("-")) if "-" in kind else kind
        one = image(name, tuple(part for part in (source, target, key) if part is not None))
        if one is not None:
            led.append((kind, *one, *[None] * (3 - len(one)), *rest))
    return pl.concat([rows.filter(~touched), pl.DataFrame(led, schema=rows.schema, orient="row")])


def _records(nodes: dict[str, pl.LazyFrame], held: GraphTables) -> dict[str, pl.LazyFrame]:
    """The records of merges into nodes that leave."""
    leaving = {label: set(table.collect()["id"]) for label, table in nodes.items()}
    names = [one.id for one in aliases(held).values() if one.canonical in leaving.get(one.label, ())]
    return {"Alias": held.nodes["Alias"].filter(pl.col("id").is_in(names))} if names else {}
