"""A measure of a graph, and the tables as whoever measures needs them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from kg_builder.schema import PropertyType
from kg_builder.tables import GraphTables, node_columns

Better = Literal["high", "low", "neither"]
Unit = Literal["", "moment", "days", "levels"]

EXAMPLES = 5
"""Examples that a measure shows at most."""


@dataclass(frozen=True, slots=True)
class Example:
    """One thing that a measure speaks of."""

    id: str
    value: float | None = None
    """What is remarkable about it, as a number: its degree, its length in days, how many share it."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One number about a graph."""

    name: str
    group: str
    """The heading it stands under."""
    what: str
    """What is counted, in words."""
    value: float | None
    """The count; None where there is nothing to measure."""
    of: int | None = None
    """How many there are in all; None where the value is no part of a whole."""
    better: Better = "low"
    unit: Unit = ""
    """Empty for a count; `moment` is epoch seconds, UTC."""
    examples: tuple[Example, ...] = ()
    """Up to five: of what should not be there, or of what lacks what should be."""

    @property
    def share(self) -> float | None:
        """The value's part of the whole; None where there is no whole."""
        return None if self.value is None or not self.of else self.value / self.of


@dataclass(frozen=True, slots=True)
class Graph:
    """The tables with what several measures need, worked out once."""

    tables: GraphTables
    now: int
    """Epoch seconds; interactions more than a day later lie in the future."""
    interactions: pl.DataFrame = field(init=False)
    """user, product, kind, at, rating."""
    degrees: Mapping[str, pl.DataFrame] = field(init=False)
    """By label: id and degree of every node that an edge touches, edges of all types in both directions."""
    listed: pl.DataFrame = field(init=False)
    """Ids of the products that may be recommended."""

    def __post_init__(self) -> None:
        chosen = self.tables.interactions().select("user", "product", "kind", "at", "rating")
        object.__setattr__(self, "interactions", chosen.collect(engine="streaming"))
        object.__setattr__(self, "degrees", _degrees(self.tables))
        object.__setattr__(self, "listed", self._listed(self.nodes("Product")).select("id").collect())

    def nodes(self, label: str) -> pl.LazyFrame:
        """The label's table; an empty one where there is none."""
        if label in self.tables.nodes:
            return self.tables.nodes[label]
        known = node_columns(self.tables.schema, label) if label in self.tables.schema.nodes else {"id": pl.String()}
        return pl.LazyFrame(schema=known)

    def edges(self, *kind: str) -> pl.LazyFrame:
        """The edge type's `source` and `target`; empty where there is none."""
        source, name, target = kind
        empty = pl.LazyFrame(schema={"source": pl.String(), "target": pl.String()})
        return self.tables.edges.get((source, name, target), empty).select("source", "target")

    def products(self) -> pl.LazyFrame:
        """The listed products with their properties."""
        return self._listed(self.nodes("Product"))

    def properties(self, label: str) -> Mapping[str, PropertyType]:
        """What the schema lets nodes of the label have; `listed` is no property to miss."""
        known = self.tables.schema.nodes[label].properties if label in self.tables.schema.nodes else {}
        return {name: kind for name, kind in known.items() if name != "listed"}

    @property
    def labels(self) -> list[str]:
        """The kinds of nodes that are part of the graph, unlike the builder's records of merges."""
        return [label for label, spec in self.tables.schema.nodes.items() if not spec.record]

    @staticmethod
    def _listed(products: pl.LazyFrame) -> pl.LazyFrame:
        return products.filter(pl.col("listed")) if "listed" in products.collect_schema() else products


def filled(name: str, kind: PropertyType) -> pl.Expr:
    """True where the property says something."""
    value = pl.col(name)
    if kind == "string":
        return value.str.contains(r"\S").fill_null(value=False)
    if kind in ("strings", "vector"):
        return (value.list.len() > 0).fill_null(value=False)
    return value.is_not_null()


def _degrees(tables: GraphTables) -> dict[str, pl.DataFrame]:
    parts: dict[str, list[pl.LazyFrame]] = {label: [] for label in tables.schema.nodes}
    for (source, _, target), table in tables.edges.items():
        for column, label in (("source", source), ("target", target)):
            parts[label].append(table.group_by(pl.col(column).alias("id")).agg(pl.len().cast(pl.Int64).alias("degree")))
    empty = pl.LazyFrame(schema={"id": pl.String(), "degree": pl.Int64()})
    totals = [pl.concat([empty, *some]).group_by("id").agg(pl.col("degree").sum()) for some in parts.values()]
    return dict(zip(parts, pl.collect_all(totals, engine="streaming"), strict=True))


def listing(name: str, group: str, what: str, found: pl.DataFrame, of: int) -> Measure:
    """How many of so many there are that should not be."""
    return Measure(name, group, what, found.height, of, examples=_first(found))


def lacking(name: str, group: str, what: str, without: pl.DataFrame, of: int) -> Measure:
    """How many of so many have what they should have; examples lack it."""
    return Measure(name, group, what, of - without.height, of, "high", examples=_first(without))


def _first(found: pl.DataFrame) -> tuple[Example, ...]:
    return tuple(Example(str(one)) for one in found["id"].sort().head(EXAMPLES))


def most(found: pl.DataFrame) -> tuple[Example, ...]:
    """The rows (`id`, `value`) of the largest values; of equal ones the first in the alphabet."""
    rows = found.select("id", "value").sort("value", "id", descending=[True, False]).head(EXAMPLES)
    return tuple(Example(one, value) for one, value in rows.iter_rows())


def height(table: pl.LazyFrame) -> int:
    """How many rows the table has."""
    return int(table.select(pl.len()).collect(engine="streaming").item())
