"""Outside knowledge alone: head, relation, tail in columns or as N-Triples, and a link file that says which item is which entity.

Built into a store that holds products, triples speak of them where an id is a product's.
"""

import re
from pathlib import Path

import polars as pl

from kg_builder.dumps import Dump, Source
from kg_builder.errors import MissingSource
from kg_builder.reading import DELIMITED, Reading, columns_of, files_of, held_out
from kg_builder.reading.columns import REQUIRED, named
from kg_builder.reading.files import opening
from kg_builder.reading.triples import local_name, names_a_node, read_links, read_triples

FORMAT = "triples"
LOOKS_FOR = (
    "N-Triples (.nt), kg.tsv, NAME.kg, columns head, relation, tail, or three bare columns of ids between tabs;"
    " a .link or links.tsv with item, entity if there"
)
PRECEDENCE = 2

_NAMES = ("kg.tsv", "kg.txt", "kg.csv", "triples.tsv", "triples.txt")
_LINKS = ("link.tsv", "links.tsv", "link.csv", "links.csv", "link.txt", "links.txt")


def recognises(source: Source) -> bool:
    """True for a file of triples, and for a folder with one; for links alone too, so that `read` says what is missing."""
    files = files_of(source)
    links = [path for path in files if path.name.removesuffix(".gz").endswith(".link")]
    return bool(_files(source)) or (bool(files) and links == files)


def read(source: Source, reading: Reading) -> Dump:
    """All triples, entities that are linked to an item replaced by it; what N-Triples call a node is its name.

    Raises:
        MissingSource: there is no file of triples.
        DamagedDump: a gzip file breaks off.
    """
    files = files_of(source)
    tests = held_out(files)
    found = _files(source) or [path for path in files if not _is_link(path) and path not in tests]
    for path in tests:
        reading.note(f"{path.name} was not opened: by its name it is held out for tests")
    for path in found:
        if not _is_triples(path) and _is_bare(path):
            reading.note(f"{path.name} has no header; its columns are taken for head, relation, tail")
    if not found and files:
        told = f"{', '.join(path.name for path in files)} of {source} says which item is which entity, and no more"
        raise MissingSource(f"{told}; a graph needs the triples (NAME.kg) or the interactions (NAME.inter) beside it")
    if not found:
        raise MissingSource(f"{source} has no file of triples; {FORMAT} looks for {LOOKS_FOR}")
    triples = pl.concat([read_triples(path, reading) for path in found])
    links = [read_links(path, reading) for path in files if _is_link(path)]
    if links:
        items = pl.concat(links).select("entity", "item").unique()
        for end in ("head", "tail"):
            joined = triples.join(items, left_on=end, right_on="entity", how="left")
            triples = joined.with_columns(pl.coalesce("item", end).alias(end)).drop("item")
    statements = any(_is_statements(path) for path in found)
    return Dump(
        Path(str(source)).name,
        FORMAT,
        triples=triples.filter(~_names()) if statements else triples,
        nodes={"Entity": _entities(triples)} if statements else {},
    )


def _files(source: Source) -> list[Path]:
    """The files that say that they hold triples; where none does, those that look like it."""
    files = files_of(source)
    tests = held_out(files)
    files = [path for path in files if path not in tests]
    return [path for path in files if _is_triples(path)] or [path for path in files if not _is_link(path) and _is_bare(path)]


def _is_bare(path: Path) -> bool:
    """True where every line at the start holds three ids between tabs, as FB15k's train.txt does, and no header.

    There are no more relations than heads or tails, so that no column of users, products and ratings or kinds is taken for it.
    """
    if not path.name.lower().removesuffix(".gz").endswith(DELIMITED):
        return False
    text = opening(path)
    rows = [line.split("\t") for line in text[: text.rfind("\n") + 1].splitlines() if line.strip()]
    if not rows or not all(len(row) == 3 and all(re.fullmatch(r"\S+", cell) for cell in row) for row in rows):
        return False
    heads, relations, tails = map(set, zip(*rows, strict=True))
    headed = any(named(table, (rows[0][0], rows[0][2])) for table in REQUIRED if table != "triples")
    numbers = any(all(re.fullmatch(r"[\d.,:+-]+", cell) for cell in column) for column in (relations, tails))
    return not headed and not numbers and len(relations) <= min(len(heads), len(tails))


def _is_statements(path: Path) -> bool:
    return path.name.removesuffix(".gz").endswith(".nt")


def _is_triples(path: Path) -> bool:
    name = path.name.removesuffix(".gz")
    columns = columns_of(path) if name.endswith((".tsv", ".csv", ".txt")) else []
    headed = set(named("triples", columns).values()) == set(REQUIRED["triples"])
    return _is_statements(path) or name in _NAMES or name.endswith(".kg") or headed


def _is_link(path: Path) -> bool:
    name = path.name.removesuffix(".gz")
    return name.endswith(".link") or name in _LINKS


def _names() -> pl.Expr:
    """True for a triple that names an IRI; what names an item stays a fact."""
    return names_a_node() & local_name(pl.col("head")).is_not_null()


def _entities(triples: pl.LazyFrame) -> pl.LazyFrame:
    """`id` and `name` of every IRI: what a triple calls it, else the end of the IRI."""
    called = triples.filter(_names()).group_by("head").agg(pl.col("tail").min().alias("called"))
    told = triples.filter(~_names())
    ids = pl.concat([told.select(id="head"), told.select(id="tail")]).unique()
    named_ids = ids.with_columns(local_name(pl.col("id")).alias("local")).drop_nulls("local")
    return named_ids.join(called, left_on="id", right_on="head", how="left").select("id", name=pl.coalesce("called", "local"))
