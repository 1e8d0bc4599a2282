"""Triples and links from files: head, relation, tail in columns or as N-Triples; which item is which entity.

Lines are gone through twice: once for those that are refused, once for what is asked of the others, so memory does not grow
with the file where the reading has a scratch folder.

An IRI stays whole as head and tail, so that an id never depends on what else a file holds: the next file adds to the graph, it
does not rename it. Of a relation only what follows the last `#` or `/` is kept: it is what people read in explanations and write
in Cypher, and two vocabularies that share a name (`rdfs:label`, `skos:label`) mean the same by it.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from kg_builder.errors import DamagedDump, UnknownFormat
from kg_builder.reading import Reading
from kg_builder.values import none_if_empty

_NAMES: Mapping[str, tuple[str, ...]] = {
    "head": ("head", "head_id", "h", "subject", "source"),
    "relation": ("relation", "relation_id", "r", "predicate", "property", "edge"),
    "tail": ("tail", "tail_id", "t", "object", "target"),
    "item": ("item", "item_id", "product", "product_id", "asin", "id"),
    "entity": ("entity", "entity_id", "node", "iri", "uri", "freebase_id"),
}
"""What columns are called in headers; RecBole's `:token` after a name is left out."""

_NAMING = ("label", "prefLabel", "type.object.name")
"""Relations whose literals name a node."""

_PARQUET = b"PAR1"
_IRI = r"<[^<>\"\s]*>"
_BLANK = r"_:[\w:·-][\w:·.-]*?"
_LITERAL = r"\"(?:[^\"\\]|\\.)*\"(?:@[A-Za-z0-9-]+|\^\^<[^<>\"\s]*>)?"
_STATEMENT = rf"^\s*({_IRI}|{_BLANK})\s*({_IRI})\s*({_IRI}|{_BLANK}|{_LITERAL})\s*\.\s*(?:#.*)?$"
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
_MEANT = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f"}


def read_triples(path: Path | str, reading: Reading) -> pl.LazyFrame:
    """The file's triples in the columns head, relation, tail, file and line; empty lines and comments are left out.

    Read are tab-separated columns (commas in a `.csv`, blanks where the first line has no tab), with a header or without, in the
    order head, relation, tail unless the header says otherwise; and N-Triples (`.nt`). All may be gzipped. Of a literal the text
    is kept, without language and type; a blank node is named after its file: `_:people.nt:b0`.

    Args:
        path: the file.
        reading: takes the lines that are no triples.

    Raises:
        MissingSource: there is no such file.
        DamagedDump: the gzip breaks off, or the header lacks a column.
        UnknownFormat: the file is Parquet.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "kg.nt")
        ...     _ = file.write_text('<http://x.org/e/1> <http://x.org/p#name> "Caf\\\\u00e9"@fr .')
        ...     read_triples(file, Reading()).collect().rows()
        [('http://x.org/e/1', 'name', 'Café', 'kg.nt', 1)]
    """
    path = Path(path)
    if path.name.removesuffix(".gz").endswith(".nt"):
        return _statements(path, reading)
    triples = _columns(path, ("head", "relation", "tail"), "a line must hold a head, a relation and a tail", reading)
    bare = [_without_brackets(pl.col(name)).alias(name) for name in ("head", "tail")]
    return triples.with_columns(*bare, _local(pl.col("relation")).alias("relation"))


def read_links(path: Path | str, reading: Reading) -> pl.LazyFrame:
    """Which item is which entity: the columns item, entity, file and line of a file in two columns, read as `read_triples` does.

    Raises:
        MissingSource, DamagedDump, UnknownFormat: as `read_triples`.
    """
    links = _columns(Path(path), ("item", "entity"), "a line must hold an item and an entity", reading)
    return links.with_columns(_without_brackets(pl.col("entity")).alias("entity"))


def local_name(value: pl.Expr) -> pl.Expr:
    """What follows the last `#` or `/` of an IRI; null for what is no IRI.

    Example:
        >>> ids = pl.DataFrame({"id": ["http://x.org/ns#Jazz", "http://x.org/ns/m.02vx/", "AC/DC"]})
        >>> ids.select(local_name(pl.col("id")))["id"].to_list()
        ['Jazz', 'm.02vx', None]
    """
    return value.str.extract(r"^[A-Za-z][A-Za-z0-9+.-]*://\S*?([^/#\s]+)[/#]?$")


def names_a_node() -> pl.Expr:
    """True for a triple whose text is what its head is called: N-Triples say `rdfs:label` and the like."""
    return pl.col("relation").is_in(_NAMING) & ~pl.col("tail").str.contains(r"^\S+://|^_:")


def _local(relation: pl.Expr) -> pl.Expr:
    plain = _without_brackets(relation)
    return pl.coalesce(local_name(plain), plain)


def _without_brackets(value: pl.Expr) -> pl.Expr:
    return pl.coalesce(value.str.extract(r"^<(\S+)>$"), value)


def _statements(path: Path, reading: Reading) -> pl.LazyFrame:
    lines = reading.lines(path).filter(~pl.col("text").str.contains(r"^\s*(?:#.*)?$"))
    parts = lines.with_columns(pl.col("text").str.extract_groups(_STATEMENT).alias("part")).with_columns(
        pl.col("part").struct.field(str(place)).alias(name) for place, name in enumerate(("head", "relation", "tail"), 1)
    )
    kept = _sound(parts, ("head", "relation", "tail"), "a line must be an N-Triples statement, ended by a point", reading)
    ends = [_term(pl.col(name), path.name).alias(name) for name in ("head", "tail")]
    return kept.with_columns(*ends, _local(_term(pl.col("relation"), path.name)).alias("relation"))


def _term(written: pl.Expr, file: str) -> pl.Expr:
    """An IRI without its brackets, a literal's text, a blank node under its file's name."""
    text = pl.coalesce(written.str.extract(r"^<(.*)>$"), written.str.extract(r'(?s)^"(.*)"(?:@[A-Za-z0-9-]+|\^\^<.*>)?$'))
    plain = text.map_batches(_unescaped, return_dtype=pl.String(), is_elementwise=True)
    return pl.coalesce(plain, pl.concat_str(pl.lit(f"_:{file}:"), written.str.strip_prefix("_:")))


def _unescaped(values: pl.Series) -> pl.Series:
    rows = values.str.contains(r"\\").fill_null(value=False).arg_true()
    if not rows.len():
        return values
    return values.scatter(rows, pl.Series([_ESCAPE.sub(_meant, value) for value in values.gather(rows)], dtype=pl.String))


def _meant(escape: re.Match[str]) -> str:
    short, long, letter = escape.groups()
    if letter:
        return _MEANT.get(letter, letter)
    code = int(short or long, 16)
    return chr(code) if code < 0xD800 or 0xDFFF < code < 0x110000 else "�"


def _columns(path: Path, names: Sequence[str], expected: str, reading: Reading) -> pl.LazyFrame:
    """The named columns of a delimited file, none of them empty."""
    with reading.check(path).open("rb") as raw:
        if raw.read(len(_PARQUET)) == _PARQUET:
            raise UnknownFormat(f"{path} is a Parquet file; expected lines of text with the columns {', '.join(names)}")
    lines = reading.lines(path).with_columns(pl.col("text").str.replace_all("\x00", "", literal=True))
    first = lines.filter(_said()).head(1).collect()
    if not first.height:
        return _empty(names)
    separator = _separator(path, first["text"].item(), len(names))
    header = [cell.strip().strip('"').partition(":")[0].strip().lower() for cell in _split(first["text"].item(), separator)]
    places = [next((header.index(known) for known in _NAMES[name] if known in header), None) for name in names]
    if len(header) < len(names) and any(place is not None for place in places):
        got = ", ".join(header)
        raise DamagedDump(f"{path} line {first['line'].item()}: expected the columns {', '.join(names)} (got {got})")
    if None not in places:
        lines = lines.filter(pl.col("line") > first["line"].item())
    order = places if None not in places else range(len(names))
    values = lines.filter(_said()).with_columns(_cells(separator).alias("cells"))
    cell = [pl.col("cells").list.get(place or 0, null_on_oob=True) for place in order]
    if separator == ",":  # a comma too many has shifted the values
        whole = pl.col("cells").list.len() == (len(header) if None not in places else len(names))
        cell = [pl.when(whole).then(_unquoted(value)) for value in cell]
    given = [none_if_empty(value).alias(name) for name, value in zip(names, cell, strict=True)]
    return _sound(values.with_columns(given), names, expected, reading)


def _separator(path: Path, first: str, columns: int) -> str | None:
    """None for any blanks."""
    if "\t" in first:
        return "\t"
    if path.name.removesuffix(".gz").endswith(".csv") or first.count(",") == columns - 1:
        return ","
    return None if len(first.split()) == columns else "\t"


def _cells(separator: str | None) -> pl.Expr:
    if separator == ",":
        return pl.col("text").str.extract_all(r'(?:^|,)\s*(?:"(?:[^"]|"")*"|[^,]*)')
    return pl.col("text").str.extract_all(r"\S+") if separator is None else pl.col("text").str.split(separator)


def _unquoted(cell: pl.Expr) -> pl.Expr:
    """A cell of a CSV line without the comma before it and the quotes around it."""
    plain = cell.str.strip_prefix(",").str.strip_chars()
    return pl.coalesce(plain.str.extract(r'^"(.*)"$').str.replace_all('""', '"', literal=True), plain)


def _split(line: str, separator: str | None) -> list[str]:
    return line.split(separator)


def _sound(rows: pl.LazyFrame, names: Sequence[str], expected: str, reading: Reading) -> pl.LazyFrame:
    """The rows that have every name; the others are refused."""
    faulty = pl.any_horizontal(pl.col(name).is_null() for name in names)
    refused = rows.filter(faulty).select(
        "file",
        "line",
        pl.lit(expected).alias("reason"),
        pl.col("text").alias("got"),
        pl.lit(value=True).alias("fault"),
        pl.struct("text").struct.json_encode().alias("row"),
    )
    reading.rejects.extend(refused.collect(engine="streaming"))
    return rows.filter(~faulty).select(*names, "file", "line")


def _said() -> pl.Expr:
    return pl.col("text").str.contains(r"\S").fill_null(value=False)


def _empty(names: Sequence[str]) -> pl.LazyFrame:
    return pl.LazyFrame(schema={**dict.fromkeys(names, pl.String()), "file": pl.String(), "line": pl.Int64()})
