"""Amazon's review dumps of 2014, 2018 and 2023: which file of a folder holds reviews or products, and of which of these years."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from kg_builder.errors import SchemaError
from kg_builder.reading import Reading, columns_of, files_of, is_held_out, kind_of
from kg_builder.reading import held_out as held_out_of
from kg_builder.reading.jsonlines import Fields, first_literal, first_object
from kg_builder.values import none_if_empty

Kind = Literal["reviews", "ratings", "products"]
"""Ratings are the CSV files of 2023: interactions without a text."""

_FOLDERS = ("", "review_categories", "meta_categories", "raw/review_categories", "raw/meta_categories")
"""Where files lie: beside each other, or as Hugging Face keeps those of 2023."""
_NAME = re.compile(r"(?P<category>.*?)(?:[._](?P<split>train|valid|test))?(?:\.[a-z]+)?(?:\.gz)?")
"""A file's name in small letters and the parts of it; every name fits."""
_RATINGS = ["user_id", "parent_asin", "rating", "timestamp"]
_REVIEW_OF_2023 = {"user_id", "rating", "helpful_vote", "verified_purchase"}
_REVIEW = {"overall", "reviewText", "unixReviewTime"}
"""Fields that no product has: a file of reviews is one without its ids too, and is then refused for that."""
_REVIEWS_SIGNS = {2014: {"helpful"}, 2018: {"verified", "vote", "style", "image"}}
_PRODUCTS_SIGNS = {
    2014: {"related", "salesRank", "imUrl", "categories"},
    2018: {"category", "also_buy", "also_view", "main_cat", "feature", "rank", "tech1", "tech2", "fit", "imageURL"},
}


@dataclass(frozen=True, slots=True)
class AmazonFile:
    """One file of a dump."""

    path: Path
    kind: Kind
    year: int | None
    """None where neither the file's first line nor its name says: it goes with its neighbours."""


def files_in(source: object) -> list[AmazonFile]:
    """Every file of the source that is Amazon's, told by its first line, else by its name; a held-out CSV is not looked into."""
    folders = [Path(source) / name for name in _FOLDERS] if isinstance(source, str | Path) and Path(source).is_dir() else [source]
    seen = (_seen(path) for folder in folders for path in _open_to_us(folder))
    return [file for file in seen if file is not None]


def _open_to_us(folder: object) -> list[Path]:
    """The folder's files without those that by their names are a test part."""
    files = files_of(folder)
    closed = {*held_out_of(files), *held_out(folder)}
    return [path for path in files if path not in closed]


def year_of(source: object) -> int | None:
    """The newest year that the source's reviews are of, else that of its products; None where nothing is Amazon's."""
    files = files_in(source)
    spoken = [file for file in files if file.kind != "products"] or files
    years = [file.year for file in spoken if file.year] or [file.year for file in files if file.year]
    return max(years, default=2018 if files else None)


def of_year(source: object, year: int, reading: Reading) -> dict[Kind, list[Path]]:
    """The source's files of the year by their kind; files of another year are told and left out."""
    found: dict[Kind, list[Path]] = {"reviews": [], "ratings": [], "products": []}
    for file in files_in(source):
        if file.year in (year, None):
            found[file.kind].append(file.path)
        else:
            reading.note(f"{file.path.name} is of Amazon's dump of {file.year} and was not read with that of {year}")
    return found


def keyed_lines(reading: Reading, path: Path, *, fields: Fields, keys: Sequence[str]) -> pl.LazyFrame:
    """The file's objects, of which some have each of these fields.

    Raises:
        DamagedDump, SchemaError: see `Reading.json_lines` and `with_keys`.
    """
    return with_keys(reading.json_lines(path, fields), path, *keys)


def with_keys(rows: pl.LazyFrame, path: Path, *keys: str) -> pl.LazyFrame:
    """The file's rows, of which some have each of these fields; of `asin|parent_asin` either will do.

    Raises:
        SchemaError: a field is in no row, or empty in all; says what the first row has.
    """
    for key in keys:
        said = pl.any_horizontal(none_if_empty(pl.col(name)).is_not_null() for name in key.split("|"))
        if rows.filter(said).head(1).collect().height:
            continue
        for line in rows.select("line").head(1).collect()["line"]:
            fields = first_object(path) or first_literal(path) or columns_of(path)
            expected = " or ".join(map(repr, key.split("|")))
            lack = "is empty in every row" if set(key.split("|")) & set(fields) else "no row of the file has"
            raise SchemaError(f"{path} line {line}: expected {expected}, which {lack} (got {', '.join(fields)})")
    return rows


def held_out(source: object) -> list[Path]:
    """The CSV files that hold the answers of a benchmark (`X.test.csv`), which nobody but the judge may open."""
    return [path for path in files_of(source) if kind_of(path) == "delimited" and is_held_out(path)]


def split_of(path: Path) -> str | None:
    """Which part of a split a file is by its name: train, valid or test; None for what is no part.

    Example:
        >>> split_of(Path("Books.train.csv.gz")), split_of(Path("Books_test.csv")), split_of(Path("Books.csv"))
        ('train', 'test', None)
    """
    return _NAME.fullmatch(path.name.lower())["split"]  # type: ignore[index]


def category_of(path: Path) -> str:
    """What a file is about by its name, in small letters.

    Example:
        >>> category_of(Path("Toys_and_Games.train.csv.gz")), category_of(Path("Toys_and_Games.jsonl"))
        ('toys_and_games', 'toys_and_games')
    """
    return _NAME.fullmatch(path.name.lower())["category"]  # type: ignore[index]


def _seen(path: Path) -> AmazonFile | None:
    if kind_of(path) == "delimited":
        return AmazonFile(path, "ratings", 2023) if columns_of(path)[:4] == _RATINGS else None
    if kind_of(path) != "json":
        return None
    fields, literal = first_object(path), False
    if not fields:
        fields, literal = first_literal(path), True
    return _told(path, fields.keys(), literal=literal) or _named(path)


def _told(path: Path, fields: Iterable[str], *, literal: bool) -> AmazonFile | None:
    """What the fields of the first line say."""
    names = set(fields)
    if "parent_asin" in names or {"user_id", "rating", "asin"} <= names:
        return AmazonFile(path, "reviews" if names & _REVIEW_OF_2023 else "products", 2023)
    if {"reviewerID", "asin"} <= names or (names & {"reviewerID", "asin"} and names & _REVIEW):
        return AmazonFile(path, "reviews", _signed(names, _REVIEWS_SIGNS) or (2014 if _of_2014(path) else 2018))
    year = 2014 if literal else _signed(names, _PRODUCTS_SIGNS)
    return AmazonFile(path, "products", year) if "asin" in names and year else None


def _signed(names: set[str], signs: dict[int, set[str]]) -> int | None:
    return next((year for year, some in signs.items() if names & some), None)


def _named(path: Path) -> AmazonFile | None:
    """What the name says of a file whose first line says nothing: damaged, empty, or a line that is no object."""
    name = path.name.lower().removesuffix(".gz")
    year = 2023 if name.endswith(".jsonl") else None
    if name.startswith("meta_"):
        return AmazonFile(path, "products", year)
    if _of_2014(path):
        return AmazonFile(path, "reviews", 2014)
    if name.endswith("_5.json"):
        return AmazonFile(path, "reviews", 2018)
    beside = (path.parent / f"meta_{path.name}").exists() or path.parent.name == "review_categories"
    return AmazonFile(path, "reviews", year) if beside else None


def _of_2014(path: Path) -> bool:
    return path.name.lower().startswith("reviews_")
