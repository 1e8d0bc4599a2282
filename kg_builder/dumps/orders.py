"""Invoice lines: what was ordered, by whom, how many at which price; cancellations take back what was bought before.

Layout: Chen, Sain and Guo, "Online Retail" (2010-2011) and "Online Retail II" (2009-2011) of the UCI Machine Learning Repository,
and any table that has columns for order, product, customer, quantity and price.
"""

import logging
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from kg_builder.dumps import Dump, Source
from kg_builder.errors import DumpError, MissingSource, SchemaError
from kg_builder.layouts.dates import dated
from kg_builder.layouts.facts import commonest, products_told_of, told_of_products, whole
from kg_builder.layouts.netting import netted
from kg_builder.reading import Reading, columns_of, files_of, held_out, kind_of
from kg_builder.reading.columns import REQUIRED, named, plain, typed
from kg_builder.rejects import Sieve
from kg_builder.values import none_if_empty, number, price

logging.getLogger("fastexcel").addHandler(logging.NullHandler())  # an empty column is no news

FORMAT = "orders"
LOOKS_FOR = (
    "invoice lines such as UCI's Online Retail: columns for order, product, customer, quantity and price, in .csv or .xlsx"
)
PRECEDENCE = 1

_NEEDED = ("user", "product", "key", "quantity", "price")
_OURS = (*_NEEDED, "at", "discount")
_UCI = frozenset({"stockcode", "description", "quantity", "invoicedate", "country"})
_NO_PRODUCTS = (
    *("POST", "D", "DOT", "M", "S", "B", "C2", "C3", "CRUK", "PADS", "BANK CHARGES"),
    *("AMAZONFEE", "ADJUST", "ADJUST2", "TEST001", "TEST002"),
)
"""UCI's codes for postage, discounts, manual entries, samples, bad debt, carriage, commission, fees, tests."""
_JUNK = (
    r"(?i)^[^a-z]*$|\b(?:damage[ds]?|damges|check(?:ed)?|missing|mixed up|lost|wrong(?:ly)?|found|thrown away|wet|rusty|mould?y?"
    r"|crushed|smashed|broken|faulty|adjust(?:ment)?|sold as|counted|returned|sample|test|ebay|unsaleable|destroyed)\b"
)
"""What UCI's stock keepers wrote where the description should stand."""


def recognises(source: Source) -> bool:
    """True for a file of invoice lines, or a folder of nothing else; a workbook is taken at its word."""
    files = _files(source)
    heads = [head for file in files if not _is_workbook(file) and (head := columns_of(file))]
    return bool(heads or any(map(_is_workbook, files))) and all(map(_fits, heads))


def read(source: Source, reading: Reading) -> Dump:
    """Lines with a customer as events of the kind `bought`, the codes sold as products, the customers' countries.

    A product's title is its commonest description, its price the median unit price. A line of a negative quantity, and in UCI's
    files one of an invoice that starts with C, takes back what the customer bought of the product before, the latest first.

    Raises:
        MissingSource: there is no such file.
        SchemaError: a column is missing; says which.
        DumpError: a workbook needs a package that is not installed.
    """
    tables = [table for file in _chosen(source, reading) for table in _tables(reading, file)]
    if not tables:
        raise MissingSource(f"{source} has no invoice lines; {FORMAT} looks for {LOOKS_FOR}")
    sieve = Sieve(reading.rejects, reading.scratch)
    lines = sieve.hold("orders-lines", dated(pl.concat(tables, how="diagonal_relaxed"), reading.note))
    sieve.spare(lines.filter("__service"), "postage, fees, samples and corrections are no products", "product")
    lines = lines.filter(~pl.col("__service"))
    sold = lines.filter(~pl.col("__back") & (pl.col("__quantity").fill_null(1) > 0) & (_signed() | (pl.col("__price") > 0)))
    sieve.spare(lines.filter(~_signed()), "the sale has no customer", "key")
    bought = netted(lines.filter(_signed()), sieve)
    schema = bought.collect_schema()
    further = [name for name in schema if not name.startswith("__") and name not in (*_OURS, "file", "line")]
    told = told_of_products(name for name in further if not schema[name].is_nested())
    users = [name for name in further if plain(name) == "country"]
    bought = typed(bought, [name for name in further if name not in (*told, *users)])
    return Dump(
        name=Path(str(source)).name,
        format=FORMAT,
        products=_products(sold, told),
        users=commonest(bought, "user", users[0]).rename({"user": "id", users[0]: "country"}) if users else None,
        events=bought.select(pl.lit("bought").alias("event"), pl.exclude(*told, *users, r"^__.*$")),
    )


def _files(source: Source) -> list[Path]:
    """The tables of a folder without those to test on, or the one file."""
    files = _candidates(source)
    tests = held_out(files)
    return [file for file in files if file not in tests]


def _candidates(source: Source) -> list[Path]:
    """All tables of a folder, or the one file; none where a file is named after a table of the format `tables`."""
    files = [file for file in files_of(source) if (kind_of(file) or _is_workbook(file)) and not _is_about(file)]
    return [] if any(file.name.lower().split(".")[0] in REQUIRED for file in files) else files


def _chosen(source: Source, reading: Reading) -> list[Path]:
    """The files to read: a workbook beside text files holds the same lines once more."""
    if not Path(str(source)).exists():
        raise MissingSource(f"there is nothing at {source}; {FORMAT} looks for {LOOKS_FOR}")
    for file in held_out(_candidates(source)):
        reading.note(f"{file.name} was not opened: by its name it holds what a ranking is tested on")
    files = _files(source)
    plain_files = [file for file in files if not _is_workbook(file)]
    for file in files if plain_files else []:
        if _is_workbook(file):
            reading.note(f"{file.name} was not read: the other files of the folder are taken for its sheets")
    return plain_files or files


def _is_workbook(file: Path) -> bool:
    return file.suffix.lower() == ".xlsx"


def _is_about(file: Path) -> bool:
    return file.name.lower().startswith(("readme", "license", "licence"))


def _fits(columns: list[str]) -> bool:
    roles = set(named("events", columns).values())
    return set(_NEEDED) <= roles and not roles & {"event", "rating"}


def _tables(reading: Reading, file: Path) -> Iterator[pl.LazyFrame]:
    """The lines of a file under our names, with what they say as numbers and which kind they are."""
    for table in _sheets(file) if _is_workbook(file) else [reading.rows(file)]:
        columns = [name for name in table.collect_schema() if name not in ("file", "line")]
        roles = {theirs: ours for theirs, ours in named("events", columns).items() if ours in _OURS}
        missing = [ours for ours in _NEEDED if ours not in roles.values()]
        if columns and missing:
            found = ", ".join(f"{ours} ({theirs})" for theirs, ours in roles.items()) or "nothing"
            raise SchemaError(
                f"{file} needs columns for {', '.join(_NEEDED)}: found {found}; not found: {', '.join(missing)}; "
                f"its columns are: {', '.join(columns)}. `kg-builder infer {file}` writes a mapping"
            )
        if columns:
            yield _judged(table.rename(roles), uci={plain(name) for name in columns} >= _UCI)


def _judged(lines: pl.LazyFrame, *, uci: bool) -> pl.LazyFrame:
    """The lines with `__quantity` and `__price`, and whether a line takes something back or is about no product."""
    present = lines.collect_schema()
    at = pl.col("at") if "at" in present else pl.lit(None, pl.String)
    if present.get("at", pl.String()).is_temporal():
        at = at.cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT%H:%M:%S")
    product = none_if_empty(whole("product"))
    lines = lines.with_columns(
        none_if_empty(whole("user")).alias("user"),
        (product.str.to_uppercase() if uci else product).alias("product"),  # UCI: 15056bl is 15056BL
        whole("key").alias("key"),
        pl.col("quantity").cast(pl.String),
        pl.col("price").cast(pl.String),
        at.cast(pl.String).alias("at"),
    )
    many = number(pl.col("quantity"))
    code, invoice = pl.col("product"), pl.col("key").str.contains(r"^\s*[Cc]\d")
    unread = many.is_null() & none_if_empty(pl.col("quantity")).is_not_null()
    return lines.with_columns(
        many.alias("__quantity"),
        pl.coalesce(number(pl.col("price")), price(pl.col("price"))).alias("__price"),
        ((many < 0) | (invoice & ~unread & uci)).fill_null(value=False).alias("__back"),
        (code.is_in(_NO_PRODUCTS) & uci).fill_null(value=False).alias("__service"),
    )


def _signed() -> pl.Expr:
    return pl.col("user").is_not_null()


def _products(sold: pl.LazyFrame, told: Mapping[str, str]) -> pl.LazyFrame:
    """Every code sold with its title, its median price and what else the lines tell of it."""
    title = next((name for ours in ("title", "description") for name, one in told.items() if one == ours), None)
    others = {theirs: ours for theirs, ours in told.items() if theirs != title}
    products = products_told_of(sold, others).join(_prices(sold), on="id", how="left")
    if title is None:
        return products
    paid = (pl.col("__price") > 0).cast(pl.Int64)  # what stock keepers remark, they remark on lines without a price
    named_lines = sold.filter(~pl.col(title).str.contains(_JUNK) | (paid > 0))
    titles = commonest(named_lines.filter(pl.col(title).str.contains("[A-Za-z]")), "product", title, by=paid)
    return products.join(titles.select(pl.col("product").alias("id"), pl.col(title).alias("title")), on="id", how="left")


def _prices(sold: pl.LazyFrame) -> pl.LazyFrame:
    """What a unit of each product cost in the median, the lower of the two in the middle; memory grows with different prices."""
    counts = sold.filter(pl.col("__price") > 0).group_by("product", "__price").len().collect(engine="streaming")
    upto = counts.sort("product", "__price").with_columns(pl.col("len").cum_sum().over("product").alias("upto"))
    middle = pl.col("upto") * 2 >= pl.col("len").sum().over("product")
    return (
        upto.filter(middle).group_by("product").agg(pl.col("__price").min()).lazy().rename({"product": "id", "__price": "price"})
    )


def _sheets(file: Path) -> Iterator[pl.LazyFrame]:
    """The sheets of a workbook as text; polars reads workbooks whole."""
    if find_spec("fastexcel") is None:
        raise DumpError(f"{file} is an Excel workbook; save its sheets as CSV, or pip install 'graphrec[excel]'")
    for sheet, table in pl.read_excel(file, sheet_id=0, engine="calamine", infer_schema_length=None).items():
        texts = [
            pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S") if dtype.is_temporal() else pl.col(name).cast(pl.String)
            for name, dtype in table.schema.items()
        ]
        numbered = table.select(texts).with_row_index("line", offset=2)
        yield numbered.with_columns(pl.lit(f"{file.name} {sheet}").alias("file"), pl.col("line").cast(pl.Int64)).lazy()
