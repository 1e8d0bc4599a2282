"""Exports: a graph in the files that other programs read. The folder is the registry: one file a format.

A format has `FORMAT` (its name), `HOLDS` (one line: what it writes, and for whom), `write(tables, path, progress=…)`,
`recognises(path)`, true for what `write` made, and, where nothing is lost on the way, `read(path)`: what was written is read.
"""

import importlib
import pkgutil
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from kg_builder.allowance import allowance
from kg_builder.dumps import Source
from kg_builder.engines import Started, running
from kg_builder.errors import AlreadyThere, BadRequest, MissingSource, UnknownFormat, did_you_mean
from kg_builder.intake import FAULTS_TOLD, called, named, saved, take_in
from kg_builder.logs import logged
from kg_builder.neighbours import neighbourhood
from kg_builder.rejects import Rejects
from kg_builder.schema import EdgeType
from kg_builder.scratch import scratch
from kg_builder.stores import GraphStore, Progress, is_store, opened
from kg_builder.tables import GraphTables
from kg_builder.tabulation import Dangling

_ELSEWHERE = {
    "hetero": "PyG's graph is exported as heterodata",
    "pyg": "PyG's graph is exported as heterodata",
}
"""Names that people look for, with what to do instead."""


class Format(Protocol):
    """What every module of this folder is."""

    FORMAT: str
    HOLDS: str

    def write(self, tables: GraphTables, path: Path, *, progress: Progress | None = None) -> None:
        """The path, where nothing is yet, holds the tables; no more than one of them is in memory at a time."""

    def recognises(self, path: Path) -> bool:
        """True where the path is what `write` makes; looks at names and first lines, reads nothing whole."""


class Exact(Format, Protocol):
    """A format that loses nothing."""

    def read(self, path: Path) -> GraphTables:
        """The tables that were written."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote."""

    path: Path
    format: str
    nodes: Mapping[str, int]
    """Nodes of the exported graph, by label."""
    edges: Mapping[EdgeType, int]
    """Edges of the exported graph, by edge type."""
    bytes: int
    """Size of the file, or of all files of the folder."""
    seconds: float
    rejected: Mapping[str, int] = field(default_factory=dict)
    """How many rows of a source were refused, by reason."""
    faults: int = 0
    """How many of them for a fault."""
    first_faults: tuple[str, ...] = ()
    """The first of these in words."""
    notes: tuple[str, ...] = ()
    """What somebody should know of the source as a whole."""
    rejects: Path | None = None
    """The file with the refused rows; None where none was written."""


def formats() -> dict[str, Format]:
    """Every format of this folder by its name."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    return {one.FORMAT: one for one in (cast("Format", module) for module in modules)}


def export(
    graph: GraphTables | GraphStore | Source,
    path: Path | str,
    *,
    format: str,  # noqa: A002 - the word of the other commands
    around: str | None = None,
    hops: int = 2,
    derived: bool = False,
    force: bool = False,
    source_format: str | None = None,
    mapping: Path | str | None = None,
    rejects: Path | str | None = None,
    max_rejects: int | str | None = None,
    max_bytes: int | None = None,
    dangling: Dangling = "keep",
    engine: str = "polars",
    master: str | None = None,
    progress: Progress | None = None,
    now: int | None = None,
) -> ExportReport:
    """The path holds the graph in this format; it is written whole or not at all.

    Of a source the graph is what a build of it into a new store would hold; none is made.

    Args:
        graph: tables, an open store, a store's address, or a source as `build` takes it: a folder, a file, an installed data
            set's name, or frames.
        path: the file or folder to make. An earlier export in the same format is replaced.
        format: graphml (a file), heterodata (a folder), neo4j-admin (a folder), networkx (a file), parquet (a folder) or
            recbole (a folder).
        around: a label and an id such as Product/B00005N7PS: only what can be reached from there within `hops` edges.
        hops: how far, whatever the edges' direction.
        derived: also what models wrote back: RECOMMENDED and SIMILAR_TO edges, embeddings.
        force: write although something else is at the path. A file is replaced; in a folder, what has the names of the export's
            own files and folders is replaced, and all else stays.
        source_format: the dump's format, where looking at a source is not enough; this and the next seven are for sources alone.
        mapping: a mapping.toml that says what the columns of the source's files mean.
        rejects: the file for refused rows, by default `<name of the dump>.rejects.jsonl` in the current folder.
        max_rejects: how many faulty rows may be left out, as a number or a share such as "1%"; where there are more, nothing is
            written. None leaves out any number.
        max_bytes: how many bytes of text a file may hold, unpacked.
        dangling: whether products that are only linked to become bare nodes ("keep") or their links are left out ("drop").
        engine: where a source is cleaned and put together: polars (this machine) or spark (a cluster).
        master: Spark's, as for `build`.
        progress: called with (format, tables done, tables in all), and as reading goes on.
        now: epoch seconds; rows of a source that lie more than a day later are refused. None asks the clock.

    Raises:
        EngineError: the engine is not installed, does not answer or fails.
        BadRequest: no format or engine has this name; `around` names nothing; or a store is to be read as only sources are.
        AlreadyThere: something else is at the path.
        StoreError: the store cannot be opened or read.
        DumpError, MissingSource: the source cannot be read, or there is neither a store nor a source.

    Example:
        >>> import tempfile
        >>> import polars as pl
        >>> from kg_builder.schema import RETAIL
        >>> shop = GraphTables.of(RETAIL, {"Product": pl.DataFrame({"id": ["p1"], "title": ["Tea"]})}, {})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report = export(shop, f"{folder}/shop.graphml", format="graphml")
        ...     read_export(report.path) == shop
        True
    """
    started = time.monotonic()
    path, written = _named(path), _format(format)
    _check(path, written, force=force)  # before a large graph is read
    works = running(engine, master=master)
    how: dict[str, Any] = {
        "format": source_format,
        "mapping": mapping,
        "rejects": rejects,
        "max_rejects": max_rejects,
        "max_bytes": max_bytes,
    }
    with logged("export", **_spoken(graph), path=path, format=format) as said, ExitStack() as until_written:
        folder = until_written.enter_context(scratch())
        if isinstance(graph, GraphTables):
            found = _Found(graph)
        elif isinstance(graph, Mapping) or (isinstance(graph, str | Path) and not is_store(graph)):
            found = _taken_in(graph, folder, int(time.time()) if now is None else now, dangling, progress, works, **how)
        else:
            others = {"dangling": None if dangling == "keep" else dangling, "engine": None if engine == "polars" else engine}
            _refuse(graph, {**how, **others, "master": master})
            with opened(graph, read_only=True) as store:
                found = _Found(store.read(derived=derived, into=folder))
        tables = found.tables if derived else found.tables.without_derived()
        tables = tables if around is None else neighbourhood(tables, around, hops=hops)
        with _placed(path) as there:
            written.write(tables, there, progress=progress)
            size = _size(there)
        refused, (nodes, edges) = found.refused, tables.counts()
        said.update(nodes=nodes, edges=named(edges), bytes=size, rejected=refused.counts(), faults=refused.faults)
        return ExportReport(
            path,
            format,
            nodes,
            edges,
            size,
            time.monotonic() - started,
            refused.counts(),
            refused.faults,
            tuple(refused.first_faults(FAULTS_TOLD)),
            tuple(refused.notes),
            found.rejects,
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """What is to be exported, and what was refused on the way."""

    tables: GraphTables
    refused: Rejects = field(default_factory=Rejects)
    rejects: Path | None = None


def _taken_in(
    source: Source,
    scratch: Path,
    now: int,
    dangling: Dangling,
    progress: Progress | None,
    engine: AbstractContextManager[Started],
    *,
    max_rejects: int | str | None,
    rejects: Path | str | None,
    **how: Any,
) -> _Found:
    refused = Rejects()
    most = allowance(max_rejects)
    how |= {"most": most, "now": now, "rejects": rejects, "dangling": dangling, "engine": engine, "progress": progress}
    taken = take_in(source, scratch, refused, **how)
    return _Found(taken.tables, refused, saved(refused, None, taken) if rejects is None else Path(rejects))


def _refuse(store: GraphStore | str | Path, how: Mapping[str, object]) -> None:
    """Raise where a store is to be read as only sources are."""
    for name, value in how.items():
        if value is not None:
            where = store if isinstance(store, str | Path) else store.address
            raise BadRequest(f"--{name.replace('_', '-')} says how a source is read, and {where} is a store; leave it out")


def _spoken(graph: GraphTables | GraphStore | Source) -> dict[str, object]:
    """What is exported, as a log names it."""
    if isinstance(graph, GraphTables):
        return {}
    if isinstance(graph, str | Path):
        return {"store" if is_store(graph) else "source": graph}
    return {"source": called(graph)} if isinstance(graph, Mapping) else {"store": graph.address}


def read_export(path: Path | str, *, format: str | None = None) -> GraphTables:  # noqa: A002 - as in `export`
    """The tables that were exported to the path, by the first format that recognises it, or by `format`'s.

    Raises:
        MissingSource: there is nothing at the path.
        UnknownFormat: no format knows it, or the format keeps too little of a graph to give it back.
        DamagedDump: a file breaks off or is not what its name says.
    """
    path = _named(path)
    if not path.exists():
        raise MissingSource(f"there is nothing at {path}; expected what kg-builder export wrote")
    known = formats()
    found = _format(format) if format is not None else next((one for one in known.values() if one.recognises(path)), None)
    if found is None:
        looked = "; ".join(f"{name} ({one.HOLDS})" for name, one in known.items())
        raise UnknownFormat(f"{path} is nothing that kg-builder export wrote. Looked for: {looked}")
    if not hasattr(found, "read"):
        raise UnknownFormat(
            f"{found.FORMAT} keeps only a part of a graph; build it anew with: kg-builder build {path} --into STORE"
        )
    return cast("Exact", found).read(path)


def _format(name: str) -> Format:
    known = formats()
    if name not in known:
        hint = f"; {_ELSEWHERE[name]};" if name in _ELSEWHERE else did_you_mean(name, known) or ";"
        raise BadRequest(f"no export format {name!r}{hint} known: {', '.join(known)}")
    return known[name]


def _named(path: Path | str) -> Path:
    """The path, by a name of its own: some formats call their files after it."""
    path = Path(path)
    return path if path.name not in ("", "..") else path.resolve()


def _check(path: Path, written: Format, *, force: bool) -> None:
    """Raise where the export would overwrite what it did not make."""
    if (path / "database").exists() and (path / "schema.json").exists():
        raise AlreadyThere(f"{path} is a graph store; name another path for the export")
    empty = path.is_dir() and not any(path.iterdir())
    if path.exists() and not empty and not force and not written.recognises(path):
        raise AlreadyThere(
            f"{path} exists and is no earlier {written.FORMAT} export; name another path, or overwrite it with --force"
        )


@contextmanager
def _placed(path: Path) -> Iterator[Path]:
    """A path of the same name to write to; when that went well, what was written there is at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as scratch:
        there = Path(scratch) / path.name
        yield there
        if there.is_file() and path.is_dir():
            raise AlreadyThere(f"{path} is a folder, and the export is a file; name another path")
        if there.is_dir() and path.is_file():
            path.unlink()
        if there.is_dir() and path.is_dir():
            _fill(path, there)
        else:
            there.replace(path)


def _fill(folder: Path, made: Path) -> None:
    for entry in made.iterdir():
        old = folder / entry.name
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        elif old.exists():
            old.unlink()
        entry.replace(old)


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(one.stat().st_size for one in files)
