"""Rows told apart by 64-bit hashes of some columns, so that memory grows with 8 bytes a row and not with their texts."""

from collections.abc import Sequence
from typing import Literal

import polars as pl

_MARK = "__mark"


def marked(rows: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    """The rows with the hash of these columns under `__mark`; nulls are values like others."""
    return rows.with_columns(pl.struct(list(columns)).hash().alias(_MARK))


def repeated(rows: pl.LazyFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Column `__mark`: the hashes that several rows have, each once.

    Example:
        >>> repeated(pl.LazyFrame({"id": ["a", "b", "a"]}), ["id"]).height
        1
    """
    every = marked(rows.select(columns), columns).select(_MARK).collect(engine="streaming")[_MARK].sort()
    return every.filter(every == every.shift(1)).unique().to_frame()


def parted(rows: pl.LazyFrame, columns: Sequence[str]) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """The rows that share these columns with no other, and the others; by chance a few of the first are among the second."""
    doubled = repeated(rows, columns)
    if not doubled.height:
        return rows, rows.clear()
    there = marked(rows, columns)
    single, several = (there.join(doubled.lazy(), on=_MARK, how=how).drop(_MARK) for how in ("anti", "semi"))
    return single, several


def without(rows: pl.LazyFrame, others: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    """The rows that agree with none of the others in these columns; by chance one may be missing.

    Example:
        >>> one, other = pl.LazyFrame({"id": ["a", "b"]}), pl.LazyFrame({"id": ["b"]})
        >>> without(one, other, ["id"]).collect()["id"].to_list()
        ['a']
    """
    return _compared(rows, others, columns, "anti")


def within(rows: pl.LazyFrame, others: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    """The rows that agree with one of the others in these columns; by chance there may be one more.

    Example:
        >>> one, other = pl.LazyFrame({"id": ["a", "b"]}), pl.LazyFrame({"id": ["b"]})
        >>> within(one, other, ["id"]).collect()["id"].to_list()
        ['b']
    """
    return _compared(rows, others, columns, "semi")


def _compared(rows: pl.LazyFrame, others: pl.LazyFrame, columns: Sequence[str], how: Literal["anti", "semi"]) -> pl.LazyFrame:
    there = marked(others.select(columns), columns).select(_MARK)
    return marked(rows, columns).join(there, on=_MARK, how=how).drop(_MARK)
