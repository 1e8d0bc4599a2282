"""A file's text, whatever it is written in: gzipped or plain; UTF-8, UTF-16 or Windows-1252; lines ended by LF, CRLF or CR."""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from kg_builder.errors import DamagedDump

CHUNK = 1 << 25
"""Bytes of text handled at once (32 MiB): memory grows with this and not with the file."""
LONGEST_LINE = 1 << 27
"""Bytes of the longest line that is read (128 MiB)."""
UNPACKED, UNPACKED_TIMES = 1 << 32, 100
"""Where nobody sets a bound, a gzip file may unpack to 4 GiB or to a hundred times its size, whichever is more."""

_GZIP = b"\x1f\x8b"
_BLOCK = 1 << 18
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class Chunk(NamedTuple):
    """Some whole lines of a file."""

    first: int
    """The number of the first line, from 1."""
    data: bytes
    """The lines in UTF-8, each ended by a line feed, except perhaps the file's last."""

    @property
    def lines(self) -> int:
        """How many lines there are."""
        return self.data.count(b"\n") + (not self.data.endswith(b"\n"))


def chunks(
    path: Path,
    *,
    max_bytes: int | None = None,
    encoding: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    note: Callable[[str], None] | None = None,
    size: int = 0,
) -> Iterator[Chunk]:
    """The file's lines in pieces of about `CHUNK` bytes.

    A byte order mark is no part of the text. Lines that are no UTF-8 are read as Windows-1252, which `note` is told.

    Args:
        path: a file, gzipped or not.
        max_bytes: bytes of text that may be read, unpacked; None stops at what no honest gzip file unpacks to.
        encoding: what the file is written in, where it is neither UTF-8 nor UTF-16.
        progress: called with (file name, bytes read, bytes in all).
        note: called with a sentence about the file that somebody should know.
        size: bytes of a piece, where they are not `CHUNK`.

    Raises:
        DamagedDump: the gzip breaks off or is none, the file unpacks to too much, a line does not end.
        FileNotFoundError: there is no such file.
    """
    lines = _lines(path, _decoded(_bounded(path, _unpacked(path, progress, after=size), max_bytes), encoding))
    first, foreign = 1, list[int]()
    try:
        for data in lines:
            chunk = Chunk(first, data)
            text, strange = _utf8(chunk)
            foreign += strange
            yield Chunk(first, text)
            first += chunk.lines
    except (EOFError, OSError, zlib.error) as error:
        raise DamagedDump(_damage(path, first - 1, error)) from error
    if foreign and note is not None:
        count = "1 line is" if len(foreign) == 1 else f"{len(foreign):,} lines are"
        note(f"{path.name}: {count} no UTF-8 and read as Windows-1252, the first is line {foreign[0]}")


def ahead(pieces: Iterator[Chunk]) -> Iterator[Chunk]:
    """The pieces, each made in a thread of its own while the one before is parsed: to unpack takes about as long."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = worker.submit(next, pieces, None)
            yield piece


def first_line(path: Path) -> str:
    """The first line that is not blank, or nothing where there is none: enough to recognise a format by."""
    return re.split(r"[\r\n]", re.sub(r"^(?:[ \t]*[\r\n])+", "", opening(path)), maxsplit=1)[0]


def is_packed(path: Path) -> bool:
    """True for a gzip file, by its name or its first bytes."""
    with path.open("rb") as raw:
        return path.suffix == ".gz" or raw.read(2) == _GZIP


def opening(path: Path, size: int = _BLOCK) -> str:
    """About so many bytes of the file's text from its start, or nothing where none can be read."""
    try:
        block = next(_decoded(_unpacked(path, None, size), None), b"")
    except (OSError, EOFError, zlib.error):
        return ""
    return block.decode("utf-8", errors="replace")


def _unpacked(path: Path, progress: Callable[[str, int, int], None] | None, size: int = 0, after: int = 0) -> Iterator[bytes]:
    """The file's bytes in blocks, the first of about `size`, small, so that a look at the start costs little."""
    total = path.stat().st_size
    with path.open("rb") as raw:
        packed = path.suffix == ".gz" or raw.peek(2)[:2] == _GZIP
        file: gzip.GzipFile | io.BufferedReader = gzip.GzipFile(fileobj=raw) if packed and total else raw
        size = size or min(_BLOCK, CHUNK)
        failure: Exception | None = None
        while failure is None:
            block, failure = _read(file, size)
            if progress is not None:
                progress(path.name, raw.tell(), total)
            if not block:
                break
            if raw.tell() > total:  # else a file that grows as fast as it is read has no end
                raise DamagedDump(f"{path} grows while it is read; build again when nobody writes to it")
            yield block
            size = after or CHUNK
        if failure is not None:
            raise failure


def _read(file: gzip.GzipFile | io.BufferedReader, size: int) -> tuple[bytes, Exception | None]:
    """Up to so many bytes, and what stopped the reading before that."""
    parts: list[bytes] = []
    have = 0
    try:
        while have < size and (part := file.read1(min(_BLOCK, size - have))):
            parts.append(part)
            have += len(part)
    except (EOFError, OSError, zlib.error) as error:
        return b"".join(parts), error
    return b"".join(parts), None


def _bounded(path: Path, blocks: Iterator[bytes], max_bytes: int | None) -> Iterator[bytes]:
    usual = max(UNPACKED, UNPACKED_TIMES * path.stat().st_size)
    most = usual if max_bytes is None else max_bytes
    done = 0
    for block in blocks:
        done += len(block)
        if done > most:
            why = "" if max_bytes is not None else ", which no honest dump does"
            raise DamagedDump(f"{path} holds more than {most:,} bytes of text{why}; --max-bytes says how many it may")
        yield block


def _decoded(blocks: Iterator[bytes], encoding: str | None) -> Iterator[bytes]:
    """The blocks in UTF-8 (or what is taken for it), without a byte order mark."""
    first = next(blocks, b"")
    mark = next((mark for mark in _MARKS if first.startswith(mark)), b"")
    encoding = encoding or _MARKS.get(mark) or _unmarked(first)
    if encoding == "utf-8":
        yield first.removeprefix(mark)
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    yield decoder.decode(first.removeprefix(mark)).encode()
    for block in blocks:
        yield decoder.decode(block).encode()
    yield decoder.decode(b"", final=True).encode()


def _unmarked(start: bytes) -> str:
    """UTF-16 without a mark shows by every other byte being null."""
    even, odd = start[:1000:2], start[1:1000:2]
    if len(odd) > 4 and max(even.count(0), odd.count(0)) > 0.8 * len(odd) and min(even.count(0), odd.count(0)) == 0:
        return "utf-16-be" if even.count(0) else "utf-16-le"
    return "utf-8"


def _lines(path: Path, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks cut behind a line end each; a carriage return ends a line where more lines of the first block end so."""
    rest, done, old = b"", 0, None
    for block in blocks:
        if old is None:
            within = block.rstrip(b"\r\n")
            old = within.count(b"\r") - within.count(b"\r\n") > within.count(b"\n")
        text = block.replace(b"\r", b"\n") if old else block
        cut = text.rfind(b"\n") + 1
        if cut:
            done += rest.count(b"\n") + text.count(b"\n")
            yield rest + text[:cut]
        rest = text[cut:] if cut else rest + text
        if len(rest) > LONGEST_LINE:
            raise DamagedDump(f"{path} line {done + 1} does not end within {LONGEST_LINE >> 20} MiB; expected lines of text")
    if rest.strip():
        yield rest


def _utf8(chunk: Chunk) -> tuple[bytes, list[int]]:
    """The chunk's text in UTF-8, and the numbers of the lines that were something else."""
    try:
        chunk.data.decode()
    except UnicodeDecodeError:
        pass
    else:
        return chunk.data, []
    lines, foreign = chunk.data.split(b"\n"), []
    for place, line in enumerate(lines):
        try:
            line.decode()
        except UnicodeDecodeError:
            lines[place] = _western(line).encode()
            foreign.append(chunk.first + place)
    return b"\n".join(lines), foreign


def _western(line: bytes) -> str:
    """Windows-1252, and Latin-1 where that has no sign for a byte."""
    try:
        return line.decode("cp1252")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _damage(path: Path, good: int, error: Exception) -> str:
    kept = f"{good} line{'' if good == 1 else 's'} could be read before" if good else "no line could be read"
    if isinstance(error, EOFError):
        return f"{path}: the gzip file breaks off ({kept}); fetch it again, nothing was written"
    return f"{path}: not a sound gzip file ({kept}): {error}; nothing was written"
