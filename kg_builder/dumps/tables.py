"""A shop's own tables: products, users, reviews, events, categories, triples as CSV, JSON lines or Parquet, or as frames."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from kg_builder.dumps import Dump, Source
from kg_builder.errors import DumpError, MissingSource, SchemaError, did_you_mean
from kg_builder.reading import Reading, files_of, kind_of
from kg_builder.reading.columns import REQUIRED, check_ids, items, named, paths, typed, worded
from kg_builder.reading.jsonlines import paths_of_names
from kg_builder.resolution import PATH_SEPARATOR

FORMAT = "tables"
LOOKS_FOR = "files named products, events, reviews, users, categories or triples that end in .csv, .jsonl or .parquet"
PRECEDENCE = 2

_ROW = "__row"
_SUFFIXES = (".parquet", *(f"{kind}{packed}" for kind in (".csv", ".tsv", ".jsonl", ".json") for packed in ("", ".gz")))
_LISTS = ("also_bought", "also_viewed", "bought_together")
_KNOWN = frozenset(
    {"id", "title", "description", "price", "brand", "categories", *_LISTS}
    | {"user", "product", "rating", "text", "at", "helpful", "verified"}
    | {"event", "key", "position", "quantity", "discount"}
    | {"name", "parent", "head", "relation", "tail"}
)


def recognises(source: Source) -> bool:
    """True for a mapping of frames, and for a folder with a file named after one of the tables."""
    if isinstance(source, Mapping):
        return True
    return bool(_files(Path(source)))


def read(source: Source, reading: Reading) -> Dump:
    """The tables under the names of a Dump: categories split at ` > ` and `|`, lists of products at `|`, or JSON lists of either.

    Raises:
        MissingSource: there is no such table in the folder.
        SchemaError: a required column is missing; says which one may be meant.
        DumpError: a frame's name is none of the tables, or the frame cannot be converted.
    """
    files: Mapping[str, Path] = {}
    if isinstance(source, Mapping):
        name, frames = "frames", {str(table): _frame(str(table), frame) for table, frame in source.items()}
    else:
        files = _files(Path(source))
        name, frames = Path(source).name, {table: _scan(path, reading) for table, path in files.items()}
        _tell_of_others(source, list(files.values()), reading)
    if not frames:
        raise MissingSource(f"{source or 'the mapping'} has none of the tables; {FORMAT} looks for {LOOKS_FOR}")
    parts = {table: _named(frame, table, files.get(table)) for table, frame in frames.items()}
    if "products" in parts:
        parts["products"] = _unpacked(parts["products"])
    texts = worded(parts["products"], _KNOWN) if "products" in parts else ()
    return Dump(
        name,
        FORMAT,
        products=parts.get("products"),
        users=parts.get("users"),
        reviews=parts.get("reviews"),
        events=parts.get("events"),
        triples=parts.get("triples"),
        categories=parts.get("categories"),
        text_properties={"Product": texts},
    )


def _files(path: Path) -> dict[str, Path]:
    """The file of each table in a folder; a file that is named after a table stands for itself."""
    names = {f"{table}{suffix}": table for table in REQUIRED for suffix in _SUFFIXES}
    if path.is_file():
        return {names[path.name]: path} if path.name in names else {}
    found: dict[str, Path] = {}
    for name, table in names.items():
        if (path / name).is_file():
            found.setdefault(table, path / name)
    return found


def _frame(table: str, frame: Any) -> pl.LazyFrame:  # noqa: ANN401  (narwhals decides what a frame is)
    if table not in REQUIRED:
        raise DumpError(f"no table is called {table!r}{did_you_mean(table, REQUIRED) or ';'} known: {', '.join(REQUIRED)}")
    try:
        native = nw.from_native(frame)
        if isinstance(native, nw.LazyFrame):
            polars = frame if isinstance(frame, pl.LazyFrame) else native.collect("polars").to_native().lazy()
        else:
            polars = native.to_polars().lazy()
    except (TypeError, ValueError) as error:
        raise DumpError(f"{table}: expected a data frame of pandas, polars or pyarrow: {error}") from error
    return _placed(polars.with_row_index(_ROW, offset=1), table)


def _scan(path: Path, reading: Reading) -> pl.LazyFrame:
    """The file's rows; in a CSV known columns are text and the others typed by all their values."""
    if kind_of(path) == "parquet":
        return reading.parquet(path)
    table = reading.rows(path)
    if not [name for name in table.collect_schema() if name not in ("file", "line")]:
        return pl.LazyFrame(schema=dict.fromkeys(REQUIRED[path.name.split(".")[0]], pl.String()))
    if kind_of(path) == "json":
        return table
    return typed(table, [name for name in table.collect_schema() if name not in (*_KNOWN, "file", "line")])


def _tell_of_others(source: Source, read: list[Path], reading: Reading) -> None:
    """A note names the tables of the folder that are called after none of ours, so that nobody misses them in silence."""
    others = [
        path.name for path in files_of(source) if kind_of(path) and path not in read and path.suffix not in (".txt", ".dat")
    ]
    if others:
        reading.note(f"not read, for they are named after none of the tables: {', '.join(others)}; a mapping says what they are")


def _placed(table: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """The rows with `file` and `line`; columns of these names move aside, for a shop may well sell by product line."""
    taken: dict[str, str] = {column: f"{column}_" for column in ("file", "line") if column in table.collect_schema()}
    return table.rename({**taken, _ROW: "line"}).with_columns(pl.lit(name).alias("file"), pl.col("line").cast(pl.Int64))


def _named(table: pl.LazyFrame, name: str, path: Path | None) -> pl.LazyFrame:
    """The table under the known names; ids that pandas made floats are whole again."""
    present = [column for column in table.collect_schema() if column not in ("file", "line")]
    renames = {theirs: ours for theirs, ours in named(name, present).items() if theirs != ours}
    table = table.rename(renames)
    schema = table.collect_schema()
    for column in REQUIRED[name]:
        if column not in schema:
            place = "" if path is None else f"{path}: "
            hint = did_you_mean(column, present)
            raise SchemaError(f"{place}{name} needs the column {column!r}{hint} (got {', '.join(present)})")
    theirs = {ours: theirs for theirs, ours in renames.items()}
    called = {column: theirs.get(column, column) for column in REQUIRED[name]}
    check_ids(schema, called, f"{name}: " if path is None else f"{path}: ")
    ids = [column for column in ("id", "user", "product", "key") if column in schema and schema[column].is_float()]
    return table.with_columns(pl.col(column).cast(pl.Int64, strict=False) for column in ids)


def _unpacked(products: pl.LazyFrame) -> pl.LazyFrame:
    schema = products.collect_schema()
    split = [items(name) for name in _LISTS if schema.get(name) == pl.String()]
    if "categories" in schema and schema["categories"] != pl.List(pl.List(pl.String())):
        if isinstance(schema["categories"], pl.List):
            nested = pl.col("categories").map_batches(paths_of_names, return_dtype=pl.List(pl.List(pl.String())))
            split.append(nested.list.eval(pl.element().list.join(PATH_SEPARATOR).str.split(PATH_SEPARATOR)))
        else:
            split.append(paths("categories", PATH_SEPARATOR))
    return products.with_columns(split)
