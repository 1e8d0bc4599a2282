"""Dates whose first number is the month in one country and the day in another, read as all of them together tell."""

from collections.abc import Callable

import polars as pl

_DATE = r"^\s*(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4}|\d{2})(?:[ T]|$)"
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")


def dated(table: pl.LazyFrame, note: Callable[[str], None]) -> pl.LazyFrame:
    """The table with texts such as `12/31/2010 8:26` or `31-12-2010` in its column `at` as ISO 8601; the rest stays as it is.

    A number above 12 is a day, so one such value tells for all; where none does, or some contradict each other, most of them
    decide and then the separator (`/` suggests the month first, as in the US), and `note` is told.

    Example:
        >>> said = pl.LazyFrame({"at": ["2/3/2011 8:26", "12/31/2010", "2011-02-03"]})
        >>> dated(said, print).collect()["at"].to_list()
        ['2011-02-03T08:26:00', '2010-12-31T00:00:00', '2011-02-03']
    """
    if table.collect_schema().get("at") != pl.String():
        return table
    first, second = (pl.col("at").str.extract(_DATE, group).cast(pl.Int64) for group in (1, 2))
    slash = pl.col("at").str.contains(r"^\s*\d+/")
    counts = table.select((first > 12).sum(), (second > 12).sum().alias("2"), first.count().alias("n"), slash.sum().alias("/"))
    days_first, months_first, dates, slashes = counts.collect(engine="streaming").row(0)
    if not dates:
        return table
    month_first = months_first > days_first if months_first != days_first else slashes * 2 > dates
    if bool(months_first) == bool(days_first):
        why = "some say one thing and some the other" if days_first else "none of them is above 12"
        note(
            f"the first two numbers of the dates do not tell which is the month ({why}); "
            f"they are read as {'month/day/year' if month_first else 'day-month-year'}"
        )
    return table.with_columns(_iso(month_first=month_first).alias("at"))


def _iso(*, month_first: bool) -> pl.Expr:
    """The column `at` as ISO 8601 where it is such a date and one that exists."""
    said = pl.col("at").str.strip_chars()
    even = said.str.replace(_DATE, "${1}-${2}-${3} ").str.replace(r"^(\d+-\d+)-(\d\d) ", "${1}-20${2} ").str.strip_chars()
    date = "%m-%d-%Y" if month_first else "%d-%m-%Y"
    read = pl.coalesce(even.str.to_datetime(f"{date}{clock}", strict=False) for clock in _CLOCKS)
    return pl.when(said.str.contains(_DATE)).then(pl.coalesce(read.dt.strftime("%Y-%m-%dT%H:%M:%S"), said)).otherwise(said)
