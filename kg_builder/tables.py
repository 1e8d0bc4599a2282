"""GraphTables: the one form that graph data has between a dump and the tensors."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import polars as pl

from kg_builder.errors import SchemaError, did_you_mean
from kg_builder.marks import parted
from kg_builder.schema import DTYPES, EdgeType, GraphSchema, PropertyType

INTERACTION_DTYPES: Mapping[str, pl.DataType] = {
    "user": pl.String(),
    "product": pl.String(),
    "kind": pl.String(),
    "at": pl.Int64(),
    "position": pl.Int64(),
    "rating": pl.Float64(),
    "quantity": pl.Float64(),
    "price": pl.Float64(),
}
"""Columns of `GraphTables.interactions`; `kind` is the relationship type that reaches the product."""


@dataclass(frozen=True, slots=True, eq=False)
class GraphTables:
    """One table a node label (`id` + properties) and one an edge type (`source`, `target` + properties).

    Tables are lazy, so memory grows with what is asked for. Build one with `GraphTables.of`, which brings every table
    into the schema's column order and types; a missing property is null everywhere.

    Example:
        >>> from kg_builder.schema import RETAIL
        >>> product = pl.DataFrame({"id": ["p1"], "title": ["Running shoe"]})
        >>> bought = pl.DataFrame({"source": ["u1"], "target": ["p1"], "key": ["order-1"], "at": [1600000000]})
        >>> tables = GraphTables.of(
        ...     RETAIL,
        ...     {"User": pl.DataFrame({"id": ["u1"]}), "Product": product},
        ...     {("User", "BOUGHT", "Product"): bought},
        ... )
        >>> tables.interactions().collect().select("user", "product", "kind", "at").rows()
        [('u1', 'p1', 'BOUGHT', 1600000000)]
    """

    schema: GraphSchema
    nodes: Mapping[str, pl.LazyFrame]
    edges: Mapping[EdgeType, pl.LazyFrame]

    @classmethod
    def of(
        cls,
        schema: GraphSchema,
        nodes: Mapping[str, pl.LazyFrame | pl.DataFrame],
        edges: Mapping[EdgeType, pl.LazyFrame | pl.DataFrame],
    ) -> Self:
        """Tables in the schema's columns and types; rows stay as they are.

        Raises:
            SchemaError: a label, edge type or column the schema does not have, or one that cannot be cast.
        """
        return cls(
            schema,
            {label: _conform(table, node_columns(schema, label), label) for label, table in nodes.items()},
            {kind: _conform(table, edge_columns(schema, kind), "-".join(kind)) for kind, table in edges.items()},
        )

    def interactions(self) -> pl.LazyFrame:
        """Every time a user chose a product, one row each, in the columns of `INTERACTION_DTYPES`; unordered."""
        parts = [self._chosen(kind) for kind, spec in self.schema.edges.items() if spec.interaction and kind in self.edges]
        empty = pl.LazyFrame(schema=dict(INTERACTION_DTYPES))
        return pl.concat([empty, *(part for part in parts if part is not None)], how="vertical")

    def until(self, at: int) -> Self:
        """What was known at the moment `at` (epoch seconds, inclusive).

        Later edges are gone, and later reviews with theirs; what has no time stays.
        """
        nodes, edges = dict(self.nodes), dict(self.edges)
        for kind, table in edges.items():
            if "at" in self.schema.edge(kind).properties:
                edges[kind] = table.filter(_known(at))
        for label, table in self.nodes.items():
            if "at" in self.schema.node(label).properties:
                nodes[label] = table.filter(_known(at))
                later = table.filter(~_known(at)).select("id")
                edges = {kind: _without_ends(edge, kind, label, later) for kind, edge in edges.items()}
        return type(self)(self.schema, nodes, edges)

    def merge(self, other: "GraphTables") -> Self:
        """Both graphs in one: where both know a node or an edge, `other`'s value wins unless it is null.

        Raises:
            SchemaError: the two schemas contradict each other.
        """
        schema = self.schema.merge(other.schema)
        nodes = {
            label: _merge(self.nodes.get(label), other.nodes.get(label), node_columns(schema, label), ("id",))
            for label in dict.fromkeys((*self.nodes, *other.nodes))
        }
        edges = {
            kind: _merge(self.edges.get(kind), other.edges.get(kind), edge_columns(schema, kind), schema.edge(kind).identity)
            for kind in dict.fromkeys((*self.edges, *other.edges))
        }
        return type(self)(schema, nodes, edges)

    def without_derived(self) -> Self:
        """The same without what a model wrote back (derived edges and properties) and what the builder noted down (records)."""
        specs = self.schema.nodes
        nodes = {label: table.drop(list(specs[label].derived)) for label, table in self.nodes.items() if not specs[label].record}
        edges = {kind: table for kind, table in self.edges.items() if not self.schema.edge(kind).derived}
        return type(self)(self.schema, {k: _conform(t, node_columns(self.schema, k), k) for k, t in nodes.items()}, edges)

    def check(self, *, held: Mapping[str, pl.LazyFrame] | None = None) -> None:
        """Raise if a node has no id or shares it, a list holds a null, an edge has no key, a double, or an end that is not there.

        `held` names, by label, the ids (column `id`) of nodes that a store holds already: edges may end there too.

        Raises:
            SchemaError: names the table, the rule and one offending row.
        """
        ids = {label: table.select("id") for label, table in self.nodes.items()}
        for label, there in (held or {}).items():
            ids[label] = pl.concat([ids[label], there]) if label in ids else there
        for label, table in self.nodes.items():
            _unique(table, ("id",), label)
            _full_lists(table, node_columns(self.schema, label), label)
        for kind, table in self.edges.items():
            name = "-".join(kind)
            _unique(table, self.schema.edge(kind).identity, name)
            _full_lists(table, edge_columns(self.schema, kind), name)
            for column, label in (("source", kind[0]), ("target", kind[2])):
                known = ids.get(label, pl.LazyFrame(schema={"id": pl.String()}))
                lost = table.select(column).join(known, left_on=column, right_on="id", how="anti")
                loose = lost.head(1).collect(engine="streaming")
                if loose.height:
                    where = f"{label} of the {'store' if held else 'tables'}"
                    raise SchemaError(f"{name}: {column} {loose.item()!r} is no {where}").logged_as(
                        f"{name}: a {column} is no {where}"
                    )

    def counts(self) -> tuple[dict[str, int], dict[EdgeType, int]]:
        """Rows of every node table and of every edge table; empty tables are left out."""
        tables = [*self.nodes.values(), *self.edges.values()]
        sizes = [frame.item() for frame in pl.collect_all([table.select(pl.len()) for table in tables])]
        node_sizes, edge_sizes = sizes[: len(self.nodes)], sizes[len(self.nodes) :]
        return (
            {label: size for label, size in zip(self.nodes, node_sizes, strict=True) if size},
            {kind: size for kind, size in zip(self.edges, edge_sizes, strict=True) if size},
        )

    def collect(self) -> Self:
        """The same tables held in memory, rows in the order of their identity, so that later reads cost nothing."""
        node_frames = pl.collect_all([table.sort("id") for table in self.nodes.values()])
        edge_frames = pl.collect_all([table.sort(self.schema.edge(kind).identity) for kind, table in self.edges.items()])
        return type(self)(
            self.schema,
            {label: frame.lazy() for label, frame in zip(self.nodes, node_frames, strict=True)},
            {kind: frame.lazy() for kind, frame in zip(self.edges, edge_frames, strict=True)},
        )

    def save(self, folder: Path | str, *, progress: Callable[[int, int], None] | None = None) -> None:
        """The tables as Parquet files with the schema beside them; a table saved there before is replaced.

        `progress` is called after each table with (tables done, tables in all).
        """
        folder = Path(folder)
        tables = {folder / "nodes" / f"{label}.parquet": table for label, table in self.nodes.items()}
        tables |= {folder / "edges" / f"{'.'.join(kind)}.parquet": table for kind, table in self.edges.items()}
        for part in ("nodes", "edges"):
            shutil.rmtree(folder / part, ignore_errors=True)
            (folder / part).mkdir(parents=True)
        for done, (path, table) in enumerate(tables.items(), 1):
            table.sink_parquet(path)
            if progress is not None:
                progress(done, len(tables))
        (folder / "schema.json").write_text(self.schema.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """The tables that `save` wrote, read lazily; a table may also be a folder of that name with its parts."""
        folder = Path(folder)
        schema = GraphSchema.from_json((folder / "schema.json").read_text(encoding="utf-8"))
        nodes = {path.stem: _scanned(path) for path in sorted((folder / "nodes").glob("*.parquet"))}
        edges = {_edge_type(path.stem): _scanned(path) for path in sorted((folder / "edges").glob("*.parquet"))}
        return cls.of(schema, nodes, edges)

    def __eq__(self, other: object) -> bool:
        """Same rows in every table, whatever their order; empty tables and the schema's unused parts do not count."""
        if not isinstance(other, GraphTables):
            return NotImplemented
        mine, theirs = self.counts(), other.counts()
        if mine != theirs:
            return False
        same_nodes = all(_same(self.nodes[label], other.nodes[label], ("id",)) for label in mine[0])
        return same_nodes and all(_same(self.edges[kind], other.edges[kind], self.schema.edge(kind).identity) for kind in mine[1])

    __hash__ = None  # type: ignore[assignment]

    def _chosen(self, kind: EdgeType) -> pl.LazyFrame | None:
        """The interactions of one edge type, or None where nothing leads from a User to its source."""
        source, name, _ = kind
        table = self.edges[kind]
        if source == "User":
            chosen = table.rename({"source": "user", "target": "product"})
        else:
            authors = [table for (one, _, other), table in self.edges.items() if (one, other) == ("User", source)]
            if not authors:
                return None
            author = pl.concat([edge.select(pl.col("source").alias("user"), "target") for edge in authors])
            event = self.nodes[source].select("id", *(c for c in INTERACTION_DTYPES if c in self.schema.node(source).properties))
            chosen = (
                table.select("source", pl.col("target").alias("product"))
                .join(author, left_on="source", right_on="target")
                .join(event, left_on="source", right_on="id")
            )
        return _conform(chosen.with_columns(pl.lit(name).alias("kind")), INTERACTION_DTYPES, name, drop=True)


def node_columns(schema: GraphSchema, label: str) -> dict[str, pl.DataType]:
    """Column names and dtypes of a node table: id, properties, derived properties."""
    spec = schema.node(label)
    return {"id": pl.String(), **_dtypes({**spec.properties, **spec.derived})}


def edge_columns(schema: GraphSchema, kind: EdgeType) -> dict[str, pl.DataType]:
    """Column names and dtypes of an edge table: source, target, properties."""
    return {"source": pl.String(), "target": pl.String(), **_dtypes(schema.edge(kind).properties)}


def _dtypes(properties: Mapping[str, PropertyType]) -> dict[str, pl.DataType]:
    return {name: DTYPES[kind] for name, kind in properties.items()}


def _edge_type(stem: str) -> EdgeType:
    source, name, target = stem.split(".")
    return (source, name, target)


def _scanned(path: Path) -> pl.LazyFrame:
    return pl.scan_parquet(path / "*.parquet" if path.is_dir() else path)


def _conform(
    table: pl.LazyFrame | pl.DataFrame, columns: Mapping[str, pl.DataType], name: str, *, drop: bool = False
) -> pl.LazyFrame:
    """The table with exactly these columns; `drop` discards others instead of refusing them."""
    table = table.lazy()
    present = table.collect_schema()
    for column in () if drop else present:
        if column not in columns:
            raise SchemaError(
                f"{name} has no property {column!r}{did_you_mean(column, columns) or ';'} known: {', '.join(columns)}"
            )
    needed = [column for column in ("id", "source", "target") if column in columns and column not in present]
    if needed:
        raise SchemaError(f"{name} needs the column {needed[0]!r} (got {', '.join(present) or 'none'})")
    return table.select(
        (pl.col(column) if column in present else pl.lit(None)).cast(dtype).alias(column) for column, dtype in columns.items()
    )


def _known(at: int) -> pl.Expr:
    return pl.col("at").is_null() | (pl.col("at") <= at)


def _without_ends(edge: pl.LazyFrame, kind: EdgeType, label: str, gone: pl.LazyFrame) -> pl.LazyFrame:
    for column, end in (("source", kind[0]), ("target", kind[2])):
        if end == label:
            edge = edge.join(gone, left_on=column, right_on="id", how="anti")
    return edge


def _merge(
    one: pl.LazyFrame | None, other: pl.LazyFrame | None, columns: Mapping[str, pl.DataType], identity: tuple[str, ...]
) -> pl.LazyFrame:
    parts = [_conform(part, columns, "table") for part in (one, other) if part is not None]
    if len(parts) == 1:
        return parts[0]
    old, new = parts
    latest = [pl.col(value).drop_nulls().last() for value in columns if value not in identity]
    both = pl.concat([old.join(new, on=list(identity), how="semi"), new])
    merged = both.group_by(identity, maintain_order=True).agg(latest).select(list(columns))
    return pl.concat([old.join(new, on=list(identity), how="anti"), merged])


def _unique(table: pl.LazyFrame, identity: tuple[str, ...], name: str) -> None:
    null = table.filter(pl.any_horizontal(pl.col(column).is_null() for column in identity)).head(1).collect(engine="streaming")
    if null.height:
        raise SchemaError(f"{name}: {', '.join(identity)} must never be null (got {null.row(0)})")
    _, several = parted(table.select(identity), identity)
    double = several.group_by(identity).len().filter(pl.col("len") > 1).head(1).collect(engine="streaming")
    if double.height:
        raise SchemaError(f"{name}: {', '.join(identity)} must be unique (got {double.row(0)[:-1]} {double.row(0)[-1]} times)")


def _full_lists(table: pl.LazyFrame, columns: Mapping[str, pl.DataType], name: str) -> None:
    for column in (column for column, dtype in columns.items() if isinstance(dtype, pl.List)):
        if table.filter(pl.col(column).list.eval(pl.element().is_null()).list.any()).head(1).collect(engine="streaming").height:
            raise SchemaError(f"{name}.{column}: a list must not hold nulls; leave them out")


def _same(one: pl.LazyFrame, other: pl.LazyFrame, identity: tuple[str, ...]) -> bool:
    mine, theirs = one.sort(identity).collect(), other.sort(identity).collect()
    used = {
        frame.columns[i] for frame in (mine, theirs) for i in range(frame.width) if frame.to_series(i).null_count() < frame.height
    }
    columns = [column for column in mine.columns if column in used]
    return used <= set(mine.columns) & set(theirs.columns) and mine.select(columns).equals(theirs.select(columns))
