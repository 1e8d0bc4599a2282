"""Any CSV, TSV, JSON lines or Parquet files, read as a mapping.toml says; see kg_builder/mappings.py for what it can say."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

import polars as pl

from kg_builder.dumps import Dump, Source
from kg_builder.errors import MissingSource, did_you_mean
from kg_builder.layouts.blocks import Block
from kg_builder.layouts.mappings import NAME, load
from kg_builder.layouts.renaming import joined, renamed
from kg_builder.reading import Reading, alike, files_of, kind_of
from kg_builder.reading.columns import typed, worded
from kg_builder.schema import RETAIL, EdgeType
from kg_builder.values import none_if_empty

FORMAT = "mapping"
LOOKS_FOR = "mapping.toml, which says what the columns of the other files mean (kg-builder infer proposes one), or --mapping"
PRECEDENCE = 0

Kind = tuple[str, object]


def recognises(source: Source) -> bool:
    """True for a folder with a mapping.toml in it, and for a mapping file itself."""
    if not isinstance(source, str | Path):
        return False
    path = Path(source)
    if path.is_dir():
        return (path / NAME).is_file()
    return path.suffix == ".toml" and path.is_file()


def read(source: Source, reading: Reading) -> Dump:
    """The files that the mapping names, each row what the mapping says.

    Raises:
        MissingSource: there is no mapping, or no file of a name in it.
        SchemaError: the mapping says what cannot be, or names a column that a file lacks.
    """
    path = Path(str(source))
    mapping = reading.mapping or (path / NAME if path.is_dir() else path)
    if not path.exists():
        raise MissingSource(f"there is nothing at {path}; expected a folder or a file that the mapping {mapping} describes")
    reading = replace(reading, root=path if path.is_dir() else path.parent)
    parts: dict[Kind, list[pl.LazyFrame]] = {}
    known: dict[Kind, Sequence[str]] = {}
    found = _found(path, load(mapping if reading.mapping else reading.check(mapping)), mapping, reading)
    files = [file for _, file in found]
    rows = _Rows(reading, path if path.is_dir() else path.parent)
    for block, file in found:
        _warn(block, reading)
        kind = _kind(block)
        known[kind] = block.known
        parts.setdefault(kind, []).append(rows.renamed(file, block, distinct=files.count(file) > 1))
    frames = {kind: _joined(tables, known[kind]) for kind, tables in parts.items()}
    tables = {str(name): frame for (what, name), frame in frames.items() if what == "table"}
    nodes = {str(name): frame for (what, name), frame in frames.items() if what == "node"}
    edges = {name: frame for (what, name), frame in frames.items() if what == "edge" and isinstance(name, tuple)}
    nodes |= _bare(edges, (*RETAIL.nodes, *nodes))
    texts = {label: worded(frame, ("id",)) for label, frame in nodes.items()}
    if "products" in tables:
        texts["Product"] = _texts(tables["products"], known["table", "products"])
    name = path.stem if path.is_file() else path.name
    return Dump(
        name,
        FORMAT,
        products=tables.get("products"),
        users=tables.get("users"),
        reviews=tables.get("reviews"),
        events=tables.get("events"),
        categories=tables.get("categories"),
        triples=tables.get("triples"),
        nodes=nodes,
        edges=edges,
        text_properties=texts,
    )


def _kind(block: Block) -> Kind:
    if block.table is not None:
        return "table", block.table
    return ("node", block.node) if block.node is not None else ("edge", block.edge)


def _warn(block: Block, reading: Reading) -> None:
    """Tells of a property that may be meant for a column of ours."""
    for name in block.ours:
        if block.table is not None and name not in block.known and (hint := did_you_mean(name, block.known, alike=0.8)):
            reading.note(f"{block.where}: {name!r} is no column of {block.table}, so it becomes a property{hint}")


def _bare(edges: Mapping[EdgeType, pl.LazyFrame], described: Collection[str]) -> dict[str, pl.LazyFrame]:
    """By label, the ids of nodes that only edges tell of."""
    ids: dict[str, list[pl.LazyFrame]] = {}
    for (source, _, target), edge in edges.items():
        for label, end in ((source, "source"), (target, "target")):
            if label not in described:
                ids.setdefault(label, []).append(edge.select(none_if_empty(pl.col(end)).alias("id")))
    return {label: pl.concat(found).drop_nulls().unique() for label, found in ids.items()}


def _found(source: Path, blocks: Sequence[Block], mapping: Path, reading: Reading) -> Sequence[tuple[Block, Path]]:
    """Every block with every file that it means."""
    folder = source if source.is_dir() else source.parent
    lone = source.is_file() and source.resolve() != mapping.resolve()
    pairs: list[tuple[Block, Path]] = []
    for block in blocks:
        files = [source] if lone and PurePath(source.name).match(block.file) else [] if lone else _matching(folder, block)
        pairs += [(block, file) for file in files]
    if not pairs:
        patterns = ", ".join(dict.fromkeys(block.file for block in blocks))
        raise MissingSource(f"{mapping} does not describe {source.name}; it describes {patterns}")
    read = {file for _, file in pairs} | {mapping}
    others = [] if lone else [file.name for file in files_of(folder) if kind_of(file) and file not in read]
    if others:
        reading.note(f"{mapping.name} says nothing of {', '.join(others)}, so that was not read")
    left = {block.file for block in blocks} - {block.file for block, _ in pairs}
    if left:
        reading.note(f"{source.name} alone is read; {mapping.name} also describes {', '.join(sorted(left))}")
    return pairs


def _matching(folder: Path, block: Block) -> list[Path]:
    files = sorted(file for file in folder.glob(block.file) if file.is_file())
    if not files:
        there = [file.name for file in files_of(folder)]
        seen = ", ".join(there[:12]) or "nothing"
        raise MissingSource(f"{block.where}: no such file in {folder}{did_you_mean(block.file, there)} (saw {seen})")
    return files


_LISTS = ("categories", "also_bought", "also_viewed", "bought_together")


@dataclass(slots=True)
class _Rows:
    """The rows of files, each read once whatever the number of blocks that mean it."""

    reading: Reading
    folder: Path
    held: dict[tuple[object, ...], pl.LazyFrame] = field(default_factory=dict)

    def renamed(self, file: Path, block: Block, *, distinct: bool) -> pl.LazyFrame:
        """The rows of a file in our columns; where things are told of in the rows of something else, each way once."""
        table = self.of(file, block)
        if block.join is not None:
            other = _matching(self.folder, replace(block, file=block.join.file))
            plain = replace(block, header=None, separator=None)
            rows = pl.concat([self.of(one, plain) for one in other], how="diagonal_relaxed")
            table = joined(table, rows, block, file=file.name)
        return renamed(table, block, file=file.name, note=self.reading.note, distinct=distinct)

    def of(self, file: Path, block: Block) -> pl.LazyFrame:
        """The rows as the file has them."""
        how = {"separator": block.separator, "names": block.header, "quote": block.quote, "encoding": block.encoding}
        if kind_of(file) in ("json", "parquet"):
            how = {}
        key = (file, *how.values())
        if key not in self.held:
            self.held[key] = self.reading.rows(file, **how)
        return self.held[key]


def _joined(tables: Sequence[pl.LazyFrame], known: Sequence[str]) -> pl.LazyFrame:
    """All rows of a kind in one frame; ids that were floats are whole again, properties numbers where all their values are."""
    table = pl.concat(alike([_listed(one, known) for one in tables]), how="diagonal_relaxed") if len(tables) > 1 else tables[0]
    schema = table.collect_schema()
    ids = [name for name in ("id", "user", "product", "key", "source", "target", "parent") if name in known and name in schema]
    whole = [pl.col(name).cast(pl.Int64, strict=False) if schema[name].is_float() else pl.col(name) for name in ids]
    further = [name for name, dtype in schema.items() if name not in (*known, "file", "line") and dtype == pl.String]
    return typed(table.with_columns(one.cast(pl.String) for one in whole), further)


def _listed(table: pl.LazyFrame, known: Sequence[str]) -> pl.LazyFrame:
    """The table with our columns of lists as lists: in a file without rows they are null text."""
    schema = table.collect_schema()
    paths = pl.List(pl.List(pl.String()))
    kinds = {name: paths if name == "categories" else pl.List(pl.String()) for name in _LISTS if name in known}
    empty = [name for name in kinds if name in schema and not isinstance(schema[name], pl.List)]
    return table.with_columns(pl.lit(None, kinds[name]).alias(name) for name in empty)


def _texts(products: pl.LazyFrame, known: Sequence[str]) -> tuple[str, ...]:
    """The further columns of words, without those that hold addresses."""
    names = worded(products, known)
    seen = products.select(names).head(1000).collect()
    first = {name: seen[name] if seen[name].dtype == pl.String else seen[name].list.get(0, null_on_oob=True) for name in names}
    addresses = {name: first[name].str.contains(r"^\s*https?://").fill_null(value=False).sum() for name in names}
    return tuple(name for name in names if 2 * addresses[name] <= first[name].count())
