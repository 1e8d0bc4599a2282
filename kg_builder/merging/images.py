"""Rows as they were before a merge, and their images: every end that is an alias read as the node that stands for it."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

import polars as pl

from kg_builder.merging.aliases import Alias, Held, Identity, Kind, Row, ends, identity
from kg_builder.schema import EdgeType, GraphSchema
from kg_builder.tables import GraphTables, edge_columns, node_columns

Rows = dict[Kind, dict[Identity, Row]]

Image = Callable[[Kind, Identity], Identity | None]


def image_by(to: Mapping[str, Mapping[str, str]]) -> Image:
    """Where a row's identity leads; None where it would become a self loop."""

    def image(kind: Kind, key: Identity) -> Identity | None:
        if isinstance(kind, str):
            return (to.get(kind, {}).get(key[0], key[0]),)
        source, target = to.get(kind[0], {}).get(key[0], key[0]), to.get(kind[2], {}).get(key[1], key[1])
        if (source, target) == key[:2]:
            return key
        return None if source == target and kind[0] == kind[2] else (source, target, *key[2:])

    return image


def touching(tables: GraphTables, touched: Mapping[str, Set[str]]) -> Rows:
    """The rows with an end among these nodes, the records of merges left out."""
    found: Rows = {}
    named: list[tuple[Kind, pl.LazyFrame]] = [*tables.nodes.items(), *tables.edges.items()]
    for kind, table in named:
        hit = [pl.col(end).is_in(list(touched[label])) for end, label in ends(kind) if touched.get(label)]
        if hit and kind[1:2] != ("SAME_AS",):
            columns = identity(tables.schema, kind)
            rows = table.filter(pl.any_horizontal(hit)).collect().iter_rows(named=True)
            found[kind] = {tuple(row[column] for column in columns): row for row in rows}
    return {kind: rows for kind, rows in found.items() if rows}


def rows_held(known: Iterable[Alias]) -> Rows:
    """All rows that the aliases hold."""
    rows: Rows = defaultdict(dict)
    for alias in known:
        for kind, there in alias.held.items():
            rows[kind].update(there)
    return rows


def originals(present: Rows, held: Held, image: Image, touched: Mapping[str, Set[str]]) -> Rows:
    """The rows there were: of what is present, and all that are held, but for those whose image has left since."""
    found: Rows = {}
    for kind in present.keys() | held.keys():
        there = present.get(kind, {})
        groups = _groups(kind, held.get(kind, {}), image)
        rows = dict(groups.pop(None, {}))
        for key, row in there.items():
            rows.update(_with_changes(groups.pop(key), row) if key in groups else {key: row})
        for lead, group in groups.items():
            untouched = lead is None or not any(
                lead[place] in touched.get(label, ()) for place, (_, label) in enumerate(ends(kind))
            )
            # A row that is present itself was not moved yet: a server's write broke off.
            rows.update({key: row for key, row in group.items() if untouched or key in there})
        found[kind] = rows
    return found


def _groups(kind: Kind, rows: Mapping[Identity, Row], image: Image) -> dict[Identity | None, dict[Identity, Row]]:
    """The rows by where they lead, in each group the one that leads to itself first."""
    found: dict[Identity | None, dict[Identity, Row]] = defaultdict(dict)
    for key in sorted(rows, key=lambda key: (image(kind, key) != key, key)):
        found[image(kind, key)][key] = rows[key]
    return found


def _with_changes(group: dict[Identity, Row], present: Row) -> dict[Identity, Row]:
    """The rows of a group, what was written to their image since said by the first of them."""
    first = next(iter(group))
    merged = _merged(group)
    new = {name: value for name, value in present.items() if not _equal(value, merged.get(name)) and name not in _ENDS}
    return {**group, first: {**group[first], **new}} if new else group


_ENDS = frozenset({"id", "source", "target"})


def _merged(group: Mapping[Identity, Row]) -> dict[str, Any]:
    """One row for all: of each property the first value that is known."""
    merged: dict[str, Any] = {}
    for row in group.values():
        for name, value in row.items():
            if merged.get(name) is None:
                merged[name] = value
    return merged


def images_of(rows: Held, image: Image) -> Rows:
    """Where the rows lead."""
    found: Rows = {}
    for kind, there in rows.items():
        columns = ("id",) if isinstance(kind, str) else ("source", "target")
        found[kind] = {
            key: {**_merged(group), **dict(zip(columns, key, strict=False))}
            for key, group in _groups(kind, there, image).items()
            if key is not None
        }
    return found


def with_held(known: Mapping[str, Alias], rows: Held, image: Image) -> dict[str, Alias]:
    """The aliases, each with the rows that led elsewhere at its node, and those that share their image."""
    held: dict[tuple[str, str], dict[Kind, dict[Identity, Row]]] = defaultdict(lambda: defaultdict(dict))
    for kind, there in rows.items():
        for key, group in _groups(kind, there, image).items():
            if key is None or any(one != key for one in group):
                for label, node in {(label, one[place]) for one in group for place, (_, label) in enumerate(ends(kind))}:
                    held[label, node][kind].update(group)
    live = {name: alias for name, alias in known.items() if alias.canonical is not None}
    return {**known, **{name: replace(one, held=_plain(held.get((one.label, one.node), {}))) for name, one in live.items()}}


def _plain(held: Held) -> Held:
    """As it is read back from JSON: without nulls."""
    return {
        kind: {key: {name: value for name, value in row.items() if value is not None} for key, row in rows.items()}
        for kind, rows in held.items()
        if rows
    }


def touches(kind: Kind, row: Row, touched: Mapping[str, Set[str]]) -> bool:
    """Whether the row has an end among these nodes."""
    return any(row[end] in touched.get(label, ()) for end, label in ends(kind))


def same_row(one: Row, other: Row | None) -> bool:
    """Whether both say the same; a null says nothing, and NaN is NaN."""
    return other is not None and all(_equal(one.get(name), other.get(name)) for name in one.keys() | other.keys())


def _equal(one: object, other: object) -> bool:
    both_nan = isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other)
    return both_nan or one == other


def without(table: pl.LazyFrame, rows: Mapping[Identity, Row], columns: Sequence[str]) -> pl.LazyFrame:
    """The table without the rows of these identities."""
    if not rows:
        return table
    keys = pl.DataFrame(list(rows), schema=dict.fromkeys(columns, pl.String), orient="row")
    return table.join(keys.lazy(), on=list(columns), how="anti", nulls_equal=True)


def tables_of(schema: GraphSchema, rows: Held) -> GraphTables:
    """The rows as tables; properties that the schema does not know are left out."""
    nodes: dict[str, pl.DataFrame] = {}
    edges: dict[EdgeType, pl.DataFrame] = {}
    for kind, there in rows.items():
        if not there:
            continue
        columns = node_columns(schema, kind) if isinstance(kind, str) else edge_columns(schema, kind)
        data = {name: [row.get(name) for row in there.values()] for name in columns}
        frame = pl.DataFrame(data, schema=columns)
        if isinstance(kind, str):
            nodes[kind] = frame
        else:
            edges[kind] = frame
    return GraphTables.of(schema, nodes, edges)
