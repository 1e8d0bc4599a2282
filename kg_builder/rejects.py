"""Rows that are refused: each with its file, line, reason and values, so that nothing is lost in silence.

A row is refused for a fault (no JSON, a rating of 9, a date in 2090), which somebody should mend, or because it says once more
what another row says (a product described twice), which is no fault.
"""

import json
import math
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, cast

import polars as pl

from kg_builder.errors import TooManyFaults
from kg_builder.values import DAY, EARLIEST, POSSIBLE_TIME, moment


@dataclass(frozen=True, slots=True)
class Check:
    """One reason to refuse a row."""

    reason: str
    """What was expected, as a sentence without the value: `rating must lie in 1..5`."""
    bad: pl.Expr
    """True where the row is refused; null counts as false."""
    got: str
    """The column whose value the message shows."""


@dataclass(slots=True)
class Rejects:
    """The rows that were refused, each with its file, line, reason and values.

    Example:
        >>> rejects = Rejects()
        >>> rejects.add("reviews.jsonl.gz", 812, "rating must lie in 1..5", 9, {"user": "u1", "rating": 9})
        >>> rejects.counts()
        {'rating must lie in 1..5': 1}
        >>> rejects.rows()[0]["message"]
        'reviews.jsonl.gz line 812: rating must lie in 1..5 (got 9)'
    """

    most: float = math.inf
    """Rows that may be refused for a fault; one more, and reading stops with `TooManyFaults`."""
    passed: int = 0
    """Rows that were checked and found without a fault."""
    faults: int = 0
    """Rows that were refused for a fault."""
    notes: list[str] = field(default_factory=list)
    """What somebody should know of the dump as a whole, such as another encoding than UTF-8."""
    _frames: list[pl.DataFrame] = field(default_factory=list)
    _added: list[tuple[str | None, int | None, str, str | None, bool, str]] = field(default_factory=list)
    """Rows that came one by one and are in no frame yet."""

    def add(self, file: str | None, line: int | None, reason: str, got: object, row: object) -> None:
        """Refuse one row for a fault; `row` is anything JSON can hold."""
        said = json.dumps(row, ensure_ascii=False, default=str)
        self._added.append((file, line, reason, None if got is None else str(got), True, said))
        self._count(1)

    def note(self, sentence: str) -> None:
        """Keep a sentence about the dump, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def extend(self, refused: pl.DataFrame) -> None:
        """Refuse all rows of a frame with the columns file, line, reason, got, fault (boolean) and row (JSON)."""
        if refused.height:
            self._gather().append(refused.select(pl.col(name).cast(dtype) for name, dtype in _COLUMNS.items()))
            self._count(int(refused["fault"].sum()))

    def take(self, other: Self) -> None:
        """What the other refused is refused here, too."""
        self._gather().extend(other._gather())
        self.faults += other.faults
        self.passed += other.passed

    def to_frame(self) -> pl.DataFrame:
        """All refused rows, as `extend` takes them."""
        return pl.concat([pl.DataFrame(schema=_COLUMNS), *self._gather()])

    def due(self) -> int | None:
        """The epoch second from which on a row that was refused for lying in the future can be taken; None without one."""
        late = [frame.filter(pl.col("reason") == POSSIBLE_TIME)["got"] for frame in self._gather()]
        times = pl.concat([pl.Series("got", [], pl.String), *late]).to_frame().select(moment(pl.col("got"), pl.String()))["got"]
        return cast("int | None", (times.filter(times > EARLIEST) - DAY).min())

    def counts(self) -> dict[str, int]:
        """How many rows were refused, by reason, the most frequent first."""
        counted: Counter[str] = Counter()
        for frame in self._gather():
            counted.update(frame["reason"].to_list())
        return dict(counted.most_common())

    def count(self, which: pl.Expr) -> int:
        """How many rows were refused of which this is true, in the columns file, line, reason, got, fault and row."""
        return sum(frame.filter(which).height for frame in self._gather())

    def first_faults(self, most: int) -> list[str]:
        """The messages of the first faulty rows, at most so many."""
        return self._first(most)["message"].to_list()

    def first_places(self, most: int) -> list[tuple[str | None, int | None, str]]:
        """File, line and reason of the first faulty rows, at most so many."""
        return self._first(most).select("file", "line", "reason").rows()

    def _first(self, most: int) -> pl.DataFrame:
        return self._table().filter(pl.col("fault")).sort("file", "line", maintain_order=True).head(most)

    def rows(self) -> list[dict[str, object]]:
        """Every refused row as it is written: file, line, reason, fault, message, row."""
        return list(self._records())

    def save(self, path: Path | str) -> None:
        """The rejects as JSON Lines, one refused row a line; the file is there even where nothing was refused.

        Raises:
            OSError: the file cannot be written; names it.
        """
        try:
            with Path(path).open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in self._records())
        except OSError as error:
            raise type(error)(error.errno, error.strerror, str(path)) from None

    def keep(self, path: Path) -> None:
        """All of it is in a Parquet file, for `take_kept`; whole or not at all, whoever else writes to the same path."""
        known = {"passed": str(self.passed), "notes": json.dumps(self.notes)}
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
            self.to_frame().write_parquet(file, metadata=known)
        Path(file.name).replace(path)

    def take_kept(self, path: Path) -> None:
        """What others kept in the file is refused here, too."""
        self.extend(pl.read_parquet(path))
        known = pl.read_parquet_metadata(path)
        self.passed += int(known["passed"])
        for sentence in json.loads(known["notes"]):
            self.note(sentence)

    def __len__(self) -> int:
        return len(self._added) + sum(frame.height for frame in self._frames)

    def _count(self, faults: int) -> None:
        self.faults += faults
        if self.faults > self.most:
            rows = f"{self.faults:,} faulty row{'s' * (self.faults != 1)} so far, {int(self.most):,} may be"
            raise TooManyFaults(f"{rows}; the rest was not read and nothing was written; the first is {self.first_faults(1)[0]}")

    def _gather(self) -> list[pl.DataFrame]:
        """All refused rows, those that came one by one in a frame, too."""
        if self._added:
            self._frames.append(pl.DataFrame(self._added, schema=_COLUMNS, orient="row"))
            self._added = []
        return self._frames

    def _records(self) -> Iterator[dict[str, object]]:
        for record in self._table().iter_rows(named=True):
            row = json.loads(record["row"])
            said = {name: value for name, value in row.items() if value is not None} if isinstance(row, dict) else row
            yield {**record, "row": said}

    def _table(self) -> pl.DataFrame:
        table = pl.concat([pl.DataFrame(schema=_COLUMNS), *self._gather()])
        place = pl.concat_str(pl.col("file").fill_null("source"), pl.format(" line {}", "line").fill_null(""))
        shown = pl.col("got").str.slice(0, 80).str.replace_all(_CONTROL, " ")  # a message is one line
        got = pl.format(" (got {})", shown).fill_null("")
        message = pl.concat_str(place, pl.lit(": "), "reason", got)
        return table.select("file", "line", "reason", "fault", message.alias("message"), "row")


_CONTROL = r"[\x00-\x08\x0A-\x1F\x7F-\x9F\p{Zl}\p{Zp}]+"
_COLUMNS: Mapping[str, pl.DataType] = {
    "file": pl.String(),
    "line": pl.Int64(),
    "reason": pl.String(),
    "got": pl.String(),
    "fault": pl.Boolean(),
    "row": pl.String(),
}


_NUMBER = "__number"
VERDICT = "__verdict"
"""The column that numbers the check a row fails; columns that start with two underscores are no part of the row."""


@dataclass(frozen=True, slots=True)
class Sieve:
    """Sorts rows in one reading of their source: those that pass are held, the others are in the rejects."""

    rejects: Rejects
    scratch: Path | None = None
    """A folder for the rows that pass, so that they need no memory; None keeps them in memory."""

    def sift(
        self, name: str, frame: pl.LazyFrame, checks: Sequence[Check], wanted: Sequence[pl.Expr], losses: Sequence[Check] = ()
    ) -> pl.LazyFrame:
        """The wanted columns of the rows that pass every check; the others are refused for the first check they fail: a fault.

        A row that fails one of `losses` is told of as a fault too, but stays: what is wanted of it leaves the faulty value out.
        Refused rows are set aside on the way: were they a second outcome of the same rows, all that the slower of the two has
        not yet taken would pile up in memory.
        """
        every = [*checks, *losses]
        verdict = pl.coalesce(pl.when(check.bad).then(pl.lit(number, pl.Int8)) for number, check in enumerate(every))
        judged = frame.with_row_index(_NUMBER).with_columns(verdict.alias(VERDICT))
        failed: list[tuple[bool, int, pl.DataFrame]] = []

        def passed(rows: pl.DataFrame) -> pl.DataFrame:
            fails, loses = pl.col(VERDICT) < len(checks), pl.col(VERDICT) >= len(checks)
            for lost, found in ((False, rows.filter(fails)), (True, rows.filter(loses))):
                if found.height:
                    failed.append((lost, found[_NUMBER][0], _refused(found.lazy(), every, fault=True).collect()))
            return rows.filter(pl.col(VERDICT).is_null() | loses)

        sound = judged.map_batches(passed, projection_pushdown=False, predicate_pushdown=False, streamable=True)
        kept = self.hold(name, sound.select(wanted))
        if failed:
            self.rejects.extend(pl.concat(refused for *_, refused in sorted(failed, key=lambda one: one[:2])))
        self.rejects.passed += int(kept.select(pl.len()).collect().item())
        return kept

    def hold(self, name: str, frame: pl.LazyFrame) -> pl.LazyFrame:
        """The frame worked out once, to be read often."""
        if self.scratch is None:
            return frame.collect(engine="streaming").lazy()
        path = self.scratch / f"{name}.parquet"
        frame.sink_parquet(path)
        return pl.scan_parquet(path)

    def spare(self, rows: pl.LazyFrame, reason: str, got: str) -> None:
        """Put all rows into the rejects for one reason that is no fault; `got` is the column that the message shows."""
        self._reject(rows, Check(reason, pl.lit(value=True), got), fault=False)

    def refuse(self, rows: pl.LazyFrame, reason: str, got: str) -> None:
        """Put all rows into the rejects for one fault; `got` is the column that the message shows."""
        self._reject(rows, Check(reason, pl.lit(value=True), got), fault=True)

    def _reject(self, rows: pl.LazyFrame, check: Check, *, fault: bool) -> None:
        judged = rows.with_columns(pl.lit(0, pl.Int8).alias(VERDICT))
        self.rejects.extend(_refused(judged, [check], fault=fault).collect(engine="streaming"))


def _refused(judged: pl.LazyFrame, checks: Sequence[Check], *, fault: bool) -> pl.LazyFrame:
    """Rows with a verdict in the columns of the rejects."""
    present = judged.collect_schema().names()
    values = [name for name in present if name not in ("file", "line") and not name.startswith("__")]
    verdict = pl.col(VERDICT)
    reasons = pl.coalesce(pl.when(verdict == number).then(pl.lit(check.reason)) for number, check in enumerate(checks))
    got = pl.coalesce(
        pl.when(verdict == number).then(pl.col(check.got).cast(pl.String, strict=False)) for number, check in enumerate(checks)
    )
    return judged.select(
        (pl.col("file") if "file" in present else pl.lit(None, pl.String)).alias("file"),
        (pl.col("line") if "line" in present else pl.lit(None, pl.Int64)).alias("line"),
        reasons.alias("reason"),
        got.alias("got"),
        pl.lit(fault).alias("fault"),
        pl.struct(values).struct.json_encode().alias("row"),
    )
