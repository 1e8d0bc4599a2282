"""Whether a load is hopeless or too large, seen from the first rows of its files, before all of them are read."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from kg_builder.allowance import Allowance, faulty
from kg_builder.dumps import Source, read_dump
from kg_builder.engines.polars import Polars
from kg_builder.errors import KgBuilderError
from kg_builder.memory import CLEANED_BYTES, available, check_cleaned
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects, Sieve
from kg_builder.tabulation import cleaned

_ROWS, _MORE = 20_000, 4
"""Rows of each file that are looked at first, and how many times as many next."""
_SMALL = 1 << 23
"""Bytes of files that are read at once, without a look."""
_SEEN = 0.25
"""Of the bytes; where so much was looked at, all is read."""
_DENSER = 2
"""How many times as many rows a byte the rest may have."""
_SPARSER = 4
"""How many times fewer rows a byte the rest may have, where memory is at stake."""
_ROW_BY_ROW = frozenset({"amazon-2014", "amazon-2018", "amazon-2023", "events", "interactions", "mapping", "movielens", "tables"})
"""Formats of which a row is judged by itself, times apart, so that a row that is faulty now is faulty in the end."""


@dataclass(slots=True)
class _Look:
    """What the first rows of the files are like."""

    format: str
    refused: Rejects
    read: float
    """The part of the bytes that these rows are, about."""

    @property
    def rows(self) -> int:
        return self.refused.faults + self.refused.passed

    def hopeless(self, most: Allowance) -> bool:
        """Whether more are faulty than may be, whatever the other rows are like."""
        if most.share is None:
            return self.format in _ROW_BY_ROW and self._sure() > most.number
        rest = self.rows * (1 / self.read - 1)
        return self.refused.faults > most(self.rows + _DENSER * rest)

    def _sure(self) -> int:
        """Faults that no other row can mend: a value is wrong, and it is no time, whose unit depends on the column."""
        return self.refused.count(
            pl.col("fault") & pl.col("got").is_not_null() & ~pl.col("reason").str.contains(r"^(?:time|position) ")
        )


def look_ahead(source: Source, refused: Rejects, most: Allowance, *, now: int, format: str | None, reading: Reading) -> None:  # noqa: A002
    """Nothing, unless the first rows of the files show that more rows are faulty than may be; then `refused` has those seen.

    A number is exceeded by the faulty rows that were seen, so the whole load would be refused, too. A share is taken of the
    rows that were seen and of as many more as the other bytes hold, counted twice: a load that would pass is refused only
    where the rest has more than twice as many rows a byte. First 20,000 rows of each file are looked at; while they have too
    many faults but are too few to be sure, four times as many, up to a quarter of the bytes. Files below 8 MiB are just read.

    Args:
        source: as `build` takes it.
        refused: takes the faulty rows that were seen, where they are too many.
        most: how many there may be.
        now: epoch seconds.
        format: the dump's format, where looking at it is not enough.
        reading: how all of it will be read.

    Raises:
        TooManyFaults: see above.
    """
    sizes = list(_sizes(source))
    if most.any or sum(sizes) < _SMALL:
        return
    rows, seen = _ROWS, 0
    while (look := _look(source, rows, now, format, reading, sum(sizes))) is not None and look.refused.faults > most(look.rows):
        if look.hopeless(most):
            refused.take(look.refused)
            raise faulty(refused, most, look.rows, whole=False)
        if look.read > _SEEN or look.rows == seen or most.share is None:
            return
        rows, seen = rows * _MORE, look.rows


def foresee_memory(source: Source, most: int | None, *, format: str | None, reading: Reading) -> None:  # noqa: A002
    """Nothing, unless the rows that the files seem to hold surely cannot be cleaned in the memory that is free or in `most`.

    Where one row a byte would not fit, 20,000 rows of each file are looked at; the rest may have a quarter as many a byte.

    Raises:
        TooLarge: see above.
    """
    free = available() if most is None else most
    if free is None or sum(_sizes(source)) * CLEANED_BYTES <= free:
        return
    seen = _Seen()
    with tempfile.TemporaryDirectory(prefix="look-", dir=reading.scratch) as folder:
        try:
            dump = read_dump(source, format=format, reading=_ahead(reading, seen, Path(folder), _ROWS))
            tables = (dump.products, dump.users, dump.reviews, dump.events, dump.triples)
            rows = max((seen.rows(table) for table in tables if table is not None), default=0)
        except (KgBuilderError, PolarsError):
            return
    if dump.format in _ROW_BY_ROW:
        check_cleaned(rows, free)


def _ahead(how: Reading, seen: "_Seen", folder: Path, rows: int) -> Reading:
    return Reading(Rejects(), seen, folder, how.max_bytes, how.mapping, head=rows)


def _sizes(source: Source) -> Iterator[int]:
    """Of every file; none of what is no file, and of workbooks, which are read whole or not at all."""
    if isinstance(source, str | Path):
        files = [file for file in Path(source).rglob("*") if file.is_file()] or [Path(source)]
        if not any(file.suffix.lower() in (".xlsx", ".xls") for file in files):
            yield from (file.stat().st_size for file in files if file.is_file())


def _look(source: Source, rows: int, now: int, format: str | None, how: Reading, total: int) -> _Look | None:  # noqa: A002
    """The first rows of every file; None where they cannot be judged without the others."""
    seen = _Seen()
    with tempfile.TemporaryDirectory(prefix="look-", dir=how.scratch) as folder:
        reading = _ahead(how, seen, Path(folder), rows)
        try:
            dump = read_dump(source, format=format, reading=reading)
            cleaned(dump, Polars(Sieve(reading.rejects, Path(folder))), now)
        except (KgBuilderError, PolarsError):
            return None
    return _Look(dump.format, reading.rejects, min(1.0, max(1, seen.total) / total))


@dataclass(slots=True)
class _Seen:
    """A `Progress` callback that knows how many bytes of each file were read."""

    done: dict[str, int] = field(default_factory=dict)

    sizes: dict[str, int] = field(default_factory=dict)

    def __call__(self, what: str, done: int, total: int) -> None:
        self.done[what], self.sizes[what] = done, total

    def rows(self, table: pl.LazyFrame) -> int:
        """How many rows the files surely hold of which these are the first, by their bytes."""
        if "file" not in table.collect_schema():
            return 0
        found = table.group_by("file").len().collect(engine="streaming")
        return sum(int(rows * max(1.0, self._times(file) / _SPARSER)) for file, rows in found.iter_rows())

    def _times(self, file: str) -> float:
        return self.sizes.get(file, 0) / max(1, self.done.get(file, 1))

    @property
    def total(self) -> int:
        return sum(self.done.values())
