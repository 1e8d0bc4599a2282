"""GraphTables ↔ networkx, for graphs that fit into Python's dictionaries: small ones, or what lies around a node."""

from collections.abc import Hashable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import polars as pl

from kg_builder.errors import BadRequest, SchemaError
from kg_builder.neighbours import neighbourhood
from kg_builder.schema import EdgeSpec, EdgeType, GraphSchema
from kg_builder.tables import GraphTables, edge_columns, node_columns

if TYPE_CHECKING:
    import networkx as nx

Row = dict[str, Any]


def to_networkx(tables: GraphTables, *, around: str | None = None, hops: int = 2, most: int = 100_000) -> "nx.MultiDiGraph":
    """The graph as networkx has it, nulls left out; `from_networkx` gives equal tables back.

    A node is the pair (label, id), because ids may be equal across labels, with `label` and its properties. An edge's key is
    its type, or (type, key) where several may stand between two nodes; it has `type` and its properties. A property that is
    itself called `label` or `type` takes that name. The schema is in `graph.graph["schema"]`.

    Args:
        tables: what a store reads, or a dump tabulates.
        around: a label and an id such as Product/B00005N7PS: only what can be reached from there within `hops` edges.
        hops: how far, whatever the edges' direction.
        most: nodes and edges together that are still converted; each takes about a kilobyte.

    Raises:
        BadRequest: there are more; or `around` names nothing.
        ImportError: networkx is not installed.

    Example:
        >>> from kg_builder.schema import RETAIL
        >>> nodes = {"Product": pl.DataFrame({"id": ["p1"], "title": ["Tea"]}), "Brand": pl.DataFrame({"id": ["acme"]})}
        >>> made = pl.DataFrame({"source": ["p1"], "target": ["acme"]})
        >>> graph = to_networkx(GraphTables.of(RETAIL, nodes, {("Product", "MADE_BY", "Brand"): made}))
        >>> graph.nodes["Product", "p1"]["title"], list(graph.edges(keys=True))
        ('Tea', [(('Product', 'p1'), ('Brand', 'acme'), 'MADE_BY')])
    """
    networkx = _networkx()
    if around is not None:
        tables = neighbourhood(tables, around, hops=hops)
    size = sum(sum(counts.values()) for counts in tables.counts())
    if size > most:
        fewer = "fewer hops" if around is not None else "around='Product/…' for what lies near a node"
        raise BadRequest(f"networkx takes at most {most:,} nodes and edges here (got {size:,}); ask for {fewer}, or raise most")
    graph = networkx.MultiDiGraph(schema=tables.schema)
    for label, table in tables.nodes.items():
        ours = {} if "label" in node_columns(tables.schema, label) else {"label": label}
        graph.add_nodes_from(((label, row.pop("id")), {**ours, **_known(row)}) for row in _rows(table))
    for kind, table in tables.edges.items():
        spec = tables.schema.edge(kind)
        ours = {} if "type" in spec.properties else {"type": spec.type}
        graph.add_edges_from((*_ends(spec, row), {**ours, **_known(row)}) for row in _rows(table))
    return graph


def from_networkx(graph: "nx.MultiDiGraph", schema: GraphSchema | None = None) -> GraphTables:
    """The tables that `to_networkx` made the graph of, or of any graph in its form.

    Args:
        graph: nodes are pairs (label, id); an edge's key is its type or a tuple that begins with it. Attributes that the
            schema does not know as properties are left out where they are called `label` or `type`, else refused.
        schema: what the graph may hold; by default `graph.graph["schema"]`.

    Raises:
        BadRequest: there is no schema, or a node or an edge has another form.
        SchemaError: a label, type, property or value that the schema does not allow.
    """
    schema = schema if schema is not None else graph.graph.get("schema")
    if not isinstance(schema, GraphSchema):
        raise BadRequest("the graph has no schema in graph.graph['schema']; give one: from_networkx(graph, RETAIL)")
    nodes: dict[str, list[Row]] = {}
    edges: dict[EdgeType, list[Row]] = {}
    for node, attributes in graph.nodes(data=True):
        label, name = _pair(node)
        known = schema.node(label)
        nodes.setdefault(label, []).append({"id": name, **_spoken(attributes, "label", {**known.properties, **known.derived})})
    for one, other, key, attributes in graph.edges(keys=True, data=True):
        (source, first), (target, last) = _pair(one), _pair(other)
        kind = (source, _type(key), target)
        said = _spoken(attributes, "type", schema.edge(kind).properties)
        edges.setdefault(kind, []).append({"source": first, "target": last, **said})
    return GraphTables.of(
        schema,
        {label: _frame(rows, node_columns(schema, label), label) for label, rows in nodes.items()},
        {kind: _frame(rows, edge_columns(schema, kind), "-".join(kind)) for kind, rows in edges.items()},
    )


def _networkx() -> Any:  # noqa: ANN401 - it has no types
    try:
        return import_module("networkx")
    except ImportError as error:
        raise ImportError("to_networkx needs networkx, which is not installed; type: pip install networkx") from error


def _rows(table: pl.LazyFrame) -> Iterator[Row]:
    return table.collect().iter_rows(named=True)


def _known(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None}


def _ends(spec: EdgeSpec, row: Row) -> tuple[Hashable, Hashable, Hashable]:
    """Both nodes and the edge's key; the ends are no longer in the row."""
    key = spec.type if spec.key is None else (spec.type, row[spec.key])
    return (spec.source, row.pop("source")), (spec.target, row.pop("target")), key


def _pair(node: object) -> tuple[str, str]:
    if isinstance(node, tuple) and len(node) == 2 and all(isinstance(part, str) for part in node):
        return (node[0], node[1])
    raise BadRequest(f"a node must be a pair of label and id, such as ('Product', 'p1') (got {node!r})")


def _type(key: object) -> str:
    name = key[0] if isinstance(key, tuple) and key else key
    if isinstance(name, str):
        return name
    raise BadRequest(f"an edge's key must be its type, or a tuple that begins with it, such as ('BOUGHT', 'o1') (got {key!r})")


def _spoken(attributes: Row, ours: str, known: Mapping[str, object]) -> Row:
    """The attributes without `label` or `type`, unless that is a property."""
    return {name: value for name, value in attributes.items() if name != ours or name in known}


def _frame(rows: list[Row], columns: Mapping[str, pl.DataType], name: str) -> pl.DataFrame:
    unknown = {attribute: pl.lit(None) for row in rows for attribute in row if attribute not in columns}
    try:
        return pl.DataFrame(rows, schema=columns).with_columns(**unknown)  # GraphTables.of refuses the unknown ones by name
    except (TypeError, pl.exceptions.PolarsError) as error:
        raise SchemaError(
            f"{name} has an attribute that the schema's type does not hold: {str(error).splitlines()[0]}"
        ).logged_as(f"{name} has an attribute that the schema's type does not hold") from error
