"""Whether a store holds together, and whether it still is what its last build made of it."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from kg_builder.digests import digest
from kg_builder.health.examination import doubled_keys
from kg_builder.logs import log, logged
from kg_builder.schema import GraphSchema
from kg_builder.scratch import scratch
from kg_builder.stores import GraphStore, StoreInfo, asked, forgotten, opened
from kg_builder.tables import GraphTables


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found."""

    faults: tuple[str, ...]
    """Keys that are missing or doubled, and edges that end nowhere, one line a table; files that are not as they were written."""
    rows: int
    """Nodes and edges looked at."""
    digest: str
    built: str | None
    """The hash after the last build; None where none is on record."""
    altered: str = ""
    """Says so where the database is not the file that was written."""
    differences: Mapping[str, int] = field(default_factory=dict)
    """Where the hash is another: by label or `Source-TYPE-Target`, how many more (or less) there are than the builds wrote."""

    @property
    def ok(self) -> bool:
        """Whether there is no fault."""
        return not self.faults

    @property
    def as_built(self) -> bool:
        """Whether there is none, and the graph is what the last build left."""
        return self.ok and not self.altered and self.digest == self.built


def verify(store: str | Path | GraphStore) -> Verification:
    """Every identity is there once, every edge ends at nodes, files are as they were written, and the hash is worked out anew.

    Raises:
        StoreError: the store cannot be reached or read.
    """
    with logged("verify", store=getattr(store, "address", store)) as said, opened(store, read_only=True) as there:
        with scratch() as folder:
            found = _verified(there, folder)
        for fault in found.faults:
            log("fault", level=logging.ERROR, fault=fault.partition(_FIRST)[0])
        counts = {"rows": found.rows, "faults": len(found.faults), "differences": found.differences}
        said.update(**counts, digest=found.digest, built=found.built)
        return found


_FIRST = ", the first "
"""Begins what a fault says of a row."""


def _verified(store: GraphStore, folder: Path) -> Verification:
    altered, damaged = store.altered(), store.damaged()
    tables, info = store.read(derived=True, into=folder), store.info()
    lost = () if damaged else forgotten(store, info.builds)
    damaged += tuple(f"what {source} told of is not known any more; build it again (--again)" for source in lost)
    nodes, edges = tables.counts()
    rows = sum(nodes.values()) + sum(edges.values())
    built, now = info.builds[-1].digest if info.builds else "", digest(tables.without_derived())
    differences = _differences(info) if built and now != built else {}
    faults = (*damaged, *_faults(tables), *_unread(store, tables.schema, info))
    return Verification(faults, rows, now, built or None, altered, differences)


def _differences(info: StoreInfo) -> dict[str, int]:
    """By label or `Source-TYPE-Target`, how many more there are than the builds wrote; nothing where that is not known."""
    if not all(build.digest for build in info.builds):
        return {}
    more = Counter({**info.nodes, **{"-".join(kind): count for kind, count in info.edges.items()}})
    for build in info.builds:
        more.subtract(build.added)
        more.update(build.removed)
    return {name: count for name, count in sorted(more.items()) if count}


def _unread(store: GraphStore, schema: GraphSchema, info: StoreInfo) -> Iterator[str]:
    """Edges that a server holds but that are in no table: somebody took away the label of a node, or made an edge elsewhere."""
    known = Counter[str]()
    for (_, name, _), count in info.edges.items():
        known[name] += count
    for name in dict.fromkeys(name for _, name, _ in schema.edges):
        ((every,),) = asked(store, f"MATCH ()-[r:`{name}`]->() RETURN count(r)") or [(0,)]
        if every > known[name]:
            yield f"{name}: {every - known[name]:,} edges end at a node of another label than the schema's, or of none"


def _faults(tables: GraphTables) -> Iterator[str]:
    for label, table in tables.nodes.items():
        yield from _keys(label, table, ("id",))
    for kind, table in tables.edges.items():
        yield from _keys("-".join(kind), table, tables.schema.edge(kind).identity)
        for end, label in (("source", kind[0]), ("target", kind[2])):
            there = tables.nodes.get(label, pl.LazyFrame(schema={"id": pl.String()}))
            loose = table.join(there, left_on=end, right_on="id", how="anti").select(end).collect()[end]
            if len(loose):
                yield f"{'-'.join(kind)}: {len(loose):,} edges end at no {label}{_FIRST}at {loose.sort()[0]!r}"


def _keys(name: str, table: pl.LazyFrame, identity: tuple[str, ...]) -> Iterator[str]:
    found = doubled_keys(table, identity, name)
    if found.height:
        yield f"{name}: {found.height:,} keys are there more than once (or lack a part){_FIRST}is {found['id'].sort()[0]!r}"
