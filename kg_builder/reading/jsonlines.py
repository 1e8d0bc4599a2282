"""JSON Lines (and JSON arrays, and Python literals) as frames, a piece of the file at a time.

A line that is no object goes to the rejects, the rest stays.
"""

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import polars as pl

from kg_builder.errors import DamagedDump
from kg_builder.reading.files import Chunk, first_line, opening
from kg_builder.reading.literals import dictionary, respelt, whole
from kg_builder.rejects import Rejects
from kg_builder.values import literal

NOT_JSON = "the line must be sound JSON"
NO_OBJECT = "the line must be a JSON object"
TOO_DEEP = "the line's JSON must be nested less deeply"
NOT_LITERAL = "the line must be a dictionary of plain values, of which nothing is evaluated"

Fields = Mapping[str, pl.DataType]
_ROWS = 20_000
_OPENING = 1 << 22  # bytes in which the first object must end
_DEEP = re.compile(rb"(?:[\[{][^\[\]{}]*){32}")
"""Objects and lists so deep within each other that polars would not come to an end with their type; they become text."""
_GAP = re.compile(r"[ \t\r\n,\[\]]*")
"""What stands between the objects of an array."""
_Placed = tuple[int, dict[str, object]]


def frames(
    chunks: Iterator[Chunk], path: Path, fields: Fields | None, rejects: Rejects, *, literals: bool = False
) -> Iterator[pl.DataFrame]:
    """The file's objects, one row each, with `file` and `line`. The first frame has no rows.

    A file that starts with `[`, or whose first line is a lone `{`, is read as one array or as objects over several lines; `line`
    is the one that an object starts in.

    Args:
        chunks: what `files.chunks` yields of it.
        path: the file, to be named.
        fields: the fields to keep, each as `pl.String` or as a list of strings; None keeps every field that occurs.
        rejects: takes the lines that are no object.
        literals: the lines are Python dictionaries of plain values or JSON; nothing in them is evaluated.

    Raises:
        DamagedDump: an array is no sound JSON; says where.
    """
    yield pl.DataFrame(schema={**(fields or {}), "file": pl.String(), "line": pl.Int64()})
    for number, chunk in enumerate(chunks):
        if not number and not literals and _is_stream(chunk.data):
            yield from _batches(_stream(_prepended(chunk, chunks), path, rejects), path.name, fields)
            return
        yield _parse(chunk, path.name, fields, rejects, literals=literals)


def first_object(path: Path) -> dict[str, object]:
    """The first object of the lines or of the array, or an empty one where there is none: enough to recognise a format by."""
    text = opening(path, _OPENING)
    start = re.match(r"\s*(?:\[\s*)?", text).end()  # type: ignore[union-attr]
    try:
        found, _ = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def first_literal(path: Path) -> dict[str, object]:
    """The first line's Python dictionary, or an empty one where the first line holds none."""
    found = dictionary(first_line(path))
    return {} if found is None else found


def said(cells: pl.Series) -> pl.Series:
    """Every value as text: strings as they are, all else as JSON."""
    return pl.Series(cells.name, [_said(value) for value in cells.to_list()], dtype=pl.String())


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


def _is_stream(data: bytes) -> bool:
    line = data.lstrip().partition(b"\n")[0].strip()
    return line.startswith(b"[") or line == b"{"


def _prepended(first: Chunk, others: Iterator[Chunk]) -> Iterator[Chunk]:
    yield first
    yield from others


def _stream(chunks: Iterator[Chunk], path: Path, rejects: Rejects) -> Iterator[_Placed]:
    """The objects of one array, or of a row of them, wherever their lines end."""
    decoder = json.JSONDecoder()
    text, place, line = "", 0, 1
    while True:
        start = _GAP.match(text, place).end()  # type: ignore[union-attr]
        line += text.count("\n", place, start)
        try:
            found, place = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            chunk = next(chunks, None)
            if chunk is not None:
                text, place = text[start:] + chunk.data.decode(), 0
                continue
            if start == len(text):
                return
            raise DamagedDump(
                f"{path} line {line}: expected a JSON object (got {text[start : start + 40]!r}): {error}"
            ) from error
        if isinstance(found, dict):
            yield line, whole(text[start:place], found) or {}
        else:
            rejects.add(path.name, line, "an item of the array must be a JSON object", text[start:place], found)
        line += text.count("\n", start, place)


def _literals(chunk: Chunk, name: str, rejects: Rejects) -> Iterator[_Placed]:
    """The dictionaries of the lines; Python's parser reads them, nothing runs."""
    for number, line in enumerate(chunk.data.decode().split("\n"), chunk.first):
        if not line.strip():
            continue
        found = dictionary(line)
        if found is None:
            rejects.add(name, number, NOT_LITERAL, line, line)
        else:
            yield number, found


def _batches(objects: Iterator[_Placed], name: str, fields: Fields | None) -> Iterator[pl.DataFrame]:
    while batch := list(islice(objects, _ROWS)):
        yield _framed(batch, name, fields)


def _parse(chunk: Chunk, name: str, fields: Fields | None, rejects: Rejects, *, literals: bool) -> pl.DataFrame:
    """One chunk, fast; the chunks that hold a line or a value the fast parser refuses line by line."""
    data = "\n".join(map(respelt, chunk.data.decode().split("\n"))).encode() if literals else chunk.data
    if fields is None and _DEEP.search(data):
        return _framed(list(_literals(chunk, name, rejects) if literals else _objects(chunk, name, rejects)), name, fields)
    try:
        frame = pl.read_ndjson(io.BytesIO(data), schema=fields, infer_schema_length=None)
    except pl.exceptions.PolarsError:
        frame = None
    if frame is None or frame.height != chunk.lines or (fields is None and _mixed(frame)):
        found = _literals(chunk, name, rejects) if literals else _objects(chunk, name, rejects)
        return _framed(list(found), name, fields)
    frame = frame.rename(_aside(frame.columns))
    return frame.with_columns(pl.lit(name).alias("file"), pl.int_range(pl.len()).alias("line") + chunk.first)


def _aside(names: Iterable[str]) -> dict[str, str]:
    """New names for fields that are called as the place of a row is, or as a pattern would be."""
    return {name: f"{name}_" if name in ("file", "line") else literal(name) for name in names}


def _mixed(frame: pl.DataFrame) -> bool:
    """True where a text might be a list that was read as one because other lines hold a text there."""
    texts = frame.select(pl.col(pl.String).str.contains(r"^\s*[\[{]").any())
    return any(texts.row(0)) if texts.width else False


def _objects(chunk: Chunk, name: str, rejects: Rejects) -> Iterator[_Placed]:
    for number, line in enumerate(chunk.data.decode().split("\n"), chunk.first):
        if not line.strip():
            continue
        try:
            found = json.loads(line.removeprefix("\ufeff"))
        except ValueError as error:
            rejects.add(name, number, NOT_JSON, _wrong(line, error), line)
        except RecursionError:
            rejects.add(name, number, TOO_DEEP, line[:80], line)
        else:
            if isinstance(found, dict):
                yield number, whole(line, found) or {}
            else:
                rejects.add(name, number, NO_OBJECT, line[:80], line)


def _wrong(line: str, error: ValueError) -> str:
    """What the parser met, the column, and the text around it."""
    if not isinstance(error, json.JSONDecodeError):
        return f"a number too long to be read: {line[:40]}"
    start = max(0, error.pos - 20) if len(line) > 40 else 0
    around = ("…" if start else "") + line[start : start + 40]
    met = error.msg.removesuffix(" at").replace("property name enclosed", "a name").lower()
    return f"{met} at column {error.colno}: {around}"


def _framed(objects: list[_Placed], name: str, fields: Fields | None) -> pl.DataFrame:
    names = dict.fromkeys(key for _, found in objects for key in found) if fields is None else fields
    columns = [_column(key, [found.get(key) for _, found in objects], None if fields is None else fields[key]) for key in names]
    columns = [column.alias(_aside([column.name]).get(column.name, column.name)) for column in columns]
    place = [
        pl.Series("file", [name] * len(objects), dtype=pl.String),
        pl.Series("line", [number for number, _ in objects], dtype=pl.Int64),
    ]
    return pl.DataFrame([*columns, *place])


def _column(name: str, values: list[object], dtype: pl.DataType | None) -> pl.Series:
    """The values in the type asked for, or in the one they all have, or as text."""
    kinds = {type(value) for value in values if value is not None}
    if isinstance(dtype, pl.List) or (dtype is None and kinds == {list}):
        return pl.Series(name, [_list(value) for value in values], dtype=pl.List(pl.String()))
    if dtype is None and kinds in ({bool}, {int}, {float}, {int, float}):
        return pl.Series(name, values, strict=False)
    return pl.Series(name, [_said(value) for value in values], dtype=pl.String())


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
