"""From a source to the tables of a graph on the disk: what `build` writes to a store and `export` to files."""

import logging
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from polars.exceptions import PanicException, PolarsError

from kg_builder.allowance import Allowance, check
from kg_builder.dumps import Progress, Source, read_dump
from kg_builder.engines import Started, running
from kg_builder.engines.polars import Polars
from kg_builder.errors import DamagedDump, KgBuilderError, NoSpace, lacks_space
from kg_builder.logs import log
from kg_builder.outlook import foresee_memory, look_ahead
from kg_builder.reading import Reading, State
from kg_builder.rejects import Rejects, Sieve
from kg_builder.tables import GraphTables
from kg_builder.tabulation import Dangling, Held, tabulate

FAULTS_TOLD = 5
"""Faulty rows that a report puts in words; all are in the rejects file."""

_LITTLE = 1 << 20
"""Bytes of a disk that is as good as full."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A source that was read and cleaned."""

    format: str
    name: str
    """What the dump is called: its path, or what its reader says."""
    tables: GraphTables
    triples: bool
    """Whether it has triples, which may speak of products that only a store knows."""


def take_in(
    source: Source,
    scratch: Path,
    refused: Rejects,
    *,
    most: Allowance,
    now: int,
    format: str | None = None,  # noqa: A002 - the option's name on the command line
    mapping: Path | str | None = None,
    max_bytes: int | None = None,
    max_memory: int | None = None,
    dangling: Dangling = "keep",
    rejects: Path | str | None = None,
    held: Callable[[bool], Held] | None = None,
    engine: AbstractContextManager[Started] | None = None,
    progress: Progress | None = None,
    before: Mapping[Path, State | None] | None = None,
) -> Taken:
    """The source, cleaned: its tables lie in the scratch folder; refused rows are in `refused`.

    Args:
        source: as `build` takes it.
        scratch: an empty folder that outlives the tables.
        refused: takes the rows that are refused.
        most: how many faulty ones there may be.
        now: epoch seconds; what lies more than a day later is refused.
        format: the dump's format, where looking at it is not enough.
        mapping: a mapping.toml that says what the columns mean.
        max_bytes: how many bytes of text a file may hold, unpacked.
        max_memory: bytes of memory that cleaning may surely need; None takes what is free. A cluster has its own.
        dangling: what becomes of products that are only linked to.
        rejects: the file for refused rows, written whatever happens.
        held: what the store holds that the dump may speak of, asked for products only where it has triples; None without a store.
        engine: where the work is done, not yet running (see `engines.running`); None is polars.
        progress: called as reading goes on.
        before: the source's files as they were when the work began; none of them may have changed when it is read.

    Raises:
        DumpError, MissingSource: the source cannot be read, or there is nothing in it.
        TooManyFaults: more rows are faulty than may be.
        TooLarge: the rows do not fit into memory.
        NoSpace: there is too little room in the scratch folder.
    """
    refused.most = most.number
    reading = Reading(refused, progress, scratch, max_bytes, None if mapping is None else Path(mapping))
    reading = replace(reading, before=before or {})
    try:
        with reading.steady(), ExitStack() as working:
            look_ahead(source, refused, most, now=now, format=format, reading=reading)
            started = working.enter_context(engine or running("polars"))
            if started is Polars:
                foresee_memory(source, max_memory, format=format, reading=reading)
            reading = replace(reading, spread=started(Sieve(refused, scratch)).spread)
            dump = read_dump(source, format=format, reading=reading)
            log("read", format=dump.format)
            triples = dump.triples is not None
            known = None if held is None else held(triples)
            tables = tabulate(dump, rejects=refused, now=now, scratch=scratch, dangling=dangling, held=known, engine=started)
    except (PolarsError, PanicException, OSError) as error:  # files are read lazily: a damaged one can show anywhere on the way
        raise _unread(called(source), scratch, error) from error
    finally:
        if rejects is not None:
            refused.save(rejects)
        _log(refused)
    check(refused, most)
    nodes, edges = tables.counts()
    log("tabulated", nodes=nodes, edges=named(edges))
    return Taken(dump.format, dump.name, tables, triples)


def _unread(source: str, scratch: Path, error: BaseException) -> BaseException:
    """Why the source was not read; an error that says so itself is left as it is."""
    if lacks_space(error) or shutil.disk_usage(scratch).free < _LITTLE:  # a file that breaks off may be called something else
        where = f"no space left in {scratch}, where a build keeps its rows"
        return NoSpace(f"{where}; nothing was written: let TMPDIR name a folder on a larger disk")
    if isinstance(error, KgBuilderError) or (isinstance(error, OSError) and error.strerror):
        return error
    said = f"{source} cannot be read"
    return DamagedDump(f"{said}: {str(error).splitlines()[0]}").logged_as(said)


def called(source: Source) -> str:
    """The source in words."""
    return os.path.normpath(source) if isinstance(source, str | Path) else "frames"


def named(edges: dict[tuple[str, str, str], int]) -> dict[str, int]:
    """The counts by `Source-TYPE-Target`."""
    return {"-".join(kind): count for kind, count in edges.items()}


def saved(refused: Rejects, folder: object, taken: Taken) -> Path | None:
    """Write the refused rows to a store's folder, else, where there are any, to the current one; says where that is."""
    if isinstance(folder, Path):
        path = folder / "rejects.jsonl"
    elif len(refused):
        path = Path(f"{Path(taken.name).name or taken.format}.rejects.jsonl")
    else:
        return None
    refused.save(path)
    return path


def _log(refused: Rejects) -> None:
    """Notes, and the places of the first faulty rows; what they say stays out of logs."""
    for note in refused.notes:
        log("note", note=note)
    for file, line, reason in refused.first_places(FAULTS_TOLD):
        log("fault", level=logging.WARNING, file=file, line=line, reason=reason)
    if len(refused):
        log("refused", rejected=refused.counts(), faults=refused.faults, sound=refused.passed)
