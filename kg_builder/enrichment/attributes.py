"""What a product's text says of its colour and material; and whether it is cheap or dear.

Text in, value or null out, as polars expressions: no model, no server. Precise rather than eager: a wrong colour costs more than
a missing one, so words that mean something else as often (orange, gold, glass) count only where they are set off, as in
`Lamp - Gold` or `Mug (Glass)`. That `Red Herring Magazine` is red is an accepted error.
"""

from collections.abc import Mapping

import polars as pl

from kg_builder.enrichment.phrases import NO_COLOUR
from kg_builder.enrichment.vocabulary import (
    CHINESE_COLOURS,
    CHINESE_MATERIALS,
    COLOURS,
    MATERIALS,
    SET_OFF_COLOURS,
    SET_OFF_MATERIALS,
)
from kg_builder.enrichment.words import alternatives, canonical

_BEFORE, _AFTER = r"(?:[,;:/|(\[–—]|\s-)", r"(?:$|[,;:/|)\]–—]|-\s)"


def colour(text: pl.Expr) -> pl.Expr:
    """The first colour, in English: words of English, German, Spanish, French and Chinese.

    Example:
        >>> said = ["Vase, blau", "Green Tea", "Lamp - Gold", "Gold Medal Flour", "红色 T恤", "Rotes Kleid", "Tea"]
        >>> pl.DataFrame({"t": said}).select(colour(pl.col("t"))).to_series().to_list()
        ['blue', None, 'gold', None, 'red', 'red', None]
    """
    plain = text.str.replace_all(NO_COLOUR, "")
    return pl.coalesce(
        canonical(plain.str.extract(_set_off(SET_OFF_COLOURS)), SET_OFF_COLOURS),
        canonical(plain.str.extract(_anywhere(COLOURS)), COLOURS),
        canonical(text.str.extract(f"({'|'.join(CHINESE_COLOURS.values())})"), CHINESE_COLOURS),
    )


def material(text: pl.Expr) -> pl.Expr:
    """The first material, in English: words of English, German, Spanish, French and Chinese.

    Example:
        >>> said = ["Stainless-Steel Kettle", "Hemd aus Baumwolle", "Glass Cleaner", "Mug (Glass)", "陶瓷杯", "100% Linen", "Tea"]
        >>> pl.DataFrame({"t": said}).select(material(pl.col("t"))).to_series().to_list()
        ['stainless steel', 'cotton', None, 'glass', 'ceramic', 'linen', None]
    """
    return pl.coalesce(
        material_of_description(text),
        canonical(text.str.extract(_anywhere(MATERIALS)), MATERIALS),
        canonical(text.str.extract(_set_off(SET_OFF_MATERIALS)), SET_OFF_MATERIALS),
        canonical(text.str.extract(f"({'|'.join(CHINESE_MATERIALS.values())})"), CHINESE_MATERIALS),
    )


def material_of_description(text: pl.Expr) -> pl.Expr:
    """The material that a longer text says the thing is made of: `made of oak wood`, `100% cotton`; else null."""
    names = dict.fromkeys((*MATERIALS, *SET_OFF_MATERIALS))
    both = {name: "|".join(words[name] for words in (MATERIALS, SET_OFF_MATERIALS) if name in words) for name in names}
    return canonical(text.str.extract(_made_of(both)), both)


def price_band(prices: pl.LazyFrame, *, least: int = 20) -> pl.LazyFrame:
    """`id` and `price_band` of every priced product: budget below the lower quartile, premium above the upper, else mid.

    Args:
        prices: `id`, `price` (positive) and `category` (null where there is none), one row a product and category. The quartiles
            are those of the product's most special category with at least `least` prices, else of all products.
        least: fewer prices make no quartiles. The most special category is the one with the fewest.

    Example:
        >>> table = pl.LazyFrame({"id": list("abcde"), "price": [1.0, 4.0, 5.0, 6.0, 90.0], "category": ["tea"] * 5})
        >>> sorted(price_band(table, least=5).collect().rows())
        [('a', 'budget'), ('b', 'mid'), ('c', 'mid'), ('d', 'mid'), ('e', 'premium')]
    """
    priced = prices.filter(pl.col("price") > 0)
    quartiles = [pl.col("price").quantile(share, "linear").alias(name) for share, name in ((0.25, "low"), (0.75, "high"))]
    own = (
        priced.drop_nulls("category").group_by("category").agg(*quartiles, pl.len().alias("size")).filter(pl.col("size") >= least)
    )
    special = (
        priced.join(own, on="category")
        .sort("id", "size", "category")
        .unique("id", keep="first")
        .select("id", "price", "low", "high")
    )
    single = priced.unique("id").select("id", "price")
    others = single.join(special, on="id", how="anti").join(single.select(quartiles), how="cross")
    price = pl.col("price")
    band = pl.when(price < pl.col("low")).then(pl.lit("budget")).when(price > pl.col("high")).then(pl.lit("premium"))
    return pl.concat([special, others]).select("id", band.otherwise(pl.lit("mid")).alias("price_band"))


def _anywhere(words: Mapping[str, str]) -> str:
    return rf"(?i)\b({alternatives(words.values())})\b"


def _set_off(words: Mapping[str, str]) -> str:
    """The word between marks that set it off, or after `colour:`."""
    return rf"(?i)(?:{_BEFORE}\s*|colou?r:?\s+|farbe:?\s+)({alternatives(words.values())})\s*{_AFTER}"


def _made_of(words: Mapping[str, str]) -> str:
    return rf"(?i)(?:\bmade\s(?:of|from|with)\s|\baus\s|\b100\s?%\s)(?:\w+\s)?({alternatives(words.values())})\b"
