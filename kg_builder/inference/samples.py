"""The first rows of a file, whatever its kind, with the fields of objects as columns of their own."""

import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from kg_builder.errors import DamagedDump
from kg_builder.reading import delimited, jsonlines, kind_of
from kg_builder.reading.files import chunks, first_line
from kg_builder.rejects import Rejects
from kg_builder.values import literal


@dataclass(frozen=True, slots=True)
class Layout:
    """What has to be said for a delimited file to be read; None where reading finds it out."""

    separator: str | None = None
    header: tuple[str, ...] | None = None
    """Names for the columns of a file that has no header."""
    encoding: str | None = None


def layout(path: Path) -> Layout:
    """A separator of several signs, names where the first line is a row of values already, Chinese that is no UTF-8."""
    if kind_of(path) != "delimited":
        return Layout()
    line = first_line(path).strip()
    separator = "::" if line.count("::") >= 2 else None
    fields = line.split("::") if separator else delimited.header_of(line)
    values = [re.fullmatch(r"-?[\d.,:/ -]*\d[\d.,:/ -]*", field.rpartition("_")[0] or field) for field in fields]
    bare = len(fields) > 1 and sum(value is not None for value in values) >= max(2, len(fields) / 2)
    names = tuple(f"column_{place}" for place in range(1, len(fields) + 1)) if bare else None
    return Layout(separator, names, "gb18030" if _is_chinese(path) else None)


def _is_chinese(path: Path) -> bool:
    """True where bytes that are no UTF-8 are the usual signs of GB 2312 in pairs, which no western text is."""
    data = _bytes(path)
    try:
        data[: data.rfind(b"\n") + 1].decode()
    except UnicodeDecodeError:
        signs = re.findall(rb"[\x80-\xff]+", data)
        pairs = sum(len(sign) // 2 for sign in signs if len(sign) % 2 == 0 and all(0xA1 <= one <= 0xF7 for one in sign[::2]))
        usual = sum(0xB0 <= one <= 0xD7 for sign in signs for one in sign[::2])
        return 2 * pairs >= 0.8 * sum(map(len, signs)) and usual >= 0.6 * pairs
    return False


def _bytes(path: Path) -> bytes:
    """The first bytes of a file, unpacked as far as they can be."""
    with path.open("rb") as raw:
        data = raw.read(1 << 16)
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return zlib.decompressobj(wbits=31).decompress(data, 1 << 16)
    except zlib.error:
        return b""


def head(path: Path, rows: int, layout: Layout) -> pl.DataFrame:
    """The first rows of a file, in the types of its own where it has some.

    Raises:
        DamagedDump: the file breaks off before that, or is not what its name says.
    """
    if kind_of(path) == "parquet":
        return _head_of_parquet(path, rows)
    pieces = chunks(path, encoding=layout.encoding)
    if kind_of(path) == "json":
        frames = jsonlines.frames(pieces, path, None, Rejects())
    else:
        frames = delimited.frames(pieces, path.name, Rejects(), separator=layout.separator, names=layout.header)
    return pl.concat(_until(frames, rows), how="diagonal_relaxed").head(rows).drop("file", "line")


def _head_of_parquet(path: Path, rows: int) -> pl.DataFrame:
    try:
        frame = pl.scan_parquet(path).head(rows).collect()
        plain = [literal(name) for name in frame.columns]  # polars would take ^…$ for a pattern of names
        frame.columns = plain if len(set(plain)) == len(plain) else frame.columns
        return frame
    except PolarsError as error:
        raise DamagedDump(f"{path}: not a sound Parquet file: {str(error).splitlines()[0]}") from error


def _until(frames: Iterator[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    have = 0
    for frame in frames:
        yield frame
        have += frame.height
        if have >= rows:
            return


def flat(frame: pl.DataFrame) -> pl.DataFrame:
    """The fields of objects as columns of their own, named with dots; bytes are left out."""
    frame = frame.drop(name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Binary | pl.Object))
    while objects := [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Struct)]:
        frame = frame.with_columns(
            pl.col(name).struct.field(one.name).alias(f"{name}.{one.name}")
            for name in objects
            for one in frame.schema[name].fields  # type: ignore[attr-defined]
        ).drop(objects)
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String and _is_json(frame.get_column(name))]
    for name in texts:
        found = [json.loads(cell) if cell else {} for cell in frame.get_column(name)]
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
    told = cells.drop_nulls().to_list()
    try:
        return bool(told) and all(cell.startswith("{") and isinstance(json.loads(cell), dict) for cell in told)
    except ValueError:
        return False


def _said(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
