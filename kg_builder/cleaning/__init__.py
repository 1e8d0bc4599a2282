"""One row a fact: types, ranges, HTML, duplicates; what is refused goes to the rejects with its reason.

Each kind of row is cleaned in steps. The first looks at each row for itself, so it may run on any part of the rows; those that
name columns need all rows that agree in them, and no others. So an engine can clean the rows in parts and in many places.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

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
from kg_builder.resolution import joined
from kg_builder.schema import EdgeType
from kg_builder.values import boolean, day, none_if_empty, text


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do with rows."""

    work: Callable[[pl.LazyFrame, Sieve], pl.LazyFrame]
    by: tuple[str, ...] = ()
    """Rows that agree in these columns must be worked on together; where there are none, any part of the rows will do."""


Cleaning = Sequence[Step]
"""What is done with the rows of one kind, in this order."""

_LIST = pl.List(pl.String())
LINKS = LISTS[1:]
NAMED = ("brand", "category")
"""Relations of triples whose tails are names."""
_ENDS = ("head", "tail")
_TRIPLE = ("head", "relation", "tail")
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


def products() -> Cleaning:
    """One row a product, values cleaned: prices are numbers, texts have no HTML; further columns become properties.

    Of `categories` each path is its names joined (see `resolution.joined`).
    """
    return Step(_sound_products), Step(_one_product, by=("id",))


def _sound_products(frame: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
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
        pl.col("categories").cast(pl.List(_LIST)).list.eval(joined(pl.element())),
        *(pl.col(name).cast(_LIST).list.eval(none_if_empty(pl.element())) for name in LINKS),
        *extras(schema, _PRODUCT),
        *PLACE,
    ]
    return sieve.sift("products", frame, id_checks("id", "product id"), wanted, losses)


def _one_product(kept: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
    single = richest("products-one", kept, ["id"], "the product is described more than once", sieve)
    for name in LINKS:
        itself = single.filter(pl.col(name).list.contains(pl.col("id"))).select("id", name, "file", "line")
        sieve.spare(itself, f"a product cannot be {name} with itself", "id")
    return single


def users() -> Cleaning:
    """One row a user; every further column becomes a property."""
    return _nodes(owner="users", one="user")


def nodes(label: str) -> Cleaning:
    """One row a node of a kind of one's own; every column beside `id` becomes a property."""
    return _nodes(owner=label, one=label)


def _nodes(*, owner: str, one: str) -> Cleaning:
    return Step(partial(_sound_nodes, owner=owner, one=one)), Step(partial(_one_node, owner=owner, one=one), by=("id",))


def _sound_nodes(frame: pl.LazyFrame, sieve: Sieve, *, owner: str, one: str) -> pl.LazyFrame:
    frame = complete(frame, ("id",), required=("id",), owner=owner)
    wanted = [none_if_empty(pl.col("id")).alias("id"), *extras(frame.collect_schema(), ("id",)), *PLACE]
    return sieve.sift(owner, frame, id_checks("id", f"{one} id"), wanted)


def _one_node(kept: pl.LazyFrame, sieve: Sieve, *, owner: str, one: str) -> pl.LazyFrame:
    return richest(f"{owner}-one", kept, ["id"], f"the {one} is described more than once", sieve)


def edges(kind: EdgeType, now: int) -> Cleaning:
    """One row an edge of a kind of one's own: `source`, `target`, `key`, `at` if there; the others are properties."""
    name = "-".join(kind)
    return Step(partial(_sound_edges, name=name, now=now)), Step(partial(_one_edge, name=name), by=("source", "target"))


def _sound_edges(frame: pl.LazyFrame, sieve: Sieve, *, name: str, now: int) -> pl.LazyFrame:
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
    return kept.with_columns(pl.coalesce(*base, pl.lit("0")).alias("key")) if base else kept


def _one_edge(kept: pl.LazyFrame, sieve: Sieve, *, name: str) -> pl.LazyFrame:
    identity = [column for column in ("source", "target", "key") if column in kept.collect_schema()]
    return richest(f"{name}-one", kept, identity, f"the edge {name} is there more than once", sieve)


def categories() -> Cleaning:
    """One row a category: `id`, `name`, `parent` (an id), `file`, `line`."""
    return Step(_sound_categories), Step(_one_category, by=("id",))


def _sound_categories(frame: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
    frame = complete(frame, ("id", "name", "parent"), required=("id",), owner="categories")
    wanted = [text(pl.col(name)).alias(name) for name in ("id", "name", "parent")]
    kept = sieve.sift("categories", frame, id_checks("id", "category id"), [*wanted, *PLACE])
    itself = (pl.col("parent") == pl.col("id")).fill_null(value=False)
    sieve.spare(kept.filter(itself), "a category cannot be its own parent", "id")
    return kept.with_columns(pl.when(~itself).then(pl.col("parent")).alias("parent"))


def _one_category(kept: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
    return richest("categories-one", kept, ["id"], "the category is described more than once", sieve)


def reviews(schema: pl.Schema, now: int) -> Cleaning:
    """One row a user, product and second, ratings in 1..5; a review's id is made of these three where it has none."""
    numbered = not is_null(schema.get("id", pl.Null()))
    once = [Step(_one_review, by=("user", "product")), *([Step(_one_review_an_id, by=("id",))] if numbered else [])]
    return Step(partial(_sound_reviews, now=now)), *once, Step(_dated)


def _sound_reviews(frame: pl.LazyFrame, sieve: Sieve, *, now: int) -> pl.LazyFrame:
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
    return sieve.sift("reviews", frame, checks, wanted, losses)


def _one_review(kept: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
    return richest("reviews-one", kept, ["user", "product", "at"], "the review is there more than once", sieve)


def _one_review_an_id(single: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
    return richest("reviews-by-id", single, ["id"], "the review's id is there more than once", sieve)


def _dated(frame: pl.LazyFrame, _: Sieve) -> pl.LazyFrame:
    return frame.with_columns(day(pl.col("at")).alias("day"))


def events(now: int) -> Cleaning:
    """One row an event with a key, known kinds and possible times only; ratings may be any finite number."""
    return Step(partial(_sound_events, now=now)), Step(_one_event, by=("user", "product")), Step(_dated)


def _sound_events(frame: pl.LazyFrame, sieve: Sieve, *, now: int) -> pl.LazyFrame:
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
        *([] if is_null(schema["rating"]) else PLACE),
    ]
    return sieve.sift("events", frame, checks, wanted)


def _one_event(kept: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
    single = _rated_once(kept, sieve) if "line" in kept.collect_schema() else kept
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


def triples() -> Cleaning:
    """Each triple once; one without a head, a relation or a tail is refused, one from a thing to itself is left out.

    `said` is the name that the tail of a brand or category says, `head_name` and `tail_name` are what ids such as
    `department:GROCERY` say of an entity.
    """
    return Step(_sound_triples), Step(_one_triple, by=_TRIPLE)


def _sound_triples(frame: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
    frame = complete(frame, _TRIPLE, required=_TRIPLE, owner="triples")
    wanted = [*(none_if_empty(pl.col(name)).alias(name) for name in _TRIPLE), *PLACE]
    kept = sieve.sift("triples", frame, [check for name in _TRIPLE for check in id_checks(name, name)], wanted)
    itself = (pl.col("head") == pl.col("tail")) & ~pl.col("relation").is_in(NAMED)
    sieve.spare(kept.filter(itself), "a triple cannot lead from a thing to itself", "head")
    return kept.filter(~itself).select(_TRIPLE)


def _one_triple(kept: pl.LazyFrame, sieve: Sieve) -> pl.LazyFrame:
    prefix = pl.col("relation") + ":"
    names = {end: pl.when(pl.col(end).str.starts_with(prefix)).then(pl.col(end).str.strip_prefix(prefix)) for end in _ENDS}
    said = text(pl.when(pl.col("relation").is_in(NAMED)).then(pl.coalesce(names["tail"], pl.col("tail"))))
    named = [said.alias("said"), *(name.alias(f"{end}_name") for end, name in names.items())]
    return sieve.hold("triples-one", kept.unique().with_columns(named))
