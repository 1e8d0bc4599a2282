"""One row a fact: types, ranges, HTML, duplicates; what is refused goes to the rejects with its reason."""

from collections.abc import Mapping

import polars as pl

from kg_builder.cleaning.doubles import keyed, richest
from kg_builder.cleaning.rows import (
    LISTS,
    PLACE,
    complete,
    ends,
    extras,
    id_checks,
    is_null,
    read_moment,
    read_number,
    time_checks,
    unread,
)
from kg_builder.rejects import Check, Sieve
from kg_builder.schema import EdgeType
from kg_builder.values import boolean, day, none_if_empty, text

_LIST = pl.List(pl.String())
_PRODUCT = ("id", "title", "description", "price", "brand", *LISTS)
_REVIEW = ("id", "user", "product", "rating", "title", "text", "at", "helpful", "verified")
_EVENT = ("user", "product", "event", "key", "at", "position", "rating", "quantity", "price", "discount")
_SYNONYMS: Mapping[str, str] = {
    **dict.fromkeys(("viewed", "view", "click", "clicked", "detail", "pageview", "page_view", "impression"), "viewed"),
    **dict.fromkeys(("carted", "cart", "addtocart", "add_to_cart", "add-to-cart", "add to cart", "basket"), "carted"),
    **dict.fromkeys(("bought", "buy", "purchase", "purchased", "transaction", "order", "ordered", "sale", "sold"), "bought"),
    **dict.fromkeys(("interacted", "interaction", "interact"), "interacted"),
}


_NO_PRICE = ("none", "null", "n/a", "na", "-", "–", "—")
_WITHOUT = "; the row went in without it"


def clean_products(frame: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
    """One row a product, values cleaned: prices are numbers, texts have no HTML; further columns become properties."""
    frame = complete(frame, _PRODUCT, required=("id",), owner="products")
    schema = frame.collect_schema()
    if schema["price"] == pl.String():
        # Where a crawl met a script, or wrote None, there is no price and nothing to mend.
        said = text(pl.col("price"))
        frame = frame.with_columns(pl.when(~said.str.to_lowercase().is_in(_NO_PRICE)).then(said).alias("price"))
    frame = frame.with_columns(read_number("price", schema))
    losses = [
        Check(f"price must be an amount of money{_WITHOUT}", unread("price"), "price"),
        Check(f"price must not be negative{_WITHOUT}", pl.col("__price") < 0, "price"),
    ]
    wanted = [
        none_if_empty(pl.col("id")).alias("id"),
        text(pl.col("title")).alias("title"),
        text(pl.col("description")).alias("description"),
        pl.when(pl.col("__price") >= 0).then(pl.col("__price")).alias("price"),
        text(pl.col("brand")).alias("brand"),
        pl.col("categories").cast(pl.List(_LIST)),
        *(pl.col(name).cast(_LIST) for name in LISTS[1:]),
        *extras(schema, _PRODUCT),
        *PLACE,
    ]
    kept = sieve.sift("products", frame, id_checks("id", "product id"), wanted, losses)
    return richest("products-one", kept, ["id"], "the product is described more than once", sieve)


def clean_users(frame: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
    """One row a user; every further column becomes a property."""
    return _clean_nodes(frame, sieve, owner="users", one="user")


def clean_nodes(label: str, frame: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
    """One row a node of a kind of one's own; every column beside `id` becomes a property."""
    return _clean_nodes(frame, sieve, owner=label, one=label)


def _clean_nodes(frame: pl.LazyFrame, sieve: Sieve, *, owner: str, one: str) -> pl.LazyFrame:
    frame = complete(frame, ("id",), required=("id",), owner=owner)
    wanted = [none_if_empty(pl.col("id")).alias("id"), *extras(frame.collect_schema(), ("id",)), *PLACE]
    kept = sieve.sift(owner, frame, id_checks("id", f"{one} id"), wanted)
    return richest(f"{owner}-one", kept, ["id"], f"the {one} is described more than once", sieve)


def clean_edges(kind: EdgeType, frame: pl.LazyFrame, sieve: Sieve, now: int) -> pl.LazyFrame:
    """One row an edge of a kind of one's own: `source`, `target`, `key`, `at` if there; the others are properties."""
    name = "-".join(kind)
    known = ("source", "target", "key", "at")
    present = [column for column in known if column in frame.collect_schema()]
    frame = complete(frame, present, required=("source", "target"), owner=name)
    schema = frame.collect_schema()
    checks = [check for end in ("source", "target") for check in id_checks(end, end)]
    wanted = [none_if_empty(pl.col(column)).alias(column) for column in present if column != "at"]
    if "at" in present:
        frame = frame.with_columns(read_moment(schema))
        checks += time_checks(now)
        wanted += [pl.col("__at").alias("at"), day(pl.col("__at")).alias("day")]
    kept = sieve.sift(name, frame, checks, [*wanted, *extras(schema, known), *PLACE])
    base = [pl.col(column).cast(pl.String) for column in ("key", "at") if column in present]  # without either, one edge a pair
    if base:
        kept = kept.with_columns(pl.coalesce(*base, pl.lit("0")).alias("key"))
    identity = ["source", "target", *(["key"] if base else [])]
    return richest(f"{name}-one", kept, identity, f"the edge {name} is there more than once", sieve)


def clean_categories(frame: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
    """One row a category: `id`, `name`, `parent` (an id), `file`, `line`."""
    frame = complete(frame, ("id", "name", "parent"), required=("id",), owner="categories")
    wanted = [text(pl.col(name)).alias(name) for name in ("id", "name", "parent")]
    kept = sieve.sift("categories", frame, id_checks("id", "category id"), [*wanted, *PLACE])
    itself = (pl.col("parent") == pl.col("id")).fill_null(value=False)
    sieve.spare(kept.filter(itself), "a category cannot be its own parent", "id")
    kept = kept.with_columns(pl.when(~itself).then(pl.col("parent")).alias("parent"))
    return richest("categories-one", kept, ["id"], "the category is described more than once", sieve)


def clean_reviews(frame: pl.LazyFrame, sieve: Sieve, now: int) -> pl.LazyFrame:
    """One row a user, product and second, ratings in 1..5; a review's id is made of these three where it has none."""
    frame = complete(frame, _REVIEW, required=("user", "product"), owner="reviews")
    schema = frame.collect_schema()
    frame = frame.with_columns(
        read_number("rating", schema),
        read_number("helpful", schema),
        read_moment(schema),
        boolean(pl.col("verified")).alias("__verified"),
    )
    out_of_range = ~pl.col("__rating").is_between(1, 5)
    checks = [
        *ends(),
        Check("rating must lie in 1..5", out_of_range | unread("rating"), "rating"),
        *time_checks(now),
    ]
    losses = [
        Check(f"helpful must be a number{_WITHOUT}", unread("helpful"), "helpful"),
        Check(f"verified must be true or false{_WITHOUT}", unread("verified"), "verified"),
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
        pl.col("__verified").alias("verified"),
        *extras(schema, _REVIEW),
        *PLACE,
    ]
    kept = sieve.sift("reviews", frame, checks, wanted, losses)
    single = richest("reviews-one", kept, ["user", "product", "at"], "the review is there more than once", sieve)
    if is_null(schema["id"]):
        return single
    return richest("reviews-by-id", single, ["id"], "the review's id is there more than once", sieve)


def clean_events(frame: pl.LazyFrame, sieve: Sieve, now: int) -> pl.LazyFrame:
    """One row an event with a key, known kinds and possible times only; ratings may be any finite number."""
    frame = complete(frame, _EVENT, required=("user", "product"), owner="events")
    schema = frame.collect_schema()
    numbers = ("position", "rating", "quantity", "price", "discount")
    kind = none_if_empty(pl.col("event")).str.to_lowercase()
    known = pl.lit("interacted") if is_null(schema["event"]) else _kind(kind)
    frame = frame.with_columns(*(read_number(name, schema) for name in numbers), read_moment(schema), known.alias("__event"))
    checks = [
        *ends(),
        Check("event must be viewed, carted, bought or interacted", pl.col("__event").is_null(), "event"),
        *(Check(f"{name} must be a number", unread(name), name) for name in numbers if not is_null(schema[name])),
        *(Check(f"{name} must not be negative", pl.col(f"__{name}") < 0, name) for name in ("price", "quantity")),
        *time_checks(now),
    ]
    wanted = [
        none_if_empty(pl.col("user")).alias("user"),
        none_if_empty(pl.col("product")).alias("product"),
        pl.col("__event").alias("event"),
        none_if_empty(pl.col("key")).alias("key"),
        pl.col("__at").alias("at"),
        pl.col("__position").cast(pl.Int64).alias("position"),
        *(pl.col(f"__{name}").alias(name) for name in numbers[1:]),
        *extras(schema, _EVENT),
    ]
    if is_null(schema["rating"]):
        return sieve.hold("events-keyed", keyed(sieve.sift("events", frame, checks, wanted)))
    single = _rated_once(sieve.sift("events", frame, checks, [*wanted, *PLACE]), sieve)
    return sieve.hold("events-keyed", keyed(single))


def _rated_once(events: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
    """One rating a user, product and second, as of reviews; visits and purchases may well be two in a second."""
    rating = pl.col("rating").is_not_null() & pl.col("at").is_not_null() & pl.col("key").is_null()
    ratings = richest(
        "ratings-one", events.filter(rating), ["user", "product", "event", "at"], "the rating is there more than once", sieve
    )
    return pl.concat([events.filter(~rating), ratings.select(events.collect_schema().names())]).drop("file", "line")


def _kind(said: pl.Expr) -> pl.Expr:
    """Our word for a kind of event, null for an unknown one. (`replace_strict` would hold the whole column in memory.)"""
    words = {kind: [word for word, meant in _SYNONYMS.items() if meant == kind] for kind in dict.fromkeys(_SYNONYMS.values())}
    return pl.coalesce(pl.when(said.is_in(known)).then(pl.lit(kind)) for kind, known in words.items())


def clean_triples(frame: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
    """Each triple once; one without a head, a relation or a tail is refused, one from a thing to itself is left out."""
    names = ("head", "relation", "tail")
    frame = complete(frame, names, required=names, owner="triples")
    wanted = [*(none_if_empty(pl.col(name)).alias(name) for name in names), *PLACE]
    kept = sieve.sift("triples", frame, [check for name in names for check in id_checks(name, name)], wanted)
    itself = (pl.col("head") == pl.col("tail")) & ~pl.col("relation").is_in(("brand", "category"))  # whose tails are names
    sieve.spare(kept.filter(itself), "a triple cannot lead from a thing to itself", "head")
    return sieve.hold("triples-one", kept.filter(~itself).select(names).unique())
