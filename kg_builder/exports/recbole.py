"""RecBole's atomic files: tab-separated, a type behind every column's name, the folder and its files called alike.

NAME.inter has every interaction by time, NAME.item and NAME.user what is known of each, NAME.kg the edges between all other
nodes as triples, NAME.link the entity that each item is. An entity is Label/id, because ids may be equal across labels; a
relation is the edge's type, RELATED:relation for outside knowledge. The format has no place for reviews' texts, edges'
properties, and edges of users that are no interactions: they stay behind. So do columns without a value.

RecBole reads with pandas, which takes quotes, NA and the like for its own, so in tokens `%`, `"`, control characters and the
first letter of such a word, or of nothing but blanks, are percent-encoded (as in URLs, UTF-8); an empty token is a lone `%`, a
missing value an empty cell. In sequences the separator is a blank: words of a text are as they are, a blank within a token of a
list is %20.
"""

from collections.abc import Callable, Mapping, Set
from pathlib import Path

import polars as pl

from kg_builder.schema import PropertyType
from kg_builder.stores import Progress
from kg_builder.tables import GraphTables

FORMAT = "recbole"
HOLDS = "a folder NAME with RecBole's atomic files NAME.inter, .item, .user, .kg and .link"

_ENDINGS = ("inter", "item", "user", "kg", "link")
_INTER: Mapping[str, str] = {
    "user": "user_id:token",
    "product": "item_id:token",
    "rating": "rating:float",
    "at": "timestamp:float",
    "kind": "event:token",
    "position": "position:float",
    "quantity": "quantity:float",
    "price": "paid:float",
}
"""The columns of `GraphTables.interactions` as RecBole has them. What was paid is not the item's price."""
_TAKEN = frozenset(column.partition(":")[0] for column in _INTER.values())
_TYPES: Mapping[PropertyType, str] = {"integer": "float", "float": "float", "strings": "token_seq", "vector": "float_seq"}
_NO_VALUE = (
    *("#N/A N/A", "#N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>"),
    *("N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
"""What pandas takes for a missing value."""
_PERCENT = {one: f"%{ord(one):02X}" for one in (*'%"', *map(chr, (*range(32), 127)))}
_WORDS = {"": "%", **{word: f"%{ord(word[0]):02X}{word[1:]}" for word in _NO_VALUE}}
_AT_ONCE = 20_000
"""Rows that are written at a time."""

Columns = dict[str, pl.Expr]
"""A file's columns, each with what stands in it."""


def recognises(path: Path) -> bool:
    """True for a folder that has all five files of its name."""
    return all((path / f"{path.name}.{ending}").is_file() for ending in _ENDINGS)


def write(tables: GraphTables, path: Path, *, progress: Progress | None = None) -> None:
    """The folder holds the five files; rows go from the tables to the files a batch at a time."""
    path.mkdir(parents=True)
    files: Mapping[str, Callable[[GraphTables], tuple[pl.LazyFrame, Columns]]] = {
        "inter": _interactions,
        "item": _items,
        "user": _users,
        "kg": _triples,
        "link": _links,
    }
    for done, (ending, rows) in enumerate(files.items(), 1):
        _write(path / f"{path.name}.{ending}", *rows(tables))
        if progress is not None:
            progress(FORMAT, done, len(files))


def _write(path: Path, table: pl.LazyFrame, columns: Columns) -> None:
    with path.open("wb") as file:
        file.write("\t".join(columns).encode() + b"\n")
        for rows in table.collect_batches(chunk_size=_AT_ONCE, maintain_order=True):
            lines = rows.select(value.alias(column) for column, value in columns.items())
            lines.write_csv(file, include_header=False, separator="\t", quote_style="never", null_value="")


def _interactions(tables: GraphTables) -> tuple[pl.LazyFrame, Columns]:
    first = ("user", "at", "position", "product")
    chosen = tables.interactions()
    used = chosen.select(pl.col(column).is_not_null().any() for column in _INTER).collect().row(0)
    always = ("user", "product", "kind")
    columns = [column for column, some in zip(_INTER, used, strict=True) if some or column in always]
    order = (*first, *(name for name in _INTER if name not in first))
    return chosen.sort(order, nulls_last=False), {
        _INTER[column]: _token(pl.col(column)) if column in always else _number(pl.col(column)) for column in columns
    }


def _items(tables: GraphTables) -> tuple[pl.LazyFrame, Columns]:
    """Every product with its properties, its brand (the first by name) and its categories (the whole paths)."""
    table = _nodes(tables, "Product").sort("id")
    columns = _columns(tables, "Product", "item_id", taken=_TAKEN)
    taken = {_name(column) for column in columns}
    brand = _names(tables, "MADE_BY", "Brand").group_by("source").agg(pl.col("name").min().alias("brand"))
    categories = _names(tables, "IN_CATEGORY", "Category").group_by("source").agg(pl.col("id").sort().alias("categories"))
    for column, found, encode in (("brand:token", brand, _token), ("categories:token_seq", categories, _sequence)):
        name = _name(column)
        if name not in taken:
            about = f"{name} of it"  # no property has a blank in its name
            table = table.join(found.rename({name: about}), left_on="id", right_on="source", how="left", maintain_order="left")
            columns[column] = encode(pl.col(about))
    return table, columns


def _users(tables: GraphTables) -> tuple[pl.LazyFrame, Columns]:
    items = {_name(column) for column in _columns(tables, "Product", "item_id", taken=_TAKEN)}
    return _nodes(tables, "User").sort("id"), _columns(tables, "User", "user_id", taken=_TAKEN | items | {"brand", "categories"})


def _triples(tables: GraphTables) -> tuple[pl.LazyFrame, Columns]:
    parts = [
        table.select(
            head=pl.lit(f"{source}/") + pl.col("source"),
            relation=_relation(name, tables.schema.edge((source, name, target)).key),
            tail=pl.lit(f"{target}/") + pl.col("target"),
        )
        for (source, name, target), table in tables.edges.items()
        if not {source, target} & _people(tables)
    ]
    names = ("head", "relation", "tail")
    empty = pl.LazyFrame(schema=dict.fromkeys(names, pl.String()))
    return pl.concat([empty, *parts]), {f"{name}_id:token": _token(pl.col(name)) for name in names}


def _links(tables: GraphTables) -> tuple[pl.LazyFrame, Columns]:
    """The items that are entities of the triples."""
    ends = [
        table.select(pl.col(column).alias("id"))
        for (source, _, target), table in tables.edges.items()
        for column, label, other in (("source", source, target), ("target", target, source))
        if label == "Product" and other not in _people(tables)
    ]
    linked = pl.concat([pl.LazyFrame(schema={"id": pl.String()}), *ends]).unique().sort("id")
    entity = _token(pl.lit("Product/") + pl.col("id"))
    return linked, {"item_id:token": _token(pl.col("id")), "entity_id:token": entity}


def _people(tables: GraphTables) -> set[str]:
    """Users, and what stands for an event of theirs: a Review."""
    return {"User", *(kind[0] for kind, spec in tables.schema.edges.items() if spec.interaction)}


def _relation(name: str, key: str | None) -> pl.Expr:
    return pl.lit(name) if key != "relation" else pl.lit(f"{name}:") + pl.col(key)


def _nodes(tables: GraphTables, label: str) -> pl.LazyFrame:
    spec = tables.schema.node(label)
    empty = GraphTables.of(tables.schema, {label: pl.DataFrame(schema={"id": pl.String()})}, {}).nodes[spec.label]
    return tables.nodes.get(label, empty)


def _names(tables: GraphTables, name: str, target: str) -> pl.LazyFrame:
    """What products are joined to by this edge type: `source`, `id` and `name` of the target."""
    edges = tables.edges.get(("Product", name, target))
    if edges is None:
        return pl.LazyFrame(schema={"source": pl.String(), "id": pl.String(), "name": pl.String()})
    known = "name" in tables.schema.node(target).properties
    named = _nodes(tables, target).select("id", (pl.coalesce("name", "id") if known else pl.col("id")).alias("name"))
    return edges.select("source", "target").join(named, left_on="target", right_on="id").rename({"target": "id"})


def _columns(tables: GraphTables, label: str, key: str, *, taken: Set[str]) -> Columns:
    """The columns of a label's file; a name that another file has gets an underscore, because RecBole joins the files."""
    spec = tables.schema.node(label)
    columns = {f"{key}:token": _token(pl.col("id"))}
    properties = {**spec.properties, **spec.derived}
    used = _nodes(tables, label).select(pl.col(name).is_not_null().any() for name in properties).collect()
    for name, kind in properties.items():
        if used[name].any():
            free = name
            while free in taken or (free != name and free in properties):
                free = f"{free}_"
            is_text = kind == "string" and name in spec.text
            columns[f"{free}:{'token_seq' if is_text else _TYPES.get(kind, 'token')}"] = _value(pl.col(name), kind)
    return columns


def _name(column: str) -> str:
    return column.partition(":")[0]


def _value(column: pl.Expr, kind: PropertyType) -> pl.Expr:
    if kind == "strings":
        return _sequence(column)
    if kind == "vector":
        return column.list.eval(_number(pl.element())).list.join(" ")
    return _token(column) if kind in ("string", "boolean") else _number(column)


def _number(column: pl.Expr) -> pl.Expr:
    """The number, whole ones without a point."""
    return column.cast(pl.String).str.replace(r"\.0$", "")


def _token(column: pl.Expr) -> pl.Expr:
    encoded = column.cast(pl.String).str.replace_many([*_PERCENT], [*_PERCENT.values()])
    return encoded.replace(_WORDS).str.replace("^ ( *)$", "%20${1}")


def _sequence(column: pl.Expr) -> pl.Expr:
    """The tokens of a list, blanks in them encoded; an empty list is a missing value."""
    joined = column.list.eval(_token(pl.element()).str.replace_all(" ", "%20", literal=True)).list.join(" ")
    return pl.when(joined != "").then(joined)
