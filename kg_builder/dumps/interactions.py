"""The folder of an interaction data set: train.tsv, valid.tsv, items.jsonl and kg.tsv.

Both train.tsv and valid.tsv are interactions; test.tsv is never opened: it belongs to whoever scores the rankings.
"""

from pathlib import Path

import polars as pl

from kg_builder.rejects import Rejects
from kg_builder.values import none_if_empty
from kg_builder.dumps import Dump, Progress, Source
from kg_builder.errors import DamagedDump, MissingSource, did_you_mean
from kg_builder.jsonlines import read_json_lines

FORMAT = "interactions"
LOOKS_FOR = "train.tsv with the columns user, item, timestamp, rating; valid.tsv, items.jsonl, kg.tsv where there are any"

FIRST_TIME = 788918400
"""1995-01-01: a timestamp column whose largest value is smaller holds positions, not times."""

_LISTS = ("also_bought", "also_viewed", "bought_together")
_KNOWN = ("item", "title", "description", "price", "brand", "categories", *_LISTS)


def recognises(source: Source) -> bool:
    """True for a folder with a train.tsv in it."""
    return isinstance(source, str | Path) and (Path(source) / "train.tsv").is_file()


def read(source: Source, *, rejects: Rejects, progress: Progress | None = None) -> Dump:
    """The folder as a Dump: interactions as events of the kind `interacted`, items as products, kg.tsv as triples.

    Raises:
        MissingSource: there is no train.tsv.
        DamagedDump: a file lacks a column.
    """
    folder = Path(str(source))
    if not (folder / "train.tsv").is_file():
        raise MissingSource(f"{folder} has no train.tsv; {FORMAT} looks for {LOOKS_FOR}")
    files = [folder / name for name in ("train.tsv", "valid.tsv") if (folder / name).is_file()]
    products, texts = None, ()
    if (folder / "items.jsonl").is_file():
        products, texts = _items(folder / "items.jsonl", rejects, progress)
    triples = _table(folder / "kg.tsv", ("head", "relation", "tail")) if (folder / "kg.tsv").is_file() else None
    return Dump(
        name=folder.name,
        format=FORMAT,
        products=products,
        events=_events(files),
        triples=triples,
        text_properties={"Product": texts},
    )


def _table(path: Path, columns: tuple[str, ...], optional: tuple[str, ...] = ()) -> pl.LazyFrame:
    """The columns of a tab-separated file as text, with `file` and `line`; further columns are ignored."""
    if not path.read_bytes()[:1]:
        return pl.LazyFrame(schema={**dict.fromkeys((*columns, *optional), pl.String()), "file": pl.String(), "line": pl.Int64()})
    table = pl.scan_csv(
        path,
        separator="\t",
        quote_char=None,
        infer_schema=False,
        truncate_ragged_lines=True,
        encoding="utf8-lossy",
        row_index_name="line",
        row_index_offset=2,
    )
    present = [name for name in table.collect_schema() if name != "line"]
    for name in columns:
        if name not in present:
            hint = did_you_mean(name, present)
            raise DamagedDump(f"{path} needs the column {name!r}{hint} (its header is: {', '.join(present)})")
    wanted = [pl.col(name) if name in present else pl.lit(None, pl.String).alias(name) for name in (*columns, *optional)]
    blank = pl.all_horizontal(none_if_empty(pl.col(name)).is_null() for name in columns)
    return table.filter(~blank).select(*wanted, pl.lit(path.name).alias("file"), pl.col("line").cast(pl.Int64))


def _events(files: list[Path]) -> pl.LazyFrame:
    table = pl.concat([_table(path, ("user", "item"), ("timestamp", "rating")) for path in files])
    table = table.rename({"item": "product"}).with_columns(pl.lit("interacted").alias("event"))
    said = none_if_empty(pl.col("timestamp"))
    value = said.cast(pl.Float64, strict=False)
    largest = table.select(pl.when(value.is_finite()).then(value).max()).collect(engine="streaming").item()
    unknown = pl.lit(None, pl.String)
    if not largest:
        # A value that is no number stays, so that cleaning refuses the row and says why.
        at, position = pl.when(value.is_null()).then(said), unknown
    elif largest < FIRST_TIME:
        at, position = unknown, said
    else:
        at, position = pl.when((value != 0).fill_null(value=True)).then(said), unknown
    return table.with_columns(at.alias("at"), position.alias("position")).drop("timestamp")


def _items(path: Path, rejects: Rejects, progress: Progress | None) -> tuple[pl.LazyFrame, tuple[str, ...]]:
    """The items as products, and which of their further fields are text."""
    table = read_json_lines(path, None, rejects, progress)
    if "item" not in table.columns:
        if not table.height:
            return pl.LazyFrame(schema={"id": pl.String()}), ()
        raise DamagedDump(f"{path} needs the field 'item'{did_you_mean('item', table.columns)}")
    extra = [name for name in table.columns if name not in (*_KNOWN, "file", "line")]
    typed = {name: _typed(table[name]) for name in extra}
    lists = [_strings(table[name]).alias(name) for name in _LISTS if name in table.columns]
    paths = [_paths(table["categories"]).alias("categories")] if "categories" in table.columns else []
    products = table.with_columns(*(values.alias(name) for name, values in typed.items()), *lists, *paths).rename({"item": "id"})
    texts = tuple(name for name, values in typed.items() if values.dtype in (pl.String, pl.List(pl.String)) and not _mute(values))
    return products.lazy(), texts


def _typed(said: pl.Series) -> pl.Series:
    """The values as lists of text, booleans or numbers where all of them are, else as text.

    A number in quotes has lost them by now, so a field is a number only where every value is one: "year": "1995" is a number.
    """
    values = said.drop_nulls()
    values = values.filter(values != "")
    if values.len() and values.str.starts_with("[").all():
        return _strings(said)
    if values.len() and values.is_in(["true", "false"]).all():
        return said.replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)
    if values.len() and values.str.contains(r"^-?\d+$").all() and values.str.len_chars().max() < 18:  # type: ignore[operator]
        return said.cast(pl.Int64, strict=False)
    numbers = values.cast(pl.Float64, strict=False)
    if values.len() and numbers.is_finite().fill_null(value=False).all():
        return said.cast(pl.Float64, strict=False)
    return said


def _mute(values: pl.Series) -> bool:
    """True where most values are addresses or JSON objects, which say nothing to a text model."""
    plain = values if values.dtype == pl.String else values.list.get(0, null_on_oob=True)
    share = plain.drop_nulls().str.contains(r"^\s*(?:https?://|\{)").mean()
    return isinstance(share, float) and share > 0.5


def _strings(said: pl.Series) -> pl.Series:
    """JSON lists as lists of text; a lone value is a list of one."""
    as_list = pl.when(said.str.starts_with("[")).then(said).otherwise(pl.concat_str(pl.lit('["'), _escaped(said), pl.lit('"]')))
    listed = pl.select(pl.when(said.is_not_null() & (said != "")).then(as_list).alias("said")).to_series()
    return listed.str.json_decode(pl.List(pl.String()))


def _escaped(said: pl.Series) -> pl.Expr:
    return pl.lit(said).str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)


def _paths(said: pl.Series) -> pl.Series:
    """Categories as paths: a list of names is flat, each a path of its own; a list of lists holds paths from the top down."""
    names = _strings(said)
    frame = pl.DataFrame({"row": pl.int_range(names.len(), eager=True), "name": names}).explode("name").drop_nulls()
    nested = frame["name"].str.starts_with("[")
    path = pl.when(nested).then(frame["name"]).otherwise(pl.concat_str(pl.lit('["'), _escaped(frame["name"]), pl.lit('"]')))
    frame = frame.with_columns(path.alias("path")).with_columns(pl.col("path").str.json_decode(pl.List(pl.String())))
    grouped = frame.group_by("row", maintain_order=True).agg("path")
    rows = pl.DataFrame({"row": pl.int_range(names.len(), eager=True)})
    return rows.join(grouped, on="row", how="left", maintain_order="left")["path"]
