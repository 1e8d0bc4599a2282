"""What is remembered of a merge: which node was found to be which, why, and the rows that undoing it needs."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from kg_builder.schema import RETAIL, EdgeType, GraphSchema
from kg_builder.tables import GraphTables, node_columns

LABELS = ("Brand", "Category", "Product")
"""The labels whose nodes can be merged."""

Row = Mapping[str, Any]
Identity = tuple[str, ...]
Kind = str | EdgeType
"""A node label or an edge type: the name of a table."""
Held = Mapping[Kind, Mapping[Identity, Row]]
"""Rows as they were before a merge, by table and identity."""

ALIAS_SCHEMA = GraphSchema.of(
    [RETAIL.node(label) for label in ("Alias", *LABELS)], [RETAIL.edge(("Alias", "SAME_AS", label)) for label in LABELS]
)
"""What a graph must be able to hold for its merges to be remembered."""


@dataclass(frozen=True, slots=True)
class Alias:
    """One node that was merged into another, or was and is no longer."""

    label: str
    node: str
    """The id that the node had."""
    name: str | None = None
    canonical: str | None = None
    """The id of the node that stands for it; None where the merge was undone."""
    score: float | None = None
    rule: str | None = None
    via: str | None = None
    """The id of the node that it was found to be the same as: the canonical one, or one merged into that."""
    at: int | None = None
    """Epoch seconds of the merge."""
    held: Held = field(default_factory=dict)
    differs_from: tuple[str, ...] = ()
    """Ids of nodes that it must never be merged with again."""

    @property
    def id(self) -> str:
        """The alias's own id, `Brand/acmee`."""
        return f"{self.label}/{self.node}"

    def undone(self, from_: Iterable[str]) -> "Alias":
        """The same as no longer merged, and different from these nodes for good."""
        differs = tuple(sorted({*self.differs_from, *from_} - {self.node}))
        return replace(self, canonical=None, score=None, rule=None, via=None, at=None, held={}, differs_from=differs)


def aliases(tables: GraphTables) -> dict[str, Alias]:
    """Every alias that the tables know, by its id.

    One that has no node to stand for it and differs from none is half written, and not known.

    Example:
        >>> alias = Alias("Brand", "acmee", "Acmee", "acme", 0.9, "misspelt", "acme", 0)
        >>> aliases(alias_tables([alias])) == {"Brand/acmee": alias}
        True
    """
    if "Alias" not in tables.nodes:
        return {}
    evidence = {
        row["source"]: row
        for label in LABELS
        if ("Alias", "SAME_AS", label) in tables.edges
        for row in tables.edges["Alias", "SAME_AS", label].collect().iter_rows(named=True)
    }
    found = {}
    for row in tables.nodes["Alias"].sort("id").collect().iter_rows(named=True):
        why = evidence.get(row["id"], {})
        if not why and not row["differs_from"]:
            continue
        found[row["id"]] = Alias(
            label=row["label"],
            node=row["id"].partition("/")[2],
            name=row["name"],
            canonical=why.get("target"),
            **{name: why.get(name) for name in ("score", "rule", "via", "at")},
            held=held_from(row["held"], tables.schema),
            differs_from=tuple(row["differs_from"] or ()),
        )
    return found


def alias_tables(known: Iterable[Alias]) -> GraphTables:
    """The nodes and edges that say what these aliases say."""
    known = list(known)
    nodes = [(one.id, one.name, one.label, held_text(one.held), list(one.differs_from) or None) for one in known]
    columns = node_columns(ALIAS_SCHEMA, "Alias")
    edges: dict[EdgeType, pl.DataFrame] = {}
    for label in LABELS:
        rows = [
            {"source": one.id, "target": one.canonical, "score": one.score, "rule": one.rule, "via": one.via, "at": one.at}
            for one in known
            if one.label == label and one.canonical is not None
        ]
        if rows:
            edges["Alias", "SAME_AS", label] = pl.DataFrame(rows, infer_schema_length=None)
    return GraphTables.of(ALIAS_SCHEMA, {"Alias": pl.DataFrame(nodes, schema=columns, orient="row")}, edges)


def targets(known: Iterable[Alias]) -> dict[str, dict[str, str]]:
    """By label, from the id of a merged node to the id that stands for it."""
    found: dict[str, dict[str, str]] = {}
    for one in known:
        if one.canonical is not None:
            found.setdefault(one.label, {})[one.node] = one.canonical
    return found


def identity(schema: GraphSchema, kind: Kind) -> tuple[str, ...]:
    """The columns that tell a row of this table from another."""
    return ("id",) if isinstance(kind, str) else schema.edge(kind).identity


def ends(kind: Kind) -> tuple[tuple[str, str], ...]:
    """The columns of a table that name nodes, each with the nodes' label."""
    return (("id", kind),) if isinstance(kind, str) else (("source", kind[0]), ("target", kind[2]))


def held_text(held: Held) -> str | None:
    """The rows as JSON, nulls left out; equal rows give equal text."""
    tables = {
        kind if isinstance(kind, str) else "-".join(kind): [
            {name: value for name, value in sorted(rows[key].items()) if value is not None} for key in sorted(rows)
        ]
        for kind, rows in sorted(held.items(), key=lambda one: "-".join(one[0]) if isinstance(one[0], tuple) else one[0])
        if rows
    }
    return json.dumps(tables, ensure_ascii=False, separators=(",", ":")) if tables else None


def held_from(text: str | None, schema: GraphSchema) -> Held:
    """The rows that `held_text` wrote."""
    found: dict[Kind, dict[Identity, Row]] = {}
    for name, rows in (json.loads(text) if text else {}).items():
        kind = _kind(name)
        columns = identity(schema, kind)
        found[kind] = {tuple(row[column] for column in columns): row for row in rows}
    return found


def _kind(name: str) -> Kind:
    if "-" not in name:
        return name
    source, relation, target = name.split("-")
    return (source, relation, target)
