"""Events as a shop's stream hands them over: who chose what and when, read from frames, dicts or tuples, faults by row."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl

from graphrec.errors import BadRequest
from graphrec.tensors import Floats
from kg_builder.errors import did_you_mean
from kg_builder.values import EARLIEST, moment

FIELDS: Mapping[str, tuple[str, ...]] = {
    "user": ("user",),
    "product": ("product", "item"),
    "at": ("at", "timestamp"),
    "rating": ("rating",),
}
"""What an event says, and the columns it may stand in; user and product are needed."""
_NEEDED = ("user", "product")
_LATEST = 4_102_444_800
"""2100-01-01 in epoch seconds."""
_SHOWN = 3
_EXAMPLE = "[{'user': 'u1', 'product': 'p7', 'at': 1735689600}]"


class Fault(NamedTuple):
    """A value that no event can have."""

    row: int
    """The event's place in what was handed over, from 0."""
    field: str
    reason: str
    """What was expected, what came and what to do."""

    def __str__(self) -> str:
        return f"events[{self.row}].{self.field}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Events:
    """The sound ones of the events that were handed over, in their order.

    user, product: [m] ids. at: [m] epoch seconds, NaN where unknown. rating: [m] float32, NaN where unknown.
    """

    user: list[str]
    product: list[str]
    at: npt.NDArray[np.float64]
    rating: Floats
    faults: tuple[Fault, ...] = ()
    ignored: tuple[str, ...] = ()
    """Columns that say nothing a model takes."""

    def __len__(self) -> int:
        return len(self.user)


def read(events: object) -> Events:
    """The events of a pandas or polars frame, a list of dicts or a list of tuples (user, product[, at[, rating]]).

    Ids are text or whole numbers. Times are read as a build reads them: epoch seconds or milliseconds, dates, ISO texts.

    Raises:
        BadRequest: it is none of these, or users or products stand in no column of it.

    Example:
        >>> found = read([("u1", "p7", "2025-01-01"), {"user": "u2", "item": "p7"}, ("u3", "")])
        >>> found.user, found.at.tolist(), str(found.faults[0])
        (['u1', 'u2'], [1735689600.0, nan], "events[2].product: expected an id (got ''); give the product's id")
    """
    columns, ignored = _columns(events)
    rows = max(map(len, columns.values()), default=0)
    blank = [None] * rows
    columns["at"] = _moments(columns.get("at", blank))
    faults: list[Fault] = []
    kept: list[tuple[str, str, float, float]] = []
    for row, values in enumerate(zip(*(columns.get(field, blank) for field in FIELDS), strict=True)):
        found, wrong = _event(row, values)
        faults += wrong
        if not wrong:
            kept.append(found)
    user, product, at, rating = zip(*kept, strict=True) if kept else ((), (), (), ())
    times, ratings = np.array(at, dtype=np.float64), np.array(rating, dtype=np.float32)
    return Events(list(user), list(product), times, ratings, tuple(faults), ignored)


def refusal(events: Events) -> BadRequest:
    """The error for faulty events that nobody said to skip."""
    shown = "; ".join(map(str, events.faults[:_SHOWN]))
    more = f"; and {len(events.faults) - _SHOWN:,} more" if len(events.faults) > _SHOWN else ""
    return BadRequest(
        f"{shown}{more}. Nothing was taken: mend these, or take the other {len(events):,} events with skip_faulty=True"
    )


def _event(row: int, values: Sequence[object]) -> tuple[tuple[str, str, float, float], list[Fault]]:
    faults: list[Fault] = []
    found: list[object] = []
    for (field, of), value in zip(_READERS.items(), values, strict=True):
        try:
            found.append(of(value))
        except ValueError as error:
            faults.append(Fault(row, field, str(error)))
    return (tuple(found) if not faults else ("", "", 0.0, 0.0)), faults  # type: ignore[return-value]


def _columns(events: object) -> tuple[dict[str, list[object]], tuple[str, ...]]:
    """By field its values, and the columns that are no field."""
    if isinstance(events, pl.LazyFrame):
        events = events.collect()
    if isinstance(events, pl.DataFrame):
        return _named({name: events[name].to_list() for name in events.columns})
    if isinstance(events, pd.DataFrame):
        return _named({str(name): events[name].tolist() for name in events.columns})
    if isinstance(events, str | Mapping) or not isinstance(events, Iterable):
        raise BadRequest(f"events is a frame or a list such as {_EXAMPLE} (got {_short(events)})")
    return _of_rows(list(events))


def _of_rows(rows: list[object]) -> tuple[dict[str, list[object]], tuple[str, ...]]:
    names: dict[str, None] = {}
    dicts: list[Mapping[str, object]] = []
    for number, row in enumerate(rows):
        if isinstance(row, Mapping):
            dicts.append(row)
        elif isinstance(row, tuple | list) and 2 <= len(row) <= len(FIELDS):
            dicts.append(dict(zip(FIELDS, row, strict=False)))
        else:
            raise BadRequest(
                f"events[{number}] must be a dict, or a tuple of user, product and perhaps at and rating (got {_short(row)}); "
                f"an example: {_EXAMPLE}"
            )
        names |= dict.fromkeys(map(str, dicts[-1]))
    if not rows:
        return {}, ()
    spoken = {name: field for field, aliases in FIELDS.items() for name in aliases}
    merged: dict[str, list[object]] = {}
    for name in names:
        column = merged.setdefault(spoken.get(name, name), [None] * len(rows))
        for place, one in enumerate(dicts):
            if name in one:
                column[place] = one[name]
    return _named(merged)


def _named(columns: Mapping[str, list[object]]) -> tuple[dict[str, list[object]], tuple[str, ...]]:
    """By field its column, and the names of the others."""
    found = {
        field: next(columns[name] for name in names if name in columns)
        for field, names in FIELDS.items()
        if any(name in columns for name in names)
    }
    ignored = tuple(name for name in columns if not any(name in names for names in FIELDS.values()))
    for field, names in FIELDS.items():
        meant = [name for name in ignored if did_you_mean(name.lower(), names, alike=0.75)]
        if field not in found and meant:
            raise BadRequest(f"events have no column {meant[0]!r}; did you mean {names[-1]!r}? Rename it, or leave it out")
        if field not in found and field in _NEEDED:
            had = ", ".join(columns) or "none"
            raise BadRequest(f"events need a column {' or '.join(map(repr, names))} (got {had}); rename the one that says it")
    return found, ignored


def _missing(value: object) -> bool:
    return value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float | np.datetime64) and value != value)


def _id(value: object, what: str) -> str:
    truth = isinstance(value, bool | np.bool_)
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, int | np.integer) and not truth:
        return str(int(value))
    if isinstance(value, float | np.floating) and not _missing(value):
        raise ValueError(f"expected an id as text or a whole number (got {value!r}); turn the column into text first")
    raise ValueError(f"expected an id (got {_short(value)}); give the {what}'s id")


def _moment(value: object, seconds: float) -> float:
    """The epoch seconds that were read in the value; NaN for none."""
    if _missing(value) or value == "":
        return math.nan
    if math.isnan(seconds):
        raise ValueError(f"expected epoch seconds or a date such as 2025-01-31 (got {_short(value)})")
    if not EARLIEST <= seconds < _LATEST:
        raise ValueError(f"time must lie between 1995 and 2100 (got {_short(value)}); leave it out where it is unknown")
    return seconds


def _moments(column: Sequence[object]) -> list[object]:
    """Each value with the epoch seconds in it, NaN where there are none."""
    texts = pl.Series([None if _missing(value) or isinstance(value, bool) else str(value) for value in column], dtype=pl.String)
    seconds = pl.select(moment(pl.lit(texts), pl.String()).cast(pl.Float64)).to_series().fill_null(math.nan)
    return list(zip(column, seconds, strict=True))


def _rating(value: object) -> float:
    """The rating; NaN for none."""
    if _missing(value) or value == "":
        return math.nan
    try:
        number = math.nan if isinstance(value, bool | np.bool_) else float(str(value))
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"expected a number (got {_short(value)}); leave it out where there is none")
    return number


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "user": lambda value: _id(value, "user"),
    "product": lambda value: _id(value, "product"),
    "at": lambda said: _moment(*said),
    "rating": _rating,
}


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"
