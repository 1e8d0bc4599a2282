"""From the columns of somebody's file to ours, as a block of a mapping says; all as expressions over lazy rows."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import polars as pl
from polars.datatypes import DataTypeClass

from kg_builder.errors import SchemaError, did_you_mean
from kg_builder.layouts.blocks import Block, Split, whole
from kg_builder.reading.columns import items, paths
from kg_builder.values import none_if_empty

_PATHS, _LISTS = ("categories",), ("also_bought", "also_viewed", "bought_together")
_NUMBERS = ("price", "discount", "quantity", "rating", "helpful", "position")
_COMMA = r"^[^\d,.-]{0,4}-?\d+(\.\d{3})*(,\d+)?[^\d,.-]{0,4}$"
"""A number with a decimal comma, perhaps with points between thousands and a currency beside it."""
_SURELY_COMMA = r"\d(?:,\d{1,2}|,\d{4,})\D{0,4}$"
DataType = pl.DataType | DataTypeClass


def joined(table: pl.LazyFrame, other: pl.LazyFrame, block: Block, *, file: str) -> pl.LazyFrame:
    """The rows with the columns of the other file that stand there under the same id; what both files have stays as it is here.

    Where the other file is the same, gaps are filled from the first row of the same id that says something.

    Raises:
        SchemaError: one of the files lacks the column with the id.
    """
    if block.join is None:
        return table
    here, there = _there(block.join.on), "__there"
    key = _field(other, block.join.there, block.join.file, block).cast(pl.String).alias(there)
    mine = table.collect_schema()
    if block.join.file == block.file:
        gaps = [name for name in mine if name not in ("file", "line", here)]
        said = (pl.col(name).sort_by("line").drop_nulls().first().alias(f"__{name}") for name in gaps)
        first = other.with_columns(key).drop_nulls(there).group_by(there).agg(said)
        filled = table.with_columns(_field(table, block.join.on, file, block).cast(pl.String).alias("__here"))
        filled = filled.join(first, left_on="__here", right_on=there, how="left")
        return filled.select(*(pl.coalesce(name, f"__{name}") if name in gaps else name for name in mine))
    more = [name for name in other.collect_schema() if name not in mine]
    first = other.select(key, *more).drop_nulls(there).unique(there, keep="first", maintain_order=True)
    held = table.with_columns(_field(table, block.join.on, file, block).cast(pl.String).alias("__here"))
    found = held.join(first, left_on="__here", right_on=there, how="left").drop("__here")
    return found if here in mine else found.drop(here, strict=False)


def renamed(table: pl.LazyFrame, block: Block, *, file: str, note: Callable[[str], None], distinct: bool = False) -> pl.LazyFrame:
    """The rows that the block means in our columns, with `file` and `line`.

    Args:
        table: the rows of one file, with `file` and `line`.
        block: what they are.
        file: what an error calls the file.
        note: told how many rows the block leaves out.
        distinct: whether users, products, categories and nodes that are told of in the same words are one row.

    Raises:
        SchemaError: the file lacks a column that the block names.
    """
    if not [name for name in table.collect_schema() if name not in ("file", "line")]:
        return pl.LazyFrame(schema={**dict.fromkeys(block.ours, pl.String()), "file": pl.String(), "line": pl.Int64()})
    rest = _rest(table, block)
    names = dict.fromkeys([*block.columns, *block.only])
    table = table.select(*(_field(table, name, file, block) for name in names), *rest.values(), "file", "line")
    table = _wanted(table, block, file, note)
    if distinct and (block.node or block.table in ("users", "products", "categories")):
        others = [name for name in table.collect_schema() if name not in ("file", "line")]
        table = table.group_by(others).agg(pl.col("file").min(), pl.col("line").min())
    schema = table.collect_schema()
    table = table.with_columns(_said(name, schema[_there(name)], block) for name in block.columns)
    table = _pointed(table, block, list(rest))
    table = table.with_columns(
        split for name in block.columns if (split := _split(name, schema[_there(name)], block)) is not None
    )
    return table.select(*_ours(block), *rest, "file", "line")


def _there(name: str) -> str:
    """What a reading calls their column: `file` and `line` have moved aside."""
    return f"{name}_" if name in ("file", "line") else name


def _field(table: pl.LazyFrame, name: str, file: str, block: Block) -> pl.Expr:
    """Their column, or the field of an object that a dotted name such as `address.city` means."""
    schema = table.collect_schema()
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        first, steps = _there(".".join(parts[:end])), parts[end:]
        if first in schema:
            break
    else:
        there = [one for one in schema if one not in ("file", "line")]
        hint = did_you_mean(name, there)
        raise SchemaError(f"{block.where}: {file} has no column {name!r}{hint} (it has {', '.join(there)})")
    value: pl.Expr = pl.col(first)
    dtype: DataType = schema[first]
    for place, step in enumerate(steps):
        if isinstance(dtype, pl.String):
            value = value.map_batches(partial(_walked, steps=steps[place:]), return_dtype=pl.String(), is_elementwise=True)
            break
        value, dtype = _step(value, dtype, step, f"{block.where}: {file}: {name!r}")
    return value.alias(_there(name))


def _step(value: pl.Expr, dtype: DataType, step: str, where: str) -> tuple[pl.Expr, DataType]:
    """A field of an object, or of every object of a list."""
    inner = dtype.inner if isinstance(dtype, pl.List) else dtype
    if inner == pl.String:
        return value.list.eval(pl.element().map_batches(partial(_walked, steps=[step]), return_dtype=pl.String())), dtype
    fields = {one.name: one.dtype for one in inner.fields} if isinstance(inner, pl.Struct) else {}
    if step not in fields:
        there = ", ".join(fields) or "no fields"
        raise SchemaError(f"{where}: there is no field {step!r}{did_you_mean(step, fields)} (got {there})")
    if isinstance(dtype, pl.List):
        return value.list.eval(pl.element().struct.field(step)), pl.List(fields[step])
    return value.struct.field(step), fields[step]


def _walked(cells: pl.Series, steps: Sequence[str]) -> pl.Series:
    """What stands under these names in every cell's JSON object; of a list of objects a list."""
    found = [_under(_decoded(cell), steps) for cell in cells]
    texts = [one if one is None or isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in found]
    return pl.Series(cells.name, texts, dtype=pl.String())


def _decoded(cell: str | None) -> object:
    try:
        return json.loads(cell or "null")
    except ValueError:
        return None


def _under(value: object, steps: Sequence[str]) -> object:
    if isinstance(value, list):
        return [_under(item, steps) for item in value]
    if not steps:
        return value
    return _under(value.get(steps[0]), steps[1:]) if isinstance(value, dict) else None


def _rest(table: pl.LazyFrame, block: Block) -> dict[str, pl.Expr]:
    """The columns that nothing is said of, by the names that they get; one that would mean something gets an underscore."""
    if not block.rest:
        return {}
    said = {_there(name.split(".")[0]) for name in block.columns}
    found: dict[str, pl.Expr] = {}
    for name in table.collect_schema():
        if name not in said and name not in ("file", "line"):
            own = name
            while own in (*block.known, *block.ours, *map(_there, block.columns), *found):
                own += "_"
            found[own] = pl.col(name).alias(own)
    return found


def _wanted(table: pl.LazyFrame, block: Block, file: str, note: Callable[[str], None]) -> pl.LazyFrame:
    """The rows whose values `only` lists; says how many others there are."""
    if not block.only:
        return table
    fits = pl.all_horizontal(
        none_if_empty(pl.col(_there(name))).is_in(list(values)).fill_null(value=False) for name, values in block.only.items()
    )
    others, every = table.select((~fits).sum(), pl.len()).collect(engine="streaming").row(0)
    if others:
        note(f"{file}: {others:,} of {every:,} rows are not meant by only {dict(block.only)} of {block.where}")
    return table.filter(fits)


def _said(name: str, dtype: pl.DataType, block: Block) -> pl.Expr:
    """Their column with our values and dates for theirs; of a list every item."""
    column = pl.col(_there(name))
    if not isinstance(dtype, pl.List):
        return _dated(_valued(column, name, block), name, block)
    if name in block.values or name in block.formats:
        column = column.list.eval(_dated(_valued(pl.element(), name, block), name, block))
    return column.cast(pl.List(pl.String())).list.join(" ") if block.columns[name] != whole(block.columns[name]) else column


def _valued(value: pl.Expr, name: str, block: Block) -> pl.Expr:
    """Their values as ours."""
    if name not in block.values:
        return value
    words = {theirs: ours or None for theirs, ours in block.values[name].items()}
    return none_if_empty(value).map_batches(partial(_in_our_words, words=words), return_dtype=pl.String(), is_elementwise=True)


def _in_our_words(said: pl.Series, words: Mapping[str, str | None]) -> pl.Series:
    return said.replace_strict(words, default=said, return_dtype=pl.String)


def _dated(value: pl.Expr, name: str, block: Block) -> pl.Expr:
    """Dates in the format given as ISO 8601; what is not written so stays, and is refused later. Parts are read together."""
    if name not in block.formats or block.columns[name] != whole(block.columns[name]):
        return value
    return _iso(value, block.formats[name])


def _iso(value: pl.Expr, form: str) -> pl.Expr:
    said = none_if_empty(value)
    at = said.str.to_datetime(form, strict=False, time_zone="UTC" if "%z" in form else None)
    clocked = any(sign in form for sign in ("%H", "%I", "%T", "%R", "%s", "%k"))
    return pl.coalesce(at.dt.strftime("%Y-%m-%dT%H:%M:%S" if clocked else "%Y-%m-%d"), said)


def _pointed(table: pl.LazyFrame, block: Block, rest: Sequence[str]) -> pl.LazyFrame:
    """Numbers with decimal points where they have commas: `1.299,50` is 1299.50. Without a word for it, all values decide."""
    schema = table.collect_schema()
    numbers = [_there(theirs) for theirs, ours in block.columns.items() if ours in _NUMBERS or whole(ours) not in block.known]
    names = [name for name in (*numbers, *rest) if schema[name] == pl.String]
    if not names or block.decimal == ".":
        return table
    pointed = [
        pl.when(pl.col(name).str.contains(_COMMA))
        .then(pl.col(name).str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True))
        .otherwise(pl.col(name))
        .alias(name)
        for name in names
    ]
    if block.decimal == ",":
        return table.with_columns(pointed)
    said = [none_if_empty(pl.col(name)) for name in names]
    commas = [(one.str.contains(_COMMA).all() & one.str.contains(_SURELY_COMMA).any()) for one in said]
    found = table.select(comma.alias(name) for name, comma in zip(names, commas, strict=True)).collect(engine="streaming")
    return table.with_columns(one for name, one in zip(names, pointed, strict=True) if found[name].item())


def _split(name: str, dtype: pl.DataType, block: Block) -> pl.Expr | None:
    """Lists and paths of a cell's text; None where the column is one value."""
    ours, there = block.columns[name], _there(name)
    given = block.split.get(name)
    if ours in _PATHS:
        split = given or Split()
        path, listed = split.path or " > ", "|" if split.list is None else split.list
        if split.levels:
            names = pl.col(there).cast(pl.List(pl.String())) if isinstance(dtype, pl.List) else items(there, listed)
            return names.map_batches(_boxed, return_dtype=pl.List(pl.List(pl.String())))
        if isinstance(dtype, pl.List):
            return _paths_of_lists(there, dtype, path)
        return paths(there, path, listed)
    if (ours in _LISTS or (given is not None and given.list)) and not isinstance(dtype, pl.List):
        return items(there, given.list if given is not None and given.list else "|")
    return None


def _paths_of_lists(there: str, dtype: pl.List, path: str) -> pl.Expr | None:
    """A list of names as paths, each split at its separator; a list of lists as it is."""
    if isinstance(dtype.inner, pl.List):
        return None
    split = partial(_levels, path=path)
    return pl.col(there).cast(pl.List(pl.String())).map_batches(split, return_dtype=pl.List(pl.List(pl.String())))


def _levels(cells: pl.Series, path: str) -> pl.Series:
    found = [None if cell is None else [name.split(path) for name in cell if name is not None] for cell in cells.to_list()]
    return pl.Series(cells.name, found, dtype=pl.List(pl.List(pl.String())))


def _ours(block: Block) -> list[pl.Expr]:
    """Our columns: theirs renamed, parts joined, constants."""
    parts: dict[str, dict[int, str]] = {}
    for theirs, ours in block.columns.items():
        name, _, place = ours.partition(".")
        parts.setdefault(name, {})[int(place or 0)] = theirs
    joined = []
    for name, places in parts.items():
        named = [places[place] for place in sorted(places)]
        joined.append((pl.col(_there(named[0])) if 0 in places else _together(name, named, block)).alias(name))
    return [*joined, *(pl.lit(value).alias(name) for name, value in block.constants.items())]


def _together(name: str, theirs: Sequence[str], block: Block) -> pl.Expr:
    """Parts of one value: levels of a path from the top down, or words with a blank between them."""
    said = [none_if_empty(pl.col(_there(one))) for one in theirs]
    if name in _PATHS:
        levels = pl.concat_list(said).list.drop_nulls()
        return pl.when(levels.list.len() > 0).then(levels).map_batches(_boxed, return_dtype=pl.List(pl.List(pl.String())))
    text = pl.concat_str(said, separator=" ", ignore_nulls=True)
    return _iso(text, " ".join(block.formats[one] for one in theirs)) if theirs[0] in block.formats else none_if_empty(text)


def _boxed(cells: pl.Series) -> pl.Series:
    """Each path as the only one of a list."""
    return pl.Series(cells.name, [cell and [cell] for cell in cells.to_list()], dtype=pl.List(pl.List(pl.String())))
