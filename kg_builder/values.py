"""What a value says: text without HTML, numbers that are numbers, prices, moments, names of properties; all as expressions."""

import html
import re
from collections.abc import Callable

import polars as pl

EARLIEST = 788918400
"""1995-01-01 in epoch seconds: no web shop's record is older, and smaller numbers are positions or no times at all."""
DAY = 86400
POSSIBLE_TIME = "time must lie between 1995-01-01 and tomorrow"
NO_VALUE = ("nan", "NaN", "None", "null", "NULL", "\\N", "<NA>")
"""What programs write where they have no id and no number."""

_TAGS = (
    "a|abbr|b|big|blockquote|br|center|code|dd|div|dl|dt|em|font|h[1-6]|hr|i|iframe|img|input|label|li|link|meta|object|ol|p|param"
    "|pre|q|s|small|span|strike|strong|sub|sup|table|tbody|td|th|thead|tr|tt|u|ul|video"
)
_SCRIPT = r"(?is)<(?:script|style)\b.*?(?:</(?:script|style)>|$)|<!--.*?-->"
_TAG = rf"(?i)</?(?:{_TAGS})(?:\s[^<>]*)?/?>"
# Amazon's crawl cut pages in the middle of a tag: `<span class="a-size-medium` at the end, ` Magazines" />` at the start.
_TORN_TAG = r"""(?i)<[a-z][a-z0-9]*\s+[a-z-]+\s*=[^<>]*$|^[^<>]*"\s*/>"""
_ENTITY = r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});"
# What UTF-8 looks like that somebody took for Windows-1252: Ã©, â€™, Â£, ðŸ˜€.
_TWICE = r"[ÂÃ][\x{80}-\x{BF}€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|[âð][\x{80}-\x{BF}€Ÿ][\x{80}-\x{BF}€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
_BLANKS = r"[\p{Cc}\p{Zs}\p{Zl}\p{Zp}\x{FEFF}\x{200B}\x{FFFD}]+"
_UNEVEN = r"[\p{Cc}\p{Zl}\p{Zp}\x{FEFF}\x{200B}\x{FFFD}\x{A0}\x{1680}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}]|  "
_SUSPECT = rf"[<&ÂÃâð]|/>|{_UNEVEN}"
"""What any of these patterns needs: most texts have nothing of it, and one look is cheaper than four."""
_COMMA_MONEY = r"(?i)€|eur|\bkr\b|zł|pln|r\$|\btl\b|₺|\bczk\b|kč|\brp\b|₫|\bvnd\b"
"""Money of countries that write a comma before the decimals."""
_SIGN, _AMOUNT = r"[^\d.,\-%]{0,5}", r"\d[\d.,]*"
"""A currency before or behind an amount, and the amount."""
_MONEY = rf"^{_SIGN}-?{_SIGN}({_AMOUNT})\s*{_SIGN}(?:\s*(?:-|–|to)\s*{_SIGN}{_AMOUNT}\s*{_SIGN})?$"


def literal(name: str) -> str:
    """The name of a column where polars takes none for a pattern of names, which `^…$` would be.

    Example:
        >>> literal("^name$"), literal("^2"), literal("name")
        ('name$', '^2', 'name')
    """
    return name.lstrip("^") if name.startswith("^") and name.endswith("$") else name


def text(column: pl.Expr) -> pl.Expr:
    """The text without HTML tags, entities and control characters, single spaces between words; null where nothing is left.

    Example:
        >>> dirty = pl.DataFrame({"title": ["Arts &amp; <b>Crafts</b>", '<span class="a-size-medium a-color', " ", "I <3 tea"]})
        >>> dirty.select(text(pl.col("title")))["title"].to_list()
        ['Arts & Crafts', None, None, 'I <3 tea']
    """
    return none_if_empty(column.cast(pl.String).map_batches(_plain, return_dtype=pl.String(), is_elementwise=True))


def _plain(values: pl.Series) -> pl.Series:
    return _where(values, _SUSPECT, _cleaned)


def _cleaned(values: pl.Series) -> pl.Series:
    values = _where(values, _TWICE, lambda found: pl.Series([_once(value) for value in found], dtype=pl.String))
    unescaped = _where(values, _ENTITY, lambda found: pl.Series([_unescaped(value) for value in found], dtype=pl.String))
    untagged = _where(unescaped, r"<|/>", _untagged)
    return _where(untagged, _UNEVEN, lambda found: found.str.replace_all(_BLANKS, " "))


def _once(value: str) -> str:
    """Text that was encoded twice, decoded once more: "CafÃ©" becomes "Café"; any other stays as it is."""
    for encoding in ("cp1252", "latin-1"):
        try:
            return value.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return value


def _unescaped(value: str) -> str:
    """Text without entities, of which crawls write some twice: "&amp;amp;" is "&"."""
    for _ in range(3):
        value = html.unescape(value)
        if not re.search(_ENTITY, value):
            break
    return value


def _untagged(values: pl.Series) -> pl.Series:
    for pattern in (_SCRIPT, _TAG, _TORN_TAG):
        values = values.str.replace_all(pattern, " ")
    return values


def _where(values: pl.Series, pattern: str, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """The values, changed where the pattern occurs: most text needs no change, and looking is cheaper than replacing."""
    rows = values.str.contains(pattern).fill_null(value=False).arg_true()
    return values.scatter(rows, change(values.gather(rows))) if rows.len() else values


def none_if_empty(column: pl.Expr) -> pl.Expr:
    """The string without blanks around it; null where nothing is left."""
    stripped = column.cast(pl.String).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def number(column: pl.Expr) -> pl.Expr:
    """The finite number that the column says (thousands may be set off by commas: 1,234), else null."""
    return column.cast(pl.String).map_batches(_number, return_dtype=pl.Float64(), is_elementwise=True)


def _number(said: pl.Series) -> pl.Series:
    return _finite(_read(said, lambda values: values.cast(pl.Float64, strict=False), _grouped))


def _grouped(said: pl.Series) -> pl.Series:
    thousands = said.str.contains(r"^\s*-?\d{1,3}(,\d{3})+(\.\d*)?\s*$")
    plain = pl.select(pl.when(thousands).then(said.str.replace_all(",", "", literal=True)).otherwise(said)).to_series()
    return plain.str.strip_chars().cast(pl.Float64, strict=False)


def _finite(values: pl.Series) -> pl.Series:
    return pl.select(pl.when(values.is_finite()).then(values)).to_series()


def _read(said: pl.Series, fast: Callable[[pl.Series], pl.Series], slow: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """What `fast` makes of the values, and `slow` of those that it cannot read: most columns hold one form throughout."""
    values = fast(said)
    if values.null_count() == said.null_count():
        return values
    unread = (said.is_not_null() & values.is_null()).arg_true()
    return values.scatter(unread, slow(said.gather(unread)))


def price(column: pl.Expr) -> pl.Expr:
    """The amount that a price says, whatever the currency; of a range its lower end; null for what is none or below zero.

    Example:
        >>> said = pl.DataFrame({"price": ["$1,299.00", "9,99 €", "$5.00 - $7.50", ".a-box-inner{color:#fff}", ""]})
        >>> said.select(price(pl.col("price")))["price"].to_list()
        [1299.0, 9.99, 5.0, None, None]
        >>> said = pl.DataFrame({"price": ["1.299 €", "CHF 1'299.00", "1 299,00 kr.", "Rs. 499", "12,-", "(5.00)", "50%"]})
        >>> said.select(price(pl.col("price")))["price"].to_list()
        [1299.0, 1299.0, 1299.0, 499.0, 12.0, None, None]
    """
    said = none_if_empty(column).str.replace("−", "-", literal=True).str.replace(r"^\((.*)\)$", "-${1}")
    said = said.str.replace(r"(\d)[,.][-–]+$", "${1}").str.replace(r"(\p{L})\.(\s*\d|$)", "${1}${2}")
    for _ in range(2):  # thousands set off by a blank or an apostrophe, of millions twice
        said = said.str.replace_all(r"(\d)[ '’\x{A0}\x{202F}](\d{3})(?:\b|_)", "${1}${2}")
    amount = said.str.extract(_MONEY)
    # 1.299 € is more than a thousand: where the comma is the decimal sign, a point before three digits sets off thousands.
    thousands = amount.str.contains(r"^\d{1,3}(?:\.\d{3})+$") & (said.str.contains(_COMMA_MONEY) | amount.str.contains(r"\..*\."))
    decimal_comma = amount.str.contains(r",\d{1,2}$") | thousands
    with_comma = amount.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    plain = pl.when(decimal_comma).then(with_comma).otherwise(amount.str.replace_all(",", "", literal=True))
    value = plain.cast(pl.Float64, strict=False)
    return pl.when(~said.str.contains(rf"^{_SIGN}-")).then(value)


def moment(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Epoch seconds of a column that holds seconds, milli- or microseconds, a date (20230115 too) or an ISO 8601 text; else null.

    A text or date without a zone is UTC.
    """
    if isinstance(dtype, pl.Date | pl.Datetime):
        return column.cast(pl.Datetime("us")).dt.epoch("s") if isinstance(dtype, pl.Date) else column.dt.epoch("s")
    if dtype.is_integer():
        return _dated(_seconds(column.cast(pl.Int64)))
    if dtype.is_numeric():
        return _dated(_seconds(column.cast(pl.Int64, strict=False)))
    return column.cast(pl.String).map_batches(_moment, return_dtype=pl.Int64(), is_elementwise=True)


def _moment(said: pl.Series) -> pl.Series:
    seconds = _read(said, lambda values: values.cast(pl.Int64, strict=False), _iso)
    return _days(pl.select(_seconds(pl.lit(seconds))).to_series())


def _dated(value: pl.Expr) -> pl.Expr:
    return value.map_batches(_days, return_dtype=pl.Int64(), is_elementwise=True)


def _days(values: pl.Series) -> pl.Series:
    """20230115 as that day: as epoch seconds it would lie in 1970, where no shop's times lie."""
    rows = values.is_between(19950101, 20991231).fill_null(value=False).arg_true()
    if not rows.len():
        return values
    days = values.gather(rows).cast(pl.String).str.to_date("%Y%m%d", strict=False)
    return values.scatter(rows, days.cast(pl.Datetime("us")).dt.epoch("s").fill_null(values.gather(rows)))


def is_day(column: pl.Expr) -> pl.Expr:
    """True where the text is a day written as 20230115."""
    return column.str.contains(r"^(?:199[5-9]|20\d\d)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\.0+)?$")


def _iso(said: pl.Series) -> pl.Series:
    plain = said.str.strip_chars()
    iso = plain.str.replace(r"^(\d{4})[-/](\d{2})[-/](\d{2})[ T]+(\d)", "${1}-${2}-${3}T${4}").str.replace(
        r" ?(?:Z|UTC|GMT)$", "+00:00"
    )
    iso = iso.str.replace(r"(:\d{2}(?:\.\d+)?)([+-]\d{2})$", "${1}${2}00")  # PostgreSQL leaves out the minutes of a zone
    iso = iso.str.replace(r"(:\d{2}(?:\.\d+)?)([+-]\d{2}):?(\d{2})$", "${1}${2}:${3}")
    forms = [
        _finite(plain.cast(pl.Float64, strict=False)).cast(pl.Int64, strict=False),
        iso.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_zone="UTC", strict=False).dt.epoch("s"),
        iso.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False).dt.epoch("s"),
        iso.str.to_datetime("%Y-%m-%dT%H:%M", strict=False).dt.epoch("s"),
        *(
            iso.str.to_date(form, strict=False).cast(pl.Datetime("us")).dt.epoch("s")
            for form in ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y")
        ),
        *(plain.str.to_datetime(form, strict=False).dt.epoch("s") for form in ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M")),
    ]
    return pl.select(pl.coalesce(pl.lit(form) for form in forms)).to_series()


def _seconds(value: pl.Expr) -> pl.Expr:
    return (
        pl.when(value >= 10**17)
        .then(value // 10**9)
        .when(value >= 10**14)
        .then(value // 10**6)
        .when(value >= 10**11)
        .then(value // 10**3)
        .otherwise(value)
    )


def boolean(column: pl.Expr) -> pl.Expr:
    """What true, yes, y and 1, or false, no, n and 0 say; null for anything else. (`replace_strict` would hold all rows.)"""
    said = none_if_empty(column).str.to_lowercase()
    true, false = said.is_in(("true", "yes", "y", "1")), said.is_in(("false", "no", "n", "0"))
    return pl.when(true).then(pl.lit(value=True)).when(false).then(pl.lit(value=False))


def day(at: pl.Expr) -> pl.Expr:
    """The UTC day of epoch seconds as text: 2014-02-26."""
    return pl.from_epoch(at, "s").dt.strftime("%Y-%m-%d")


def property_name(name: str, taken: frozenset[str] = frozenset({"id", "source", "target"})) -> str:
    """The name in snake_case, as the schema wants it; a name that is taken gets an underscore.

    Example:
        >>> property_name("Release Date"), property_name("mainCat"), property_name("2nd"), property_name("source")
        ('release_date', 'main_cat', 'p_2nd', 'source_')
    """
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    snake = re.sub(r"[^a-z0-9]+", "_", snake.lower()).strip("_") or "p"
    snake = snake if snake[0].isalpha() else f"p_{snake}"
    return f"{snake}_" if snake in taken else snake
