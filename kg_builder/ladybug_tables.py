"""A graph's tables in Ladybug: the statements that create, fill and thin them out."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import ladybug
import polars as pl

from kg_builder.errors import SchemaError
from kg_builder.schema import EdgeType, GraphSchema, PropertyType
from kg_builder.tables import GraphTables

_TYPES: Mapping[PropertyType, str] = {
    "string": "STRING",
    "integer": "INT64",
    "float": "DOUBLE",
    "boolean": "BOOLEAN",
    "strings": "STRING[]",
    "vector": "FLOAT[]",
}


def ddl(schema: GraphSchema) -> Iterator[str]:
    """A statement a table; an edge type between several labels is one table with several pairs."""
    for spec in schema.nodes.values():
        columns = _columns({**spec.properties, **spec.derived})
        yield f"CREATE NODE TABLE `{spec.label}`(`id` STRING PRIMARY KEY{columns})"
    for name in dict.fromkeys(name for _, name, _ in schema.edges):
        specs = [spec for kind, spec in schema.edges.items() if kind[1] == name]
        pairs = ", ".join(f"FROM `{edge.source}` TO `{edge.target}`" for edge in specs)
        properties: dict[str, PropertyType] = {}
        for edge in specs:
            properties.update(edge.properties)
        yield f"CREATE REL TABLE `{name}`({pairs}{_columns(properties)})"


def _columns(properties: Mapping[str, PropertyType]) -> str:
    return "".join(f", `{name}` {_TYPES[kind]}" for name, kind in properties.items())


def check_names(schema: GraphSchema) -> None:
    """Ladybug has one name space for labels and relationship types, and does not tell `Bought` from `BOUGHT`."""
    seen: dict[str, str] = {}
    for name in (*schema.nodes, *dict.fromkeys(name for _, name, _ in schema.edges)):
        if name.lower() in seen:
            raise SchemaError(f"{seen[name.lower()]} and {name} differ at most by case; rename one")
        seen[name.lower()] = name
    kinds: dict[tuple[str, str], str] = {}
    for (_, name, _), spec in schema.edges.items():
        for column, kind in spec.properties.items():
            if kinds.setdefault((name, column), kind) != kind:
                raise SchemaError(f"{name}.{column} must have one type between all labels (got {kinds[name, column]} and {kind})")


def copy(
    connection: ladybug.Connection, tables: GraphTables, scratch: Path, progress: Callable[[str, int, int], None] | None
) -> None:
    """Append all rows, nodes first, by way of a Parquet file in the scratch folder: it takes less memory and time than frames."""
    nodes, edges = tables.counts()
    parts: list[tuple[str, str, pl.LazyFrame]] = [(label, "", tables.nodes[label]) for label in nodes]
    parts += [(kind[1], f" (from='{kind[0]}', to='{kind[2]}')", tables.edges[kind]) for kind in edges]
    total, done = sum(nodes.values()) + sum(edges.values()), 0
    file = scratch / "rows.parquet"
    for (into, pair, table), size in zip(parts, (*nodes.values(), *edges.values()), strict=True):
        columns = ", ".join(f"`{column}`" for column in table.collect_schema() if column not in ("source", "target"))
        table.sink_parquet(file)
        connection.execute(f"COPY `{into}`{f'({columns})' if columns else ''} FROM {quoted(file)}{pair}")
        done += size
        if progress is not None:
            progress("write", done, total)


def export(connection: ladybug.Connection, query: str, file: Path) -> None:
    """The Parquet file holds the rows of the query."""
    connection.execute(f"COPY ({query}) TO {quoted(file)}")


def quoted(file: Path) -> str:
    """The file's name as Cypher has it."""
    return "'{}'".format(str(file).replace("\\", "\\\\").replace("'", "\\'"))


def delete(connection: ladybug.Connection, kind: EdgeType, rows: pl.DataFrame) -> None:
    """Delete the edges with these identities."""
    source, target, *key = rows.columns
    keyed = f" WHERE r.`{key[0]}` = `the_{key[0]}`" if key else ""
    named = rows.rename({column: f"the_{column}" for column in rows.columns})
    ends = f"MATCH (a:`{kind[0]}` {{id: the_{source}}})-[r:`{kind[1]}`]->(b:`{kind[2]}` {{id: the_{target}}})"
    connection.execute(f"LOAD FROM $rows {ends}{keyed} DELETE r", {"rows": named.to_arrow()})
