"""Events or reviews in any file with columns for user and item, whatever they are called: CSV, TSV, Parquet or JSON Lines."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import polars as pl

from kg_builder.dumps import Dump, Source
from kg_builder.errors import MissingSource, SchemaError, did_you_mean
from kg_builder.layouts.dates import dated
from kg_builder.layouts.facts import products_told_of, told_of_products, whole
from kg_builder.reading import Reading, columns_of, files_of, held_out, kind_of
from kg_builder.reading.columns import REQUIRED, check_ids, named, timed, typed

FORMAT = "events"
LOOKS_FOR = (
    "a file, or a folder of like files, with columns for user and item, perhaps event, time, rating, quantity, price, order"
)
PRECEDENCE = 2

_ENDS = ("user", "product")
_EITHER = ("events", "reviews")
"""Tables that as JSON lines may as well be in columns of other names, which `tables` does not read."""
_ABOUT = ("readme", "license", "licence", "dataset-metadata", "datapackage")
"""How the names of files begin that tell about a dump and are no part of it."""


def recognises(source: Source) -> bool:
    """True for a lone file with a column for user or item, and for a folder of files that have both, all alike.

    Also where some files lack one of the two and have the others' further columns: `read` says which and what.
    """
    files = _files(source)
    roles = [set(_roles(head).values()) for file in files if (head := columns_of(file))]
    if roles and len(files) == 1:  # `read` says which column is missing
        return bool(roles[0] & set(_ENDS))
    whole, further = [set(_ENDS) <= role for role in roles], [role - set(_ENDS) for role in roles]
    return any(whole) and all(one == further[0] for one in further) and (all(whole) or bool(further[0]))


def read(source: Source, reading: Reading) -> Dump:
    """The rows as events, or as reviews where they have a text; what they say of their products becomes these products'.

    Where no column says what happened, it is a purchase if there is an order or a quantity, else an interaction of unknown kind.

    Raises:
        MissingSource: there is no such file.
        SchemaError: a file lacks a column for user or item; says what was found.
    """
    if not Path(str(source)).exists() or not (files := _files(source)):
        raise MissingSource(f"there are no events at {source}; {FORMAT} looks for {LOOKS_FOR}")
    for file in held_out(_candidates(source)):
        reading.note(f"{file.name} was not opened: by its name it holds what a ranking is tested on")
    tables = [table for table in reading.several(files, partial(_table, source=source)) if table is not None]
    name = Path(str(source)).name
    if not tables:
        return Dump(name, FORMAT, events=pl.LazyFrame(schema=dict.fromkeys(_ENDS, pl.String())))
    rows = dated(pl.concat(tables, how="diagonal_relaxed"), reading.note)
    present = rows.collect_schema()
    known = {*named("events", present), *named("reviews", present), "file", "line", "position"}
    told = told_of_products(name for name, dtype in present.items() if name not in known and not dtype.is_nested())
    products = products_told_of(rows, told) if told else None
    rows = typed(rows.drop(list(told)), [name for name in present if name not in known and name not in told])
    if "text" in present:
        return Dump(name, FORMAT, products=products, reviews=rows.drop("position", strict=False))
    return Dump(name, FORMAT, products=products, events=_named_kind(rows, reading))


def _files(source: Source) -> list[Path]:
    """The tables of a folder without those to test on, or the one file."""
    files = _candidates(source)
    tests = held_out(files)
    return [file for file in files if file not in tests]


def _candidates(source: Source) -> list[Path]:
    """All tables of a folder, or the one file; none where one is named as the format `tables` wants."""
    files = [file for file in files_of(source) if kind_of(file) and not file.name.lower().startswith(_ABOUT)]
    return [] if any(_is_of_tables(file) for file in files) else files


def _is_of_tables(file: Path) -> bool:
    stem, _, suffix = file.name.lower().partition(".")
    if stem in _EITHER and suffix.startswith("json"):
        return False
    return stem in REQUIRED and suffix.removesuffix(".gz") in ("csv", "tsv", "parquet", "jsonl", "json")


def _roles(columns: list[str]) -> Mapping[str, str]:
    """Which column is which: theirs to ours; those of a review where there is a text and no event."""
    roles = named("events", columns)
    reviews = named("reviews", columns)
    return reviews if {*_ENDS, "text"} <= set(reviews.values()) and "event" not in roles.values() else roles


def _table(reading: Reading, file: Path, *, source: Source) -> pl.LazyFrame | None:
    """The rows of a file under our names, ids as text, times told from positions; None where it has no columns."""
    table = reading.rows(file)
    columns = [name for name in table.collect_schema() if name not in ("file", "line")]
    if not columns:
        return None
    roles = _roles(columns)
    _check(file, columns, roles, source)
    aside = {name: f"{name}_" for name in columns if name in roles.values() and name not in roles}
    table = table.rename({**aside, **roles})
    present = table.collect_schema()
    check_ids(present, {ours: theirs for theirs, ours in roles.items() if ours in _ENDS}, f"{file}: ")
    table = table.with_columns(whole(name).alias(name) for name in (*_ENDS, "key") if name in present)
    if "at" not in present or present["at"].is_temporal() or "position" in present:
        return table
    return timed(table, "at")


def _check(file: Path, columns: list[str], roles: Mapping[str, str], source: Source) -> None:
    """Raise where there is no user or no item, with what was found and what to do."""
    missing = [ours for ours in _ENDS if ours not in roles.values()]
    if missing:
        found = ", ".join(f"{ours} ({theirs})" for theirs, ours in roles.items()) or "nothing"
        raise SchemaError(
            f"{file} needs columns for user and product: found {found}; not found: {', '.join(missing)}"
            f"{did_you_mean(missing[0], columns) or ';'} its columns are: {', '.join(columns)}. "
            f"`kg-builder infer {source}` writes a mapping that says which is which"
        )


def _named_kind(events: pl.LazyFrame, reading: Reading) -> pl.LazyFrame:
    present = events.collect_schema()
    if "event" in present:
        return events
    sign = next((name for name in ("key", "quantity") if name in present and "rating" not in present), None)
    if sign is None:
        return events.with_columns(pl.lit("interacted").alias("event"))
    what = "an order" if sign == "key" else "a quantity"
    reading.note(f"no column says what happened; rows have {what}, so each is taken for a purchase")
    return events.with_columns(pl.lit("bought").alias("event"))
