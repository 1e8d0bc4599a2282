"""The exact numbers of sizes and packs, which are properties of products beside the edges."""

from collections.abc import Mapping

import polars as pl

from kg_builder.enrichment.amounts import size_amount, size_unit
from kg_builder.schema import GraphSchema, PropertyType

EXACT: Mapping[str, PropertyType] = {"size_amount": "float", "size_unit": "string", "pack_count": "integer"}
"""Properties that hold exact numbers, with their types."""
_TOLD_BY = {"size": ("size_amount", "size_unit"), "pack": ("pack_count",)}


def exact_numbers(said: Mapping[str, pl.DataFrame], schema: GraphSchema) -> pl.DataFrame:
    """`id` and the numbers of sizes and packs, under names that the schema does not hold for something else.

    Args:
        said: what `values` gave, by attribute.
        schema: of the store that they are for.
    """
    value = pl.col("value")
    exact = pl.DataFrame(schema={"id": pl.String()})
    if "size" in said:
        exact = said["size"].select("id", size_amount(value).alias("size_amount"), size_unit(value).alias("size_unit"))
    if "pack" in said:
        packs = said["pack"].select("id", value.cast(pl.Int64, strict=False).alias("pack_count"))
        exact = exact.join(packs, on="id", how="full", coalesce=True)
    names = [name for name in exact.columns if name in _ours(schema)]
    filled = pl.any_horizontal(pl.col(name).is_not_null() for name in names) if names else pl.lit(value=False)
    return exact.filter(filled).select("id", *names)


def without_numbers(products: pl.LazyFrame, outdated: pl.LazyFrame, schema: GraphSchema) -> pl.LazyFrame:
    """The products with such an edge, without the numbers that the attribute in its `relation` had given them.

    Args:
        products: whole rows, for they replace what the store holds.
        outdated: `source` and `relation` of edges that go.
        schema: of the store.
    """
    kept = products.join(outdated, left_on="id", right_on="source", how="semi")
    for attribute, names in _TOLD_BY.items():
        changed = outdated.filter(pl.col("relation") == attribute).select(pl.col("source").alias("id"), gone=pl.lit(value=True))
        numbers = [name for name in names if name in _ours(schema) and name in products.collect_schema()]
        bare = [pl.when(pl.col("gone").is_null()).then(pl.col(name)).alias(name) for name in numbers]
        kept = kept.join(changed.unique(), on="id", how="left").with_columns(bare).drop("gone")
    return kept


def _ours(schema: GraphSchema) -> set[str]:
    """The names that the schema does not hold for something else."""
    held = schema.nodes["Product"].properties if "Product" in schema.nodes else {}
    return {name for name, kind in EXACT.items() if held.get(name, kind) == kind}
