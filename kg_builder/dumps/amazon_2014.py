"""Amazon's dump of 2014: reviews as JSON Lines and `meta_*.json.gz` with the products as Python dictionaries, a line each.

Nothing in these lines is evaluated. Left out are a product's sales rank, which sums up sales from after any time cut, and the
address of its picture.

Source: McAuley, Targett, Shi and van den Hengel, "Image-based recommendations on styles and substitutes", SIGIR 2015.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from kg_builder.dumps import Dump, Source
from kg_builder.errors import MissingSource
from kg_builder.layouts.amazon import of_year, with_keys, year_of
from kg_builder.reading import Reading
from kg_builder.reading.jsonlines import Fields, first_object, listed, paths_of_names
from kg_builder.values import none_if_empty

FORMAT = "amazon-2014"
LOOKS_FOR = "reviews_*.json(.gz) lines with reviewerID, asin, helpful; meta_*.json(.gz) lines with asin, related, categories"
PRECEDENCE = 1

_YEAR = 2014
_REVIEW = {
    "reviewerID": "user",
    "asin": "product",
    "overall": "rating",
    "summary": "title",
    "reviewText": "text",
    "unixReviewTime": "at",
    "helpful": "helpful",
}
_LIST = pl.List(pl.String())
_REVIEW_FIELDS = {name: _LIST if name == "helpful" else pl.String() for name in _REVIEW}
_META = ("asin", "title", "description", "price", "brand", "related")
_RELATED = pl.Struct(dict.fromkeys(("also_bought", "also_viewed", "buy_after_viewing", "bought_together"), _LIST))
_META_FIELDS = {**dict.fromkeys(_META, pl.String()), "categories": _LIST}


def recognises(source: Source) -> bool:
    """True for a folder whose newest reviews are of 2014, or products where it has no reviews; and for one such file."""
    return year_of(source) == _YEAR


def read(source: Source, reading: Reading) -> Dump:
    """Reviews and products as they are in the files, the products' lists unpacked.

    `helpful` is how many found the review so, the first of the source's two numbers. What people bought after they had viewed a
    product they have viewed too: `buy_after_viewing` is part of `also_viewed`.

    Raises:
        MissingSource: there is no file of that year.
        DamagedDump: a gzip file breaks off or is none.
        SchemaError: no row of a file has its ids.
    """
    files = of_year(source, _YEAR, reading)
    if not files["reviews"] and not files["products"]:
        raise MissingSource(f"{source} has no file of reviews or products; {FORMAT} looks for {LOOKS_FOR}")
    reviews = reading.several(files["reviews"], partial(_lines, fields=_REVIEW_FIELDS, keys=("reviewerID", "asin")))
    products = reading.several(files["products"], partial(_lines, fields=_META_FIELDS, keys=("asin",)))
    return Dump(
        name=Path(str(source)).name,
        format=FORMAT,
        products=_described(pl.concat(products)) if products else None,
        reviews=_written(pl.concat(reviews)) if reviews else None,
    )


def _lines(reading: Reading, path: Path, *, fields: Fields, keys: Sequence[str]) -> pl.LazyFrame:
    """The file's objects; a first line in JSON promises JSON throughout, as mirrors of the dump have it."""
    return with_keys(reading.json_lines(path, fields, literals=not first_object(path)), path, *keys)


def _written(table: pl.LazyFrame) -> pl.LazyFrame:
    return table.rename(_REVIEW).with_columns(pl.col("helpful").list.first())


def _described(table: pl.LazyFrame) -> pl.LazyFrame:
    related = none_if_empty(pl.col("related")).map_batches(_decoded, return_dtype=_RELATED, is_elementwise=True)
    table = table.with_columns(related.struct.unnest()).drop("related")
    viewed = [pl.col(name).fill_null([]) for name in ("also_viewed", "buy_after_viewing")]
    return table.select(
        pl.col("asin").alias("id"),
        *("title", "description", "price", "brand"),
        pl.col("categories").map_batches(paths_of_names, return_dtype=pl.List(_LIST), is_elementwise=True),
        "also_bought",
        pl.concat_list(viewed).alias("also_viewed"),
        "bought_together",
        *("file", "line"),
    )


def _decoded(related: pl.Series) -> pl.Series:
    """The lists of the JSON objects; where one holds something else, each list that is one."""
    try:
        return related.str.json_decode(_RELATED)
    except PolarsError:
        lists = [listed(related.str.json_path_match(f"$.{field.name}")).alias(field.name) for field in _RELATED.fields]
        return pl.DataFrame(lists).to_struct(related.name)
