"""CSV files and the command by which neo4j-admin loads them as a whole database: for the first load of a large graph.

The importer is `neo4j-admin database import full` (Neo4j 5 and later); ids are told apart by label, as here.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from kg_builder.schema import EdgeType, GraphSchema, PropertyType
from kg_builder.stores import Progress
from kg_builder.tables import GraphTables

FORMAT = "neo4j-admin"
HOLDS = "a folder of CSV files with headers, and import.sh with the one command that makes a Neo4j database of them"

_SCRIPT = "import.sh"
_TYPES: Mapping[PropertyType, str] = {
    "string": "string",
    "integer": "long",
    "float": "double",
    "boolean": "boolean",
    "strings": "string[]",
    "vector": "float[]",
}
_PARTS = "\x1f"
"""What parts the elements of a list."""
_SAFE = r"""#!/bin/sh
# Loads the graph in place of all that a database of a Neo4j server holds, which is stopped meanwhile; its name is the first
# argument, neo4j unless given.
# NEO4J_ADMIN is the program, where it is not on the PATH.
cd "$(dirname "$0")" || exit 1
exec ${NEO4J_ADMIN:-neo4j-admin} database import full "${1:-neo4j}" \
  --overwrite-destination --multiline-fields=true --array-delimiter=U+001F --id-type=string \
"""


def recognises(path: Path) -> bool:
    """True for a folder with import.sh and folders of nodes and edges."""
    return (path / _SCRIPT).is_file() and all((path / part).is_dir() for part in ("nodes", "edges"))


def write(tables: GraphTables, path: Path, *, progress: Progress | None = None) -> None:
    """The folder holds a CSV file and its header a table, and the command; an empty list is no value there.

    The schema is a node, so that kg-builder knows the graph for one of its own.
    """
    for part in ("nodes", "edges"):
        (path / part).mkdir(parents=True)
    options = []
    nodes, edges = tables.counts()
    for done, (name, option, header, table) in enumerate(_files(tables, nodes, edges), 1):
        (path / f"{name}.header.csv").write_text(",".join(header) + "\n", encoding="utf-8")
        table.sink_csv(
            path / f"{name}.csv", include_header=False, null_value="", quote_style="non_numeric", float_scientific=None
        )
        options.append(f"  {option}={name}.header.csv,{name}.csv")
        if progress is not None:
            progress(FORMAT, done, len(nodes) + len(edges) + 1)
    script = path / _SCRIPT
    script.write_text(_SAFE + " \\\n".join(options) + "\n", encoding="utf-8")
    script.chmod(0o755)


def _files(
    tables: GraphTables, nodes: Mapping[str, int], edges: Mapping[EdgeType, int]
) -> Iterator[tuple[str, str, list[str], pl.LazyFrame]]:
    """Name, the importer's option, header and rows of every file."""
    schema = tables.schema
    for label in nodes:
        spec = schema.node(label)
        properties = {**spec.properties, **spec.derived}
        header = [f"id:ID({label})", *_typed(properties)]
        yield f"nodes/{label}", f"--nodes={label}", header, _plain(tables.nodes[label].select("id", *properties), properties)
    yield "nodes/Build", "--nodes=Build", ["id:ID(Build)", "schema:string"], _known(schema)
    for kind in edges:
        source, name, target = kind
        properties = dict(schema.edge(kind).properties)
        header = [f":START_ID({source})", *_typed(properties), f":END_ID({target})"]
        table = _plain(tables.edges[kind].select("source", *properties, "target"), properties)
        yield f"edges/{'.'.join(kind)}", f"--relationships={name}", header, table


def _typed(properties: Mapping[str, PropertyType]) -> list[str]:
    return [f"{name}:{_TYPES[kind]}" for name, kind in properties.items()]


def _plain(table: pl.LazyFrame, properties: Mapping[str, PropertyType]) -> pl.LazyFrame:
    """Lists as text with a separator that no text has; infinite numbers as Java reads them."""
    lists = [name for name, kind in properties.items() if kind in ("strings", "vector")]
    numbers = [name for name, kind in properties.items() if kind == "float"]
    return table.with_columns(
        *(pl.col(name).cast(pl.List(pl.String)).list.join(_PARTS).alias(name) for name in lists),
        *(
            pl.when(pl.col(name).is_infinite())
            .then(pl.when(pl.col(name) > 0).then(pl.lit("Infinity")).otherwise(pl.lit("-Infinity")))
            .otherwise(pl.col(name).cast(pl.String))
            .alias(name)
            for name in numbers
        ),
    )


def _known(schema: GraphSchema) -> pl.LazyFrame:
    """The node by which kg-builder knows a graph as its own."""
    return pl.LazyFrame({"id": ["schema"], "schema": [json.dumps(json.loads(schema.to_json()))]})
