"""The attributes of a graph's products: from a column of their own where the source has one, else from their texts and prices."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from kg_builder.enrichment.amounts import pack, size
from kg_builder.enrichment.attributes import (
    colour,
    material,
    material_of_description,
    price_band,
)
from kg_builder.enrichment.phrases import WORK_CATEGORY
from kg_builder.tables import GraphTables

ATTRIBUTES = ("size", "colour", "material", "pack", "price_band")
"""What can be read from a product's texts and price."""

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "size": ("size", "package_size", "pack_size", "size_name", "item_size"),
    "colour": ("colour", "color", "color_name", "colour_name", "colors", "farbe", "couleur"),
    "material": ("material", "material_type", "materials", "fabric", "fabric_type"),
    "pack": ("pack", "unit_count", "number_of_items", "item_package_quantity"),
}
"""Properties that say it themselves, the first that is filled counts."""
_LONGEST = 30
"""Characters of a column's value that is taken as it is, where it names no known colour, material or size."""


def values(name: str, tables: GraphTables) -> pl.DataFrame:
    """`id` and `value` (text, null where nothing is said) of every product."""
    if name == "price_band":
        return price_band(_prices(tables)).select("id", pl.col("price_band").alias("value")).collect(engine="streaming")
    value = _READERS[name](_Said(name, tables.nodes["Product"].collect_schema())) if "Product" in tables.nodes else pl.lit(None)
    return _described(tables).select("id", value.cast(pl.String).alias("value")).collect(engine="streaming")


@dataclass(frozen=True, slots=True)
class _Said:
    """Where a product says something of an attribute."""

    attribute: str
    schema: pl.Schema

    @property
    def columns(self) -> list[pl.Expr]:
        """The columns that are there for the attribute, as text."""
        return [self._text(name) for name in _COLUMNS[self.attribute] if name in self.schema]

    @property
    def title(self) -> pl.Expr:
        """The title without the brand's name: Black & Decker is no black drill, nor is a book by Dan Brown brown."""
        title, brand = self._text("title"), pl.col("__brand")
        without = pl.when(brand.str.len_chars() > 2).then(title.str.split(brand).list.join(" "))
        return pl.coalesce(without, title)

    @property
    def thing(self) -> pl.Expr:
        """The title of what is no book, record or film, for theirs tells of other things; null for these."""
        return pl.when(~pl.col("__work")).then(self.title)

    @property
    def description(self) -> pl.Expr:
        """The description of what is no book: that is printed on paper."""
        return pl.when(~pl.col("__work")).then(self._text("description"))

    def of(self, attribute: str) -> "_Said":
        """Where a product says something of another one."""
        return _Said(attribute, self.schema)

    def _text(self, name: str) -> pl.Expr:
        if name not in self.schema:
            return pl.lit(None, pl.String)
        value = pl.col(name)
        return value.list.first() if isinstance(self.schema[name], pl.List) else value.cast(pl.String)


def _size(said: _Said) -> pl.Expr:
    return pl.coalesce(*(_own_size(value) for value in said.columns), size(said.title))


def _own_size(value: pl.Expr) -> pl.Expr:
    """What a column for sizes says: `large` alone is one there, and an odd one such as `9 x 13` stays; `20 ct` is a pack."""
    odd = pl.when(value.str.contains(r"\d") & ~value.str.contains(r"(?i)\d\s?(?:pk|ct|pack|count)\b")).then(_as_it_is(value))
    return pl.coalesce(size(value), size(pl.concat_str(pl.lit("size "), value)), odd)


def _colour(said: _Said) -> pl.Expr:
    own = [pl.coalesce(colour(_set_off(value)), _as_it_is(value)) for value in said.columns]
    return pl.coalesce(*own, colour(said.thing))


def _material(said: _Said) -> pl.Expr:
    own = [pl.coalesce(material(_set_off(value)), _as_it_is(value)) for value in said.columns]
    return pl.coalesce(*own, material(said.thing), material_of_description(said.description))


def _pack(said: _Said) -> pl.Expr:
    own = [pl.coalesce(pack(value), _count(value)) for value in said.columns]
    return pl.coalesce(*own, *(pack(value) for value in said.of("size").columns), pack(said.title))


_READERS: Mapping[str, Callable[[_Said], pl.Expr]] = {
    "size": _size,
    "colour": _colour,
    "material": _material,
    "pack": _pack,
}


def _set_off(value: pl.Expr) -> pl.Expr:
    """The value as if it stood in brackets: in a column of its own, `gold` is a colour."""
    return pl.concat_str(pl.lit("("), value, pl.lit(")"))


def _as_it_is(value: pl.Expr) -> pl.Expr:
    """A short value in lower case, with single blanks."""
    plain = value.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.when(plain.str.len_chars().is_between(1, _LONGEST)).then(plain)


def _count(value: pl.Expr) -> pl.Expr:
    number = value.cast(pl.Float64, strict=False)
    return pl.when((number > 1) & (number == number.floor())).then(number.cast(pl.Int64, strict=False))


def _described(tables: GraphTables) -> pl.LazyFrame:
    """The products with the name of their brand as `__brand`, and whether a category is one of books and the like as `__work`."""
    products = tables.nodes.get("Product", pl.LazyFrame(schema={"id": pl.String()}))
    brands = _named(tables, "MADE_BY", "Brand").group_by("source").agg(pl.col("name").min().alias("__brand"))
    work = pl.any_horizontal(pl.col("name", "target").str.contains(WORK_CATEGORY))
    works = _named(tables, "IN_CATEGORY", "Category").filter(work)
    works = works.select("source", pl.lit(value=True).alias("__work")).unique()
    for found in (brands, works):
        products = products.join(found, left_on="id", right_on="source", how="left")
    return products.with_columns(pl.col("__work").fill_null(value=False))


def _named(tables: GraphTables, relation: str, label: str) -> pl.LazyFrame:
    """`source`, `target` and `name`: the products and what they are linked to."""
    edges, nodes = tables.edges.get(("Product", relation, label)), tables.nodes.get(label)
    if edges is None or nodes is None:
        return pl.LazyFrame(schema=dict.fromkeys(("source", "target", "name"), pl.String()))
    return edges.join(nodes, left_on="target", right_on="id").select("source", "target", "name")


def _prices(tables: GraphTables) -> pl.LazyFrame:
    """`id`, `price` (else the median of what was paid) and `category`, one row a product and category."""
    products = tables.nodes.get("Product", pl.LazyFrame(schema={"id": pl.String()}))
    own = pl.col("price") if "price" in products.collect_schema() else pl.lit(None, pl.Float64)
    paid = tables.edges.get(("User", "BOUGHT", "Product"), pl.LazyFrame(schema={"target": pl.String(), "price": pl.Float64()}))
    usual = paid.filter(pl.col("price") > 0).group_by("target").agg(pl.col("price").median().alias("paid"))
    shelf = tables.edges.get(
        ("Product", "IN_CATEGORY", "Category"), pl.LazyFrame(schema={"source": pl.String(), "target": pl.String()})
    )
    priced = products.select("id", own.alias("price")).join(usual, left_on="id", right_on="target", how="left")
    priced = priced.select("id", pl.coalesce("price", "paid").alias("price")).drop_nulls()
    return priced.join(shelf.select("source", pl.col("target").alias("category")), left_on="id", right_on="source", how="left")
