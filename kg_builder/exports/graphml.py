"""GraphML: one XML file, written in a stream, so that its size is bounded by the disk alone.

A node's XML id is Label/id, because ids may be equal across labels; label, id and edge type are data too. Nulls are left out.
Lists and vectors are JSON in a string. XML 1.0 has no control characters, so these are written as _x0001_, and a text that has
such a thing in it already as _x005F_x0001_ (the convention of Office Open XML, ECMA-376 ST_Xstring). The schema travels as data
of the graph, so that every value gets its type back. `labels` on nodes and `label` on edges are what Neo4j's apoc.import.graphml
looks for.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.parsers import expat

import polars as pl

from kg_builder.errors import DamagedDump, SchemaError
from kg_builder.schema import GraphSchema, PropertyType
from kg_builder.stores import Progress
from kg_builder.tables import GraphTables, edge_columns, node_columns

FORMAT = "graphml"
HOLDS = "one XML file, for Gephi, yEd, networkx.read_graphml and Neo4j's apoc.import.graphml"

_NAMESPACE = "http://graphml.graphdrawing.org/xmlns"
_MADE = "<!-- made by kg-builder export -->"
_TYPES: Mapping[PropertyType, str] = {"integer": "long", "float": "double", "boolean": "boolean"}
_ILLEGAL = [*map(chr, (*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF))]
_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", **{one: f"_x{ord(one):04X}_" for one in _ILLEGAL}}
"""A parser makes a line feed of a carriage return that is no reference."""
_IN_ATTRIBUTE = {**_MARKUP, '"': "&quot;", "\t": "&#9;", "\n": "&#10;"}
"""And blanks of these."""
_IN_JSON = {'"': '\\"', "\\": "\\\\", **{chr(one): f"\\u{one:04x}" for one in range(32)}}
_SHOWN = re.compile(r"_x([0-9A-F]{4})_")
_AT_ONCE = 20_000
"""Rows that are written, or gathered to become a frame, at a time."""


def recognises(path: Path) -> bool:
    """True for a file that begins as `write` lets it begin."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _MADE.encode() in file.read(200)


def write(tables: GraphTables, path: Path, *, progress: Progress | None = None) -> None:
    """The file holds the graph; rows go from the tables to the file a batch at a time."""
    parts = [*_nodes(tables), *_edges(tables)]
    with path.open("wb") as file:
        file.write(_head(tables).encode())
        for done, (table, line) in enumerate(parts, 1):
            # polars' own sink would hold most of the XML in memory, which is many times the table
            for rows in table.collect_batches(chunk_size=_AT_ONCE, maintain_order=True):
                rows.select(line).write_csv(file, include_header=False, quote_style="never")
            if progress is not None:
                progress(FORMAT, done, len(parts))
        file.write(b"</graph>\n</graphml>\n")


def read(path: Path) -> GraphTables:
    """The tables that `write` wrote.

    Raises:
        DamagedDump: the file breaks off, is another program's, or has a document type (which could hide an XML bomb).
    """
    gathered = _Gathered()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = gathered.refuse
    parser.StartElementHandler, parser.EndElementHandler = gathered.start, gathered.end
    parser.CharacterDataHandler = gathered.say
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
        return gathered.tables()
    except (expat.ExpatError, SchemaError, KeyError, ValueError, pl.exceptions.PolarsError) as error:
        said = " ".join(str(error).split())
        raise DamagedDump(f"{path.name} line {parser.CurrentLineNumber}: no GraphML of kg-builder export: {said}") from error


def _head(tables: GraphTables) -> str:
    keys = [
        ("label", "node", "label", "string"),
        ("id", "node", "id", "string"),
        ("type", "edge", "type", "string"),
        ("schema", "graph", "schema", "string"),
        *((_key("n", name, kind), "node", name, kind) for name, kind in _node_properties(tables)),
        *((_key("e", name, kind), "edge", name, kind) for name, kind in _edge_properties(tables)),
    ]
    declared = "\n".join(
        f'<key id="{key}" for="{owner}" attr.name="{name}" attr.type="{_TYPES.get(kind, "string")}"/>'  # type: ignore[call-overload]
        for key, owner, name, kind in keys
    )
    schema = tables.schema.to_json().replace("&", "&amp;").replace("<", "&lt;")
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{_MADE}\n<graphml xmlns="{_NAMESPACE}">\n{declared}\n'
        f'<graph id="G" edgedefault="directed">\n<data key="schema">{schema}</data>\n'
    )


def _key(owner: str, name: str, kind: PropertyType) -> str:
    """The key's id; labels may give one name two types, and a key has one."""
    return f"{owner}.{name}" if kind == "string" else f"{owner}.{name}.{kind}"


def _node_properties(tables: GraphTables) -> dict[tuple[str, PropertyType], None]:
    specs = [tables.schema.node(label) for label in tables.nodes]
    return dict.fromkeys(pair for spec in specs for pair in {**spec.properties, **spec.derived}.items())


def _edge_properties(tables: GraphTables) -> dict[tuple[str, PropertyType], None]:
    return dict.fromkeys(pair for kind in tables.edges for pair in tables.schema.edge(kind).properties.items())


def _nodes(tables: GraphTables) -> Iterator[tuple[pl.LazyFrame, pl.Expr]]:
    """Every node table with what a row of it is in XML."""
    for label, table in tables.nodes.items():
        spec = tables.schema.node(label)
        yield (
            table,
            pl.concat_str(
                pl.lit(f'<node id="{label}/'),
                _text(pl.col("id"), _IN_ATTRIBUTE),
                pl.lit(f'" labels=":{label}"><data key="label">{label}</data><data key="id">'),
                _text(pl.col("id")),
                pl.lit("</data>"),
                *(_data("n", name, kind) for name, kind in {**spec.properties, **spec.derived}.items()),
                pl.lit("</node>"),
            ),
        )


def _edges(tables: GraphTables) -> Iterator[tuple[pl.LazyFrame, pl.Expr]]:
    for edge_type, table in tables.edges.items():
        source, name, target = edge_type
        yield (
            table,
            pl.concat_str(
                pl.lit(f'<edge source="{source}/'),
                _text(pl.col("source"), _IN_ATTRIBUTE),
                pl.lit(f'" target="{target}/'),
                _text(pl.col("target"), _IN_ATTRIBUTE),
                pl.lit(f'" label="{name}"><data key="type">{name}</data>'),
                *(_data("e", name, kind) for name, kind in tables.schema.edge(edge_type).properties.items()),
                pl.lit("</edge>"),
            ),
        )


def _data(owner: str, name: str, kind: PropertyType) -> pl.Expr:
    """The property as an element, nothing where it is null."""
    opened, value = pl.lit(f'<data key="{_key(owner, name, kind)}">'), _value(pl.col(name), kind)
    return pl.concat_str(opened, value, pl.lit("</data>")).fill_null("")


def _value(column: pl.Expr, kind: PropertyType) -> pl.Expr:
    if kind == "string":
        return _text(column)
    if kind == "strings":
        quoted = pl.concat_str(pl.lit('"'), _replaced(pl.element(), _IN_JSON), pl.lit('"'))
        return _text(_as_json(column.list.eval(quoted)))
    if kind == "vector":
        return _as_json(column.list.eval(pl.element().cast(pl.String).replace({"inf": "Infinity", "-inf": "-Infinity"})))
    said = column.cast(pl.String)
    return said.replace({"inf": "INF", "-inf": "-INF"}) if kind == "float" else said


def _as_json(lists: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit("["), lists.list.join(", "), pl.lit("]"))


def _text(column: pl.Expr, marked: Mapping[str, str] = _MARKUP) -> pl.Expr:
    """The string as XML text."""
    return _replaced(column.str.replace_all("_(x[0-9A-F]{4})", "_x005F_${1}"), marked)


def _replaced(column: pl.Expr, by: Mapping[str, str]) -> pl.Expr:
    return column.str.replace_many([*by], [*by.values()])


def _shown(value: str) -> str:
    return _SHOWN.sub(lambda found: chr(int(found[1], 16)), value) if "_x" in value else value


class _Gathered:
    """What a parser tells of a file, element by element, becomes rows, and rows become frames."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._schema: GraphSchema | None = None
        self._row: dict[str, str] = {}
        self._ends: dict[str, str] = {}
        self._key = ""
        self._said: list[str] | None = None
        self._rows: dict[Any, list[dict[str, Any]]] = {}
        self._frames: dict[Any, list[pl.DataFrame]] = {}

    def refuse(self, *_: object) -> None:
        raise ValueError("it has a document type, which an export never has")

    def start(self, element: str, attributes: dict[str, str]) -> None:
        if element == "data":
            self._key, self._said = attributes["key"], []
        elif element in ("node", "edge"):
            self._ends, self._row = attributes, {}
        elif element == "key":
            self._names[attributes["id"]] = attributes["attr.name"]

    def say(self, text: str) -> None:
        if self._said is not None:
            self._said.append(text)

    def end(self, element: str) -> None:
        if element == "data":
            value, self._said = "".join(self._said or ()), None
            if self._key == "schema":
                self._schema = GraphSchema.from_json(value)
            else:
                self._row[self._key] = value
        elif element == "node":
            self._node()
        elif element == "edge":
            self._edge()

    def tables(self) -> GraphTables:
        for table in list(self._rows):
            self._flush(table)
        frames = {table: pl.concat(parts) for table, parts in self._frames.items()}
        nodes = {table: frame for table, frame in frames.items() if isinstance(table, str)}
        return GraphTables.of(self._known(), nodes, {t: frame for t, frame in frames.items() if not isinstance(t, str)})

    def _node(self) -> None:
        label, name = _place(self._ends["id"])
        spec = self._known().node(label)
        self._add(label, {"id": name, **self._values({**spec.properties, **spec.derived})})

    def _edge(self) -> None:
        (source, first), (target, last) = _place(self._ends["source"]), _place(self._ends["target"])
        kind = (source, self._row["type"], target)
        self._add(kind, {"source": first, "target": last, **self._values(self._known().edge(kind).properties)})

    def _values(self, properties: Mapping[str, PropertyType]) -> dict[str, Any]:
        said = {self._names[key]: value for key, value in self._row.items() if key not in ("label", "id", "type")}
        return {name: _parsed(value, properties[name]) for name, value in said.items()}

    def _known(self) -> GraphSchema:
        if self._schema is None:
            raise ValueError("the graph has no schema among its data")
        return self._schema

    def _add(self, table: Any, row: dict[str, Any]) -> None:  # noqa: ANN401 - a label or an edge type
        rows = self._rows.setdefault(table, [])
        rows.append(row)
        if len(rows) >= _AT_ONCE:
            self._flush(table)

    def _flush(self, table: Any) -> None:  # noqa: ANN401
        schema = self._known()
        columns = node_columns(schema, table) if isinstance(table, str) else edge_columns(schema, table)
        self._frames.setdefault(table, []).append(pl.DataFrame(self._rows.pop(table), schema=columns))


def _place(said: str) -> tuple[str, str]:
    label, _, name = said.partition("/")
    return label, _shown(name)


def _parsed(said: str, kind: PropertyType) -> Any:  # noqa: ANN401
    if kind == "string":
        return _shown(said)
    if kind in ("strings", "vector"):
        return json.loads(_shown(said))
    if kind == "boolean":
        return said == "true"
    return int(said) if kind == "integer" else float(said)
