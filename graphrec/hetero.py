"""GraphTables ↔ PyG's HeteroData with everything that is known of nodes and edges, for models of one's own.

`KnownGraph.hetero` is what graphrec's scorers learn from: interactions as one edge type, nothing else. This is the graph itself.
"""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import torch

from graphrec.errors import BadRequest
from kg_builder.exports import heterodata
from kg_builder.exports.heterodata import Part
from kg_builder.schema import EdgeType, GraphSchema
from kg_builder.tables import GraphTables, edge_columns, node_columns

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData


def hetero_data(graph: GraphTables | Path | str) -> "HeteroData":
    """The graph as PyG has it; rows of a label follow its sorted ids. `tables_of` gives equal tables back.

    Of a label: `num_nodes`, `id` (a list). Of an edge type: `edge_index` [2, m] int64. Of both, by the property's name: numbers
    [n] float64 or int64, booleans [n], vectors [n, d] float32; text and lists as Python lists. A value that is not known is NaN,
    0 or false, and then `NAME_known` [n] is false there (no such mask: all are known); in lists it is None. A property whose name
    PyG needs for itself has an underscore: `size_`. Numbers are as exact as in the graph: say `.float()` before a layer.

    Args:
        graph: tables, or the folder that `kg-builder export STORE --for heterodata --out FOLDER` made.

    Raises:
        SchemaError: an edge ends at a node that is not there.
        DamagedDump: the folder is no whole export.

    Example:
        >>> import polars as pl
        >>> from kg_builder import RETAIL, GraphTables
        >>> nodes = {"Product": pl.DataFrame({"id": ["p2", "p1"], "price": [0.1, None]}), "User": pl.DataFrame({"id": ["u1"]})}
        >>> bought = pl.DataFrame({"source": ["u1"], "target": ["p2"], "key": ["o1"], "at": [1600000000]})
        >>> data = hetero_data(GraphTables.of(RETAIL, nodes, {("User", "BOUGHT", "Product"): bought}))
        >>> data["Product"].id, data["Product"].price_known.tolist(), data["User", "BOUGHT", "Product"].edge_index.tolist()
        (['p1', 'p2'], [False, True], [[0], [1]])
    """
    return _filled(heterodata.parts(graph)) if isinstance(graph, GraphTables) else load(graph)


def load(folder: Path | str) -> "HeteroData":
    """The graph that was exported to the folder, as `hetero_data` gives it.

    Raises:
        DamagedDump: the folder is no whole export.
    """
    return _filled(heterodata.read_parts(Path(folder)))


def tables_of(data: "HeteroData", schema: GraphSchema) -> GraphTables:
    """The tables that `hetero_data` made the graph of; attributes that the schema has no property for are left out.

    Raises:
        BadRequest: a label has no list of ids.
        SchemaError: a label or edge type that the schema does not have, a value that does not fit its property, an attribute that
            is not as long as its label or edge type, or a row in `edge_index` that is not there.
    """
    kinds: list[str | EdgeType] = [*data.node_types, *data.edge_types]
    return heterodata.joined(schema, (_part(data, kind, schema) for kind in kinds))


def _filled(parts: Iterable[Part]) -> "HeteroData":
    with warnings.catch_warnings():  # torch_geometric compiles with what torch calls deprecated
        warnings.simplefilter("ignore", FutureWarning)
        from torch_geometric.data import HeteroData  # here: importing it takes three times as long as importing torch

    data = HeteroData()
    for part in parts:
        storage = data[part.kind]
        if isinstance(part.kind, str):
            storage.num_nodes = part.rows
        for name, array in part.arrays.items():
            storage[name] = torch.from_numpy(np.require(array, requirements="W"))
        for name, series in part.lists.items():
            storage[name] = series.to_list()
    return data


def _part(data: "HeteroData", kind: str | EdgeType, schema: GraphSchema) -> Part:
    storage = data[kind]
    is_label = isinstance(kind, str)
    columns = node_columns(schema, kind) if isinstance(kind, str) else edge_columns(schema, kind)
    names: dict[str, pl.DataType] = {"id": pl.String()} if is_label else {}
    arrays: dict[str, Any] = {} if is_label else {"edge_index": storage["edge_index"].cpu().numpy()}
    for column, (name, mask) in heterodata.attributes(name for name in columns if name not in ("id", "source", "target")).items():
        names[name] = columns[column]
        arrays |= {one: storage[one].cpu().numpy() for one in (name, mask) if isinstance(storage.get(one), torch.Tensor)}
    if is_label and "id" not in storage:
        raise BadRequest(f"{kind} has no list of ids: expected data[{kind!r}].id")
    rows = len(storage["id"]) if is_label else storage["edge_index"].shape[-1]
    lists = {name: storage[name] for name in names if name in storage and name not in arrays}
    return Part(kind, arrays, {name: pl.Series(name, values, dtype=names[name]) for name, values in lists.items()}, rows)
