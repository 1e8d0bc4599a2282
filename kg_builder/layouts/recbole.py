"""RecBole's atomic files: which files of a folder belong to one data set, and which of them may be opened."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

import polars as pl

from kg_builder.errors import DamagedDump, MissingSource
from kg_builder.reading import Reading, files_of
from kg_builder.reading.files import first_line

LOOKS_FOR = "NAME.inter or NAME.train.inter of RecBole; NAME.item, NAME.user, NAME.kg and NAME.link where there are any"
_ENDINGS = ("inter", "item", "user", "kg", "link", "net")
_SPLIT = re.compile(r"(.+)\.(train|valid|val|dev|test)")
_TYPED = re.compile(r"\w:(?:token|float)(?:_seq)?\s*(?:\t|$)")
"""What a header of RecBole's has behind a column's name."""


def atomic(source: object) -> dict[str, dict[str, Path]]:
    """The files of the source by their ending and by what stands before it, gzipped or not."""
    found: dict[str, dict[str, Path]] = {}
    for path in files_of(source):
        stem, _, ending = path.name.removesuffix(".gz").rpartition(".")
        if stem and ending in _ENDINGS:
            found.setdefault(ending, {})[stem] = path
    return found


def interactions(source: object, paths: Mapping[str, Path], reading: Reading) -> tuple[str, list[Path]]:
    """The data set's name and the files of its interactions that may be opened."""
    sets: dict[str, dict[str, Path]] = {}
    for stem, path in paths.items():
        split = _SPLIT.fullmatch(stem)
        name, part = (split[1], split[2]) if split else (stem, "")
        sets.setdefault(name, {})[part] = path
    name = _one_of(source, sets)
    parts = sets[name]
    held = parts.pop("test", None)
    if held is not None:
        reading.note(f"{held.name} was not opened: it belongs to whoever scores the rankings")
    if "" in parts and len(parts) > 1:
        reading.note(f"{parts.pop('').name} is not read: its splits are, and it holds the test's interactions too")
    if not parts:
        but = "" if held is None else f" but {held.name}, which is never opened"
        raise MissingSource(f"{source} has no atomic file of interactions{but}; recbole looks for {LOOKS_FOR}")
    return name, [parts[part] for part in sorted(parts)]


def name_of(source: object, files: Mapping[str, Mapping[str, Path]]) -> str:
    """What the items, users or triples are called that stand without interactions."""
    names = {stem for ending in ("item", "user", "kg") for stem in files.get(ending, {})}
    if not names:
        raise MissingSource(
            f"{source} has no atomic file of interactions, items, users or triples; recbole looks for {LOOKS_FOR}"
        )
    return _one_of(source, names)


def _one_of(source: object, names: Collection[str]) -> str:
    """The data set that is called like its folder, or the only one."""
    folder = Path(str(source)).name
    if len(names) > 1 and folder not in names:
        raise DamagedDump(f"{source} holds several data sets ({', '.join(sorted(names))}); put each into a folder of its own")
    return folder if folder in names else next(iter(names))


def exported(triples: pl.LazyFrame, described: Collection[str]) -> pl.LazyFrame:
    """The triples of `kg-builder export` as a dump says them; those of others as they are.

    What the items say of their brand and categories goes, entities and their relations have their own names again.

    Args:
        triples: the columns head, relation and tail.
        described: the columns of the items, under our names.
    """
    head, relation, tail = pl.col("head"), pl.col("relation"), pl.col("tail")
    brands = (relation == "MADE_BY") & tail.str.starts_with("Brand/")
    categories = relation.is_in(("IN_CATEGORY", "CHILD_OF")) & tail.str.starts_with("Category/")
    told = [known for name, known in (("brand", brands), ("categories", categories)) if name in described]
    kept = triples.filter(~pl.any_horizontal(False, *told).fill_null(value=False))
    outside = relation.str.starts_with("RELATED:")
    ends = [pl.when(outside).then(end.str.strip_prefix("Entity/")).otherwise(end) for end in (head, tail)]
    return kept.with_columns(*ends, relation.str.strip_prefix("RELATED:"))


def is_typed(path: Path) -> bool:
    """True for a file under a header of RecBole's types: `item_id:token`."""
    return _TYPED.search(first_line(path)) is not None
