"""A graph in sixteen bytes: equal for equal graphs, whichever store holds them and in whatever order."""

import json
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import polars as pl

from kg_builder.tables import GraphTables

_CHUNK = 50_000
"""Rows turned into text at a time."""


def digest(tables: GraphTables) -> str:
    """32 hexadecimal digits; equal for graphs that are equal (`==`), and, but for chance, only for those.

    Of each table the digests of its rows are added up, each row as JSON of its identity and of the properties that have values
    anywhere in the table; empty tables do not count. So memory does not grow with the rows. Compare digests made by one
    version: the text of a number is polars's.

    Example:
        >>> from kg_builder.schema import RETAIL
        >>> one, other = (GraphTables.of(RETAIL, {"User": pl.DataFrame({"id": ids})}, {}) for ids in (["u", "v"], ["v", "u"]))
        >>> digest(one) == digest(other) != digest(GraphTables.of(RETAIL, {}, {}))
        True
    """
    parts = [_told(label, table, ("id",)) for label, table in tables.nodes.items()]
    parts += [_told("-".join(kind), table, tables.schema.edge(kind).identity) for kind, table in tables.edges.items()]
    return blake2b(json.dumps(sorted(part for part in parts if part)).encode(), digest_size=16).hexdigest()


def _told(name: str, table: pl.LazyFrame, identity: Sequence[str]) -> list[str | int]:
    """The table's name and its rows' digests as four sums of 32-bit numbers; nothing of an empty one."""
    further = sorted(set(table.collect_schema()) - {*identity})
    filled = table.select(pl.len().alias(""), pl.col(further).count()).collect(engine="streaming").row(0, named=True)
    if not filled[""]:
        return []
    used = [*identity, *(column for column in further if filled[column])]
    said = table.select(pl.struct(used).struct.json_encode().alias("row"))
    total = sum((_sums(batch["row"]) for batch in said.collect_batches(chunk_size=_CHUNK)), np.zeros(4, np.uint64))
    return [name, *total.tolist()]


def _sums(rows: pl.Series) -> np.ndarray:
    made = b"".join([blake2b(row, digest_size=16).digest() for row in rows.cast(pl.Binary).to_list()])
    sums: np.ndarray = np.frombuffer(made, dtype="<u4").reshape(-1, 4).sum(axis=0, dtype=np.uint64)
    return sums
