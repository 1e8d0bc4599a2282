"""One row a fact: types, ranges, HTML, duplicates; what is refused goes to the rejects with its reason."""

from collections.abc import Mapping, Sequence

import polars as pl

from kg_builder.errors import SchemaError, did_you_mean
from kg_builder.rejects import Check, Rejects, Sieve
from kg_builder.values import DAY, EARLIEST, boolean, moment, none_if_empty, number, price, property_name, text

__all__ = ["Rejects", "clean_events", "clean_products", "clean_reviews", "clean_triples", "clean_users", "richest"]

_TEXT, _LIST = pl.String(), pl.List(pl.String())
_LISTS = ("categories", "also_bought", "also_viewed", "bought_together")
_PRODUCT = ("id", "title", "description", "price", "brand", *_LISTS)
_REVIEW = ("id", "user", "product", "rating", "title", "text", "at", "helpful", "verified")
_EVENT = ("user", "product", "event", "key", "at", "position", "rating", "quantity", "price", "discount")
_PLACE = (pl.col("file"), pl.col("line"))
_SYNONYMS: Mapping[str, str] = {
    **dict.fromkeys(("viewed", "view", "click", "clicked", "detail", "pageview", "page_view", "impression"), "viewed"),
    **dict.fromkeys(("carted", "cart", "addtocart", "add_to_cart", "add-to-cart", "add to cart", "basket"), "carted"),
    **dict.fromkeys(("bought", "buy", "purchase", "purchased", "transaction", "order", "ordered", "sale", "sold"), "bought"),
    **dict.fromkeys(("interacted", "interaction", "interact"), "interacted"),
}


def clean_products(frame: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
    """One row a product, values cleaned: prices are numbers, texts have no HTML; further columns become properties."""
    frame = _complete(frame, _PRODUCT, required=("id",), owner="products")
    schema = frame.collect_schema()
    wanted = [
        none_if_empty(pl.col("id")).alias("id"),
        text(pl.col("title")).alias("title"),
        text(pl.col("description")).alias("description"),
        _price(schema).alias("price"),
        text(pl.col("brand")).alias("brand"),
        pl.col("categories").cast(pl.List(_LIST)),
        *(pl.col(name).cast(_LIST) for name in _LISTS[1:]),
        *_extras(schema, _PRODUCT),
    ]
    kept = sieve.sift("products", frame, [_missing("id", "product id")], [*wanted, *_PLACE])
    return richest("products-one", kept, ["id"], "the product is described more than once", sieve)


def clean_users(frame: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
    """One row a user; every further column becomes a property."""
    frame = _complete(frame, ("id",), required=("id",), owner="users")
    schema = frame.collect_schema()
    wanted = [none_if_empty(pl.col("id")).alias("id"), *_extras(schema, ("id",)), *_PLACE]
    kept = sieve.sift("users", frame, [_missing("id", "user id")], wanted)
    return richest("users-one", kept, ["id"], "the user is described more than once", sieve)


def clean_reviews(frame: pl.LazyFrame, sieve: Sieve, now: int) -> pl.LazyFrame:
    """One row a user, product and second, ratings in 1..5; a review's id is made of these three where it has none."""
    frame = _complete(frame, _REVIEW, required=("user", "product"), owner="reviews")
    schema = frame.collect_schema()
    frame = frame.with_columns(_number("rating", schema), _number("helpful", schema), _moment(schema))
    out_of_range = ~pl.col("__rating").is_between(1, 5)
    checks = [
        *_ends(),
        Check("rating must lie in 1..5", out_of_range | _unread("rating"), "rating"),
        *_time_checks(now),
    ]
    user, product = none_if_empty(pl.col("user")), none_if_empty(pl.col("product"))
    made = pl.concat_str(user, product, pl.col("__at").cast(pl.String).fill_null(""), separator="|")
    wanted = [
        pl.coalesce(none_if_empty(pl.col("id")), made).alias("id"),
        user.alias("user"),
        product.alias("product"),
        pl.col("__rating").alias("rating"),
        text(pl.col("title")).alias("title"),
        text(pl.col("text")).alias("text"),
        pl.col("__at").alias("at"),
        pl.col("__helpful").cast(pl.Int64).alias("helpful"),
        boolean(pl.col("verified")).alias("verified"),
        *_extras(schema, _REVIEW),
        *_PLACE,
    ]
    kept = sieve.sift("reviews", frame, checks, wanted)
    single = richest("reviews-one", kept, ["user", "product", "at"], "the review is there more than once", sieve)
    if _is_null(schema["id"]):
        return single
    return richest("reviews-by-id", single, ["id"], "the review's id is there more than once", sieve)


def clean_events(frame: pl.LazyFrame, sieve: Sieve, now: int) -> pl.LazyFrame:
    """One row an event with a key, known kinds and possible times only; ratings may be any finite number."""
    frame = _complete(frame, _EVENT, required=("user", "product"), owner="events")
    schema = frame.collect_schema()
    numbers = ("position", "rating", "quantity", "price", "discount")
    kind = none_if_empty(pl.col("event")).str.to_lowercase()
    known = pl.lit("interacted") if _is_null(schema["event"]) else kind.replace_strict(_SYNONYMS, default=None)
    frame = frame.with_columns(*(_number(name, schema) for name in numbers), _moment(schema), known.alias("__event"))
    checks = [
        *_ends(),
        Check("event must be viewed, carted, bought or interacted", pl.col("__event").is_null(), "event"),
        *(Check(f"{name} must be a number", _unread(name), name) for name in numbers if not _is_null(schema[name])),
        *_time_checks(now),
    ]
    wanted = [
        none_if_empty(pl.col("user")).alias("user"),
        none_if_empty(pl.col("product")).alias("product"),
        pl.col("__event").alias("event"),
        none_if_empty(pl.col("key")).alias("key"),
        pl.col("__at").alias("at"),
        pl.col("__position").cast(pl.Int64).alias("position"),
        *(pl.col(f"__{name}").alias(name) for name in numbers[1:]),
        *_extras(schema, _EVENT),
    ]
    return sieve.hold("events-keyed", _keyed(sieve.sift("events", frame, checks, wanted)))


def _keyed(events: pl.LazyFrame) -> pl.LazyFrame:
    """Events with a key that is never null: the given one, else the second or position, and a counter where several share it.

    Rows of the same user, product, kind and given key (two lines of one basket) are one event: quantities and discounts add up,
    the price is the mean, the time the first.
    """
    given = pl.col("key").is_not_null()
    base = pl.coalesce(pl.col("key"), pl.col("at").cast(pl.String), pl.col("position").cast(pl.String))
    events = events.with_columns(given.alias("__given"), base.alias("key"))
    identity = ["user", "product", "event", "key", "__given"]
    doubled = events.group_by(identity).len().filter(pl.col("len") > 1).drop("len").collect(engine="streaming").lazy()
    single = events.join(doubled, on=identity, how="anti", nulls_equal=True)
    several = events.join(doubled, on=identity, how="semi", nulls_equal=True)
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


def clean_triples(frame: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
    """Each triple once; one without a head, a relation or a tail is refused."""
    names = ("head", "relation", "tail")
    frame = _complete(frame, names, required=names, owner="triples")
    wanted = [none_if_empty(pl.col(name)).alias(name) for name in names]
    kept = sieve.sift("triples", frame, [_missing(name, name) for name in names], wanted)
    return sieve.hold("triples-one", kept.unique())


def _complete(frame: pl.LazyFrame, columns: Sequence[str], *, required: Sequence[str], owner: str) -> pl.LazyFrame:
    """The frame with every column there, null where the source lacks it."""
    schema = frame.collect_schema()
    present = schema.names()
    for name in required:
        if name not in present:
            raise SchemaError(f"{owner} needs the column {name!r}{did_you_mean(name, present)} (got {', '.join(present)})")
    place = {"file": pl.String(), "line": pl.Int64()}
    gaps = [pl.lit(None, place.get(name)).alias(name) for name in (*columns, *place) if name not in present]
    single = [_single(name, schema[name]) for name in columns if name in schema and name not in _LISTS]
    return frame.with_columns([*gaps, *(value for value in single if value is not None)])


def _single(name: str, dtype: pl.DataType) -> pl.Expr | None:
    """One value where the source has a list of them: all words of a text, else the first; an object as JSON."""
    if isinstance(dtype, pl.Struct):
        return pl.col(name).struct.json_encode()
    if not isinstance(dtype, pl.List | pl.Array):
        return None
    values = pl.col(name).cast(pl.List(pl.String()))
    return values.list.join(" ", ignore_nulls=True) if name in ("title", "description", "text") else values.list.first()


def _is_null(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.Null)


def _missing(column: str, what: str) -> Check:
    return Check(f"{what} is missing", none_if_empty(pl.col(column)).is_null(), column)


def _ends() -> list[Check]:
    return [_missing("user", "user id"), _missing("product", "product id")]


def _number(name: str, schema: pl.Schema) -> pl.Expr:
    """The column as a finite number under `__name`; what cannot be read is null there."""
    if schema[name].is_numeric():
        value = pl.col(name).cast(pl.Float64)
        return pl.when(value.is_finite()).then(value).alias(f"__{name}")
    if name in ("price", "discount"):
        return pl.coalesce(number(pl.col(name)), price(pl.col(name))).alias(f"__{name}")
    return number(pl.col(name)).alias(f"__{name}")


def _price(schema: pl.Schema) -> pl.Expr:
    """A product's price; what is no amount is null, as a description without a price is still one."""
    value = pl.col("price").cast(pl.Float64) if schema["price"].is_numeric() else price(pl.col("price"))
    return pl.when(value.is_finite() & (value >= 0)).then(value)


def _unread(name: str) -> pl.Expr:
    """True where the source says something that is no number."""
    return none_if_empty(pl.col(name)).is_not_null() & pl.col(f"__{name}").is_null()


def _moment(schema: pl.Schema) -> pl.Expr:
    return moment(pl.col("at"), schema["at"]).alias("__at")


def _time_checks(now: int) -> list[Check]:
    said = none_if_empty(pl.col("at")).is_not_null()
    return [
        Check("time must be epoch seconds or an ISO 8601 date", said & pl.col("__at").is_null(), "at"),
        Check("time must lie between 1995-01-01 and tomorrow", ~pl.col("__at").is_between(EARLIEST, now + DAY), "at"),
    ]


def _extras(schema: pl.Schema, known: Sequence[str]) -> list[pl.Expr]:
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
        return value.cast(pl.Float64)
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


def richest(name: str, frame: pl.LazyFrame, identity: Sequence[str], reason: str, sieve: Sieve) -> pl.LazyFrame:
    """One row an identity: the one that says most, its gaps filled from the others, which go to the rejects.

    "Most" counts values and then characters; what ties is decided by the values themselves, never by the order of the rows.
    """
    keys = list(identity)
    schema = frame.collect_schema()
    values = [name for name in schema if name not in (*keys, "file", "line")]
    doubled = frame.group_by(keys).len().filter(pl.col("len") > 1).drop("len").collect(engine="streaming")
    if not doubled.height:
        return frame
    several = frame.join(doubled.lazy(), on=keys, how="semi", nulls_equal=True).collect(engine="streaming")
    if values:
        written = pl.struct(values).struct.json_encode()
        filled = pl.sum_horizontal(pl.col(name).is_not_null() for name in values)
        several = several.sort(filled, written.str.len_chars(), written, descending=[True, True, False])
    sieve.spare(several.filter(~pl.struct(keys).is_first_distinct()).lazy(), reason, keys[0])
    others = [name for name in schema if name not in keys]
    one = several.lazy().group_by(keys, maintain_order=True).agg(pl.col(name).drop_nulls().first() for name in others)
    single = frame.join(doubled.lazy(), on=keys, how="anti", nulls_equal=True)
    return sieve.hold(name, pl.concat([single, one.select(schema.names())]))
