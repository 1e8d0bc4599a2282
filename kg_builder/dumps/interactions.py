"""The folder of an interaction data set: train.tsv, valid.tsv, items.jsonl and kg.tsv.

Both train.tsv and valid.tsv are interactions; test.tsv is never opened: it belongs to whoever scores the rankings.
"""

from pathlib import Path

import polars as pl

from kg_builder.dumps import Dump, Source
from kg_builder.errors import DamagedDump, MissingSource, did_you_mean
from kg_builder.reading import Reading
from kg_builder.reading.columns import timed
from kg_builder.reading.jsonlines import listed, paths_of_names
from kg_builder.values import none_if_empty

FORMAT = "interactions"
LOOKS_FOR = "train.tsv with the columns user, item, timestamp, rating; valid.tsv, items.jsonl, kg.tsv where there are any"
PRECEDENCE = 1

_LISTS = ("also_bought", "also_viewed", "bought_together")
_KNOWN = ("item", "title", "description", "price", "brand", "categories", *_LISTS)


def recognises(source: Source) -> bool:
    """True for a folder with a train.tsv in it."""
    return isinstance(source, str | Path) and (Path(source) / "train.tsv").is_file()


def read(source: Source, reading: Reading) -> Dump:
    """The folder as a Dump: interactions as events of the kind `interacted`, items as products, kg.tsv as triples.

    Raises:
        MissingSource: there is no train.tsv.
        DamagedDump: a file lacks a column.
    """
    folder = Path(str(source))
    if not (folder / "train.tsv").is_file():
        raise MissingSource(f"{folder} has no train.tsv; {FORMAT} looks for {LOOKS_FOR}")
    files = [folder / name for name in ("train.tsv", "valid.tsv") if (folder / name).is_file()]
    products: pl.LazyFrame | None = None
    texts: tuple[str, ...] = ()
    if (folder / "items.jsonl").is_file():
        products, texts = _items(folder / "items.jsonl", reading)
    triples = _table(reading, folder / "kg.tsv", ("head", "relation", "tail")) if (folder / "kg.tsv").is_file() else None
    return Dump(
        name=folder.name,
        format=FORMAT,
        products=products,
        events=_events(reading, files),
        triples=triples,
        text_properties={"Product": texts},
    )


def _table(reading: Reading, path: Path, columns: tuple[str, ...], optional: tuple[str, ...] = ()) -> pl.LazyFrame:
    """The columns of a tab-separated file as text, with `file` and `line`; further columns are ignored."""
    table = reading.delimited(path, separator="\t", quote=False)
    present = [name for name in table.collect_schema() if name not in ("file", "line")]
    if not present:
        return pl.LazyFrame(schema={**dict.fromkeys((*columns, *optional), pl.String()), "file": pl.String(), "line": pl.Int64()})
    for name in columns:
        if name not in present:
            hint = did_you_mean(name, present)
            raise DamagedDump(f"{path} needs the column {name!r}{hint} (its header is: {', '.join(present)})")
    wanted = [pl.col(name) if name in present else pl.lit(None, pl.String).alias(name) for name in (*columns, *optional)]
    blank = pl.all_horizontal(none_if_empty(pl.col(name)).is_null() for name in columns)
    return table.filter(~blank).select(*wanted, "file", "line")


def _events(reading: Reading, files: list[Path]) -> pl.LazyFrame:
    table = pl.concat([_table(reading, path, ("user", "item"), ("timestamp", "rating")) for path in files])
    table = table.rename({"item": "product"}).with_columns(pl.lit("interacted").alias("event"))
    return timed(table, "timestamp")


def _items(path: Path, reading: Reading) -> tuple[pl.LazyFrame, tuple[str, ...]]:
    """The items as products, and which of their further fields are text."""
    table = reading.json_lines(path)
    schema = table.collect_schema()
    if "item" not in schema:
        present = [name for name in schema if name not in ("file", "line")]
        if not present:
            return pl.LazyFrame(schema={"id": pl.String()}), ()
        raise DamagedDump(f"{path} needs the field 'item'{did_you_mean('item', present)} (its fields are: {', '.join(present)})")
    taken = {"id": "id_"} if "id" in schema else {}
    names, paths = pl.List(pl.String()), pl.List(pl.List(pl.String()))
    unpacked = [pl.col(name).map_batches(listed, return_dtype=names) for name in _LISTS if name in schema]
    if "categories" in schema:
        unpacked.append(pl.col("categories").map_batches(paths_of_names, return_dtype=paths))
    texts = _texts(table, [name for name in schema if name not in (*_KNOWN, "file", "line")])
    return table.with_columns(unpacked).rename({"item": "id", **taken}), texts


def _texts(table: pl.LazyFrame, extra: list[str]) -> tuple[str, ...]:
    """The fields that hold words: where most values are addresses or JSON objects, they say nothing to a text model."""
    schema = table.collect_schema()
    words = [name for name in extra if schema[name] in (pl.String, pl.List(pl.String()))]
    plain = {name: pl.col(name) if schema[name] == pl.String else pl.col(name).list.get(0, null_on_oob=True) for name in words}
    mute = table.select(plain[name].drop_nulls().str.contains(r"^\s*(?:https?://|\{)").mean().alias(name) for name in words)
    shares = mute.collect(engine="streaming").row(0, named=True) if words else {}
    return tuple(name for name in words if (shares[name] or 0) <= 0.5)
