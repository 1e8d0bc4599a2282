"""A graph in sixteen bytes: equal for equal graphs, whichever store holds them and in whatever order."""

import hashlib
import io
from collections.abc import Sequence

import polars as pl

from kg_builder.tables import GraphTables

_CHUNK = 100_000
"""Rows turned into text at a time."""


def digest(tables: GraphTables) -> str:
    """32 hexadecimal digits; equal for graphs that are equal (`==`), and, but for chance, only for those.

    Of each table the rows go in, ordered by identity, as JSON lines of the properties that have values; empty tables and unused
    properties do not count. Compare digests made by one version: the text of a number is polars's.

    Example:
        >>> from kg_builder.schema import RETAIL
        >>> one, other = (GraphTables.of(RETAIL, {"User": pl.DataFrame({"id": ids})}, {}) for ids in (["u", "v"], ["v", "u"]))
        >>> digest(one) == digest(other) != digest(GraphTables.of(RETAIL, {}, {}))
        True
    """
    total = hashlib.blake2b(digest_size=16)
    for label in sorted(tables.nodes):
        total.update(_digest(label, tables.nodes[label], ("id",)))
    for kind in sorted(tables.edges):
        total.update(_digest("-".join(kind), tables.edges[kind], tables.schema.edge(kind).identity))
    return total.hexdigest()


def _digest(name: str, table: pl.LazyFrame, identity: Sequence[str]) -> bytes:
    """The digest of one table with its name; nothing of an empty one."""
    frame = table.sort(identity).collect(engine="streaming")
    if not frame.height:
        return b""
    used = sorted(column.name for column in frame if column.name not in identity and column.null_count() < frame.height)
    made = hashlib.blake2b(name.encode(), digest_size=16)
    for chunk in frame.select(*identity, *used).iter_slices(_CHUNK):
        text = io.BytesIO()
        chunk.write_ndjson(text)
        made.update(text.getbuffer())
    return made.digest()
