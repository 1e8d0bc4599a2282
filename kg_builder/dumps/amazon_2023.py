"""Amazon's dump of 2023: reviews `X.jsonl.gz`, products `meta_X.jsonl.gz`, or the benchmark's CSV files of ratings.

All variants of a product (`asin`) are one, the `parent_asin`. Left out are `average_rating` and `rating_number`, which sum up
reviews from after any time cut, pictures, and videos.

Source: Hou, Li, He, Yan, Chen and McAuley, "Bridging language and items for retrieval and recommendation", arXiv:2403.03952.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import polars as pl

from kg_builder.dumps import Dump, Source
from kg_builder.errors import MissingSource
from kg_builder.layouts.amazon import category_of, held_out, keyed_lines, of_year, split_of, with_keys, year_of
from kg_builder.reading import Reading
from kg_builder.reading.columns import timed
from kg_builder.reading.jsonlines import paths_of_one
from kg_builder.values import none_if_empty

FORMAT = "amazon-2023"
LOOKS_FOR = (
    ".jsonl(.gz) lines with user_id, parent_asin, rating, meta_*.jsonl(.gz) beside them or in raw/meta_categories; or .csv(.gz)"
    " with user_id, parent_asin, rating, timestamp"
)
PRECEDENCE = 1

_YEAR = 2023
_TEXT, _LIST = pl.String(), pl.List(pl.String())
_REVIEW = {
    "user_id": "user",
    "rating": "rating",
    "title": "title",
    "text": "text",
    "timestamp": "at",
    "helpful_vote": "helpful",
    "verified_purchase": "verified",
}
_ASIN = "parent_asin|asin"
_RATING = ("user_id", "parent_asin", "rating", "timestamp")
_REVIEW_FIELDS = dict.fromkeys((*_REVIEW, "parent_asin", "asin"), _TEXT)
_META_FIELDS = {
    **dict.fromkeys(("parent_asin", "asin", "title", "price", "store", "main_category", "details", "author"), _TEXT),
    **dict.fromkeys(("description", "features", "categories", "bought_together"), _LIST),
}
_DETAILS: Mapping[str, tuple[str, ...]] = {
    "color": ("Color", "Colour"),
    "size": ("Size",),
    "material": ("Material", "Material Type", "Fabric Type"),
    "style": ("Style",),
    "pattern": ("Pattern",),
    "form": ("Item Form",),
    "scent": ("Scent",),
    "flavor": ("Flavor",),
    "department": ("Department",),
    "age_range": ("Age Range (Description)",),
    "publisher": ("Publisher",),
    "language": ("Language",),
}
"""Our properties and the names that `details` has for them, the likelier first."""


def recognises(source: Source) -> bool:
    """True for a folder whose newest reviews are of 2023, or products where it has no reviews; and for one such file."""
    return year_of(source) == _YEAR


def read(source: Source, reading: Reading) -> Dump:
    """Reviews, ratings and products as they are in the files.

    A brand is `details.Brand`, else the store, else the manufacturer. Features are the description where there is no other, else
    a property and text of their own. Ratings are interactions. Of a category that the folder has split into train, valid and
    test, only train and valid are read: the test part is never opened, nor is a file that holds it with the rest.

    Raises:
        MissingSource: there is no file of that year, or only held-out ones.
        DamagedDump: a gzip file breaks off or is none.
        SchemaError: no row of a file has its ids.
    """
    files = of_year(source, _YEAR, reading)
    reviews, ratings = _allowed(source, files["reviews"], files["ratings"], reading)
    if not reviews and not ratings and not files["products"]:
        raise MissingSource(f"{source} has no file of reviews or products to read; {FORMAT} looks for {LOOKS_FOR}")
    products, extras = None, tuple[str, ...]()
    if files["products"]:
        described = reading.several(files["products"], partial(keyed_lines, fields=_META_FIELDS, keys=(_ASIN,)))
        products, extras = _described(pl.concat(described))
    written = reading.several(reviews, partial(keyed_lines, fields=_REVIEW_FIELDS, keys=("user_id", _ASIN)))
    return Dump(
        name=Path(str(source)).name,
        format=FORMAT,
        products=products,
        reviews=_written(pl.concat(written)) if written else None,
        events=_rated(pl.concat(reading.several(ratings, _ratings))) if ratings else None,
        text_properties={"Product": extras},
    )


def _allowed(source: Source, reviews: list[Path], ratings: list[Path], reading: Reading) -> tuple[list[Path], list[Path]]:
    """The files that say each thing once and nothing of what is held out; the others are told of."""
    tests = held_out(source)
    split = {category_of(path) for path in (*ratings, *tests) if split_of(path)}
    told = {category_of(path) for path in reviews}
    why = dict.fromkeys(tests, "is held out")
    for path in (*reviews, *ratings):
        if split_of(path) is None and category_of(path) in split:
            why[path] = "holds the test part together with the rest"
        elif path in ratings and category_of(path) in told - split:
            why[path] = "repeats what the reviews say"
    for path, reason in why.items():
        reading.note(f"{path.name} was not read: it {reason}")
    return [path for path in reviews if path not in why], [path for path in ratings if path not in why]


def _product() -> pl.Expr:
    return pl.coalesce(none_if_empty(pl.col("parent_asin")), none_if_empty(pl.col("asin")))


def _written(table: pl.LazyFrame) -> pl.LazyFrame:
    return table.with_columns(_product().alias("product")).drop("parent_asin", "asin").rename(_REVIEW)


def _ratings(reading: Reading, path: Path) -> pl.LazyFrame:
    rows = reading.delimited(path, separator=",").select(*_RATING, "file", "line")
    return with_keys(rows, path, "user_id", "parent_asin")


def _rated(table: pl.LazyFrame) -> pl.LazyFrame:
    named = table.rename({"user_id": "user", "parent_asin": "product"}).with_columns(pl.lit("interacted").alias("event"))
    return timed(named, "timestamp")


def _described(table: pl.LazyFrame) -> tuple[pl.LazyFrame, tuple[str, ...]]:
    """Products under the names of a Dump, and which of their further properties any product has."""
    prose, features = (none_if_empty(pl.col(name).list.join(" ", ignore_nulls=True)) for name in ("description", "features"))
    names = pl.col("categories")
    path = pl.when(names.list.len() > 0).then(names).otherwise(pl.concat_list(none_if_empty(pl.col("main_category"))))
    extras = {
        "features": pl.when(prose.is_not_null()).then(features),
        "author": pl.col("author").str.json_path_match("$.name"),
        **{ours: _detail(*theirs) for ours, theirs in _DETAILS.items()},
    }
    described = table.select(
        _product().alias("id"),
        "title",
        pl.coalesce(prose, features).alias("description"),
        pl.col("price").str.strip_prefix("from ").alias("price"),
        pl.coalesce(_detail("Brand"), none_if_empty(pl.col("store")), _detail("Manufacturer")).alias("brand"),
        path.map_batches(paths_of_one, return_dtype=pl.List(_LIST), is_elementwise=True).alias("categories"),
        "bought_together",
        *(value.alias(name) for name, value in extras.items()),
        *("file", "line"),
    )
    counts = described.select(pl.col(list(extras)).count()).collect(engine="streaming").row(0, named=True)
    absent = [name for name, count in counts.items() if not count]
    return described.drop(absent), tuple(name for name in extras if name not in absent)


def _detail(*names: str) -> pl.Expr:
    """The first of these that `details` has."""
    return pl.coalesce(none_if_empty(pl.col("details").str.json_path_match(f"$['{name}']")) for name in names)
