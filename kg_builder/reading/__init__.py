"""What a reader reads with: files as frames of rows that know their file and line, of any size, with what is wrong told."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import polars as pl
from polars.exceptions import PanicException, PolarsError

from kg_builder.errors import DamagedDump, KgBuilderError, MissingSource
from kg_builder.reading import delimited, jsonlines
from kg_builder.reading.files import Chunk, ahead, chunks, first_line, opening
from kg_builder.rejects import Rejects
from kg_builder.values import literal

Progress = Callable[[str, int, int], None]
"""Called as reading goes on with (what is read, units done so far, units in all)."""

Spread = Callable[[Sequence[Callable[[Rejects, Path], Any]]], list[Any]]
"""Does several pieces of work at the same time, each with rejects and an empty folder of its own, and gives what they give."""
Read = TypeVar("Read")

JSON = (".json", ".jsonl", ".ndjson")
DELIMITED = (".csv", ".tsv", ".txt", ".dat")
PARQUET = (".parquet", ".pq")
_HEAD = 1 << 21
"""Bytes of text handled at once where only the first rows are read."""


class State(NamedTuple):
    """What shows that a file is another one than before."""

    size: int
    at: int
    """Nanoseconds of its last change."""
    number: int
    """The file system's own number for it: another one where the file was replaced."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a dump: where refused rows go, what is told on the way, and how much may be read.

    Its methods give lazy frames with the columns `file` (string) and `line` (integer, from 1) beside those of the file. With a
    `scratch` folder the rows lie there as Parquet, so memory does not grow with the file.
    """

    rejects: Rejects = field(default_factory=Rejects)
    progress: Progress | None = None
    scratch: Path | None = None
    """An empty folder that outlives the frames; None keeps the rows in memory."""
    max_bytes: int | None = None
    """Bytes of text that a file may hold, unpacked; None stops only at what no honest gzip file unpacks to."""
    mapping: Path | None = None
    """The mapping file that the caller names."""
    root: Path | None = None
    """The dump's folder, which no link may lead out of: a dump must not make us read other people's files. None allows all."""
    states: dict[Path, State | None] = field(default_factory=dict)
    """The files that were read, each as it was then, or as `before` says."""
    before: Mapping[Path, State | None] = field(default_factory=dict)
    """Files as they were when the work began: see `states_of`."""
    head: int | None = None
    """Rows to read of each file, about; None reads all."""

    spread: Spread | None = None
    """Reads several files at the same time, where an engine can; None reads one after the other."""

    def several(self, files: Sequence[Path], read: Callable[["Reading", Path], Read]) -> list[Read]:
        """What `read` makes of each file; it may run in another process, so it tells and holds things by its reading alone."""
        if self.spread is None or len(files) < 2:
            return [read(self, file) for file in files]
        root = None if self.root is None else self.root.absolute()  # a process elsewhere may stand in another folder
        alone = replace(self, rejects=Rejects(), progress=None, scratch=None, spread=None, root=root, states={})
        return self.spread([partial(_apart, reading=alone, read=read, file=self.check(file).absolute()) for file in files])

    def json_lines(self, path: Path, fields: jsonlines.Fields | None = None, *, literals: bool = False) -> pl.LazyFrame:
        """The objects of a file of JSON Lines (or of one JSON array), one row each.

        Args:
            path: the file.
            fields: the fields to keep, each as `pl.String` (numbers and objects as JSON text) or as a list of strings (a lone
                value is a list of one); None keeps every field that occurs, in the type that all its values have, else as text.
            literals: the lines are Python dictionaries of plain values, as in Amazon's product files of 2014.

        Raises:
            DamagedDump: the gzip breaks off or the file is none; says how many good lines came before.
        """
        found = jsonlines.frames(self._chunks(path), path, fields, self.rejects, literals=literals)
        return self._held(path, found, mixed=fields is None)

    def delimited(
        self,
        path: Path,
        *,
        separator: str | None = None,
        names: Sequence[str] | None = None,
        quote: bool = True,
        encoding: str | None = None,
    ) -> pl.LazyFrame:
        """The rows of a CSV, TSV or the like, every column text.

        Args:
            path: the file.
            separator: of fields, of one or more characters; None takes what the first line has most of.
            names: of the columns, where the file has no header.
            quote: whether double quotes hold fields together.
            encoding: what the file is written in, where it is neither UTF-8, UTF-16 nor Windows-1252.

        Raises:
            DamagedDump: see `json_lines`.
        """
        found = delimited.frames(
            self._chunks(path, encoding), path.name, self.rejects, separator=separator, names=names, quote=quote
        )
        return self._held(path, found, mixed=False)

    def lines(self, path: Path) -> pl.LazyFrame:
        """The lines of a file, each as `text`.

        Raises:
            DamagedDump: see `json_lines`.
        """
        return self._held(path, _lines(self._chunks(path), path.name), mixed=False)

    def parquet(self, path: Path) -> pl.LazyFrame:
        """The rows of a Parquet file.

        Raises:
            DamagedDump: the file is no sound Parquet.
        """
        self.check(path)
        table = pl.scan_parquet(path, row_index_name="__row", row_index_offset=1)
        try:
            names = table.collect_schema()
            taken = {name: f"{name}_" for name in ("file", "line") if name in names}
            taken |= {name: literal(name) for name in names if literal(name) not in names}
        except PolarsError as error:
            raise DamagedDump(f"{path}: not a sound Parquet file: {str(error).splitlines()[0]}") from error
        table = table.rename({**taken, "__row": "line"}).with_columns(
            pl.lit(path.name).alias("file"), pl.col("line").cast(pl.Int64)
        )
        return table if self.head is None else self._start(path, table, self.head)

    def _start(self, path: Path, table: pl.LazyFrame, rows: int) -> pl.LazyFrame:
        every, size = table.select(pl.len()).collect().item(), path.stat().st_size
        if self.progress is not None:
            self.progress(path.name, size * min(rows, every) // max(1, every), size)
        return table.head(rows)

    def rows(self, path: Path, **how: object) -> pl.LazyFrame:
        """The rows of a file of any of these kinds, told by its name; `how` is for `delimited`."""
        kind = kind_of(path)
        if kind == "json":
            return self.json_lines(path)
        return self.parquet(path) if kind == "parquet" else self.delimited(path, **how)  # type: ignore[arg-type]

    def check(self, path: Path) -> Path:
        """The path, where it lies in the dump's folder.

        Raises:
            MissingSource: there is no such file, or a link on the way to it leads out of the folder.
        """
        if not path.is_file():
            raise MissingSource(f"there is no file {path}")
        if self.root is not None and not path.resolve().is_relative_to(self.root.resolve()):
            raise MissingSource(f"{path} is a link to {path.resolve()}, outside of its folder; copy the file there")
        self.states.setdefault(path, self.before[path] if path in self.before else _state(path))
        return path

    @contextmanager
    def steady(self) -> Iterator[None]:
        """No file that is read meanwhile changes.

        Raises:
            DamagedDump: one did; that is the reason of whatever else went wrong.
        """
        try:
            yield
        except (KgBuilderError, PolarsError, PanicException, OSError):
            self._check_states()
            raise
        self._check_states()

    def _check_states(self) -> None:
        for path, before in self.states.items():
            now = _state(path)
            if now != before:
                how = "disappeared" if now is None else f"changed ({_difference(before, now)})"
                raise DamagedDump(f"{path} {how} while it was read; nothing was written: build again when nobody writes to it")

    def note(self, sentence: str) -> None:
        """Tell something about the dump as a whole that is no fault of a row."""
        self.rejects.note(sentence)

    def _chunks(self, path: Path, encoding: str | None = None) -> Iterator[Chunk]:
        self.check(path)
        size = 0 if self.head is None else _HEAD
        pieces = chunks(path, max_bytes=self.max_bytes, encoding=encoding, progress=self.progress, note=self.note, size=size)
        return pieces if size else ahead(pieces)

    def _counted(self, path: Path, frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """The frames; a file that turns out to hold no row is told of."""
        rows = 0
        for frame in frames:
            rows += frame.height
            yield frame
            if self.head is not None and rows >= self.head:
                return
        if not rows:
            self.note(f"{path.name} holds no rows")

    def _held(self, path: Path, frames: Iterator[pl.DataFrame], *, mixed: bool) -> pl.LazyFrame:
        """All frames in one, of which the first has no rows; in memory or as Parquet in the scratch folder."""
        frames = self._counted(path, frames)
        if self.scratch is None:
            parts = [frame.lazy() for frame in frames]
            return pl.concat(alike(parts), how="diagonal_relaxed").collect().lazy()
        folder = self.scratch / f"read-{len(list(self.scratch.glob('read-*')))}-{path.name}"
        folder.mkdir(parents=True)
        for number, frame in enumerate(frames):
            if frame.height or not number:
                frame.write_parquet(folder / f"{number:06}.parquet", compression="lz4", statistics=False)
        files = sorted(folder.iterdir())
        if not mixed:
            return pl.scan_parquet(files)
        return pl.concat(alike([pl.scan_parquet(file) for file in files]), how="diagonal_relaxed")


def _apart(rejects: Rejects, scratch: Path, *, reading: Reading, read: Callable[[Reading, Path], Read], file: Path) -> Read:
    return read(replace(reading, rejects=rejects, scratch=scratch), file)


def states_of(source: object) -> dict[Path, State | None]:
    """All files below the source as they are now."""
    path = Path(source) if isinstance(source, str | Path) else None
    if path is None or not path.exists():
        return {}
    return {file: _state(file) for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()}


def _state(path: Path) -> State | None:
    """None where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return State(found.st_size, found.st_mtime_ns, found.st_ino)


def _difference(before: State | None, now: State) -> str:
    if before is None or before.number != now.number:
        return "another file took its place"
    return f"{before.size:,} bytes before, {now.size:,} now" if before.size != now.size else "somebody wrote to it"


def kind_of(path: Path) -> str | None:
    """What kind of table a file's name promises: json, delimited or parquet; None for any other.

    Example:
        >>> kind_of(Path("reviews.jsonl.gz")), kind_of(Path("events.parquet")), kind_of(Path("photo.jpg"))
        ('json', 'parquet', None)
    """
    name = path.name.lower().removesuffix(".gz")
    kinds = {"json": JSON, "delimited": DELIMITED, "parquet": PARQUET}
    return next((kind for kind, suffixes in kinds.items() if name.endswith(suffixes)), None)


def columns_of(path: Path) -> list[str]:
    """The names of a file's columns or of its first object's fields, from a look at its start; none where there is no telling."""
    kind = kind_of(path)
    try:
        if kind == "parquet":
            return pl.scan_parquet(path).collect_schema().names()
    except (PolarsError, OSError):
        return []
    if kind == "json":
        return list(jsonlines.first_object(path))
    line = first_line(path)
    return delimited.header_of(line) if line.strip() else []


def check_fields(path: Path, names: Sequence[str], separator: str) -> None:
    """Nothing, where the first line of a file without a header has a field for each of these names.

    Raises:
        DamagedDump: it has fewer, so that values would get wrong names.
    """
    line = first_line(path)
    got = line.count(separator) + 1
    ended = len(opening(path)) > len(line)  # in a damaged file the line may break off
    if line.strip() and ended and got < len(names):
        raise DamagedDump(
            f"{path} line 1: expected {len(names)} fields, {', '.join(names[:5])}, between {separator!r} (got {got})"
        )


def files_of(source: object) -> list[Path]:
    """The files of a folder, hidden ones left out, or the one file that the source is."""
    if not isinstance(source, str | Path):
        return []
    path = Path(source)
    if path.is_file():
        return [path]
    return sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith(".")) if path.is_dir() else []


def held_out(files: Sequence[Path]) -> list[Path]:
    """The files that hold what a ranking is tested on, by their names: they stay closed where there are others.

    Example:
        >>> [file.name for file in held_out([Path("train.csv"), Path("test.csv"), Path("latest.csv")])]
        ['test.csv']
    """
    tests = [file for file in files if is_held_out(file)]
    return tests if len(tests) < len(files) else []


def is_held_out(path: Path) -> bool:
    """True for a file that by its name is the test part of a split.

    Example:
        >>> [is_held_out(Path(name)) for name in ("test.csv", "Books.test.csv.gz", "shop-test.tsv", "latest.csv")]
        [True, True, True, False]
    """
    name = path.name.lower().removesuffix(".gz")
    plain = next((name.removesuffix(suffix) for suffix in (*JSON, *DELIMITED, *PARQUET) if name.endswith(suffix)), name)
    return re.search(r"(?:^|[^a-z])test$", plain) is not None


def _lines(chunks: Iterator[Chunk], name: str) -> Iterator[pl.DataFrame]:
    schema = {"text": pl.String(), "file": pl.String(), "line": pl.Int64()}
    yield pl.DataFrame(schema=schema)
    for first, data in chunks:
        texts = data.decode().removesuffix("\n").split("\n")
        yield pl.DataFrame({"text": texts}).select(
            pl.col("text").str.strip_suffix("\r"), pl.lit(name).alias("file"), pl.int_range(first, first + pl.len()).alias("line")
        )


def alike(frames: Sequence[pl.LazyFrame]) -> list[pl.LazyFrame]:
    """The frames with one type a column: where pieces of a file differ and no number type holds both, as text."""
    kinds: dict[str, set[pl.DataType]] = {}
    schemas = [frame.collect_schema() for frame in frames]
    for schema in schemas:
        for name, dtype in schema.items():
            if dtype != pl.Null:
                kinds.setdefault(name, set()).add(dtype)
    clash = [name for name, found in kinds.items() if len(found) > 1 and not all(dtype.is_numeric() for dtype in found)]
    return [
        frame.with_columns(_as_text(name, schema[name]) for name in clash if name in schema)
        for frame, schema in zip(frames, schemas, strict=True)
    ]


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    if not dtype.is_nested():
        return pl.col(name).cast(pl.String)
    return pl.col(name).map_batches(lambda cells: jsonlines.said(cells), return_dtype=pl.String(), is_elementwise=True)
