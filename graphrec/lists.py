"""The small text files around a ranking: ids one a line, pairs as TSV, lists as TSV."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import polars as pl

from graphrec.errors import BadRequest
from graphrec.ranking import Ranking

_HEADERS = frozenset({"user", "item", "product", "id"})
_LIST_SUFFIXES = frozenset({".txt", ".tsv", ".csv", ".lst"})


def read_ids(path: Path) -> list[str]:
    """The first column of every line, each id once in the order of the file; a header (user, item, product, id) is skipped.

    Raises:
        BadRequest: there is no such file, or it is no text.
    """
    return list(dict.fromkeys(fields[0] for fields in _lines(path)))


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """(user, item) of every line of a TSV file; a header and further columns are ignored.

    Raises:
        BadRequest: there is no such file, or a line has no second column.
    """
    pairs = []
    for number, fields in enumerate(_lines(path), 1):
        if len(fields) < 2:
            raise BadRequest(f"{path}: expected user<TAB>item on every line (got {fields[0]!r} as number {number})")
        pairs.append((fields[0], fields[1]))
    return pairs


def read_test(path: Path) -> pd.DataFrame:
    """user, item and, where the file's header names it, timestamp, of a TSV file or of the test.tsv of a folder; all as text.

    Raises:
        BadRequest: there is no such file, it is empty, or a line has no second column.
    """
    file = path / "test.tsv" if path.is_dir() else path
    pairs = read_pairs(file)
    frame = pd.DataFrame(pairs, columns=["user", "item"])
    header = [field.lower() for field in next(_fields(file), [])]
    if "timestamp" not in header or header[0] not in _HEADERS:
        return frame
    column = header.index("timestamp")
    return frame.assign(timestamp=[fields[column] if column < len(fields) else "" for fields in _lines(file)])


def read_events(path: Path) -> pl.DataFrame:
    """The columns of a CSV, TSV or Parquet file of events, as `Ranker.update` takes them.

    Raises:
        BadRequest: there is no such file, or it is none of these.
    """
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, separator="\t" if path.suffix == ".tsv" else ",", infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BadRequest(f"{path}: expected a CSV, TSV or Parquet file of events ({str(error).splitlines()[0]})") from error


def ids_or_file(text: str) -> list[str]:
    """The ids of the file of this name where there is one, else the text as ids with commas between.

    Raises:
        BadRequest: the text looks like a file's name and there is none.
    """
    path = Path(text)
    if path.is_file():
        return read_ids(path)
    if path.suffix in _LIST_SUFFIXES:
        raise BadRequest(f"no such file: {text}")
    ids = [one.strip() for one in text.split(",")]
    return list(dict.fromkeys(one for one in ids if one))


def write_tsv(ranking: Ranking, path: Path) -> None:
    """The file holds the lists as `user item rank score`, tab-separated, with a header."""
    frame = pl.DataFrame(
        {
            "user": pl.Series(ranking.users, dtype=pl.String),
            "item": pl.Series(ranking.items, dtype=pl.String),
            "rank": ranking.ranks,
            "score": ranking.scores,
        }
    )
    frame.write_csv(path, separator="\t", quote_style="never")


def _lines(path: Path) -> Iterator[list[str]]:
    """The fields of every line that is not empty, without the header."""
    for number, fields in enumerate(_fields(path)):
        if fields[0] and not (number == 0 and fields[0].lower() in _HEADERS):
            yield fields


def _fields(path: Path) -> Iterator[list[str]]:
    if not path.is_file():
        raise BadRequest(f"no such file: {path}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"{path} is no UTF-8 text ({error.reason} at byte {error.start})") from error
    for line in text.splitlines():
        yield [field.strip() for field in line.split("\t")]
