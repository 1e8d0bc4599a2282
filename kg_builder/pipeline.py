"""From a dump to a store, whole or not at all."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from kg_builder.allowance import allowance, check
from kg_builder.dumps import Dump, Source, read_dump
from kg_builder.errors import DamagedDump
from kg_builder.merging import rewired
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.schema import EdgeType
from kg_builder.stores import Build, GraphStore, Progress, asked, opened
from kg_builder.tables import GraphTables
from kg_builder.tabulation import Dangling, Held, tabulate

_TOLD = 5
"""Faulty rows that a report puts in words; all are in the rejects file."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build read, wrote and refused."""

    source: str
    format: str
    into: str
    """The store's address, without a password."""
    nodes: Mapping[str, int]
    """Nodes read from the dump, by label."""
    edges: Mapping[EdgeType, int]
    """Edges read from the dump, by edge type."""
    rejected: Mapping[str, int]
    """How many rows were refused, by reason."""
    faults: int
    """How many of them for a fault; the others say once more what another row says."""
    first_faults: tuple[str, ...]
    """The first of these in words, with file, line, value and expectation."""
    notes: tuple[str, ...]
    """What somebody should know of the dump as a whole, such as a file in another encoding than UTF-8."""
    rejects: Path | None
    """The file with the refused rows; None where none was written."""
    seconds: float


def build(
    source: Source,
    into: str | Path | GraphStore,
    *,
    format: str | None = None,  # noqa: A002 - the option's name on the command line
    rejects: Path | str | None = None,
    max_rejects: int | str | None = None,
    max_bytes: int | None = None,
    mapping: Path | str | None = None,
    dangling: Dangling = "keep",
    progress: Progress | None = None,
    now: int | None = None,
) -> BuildReport:
    """The store holds the graph that the dump tells of, besides what it held.

    Everything is read and checked before anything is written: a damaged dump leaves the store as it was, and no store where
    there was none. Building twice changes nothing.

    Args:
        source: a folder, a file, an installed data set's name, or frames by name such as `{"products": df, "events": df}`.
        into: a path, `neo4j://…`, or an open store.
        format: the dump's format, where looking at it is not enough.
        rejects: the file for refused rows. By default `rejects.jsonl` in an embedded store's folder, else
            `<name of the dump>.rejects.jsonl` in the current folder where there are any.
        max_rejects: how many faulty rows may be left out, as a number or a share such as "1%" of all rows; where there are more,
            nothing is written. None leaves out any number.
        max_bytes: how many bytes of text a file may hold, unpacked; None stops only at what no honest gzip file unpacks to.
        mapping: a mapping.toml that says what the columns of the source's files mean; one in the source's folder needs no naming.
        dangling: what becomes of products that are only linked to (`also_bought` …) and never described or chosen: "keep" makes
            bare nodes of them, "drop" leaves out the links.
        progress: called as work goes on.
        now: epoch seconds; what lies more than a day later is refused. None asks the clock.

    Raises:
        DumpError, MissingSource: the source cannot be read, or there is nothing in it.
        TooManyFaults: more rows are faulty than `max_rejects` allows.
        BadRequest: `max_rejects` is neither a number nor a share.
        StoreError: the store cannot be reached or written to.

    Example:
        >>> import tempfile
        >>> import polars as pl
        >>> events = {"user": ["u1"], "product": ["p1"], "event": ["bought"], "at": [1600000000]}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report = build({"events": pl.DataFrame(events)}, into=f"{folder}/shop.graph")
        >>> report.edges
        {('User', 'BOUGHT', 'Product'): 1}
    """
    started = time.monotonic()
    now = int(time.time()) if now is None else now
    refused, most = Rejects(), allowance(max_rejects)
    with opened(into, create=True) as store, tempfile.TemporaryDirectory(prefix="kg-builder-") as scratch:
        try:
            reading = Reading(refused, progress, Path(scratch), max_bytes, None if mapping is None else Path(mapping))
            dump = read_dump(source, format=format, reading=reading)
            tables = tabulate(dump, rejects=refused, now=now, scratch=Path(scratch), dangling=dangling, held=_held(store, dump))
        except PolarsError as error:  # files are read lazily, so a damaged one can show anywhere on the way
            raise DamagedDump(f"{_called(source)} cannot be read: {str(error).splitlines()[0]}") from error
        finally:
            if rejects is not None:
                refused.save(rejects)
        check(refused, most)
        record = Build(_called(source), dump.format, now, refused.counts())
        store.write(_resolved(tables, store), build=record, progress=progress)
        nodes, edges = tables.counts()
        file = _save(refused, rejects, store, Path(dump.name).name or dump.format)
        address = store.info().address
    faults = refused.faults, tuple(refused.first_faults(_TOLD)), tuple(refused.notes)
    seconds = time.monotonic() - started
    return BuildReport(record.source, record.format, address, nodes, edges, record.rejected, *faults, file, seconds)


def _resolved(tables: GraphTables, store: GraphStore) -> GraphTables:
    """The tables as the store's merges want them: what it holds as an alias is the node that it was merged into."""
    known = asked(store, "MATCH (a:Alias) RETURN a.id LIMIT 1")
    return rewired(tables, store.read(derived=True)) if known else tables


def _held(store: GraphStore, dump: Dump) -> Held:
    """What the store holds that the dump may speak of: products of which it has triples, brands that have names."""
    told = () if dump.triples is None else asked(store, "MATCH (p:Product) RETURN p.id")
    products = pl.LazyFrame({"id": [one for (one,) in told]}, schema={"id": pl.String()})
    aliased = asked(store, "MATCH (a:Alias) WHERE a.label = 'Brand' RETURN a.id, a.name")
    named = [(one.removeprefix("Brand/"), name) for one, name in aliased]
    named += asked(store, "MATCH (b:Brand) RETURN b.id, b.name")
    return Held(products, {one: name for one, name in named if isinstance(name, str)})


def _called(source: Source) -> str:
    return "frames" if isinstance(source, Mapping) else str(source)


def _save(refused: Rejects, wanted: Path | str | None, store: GraphStore, name: str) -> Path | None:
    """Write the refused rows to where they belong, unless that was done, and say where that is."""
    folder = getattr(store, "path", None)
    if wanted is not None:
        return Path(wanted)
    if isinstance(folder, Path):
        path = folder / "rejects.jsonl"
    elif len(refused):
        path = Path(f"{name}.rejects.jsonl")
    else:
        return None
    refused.save(path)
    return path
