"""One file over HTTP: resumed where it broke off, tried again where the server stumbles, its name only when it is whole."""

import errno
import hashlib
import http.client
import json
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from kg_builder.errors import DamagedDump, SourceUnreachable
from kg_builder.fetching.connection import first_byte, opener, retry_after, total_bytes, version
from kg_builder.logs import log

Progress = Callable[[str, int, int], None]
"""Called as a file comes in with (its name, bytes so far, bytes in all; as many as so far where the server does not say)."""

_CHUNK = 1 << 18
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})  # answers that another try may mend
_BROKEN = (urllib.error.URLError, ConnectionError, TimeoutError, ssl.SSLError, http.client.HTTPException)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_MAGIC = {".gz": b"\x1f\x8b", ".zip": b"PK"}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a server, and how often to come back."""

    tries: int = 6
    """Tries in a row that bring no new byte; more, and the fetch is given up."""
    timeout: float = 60.0
    """Seconds without a byte after which a connection counts as dropped."""
    pause: float = 1.0
    """Seconds before the second try; doubled before each further one."""
    longest: float = 600.0
    """Seconds that a server may ask to wait (Retry-After); asked for more, the fetch is given up."""
    sleep: Callable[[float], None] = time.sleep
    """Does the waiting."""


def download(
    url: str, target: Path, *, checksum: str | None = None, progress: Progress | None = None, patience: Patience | None = None
) -> None:
    """The whole file at `url` is at `target`; what was left in `target.part` is not fetched again.

    Args:
        url: http or https.
        target: takes its name in one step, when the file is whole and has the checksum.
        checksum: `sha256:…` or `md5:…`.
        progress: called with (file, bytes so far, bytes in all).
        patience: how long to wait, how often to try.

    Raises:
        SourceUnreachable: the server does not answer, or answers with an error.
        DamagedDump: the file has another checksum; nothing is left of it.
    """
    part = _Part(target.with_name(f"{target.name}.part"), url, trusting=checksum is not None)
    _until_whole(part, target.name, progress or (lambda _what, _done, _total: None), patience or Patience())
    _check(part, target.name, checksum)
    part.path.replace(target)
    part.discard()


def checksum_of(path: Path, kind: str = "sha256") -> str:
    """`kind:hexadecimal` of a file's content.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = (Path(folder) / "empty").write_bytes(b"")
        ...     checksum_of(Path(folder) / "empty", "md5")
        'md5:d41d8cd98f00b204e9800998ecf8427e'
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False))
    return f"{kind}:{digest.hexdigest()}"


@dataclass(frozen=True, slots=True)
class _Part:
    """What came in so far, and beside it (`.from`) where from and of which version."""

    path: Path
    url: str
    trusting: bool
    """A checksum will tell, so bytes of an unknown version may be continued."""

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def _notes(self) -> Path:
        return self.path.with_name(f"{self.path.name}.from")

    def version(self) -> str | None:
        """The ETag or date that the server gave the version of these bytes."""
        try:
            notes = json.loads(self._notes.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        known = isinstance(notes, dict) and notes.get("url") == self.url
        return notes.get("version") if known else None

    def begin(self, version: str | None) -> None:
        """Empty, about to hold the bytes of this version."""
        self.path.write_bytes(b"")
        self._notes.write_text(json.dumps({"url": self.url, "version": version}), encoding="utf-8")

    def discard(self) -> None:
        """Nothing is left."""
        self.path.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)

    def request(self) -> urllib.request.Request:
        """Asks for the rest, if it is still of the same version, or for everything."""
        headers = {"User-Agent": "kg-builder", "Accept-Encoding": "identity"}
        version = self.version()
        if self.size and version is None and not self.trusting:
            self.discard()
        if self.size:
            headers["Range"] = f"bytes={self.size}-"
            if version is not None:
                headers["If-Range"] = version
        return urllib.request.Request(self.url, headers=headers)  # noqa: S310  (opener knows http and https alone)


def _check(part: _Part, name: str, checksum: str | None) -> None:
    """The part is what it should be; if not, nothing is left of it."""
    expected, got = checksum, None if checksum is None else checksum_of(part.path, checksum.partition(":")[0])
    magic = _MAGIC.get(Path(name).suffix, b"")
    with part.path.open("rb") as file:
        first = file.read(16)
    if got == expected and not first.startswith(magic):  # a page that asks to log in, most often
        expected, got = f"a {Path(name).suffix} file", f"one that begins with {first!r}"
    if got != expected:
        part.discard()
        raise DamagedDump(f"{part.url}: expected {expected} (got {got}); nothing was kept, fetch again or --from a mirror")


def _until_whole(part: _Part, name: str, tell: Progress, patience: Patience) -> None:
    """The part is as long as the server says the file is."""
    tries = 0
    while True:
        before, wait = part.size, None
        try:
            if _receive(part, name, tell, patience):
                return
            why = "the connection broke off"
        except urllib.error.HTTPError as error:
            why, wait = _refused(error, part)
        except SourceUnreachable:
            raise
        except _BROKEN as error:
            why = _broken(error, part)
        tries = 1 if part.size > before else tries + 1
        log("retry", file=name, source=part.url, why=why, done=part.size, tries=tries)
        if tries >= patience.tries:
            raise SourceUnreachable(
                f"{part.url}: {why}, {tries} times in a row; {_kept(part)}, try again later or --from a mirror"
            )
        pause = patience.pause * 2 ** (tries - 1) if wait is None else wait
        if pause > patience.longest:
            raise SourceUnreachable(f"{part.url}: {why}, and it asks to wait {pause:,.0f} seconds; {_kept(part)}")
        patience.sleep(pause)


def _receive(part: _Part, name: str, tell: Progress, patience: Patience) -> bool:
    """One try; true where the part is whole afterwards."""
    try:
        answer = opener().open(part.request(), timeout=patience.timeout)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        with error:  # nothing follows the bytes that are here: they are all, or those of a longer, older version
            whole = part.path.is_file() and total_bytes(error.headers, 0) == part.size
        if not whole:
            part.discard()
        return whole
    with answer:
        return _take(answer, part, name, tell)


def _take(answer: Any, part: _Part, name: str, tell: Progress) -> bool:  # noqa: ANN401  (urllib's answers have no type)
    """True where the part is whole with the bytes of this answer."""
    begins = first_byte(answer.headers) if answer.status == 206 else 0
    other = begins > 0 and version(answer.headers) not in (None, part.version())  # a server that does not know If-Range
    if other or begins not in (0, part.size):  # not the bytes that were asked for
        part.discard()
        return False
    if begins == 0:
        part.begin(version(answer.headers))
    total = total_bytes(answer.headers, begins)
    _has_room(part, total)
    try:
        with part.path.open("ab") as file:
            _copy(answer, file, lambda done: tell(name, done, done if total is None else total))
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise OSError(error.errno, f"{error.strerror} ({_kept(part)})", str(part.path)) from error
    return total is None or part.size == total


def _copy(answer: Any, file: IO[bytes], tell: Callable[[int], None]) -> None:  # noqa: ANN401  (urllib's answers have no type)
    done = file.tell()
    tell(done)
    while chunk := answer.read1(_CHUNK):
        file.write(chunk)
        done += len(chunk)
        tell(done)


def _refused(error: urllib.error.HTTPError, part: _Part) -> tuple[str, float | None]:
    """Why, and how many seconds the server asks to wait, where another try may help."""
    with error:
        why = f"the server answers {error.code} {error.reason}"
        if error.code not in _LATER:
            raise SourceUnreachable(f"{part.url}: {why}; has it moved? --from names another address")
        return why, retry_after(error.headers)


def _broken(error: Exception, part: _Part) -> str:
    """Why, where another try may help."""
    reason = getattr(error, "reason", error)
    said = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    nobody = isinstance(reason, socket.gaierror | ConnectionRefusedError) and not part.size
    if nobody or isinstance(reason, ssl.SSLCertVerificationError):
        raise SourceUnreachable(f"{part.url}: {said}; --from names another address")
    return said


def _has_room(part: _Part, total: int | None) -> None:
    missing, free = (total or 0) - part.size, shutil.disk_usage(part.path.parent).free
    if missing > free:
        raise OSError(f"{part.path.parent} has room for {free:,} bytes, {part.url} needs {missing:,} more")


def _kept(part: _Part) -> str:
    return f"{part.size:,} bytes are kept for the next time" if part.size else "nothing was fetched"
