"""Words of tables found in a text, and the names they have there."""

import re
from collections.abc import Iterable, Mapping

import polars as pl


def canonical(found: pl.Expr, words: Mapping[str, str]) -> pl.Expr:
    """The name whose pattern the found word matches.

    Example:
        >>> found = pl.DataFrame({"found": ["Gray", "tea", None]}).select(canonical(pl.col("found"), {"grey": "grey|gray"}))
        >>> found.to_series().to_list()
        ['grey', None, None]
    """
    return found.map_batches(lambda said: _names(said, words), return_dtype=pl.String(), is_elementwise=True)


def _names(said: pl.Series, words: Mapping[str, str]) -> pl.Series:
    """Each different value is looked up once: a graph of expressions would read its text anew for every word."""
    names = {value: _name(value, words) for value in said.unique().drop_nulls()}
    return said.replace_strict(names, default=None, return_dtype=pl.String()) if names else said


def _name(value: str, words: Mapping[str, str]) -> str | None:
    return next((name for name, pattern in words.items() if re.fullmatch(pattern, value, re.IGNORECASE)), None)


def alternatives(patterns: Iterable[str]) -> str:
    """Longer words first, so that `stainless steel` is not steel."""
    return "|".join(sorted((word for pattern in patterns for word in pattern.split("|")), key=len, reverse=True))


def both(one: Mapping[str, str], other: Mapping[str, str]) -> Mapping[str, str]:
    """One table of two: a name that both have gets the words of both."""
    names = dict.fromkeys((*one, *other))
    return {name: "|".join(words[name] for words in (one, other) if name in words) for name in names}
