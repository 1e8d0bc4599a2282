"""How a column writes its times: epoch seconds, milliseconds, ISO 8601, or dates in one of many formats."""

import re
from dataclasses import dataclass

import polars as pl

from kg_builder.values import EARLIEST, moment

_DATES = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%y", "%m/%d/%y", "%d/%m/%y")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", ", %H:%M", " %I:%M %p", " %I:%M:%S %p")
FORMATS = (
    *(date + clock for date in _DATES for clock in _CLOCKS),
    "%Y%m%d",
    "%Y-%m-%d %H:%M:%S UTC",
    "%Y-%m-%d %H:%M:%S %z",
    "%d/%b/%Y:%H:%M:%S %z",
    "%a %b %d %H:%M:%S %Y",
    "%a, %d %b %Y %H:%M:%S %z",
    *(
        date + clock
        for date in ("%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%m %d, %Y")
        for clock in _CLOCKS
    ),
)
"""Ways to write a date that cleaning does not read of itself."""
CLOCKS = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")

_DATE = r"^(?:\D{0,12}\d.{4,26}\d|.{6,30}[AaPp][Mm]|.{10,25} UTC)$"


@dataclass(frozen=True, slots=True)
class Time:
    """How a column writes its times."""

    said: str
    """In words: epoch seconds, ISO 8601, or the format."""
    format: str | None = None
    """What a mapping has to say for it; None where cleaning reads it as it is."""
    unsure: bool = False
    """True where day and month could be swapped."""
    zero: bool = False
    """True where 0 stands for an unknown time."""


def epoch(numbers: pl.Series) -> Time | None:
    """In which unit numbers are moments between 1995 and 2100, where (nearly) all are.

    Example:
        >>> epoch(pl.Series([1500000000000, 1600000000000])).said
        'epoch milliseconds'
    """
    units = {"epoch seconds": 1, "epoch milliseconds": 10**3, "epoch microseconds": 10**6}
    known = numbers.filter(numbers != 0)
    for said, unit in units.items():
        if known.len() and int((known / unit).is_between(EARLIEST, 4102444800).sum()) >= 0.98 * known.len():
            return Time(said, zero=known.len() < numbers.len())
    return None


def written(said: pl.Series) -> Time | None:
    """How dates are written, where (nearly) all texts are dates.

    Example:
        >>> written(pl.Series(["31.12.2020 23:59", "01.02.2021 00:10"])).format
        '%d.%m.%Y %H:%M'
    """
    if said.str.contains(r"^\d{4}-\d{2}").all() and _read(moment(pl.lit(said), pl.String())) >= 0.98:
        return Time("ISO 8601 dates")
    if int(said.str.contains(_DATE).sum()) < 0.98 * said.len():
        return None
    fitting = [form for form in FORMATS if _dates(said.head(20), form) and _dates(said, form)]
    if not fitting:
        return None
    orders = {_order(form) for form in fitting}
    first = fitting[0] if "/" not in fitting[0] else next((form for form in fitting if _order(form) == "md"), fitting[0])
    return Time(f"dates written {first}", first, unsure=len(orders) > 1)


def clock(said: pl.Series) -> str | None:
    """How times of day are written, where (nearly) all texts are some.

    Example:
        >>> clock(pl.Series(["23:59", "00:10"]))
        '%H:%M'
    """
    if not said.str.contains(r"^\d{1,2}:\d{2}").all():
        return None
    return next((form for form in CLOCKS if _read(pl.lit(said).str.to_time(form, strict=False)) >= 0.98), None)


def _order(form: str) -> str:
    """Which comes first, month or day: `md` or `dm`."""
    return "".join(sign for sign in re.findall(r"%(\w)", form) if sign in "dm")


def _dates(said: pl.Series, form: str) -> bool:
    at = pl.lit(said).str.to_datetime(form, strict=False, time_zone="UTC" if "%z" in form else None)
    return _read(pl.when(at.dt.year().is_between(1900, 2100)).then(at)) >= 0.98


def _read(value: pl.Expr) -> float:
    """The share of values that are there."""
    found = pl.select(value).to_series()
    return 1 - found.null_count() / found.len() if found.len() else 0.0
