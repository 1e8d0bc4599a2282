"""Amazon's dump of 2018: reviews as JSON Lines and, if there, `meta_*.json.gz` with the products.

Source: Ni, Li and McAuley, "Justifying recommendations using distantly-labeled reviews and fine-grained aspects", EMNLP 2019.
"""

from functools import partial
from pathlib import Path

import polars as pl

from kg_builder.dumps import Dump, Source
from kg_builder.errors import MissingSource
from kg_builder.layouts.amazon import keyed_lines, of_year, year_of
from kg_builder.reading import Reading
from kg_builder.reading.jsonlines import paths_of_one
from kg_builder.values import none_if_empty

FORMAT = "amazon-2018"
LOOKS_FOR = "*_5.json.gz or other .json(.gz) lines with reviewerID, asin, overall; meta_*.json.gz where there is one"
PRECEDENCE = 1

_YEAR = 2018
_REVIEW = {
    "reviewerID": "user",
    "asin": "product",
    "overall": "rating",
    "summary": "title",
    "reviewText": "text",
    "unixReviewTime": "at",
    "vote": "helpful",
    "verified": "verified",
}
_REVIEW_FIELDS = dict.fromkeys(_REVIEW, pl.String())
_LISTS = ("description", "feature", "category", "also_buy", "also_view")
_META_FIELDS = {
    **dict.fromkeys(("asin", "title", "price", "brand", "main_cat"), pl.String()),
    **dict.fromkeys(_LISTS, pl.List(pl.String())),
}
_SCRAP = r"(?i)var aPageStart|getTime\(|^\s*\.a-[a-z-]+[\s{]"
"""What the crawl took for a title where it met a script or a style sheet."""


def recognises(source: Source) -> bool:
    """True for a folder whose newest reviews are of 2018, or products where it has no reviews; and for one such file."""
    return year_of(source) == _YEAR


def read(source: Source, reading: Reading) -> Dump:
    """Reviews and products as they are in the files, the products' lists unpacked.

    Raises:
        MissingSource: there is no file of that year.
        DamagedDump: a gzip file breaks off or is none.
        SchemaError: no row of a file has its ids.
    """
    files = of_year(source, _YEAR, reading)
    if not files["reviews"] and not files["products"]:
        raise MissingSource(f"{source} has no file of reviews or products; {FORMAT} looks for {LOOKS_FOR}")
    reviews = reading.several(files["reviews"], partial(keyed_lines, fields=_REVIEW_FIELDS, keys=("reviewerID", "asin")))
    products = reading.several(files["products"], partial(keyed_lines, fields=_META_FIELDS, keys=("asin",)))
    return Dump(
        name=Path(str(source)).name,
        format=FORMAT,
        products=_described(pl.concat(products)) if products else None,
        reviews=pl.concat(reviews).rename(_REVIEW) if reviews else None,
    )


def _described(table: pl.LazyFrame) -> pl.LazyFrame:
    """Products under the names of a Dump: one category path, else the main category; features where no description is."""
    # What follows a closing tag in a path is the page's bullet points, no category.
    names = pl.col("category")
    torn = names.list.eval(pl.element().str.contains("</", literal=True)).list.arg_max()
    damaged = names.list.eval(pl.element().str.contains("</", literal=True)).list.any()
    path = pl.when(damaged).then(names.list.head(torn)).otherwise(names)
    main = pl.when(~pl.col("main_cat").str.contains("<", literal=True)).then(pl.col("main_cat"))
    prose = [pl.col(name).list.join(" ", ignore_nulls=True) for name in ("description", "feature")]
    described = table.select(
        pl.col("asin").alias("id"),
        pl.when(~pl.col("title").str.contains(_SCRAP)).then(pl.col("title")).alias("title"),
        pl.coalesce(none_if_empty(part) for part in prose).alias("description"),
        pl.when(pl.col("price").str.len_chars() < 40).then(pl.col("price")).alias("price"),
        "brand",
        pl.when(path.list.len() > 0).then(path).otherwise(pl.concat_list(main)).alias("path"),
        pl.col("also_buy").alias("also_bought"),
        pl.col("also_view").alias("also_viewed"),
        "file",
        "line",
    )
    paths = pl.col("path").map_batches(paths_of_one, return_dtype=pl.List(pl.List(pl.String())), is_elementwise=True)
    return described.with_columns(paths.alias("categories")).drop("path")
