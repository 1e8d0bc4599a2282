"""What a product's text says of its colour and material; and whether it is cheap or dear.

Text in, value or null out, as polars expressions: no model, no server. Precise rather than eager: a wrong colour costs more than
a missing one. Words that mean something else as often (orange, gold, glass) count only where they are set off: `Lamp - Gold`,
`Mug (Glass)`; names, dishes and what a thing is for (`phrases`) do not count, nor does a word in the title of a book.
"""

from collections.abc import Mapping

import polars as pl

from kg_builder.enrichment.amounts import is_poured
from kg_builder.enrichment.phrases import COSMETIC, NO_COLOUR, NO_MATERIAL, SOFT, WORK
from kg_builder.enrichment.vocabulary import (
    CHINESE_COLOURS,
    CHINESE_MATERIALS,
    COLOURS,
    MATERIALS,
    SET_OFF_COLOURS,
    SET_OFF_MATERIALS,
    SHADES,
)
from kg_builder.enrichment.words import alternatives, both, canonical

_BEFORE, _AFTER = r"(?:[,;:/|(\[–—]|\s-)", r"(?:$|[,;:/|()\[\]–—]|-[\s-])"
_ALL_COLOURS, _ALL_MATERIALS = both(COLOURS, SET_OFF_COLOURS), both(MATERIALS, SET_OFF_MATERIALS)
_MATTER = {name: words for name, words in SET_OFF_MATERIALS.items() if name not in SET_OFF_COLOURS}
"""Set off, gold and silver are colours."""


def colour(text: pl.Expr) -> pl.Expr:
    """The first colour, in English: words of English, German, Spanish, French and Chinese.

    One that is set off goes before another. Of what is sold by the ounce or the litre only one that ends a phrase counts: orange
    and green are tastes, and brown is a sugar.

    Example:
        >>> said = ["Vase, blau", "Green Tea", "Lamp - Gold", "Inferno by Dan Brown", "红色 T恤", "Rotes Kleid", "Tea"]
        >>> pl.DataFrame({"t": said}).select(colour(pl.col("t"))).to_series().to_list()
        ['blue', None, 'gold', None, 'red', 'red', None]
    """
    plain, poured = text.str.replace_all(NO_COLOUR, " "), is_poured(text)
    pair = canonical(plain.str.extract(_first_of_two(_ALL_COLOURS)), _ALL_COLOURS)
    sure = canonical(plain.str.extract(_set_off(COLOURS)), COLOURS)
    ending = canonical(plain.str.extract(_ending(COLOURS)), COLOURS)
    any_set_off = canonical(plain.str.extract(_set_off(_ALL_COLOURS)), _ALL_COLOURS)
    anywhere = canonical(plain.str.extract(_anywhere(COLOURS)), COLOURS)
    found = pl.when(poured).then(pl.coalesce(sure, ending)).otherwise(pl.coalesce(pair, any_set_off, anywhere))
    chinese = canonical(text.str.extract(f"({'|'.join(CHINESE_COLOURS.values())})"), CHINESE_COLOURS)
    return pl.when(~is_work(text)).then(pl.coalesce(found, chinese))


def material(text: pl.Expr) -> pl.Expr:
    """The first material, in English: words of English, German, Spanish, French and Chinese.

    Of what is sold by the ounce or the litre only what holds that counts, and nothing of a make-up: silk in a lotion is a scent,
    and porcelain a shade of powder.

    Example:
        >>> said = ["Stainless-Steel Kettle", "Hemd aus Baumwolle", "Wood Glue", "Mug (Glass)", "陶瓷杯", "100% Linen", "Tea"]
        >>> pl.DataFrame({"t": said}).select(material(pl.col("t"))).to_series().to_list()
        ['stainless steel', 'cotton', None, 'glass', 'ceramic', 'linen', None]
    """
    plain = text.str.replace_all(NO_MATERIAL, " ")
    plain = pl.when(is_poured(text)).then(plain.str.replace_all(rf"(?i)\b(?:{SOFT})\b", " ")).otherwise(plain)
    found = pl.coalesce(
        canonical(plain.str.extract(_anywhere(MATERIALS)), MATERIALS),
        canonical(plain.str.extract(_set_off(_MATTER)), _MATTER),
        canonical(text.str.extract(f"({'|'.join(CHINESE_MATERIALS.values())})"), CHINESE_MATERIALS),
    )
    named = pl.when(~text.str.contains(COSMETIC)).then(found)
    return pl.when(~is_work(text)).then(pl.coalesce(material_of_description(text), named))


def material_of_description(text: pl.Expr) -> pl.Expr:
    """The material that a longer text says the thing is made of: `made of oak wood`, `100% cotton`; else null."""
    return canonical(text.str.extract(_made_of(_ALL_MATERIALS)), _ALL_MATERIALS)


def is_work(text: pl.Expr) -> pl.Expr:
    """True for the title of a book, a record, a film or a game, as far as it says so."""
    return text.str.contains(WORK)


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
    return rf"(?i)(?:{_BEFORE}\s*|colou?r:?\s+|farbe:?\s+)(?:(?:{SHADES})[\s-])*({alternatives(words.values())})\s*{_AFTER}"


def _first_of_two(words: Mapping[str, str]) -> str:
    """The word before a stroke and another: `white/black`."""
    word = alternatives(words.values())
    return rf"(?i)\b({word})\s?/\s?(?:{word})\b"


def _ending(words: Mapping[str, str]) -> str:
    """The word at the end of a phrase, or before its amount."""
    return rf"(?i)\b({alternatives(words.values())})\s*(?:{_AFTER}|\.?\d)"


def _made_of(words: Mapping[str, str]) -> str:
    return rf"(?i)(?:\bmade\s(?:of|from|with)\s|\baus\s|\b100\s?%\s)(?:\w+\s)?({alternatives(words.values())})\b"
