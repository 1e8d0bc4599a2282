"""Every error a user of kg_builder can meet, each with what to do about it in its message.

KgBuilderError
├── BadRequest       (ValueError)         an argument that cannot be
├── SchemaError      (ValueError)         a label, type, property or value the schema does not allow
├── DumpError        (ValueError)         a source that cannot be read
│   ├── UnknownFormat                     no reader knows this folder
│   ├── EmptyDump                         nothing, or nothing with interactions, in it
│   ├── DamagedDump                       a file that breaks off or is not what its name says
│   └── TooManyFaults                     more faulty rows than the caller allows
├── MissingSource    (FileNotFoundError)  the path does not exist
├── AlreadyThere     (FileExistsError)    the path holds what must not be overwritten
├── SourceUnreachable (ConnectionError)   a dump that no server hands over
├── ModelMissing     (ImportError)        a text model that is not installed
├── EngineError      (RuntimeError)       an engine that is not installed, does not answer or fails
├── NoSpace          (OSError)            a disk that is full
├── TooLarge         (MemoryError)        a dump or a graph that does not fit into memory
└── StoreError
    ├── StoreMissing     (FileNotFoundError)  nothing was built there yet
    ├── StoreLocked      (BlockingIOError)    another process writes to it
    ├── StoreUnreachable (ConnectionError)    no server answers
    ├── StoreRefused     (PermissionError)    wrong user or password, or no writes
    └── QueryError       (ValueError)         Cypher the store does not accept
"""

import errno
import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Self


class KgBuilderError(Exception):
    """Root of the tree: catch it to catch all of kg_builder's own errors."""

    logged: str | None = None
    """What a log may have of the message where it quotes a row elsewhere than in `(got …)`; None where it does not."""

    def logged_as(self, said: str) -> Self:
        """This error, in a log with these words."""
        self.logged = said
        return self


class BadRequest(KgBuilderError, ValueError):
    """An argument that cannot be."""


class SchemaError(KgBuilderError, ValueError):
    """A label, relationship type, property or value that the schema does not allow."""


class DumpError(KgBuilderError, ValueError):
    """A source that cannot be turned into a graph."""


class UnknownFormat(DumpError):
    """No reader recognises the source."""


class EmptyDump(DumpError):
    """The source holds nothing to build a graph of."""


class DamagedDump(DumpError):
    """A file breaks off in the middle or is not what its name says."""


class TooManyFaults(DumpError):
    """More rows of the source are faulty than the caller allows; nothing was written."""


class MissingSource(KgBuilderError, FileNotFoundError):
    """The source path does not exist."""


class AlreadyThere(KgBuilderError, FileExistsError):
    """The path to write to holds something else, which must not be overwritten."""


class SourceUnreachable(KgBuilderError, ConnectionError):
    """A public dump that no server hands over."""


class ModelMissing(KgBuilderError, ImportError):
    """A text model that is not installed."""


class EngineError(KgBuilderError, RuntimeError):
    """An engine that is not installed, does not answer or fails at its work."""


class NoSpace(KgBuilderError, OSError):
    """A disk or a quota is full."""


class TooLarge(KgBuilderError, MemoryError):
    """A dump or a graph that does not fit into the memory there is."""


class StoreError(KgBuilderError):
    """A graph store that cannot do what was asked."""


class StoreMissing(StoreError, FileNotFoundError):
    """Nothing was built at this place yet."""


class StoreLocked(StoreError, BlockingIOError):
    """Another process writes to the store."""


class StoreUnreachable(StoreError, ConnectionError):
    """No server answers at the address."""


class StoreRefused(StoreError, PermissionError):
    """The server refuses the user, the password, or to be written to."""


class QueryError(StoreError, ValueError):
    """Cypher that the store does not accept."""

    logged = "the store does not accept the Cypher"


def lacks_space(error: BaseException) -> bool:
    """Whether it says that a disk or a quota is full, or that a file may not grow; engines say so in words alone.

    Example:
        >>> lacks_space(OSError("parquet: underlying IO error: No space left on device (os error 28)"))
        True
    """
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return re.search(rf"os error ({'|'.join(map(str, _FULL))})\b|No space left", str(error)) is not None


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def did_you_mean(value: str, known: Iterable[str], *, alike: float = 0.6) -> str:
    """The closest known word as a clause to append to an error, or nothing. alike: 1 for equal, at least so much is close.

    It ends in a question mark, so what follows needs no sign of its own: `{did_you_mean(word, known) or ';'} known: …`.

    Example:
        >>> did_you_mean("titel", ["title", "price"])
        "; did you mean 'title'?"
        >>> did_you_mean("xyz", ["title", "price"])
        ''
        >>> did_you_mean("B07P", ["B01P", "B07PX"])
        "; did you mean 'B07PX'?"
    """
    close = get_close_matches(value, list(known), n=5, cutoff=alike)
    likeliest = max(close, key=lambda one: _shared_start(value, one), default=None)  # an id mostly goes wrong at its end
    return f"; did you mean {likeliest!r}?" if likeliest else ""


def _shared_start(one: str, other: str) -> int:
    """How many characters both begin with."""
    differ = (place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1])
    return next(differ, min(len(one), len(other)))
