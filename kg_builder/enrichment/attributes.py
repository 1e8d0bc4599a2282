"""What a product's text says of it: size, colour, material, how many are in a pack; and whether it is cheap or dear.

Text in, value or null out, as polars expressions: no model, no server. Precise rather than eager: a wrong colour costs more than
a missing one, so words that mean something else as often (orange, gold, glass) count only where they are set off, as in
`Lamp - Gold` or `Mug (Glass)`. That `Red Herring Magazine` is red is an accepted error.
"""

from collections.abc import Iterable, Mapping

import polars as pl

from kg_builder.enrichment.vocabulary import (
    CHINESE_COLOURS,
    CHINESE_MATERIALS,
    COLOURS,
    LETTERS,
    MATERIALS,
    NO_COLOUR,
    SET_OFF_COLOURS,
    SET_OFF_MATERIALS,
    UNITS,
)

_NUMBER = r"\d{1,3}(?:,\d{3})+|(?:\d+\s)?\d{1,2}/(?:2|3|4|8|16|32)|\d+[.,]\d+|\d+|\.\d+"
_MADE_OF = r"^(?:(\d+(?:\.\d+)?)\s)?(?:(\d{1,2})/(2|3|4|8|16|32)\s)?([a-z][a-z ]*)$"
_UNIT = "|".join(UNITS.values())
_AMOUNT = rf"(?i)(?:^|[^\w.,/$€£-]|[a-z]/)({_NUMBER})[\s-]?({_UNIT})(?:$|[^\w²³])"
# `in` is a word more often than a unit, and a quotation mark opens a quotation.
_IN = rf"(?i)(?:^|[^\w.,/-])({_NUMBER})\s?(?:in\.|in(?:$|[,;)\]]|\s?[x×]\s?\d)|″)"
_QUOTED_INCH = rf"""^[^"”]*?(?:^|[^\w.,/-])({_NUMBER})["”]"""
_LETTER = r"\b(XXS|XS|XXXL|XXL|XL|[2-6]XL)\b"
_SAID_LETTER = r"(?i)\bsize\s*[:=]?\s*(xxs|xs|s|m|l|x{1,3}l|[2-6]xl|(?:x-|extra\s)?(?:small|large)|medium)(?:$|[^\w-])"
_COUNTS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_PACKS = (
    r"(?i)\b(?:pack|set|box|case|lot|bundle|package|pkg|paquete|juego|paquet)s?\s+(?:of|de)\s+(\d{1,4}|"
    + "|".join(_COUNTS)
    + r")\b",
    r"(?i)(?:^|[^\w.,/&$-])(\d{1,4}|"
    + "|".join(_COUNTS)
    + r")[\s-]?(?:packs?|pk|ct|count|pcs?|pieces?|stück|stk|piezas|pièces)(?:$|[^\w])",
    r"(?i)\b(\d{1,4})er[\s-]?(?:pack|set)\b",
    r"(\d{1,4})\s?(?:件装|个装|片装|包装|只装|支装|瓶装)",
)
_BEFORE, _AFTER = r"(?:[,;:/|(\[–—]|\s-)", r"(?:$|[,;:/|)\]–—]|-\s)"


def size(text: pl.Expr) -> pl.Expr:
    """The first amount with its unit, or a clothing size; as people write it, the same for all spellings.

    Example:
        >>> said = ["Tea, 12 Ounces", "Soda 1,5 L", "Pan 10in.", "Shirt XXL", "Shirt (Size: Large)", "2 in 1", "5G phone", "Tea"]
        >>> pl.DataFrame({"t": said}).select(size(pl.col("t"))).to_series().to_list()
        ['12 oz', '1.5 l', '10 in', 'XXL', 'L', None, None, None]
    """
    found = text.str.extract_groups(_AMOUNT)
    unit = _canonical(found.struct.field("2"), UNITS)
    amount = pl.concat_str(_plain_number(found.struct.field("1")), unit, separator=" ")
    inches = pl.coalesce(text.str.extract(_IN), text.str.extract(_QUOTED_INCH))
    letter = pl.coalesce(text.str.extract(_LETTER), text.str.extract(_SAID_LETTER).str.to_uppercase())
    return pl.coalesce(amount, pl.concat_str(_plain_number(inches), pl.lit(" in")), letter.replace(LETTERS))


def size_amount(value: pl.Expr) -> pl.Expr:
    """The number of a size that `size` gave, or null where it has none.

    Example:
        >>> pl.DataFrame({"s": ["12 oz", "1/2 in", "1 1/2 in", "XL"]}).select(size_amount(pl.col("s"))).to_series().to_list()
        [12.0, 0.5, 1.5, None]
    """
    parts = value.str.extract_groups(_MADE_OF)
    whole, above, below = (parts.struct.field(str(place)).cast(pl.Float64, strict=False) for place in (1, 2, 3))
    said = whole.is_not_null() | below.is_not_null()
    return pl.when(said).then(whole.fill_null(0.0) + (above / below).fill_null(0.0))


def size_unit(value: pl.Expr) -> pl.Expr:
    """The unit of a size that `size` gave, or null where it has none."""
    return pl.when(value.str.contains(r"^\d")).then(value.str.extract(_MADE_OF, 4))


def colour(text: pl.Expr) -> pl.Expr:
    """The first colour, in English: words of English, German, Spanish, French and Chinese.

    Example:
        >>> said = ["Vase, blau", "Green Tea", "Lamp - Gold", "Gold Medal Flour", "红色 T恤", "Rotes Kleid", "Tea"]
        >>> pl.DataFrame({"t": said}).select(colour(pl.col("t"))).to_series().to_list()
        ['blue', None, 'gold', None, 'red', 'red', None]
    """
    plain = text.str.replace_all(NO_COLOUR, "")
    return pl.coalesce(
        _canonical(plain.str.extract(_set_off(SET_OFF_COLOURS)), SET_OFF_COLOURS),
        _canonical(plain.str.extract(_anywhere(COLOURS)), COLOURS),
        _canonical(text.str.extract(f"({'|'.join(CHINESE_COLOURS.values())})"), CHINESE_COLOURS),
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
        _canonical(text.str.extract(_anywhere(MATERIALS)), MATERIALS),
        _canonical(text.str.extract(_set_off(SET_OFF_MATERIALS)), SET_OFF_MATERIALS),
        _canonical(text.str.extract(f"({'|'.join(CHINESE_MATERIALS.values())})"), CHINESE_MATERIALS),
    )


def material_of_description(text: pl.Expr) -> pl.Expr:
    """The material that a longer text says the thing is made of: `made of oak wood`, `100% cotton`; else null."""
    names = dict.fromkeys((*MATERIALS, *SET_OFF_MATERIALS))
    both = {name: "|".join(words[name] for words in (MATERIALS, SET_OFF_MATERIALS) if name in words) for name in names}
    return _canonical(text.str.extract(_made_of(both)), both)


def pack(text: pl.Expr) -> pl.Expr:
    """How many are in the pack, at least 2; a pack of one says nothing and is null.

    Example:
        >>> said = ["Cups, Set of 4", "Tea 20ct", "6-Pack", "Socken 3er-Pack", "毛巾 10件装", "Pack of six", "Tea, 1 ct", "Tea"]
        >>> pl.DataFrame({"t": said}).select(pack(pl.col("t"))).to_series().to_list()
        [4, 20, 6, 3, 10, 6, None, None]
    """
    said = pl.coalesce(text.str.extract(pattern) for pattern in _PACKS).str.to_lowercase()
    words = {word: str(number) for number, word in enumerate(_COUNTS, 2)}
    count = said.replace(words).cast(pl.Int64, strict=False)
    return pl.when(count > 1).then(count)


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
    return rf"(?i)\b({_alternatives(words.values())})\b"


def _set_off(words: Mapping[str, str]) -> str:
    """The word between marks that set it off, or after `colour:`."""
    return rf"(?i)(?:{_BEFORE}\s*|colou?r:?\s+|farbe:?\s+)({_alternatives(words.values())})\s*{_AFTER}"


def _made_of(words: Mapping[str, str]) -> str:
    return rf"(?i)(?:\bmade\s(?:of|from|with)\s|\baus\s|\b100\s?%\s)(?:\w+\s)?({_alternatives(words.values())})\b"


def _alternatives(patterns: Iterable[str]) -> str:
    """Longer words first, so that `stainless steel` is not steel."""
    return "|".join(sorted((word for pattern in patterns for word in pattern.split("|")), key=len, reverse=True))


def _canonical(found: pl.Expr, words: Mapping[str, str]) -> pl.Expr:
    """The name whose pattern the found word matches."""
    return pl.coalesce(pl.when(found.str.contains(rf"(?i)^(?:{pattern})$")).then(pl.lit(name)) for name, pattern in words.items())


def _plain_number(said: pl.Expr) -> pl.Expr:
    """`1,000` is a thousand, `1,5` one and a half; no zeros at the end."""
    grouped = said.str.contains(r"^\d{1,3}(?:,\d{3})+$")
    plain = pl.when(grouped).then(said.str.replace_all(",", "", literal=True)).otherwise(said.str.replace(",", ".", literal=True))
    return plain.str.replace(r"^\.", "0.").str.replace(r"(\.\d*?)0+$", "${1}").str.replace(r"\.$", "")
