"""A folder of arrays for PyG: `graphrec.hetero_data` makes a HeteroData of it, numpy alone reads it as well.

One .npz (no pickle) a label and an edge type with what a tensor can hold, and beside it one Parquet file with what it cannot: ids
and text. Rows follow the sorted ids, so equal graphs give equal arrays; empty labels and edge types are left out. Numbers stay
float64 and int64, so that prices and times survive.
"""

import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from kg_builder.errors import DamagedDump, SchemaError
from kg_builder.schema import EdgeType, GraphSchema
from kg_builder.stores import Progress
from kg_builder.tables import GraphTables, edge_columns, node_columns

FORMAT = "heterodata"
HOLDS = "a folder of numpy arrays with heterodata.json, for PyG: graphrec.hetero_data(path)"

Array = npt.NDArray[Any]

_MANIFEST, _NODES, _EDGES = "heterodata.json", "node_types", "edge_types"
TAKEN = frozenset(
    "adj_t apply apply_ batch can_infer_num_nodes clear clone coalesce concat contiguous copy cpu cuda "  # noqa: SIM905
    "detach detach_ edge_attrs edge_index get has_isolated_nodes has_self_loops id is_bipartite "
    "is_coalesced is_directed is_edge_attr is_node_attr is_sorted is_sorted_by_time is_undirected items "
    "keys node_attrs num_edge_features num_edges num_features num_node_features num_nodes pin_memory pop "
    "popitem ptr record_stream requires_grad_ setdefault share_memory_ size snapshot sort sort_by_time to "
    "to_dict to_namedtuple up_to update values".split()
)
"""What PyG's storages call their own; a property of that name gets an underscore."""
_EMPTY: Mapping[pl.DataType, Any] = {pl.Float64(): np.nan, pl.Int64(): 0, pl.Boolean(): False}


@dataclass(frozen=True, slots=True)
class Part:
    """One label or edge type, row by row.

    arrays: what a tensor can hold, by attribute: numbers [n] float64 or int64, booleans [n], vectors [n, d] float32, of an edge
        type `edge_index` [2, n] int64. Where a value is missing it is NaN, 0 or false, and `NAME_known` [n] is false.
    lists: the other columns by attribute, `id` of a label first; missing values are null.
    """

    kind: str | EdgeType
    arrays: Mapping[str, Array]
    lists: Mapping[str, pl.Series]
    rows: int


def attributes(columns: Iterable[str]) -> dict[str, tuple[str, str]]:
    """What each property is called in a storage of PyG, and the mask that says where it is known.

    Example:
        >>> attributes(["price", "size", "price_known"])
        {'price': ('price', 'price_known_'), 'size': ('size_', 'size_known'), 'price_known': ('price_known', 'price_known_known')}
    """
    columns = list(columns)
    named: dict[str, tuple[str, str]] = {}
    taken = {*TAKEN, *columns}
    for column in columns:
        name = column if column not in TAKEN else _free(column, taken)
        mask = _free(f"{column}_known", taken)
        named[column] = (name, mask)
        taken |= {name, mask}
    return named


def parts(tables: GraphTables) -> Iterator[Part]:
    """Every label and then every edge type that has rows, one at a time.

    Raises:
        SchemaError: an edge ends at a node that is not there.
    """
    rows: dict[str, pl.DataFrame] = {}
    for label, table in tables.nodes.items():
        frame = table.sort("id").collect()
        if frame.height:
            rows[label] = frame.select("id").with_row_index("row")
            yield _part(label, frame, {}, node_columns(tables.schema, label))
    for kind, table in tables.edges.items():
        frame = _in_rows(table, kind, rows, tables.schema.edge(kind).key).collect()
        if frame.height:
            _check_ends(frame, table, kind, rows)
            ends = np.stack([frame[column].cast(pl.Int64).to_numpy() for column in ("source", "target")])
            yield _part(kind, frame, {"edge_index": ends}, edge_columns(tables.schema, kind))


def joined(schema: GraphSchema, given: Iterable[Part]) -> GraphTables:
    """The tables that `parts` took apart; labels come before the edge types that name them.

    Raises:
        SchemaError: the schema lacks a label or edge type, an edge ends at no row, or a column has another length.
    """
    ids: dict[str, pl.Series] = {}
    nodes: dict[str, pl.DataFrame] = {}
    edges: dict[EdgeType, pl.DataFrame] = {}
    for part in given:
        if isinstance(part.kind, str):
            nodes[part.kind] = _frame(part, node_columns(schema, part.kind), {"id": part.lists["id"]})
            ids[part.kind] = part.lists["id"]
        else:
            edges[part.kind] = _frame(part, edge_columns(schema, part.kind), _ends(part.kind, part.arrays["edge_index"], ids))
    return GraphTables.of(schema, nodes, edges)


def recognises(path: Path) -> bool:
    """True for a folder with heterodata.json."""
    return (path / _MANIFEST).is_file()


def write(tables: GraphTables, path: Path, *, progress: Progress | None = None) -> None:
    """The folder holds the arrays; one table at a time is in memory, beside the ids of the nodes."""
    for folder in (_NODES, _EDGES):
        (path / folder).mkdir(parents=True)
    kinds: list[str | EdgeType] = []
    total = len(tables.nodes) + len(tables.edges)  # of which the empty ones are no parts
    for part in parts(tables):
        _savez(_stem(path, part.kind).with_suffix(".npz"), part.arrays)
        if part.lists:
            pl.DataFrame(dict(part.lists)).write_parquet(_stem(path, part.kind).with_suffix(".parquet"))
        kinds.append(part.kind)
        if progress is not None:
            progress(FORMAT, len(kinds), total)
    if progress is not None and len(kinds) < total:
        progress(FORMAT, total, total)
    manifest = {"kinds": kinds, "schema": json.loads(tables.schema.to_json())}
    (path / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def read(path: Path) -> GraphTables:
    """The tables that `write` wrote.

    Raises:
        DamagedDump: a file is missing, breaks off or is not what its name says.
    """
    try:
        manifest = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
        return joined(GraphSchema.from_json(json.dumps(manifest["schema"])), read_parts(path))
    except (SchemaError, KeyError, TypeError, ValueError, OSError, pl.exceptions.PolarsError) as error:
        raise DamagedDump(f"{path} is no whole heterodata export: {str(error).splitlines()[0]}") from error


def read_parts(path: Path) -> Iterator[Part]:
    """The parts that `write` wrote, one at a time.

    Raises:
        DamagedDump: a file is missing, breaks off or is not what its name says.
    """
    try:
        manifest = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
        for said in manifest["kinds"]:
            yield _read_part(path, said if isinstance(said, str) else (said[0], said[1], said[2]))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, pl.exceptions.PolarsError) as error:
        raise DamagedDump(f"{path} is no whole heterodata export: {str(error).splitlines()[0]}") from error


def _read_part(path: Path, kind: str | EdgeType) -> Part:
    stem = _stem(path, kind)
    with stem.with_suffix(".npz").open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    texts = stem.with_suffix(".parquet")
    lists = pl.read_parquet(texts).to_dict() if texts.exists() else {}
    return Part(kind, arrays, lists, len(lists["id"]) if isinstance(kind, str) else arrays["edge_index"].shape[-1])


def _savez(path: Path, arrays: Mapping[str, Array]) -> None:
    """What `np.savez` writes, whatever the arrays are called (one of its own arguments is `file`)."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)


def _stem(path: Path, kind: str | EdgeType) -> Path:
    """The path without the ending, which `with_suffix` must find."""
    return path / _NODES / f"{kind}.x" if isinstance(kind, str) else path / _EDGES / f"{'.'.join(kind)}.x"


def _free(name: str, taken: Iterable[str]) -> str:
    while name in taken:
        name = f"{name}_"
    return name


def _in_rows(table: pl.LazyFrame, kind: EdgeType, rows: Mapping[str, pl.DataFrame], key: str | None) -> pl.LazyFrame:
    """The edges with rows in place of ids, null where there is no such node, in the order of their identity."""
    for column, label in (("source", kind[0]), ("target", kind[2])):
        known = rows.get(label, pl.DataFrame(schema={"row": pl.UInt32, "id": pl.String})).lazy()
        table = table.join(known, left_on=column, right_on="id", how="left").drop(column).rename({"row": column})
    return table.sort("source", "target", *([] if key is None else [key]))


def _check_ends(frame: pl.DataFrame, table: pl.LazyFrame, kind: EdgeType, rows: Mapping[str, pl.DataFrame]) -> None:
    for column, label in (("source", kind[0]), ("target", kind[2])):
        if frame[column].null_count():
            known = rows.get(label, pl.DataFrame(schema={"id": pl.String})).lazy()
            loose = table.join(known, left_on=column, right_on="id", how="anti").select(column).head(1).collect()
            name, where = "-".join(kind), f"{label} of the tables"
            raise SchemaError(f"{name}: {column} {loose.item()!r} is no {where}").logged_as(f"{name}: a {column} is no {where}")


def _part(kind: str | EdgeType, frame: pl.DataFrame, arrays: dict[str, Array], columns: Mapping[str, pl.DataType]) -> Part:
    lists = {"id": frame["id"]} if "id" in columns else {}
    for column, (name, mask) in _properties(columns).items():
        series = frame[column]
        if series.null_count() == frame.height:
            continue
        array = _array(series)
        if array is None:
            lists[name] = series
        else:
            arrays[name] = array
            if series.null_count():
                arrays[mask] = series.is_not_null().to_numpy()
    return Part(kind, arrays, lists, frame.height)


def _properties(columns: Iterable[str]) -> dict[str, tuple[str, str]]:
    return attributes(column for column in columns if column not in ("id", "source", "target"))


def _array(series: pl.Series) -> Array | None:
    """The values of a column as one array; None where an array cannot hold them: text, lists, vectors of several lengths."""
    if series.dtype in _EMPTY:
        return series.fill_null(_EMPTY[series.dtype]).to_numpy().copy()
    if series.dtype != pl.List(pl.Float32):
        return None
    known = series.drop_nulls()
    lengths = known.list.len().unique().to_list()
    if len(lengths) != 1 or not lengths[0]:
        return None
    vectors = np.full((len(series), lengths[0]), np.nan, dtype=np.float32)
    vectors[series.is_not_null().to_numpy()] = known.explode().to_numpy().reshape(-1, lengths[0])
    return vectors


def _ends(kind: EdgeType, edge_index: Array, ids: Mapping[str, pl.Series]) -> dict[str, pl.Series]:
    """The ids of both ends."""
    if edge_index.ndim != 2 or len(edge_index) != 2:
        raise SchemaError(f"{'-'.join(kind)}: edge_index must be of shape [2, m] (got {[*edge_index.shape]})")
    ends = {}
    for column, label, rows in zip(("source", "target"), (kind[0], kind[2]), edge_index, strict=True):
        known = ids.get(label, pl.Series([], dtype=pl.String))
        if rows.size and not 0 <= rows.min() <= rows.max() < len(known):
            raise SchemaError(
                f"{'-'.join(kind)}: {column} must be a row of the {len(known):,} of {label} (got {rows.min()} to {rows.max()})"
            )
        ends[column] = known.gather(rows)
    return ends


def _frame(part: Part, columns: Mapping[str, pl.DataType], given: Mapping[str, pl.Series]) -> pl.DataFrame:
    values = {name: series.alias(name) for name, series in given.items()}
    for column, (name, mask) in _properties(columns).items():
        if name in part.lists:
            values[column] = part.lists[name].alias(column)
        elif name in part.arrays:
            series = _series(column, part.arrays[name])
            known = part.arrays.get(mask)
            values[column] = series if known is None else series.zip_with(pl.Series(known), pl.Series([None], dtype=series.dtype))
    for column, series in values.items():
        if len(series) != part.rows:
            name = part.kind if isinstance(part.kind, str) else "-".join(part.kind)
            raise SchemaError(f"{name}: {column} must be as long as there are rows, {part.rows:,} (got {len(series):,})")
    return pl.DataFrame(values)


def _series(column: str, array: Array) -> pl.Series:
    series = pl.Series(column, array)
    return series.arr.to_list() if array.ndim == 2 else series
