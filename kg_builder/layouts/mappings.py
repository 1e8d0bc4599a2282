"""What somebody says of files of their own: which rows are what, and which column is which of ours, from a mapping.toml.

A mapping is a list of `[[source]]` blocks, each of one file (or of all files that a pattern such as `orders-*.csv.gz` fits) and
of one meaning of its rows: a table of the Dump, a node kind or an edge kind of one's own. A file may have several blocks.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kg_builder.errors import DumpError, MissingSource, SchemaError, did_you_mean
from kg_builder.layouts.blocks import Block, Constant, Join, Split, whole
from kg_builder.reading.columns import REQUIRED
from kg_builder.schema import RETAIL, EdgeSpec, NodeSpec

NAME = "mapping.toml"
"""What a mapping is called that lies among the files it describes."""
_KEYS: Mapping[str, str] = {
    "file": "a file's name or a pattern",
    "table": "a table's name",
    "node": "a label",
    "edge": '["Source", "TYPE", "Target"]',
    "columns": "a table of theirs = ours",
    "constants": "a table of ours = value",
    "values": "a table by column",
    "split": "a table by column",
    "formats": "a table by column",
    "only": "a table of column = [values]",
    "rest": '"properties"',
    "join": '{ file = "orders.csv", on = "order_id" }',
    "separator": "text",
    "encoding": "an encoding's name",
    "quote": "true or false",
    "header": "a list of column names",
    "decimal": '"," or "."',
}
_OWN_TABLES: Mapping[str, str] = {
    "Product": 'table = "products"',
    "User": 'table = "users"',
    "Review": 'table = "reviews"',
    "Category": 'table = "categories"',
    "Brand": 'the column brand of table = "products"',
    "Entity": 'table = "triples"',
}


def load(path: Path) -> tuple[Block, ...]:
    """The blocks of a mapping file.

    Raises:
        MissingSource: there is no such file.
        DumpError: the file is no TOML.
        SchemaError: it says something that cannot be; names the block, the key, and what was expected.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise MissingSource(f"there is no mapping file {path}; kg-builder infer proposes one") from error
    except (IsADirectoryError, UnicodeDecodeError) as error:
        raise DumpError(f"{path} is no mapping file: expected TOML in UTF-8 ({error})") from error
    return parse(text, str(path))


def parse(text: str, name: str = NAME) -> tuple[Block, ...]:
    """The blocks that a mapping's text describes; see `load`.

    Example:
        >>> parse('[[source]]\\nfile = "a.csv"\\ntable = "users"\\ncolumns = { nr = "id" }')[0].columns
        {'nr': 'id'}
    """
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DumpError(f"{name} is no valid TOML: {error}") from error
    for key in said:
        if key != "source":
            raise SchemaError(f"{name}: no key {key!r}{did_you_mean(key, ['source']) or ';'} expected [[source]] blocks")
    blocks = said.get("source")
    if not isinstance(blocks, list) or not blocks or not all(isinstance(block, dict) for block in blocks):
        raise SchemaError(f"{name} describes nothing: expected [[source]] blocks, each with a file and its columns")
    return tuple(_block(block, f"{name}, source {number}") for number, block in enumerate(blocks, 1))


def _block(said: Mapping[str, Any], where: str) -> Block:
    file = said.get("file")
    if not isinstance(file, str) or not file:
        raise SchemaError(f"{where}: expected file = a file's name or a pattern (got {file!r})")
    where = f"{where} ({file})"
    _inside(file, where)
    for key in said:
        if key not in _KEYS:
            raise SchemaError(f"{where}: no key {key!r}{did_you_mean(key, _KEYS) or ';'} known: {', '.join(_KEYS)}")
    block = Block(
        file=file,
        where=where,
        **_meaning(said, where),
        columns=_texts(said, "columns", where),
        constants=_constants(said, where),
        values={name: _texts(said["values"], name, f"{where} values") for name in _table(said, "values", where)},
        split={name: _split(said["split"], name, f"{where} split") for name in _table(said, "split", where)},
        formats=_texts(said, "formats", where),
        only={name: _list(said["only"], name, f"{where} only") for name in _table(said, "only", where)},
        join=_join(said, where),
        rest=_one(said, "rest", str, where, ("properties",)) is not None,
        separator=_one(said, "separator", str, where),
        encoding=_encoding(said, where),
        quote=_one(said, "quote", bool, where) is not False,
        header=_list(said, "header", where) if "header" in said else None,
        decimal=_one(said, "decimal", str, where, (",", ".")),
    )
    _check(block)
    return block


def _meaning(said: Mapping[str, Any], where: str) -> dict[str, Any]:
    """What a row is: exactly one of table, node and edge, sound in itself."""
    given = [key for key in ("table", "node", "edge") if key in said]
    if len(given) != 1:
        raise SchemaError(f"{where}: expected one of table, node and edge, which say what a row is (got {_and(given)})")
    kind = said[given[0]]
    if given == ["table"]:
        if kind not in REQUIRED:
            hint = did_you_mean(str(kind), REQUIRED) or ";"
            raise SchemaError(f"{where}: no table is called {kind!r}{hint} known: {', '.join(REQUIRED)}; or node, or edge")
        return {"table": kind}
    try:
        if given == ["node"]:
            if kind in _OWN_TABLES:
                raise SchemaError(f"{kind} is a kind that every shop has: write {_OWN_TABLES[kind]}")
            NodeSpec(str(kind))
            return {"node": kind}
        if not isinstance(kind, list) or len(kind) != 3 or not all(isinstance(part, str) for part in kind):
            raise SchemaError(f'edge must be ["Source", "TYPE", "Target"] (got {kind!r})')
        source, name, target = kind
        EdgeSpec(NodeSpec(source).label, name, NodeSpec(target).label)
        if (source, name, target) in RETAIL.edges:
            raise SchemaError(f"every shop has edges {'-'.join(kind)}: they come from events, reviews and products")
        return {"edge": (source, name, target)}
    except SchemaError as error:
        raise SchemaError(f"{where}: {error}") from error


def _check(block: Block) -> None:
    """Every column is said once and meant, and what a row needs is there."""
    for one in block.ours:
        places = {theirs: ours for theirs, ours in block.columns.items() if whole(ours) == one}
        if len(set(places.values())) < len(places) or (len(places) > 1 and one in places.values()):
            parts = f"expected one, or {one}.1 and {one}.2 for the parts of one value"
            raise SchemaError(f"{block.where}: {_and(list(places))} are all {one!r}; {parts}")
    for ours in block.ours:
        if ours in block.constants and ours in map(whole, block.columns.values()):
            raise SchemaError(f"{block.where}: {ours!r} is a column and a constant; expected one of them")
        if not re.fullmatch(r"\w+", ours) or ours in ("file", "line"):
            expected = "snake_case such as list_price, not file or line"
            raise SchemaError(f"{block.where}: {ours!r} is no name of a column; expected {expected}")
    for name in block.needed:
        if name not in block.ours:
            hint = did_you_mean(name, block.ours)
            what = block.table or block.node or f"an edge {block.edge[1] if block.edge else ''}"
            raise SchemaError(f"{block.where}: {what} needs the column {name!r}{hint} (columns give {_and(block.ours)})")
    for key in ("values", "split", "formats"):
        for theirs in getattr(block, key):
            if theirs not in block.columns and not block.rest:
                hint = did_you_mean(theirs, block.columns)
                raise SchemaError(f"{block.where}: {key} names {theirs!r}, which is not among columns{hint}")
    _check_parts(block)


def _check_parts(block: Block) -> None:
    """Dates of which one part has a format have one for every part."""
    for ours in block.ours:
        parts = [theirs for theirs, name in block.columns.items() if name != whole(name) == ours]
        lacking = [theirs for theirs in parts if theirs not in block.formats]
        if lacking and len(lacking) < len(parts):
            expected = "expected one for every part or for none"
            raise SchemaError(f"{block.where}: formats lacks {_and(lacking)}, a part of {ours}; {expected}")


def _table(said: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    found = said.get(key, {})
    if not isinstance(found, dict):
        raise SchemaError(f"{where}: {key} must be {_KEYS.get(key, 'a table')} (got {found!r})")
    return found


def _texts(said: Mapping[str, Any], key: str, where: str) -> Mapping[str, str]:
    found = _table(said, key, where)
    for name, value in found.items():
        if isinstance(value, dict):
            quoted = f'"{name}.{next(iter(value), "")}"'
            raise SchemaError(f"{where}: {key}.{name} must be text; a name with a dot in it stands in quotes: {quoted}")
        if not isinstance(value, str):
            raise SchemaError(f"{where}: {key}.{name} must be text (got {value!r})")
    return found


def _constants(said: Mapping[str, Any], where: str) -> Mapping[str, Constant]:
    found = _table(said, "constants", where)
    for name, value in found.items():
        if not isinstance(value, str | int | float):
            raise SchemaError(f"{where}: constants.{name} must be text, a number, true or false (got {value!r})")
    return found


def _list(said: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    found = said[key]
    if not isinstance(found, list) or not found or not all(isinstance(item, str) for item in found):
        raise SchemaError(f"{where}: {key} must be a list of texts (got {found!r})")
    return tuple(found)


def _split(said: Mapping[str, Any], key: str, where: str) -> Split:
    known = ("path", "list", "levels")
    for name in _table(said, key, where):
        if name not in known:
            raise SchemaError(f"{where}: {key} has no key {name!r}{did_you_mean(name, known) or ';'} known: {', '.join(known)}")
    levels = said[key].get("levels", False)
    if not isinstance(levels, bool):
        raise SchemaError(f"{where}: {key}.levels must be true or false (got {levels!r})")
    return Split(**_texts({key: {name: sign for name, sign in said[key].items() if name != "levels"}}, key, where), levels=levels)


def _join(said: Mapping[str, Any], where: str) -> Join | None:
    parts = _texts(said, "join", where)
    for name in parts:
        if name not in ("file", "on", "there"):
            raise SchemaError(
                f"{where}: join has no key {name!r}{did_you_mean(name, ['file', 'on', 'there']) or ';'} known: file, on, there"
            )
    if parts and not {"file", "on"} <= parts.keys():
        raise SchemaError(
            f"{where}: join must be {_KEYS['join']}, and there = its name there where that differs (got {dict(parts)})"
        )
    if not parts:
        return None
    return Join(_inside(parts["file"], where), parts["on"], parts.get("there", parts["on"]))


def _inside(file: str, where: str) -> str:
    if Path(file).is_absolute() or ".." in Path(file).parts:
        raise SchemaError(f"{where}: file must lie in the source's folder (got {file})")
    return file


def _one(said: Mapping[str, Any], key: str, kind: type, where: str, allowed: Sequence[str] = ()) -> Any:  # noqa: ANN401
    value = said.get(key)
    if value is not None and (not isinstance(value, kind) or value == "" or (allowed and value not in allowed)):
        raise SchemaError(f"{where}: {key} must be {_KEYS[key]} (got {value!r})")
    return value


def _encoding(said: Mapping[str, Any], where: str) -> str | None:
    found: str | None = _one(said, "encoding", str, where)
    try:
        "".encode(found or "utf-8")
    except LookupError:
        raise SchemaError(f"{where}: no encoding is called {found!r}; expected one such as cp1252, utf-16 or gb18030") from None
    return found


def _and(names: Sequence[str]) -> str:
    return " and ".join(names) or "none"
