"""Rows that say the same once more: one row a thing, one event a fact, whatever the order of the rows."""

from collections.abc import Sequence

import polars as pl

from kg_builder.marks import parted
from kg_builder.rejects import Sieve


def richest(name: str, frame: pl.LazyFrame, identity: Sequence[str], reason: str, sieve: Sieve) -> pl.LazyFrame:
    """One row an identity: the one that says most, its gaps filled from the others, which go to the rejects.

    What others say otherwise is told apart from what they merely repeat.

    "Most" counts values and then characters; what ties is decided by the values themselves, never by the order of the rows.
    """
    keys = list(identity)
    schema = frame.collect_schema()
    values = [name for name in schema if name not in (*keys, "file", "line")]
    single, doubled = parted(frame, keys)
    several = doubled.collect(engine="streaming")
    if not several.height:
        return frame
    place = [pl.col(name) for name in ("file", "line") if name in schema]  # of equal rows the first in the source
    if values:
        written = pl.struct(values).struct.json_encode()
        filled = pl.sum_horizontal(pl.col(name).is_not_null() for name in values)
        most = [filled, written.str.len_chars()]
        several = several.sort(*most, written, *place, descending=[True, True, *(False for _ in (written, *place))])
    elif place:
        several = several.sort(*place)
    others = [name for name in schema if name not in keys]
    grouped = several.group_by(keys, maintain_order=True)
    one = grouped.agg(pl.col(name).drop_nulls().first() for name in others).select(schema.names())
    _tell_of_doubles(several.filter(~pl.struct(keys).is_first_distinct()), one, keys, reason, sieve)
    return sieve.hold(name, pl.concat([single, one.lazy()]))


def _tell_of_doubles(dropped: pl.DataFrame, kept: pl.DataFrame, keys: list[str], reason: str, sieve: Sieve) -> None:
    """Rows that repeat a kept one, apart from those that contradict it, go to the rejects."""
    values = [name for name in kept.columns if name not in (*keys, "file", "line")]
    beside = dropped.join(kept, on=keys, how="left", nulls_equal=True, suffix="__kept", maintain_order="left")
    differ = [_says(beside[name]) & (_written(beside[name]) != _written(beside[f"{name}__kept"])) for name in values]
    contradicts = (
        pl.DataFrame(differ).select(pl.any_horizontal(pl.all())).to_series() if differ else pl.Series([False] * dropped.height)
    )
    sieve.spare(dropped.filter(~contradicts).lazy(), reason, keys[0])
    sieve.spare(dropped.filter(contradicts).lazy(), f"{reason}, with other values", keys[0])


def _says(values: pl.Series) -> pl.Series:
    """True where there is a value; an empty list is none."""
    return values.list.len().fill_null(0) > 0 if isinstance(values.dtype, pl.List) else values.is_not_null()


def _written(values: pl.Series) -> pl.Series:
    """Values that can be compared, whatever their type."""
    return values.to_frame("x").select(pl.struct("x").struct.json_encode()).to_series() if values.dtype.is_nested() else values


def keyed(events: pl.LazyFrame) -> pl.LazyFrame:
    """Events with a key that is never null: the given one, else the second or position, and a counter where several share it.

    Rows of the same user, product, kind and given key (two lines of one basket) are one event: quantities and discounts add up,
    the price is the mean, the time the first.
    """
    given = pl.col("key").is_not_null()
    base = pl.coalesce(pl.col("key"), pl.col("at").cast(pl.String), pl.col("position").cast(pl.String))
    events = events.with_columns(given.alias("__given"), base.alias("key"))
    identity = ["user", "product", "event", "key", "__given"]
    single, several = parted(events, identity)
    parts = (
        single,
        _merged(several.filter(pl.col("__given")), identity),
        _numbered(several.filter(~pl.col("__given")), identity),
    )
    columns = [name for name in events.collect_schema() if name != "__given"]
    return pl.concat([part.select(columns).with_columns(pl.col("key").fill_null("0")) for part in parts])


def _merged(lines: pl.LazyFrame, identity: Sequence[str]) -> pl.LazyFrame:
    """One event for all lines of an identity."""
    others = [name for name in lines.collect_schema() if name not in (*identity, "price")]
    weight = pl.when(pl.col("price").is_not_null()).then(pl.col("quantity").fill_null(1.0))
    mean = (pl.col("price") * weight).sum() / weight.sum()
    added = [name for name in others if name in ("quantity", "discount")]
    return lines.group_by(identity).agg(
        pl.when(mean.is_finite()).then(mean).otherwise(pl.col("price").mean()).alias("price"),
        *(pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name) for name in added),
        *(_least(name, dtype) for name, dtype in lines.collect_schema().items() if name in others and name not in added),
    )


def _least(name: str, dtype: pl.DataType) -> pl.Expr:
    """The first value in the order of the values, so that the order of the rows does not count."""
    value = pl.col(name)
    return value.sort_by(value.list.join(" ")).drop_nulls().first() if isinstance(dtype, pl.List) else value.min()


def _numbered(events: pl.LazyFrame, identity: Sequence[str]) -> pl.LazyFrame:
    """Events of the same second (or of no known time) told apart by a counter; their values decide the order, not their rows."""
    order = pl.struct(pl.exclude(identity)).struct.json_encode()
    nth = pl.int_range(pl.len()).over(identity, order_by="__order").cast(pl.String)
    numbered = pl.when(nth == "0").then(pl.col("key")).otherwise(pl.concat_str(pl.col("key") + ".", nth, ignore_nulls=True))
    return events.with_columns(order.alias("__order")).with_columns(numbered.alias("key")).drop("__order")
