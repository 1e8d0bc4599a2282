"""YOOCHOOSE's click sessions: the files of the RecSys Challenge 2015, or the slices that session-rec and GRU4Rec prepare of them.

Source: Ben-Shimon et al., "RecSys Challenge 2015 and the YOOCHOOSE Dataset", RecSys 2015. A session is a user here.
"""

from pathlib import Path

import polars as pl

from kg_builder.dumps import Dump, Source
from kg_builder.errors import MissingSource
from kg_builder.layouts.facts import commonest, first_place
from kg_builder.reading import Reading, check_fields, columns_of, files_of
from kg_builder.values import none_if_empty

FORMAT = "yoochoose"
LOOKS_FOR = "yoochoose-clicks.dat and yoochoose-buys.dat, or train_full.txt or train.txt with the columns SessionId, ItemId, Time"
PRECEDENCE = 1

_CLICKS = ("user", "at", "product", "category")
_BUYS = ("user", "at", "product", "price", "quantity")
_SLICE = {"sessionid": "user", "itemid": "product", "time": "at"}
_PARTS = (("train_full",), ("train",), ("train_tr", "train_valid"))
"""How the names of a slice's files end: the whole of the training sessions first, then its parts."""


def recognises(source: Source) -> bool:
    """True for the challenge's files or a slice, in a folder or alone; no test file is opened."""
    return bool(_raw(source) or _slices(source))


def read(source: Source, reading: Reading) -> Dump:
    """Clicks as `viewed`, buys as `bought`, sessions as users; clicks in a category or brand put the item there.

    The category of a click is where it was made: 1-12 is a category, a longer number a brand, S a special offer (`special_offer`
    of the view), 0 unknown. A price or quantity of 0 is unknown too. Prices are as the challenge gives them, without a currency.

    Raises:
        MissingSource: there are no such files.
        DamagedDump: a file lacks a column.
    """
    raw, slices = _raw(source), _slices(source)
    if not raw and not slices:
        raise MissingSource(f"there are no sessions at {source}; {FORMAT} looks for {LOOKS_FOR}")
    for file in files_of(source):
        if file not in (raw or slices) and _stem(file).endswith(("test", "train", "train_tr", "train_valid")):
            why = "it holds the sessions to test on" if _stem(file).endswith("test") else "train_full holds its sessions"
            reading.note(f"{file.name} was not opened: {why}")
    name = Path(str(source)).name
    if not raw:
        return Dump(name, FORMAT, events=pl.concat([_slice(reading, file) for file in slices]))
    clicks = [_table(reading, file, _CLICKS) for file in raw if _is(file, "clicks")]
    buys = [_table(reading, file, _BUYS) for file in raw if _is(file, "buys")]
    events = [*(_viewed(table) for table in clicks), *(_bought(table) for table in buys)]
    products = _products(pl.concat(clicks)) if clicks else None
    return Dump(name, FORMAT, products=products, events=pl.concat(events, how="diagonal"), codes=("Brand", "Category"))


def _table(reading: Reading, file: Path, names: tuple[str, ...]) -> pl.LazyFrame:
    check_fields(file, names, ",")
    return reading.delimited(file, separator=",", names=names)


def _raw(source: Source) -> list[Path]:
    return [file for file in files_of(source) if _is(file, "clicks") or _is(file, "buys")]


def _is(file: Path, what: str) -> bool:
    return file.name.lower() in (f"yoochoose-{what}.dat", f"yoochoose-{what}.dat.gz")


def _stem(file: Path) -> str:
    return file.name.lower().split(".")[0]


def _slices(source: Source) -> list[Path]:
    texts = [file for file in files_of(source) if file.name.lower().endswith((".txt", ".txt.gz"))]
    for ends in _PARTS:
        found = [file for file in texts if _stem(file).endswith(ends)]
        if found:
            return [file for file in found if set(_SLICE) <= {name.lower() for name in columns_of(file)}]
    return []


def _slice(reading: Reading, file: Path) -> pl.LazyFrame:
    table = reading.delimited(file, separator="\t")
    columns = {name.lower(): name for name in table.collect_schema()}
    ours = {columns[name]: own for name, own in _SLICE.items()}
    return table.select(*ours, "file", "line").rename(ours).with_columns(pl.lit("viewed").alias("event"))


def _viewed(clicks: pl.LazyFrame) -> pl.LazyFrame:
    special = none_if_empty(pl.col("category")).str.to_uppercase() == "S"
    return clicks.with_columns(pl.lit("viewed").alias("event"), pl.when(special).then(special).alias("special_offer")).drop(
        "category"
    )


def _bought(buys: pl.LazyFrame) -> pl.LazyFrame:
    known = [
        pl.when(~pl.col(name).str.contains(r"^\s*0+(?:\.0*)?\s*$")).then(pl.col(name)).alias(name)
        for name in ("price", "quantity")
    ]
    return buys.with_columns(pl.lit("bought").alias("event"), *known)


def _products(clicks: pl.LazyFrame) -> pl.LazyFrame:
    """Every item clicked in a category or brand, with the brand that was clicked most and all its categories."""
    said = none_if_empty(pl.col("category"))
    number = said.cast(pl.Int64, strict=False)
    clicks = clicks.select(
        pl.col("product").alias("id"),
        pl.when(number.is_between(1, 12)).then(pl.format("Category {}", number)).alias("category"),
        pl.when(number > 12).then(pl.format("Brand {}", number)).alias("brand"),
        *("file", "line"),
    )
    within = clicks.drop_nulls(["id", "category"]).group_by("id").agg(pl.col("category").unique().sort())
    paths = within.collect(engine="streaming").select("id", categories=pl.col("category").list.eval(pl.concat_list(pl.element())))
    products = commonest(clicks, "id", "brand").join(paths.lazy(), on="id", how="full", coalesce=True)
    places = clicks.drop_nulls("id").group_by("id").agg(first_place()).collect(engine="streaming")
    return products.join(places.lazy(), on="id", how="left")
