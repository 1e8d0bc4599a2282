"""What the rows of a dump have in common: every column there, values of one type, and the checks that a row must pass."""

from collections.abc import Sequence

import polars as pl

from kg_builder.errors import SchemaError, did_you_mean
from kg_builder.rejects import Check
from kg_builder.values import DAY, EARLIEST, NO_VALUE, POSSIBLE_TIME, moment, none_if_empty, number, price, property_name, text

LISTS = ("categories", "also_bought", "also_viewed", "bought_together")
"""The columns of products that hold lists."""
PLACE = (pl.col("file"), pl.col("line"))
"""Where a row stands in its source."""
_LIST = pl.List(pl.String())
_LONGEST_ID = 1000


def complete(frame: pl.LazyFrame, columns: Sequence[str], *, required: Sequence[str], owner: str) -> pl.LazyFrame:
    """The frame with every column there, null where the source lacks it.

    Raises:
        SchemaError: a required column is missing.
    """
    schema = frame.collect_schema()
    present = schema.names()
    for name in required:
        if name not in present:
            raise SchemaError(f"{owner} needs the column {name!r}{did_you_mean(name, present)} (got {', '.join(present)})")
    place = {"file": pl.String(), "line": pl.Int64()}
    gaps = [pl.lit(None, place.get(name)).alias(name) for name in (*columns, *place) if name not in present]
    single = [_single(name, schema[name]) for name in columns if name in schema and name not in LISTS]
    return frame.with_columns([*gaps, *(value for value in single if value is not None)])


def _single(name: str, dtype: pl.DataType) -> pl.Expr | None:
    """One value where the source has a list of them: all words of a text, else the first; an object as JSON; NaN as null."""
    if dtype.is_float():
        return pl.col(name).fill_nan(None)
    if isinstance(dtype, pl.Struct):
        return pl.col(name).struct.json_encode()
    if not isinstance(dtype, pl.List | pl.Array):
        return None
    values = pl.col(name).cast(pl.List(pl.String()))
    return values.list.join(" ", ignore_nulls=True) if name in ("title", "description", "text") else values.list.first()


def is_null(dtype: pl.DataType) -> bool:
    """True for a column that no value gives a type."""
    return isinstance(dtype, pl.Null)


def id_checks(column: str, what: str) -> list[Check]:
    """An id is there, has no control characters, and is no text that strayed into its column (stores index ids)."""
    said = none_if_empty(pl.col(column))
    return [
        Check(f"{what} is missing", said.is_null() | said.is_in(NO_VALUE), column),
        Check(f"{what} must have no control characters", said.str.contains(r"\p{Cc}"), column),
        Check(f"{what} must have at most {_LONGEST_ID} characters", said.str.len_chars() > _LONGEST_ID, column),
    ]


def ends() -> list[Check]:
    """The checks of who chose what."""
    return [*id_checks("user", "user id"), *id_checks("product", "product id")]


def read_number(name: str, schema: pl.Schema) -> pl.Expr:
    """The column as a finite number under `__name`; what cannot be read is null there."""
    if schema[name].is_numeric():
        value = pl.col(name).cast(pl.Float64)
    elif name in ("price", "discount"):
        value = pl.coalesce(number(pl.col(name)), price(pl.col(name)))
    else:
        value = number(pl.col(name))
    return pl.when(value.is_finite()).then(value).alias(f"__{name}")


def unread(name: str) -> pl.Expr:
    """True where the source says something that is no number."""
    return none_if_empty(pl.col(name)).is_not_null() & pl.col(f"__{name}").is_null()


def read_moment(schema: pl.Schema, name: str = "at") -> pl.Expr:
    """The column as epoch seconds under `__name`; what cannot be read is null there."""
    return moment(pl.col(name), schema[name]).alias(f"__{name}")


def time_checks(now: int) -> list[Check]:
    """A time can be read and lies where a shop's times lie."""
    said = none_if_empty(pl.col("at")).is_not_null()
    return [
        Check("time must be epoch seconds or an ISO 8601 date", said & pl.col("__at").is_null(), "at"),
        Check(POSSIBLE_TIME, ~pl.col("__at").is_between(EARLIEST, now + DAY), "at"),
    ]


def extras(schema: pl.Schema, known: Sequence[str]) -> list[pl.Expr]:
    """Every further column as a property of a type that the schema has, under a snake_case name; bytes are left out."""
    taken = frozenset(
        {"id", "source", "target", "file", "line", "key", "listed", "day", "text_embedding", "graph_embedding", *known}
    )
    extras: dict[str, pl.Expr] = {}
    for name, dtype in schema.items():
        if name in (*known, "file", "line") or isinstance(dtype, pl.Null | pl.Binary | pl.Object):
            continue
        own = property_name(name, taken)
        while own in extras:
            own += "_"
        extras[own] = _property(name, dtype).alias(own)
    return list(extras.values())


def _property(name: str, dtype: pl.DataType) -> pl.Expr:
    value = pl.col(name)
    if isinstance(dtype, pl.Boolean):
        return value
    if dtype.is_integer() and not isinstance(dtype, pl.UInt64 | pl.Int128 | pl.UInt128):
        return value.cast(pl.Int64)
    if dtype.is_float() or dtype.is_decimal():
        number = value.cast(pl.Float64)
        return pl.when(number.is_finite()).then(number)
    if isinstance(dtype, pl.Duration):
        return value.dt.total_seconds()
    if isinstance(dtype, pl.List | pl.Array):
        return value.cast(pl.List(dtype.inner)).list.eval(_word(dtype.inner))
    return text(value.struct.json_encode() if isinstance(dtype, pl.Struct) else value.cast(pl.String, strict=False))


def _word(dtype: object) -> pl.Expr:
    """An item of a list as text."""
    if isinstance(dtype, pl.Struct):
        return pl.element().struct.json_encode()
    if isinstance(dtype, pl.List | pl.Array):
        return pl.element().cast(_LIST).list.join(" ", ignore_nulls=True)
    return pl.element().cast(pl.String, strict=False)
