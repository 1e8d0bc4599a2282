"""A graph's tables from a Neo4j server: one answer is one row of lists, ten times faster than a row an edge.

Nodes are asked for by the server's own numbers, which it finds and sends quicker than ids, two answers at a time.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import neo4j
import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from kg_builder.cypher import edge_pattern, one_line
from kg_builder.errors import StoreError
from kg_builder.schema import EdgeType, GraphSchema
from kg_builder.tables import GraphTables, edge_columns, node_columns

_ROWS = 20_000  # nodes of one answer
_VECTORS = 1_000  # nodes of one answer that carries vectors
_EDGES = 50_000  # edges of one answer
_AT_ONCE = 2  # answers on their way: the server makes the next one while this one is unpacked

Ask = Callable[..., list[neo4j.Record]]
"""The records of a reading statement with these parameters, tried again where the server was away."""


def read_tables(ask: Ask, schema: GraphSchema, *, derived: bool, into: Path | None) -> GraphTables:
    """Everything the server holds of the schema; in memory, or as Parquet files in the folder `into`."""
    labels = [label for label, spec in schema.nodes.items() if derived or not spec.record]
    names = _Names.of(ask, labels)
    nodes = {label: _nodes(ask, schema, label, numbers, derived, into) for label, numbers in names.numbers.items()}
    kinds = [kind for kind, spec in schema.edges.items() if derived or not spec.derived]
    edges = {kind: _edges(ask, schema, kind, names, into) for kind in kinds}
    return GraphTables.of(schema, nodes, {kind: table for kind, table in edges.items() if table is not None})


@dataclass(frozen=True, slots=True)
class _Names:
    """The ids of all nodes by the server's numbers."""

    numbers: Mapping[str, list[int]]
    """By label; labels without nodes are left out."""
    ids: pl.Series
    places: np.ndarray
    """Where in `ids` the node of this number is."""

    @classmethod
    def of(cls, ask: Ask, labels: Sequence[str]) -> "_Names":
        numbers: dict[str, list[int]] = {}
        ids = [pl.Series(dtype=pl.String)]
        for label in labels:
            mine, theirs = ask(f"MATCH (n:`{label}`) RETURN collect(id(n)), collect(n.id)")[0].values()
            if len(theirs) < len(mine):  # `collect` leaves out nodes whose id somebody took away
                both = "WITH collect(n) AS every RETURN [n IN every | id(n)], [n IN every | n.id]"
                mine, theirs = ask(f"MATCH (n:`{label}`) {both}")[0].values()
            if mine:
                numbers[label] = mine
                ids.append(pl.Series(theirs, dtype=pl.String))
        every = np.array([number for mine in numbers.values() for number in mine], np.int64)
        places = np.zeros(every.max(initial=-1) + 1, np.int64)
        places[every] = np.arange(every.size)
        return cls(numbers, pl.concat(ids), places)

    def __call__(self, numbers: Sequence[int]) -> pl.Series:
        """Their ids."""
        return self.ids.gather(self.places[np.array(numbers, np.int64)])


def _nodes(
    ask: Ask,
    schema: GraphSchema,
    label: str,
    numbers: list[int],
    derived: bool,
    into: Path | None,
) -> pl.LazyFrame:
    skipped = () if derived else schema.node(label).derived
    columns = {name: dtype for name, dtype in node_columns(schema, label).items() if name not in skipped}
    wide = any(dtype == pl.List(pl.Float32) for dtype in columns.values())
    asked = _Asked("MATCH (n) WHERE id(n) = number", {name: f"n.`{name}`" for name in columns}, columns)
    return _table(asked.parts(ask, numbers, _VECTORS if wide else _ROWS), columns, into, label)


def _edges(ask: Ask, schema: GraphSchema, kind: EdgeType, names: _Names, into: Path | None) -> pl.LazyFrame | None:
    """The table of the edges of the kind; None where there are none."""
    source, name, target = kind
    columns = edge_columns(schema, kind)
    numbers = names.numbers.get(source, [])
    count = ask(f"MATCH {edge_pattern(kind)} RETURN count(r)")[0][0] if len(numbers) else 0
    if not count:
        return None
    values = {"source": "number", "target": "id(b)"} | {one: f"r.`{one}`" for one in columns if one not in ("source", "target")}
    match = f"MATCH (a) WHERE id(a) = number MATCH (a)-[r:`{name}`]->(b:`{target}`)"
    asked = _Asked(match, values, columns, {"source": names, "target": names})
    return _table(asked.parts(ask, numbers, max(1, _EDGES * len(numbers) // count)), columns, into, ".".join(kind))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question about nodes, of which a part after the other is asked."""

    match: str
    """What belongs to the node with this `number`."""
    values: Mapping[str, str]
    columns: Mapping[str, pl.DataType]
    """What is asked of it, and the types of the answers; by name."""
    named: Mapping[str, _Names] = field(default_factory=dict)
    """Those of them that are numbers of nodes, for which their ids are wanted."""

    def parts(self, ask: Ask, numbers: list[int], size: int) -> Iterator[pl.DataFrame]:
        """The answers for so many nodes at a time.

        `collect` drops nulls, so where there are any a second list tells which values are there.
        """
        lists = [
            f"collect({value}), CASE WHEN count({value}) = count(*) THEN [] ELSE collect({value} IS NOT NULL) END"
            for value in self.values.values()
        ]
        cypher = f"UNWIND $numbers AS number {self.match} RETURN {', '.join(lists)}"

        def part(start: int) -> pl.DataFrame:
            answer = ask(cypher, numbers=numbers[start : start + size])[0].values()
            return pl.DataFrame([self._column(*one) for one in zip(self.columns, answer[::2], answer[1::2], strict=True)])

        with ThreadPoolExecutor(_AT_ONCE) as workers:
            waiting = deque[Future[pl.DataFrame]]()
            for start in range(0, len(numbers), size):
                waiting.append(workers.submit(part, start))
                if len(waiting) > _AT_ONCE:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _column(self, name: str, there: list[Any], mask: list[bool]) -> pl.Series:
        if name in self.named:
            return self.named[name](there).alias(name)
        try:
            return _spread(name, self.columns[name], there, mask)
        except (TypeError, PolarsError) as error:
            raise StoreError(
                f"{self.values[name]} of {self.match} holds a value of another type than the schema says "
                f"({one_line(str(error))}): somebody else set it; set it right, or remove it and build again with --again"
            ) from None


def _table(parts: Iterator[pl.DataFrame], columns: Mapping[str, pl.DataType], into: Path | None, name: str) -> pl.LazyFrame:
    """The parts as one table: in memory, or as Parquet files in a folder of this name."""
    if into is None:
        return pl.concat([pl.DataFrame(schema=dict(columns)), *parts]).lazy()
    files = []
    (into / name).mkdir(parents=True)
    for number, part in enumerate(parts):
        files.append(into / name / f"{number}.parquet")
        part.write_parquet(files[-1])
    return pl.scan_parquet(files)


def _spread(name: str, dtype: pl.DataType, values: list[Any], mask: list[bool]) -> pl.Series:
    """The values at the places where the mask is true, null elsewhere; an empty mask means no nulls."""
    series = pl.Series(name, values, dtype=dtype)
    if not mask:
        return series
    present = pl.Series(mask)
    places = pl.DataFrame({"there": present, "place": present.cast(pl.Int64).cum_sum() - 1})
    return series.gather(places.select(pl.when("there").then("place"))["place"])
