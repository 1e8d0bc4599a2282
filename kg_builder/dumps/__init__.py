"""Dumps: what a shop hands over, read by one file a format into one form, and which reader fits a folder.

Every module of this folder is a reader: adding a format adds a file. A reader has `FORMAT` (its name), `LOOKS_FOR` (one line:
what it wants to see), `PRECEDENCE` (who looks first), `recognises(source) -> bool` and `read(source, reading) -> Dump`.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, cast

import polars as pl

from kg_builder.errors import BadRequest, EmptyDump, MissingSource, UnknownFormat, did_you_mean
from kg_builder.reading import Progress as Progress
from kg_builder.reading import Reading, files_of, kind_of
from kg_builder.reading.files import chunks, is_packed, opening
from kg_builder.rejects import Rejects
from kg_builder.schema import EdgeType

Source = str | Path | Mapping[str, Any]
"""A folder, a file, the name of an installed data set, or frames by name."""


@dataclass(frozen=True, slots=True)
class Dump:
    """A shop's data in one form, not yet cleaned: what every reader returns and `tabulate` turns into GraphTables.

    Frames keep the source's values (strings where they may be dirty). Every frame may carry `file` (string) and `line`
    (integer, from 1) so that a refused row can be found again. Columns beyond the known ones become properties.
    """

    name: str
    format: str
    products: pl.LazyFrame | None = None
    """`id`, `title`, `description`, `price`, `brand`, `categories` (list of paths, each a list of names from the top down; or
    flat names as paths of length one), `also_bought`, `also_viewed`, `bought_together` (lists of product ids)."""
    users: pl.LazyFrame | None = None
    """`id` and whatever is known of a user."""
    reviews: pl.LazyFrame | None = None
    """`user`, `product`, `rating`, `title`, `text`, `at`, `helpful`, `verified`; `id` where the source numbers its reviews."""
    events: pl.LazyFrame | None = None
    """`user`, `product`, `event` (viewed, carted, bought, interacted), `key`, `at`, `position`, `rating`, `quantity`, `price`,
    `discount`."""
    categories: pl.LazyFrame | None = None
    """`id` (the whole path), `name`, `parent` (id)."""
    triples: pl.LazyFrame | None = None
    """`head`, `relation`, `tail`: outside knowledge; a head or tail that is a product's id means that product."""
    nodes: Mapping[str, pl.LazyFrame] = field(default_factory=dict)
    """By label, nodes of kinds that RETAIL lacks: `id` and properties."""
    edges: Mapping[EdgeType, pl.LazyFrame] = field(default_factory=dict)
    """By edge type, edges of kinds that RETAIL lacks: `source`, `target`, `key` where several may stand between two nodes, and
    properties; `at` is a time."""
    text_properties: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By label, the extra columns that a text model should read."""
    codes: tuple[str, ...] = ()
    """Labels whose names are numbers or codes, which say nothing to a text model."""


class Reader(Protocol):
    """What every module of this folder is."""

    FORMAT: str
    LOOKS_FOR: str
    PRECEDENCE: int
    """0 looks first: a file that says how to read the others; 1: files of one known layout; 2: any file with fitting columns."""

    def recognises(self, source: Source) -> bool:
        """True where the source looks like this format; looks at names and first lines, reads nothing whole."""

    def read(self, source: Source, reading: Reading) -> Dump:
        """The source as a Dump; lines that cannot even be parsed are in the reading's rejects."""


def readers() -> dict[str, Reader]:
    """Every reader of this folder by its format's name, in the order in which they look at a source."""
    names = (found.name for found in pkgutil.iter_modules(__path__))
    modules = [cast("Reader", importlib.import_module(f"{__name__}.{name}")) for name in names]
    return {reader.FORMAT: reader for reader in sorted(modules, key=lambda reader: (reader.PRECEDENCE, reader.FORMAT))}


def read_dump(
    source: Source,
    *,
    format: str | None = None,  # noqa: A002  (the word of the command line)
    reading: Reading | None = None,
) -> Dump:
    """The source in the one form that `tabulate` takes, read by the first reader that recognises it, or by `format`'s.

    Args:
        source: a folder, a file, an installed data set's name, or a mapping of frames such as `{"products": df, "events": df}`.
        format: a format's name, where looking is not enough.
        reading: takes the lines that cannot be parsed, and says where the rows are held and how much may be read.

    Raises:
        MissingSource: there is nothing at the path.
        BadRequest: no reader has the name `format`.
        UnknownFormat: no reader knows the source.
        EmptyDump: the source is a file without a byte or a folder without a file.
        DamagedDump: a file breaks off or is not what its name says.
    """
    if not isinstance(source, str | Path | Mapping):
        raise UnknownFormat(f"expected a path, a name or a mapping of frames (got {type(source).__name__})")
    known = readers()
    reading = Reading(Rejects()) if reading is None else reading
    if isinstance(source, str | Path) and Path(source).is_dir():
        reading = replace(reading, root=Path(source))
    if format is None and reading.mapping is not None:
        format = "mapping"  # noqa: A001
    if format is not None:
        if format not in known:
            raise BadRequest(f"no format {format!r}{did_you_mean(format, known) or ';'} known: {', '.join(known)}")
        if isinstance(source, Mapping) and not known[format].recognises(source):
            raise UnknownFormat(f"{format} does not read frames but {known[format].LOOKS_FOR}")
        return known[format].read(source, reading)
    for reader in known.values():
        if reader.recognises(source):
            return reader.read(source, reading)
    raise _unrecognised(source, known)


def _unrecognised(source: Source, known: Mapping[str, Reader]) -> Exception:
    if isinstance(source, str | Path) and not Path(source).exists():
        return MissingSource(
            f"there is nothing at {source}; expected a folder, a file, or an installed data set such as complete-journey"
        )
    files = files_of(source)
    for path in files:  # a file that cannot be read is of no format for that reason
        if kind_of(path) in ("json", "delimited") or is_packed(path):
            list(islice(chunks(path), 2))
        elif kind_of(path) == "parquet" and path.stat().st_size:
            Reading().parquet(path)
    if isinstance(source, str | Path) and Path(source).is_dir() and not any(Path(source).iterdir()):
        return EmptyDump(f"{source} is an empty folder; expected the files of a dump in it")
    if files and not any(opening(path).strip() for path in files):
        empty = str(source) if Path(str(source)).is_file() else f"every file in {source} ({_contents(source)})"
        return EmptyDump(f"{empty} is empty; expected a dump in one of the formats {', '.join(known)}")
    looked = "; ".join(f"{name} ({reader.LOOKS_FOR})" for name, reader in known.items())
    return UnknownFormat(f"{_called(source)} is of no known format. Looked for: {looked}. Saw: {_contents(source)}")


def _called(source: Source) -> str:
    return "the mapping of frames" if isinstance(source, Mapping) else str(source)


def _contents(source: Source) -> str:
    if isinstance(source, Mapping):
        return ", ".join(map(str, source)) or "nothing"
    path = Path(source)
    names = sorted(child.name + ("/" if child.is_dir() else "") for child in path.iterdir()) if path.is_dir() else [path.name]
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") or "nothing"
