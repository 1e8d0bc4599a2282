"""How large a product is and how many are in its pack, as its title says it."""

import polars as pl

from kg_builder.enrichment.phrases import COSMETIC, NO_COUNT, NO_SIZE
from kg_builder.enrichment.vocabulary import COUNTED, COUNTED_WORDS, LENGTHS, LETTERS, UNITS
from kg_builder.enrichment.words import canonical

_FRACTION = r"\d{1,2}/(?:2|3|4|8|16|32)"
_NUMBER = rf"[1-9]\d{{0,2}}(?:,\d{{3}})+|[1-9]\d{{0,2}}\s000|(?:\d+[\s-]{{1,2}})?{_FRACTION}|\d+[.,]\d+|\d+|\.\d+"
_VULGAR = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8"}
_MADE_OF = r"^(?:(\d+(?:\.\d+)?)\s)?(?:(\d{1,2})/(2|3|4|8|16|32)\s)?([a-z][a-z ]*)$"
_UNIT = "|".join(UNITS.values())
_POURED = "|".join(pattern for name, pattern in UNITS.items() if name not in LENGTHS)
_LENGTH = "|".join(LENGTHS.values())
_TIMES = r"\s?[x×]\s?"
_START = r"(?:^|[^\w.,/#$€£-]|[a-z]/"
_AMOUNT = rf"(?i){_START}|\d[x×])({_NUMBER})[\s-]?({_UNIT})(?:$|[^\w²³])"
_SIDE = rf"({_NUMBER})[\s-]?({_LENGTH})?(?:(?:\b|\s)[wlhd]\b)?"
_SIDES = rf"(?i){_START}){_SIDE}{_TIMES}{_SIDE}(?:{_TIMES}{_SIDE})?(?:$|[^\w²³])"
# `in` is a word more often than a unit, and a quotation mark opens a quotation.
_IN = rf"(?i)(?:^|[^\w.,/-])({_NUMBER})\s?(?:in\.|in(?:$|[,;)\]])|″)"
_QUOTED_INCH = rf"""^[^"”]*?(?:^|[^\w.,/-])({_NUMBER})["”]"""
_LETTER = r"\b(XXS|XS|XXXL|XXL|XL|[2-6]XL)\b"
_IN_WORDS = r"(?:x{1,3}-?|extra\s)?(?:small|large)|medium"
_SAID_LETTER = rf"(?i)(?:\b(?:size|größe|talla|taille)\s*[:=]?|\bgr\.)\s*(xxs|xs|s|m|l|x{{1,3}}l|[2-6]xl|{_IN_WORDS})(?:$|[^\w-])"
_SET_OFF_LETTER = rf"(?i)[,(|]\s*({_IN_WORDS})\s*(?:$|[,)/|])"

_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_COUNT = rf"(\d{{1,3}},\d{{3}}|\d{{1,4}}|{'|'.join(_WORDS)})"
_FIGURES = r"(\d{1,3},\d{3}|\d{1,4})"
_BEFORE = r"(?i)(?:^|[^\w.,/&#$-])"
_PACKS = (
    rf"(?i)\b(?:pack|set|box|case|lot|bundle|package|pkg|paquete|juego|paquet)s?\s+(?:of|de)\s+{_COUNT}\b",
    rf"{_BEFORE}{_COUNT}[\s-]?(?:packs?|pk)(?:$|[^\w&])",
    rf"{_BEFORE}(\d{{1,3}}){_TIMES}(?:{_NUMBER})[\s-]?(?:{_POURED})(?:$|[^\w])",
    rf"{_BEFORE}(?:{_NUMBER})[\s-]?(?:{_POURED}){_TIMES}(\d{{1,3}})(?:$|[^\w\s.,]|\s*$|\s+[^\dx×])",
    r"(?i)\b(\d{1,4})er[\s-]?(?:pack|set)\b",
    r"(\d{1,4})\s?(?:件装|个装|片装|包装|只装|支装|瓶装)",
    rf"{_BEFORE}{_COUNT}[\s-]?(?:ct|count|pcs?|pieces?|stück|stk|piezas|pièces)(?:$|[^\w])",
    rf"{_BEFORE}{_FIGURES}[\s-](?:(?:{COUNTED_WORDS})\s)?(?:{COUNTED})(?:$|[^\w])",
)


def size(text: pl.Expr) -> pl.Expr:
    """The first amount with its unit, sides, or a clothing size; as people write it, the same for all spellings.

    Example:
        >>> said = ["Tea, 12 Ounces", "Soda 1,5 L", "Rug 12in. x 18in.", "Shirt (Size: Large)", "2 in 1", "5G phone", "Tea"]
        >>> pl.DataFrame({"t": said}).select(size(pl.col("t"))).to_series().to_list()
        ['12 oz', '1.5 l', '12 x 18 in', 'L', None, None, None]
    """
    text = _plain(text).str.replace_all(NO_SIZE, " ")
    found = text.str.extract_groups(_AMOUNT)
    unit = canonical(found.struct.field("2"), UNITS)
    amount = pl.concat_str(_number(found.struct.field("1"), unit), unit, separator=" ")
    inches = pl.coalesce(text.str.extract(_IN), text.str.extract(_QUOTED_INCH))
    in_words = pl.when(~text.str.contains(COSMETIC)).then(text.str.extract(_SET_OFF_LETTER))  # medium is a shade of powder
    said = pl.coalesce(text.str.extract(_LETTER), text.str.extract(_SAID_LETTER), in_words)
    letter = said.str.to_uppercase().replace(LETTERS)
    return pl.coalesce(_sides(text), amount, pl.concat_str(_number(inches), pl.lit(" in")), letter)


def size_amount(value: pl.Expr) -> pl.Expr:
    """The number of a size that `size` gave, or null where it has none.

    Example:
        >>> said = ["12 oz", "1/2 in", "1 1/2 in", "12 x 18 in", "XL"]
        >>> pl.DataFrame({"s": said}).select(size_amount(pl.col("s"))).to_series().to_list()
        [12.0, 0.5, 1.5, None, None]
    """
    parts = value.str.extract_groups(_MADE_OF)
    whole, above, below = (parts.struct.field(str(place)).cast(pl.Float64, strict=False) for place in (1, 2, 3))
    said = whole.is_not_null() | below.is_not_null()
    return pl.when(said).then(whole.fill_null(0.0) + (above / below).fill_null(0.0))


def size_unit(value: pl.Expr) -> pl.Expr:
    """The unit of a size that `size` gave, or null where it has none."""
    return pl.when(value.str.contains(r"^\d")).then(value.str.extract(_MADE_OF, 4))


def is_poured(text: pl.Expr) -> pl.Expr:
    """True where the text tells of grams, ounces or litres: something to eat, to drink or to rub in, or what holds it."""
    return _plain(text).str.contains(rf"(?i){_START}|\d[x×])(?:{_NUMBER})[\s-]?(?:{_POURED})(?:$|[^\w²³])")


def pack(text: pl.Expr) -> pl.Expr:
    """How many are in the pack, at least 2; a pack of one says nothing and is null.

    Example:
        >>> said = ["Cups, Set of 4", "6 x 330ml", "60 Capsules", "Socken 3er-Pack", "Pack of six", "1000 Piece Puzzle"]
        >>> pl.DataFrame({"t": said}).select(pack(pl.col("t"))).to_series().to_list()
        [4, 6, 60, 3, 6, None]
    """
    text = _plain(text).str.replace_all(NO_COUNT, " ")
    said = pl.coalesce(text.str.extract(pattern) for pattern in _PACKS).str.to_lowercase().str.replace(",", "", literal=True)
    words = {word: str(number) for number, word in enumerate(_WORDS, 2)}
    count = said.replace(words).cast(pl.Int64, strict=False)
    return pl.when(count > 1).then(count)


def _sides(text: pl.Expr) -> pl.Expr:
    """`12 x 18 in`, or `1/2 in x 10 ft` where the units differ; null where no unit is said."""
    found = text.str.extract_groups(_SIDES)
    said = [canonical(found.struct.field(str(place)), LENGTHS) for place in (2, 4, 6)]
    numbers = [_number(found.struct.field(str(place))) for place in (1, 3, 5)]
    unit = pl.coalesce(*reversed(said))
    mixed = (said[0] != said[1]).fill_null(value=False)
    each = [pl.concat_str(number, own, separator=" ") for number, own in zip(numbers, said, strict=True)]
    parts = [pl.when(mixed).then(one).otherwise(number) for one, number in zip(each, numbers, strict=True)]
    sides = pl.concat_str(parts, separator=" x ", ignore_nulls=True)
    return pl.when(mixed).then(sides).otherwise(pl.concat_str(sides, unit, separator=" "))


def _plain(text: pl.Expr) -> pl.Expr:
    """The text with fractions as people type them."""
    plain = text.str.replace_all("⁄", "/", literal=True)
    for sign, typed in _VULGAR.items():
        plain = plain.str.replace_all(sign, f" {typed}", literal=True)
    return plain


def _number(said: pl.Expr, unit: pl.Expr | None = None) -> pl.Expr:
    """`1,000` is a thousand and `1,5` one and a half, `1.000 g` is a thousand too; no zeros at the end."""
    small = pl.lit(value=False) if unit is None else unit.is_in(["g", "mg", "ml"])
    grouped = said.str.contains(r"^[1-9]\d{0,2}(?:,\d{3})+$|\s000$") | (small & said.str.contains(r"^[1-9]\d{0,2}\.\d00$"))
    whole = pl.when(grouped).then(said.str.replace_all(r"[.,\s]", "")).otherwise(said.str.replace(",", ".", literal=True))
    mixed = whole.str.replace(r"^(\d+)[\s-]+(\d+/)", "${1} ${2}")
    return mixed.str.replace(r"^\.", "0.").str.replace(r"(\.\d*?)0+$", "${1}").str.replace(r"\.$", "")
