"""Retailrocket's shop: events, item properties that change over time, and a tree of categories; words are hashed.

Source: Retailrocket, "Retailrocket recommender system dataset", 2016 (kaggle.com/datasets/retailrocket/ecommerce-dataset).
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from kg_builder.dumps import Dump, Source
from kg_builder.errors import MissingSource, SchemaError, did_you_mean
from kg_builder.layouts.facts import first_place
from kg_builder.reading import Reading, columns_of, files_of
from kg_builder.rejects import Sieve
from kg_builder.resolution import cut
from kg_builder.values import none_if_empty

FORMAT = "retailrocket"
LOOKS_FOR = "events.csv with timestamp, visitorid, event, itemid, transactionid; item_properties_part1.csv, category_tree.csv …"
PRECEDENCE = 1

_EVENTS = {"timestamp": "at", "visitorid": "user", "event": "event", "itemid": "product"}
_PRICE = "790"
"""The property that holds the price, as a hashed dump says numbers: n10200.000."""
_TOP_DOWN = " > "


def recognises(source: Source) -> bool:
    """True for an events.csv with Retailrocket's columns, alone or in its folder, and for an empty one beside its properties."""
    heads = [set(columns_of(file)) for file in _named(source, "events")]
    return any(set(_EVENTS) <= head or (not head and _named(source, "item_properties")) for head in heads)


def read(source: Source, reading: Reading) -> Dump:
    """Views, carts and transactions as events; what was last said of an item's category, price and availability.

    The other properties are hashed words under numbered names, which say nothing to a text model or a shop; they are left out.

    Raises:
        MissingSource: there is no events.csv.
        SchemaError: a file lacks a column.
    """
    events = _named(source, "events")
    if not events:
        raise MissingSource(f"{source} has no events.csv; {FORMAT} looks for {LOOKS_FOR}")
    properties, trees = _named(source, "item_properties"), _named(source, "category_tree")
    parents = _parents(reading, trees[0]) if trees else {}
    if properties:
        reading.note("properties of items other than category, price (790) and availability are hashed words; they were left out")
    return Dump(
        name=Path(str(source)).name,
        format=FORMAT,
        products=_products(reading, properties, parents) if properties else None,
        events=_events(reading, events[0]),
        categories=_categories(parents) if parents else None,
        codes=("Category",),
    )


def _named(source: Source, start: str) -> list[Path]:
    """The dump's files whose names begin so: item_properties come in two parts."""
    names = [(file, file.name.lower().removesuffix(".gz")) for file in files_of(source)]
    whole = start != "item_properties"
    return [
        file for file, name in names if name.endswith(".csv") and (name == f"{start}.csv" if whole else name.startswith(start))
    ]


def _table(reading: Reading, file: Path, columns: tuple[str, ...]) -> pl.LazyFrame:
    table = reading.delimited(file, separator=",")
    present = [name for name in table.collect_schema() if name not in ("file", "line")]
    for name in columns if present else ():
        if name not in present:
            hint = did_you_mean(name, present)
            raise SchemaError(f"{file} needs the column {name!r}{hint} (its columns are: {', '.join(present)})")
    return table if present else table.with_columns(pl.lit(None, pl.String).alias(name) for name in columns)


def _events(reading: Reading, file: Path) -> pl.LazyFrame:
    table = _table(reading, file, tuple(_EVENTS)).rename(_EVENTS)
    key = ["transactionid"] if "transactionid" in table.collect_schema() else []
    ours = [*_EVENTS.values(), "file", "line"]
    return table.select(*ours, *(pl.col(name).str.replace(r"\.0$", "").alias("key") for name in key))


def _products(reading: Reading, files: list[Path], parents: Mapping[str, str | None]) -> pl.LazyFrame:
    """Every item with its latest values; memory grows with the items and not with the twenty million rows."""
    rows = pl.concat([_table(reading, file, ("timestamp", "itemid", "property", "value")) for file in files], how="diagonal")
    undated = ~pl.col("timestamp").str.contains(r"^\s*\d+\s*$")
    reason = "timestamp must be a whole number of milliseconds"
    Sieve(reading.rejects).refuse(rows.filter(undated), reason, "timestamp")
    said = (
        rows.filter(~undated.fill_null(value=False))
        .group_by(pl.col("itemid").alias("id"))
        .agg(
            *first_place(),
            _latest("categoryid").alias("category"),
            _latest(_PRICE).str.extract(r"\bn(\d+(?:\.\d+)?)").alias("price"),
            (_latest("available") == "1").alias("available"),
        )
    )
    items = said.collect(engine="streaming")
    known = {one: [_path(one, parents)] for one in items["category"].drop_nulls().unique()}
    paths = pl.DataFrame({"category": list(known), "categories": list(known.values())}, schema=_PATHS)
    return items.lazy().join(paths.lazy(), on="category", how="left").drop("category")


_PATHS = {"category": pl.String(), "categories": pl.List(pl.List(pl.String()))}


def _latest(name: str) -> pl.Expr:
    """The property's value of the highest time; of two at once, the last in the alphabet."""
    stamped = pl.concat_str(pl.col("timestamp").str.strip_chars().str.zfill(20), pl.lit(" "), pl.col("value"))
    return pl.when(pl.col("property") == name).then(stamped).max().str.slice(21).str.strip_chars()


def _parents(reading: Reading, file: Path) -> dict[str, str | None]:
    """The parent of every category; None at the top, and where it would close a circle."""
    table = _table(reading, file, ("categoryid", "parentid"))
    names = [none_if_empty(pl.col(name).str.replace(r"\.0$", "")) for name in ("categoryid", "parentid")]
    nobody = names[0].is_null() | names[0].str.to_lowercase().is_in(("nan", "null"))
    Sieve(reading.rejects).refuse(table.filter(nobody), "category id is missing", "categoryid")
    rows = table.filter(~nobody).select(*names, "line").sort("categoryid", "parentid").collect()
    parents = dict(rows.select("categoryid", "parentid").iter_rows())
    places = {one: (file.name, line) for one, line in rows.select("categoryid", "line").iter_rows()}
    gone = cut({one: parent for one, parent in parents.items() if parent is not None}, places, reading.rejects)
    return {one: None if one in gone else parent for one, parent in parents.items()}


def _path(category: str, parents: Mapping[str, str | None]) -> list[str]:
    """The category's path from the top down."""
    path = [category]
    while (parent := parents.get(path[0])) is not None:
        path.insert(0, parent)
    return path


def _categories(parents: Mapping[str, str | None]) -> pl.LazyFrame:
    """The whole tree, categories without items too."""
    paths = [_path(category, parents) for category in parents]
    columns = {
        "id": [_TOP_DOWN.join(path) for path in paths],
        "name": [path[-1] for path in paths],
        "parent": [_TOP_DOWN.join(path[:-1]) or None for path in paths],
    }
    return pl.LazyFrame(columns, schema=dict.fromkeys(columns, pl.String()))
