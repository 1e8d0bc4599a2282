"""JSON Lines, plain or gzipped, in chunks: a line that is no JSON object goes to the rejects, the rest stays."""

import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl

from kg_builder.errors import DamagedDump
from kg_builder.rejects import Rejects

CHUNK = 1 << 25
"""Bytes of text parsed at once (32 MiB): memory grows with this and with what is kept."""

NOT_JSON = "the line must be a JSON object"


Fields = Mapping[str, pl.DataType]
_Bytes = gzip.GzipFile | io.BufferedReader


def read_json_lines(
    path: Path, fields: Fields | None, rejects: Rejects, progress: Callable[[str, int, int], None] | None = None
) -> pl.DataFrame:
    """The file's objects, one row each, with `file` and `line`.

    Args:
        path: a file of JSON objects, one a line; gzipped where its name ends in .gz.
        fields: the fields to keep, each as `pl.String` (numbers and objects as JSON text) or as a list of strings (a lone value
            is a list of one); None keeps every field that occurs, in the type that all its values have, else as text.
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
        frames.append(_parse(chunk, first, path.name, fields, rejects))
        first += lines
    empty = pl.DataFrame(schema={**(fields or {}), "file": pl.String(), "line": pl.Int64()})
    return pl.concat([empty, *_alike(frames)], how="diagonal_relaxed")


def first_object(path: Path) -> dict[str, object]:
    """The first line's object, or an empty one where the first line holds none: enough to recognise a format by."""
    try:
        with _open(path) as file:
            found = json.loads(file.readline(1 << 22) or b"{}")
    except (OSError, EOFError, zlib.error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def listed(said: pl.Series) -> pl.Series:
    """Lists of text as they are; a lone value as a list of one.

    Example:
        >>> listed(pl.Series(["a", None])).to_list()
        [['a'], None]
    """
    if isinstance(said.dtype, pl.List):
        return said.cast(pl.List(pl.String()))
    return pl.Series(said.name, [_list(_decoded(value)) for value in said], dtype=pl.List(pl.String()))


def paths_of_names(said: pl.Series) -> pl.Series:
    """Categories as paths: a list of names is flat, each a path of its own; a list of lists holds paths from the top down.

    Example:
        >>> paths_of_names(pl.Series([["a", "b"]])).to_list(), paths_of_names(pl.Series([[["a", "b"]]])).to_list()
        ([[['a'], ['b']]], [[['a', 'b']]])
    """
    if said.dtype == pl.List(pl.List(pl.String())):
        return said
    names = listed(said)
    frame = pl.DataFrame({"row": pl.int_range(names.len(), eager=True), "name": names}).explode("name").drop_nulls()
    nested = frame["name"].str.starts_with("[").any()
    path = listed(frame["name"]) if nested else frame.select(pl.concat_list("name")).to_series()
    frame = frame.with_columns(path.alias("path")).group_by("row").agg("path")
    rows = pl.DataFrame({"row": pl.int_range(names.len(), eager=True)})
    return rows.join(frame, on="row", how="left", maintain_order="left")["path"]


def paths_of_one(path: pl.Series) -> pl.Series:
    """Each path as the only one of a list of paths."""
    rows = pl.DataFrame({"row": pl.int_range(path.len(), eager=True), "path": path})
    return rows.group_by("row", maintain_order=True).agg("path")["path"]


def _damage(path: Path, good: int, error: Exception) -> str:
    kept = f"{good} line{'' if good == 1 else 's'} could be read before" if good else "no line could be read"
    if isinstance(error, EOFError):
        return f"{path}: the gzip file breaks off ({kept}); fetch it again, nothing was written"
    return f"{path}: not a sound gzip file ({kept}): {error}; nothing was written"


def _open(path: Path) -> _Bytes:
    return gzip.GzipFile(path) if path.suffix == ".gz" else path.open("rb")


def _chunks(path: Path, progress: Callable[[str, int, int], None] | None, total: int) -> Iterator[bytes]:
    """The text in pieces of about `CHUNK` bytes that end with a line; what came before a break is yielded before it raises."""
    with path.open("rb") as raw:
        file: _Bytes = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
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


def _read(file: _Bytes) -> tuple[bytes, Exception | None]:
    """Up to `CHUNK` bytes, and what stopped the reading before that."""
    parts: list[bytes] = []
    size = 0
    try:
        while size < CHUNK and (part := file.read1(1 << 18)):
            parts.append(part)
            size += len(part)
    except (EOFError, OSError, zlib.error) as error:
        return b"".join(parts), error
    return b"".join(parts), None


def _parse(chunk: bytes, first: int, name: str, fields: Fields | None, rejects: Rejects) -> pl.DataFrame:
    """One chunk, fast; the chunks that hold a line or a value the fast parser refuses line by line."""
    lines = chunk.count(b"\n") + (not chunk.endswith(b"\n"))
    try:
        frame = pl.read_ndjson(io.BytesIO(chunk), schema=fields, infer_schema_length=None)
    except pl.exceptions.PolarsError:
        frame = None
    if frame is None or frame.height != lines or (fields is None and _mixed(frame)):
        return _parse_slowly(chunk, first, name, fields, rejects)
    frame = frame.rename(_aside(frame.columns))
    return frame.with_columns(pl.lit(name).alias("file"), pl.int_range(first, first + lines).alias("line"))


def _aside(names: Iterable[str]) -> dict[str, str]:
    """New names for fields that are called as the place of a row is."""
    return {name: f"{name}_" for name in names if name in ("file", "line")}


def _mixed(frame: pl.DataFrame) -> bool:
    """True where a text might be a list that was read as one because other lines hold a text there."""
    texts = frame.select(pl.col(pl.String).str.contains(r"^\s*[\[{]").any())
    return any(texts.row(0)) if texts.width else False


def _parse_slowly(chunk: bytes, first: int, name: str, fields: Fields | None, rejects: Rejects) -> pl.DataFrame:
    objects: list[dict[str, object]] = []
    places: list[int] = []
    for number, line in enumerate(chunk.split(b"\n"), first):
        if not line.strip():
            continue
        found = _object(line)
        if found is None:
            rejects.add(name, number, NOT_JSON, line[:80].decode(errors="replace"), line.decode(errors="replace"))
            continue
        objects.append(found)
        places.append(number)
    names = dict.fromkeys(key for found in objects for key in found) if fields is None else fields
    columns = [_column(key, [found.get(key) for found in objects], None if fields is None else fields[key]) for key in names]
    columns = [column.alias(_aside([column.name]).get(column.name, column.name)) for column in columns]
    place = [pl.Series("file", [name] * len(places), dtype=pl.String), pl.Series("line", places, dtype=pl.Int64)]
    return pl.DataFrame([*columns, *place])


def _column(name: str, values: list[object], dtype: pl.DataType | None) -> pl.Series:
    """The values in the type asked for, or in the one they all have, or as text."""
    kinds = {type(value) for value in values if value is not None}
    if isinstance(dtype, pl.List) or (dtype is None and kinds == {list}):
        return pl.Series(name, [_list(value) for value in values], dtype=pl.List(pl.String()))
    if dtype is None and kinds in ({bool}, {int}, {float}, {int, float}):
        return pl.Series(name, values, strict=False)
    return pl.Series(name, [_said(value) for value in values], dtype=pl.String())


def _alike(frames: list[pl.DataFrame]) -> list[pl.DataFrame]:
    """The frames with one type a column: where chunks differ and no number type holds both, as text."""
    kinds: dict[str, set[pl.DataType]] = {}
    for frame in frames:
        for name, dtype in frame.schema.items():
            kinds.setdefault(name, set()).add(dtype)
    clash = [
        name
        for name, found in kinds.items()
        if len(found) > 1 and not all(dtype.is_numeric() or isinstance(dtype, pl.Null) for dtype in found)
    ]
    return [
        frame.with_columns(_column(name, frame[name].to_list(), pl.String()) for name in clash if name in frame.columns)
        for frame in frames
    ]


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


def _list(value: object) -> list[str | None] | None:
    if value is None or value == "":
        return None
    return [_said(item) for item in value] if isinstance(value, list) else [_said(value)]


def _decoded(value: str | None) -> object:
    if value is None or not value.startswith("["):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
