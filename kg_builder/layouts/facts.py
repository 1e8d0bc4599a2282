"""What lines of events and orders tell of other things: of their products, of their users, of the types of their values."""

from collections.abc import Iterable, Mapping

import polars as pl

from kg_builder.reading.columns import named, plain
from kg_builder.reading.jsonlines import paths_of_one
from kg_builder.values import none_if_empty

_VAGUE = frozenset({"name", "label", "summary", "details", "body", "about"})
"""Names that mean a title or a text in a table of products, and anything elsewhere."""
_TOLD = ("title", "description", "brand", "categories")


def whole(column: str) -> pl.Expr:
    """The column as text, an id that became a float on its way (`17850.0`) whole again."""
    return pl.col(column).cast(pl.String).str.replace(r"^\s*(\d+)\.0*\s*$", "${1}")


def first_place() -> tuple[pl.Expr, pl.Expr]:
    """`file` and `line` of a group's first row, whatever the order of the rows."""
    file = pl.col("file").min()
    return file, pl.col("line").filter(pl.col("file") == file).min()


def commonest(table: pl.LazyFrame, one: str, said: str, by: pl.Expr | None = None) -> pl.LazyFrame:
    """One row a value of `one`: what `said` says of it most often, first by the sum of `by` and then by rows.

    What ties is decided by the alphabet, never by the order of the rows; memory grows with the different pairs.

    Example:
        >>> lines = pl.LazyFrame({"product": ["p1", "p1", "p1"], "title": ["Tea", "Cup", "Tea"]})
        >>> commonest(lines, "product", "title").collect().rows()
        [('p1', 'Tea')]
    """
    weight = pl.lit(0) if by is None else by
    pairs = table.select(one, none_if_empty(pl.col(said)).alias(said), weight.alias("__by")).drop_nulls([one, said])
    counts = pairs.group_by(one, said).agg(pl.col("__by").sum(), pl.len().alias("__rows")).collect(engine="streaming")
    ranked = counts.sort("__by", "__rows", said, descending=[True, True, False])
    return ranked.unique(one, keep="first", maintain_order=True).select(one, said).lazy()


def told_of_products(names: Iterable[str]) -> dict[str, str]:
    """Which further columns of events or order lines tell of the product: theirs to title, description, brand, categories.

    Example:
        >>> told_of_products(["Product Name", "category_code", "brand", "name", "channel"])
        {'Product Name': 'title', 'category_code': 'categories', 'brand': 'brand'}
    """
    found = named("products", [name for name in names if plain(name) not in _VAGUE])
    return {theirs: ours for theirs, ours in found.items() if ours in _TOLD}


def products_told_of(table: pl.LazyFrame, told: Mapping[str, str]) -> pl.LazyFrame:
    """Every product of the lines with what they say of it most often; a category may be a path such as `A > B` or `a.b`.

    Args:
        table: lines with the columns `product`, `file`, `line` and those of `told`.
        told: what `told_of_products` found.
    """
    sold = table.select(pl.col("product").alias("id"), "file", "line").drop_nulls("id")
    products = sold.group_by("id").agg(first_place()).collect(engine="streaming").lazy()
    for theirs, ours in told.items():
        one = commonest(table, "product", theirs).select(pl.col("product").alias("id"), pl.col(theirs).alias(ours))
        products = products.join(one, on="id", how="left")
    if "categories" not in told.values():
        return products
    said = pl.col("categories").fill_null("")
    dotted = said.str.contains(r"^[a-z0-9_]+(?:\.[a-z0-9_]+)+$")
    path = pl.when(dotted).then(said.str.split(".")).otherwise(said.str.split(" > "))
    path = path.list.eval(pl.element().filter(pl.element() != ""))
    return products.with_columns(path.map_batches(paths_of_one, return_dtype=pl.List(pl.List(pl.String()))).alias("categories"))
