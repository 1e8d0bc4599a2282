"""What the columns of other people's files are called, and which of ours each of them is."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from kg_builder.errors import SchemaError
from kg_builder.reading.othernames import FURTHER
from kg_builder.values import EARLIEST, NO_VALUE, is_day, none_if_empty

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "products": ("id",),
    "users": ("id",),
    "reviews": ("user", "product"),
    "events": ("user", "product"),
    "categories": ("id",),
    "triples": ("head", "relation", "tail"),
}
"""The tables of a Dump and the columns each must have."""

_USER = (
    "user userid uid customer customerid customerno customernumber client clientid visitor visitorid member memberid account"
    " accountid buyer buyerid shopper shopperid reviewer reviewerid author authorid householdid household session sessionid"
)
_PRODUCT = (
    "product productid productcode productno productnumber pid item itemid itemno sku skuid asin parentasin article articleid"
    " articleno articlenumber stockcode gtin ean upc isbn movieid trackid goods goodsid goodid variantid"
)
_AT = (
    "at timestamp time ts date datetime eventtime eventdate createdat created createdon occurredat orderdate ordertime"
    " invoicedate purchasedate reviewtime reviewdate unixreviewtime unixtime epoch when transactiondate transactiontime visitedat"
    " submittedat postedat boughtat purchasedat orderedat ratedat updatedat day"
)
_QUANTITY = "quantity qty units count pieces"
_PRICE = "price unitprice listprice saleprice itemprice cost priceusd priceeur"
_KEY = (
    "key order orderid ordernumber orderno basket basketid invoice invoiceno invoicenumber transaction transactionid cartid"
    " receipt receiptid ticketid"
)

_ALIASES: Mapping[str, Mapping[str, str]] = {
    "products": {
        "id": f"id {_PRODUCT}",
        "title": "title name productname producttitle itemname displayname label",
        "description": "description desc details longdescription shortdescription summary productdescription body about",
        "price": _PRICE,
        "brand": "brand brandname manufacturer maker vendor make publisher producer",
        "categories": "categories category categoryname categorypath categorycode categoryid producttype productcategory"
        " breadcrumb breadcrumbs taxonomy genres genre department",
        "also_bought": "alsobought alsobuy relatedproducts crosssell crosssells",
        "also_viewed": "alsoviewed alsoview",
        "bought_together": "boughttogether frequentlyboughttogether",
    },
    "users": {"id": f"id {_USER}"},
    "reviews": {
        "user": _USER,
        "product": _PRODUCT,
        "rating": "rating stars score overall starrating grade points",
        "title": "title headline summary subject reviewtitle reviewheadline reviewsummary",
        "text": "text review reviewtext body comment content reviewbody message",
        "at": _AT,
        "helpful": "helpful helpfulvote helpfulvotes vote votes likes upvotes",
        "verified": "verified verifiedpurchase",
        "id": "id reviewid",
    },
    "events": {
        "user": _USER,
        "product": _PRODUCT,
        "event": "event eventtype eventname type action actiontype behavior behaviour behaviortype activity interaction",
        "at": _AT,
        "key": _KEY,
        "rating": "rating stars score overall preference",
        "quantity": _QUANTITY,
        "price": _PRICE,
        "discount": "discount discountamount rebate",
        "position": "position rank step",
    },
    "categories": {
        "id": "id categoryid category",
        "name": "name title label categoryname",
        "parent": "parent parentid parentcategory parentcategoryid",
    },
    "triples": {
        "head": "head headid subject subjectid h s source from",
        "relation": "relation relationid predicate property r p rel",
        "tail": "tail tailid object objectid t o target to",
    },
}
_FORMS: Mapping[str, tuple[str, Callable[[pl.Expr], pl.Expr]]] = {
    "boolean": (r"(?i)^(?:true|false)$", lambda value: value.str.to_lowercase() == "true"),
    "integer": (r"^-?(?:0|[1-9]\d{0,17})$", lambda value: value.cast(pl.Int64)),
    "float": (r"^-?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$", lambda value: value.cast(pl.Float64)),
}
_KNOWN: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    table: {ours: (*names.split(), *FURTHER.get(table, {}).get(ours, "").split()) for ours, names in columns.items()}
    for table, columns in _ALIASES.items()
}


def plain(name: str) -> str:
    """A column's name without case, blanks and punctuation.

    Example:
        >>> plain("Customer ID"), plain("customer_id"), plain("user_id:token")
        ('customerid', 'customerid', 'userid')
    """
    return re.sub(r"[\W_]", "", name.partition(":")[0].lower())


def columns_of(table: str) -> list[str]:
    """Our columns of a table of the Dump.

    Example:
        >>> columns_of("categories")
        ['id', 'name', 'parent']
    """
    return list(_KNOWN[table])


def aliases(table: str) -> Mapping[str, tuple[str, ...]]:
    """What each of our columns of a table is called by others, without case and punctuation, the likeliest name first.

    Example:
        >>> aliases("events")["position"]
        ('position', 'rank', 'step')
    """
    return _KNOWN[table]


def named(table: str, names: Iterable[str]) -> dict[str, str]:
    """Which of the names is which of the table's columns: theirs to ours, each of ours once, the likeliest name of each.

    Example:
        >>> named("events", ["visitorid", "itemid", "event", "timestamp", "colour"])
        {'visitorid': 'user', 'itemid': 'product', 'event': 'event', 'timestamp': 'at'}
    """
    theirs = list(names)
    found: dict[str, str] = {}
    for ours, others in _KNOWN[table].items():
        ranked = [(0, name) for name in theirs if name == ours]
        ranked += [(1 + others.index(plain(name)), name) for name in theirs if plain(name) in others and name not in found]
        if ranked:
            found[min(ranked)[1]] = ours
    return {name: found[name] for name in theirs if name in found}


def check_ids(schema: pl.Schema, columns: Mapping[str, str], place: str) -> None:
    """Nothing, where these columns (ours to what they are called) hold texts or numbers, so that each value can be an id.

    Raises:
        SchemaError: one holds objects, lists or truth values.

    Example:
        >>> check_ids(pl.Schema({"user": pl.List(pl.String())}), {"user": "buyer"}, "clicks.jsonl: ")
        Traceback (most recent call last):
        kg_builder.errors.SchemaError: clicks.jsonl: expected one text or number a row in 'buyer', the user (got lists)
    """
    kinds = {pl.Struct: "objects", pl.List: "lists", pl.Array: "lists", pl.Boolean: "true and false"}
    for ours, theirs in columns.items():
        got = kinds.get(schema[ours].base_type()) if ours in schema else None
        if got is not None:
            raise SchemaError(f"{place}expected one text or number a row in {theirs!r}, the {ours} (got {got})")


def timed(table: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """The table with `at` and `position` instead of a column that holds times or positions.

    Numbers of which the largest lies before 1995 are positions in a history and no times, unless all are days such as 20230115
    or most of the column is written as dates.
    0 among times is an unknown time, and 0 everywhere says nothing at all. What is no number stays in `at`, where cleaning reads
    it as a date or refuses the row.
    """
    said = none_if_empty(pl.col(column))
    value = said.cast(pl.Float64, strict=False)
    days = is_day(said.filter(said.is_not_null() & ~(value == 0).fill_null(value=False))).all()
    written = said.filter(said.is_not_null() & value.is_null()).len() > value.count()
    asked = table.select(pl.when(value.is_finite()).then(value).max().alias("largest"), (days | written).alias("dated"))
    largest, dated = asked.collect(engine="streaming").row(0)
    at, position = said, pl.lit(None, pl.String)
    if not largest:
        at = pl.when(value.is_null() | (value != 0)).then(said)
    elif largest < EARLIEST and not dated:
        at, position = pl.when(value.is_null()).then(said), pl.when(value.is_not_null()).then(said)
    else:
        at = pl.when((value != 0).fill_null(value=True)).then(said)
    others = [name for name in table.collect_schema() if name != column]
    return table.select(*others, at.alias("at"), position.alias("position"))


def typed(table: pl.LazyFrame, names: Sequence[str]) -> pl.LazyFrame:
    """The columns of text as booleans or numbers where every value is one or says that there is none (NaN); 007 is a code.

    Example:
        >>> said = pl.LazyFrame({"size": ["1", "2.5", "NaN"], "code": ["007", "8", None], "new": ["true", "False", None]})
        >>> typed(said, ["size", "code", "new"]).collect().rows()
        [(1.0, '007', True), (2.5, '8', False), (None, None, None)]
    """
    schema = table.collect_schema()
    fits = [
        ((_filled(name).count() > 0) & _filled(name).str.contains(form).all()).alias(f"{kind} {name}")
        for name in names
        for kind, (form, _) in _FORMS.items()
        if schema[name] == pl.String()
    ]
    if not fits:
        return table
    said = table.select(fits).collect(engine="streaming").row(0, named=True)
    found = {name: next((kind for kind in _FORMS if said.get(f"{kind} {name}")), None) for name in names}
    return table.with_columns(_FORMS[kind][1](_filled(name)).alias(name) for name, kind in found.items() if kind)


def _filled(name: str) -> pl.Expr:
    return pl.when(~pl.col(name).is_in(NO_VALUE)).then(pl.col(name))


def worded(table: pl.LazyFrame, known: Collection[str]) -> tuple[str, ...]:
    """The columns beyond the known ones that hold text or lists of it."""
    return tuple(
        name
        for name, dtype in table.collect_schema().items()
        if name not in (*known, "file", "line") and dtype in (pl.String, pl.List(pl.String()))
    )


def items(name: str, separator: str = "|") -> pl.Expr:
    """A column of text as lists: the items of `a|b` or of a JSON list.

    Example:
        >>> pl.DataFrame({"x": ["a|b", '["c"]', None]}).select(items("x"))["x"].to_list()
        [['a', 'b'], ['c'], None]
    """
    dtype = pl.List(pl.String())
    return _each(name, lambda cell: [str(item) for item in _listed(cell, separator)], dtype)


def paths(name: str, path: str = " > ", separator: str = "|") -> pl.Expr:
    """A column of text as paths from the top down: those of `A > B|C`, `["A > B", "C"]` or `[["A", "B"], ["C"]]`.

    Example:
        >>> pl.DataFrame({"x": ["A > B|C", '[["A", "B"]]']}).select(paths("x"))["x"].to_list()
        [[['A', 'B'], ['C']], [['A', 'B']]]
    """
    dtype = pl.List(pl.List(pl.String()))

    def read(cell: str) -> list[list[str]]:
        found = _listed(cell, separator)
        return [[str(part) for part in item] if isinstance(item, list) else _parts(str(item), path) for item in found]

    return _each(name, read, dtype)


def _parts(said: str, separator: str) -> list[str]:
    return said.split(separator) if separator else [said]


def _each(name: str, read: Callable[[str], list[Any]], dtype: pl.DataType) -> pl.Expr:
    """What `read` makes of every cell, null where there is none."""

    def column(cells: pl.Series) -> pl.Series:
        return pl.Series(cells.name, [None if cell is None else read(cell) for cell in cells], dtype=dtype)

    return pl.col(name).cast(pl.String).map_batches(column, return_dtype=dtype, is_elementwise=True)


def _listed(cell: str, separator: str) -> list[Any]:
    if cell.lstrip().startswith("["):
        try:
            found: list[Any] = json.loads(cell)
        except ValueError:
            return _parts(cell, separator)
        return found
    return _parts(cell, separator)
