"""Delimited text (CSV, TSV and what else has a separator) as frames of text, a piece of the file at a time.

A piece without quotes is parsed by polars; where there are quotes, Python's csv parses record by record, so that every row
has the number of its line and a quote that nobody closes costs one row and not the rest of the file.
"""

import csv
import io
import re
from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import polars as pl

from kg_builder.reading.files import Chunk
from kg_builder.rejects import Rejects
from kg_builder.values import literal

if TYPE_CHECKING:
    import _csv

SEPARATORS = (",", ";", "\t", "|")
"""What may separate fields where nobody says."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BLANK_LINES = re.compile(rb"(?:[ \t]*\r?\n)*")
_SURPLUS, _LINE = "__surplus", "__line"
_STAND_IN = "\x1f"
"""Stands for a separator of several characters, such as MovieLens' `::`."""
_ROWS = 50_000
_WINDOW = 1000
"""Lines looked at together; ten times as many where one record fills them, up to `_LONGEST_RECORD`."""
_LONGEST_RECORD = 1_000_000
"""Lines that one quoted record may span."""

csv.field_size_limit(1 << 27)


def separator_of(header: str) -> str:
    """The separator that a header line has most of.

    Example:
        >>> separator_of("user;item;price, net;at")
        ';'
    """
    return max(SEPARATORS, key=header.count)


def header_of(line: str, separator: str | None = None) -> list[str]:
    """The names of the columns in a header line, each once, none empty, none that polars takes for a pattern (`^…$`).

    Example:
        >>> header_of('id,"name, long",,id,^name$')
        ['id', 'name, long', 'column_3', 'id_2', 'name$']
    """
    fields = next(csv.reader([line.replace("\r", " ")], delimiter=separator or separator_of(line)), [])
    names: list[str] = []
    for place, field in enumerate(fields, 1):
        name = own = literal(_CONTROL.sub("", field).strip()) or f"column_{place}"
        number = 1
        while own in names:
            number += 1
            own = f"{name}_{number}"
        names.append(own)
    return names


def frames(
    chunks: Iterator[Chunk],
    file: str,
    rejects: Rejects,
    *,
    separator: str | None = None,
    names: Sequence[str] | None = None,
    quote: bool = True,
) -> Iterator[pl.DataFrame]:
    """The rows as text, with `file` and `line`; missing fields at a row's end are null. The first frame has no rows.

    A row of more fields than there are columns, and one whose quote nobody closes, is refused.

    Args:
        chunks: what `files.chunks` yields.
        file: the name that refused rows are reported under.
        rejects: takes the rows that are refused.
        separator: of fields; None takes what the first line has most of.
        names: of the columns, where the file has no header.
        quote: whether double quotes hold fields together.
    """
    first = _without_blank_lines(next(chunks, None))
    if first is None:
        yield _frame([], list(names or ()), file)
        return
    line, _, rest = first.data.partition(b"\n")
    header = line.decode().rstrip("\r")
    separator = separator or separator_of(header)
    columns = header_of(header, separator[0] if len(separator) == 1 else None) if names is None else list(names)
    if names is None and len(separator) > 1:
        columns = header.split(separator)
    yield _frame([], columns, file)
    if names is None:
        first = Chunk(first.first + 1, rest)
    pieces = _Pieces(_prepended(first, chunks), file, rejects, separator, columns, quote)
    yield from pieces.frames()


def _without_blank_lines(first: Chunk | None) -> Chunk | None:
    """The chunk from its first line that says something; None where there is none."""
    if first is None or not first.data.strip():
        return None
    blank = _BLANK_LINES.match(first.data).group()  # type: ignore[union-attr]
    return Chunk(first.first + blank.count(b"\n"), first.data.removeprefix(blank))


def _prepended(first: Chunk, others: Iterator[Chunk]) -> Iterator[Chunk]:
    if first.data:
        yield first
    yield from others


class _Pieces:
    """The frames of one file."""

    def __init__(
        self, chunks: Iterator[Chunk], file: str, rejects: Rejects, separator: str, columns: list[str], quote: bool
    ) -> None:
        self._chunks, self._file, self._rejects = chunks, file, rejects
        self._separator, self._columns, self._quote = separator, columns, quote

    def frames(self) -> Iterator[pl.DataFrame]:
        """Fast up to the first piece with a quote in it, record by record from there on: a record may run into the next piece."""
        for chunk in self._chunks:
            frame = None if self._quote and b'"' in chunk.data else self._fast(chunk)
            if frame is None:
                yield from self._slowly(_prepended(chunk, self._chunks))
            else:
                yield frame

    def _fast(self, chunk: Chunk) -> pl.DataFrame | None:
        """The chunk by polars; None where its rows are not its lines."""
        names = [*self._columns, _SURPLUS]
        try:
            table = pl.read_csv(
                io.BytesIO(self._plain(chunk.data)),
                has_header=False,
                separator=self._separator if len(self._separator) == 1 else _STAND_IN,
                quote_char=None,
                schema=dict.fromkeys(names, pl.String()),
                truncate_ragged_lines=True,
                missing_columns="insert",
            )
        except pl.exceptions.PolarsError:  # the first row has several fields too many
            return None
        if table.height != chunk.lines:
            return None
        table = table.with_row_index(_LINE, offset=chunk.first)
        surplus, blank = pl.col(_SURPLUS).is_not_null(), pl.all_horizontal(pl.col(name).is_null() for name in self._columns)
        self._refuse(table.filter(surplus))
        kept = table.filter(~surplus & ~blank)
        return placed(kept.drop(_SURPLUS, _LINE), self._file, kept[_LINE])

    def _slowly(self, chunks: Iterator[Chunk]) -> Iterator[pl.DataFrame]:
        records = ((number, fields) for number, fields in self._records(chunks) if any(fields))
        while rows := list(islice(records, _ROWS)):
            yield self._judged(rows)

    def _judged(self, rows: list[tuple[int, list[str]]]) -> pl.DataFrame:
        width = len(self._columns)
        for number, fields in rows:
            if any(fields[width:]):
                self._rejects.add(self._file, number, self._expected, _shown(fields[:width]), fields)
        return _frame([(number, fields) for number, fields in rows if not any(fields[width:])], self._columns, self._file)

    def _refuse(self, surplus: pl.DataFrame) -> None:
        for number, *fields, _ in surplus.select(_LINE, *self._columns, _SURPLUS).iter_rows():
            self._rejects.add(self._file, number, self._expected, _shown(fields), [*fields])

    @property
    def _expected(self) -> str:
        return f"the row must have {len(self._columns)} fields; put texts that hold the separator in quotes"

    def _records(self, chunks: Iterator[Chunk]) -> Iterator[tuple[int, list[str]]]:
        """Every record with the number of its first line, a window of lines at a time."""
        lines, place, number, size = list[str](), 0, 0, _WINDOW
        while True:
            if len(lines) - place < size and (chunk := next(chunks, None)) is not None:
                number = number or chunk.first
                lines, place = lines[place:] + self._split(chunk), 0
                continue
            window = lines[place : place + size]
            if not window:
                return
            taken = yield from self._window(window, number, last=place + len(window) == len(lines))
            place, number = place + taken, number + taken
            size = _WINDOW if taken else size * 10

    def _window(self, lines: list[str], first: int, *, last: bool) -> Generator[tuple[int, list[str]], None, int]:
        """The records of these lines, and how many lines they took; one that runs on is left unless they are the last."""
        taken, reader = 0, self._reader(lines, strict=True)
        try:
            for fields in reader:
                if reader.line_num > taken + 1 and len(fields) != len(self._columns):
                    raise csv.Error("the quote was closed by that of another row")
                yield first + taken, fields
                taken = reader.line_num
        except csv.Error as error:
            if not last and "unexpected end" in str(error) and (taken or len(lines) < _LONGEST_RECORD):
                return taken
            line = lines[taken].rstrip("\r\n")
            if line.count('"') % 2:
                self._rejects.add(self._file, first + taken, "the row must close the quote that it opens", line, line)
            else:
                yield first + taken, next(self._reader([line], strict=False), [])
            taken += 1
        return taken

    def _reader(self, lines: list[str], *, strict: bool) -> "_csv.Reader":
        separator = self._separator if len(self._separator) == 1 else _STAND_IN
        if not self._quote:
            return csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
        return csv.reader(lines, delimiter=separator, strict=strict)

    def _split(self, chunk: Chunk) -> list[str]:
        """The lines with their ends, which a quoted text may hold."""
        text = self._plain(chunk.data).decode()
        return io.StringIO(text, newline="\n").readlines()

    def _plain(self, data: bytes) -> bytes:
        """The text without null bytes and carriage returns (one within a line is a blank), its separator one character."""
        data = data.replace(b"\x00", b"").replace(b"\r\n", b"\n").replace(b"\r", b" ")
        return data if len(self._separator) == 1 else data.replace(self._separator.encode(), _STAND_IN.encode())


def _frame(rows: Sequence[tuple[int, list[str]]], columns: Sequence[str], file: str) -> pl.DataFrame:
    """The records as columns of text; an empty field is null."""
    width = len(columns)
    full = [fields if len(fields) == width else [*fields, *[""] * width][:width] for _, fields in rows]
    values = zip(*full, strict=True) if full else [()] * width
    table = pl.DataFrame([pl.Series(name, column, dtype=pl.String) for name, column in zip(columns, values, strict=True)])
    table = table.select(pl.when(pl.col(name) != "").then(pl.col(name)) for name in columns)
    return placed(table, file, pl.Series("line", [number for number, _ in rows], dtype=pl.Int64))


def placed(table: pl.DataFrame, file: str, lines: pl.Series) -> pl.DataFrame:
    """The rows with `file` and `line`; columns of these names move aside, for a shop may well sell by product line."""
    taken: dict[str, str] = {name: f"{name}_" for name in ("file", "line") if name in table.columns}
    return table.rename(taken).with_columns(pl.lit(file).alias("file"), lines.cast(pl.Int64).alias("line"))


def _shown(fields: Sequence[str | None]) -> str:
    return " · ".join(field or "" for field in fields) + " and more"
