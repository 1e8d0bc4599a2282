"""What the columns of a file look like from the values of its first rows: numbers, times, words, paths, ids of other files."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import polars as pl

from kg_builder.inference.dates import Time, clock, epoch, written
from kg_builder.inference.samples import Layout, flat, head, layout
from kg_builder.reading.othernames import EVENTS

ROWS = 20_000
"""Rows of a file that are looked at."""
IDS = 300_000
"""Rows of which the ids are looked at, since other files may name any of them."""


@dataclass(frozen=True)
class Profile:
    """One column of a file, by the values of its first rows (as text, without blanks and empty ones)."""

    name: str
    values: pl.Series
    rows: int
    """Rows looked at, empty cells included."""
    listed: bool = False
    """True where a cell is a list of values; `values` holds its items."""
    further: frozenset[str] = frozenset()
    """Values of an id in the rows after the first ones."""

    @cached_property
    def filled(self) -> int:
        """How many cells say something."""
        return self.values.len()

    @cached_property
    def distinct(self) -> frozenset[str]:
        """The different values."""
        return frozenset(self.values.unique().to_list())

    @property
    def ids(self) -> frozenset[str]:
        """The different values, those of an id as far as the file was looked through."""
        return self.further or self.distinct

    @cached_property
    def single(self) -> float:
        """Different values to all: 1 where no value occurs twice."""
        return len(self.distinct) / self.filled if self.filled else 0.0

    @property
    def key(self) -> bool:
        """True where (nearly) every row has a value of its own, as ids have."""
        return not self.listed and self.rows > 0 and self.single >= 0.95 and self.filled >= 0.95 * self.rows and self.length <= 64

    @cached_property
    def together(self) -> bool:
        """True where equal values stand one after the other, as the rows of one product's variants do."""
        runs = int((self.values != self.values.shift()).sum()) + 1
        return self.filled == self.rows and runs == len(self.distinct) > 1

    @cached_property
    def examples(self) -> tuple[str, ...]:
        """The first three different values."""
        return tuple(self.values.head(200).unique(maintain_order=True).head(3).to_list())

    @cached_property
    def numbers(self) -> pl.Series:
        """The values that are numbers, decimal commas and currency signs taken away."""
        plain = self.values.str.replace_all(r"[$€£¥\s]|EUR|USD|GBP", "")
        if plain.str.contains(r"^-?\d+(\.\d{3})*,\d{1,2}$").any() and not plain.str.contains(r"\.\d{1,2}$").any():
            plain = plain.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
        return plain.str.replace_all(",", "", literal=True).cast(pl.Float64, strict=False).drop_nulls().drop_nans()

    @cached_property
    def numeric(self) -> bool:
        """True where nearly all values are numbers."""
        return self.filled > 0 and self.numbers.len() >= 0.97 * self.filled

    @cached_property
    def whole(self) -> bool:
        """True where nearly all values are whole numbers."""
        return self.numeric and bool((self.numbers == self.numbers.round()).mean() == 1)

    @cached_property
    def priced(self) -> bool:
        """True where numbers stand beside a currency, or most have two decimals."""
        if not self.numeric:
            return False
        signs = self.share(r"[$€£¥]|EUR|USD|GBP")
        return signs > 0.5 or (self.share(r"[.,]\d{2}$") > 0.8 and self.within(0, 1e6))

    @cached_property
    def currency(self) -> bool:
        """True where most numbers stand beside a currency."""
        return self.numeric and self.share(r"[$€£¥]|EUR|USD|GBP") > 0.5

    def share(self, pattern: str) -> float:
        """The share of values in which the pattern occurs."""
        return float(self.values.str.contains(pattern).sum()) / self.filled if self.filled else 0.0

    def within(self, least: float, most: float) -> bool:
        """True where all numbers lie between these."""
        return self.numbers.len() > 0 and bool(self.numbers.is_between(least, most).mean() >= 0.98)  # type: ignore[operator]

    @cached_property
    def length(self) -> float:
        """The mean number of characters."""
        return float(self.values.str.len_chars().mean() or 0)  # type: ignore[arg-type]

    @cached_property
    def words(self) -> float:
        """The mean number of words, each Chinese sign half a one."""
        return float((self.values.str.count_matches(r"\S+") + self.values.str.count_matches(r"\p{Han}") / 2).mean() or 0)  # type: ignore[arg-type]

    @cached_property
    def address(self) -> bool:
        """True for links."""
        return self.share(r"^\s*(?:https?:)?//\S+|^www\.") > 0.5

    @cached_property
    def personal(self) -> bool:
        """True for email addresses and phone numbers."""
        return self.share(r"^\S+@\S+\.\w+$") > 0.5 or (
            not self.numeric and self.share(r"^\+?[\d ()/-]{7,20}$") > 0.8 and self.time is None
        )

    @cached_property
    def boolean(self) -> bool:
        """True for yes and no in their usual spellings."""
        return {value.lower() for value in self.distinct} <= {
            "true",
            "false",
            "yes",
            "no",
            "y",
            "n",
            "t",
            "f",
            "0",
            "1",
            "ja",
            "nein",
        }

    @cached_property
    def text(self) -> bool:
        """True for what is written in words or names."""
        return (
            self.filled > 0 and not (self.numeric or self.address or self.time or self.boolean) and self.share(r"\p{L}{2}") > 0.8
        )

    @cached_property
    def events(self) -> Mapping[str, str]:
        """What each value means as a kind of event; empty where the column holds something else."""
        words = (
            {value: EVENTS.get(value.strip().lower().replace(" ", "_")) for value in self.distinct}
            if len(self.distinct) <= 20
            else {}
        )
        known = {value: word for value, word in words.items() if word is not None}
        rows = sum(self.values.is_in(list(known))) if known else 0
        return known if known and rows >= 0.9 * self.filled else {}

    @cached_property
    def path(self) -> str | None:
        """What separates the levels of paths such as `Kitchen > Cups`; None where the values are none."""
        if self.numeric or self.address or self.time is not None:
            return None
        for separator in (" > ", " >> ", ">", " / ", "/", " » ", "::"):
            if self.share(re.escape(separator)) > 0.3 and self.length < 200 and self.single < 0.9:
                return separator
        if self.share(r"^[a-z_]+(\.[a-z_0-9]+)+$") > 0.5:
            return "."
        return " > " if self.share(" > ") > 0 and self.single < 0.5 else None

    @cached_property
    def separator(self) -> str | None:
        """What separates the items of lists such as `a|b`; None where a cell is one value."""
        if self.listed or self.numeric or self.time is not None:
            return None
        shares = {sign: self.share(re.escape(sign)) for sign in ("|", ";", ", ", ",")}
        sign = max(shares, key=lambda one: shares[one])
        items = 1 + int(self.values.str.count_matches(re.escape(sign)).sum()) / self.filled if self.filled else 1
        return sign if shares[sign] > 0.05 and self.length / items < 40 else None

    def items(self) -> frozenset[str]:
        """The different items of lists, or values."""
        if self.separator is None:
            return self.distinct
        found = self.values.str.split(self.separator).explode().str.strip_chars()
        return frozenset(found.filter(found != "").unique().to_list())

    @cached_property
    def time(self) -> Time | None:
        """How the column writes times; None where it holds none."""
        if self.filled == 0 or self.listed:
            return None
        found = epoch(self.numbers) if self.numeric else None
        return written(self.values.unique(maintain_order=True).head(500)) if found is None else found

    @cached_property
    def clock(self) -> str | None:
        """How the column writes times of day, where it does."""
        return clock(self.values.head(500)) if self.filled else None


@dataclass(frozen=True, slots=True)
class FileProfile:
    """A file's columns by its first rows, and how it is to be read."""

    file: str
    columns: Mapping[str, Profile]
    rows: int
    frame: pl.DataFrame
    layout: Layout


def profile(path: Path, *, name: str, rows: int = ROWS) -> FileProfile:
    """What the first rows of a file tell of its columns; fields of objects are columns with dotted names.

    Raises:
        DamagedDump: the file breaks off before as many rows, or is not what its name says.
    """
    how = layout(path)
    frame = flat(head(path, rows, how))
    found = framed(FileProfile(name, {}, 0, frame, how), frame)
    keys = [one.name for one in found.columns.values() if one.key and one.time is None and not one.priced]
    if frame.height < rows or not keys:
        return found
    more = framed(found, flat(head(path, IDS, how)).select(keys))
    further = {name: replace(found.columns[name], further=one.distinct) for name, one in more.columns.items()}
    return replace(found, columns={**found.columns, **further})


def framed(file: FileProfile, frame: pl.DataFrame) -> FileProfile:
    """The file with these rows and columns instead of its own."""
    columns = {column: _profile(frame[column]) for column in frame.columns}
    return FileProfile(file.file, columns, frame.height, frame, file.layout)


def _profile(cells: pl.Series) -> Profile:
    """The column's values as text; lists by their items, floats that are whole as whole numbers."""
    if isinstance(cells.dtype, pl.Array):
        cells = cells.arr.to_list()
    listed, rows = isinstance(cells.dtype, pl.List), cells.len()
    while isinstance(cells.dtype, pl.List):
        cells = cells.explode()
    if isinstance(cells.dtype, pl.Struct):
        cells = cells.struct.json_encode()
    if cells.dtype.is_float() and (cells.drop_nulls() == cells.drop_nulls().round()).all():
        cells = cells.cast(pl.Int64, strict=False)
    if cells.dtype.is_temporal():
        cells = cells.dt.to_string("iso") if not isinstance(cells.dtype, pl.Datetime) else cells.dt.strftime("%Y-%m-%dT%H:%M:%S")
    text = cells.cast(pl.String, strict=False).str.strip_chars()
    return Profile(cells.name, text.filter(text.is_not_null() & (text != "")), rows, listed)


def levels(frame: pl.DataFrame, name: str) -> bool:
    """True where lists are paths from the top down: nearly every name stands below one other name only.

    Example:
        >>> lists = [["Home", "Tea", "Green"], ["Home", "Tea", "Black"], ["Home", "Coffee"], ["Toys", "Balls"], ["Toys", "Dolls"]]
        >>> levels(pl.DataFrame({"path": lists}), "path"), levels(pl.DataFrame({"path": [one[::-1] for one in lists]}), "path")
        (True, False)
    """
    rows = frame.select(pl.col(name).alias("child")).drop_nulls().with_row_index("row")
    if rows.schema["child"] != pl.List(pl.String()):
        return False
    pairs = rows.explode("child").with_columns(pl.col("child").shift().over("row").alias("parent")).drop_nulls()
    parents = pairs.group_by("child").agg(pl.col("parent").n_unique().alias("n"))
    return parents.height >= 5 and int((parents["n"] == 1).sum()) >= 0.9 * parents.height


def overlap(one: Collection[str], other: frozenset[str]) -> float:
    """The share of the first values that are among the second."""
    return sum(value in other for value in one) / len(one) if one else 0.0
