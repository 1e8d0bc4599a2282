"""Whether a store holds together, and whether it still is what its last build made of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from kg_builder.digests import digest
from kg_builder.health.examination import doubled_keys
from kg_builder.logs import logged
from kg_builder.stores import GraphStore, opened
from kg_builder.tables import GraphTables


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found."""

    faults: tuple[str, ...]
    """Keys that are missing or doubled, and edges that end nowhere, one line a table."""
    rows: int
    """Nodes and edges looked at."""
    digest: str
    built: str | None
    """The hash after the last build; None where none is on record."""

    @property
    def ok(self) -> bool:
        """Whether there is no fault."""
        return not self.faults


def verify(store: str | Path | GraphStore) -> Verification:
    """Every identity is there once, every edge ends at nodes, and the hash is worked out anew.

    Raises:
        StoreError: the store cannot be reached.
    """
    with logged("verify", store=getattr(store, "address", store)) as said, opened(store, read_only=True) as there:
        found = _verified(there)
        said.update(rows=found.rows, faults=len(found.faults), digest=found.digest, built=found.built)
        return found


def _verified(store: GraphStore) -> Verification:
    tables, builds = store.read(derived=True), store.info().builds
    nodes, edges = tables.counts()
    rows = sum(nodes.values()) + sum(edges.values())
    built = builds[-1].digest if builds else ""
    return Verification(tuple(_faults(tables)), rows, digest(tables.without_derived()), built or None)


def _faults(tables: GraphTables) -> Iterator[str]:
    for label, table in tables.nodes.items():
        yield from _keys(label, table, ("id",))
    for kind, table in tables.edges.items():
        yield from _keys("-".join(kind), table, tables.schema.edge(kind).identity)
        for end, label in (("source", kind[0]), ("target", kind[2])):
            there = tables.nodes.get(label, pl.LazyFrame(schema={"id": pl.String()}))
            loose = table.join(there, left_on=end, right_on="id", how="anti").select(end).collect()[end]
            if len(loose):
                yield f"{'-'.join(kind)}: {len(loose):,} edges end at no {label}, the first at {loose.sort()[0]!r}"


def _keys(name: str, table: pl.LazyFrame, identity: tuple[str, ...]) -> Iterator[str]:
    found = doubled_keys(table, identity, name)
    if found.height:
        yield f"{name}: {found.height:,} keys are there more than once (or lack a part), the first is {found['id'].sort()[0]!r}"
