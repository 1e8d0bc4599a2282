"""Nodes that are one thing become one node, and can be told apart again, exactly.

The graph is seen as the image of the rows there were before: every end that is an alias is read as its canonical node,
rows that then have one identity become one row. Merging, undoing a merge and taking in another dump all do the same: from the
present rows back to the rows there were (`held` keeps those whose image is not themselves), and forward again by the new aliases.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import polars as pl

from kg_builder.changes import applied, replaced_by
from kg_builder.errors import BadRequest, did_you_mean
from kg_builder.merging.aliases import ALIAS_SCHEMA, Alias, Identity, Kind, alias_tables, aliases, targets
from kg_builder.merging.clusters import Cluster, Degrees, Match, clusters
from kg_builder.merging.images import (
    Rows,
    image_by,
    images_of,
    originals,
    rows_held,
    same_row,
    tables_of,
    touches,
    touching,
    with_held,
    without,
)
from kg_builder.schema import GraphSchema
from kg_builder.tables import GraphTables, edge_columns


@dataclass(frozen=True, slots=True)
class Step:
    """What a store has to write and to let go of, in one `write`."""

    written: GraphTables
    gone: GraphTables

    def applied_to(self, tables: GraphTables) -> GraphTables:
        """The tables as a store that held them would hold them then."""
        return applied(tables, self.written, self.gone)


def merged(tables: GraphTables, found: Iterable[Alias]) -> GraphTables:
    """The tables where these aliases are merged; they hold none before."""
    known = {alias.id: alias for alias in found}
    return _step(tables, {}, known).applied_to(tables) if known else tables


def contract(
    tables: GraphTables, matches: Iterable[Match], *, at: int | None = None, degrees: Degrees | None = None
) -> GraphTables:
    """One node a cluster of matches, the one with most edges (of equals the first id); the others are its aliases.

    Edges of a merged node move to the canonical one, without self loops and doubles; its properties fill gaps there. Nodes that
    an undone merge keeps apart stay apart.

    Args:
        tables: with derived edges and properties, where they are to follow.
        matches: the strongest counts first, where an undone merge lets only some of them be.
        at: epoch seconds, kept with each merge.
        degrees: how many edges nodes have, where the tables are but a part of the graph.

    Example:
        >>> from kg_builder.schema import RETAIL
        >>> made = pl.DataFrame({"source": ["p", "q"], "target": ["acme", "acmee"]})
        >>> nodes = {"Product": pl.DataFrame({"id": ["p", "q"]}), "Brand": pl.DataFrame({"id": ["acme", "acmee"]})}
        >>> shop = GraphTables.of(RETAIL, nodes, {("Product", "MADE_BY", "Brand"): made})
        >>> one = contract(shop, [Match("Brand", "acme", "acmee", 0.9, "misspelt")])
        >>> one.edges["Product", "MADE_BY", "Brand"].sort("source").collect().rows()
        [('p', 'acme'), ('q', 'acme')]
        >>> undo(one, ["Brand/acmee"]).edges["Product", "MADE_BY", "Brand"].sort("source").collect().rows()
        [('p', 'acme'), ('q', 'acmee')]
    """
    return contraction(tables, matches, at=at, degrees=degrees).applied_to(tables)


def contraction(tables: GraphTables, matches: Iterable[Match], *, at: int | None = None, degrees: Degrees | None = None) -> Step:
    """What `contract` changes."""
    before = aliases(tables)
    after = dict(before)
    for cluster in clusters(tables, before.values(), matches, degrees=degrees):
        for alias in before.values():
            if alias.label == cluster.label and alias.canonical in cluster.nodes:
                after[alias.id] = replace(alias, canonical=cluster.canonical)
        names = _names(tables, cluster)
        for node, (via, match) in cluster.found.items():
            known = before.get(f"{cluster.label}/{node}", Alias(cluster.label, node))
            merged = replace(known, name=names.get(node), canonical=cluster.canonical, via=via, at=at)
            after[known.id] = replace(merged, score=match.score, rule=match.rule)
    return _step(tables, before, after)


def undo(tables: GraphTables, alias_ids: Iterable[str]) -> GraphTables:
    """The merges of these aliases are taken back and never proposed again; what was merged by way of one of them follows it.

    What was written since stays where it was written; an edge that has left since is not brought back.

    Raises:
        BadRequest: no such alias, or its merge was undone before; names the closest.
    """
    return undoing(tables, alias_ids).applied_to(tables)


def undoing(tables: GraphTables, alias_ids: Iterable[str]) -> Step:
    """What `undo` changes."""
    before = aliases(tables)
    wanted = dict.fromkeys(alias_ids)
    for name in wanted:
        if before.get(name, Alias("", "")).canonical is None:
            live = [alias.id for alias in before.values() if alias.canonical is not None]
            why = "was told apart before;" if name in before else f"is no merged node{did_you_mean(name, live) or ';'}"
            raise BadRequest(f"{name!r} {why} merged are {', '.join(live[:5]) or 'none'}{' …' * (len(live) > 5)}").logged_as(
                "what is to be undone is no merge"
            )
    after = dict(before)
    for name in wanted:
        alias = before[name]
        after[name] = alias.undone(_others(before, wanted, alias))
    for alias in before.values():
        if alias.canonical is not None and alias.id not in wanted:
            after[alias.id] = replace(alias, canonical=_follows(alias, before, wanted))
    return _step(tables, before, after)


def rewired(tables: GraphTables, held: GraphTables) -> GraphTables:
    """The tables of a new dump as a store that knows aliases has to take them: what is said of an alias, its canonical node says.

    Args:
        tables: what `tabulate` made of the dump.
        held: the tables of the store, derived ones included; tables without aliases change nothing.

    Returns:
        The tables to write, the aliases with what undoing them later needs among them.
    """
    before, new = aliases(held), aliases(tables)
    if not before:
        return tables
    known = _known(before, new)
    old, own, to = (targets(one.values()) for one in (before, new, known))
    touched = {label: {end for ids in (own, to) for pair in ids.get(label, {}).items() for end in pair} for label in {*own, *to}}
    arriving = touching(tables, touched)
    image = image_by(to)
    rows = originals(touching(held, touched), rows_held(before.values()), image_by(old), touched)
    told: dict[Kind, set[Identity | None]] = {}
    for kind, there in originals(arriving, rows_held(new.values()), image_by(own), touched).items():
        told[kind] = {image(kind, key) for key in there}
        for key, row in there.items():
            said = {name: value for name, value in row.items() if value is not None}
            rows.setdefault(kind, {})[key] = {**rows.get(kind, {}).get(key, {}), **said}
    after = with_held(known, rows, image)
    images = {
        kind: {key: row for key, row in there.items() if key in told.get(kind, ())}
        for kind, there in images_of(rows, image).items()
    }
    changed = [alias for name, alias in after.items() if alias != before.get(name)]
    nodes = {label: table for label, table in tables.nodes.items() if label != "Alias"}
    edges = {kind: table for kind, table in tables.edges.items() if kind[0] != "Alias"}
    rest = GraphTables(
        tables.schema,
        {label: without(table, arriving.get(label, {}), ("id",)) for label, table in nodes.items()},
        {kind: without(table, arriving.get(kind, {}), tables.schema.edge(kind).identity) for kind, table in edges.items()},
    )
    return rest.merge(tables_of(tables.schema, images)).merge(alias_tables(changed))


def _known(before: Mapping[str, Alias], new: Mapping[str, Alias]) -> dict[str, Alias]:
    """What is known of merges once a dump with its own came: what the store knew holds, and leads the new ones on."""
    to = targets(before.values())
    led = {
        name: replace(one, canonical=to.get(one.label, {}).get(one.canonical or "", one.canonical)) for name, one in new.items()
    }
    return {**led, **before}


def merged_away(tables: GraphTables) -> dict[str, set[str]]:
    """By label, the nodes that are there although they are aliases: a write to a server broke off between its halves."""
    return {
        label: set(table.filter(pl.col("id").is_in(list(to))).select("id").collect()["id"])
        for label, to in targets(aliases(tables).values()).items()
        if (table := tables.nodes.get(label)) is not None
    }


def _step(tables: GraphTables, before: Mapping[str, Alias], after: Mapping[str, Alias]) -> Step:
    """From the images by the aliases before to the images by the aliases after."""
    old, new = targets(before.values()), targets(after.values())
    touched = _moved(old, new)
    for label, ids in merged_away(tables).items():
        touched.setdefault(label, set()).update(ids, (old[label][one] for one in ids))
    present = touching(tables, touched)
    rows = originals(present, rows_held(before.values()), image_by(old), touched)
    images = images_of(rows, image_by(new))
    after = with_held(after, rows, image_by(new))
    schema = tables.schema.merge(ALIAS_SCHEMA)
    written, gone = {}, {}
    for kind in present.keys() | images.keys():
        there, then = present.get(kind, {}), images.get(kind, {})
        written[kind] = {
            key: row for key, row in then.items() if touches(kind, row, touched) and not same_row(row, there.get(key))
        }
        gone[kind] = {key: row for key, row in there.items() if key not in then or key in written[kind]}
    records = [alias for name, alias in after.items() if alias != before.get(name)]
    known = alias_tables(records)
    leaving = alias_tables([before[alias.id] for alias in records if alias.id in before])
    moved = _with_siblings(tables, schema, written, gone)
    # What is known of a merge comes first: where a server's write breaks off, the next one then knows what to complete.
    return Step(
        GraphTables.of(schema, {**known.nodes, **moved.nodes}, {**known.edges, **moved.edges}),
        tables_of(schema, gone).merge(leaving),
    )


def _others(known: Mapping[str, Alias], undone: Collection[str], alias: Alias) -> set[str]:
    """What the alias was one with and is no longer: all but what follows it."""
    same = [one for one in known.values() if one.label == alias.label and one.canonical == alias.canonical]
    others = {one.node for one in same if one.id in undone or _follows(one, known, undone) != alias.node}
    return {alias.canonical or alias.node, *others}


def _follows(alias: Alias, known: Mapping[str, Alias], undone: Collection[str]) -> str | None:
    """The node that stands for the alias when the undone ones stand for themselves: the first of those it came by way of."""
    here, seen = alias, set[str]()
    while here.via is not None and here.id not in seen:
        seen.add(here.id)
        before = f"{alias.label}/{here.via}"
        if before in undone:
            return here.via
        if before not in known:
            break
        here = known[before]
    return alias.canonical


def _names(tables: GraphTables, cluster: Cluster) -> dict[str, str]:
    """What people call the nodes of the cluster."""
    column = "title" if cluster.label == "Product" else "name"
    named = tables.nodes[cluster.label].filter(pl.col("id").is_in(list(cluster.nodes))).select("id", column)
    return dict(named.collect().iter_rows())


def _moved(old: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]) -> dict[str, set[str]]:
    """By label, the ids that lead elsewhere now, with where they led and lead."""
    found: dict[str, set[str]] = {}
    for label in old.keys() | new.keys():
        one, other = old.get(label, {}), new.get(label, {})
        for node in one.keys() | other.keys():
            if one.get(node) != other.get(node):
                found.setdefault(label, set()).update({node, one.get(node, node), other.get(node, node)})
    return found


def _with_siblings(tables: GraphTables, schema: GraphSchema, written: Rows, gone: Rows) -> GraphTables:
    """The written rows, and of derived edges the others of the same source and key: a write replaces them all."""
    found = tables_of(schema, written)
    edges = dict(found.edges)
    for kind in found.edges:
        spec = schema.edge(kind)
        if spec.derived and kind in tables.edges:
            others = tables.edges[kind].join(found.edges[kind], on=list(replaced_by(spec)), how="semi")
            for rows in (written, gone):
                others = without(others, rows.get(kind, {}), spec.identity)
            edges[kind] = pl.concat([edges[kind], others.select(list(edge_columns(schema, kind)))])
    return GraphTables(schema, found.nodes, edges)
