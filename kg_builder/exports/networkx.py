"""One JSON file in networkx's node-link form, for graphs that fit into its dictionaries.

Read it by `networkx.node_link_graph(json.load(file))`, or by `read_export`.

A node's id is [label, id], which networkx makes the pair that `to_networkx` uses; an edge's key is TYPE, or TYPE/key where
several may stand between two nodes, because a key in JSON must be a string.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from kg_builder.errors import BadRequest, DamagedDump, SchemaError
from kg_builder.schema import EdgeType, GraphSchema
from kg_builder.stores import Progress
from kg_builder.tables import GraphTables, edge_columns, node_columns

FORMAT = "networkx"
HOLDS = "a JSON file in node-link form, for networkx.node_link_graph; a small graph, or what lies --around a node"

MOST = 1_000_000
"""Nodes and edges together; each takes networkx about a kilobyte of memory."""
_TOLD = 10_000  # nodes and edges between two signs of progress
_START = '{"directed": true, "multigraph": true, "graph": {"schema": '


def recognises(path: Path) -> bool:
    """True for a file that starts as ours do."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_START)) == _START.encode()


def write(tables: GraphTables, path: Path, *, progress: Progress | None = None) -> None:
    """The file holds the graph, nulls left out.

    Raises:
        BadRequest: the graph is too large for networkx; names --around.
    """
    size = sum(sum(counts.values()) for counts in tables.counts())
    if size > MOST:
        raise BadRequest(
            f"networkx takes at most {MOST:,} nodes and edges (got {size:,}); take a part: --around Product/ID --hops 2"
        )
    done = 0
    with path.open("w", encoding="utf-8") as file:
        if progress is not None:
            progress(FORMAT, done, size)
        file.write(f"{_START}{json.dumps(tables.schema.to_json())}}}")
        for name, items in (("nodes", _nodes(tables)), ("edges", _edges(tables))):
            file.write(f', "{name}": [')
            for number, item in enumerate(items):
                file.write(f"{', ' if number else ''}\n{json.dumps(item, ensure_ascii=False)}")
                done += 1
                if progress is not None and (done % _TOLD == 0 or done == size):
                    progress(FORMAT, done, size)
            file.write("]")
        file.write("}\n")


def read(path: Path) -> GraphTables:
    """The tables of the file.

    Raises:
        DamagedDump: the file breaks off or is not what its name says.
    """
    nodes: dict[str, list[dict[str, Any]]] = {}
    edges: dict[EdgeType, list[dict[str, Any]]] = {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        schema = GraphSchema.from_json(found["graph"]["schema"])
        for node in found["nodes"]:
            label, name = node["id"]
            nodes.setdefault(label, []).append({**node, "id": name})
        for edge in found["edges"]:
            (source, first), (target, last) = edge["source"], edge["target"]
            kind, _, key = edge["key"].partition("/")
            spec = schema.edge((source, kind, target))
            own = {} if spec.key is None else {spec.key: key}
            edges.setdefault(spec.edge_type, []).append({**edge, "source": first, "target": last, **own})
        return GraphTables.of(
            schema,
            {label: pl.DataFrame(rows, schema=node_columns(schema, label)) for label, rows in nodes.items()},
            {kind: pl.DataFrame(rows, schema=edge_columns(schema, kind)) for kind, rows in edges.items()},
        )
    except (KeyError, TypeError, ValueError, SchemaError, PolarsError) as error:
        raise DamagedDump(f"{path} is no whole networkx export: {str(error).splitlines()[0]}") from error


def _nodes(tables: GraphTables) -> Iterator[dict[str, Any]]:
    for label, table in tables.nodes.items():
        ours = {} if "label" in node_columns(tables.schema, label) else {"label": label}
        for row in table.collect().iter_rows(named=True):
            yield {**ours, **_known(row), "id": [label, row["id"]]}


def _edges(tables: GraphTables) -> Iterator[dict[str, Any]]:
    for (source, name, target), table in tables.edges.items():
        spec = tables.schema.edge((source, name, target))
        ours = {} if "type" in spec.properties else {"type": name}
        for row in table.collect().iter_rows(named=True):
            key = name if spec.key is None else f"{name}/{row[spec.key]}"
            ends = {"source": [source, row["source"]], "target": [target, row["target"]]}
            yield {**ours, **_known(row), **ends, "key": key}


def _known(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}
