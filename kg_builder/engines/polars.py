"""One machine: polars, which uses all its cores and streams what does not fit into its memory."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import narwhals as nw
import polars as pl

from kg_builder.cleaning import Cleaning
from kg_builder.engines import Rows, Started
from kg_builder.errors import BadRequest
from kg_builder.rejects import Sieve
from kg_builder.schema import EdgeType, GraphSchema
from kg_builder.tables import GraphTables

ENGINE = "polars"


@dataclass(frozen=True, slots=True)
class Polars:
    """See `Engine`."""

    sieve: Sieve

    @property
    def spread(self) -> None:
        """One file has work for all cores."""
        return

    def cleaned(self, name: str, frame: pl.LazyFrame, cleaning: Cleaning) -> Rows:  # noqa: ARG002 - see `Engine`
        """Every step on all rows."""
        for step in cleaning:
            frame = step.work(frame, self.sieve)
        return self.lifted(frame)

    def held(self, name: str, rows: Rows) -> Rows:
        """In memory, or as Parquet in the scratch folder."""
        return self.lifted(self.sieve.hold(name, rows.to_native()))

    def lifted(self, frame: pl.LazyFrame) -> Rows:
        """The same."""
        return nw.from_native(frame)

    def saved(self, schema: GraphSchema, nodes: Mapping[str, Rows], edges: Mapping[EdgeType, Rows]) -> GraphTables:
        """In memory, or as Parquet in the scratch folder."""
        tables = GraphTables.of(
            schema,
            {label: rows.to_native() for label, rows in nodes.items()},
            {kind: rows.to_native() for kind, rows in edges.items()},
        )
        if self.sieve.scratch is not None:
            tables.save(self.sieve.scratch / "tables")
            return GraphTables.load(self.sieve.scratch / "tables")
        frames = pl.collect_all([*tables.nodes.values(), *tables.edges.values()], engine="streaming")
        lazies = [frame.lazy() for frame in frames]
        held, linked = lazies[: len(tables.nodes)], lazies[len(tables.nodes) :]
        return GraphTables(schema, dict(zip(tables.nodes, held, strict=True)), dict(zip(tables.edges, linked, strict=True)))


@contextmanager
def running(master: str | None) -> Iterator[Started]:
    """Polars runs wherever this process does."""
    if master is not None:
        raise BadRequest(f"--master {master} is for --engine spark; the engine polars has none")
    yield Polars
