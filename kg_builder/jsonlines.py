"""JSON Lines, plain or gzipped, in chunks: a line that is no JSON object goes to the rejects, the rest stays."""

import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

import polars as pl

from kg_builder.rejects import Rejects
from kg_builder.errors import DamagedDump

CHUNK = 1 << 25
"""Bytes of text parsed at once (32 MiB): memory grows with this and with what is kept."""

NOT_JSON = "the line must be a JSON object"


def read_json_lines(
    path: Path, columns: Sequence[str] | None, rejects: Rejects, progress: Callable[[str, int, int], None] | None = None
) -> pl.DataFrame:
    """The file's objects, one row each, every value as text (lists and objects as JSON), with `file` and `line`.

    Args:
        path: a file of JSON objects, one a line; gzipped where its name ends in .gz.
        columns: the fields to keep; None keeps every field that occurs.
        rejects: takes the lines that are no JSON object.
        progress: called with (file name, bytes read, bytes in all).

    Raises:
        DamagedDump: the gzip breaks off or the file is no gzip; says how many good lines came before.
    """
    frames: list[pl.DataFrame] = []
    first = 1
    total = path.stat().st_size
    chunks = _chunks(path, progress, total)
    while True:
        try:
            chunk = next(chunks, None)
        except (EOFError, OSError, zlib.error) as error:
            raise DamagedDump(_damage(path, sum(frame.height for frame in frames), error)) from error
        if chunk is None:
            break
        lines = chunk.count(b"\n") + (not chunk.endswith(b"\n"))
        frames.append(_parse(chunk, first, path.name, columns, rejects))
        first += lines
    empty = pl.DataFrame(schema={**dict.fromkeys(columns or (), pl.String()), "file": pl.String(), "line": pl.Int64()})
    return pl.concat([empty, *frames], how="diagonal")


def first_object(path: Path) -> dict[str, object]:
    """The first line's object, or an empty one where the first line holds none: enough to recognise a format by."""
    try:
        with _open(path) as file:
            found = json.loads(file.readline(1 << 22) or b"{}")
    except (OSError, EOFError, zlib.error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _damage(path: Path, good: int, error: Exception) -> str:
    kept = f"{good} line{'' if good == 1 else 's'} could be read before" if good else "no line could be read"
    if isinstance(error, EOFError):
        return f"{path}: the gzip file breaks off ({kept}); fetch it again, nothing was written"
    return f"{path}: not a sound gzip file ({kept}): {error}; nothing was written"


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _chunks(path: Path, progress: Callable[[str, int, int], None] | None, total: int) -> Iterator[bytes]:
    """The text in pieces of about `CHUNK` bytes that end with a line; what came before a break is yielded before it raises."""
    with path.open("rb") as raw:
        file: IO[bytes] = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw  # type: ignore[assignment]
        rest, failure = b"", None
        while failure is None:
            block, failure = _read(file)
            if progress is not None:
                progress(path.name, raw.tell(), total)
            if not block:
                break
            cut = block.rfind(b"\n") + 1
            if cut:
                yield rest + block[:cut]
            rest = block[cut:] if cut else rest + block
        if failure is not None:
            raise failure
        if rest.strip():
            yield rest


def _read(file: IO[bytes]) -> tuple[bytes, Exception | None]:
    """Up to `CHUNK` bytes, and what stopped the reading before that."""
    parts: list[bytes] = []
    size = 0
    try:
        while size < CHUNK and (part := file.read(1 << 20)):
            parts.append(part)
            size += len(part)
    except (EOFError, OSError, zlib.error) as error:
        return b"".join(parts), error
    return b"".join(parts), None


def _parse(chunk: bytes, first: int, name: str, columns: Sequence[str] | None, rejects: Rejects) -> pl.DataFrame:
    try:
        frame = _parse_fast(chunk, columns)
        if frame.height == chunk.count(b"\n") + (not chunk.endswith(b"\n")):
            return frame.with_columns(pl.lit(name).alias("file"), pl.int_range(first, first + frame.height).alias("line"))
    except pl.exceptions.PolarsError:
        pass
    return _parse_slowly(chunk, first, name, columns, rejects)


def _parse_fast(chunk: bytes, columns: Sequence[str] | None) -> pl.DataFrame:
    if columns is None:
        fields = pl.read_ndjson(io.BytesIO(chunk), infer_schema_length=None).columns
        return pl.read_ndjson(io.BytesIO(chunk), schema=dict.fromkeys(fields, pl.String()))
    return pl.read_ndjson(io.BytesIO(chunk), schema=dict.fromkeys(columns, pl.String()))


def _parse_slowly(chunk: bytes, first: int, name: str, columns: Sequence[str] | None, rejects: Rejects) -> pl.DataFrame:
    """The same line by line, for the chunks that hold a line the fast parser refuses."""
    objects: list[dict[str, str | None]] = []
    places: list[int] = []
    for number, line in enumerate(chunk.split(b"\n"), first):
        if not line.strip():
            continue
        found = _object(line)
        if found is None:
            rejects.add(name, number, NOT_JSON, line[:80].decode(errors="replace"), line.decode(errors="replace"))
            continue
        objects.append({key: _said(value) for key, value in found.items() if columns is None or key in columns})
        places.append(number)
    fields = columns or list(dict.fromkeys(key for found in objects for key in found))
    frame = pl.DataFrame(objects, schema=dict.fromkeys(fields, pl.String()), orient="row")
    return frame.with_columns(pl.lit(name).alias("file"), pl.Series("line", places, dtype=pl.Int64))


def _object(line: bytes) -> dict[str, object] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _said(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
