"""The first rows of a file, whatever its kind, with the fields of objects as columns of their own."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from kg_builder import delimited, jsonlines
from kg_builder.files import chunks, first_line
from kg_builder.reading import kind_of
from kg_builder.rejects import Rejects


def layout(path: Path) -> tuple[str | None, tuple[str, ...] | None]:
    """A separator of several signs, and names where the first line is a row of values already."""
    line = first_line(path).strip()
    separator = "::" if line.count("::") >= 2 else None
    fields = line.split("::") if separator else delimited.header_of(line)
    values = [re.fullmatch(r"-?[\d.,:/ -]*\d[\d.,:/ -]*", field.rpartition("_")[0] or field) for field in fields]
    bare = len(fields) > 1 and sum(value is not None for value in values) >= max(2, len(fields) / 2)
    return separator, tuple(f"column_{place}" for place in range(1, len(fields) + 1)) if bare else None


def head(path: Path, rows: int, separator: str | None, header: tuple[str, ...] | None) -> pl.DataFrame:
    """The first rows of a file, in the types of its own where it has some.

    Raises:
        DamagedDump: the file breaks off before that, or is not what its name says.
    """
    if kind_of(path) == "parquet":
        return pl.scan_parquet(path).head(rows).collect()
    pieces = chunks(path)
    if kind_of(path) == "json":
        frames = jsonlines.frames(pieces, path, None, Rejects())
    else:
        frames = delimited.frames(pieces, path.name, Rejects(), separator=separator, names=header)
    return pl.concat(_until(frames, rows), how="diagonal_relaxed").head(rows).drop("file", "line")


def _until(frames: Iterator[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    have = 0
    for frame in frames:
        yield frame
        have += frame.height
        if have >= rows:
            return


def flat(frame: pl.DataFrame) -> pl.DataFrame:
    """The fields of objects as columns of their own, named with dots."""
    while objects := [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Struct)]:
        frame = frame.with_columns(
            pl.col(name).struct.field(one.name).alias(f"{name}.{one.name}")
            for name in objects
            for one in frame.schema[name].fields  # type: ignore[attr-defined]
        ).drop(objects)
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String and _is_json(frame[name])]
    for name in texts:
        found = [json.loads(cell) if cell else {} for cell in frame[name]]
        wide = pl.DataFrame(
            {
                f"{name}.{key}": [_said(row.get(key)) for row in found]
                for key in dict.fromkeys(key for row in found for key in row)
            },
        )
        frame = frame.drop(name).hstack(wide)
    return frame


def _is_json(cells: pl.Series) -> bool:
    """True where every cell is the text of an object."""
    try:
        return (
            cells.drop_nulls().str.starts_with("{").all()
            and cells.drop_nulls().len() > 0
            and all(isinstance(json.loads(cell), dict) for cell in cells.drop_nulls())
        )
    except ValueError:
        return False


def _said(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
