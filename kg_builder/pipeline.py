"""From a dump to a store, whole or not at all."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from polars.exceptions import PolarsError

from kg_builder.dumps import Source, read_dump
from kg_builder.errors import DamagedDump
from kg_builder.rejects import Rejects
from kg_builder.schema import EdgeType
from kg_builder.stores import Build, GraphStore, Progress, connect
from kg_builder.tabulation import tabulate


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
    rejects: Path | None
    """The file with the refused rows; None where none was written."""
    seconds: float


def build(
    source: Source,
    into: str | Path | GraphStore,
    *,
    format: str | None = None,  # noqa: A002 - the option's name on the command line
    rejects: Path | str | None = None,
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
        progress: called as work goes on.
        now: epoch seconds; what lies more than a day later is refused. None asks the clock.

    Raises:
        DumpError, MissingSource: the source cannot be read, or there is nothing in it.
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
    if isinstance(into, str | Path):
        with connect(into, create=True) as store:
            return build(source, store, format=format, rejects=rejects, progress=progress, now=now)
    started = time.monotonic()
    now = int(time.time()) if now is None else now
    refused = Rejects()
    with tempfile.TemporaryDirectory(prefix="kg-builder-") as scratch:
        try:
            dump = read_dump(source, format=format, rejects=refused, progress=progress)
            tables = tabulate(dump, rejects=refused, now=now, scratch=Path(scratch))
        except PolarsError as error:  # files are read lazily, so a damaged one can show anywhere on the way
            raise DamagedDump(f"{_called(source)} cannot be read: {str(error).splitlines()[0]}") from error
        finally:
            if rejects is not None:
                refused.save(rejects)
        record = Build(_called(source), dump.format, now, refused.counts())
        into.write(tables, build=record, progress=progress)
        nodes, edges = tables.counts()
    file = _save(refused, rejects, into, Path(dump.name).name or dump.format)
    address = into.info().address
    return BuildReport(record.source, record.format, address, nodes, edges, record.rejected, file, time.monotonic() - started)


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
