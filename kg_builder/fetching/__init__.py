"""Public dumps by name: downloaded, checked, unpacked, in a folder that `build` takes.

sources.toml, sources.py   what can be fetched, from where
download.py                one file over HTTP
archives.py                zip files
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kg_builder.errors import AlreadyThere, BadRequest, DamagedDump
from kg_builder.fetching.archives import MAX_BYTES, unpack
from kg_builder.fetching.download import Patience, Progress, checksum_of, download
from kg_builder.fetching.sources import Download, KnownSource, checked_base, known_sources, source_named, sources_of
from kg_builder.logs import logged

__all__ = [
    "MAX_BYTES",
    "Fetched",
    "FetchedFile",
    "KnownSource",
    "Patience",
    "Progress",
    "fetch",
    "fetched",
    "known_sources",
    "sources_of",
]

_ORIGIN = ".fetched"  # in an unpacked folder: the checksum of the archive that it is from


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """One file of a source as it lies on the disk now."""

    path: Path
    fetched: bool
    """False where it was there already."""
    checksum: str
    """That it has: the published one, or the sha256 of the first complete download."""
    published: bool
    """False where nobody publishes a checksum: it is the same file as the first time, nothing more."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A source on the disk."""

    source: KnownSource
    folder: Path
    """What `build` takes."""
    files: tuple[FetchedFile, ...]


def fetch(
    name: str | KnownSource,
    *,
    into: str | Path = "dumps",
    mirror: str | None = None,
    max_bytes: int = MAX_BYTES,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> Path:
    """The public dump of that name lies in the folder that is returned, which `build` takes.

    What is there already and has the right checksum is not fetched again; what broke off is continued. Where no checksum is
    published, the sha256 of the first complete download is kept beside the file (`NAME.sha256`) and holds from then on.

    Args:
        name: as in `ml-100k` or `amazon-2023/All_Beauty` (`known_sources()` has them all), or a source of your own.
        into: the folder `name` is made in this folder.
        mirror: an address to use instead of the source's `base`.
        max_bytes: what an archive may unpack to.
        progress: called with (file, bytes so far, bytes in all).
        patience: how long to wait for the server, how often to try.

    Raises:
        BadRequest: there is no source of that name; the mirror is no http or https address.
        AlreadyThere: something that was not fetched is in the folder.
        SourceUnreachable: the server does not answer, or answers with an error.
        DamagedDump: a file has another checksum; an archive is damaged, unsafe or too large.

    Example:
        >>> fetch("ml-100")
        Traceback (most recent call last):
        kg_builder.errors.BadRequest: no source 'ml-100'; did you mean 'ml-100k'? kg-builder fetch --list shows what there is
    """
    return fetched(name, into=into, mirror=mirror, max_bytes=max_bytes, progress=progress, patience=patience).folder


def fetched(
    name: str | KnownSource,
    *,
    into: str | Path = "dumps",
    mirror: str | None = None,
    max_bytes: int = MAX_BYTES,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> Fetched:
    """As `fetch`, with what became of each file."""
    source = source_named(name) if isinstance(name, str) else name
    base = source.base if mirror is None else checked_base(mirror)
    if max_bytes < 1:
        raise BadRequest(f"max_bytes must be at least 1 (got {max_bytes})")
    folder = Path(into) / source.name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with logged("fetch", source=base, name=source.name) as said, _alone(folder):
        files = tuple(_file(one, folder, f"{base}/{one.path}", progress, patience) for one in source.files)
        for file in files:
            if _is_archive(file.path.name):
                _unpacked(file, folder, max_bytes, progress)
        said.update(files=len(files), fetched=sum(file.fetched for file in files))
    return Fetched(source, folder, files)


def _file(wanted: Download, folder: Path, url: str, progress: Progress | None, patience: Patience | None) -> FetchedFile:
    """The file is there with the checksum it must have; archives lie beside the folder, all else in it."""
    path = (folder.parent if _is_archive(wanted.name) else folder) / wanted.name
    path.parent.mkdir(parents=True, exist_ok=True)
    remembered = path.with_name(f"{path.name}.sha256")
    expected = wanted.checksum or _remembered(remembered)
    if path.is_file():
        got = checksum_of(path, (expected or "sha256:").partition(":")[0])
        if expected in (got, None):
            return _noted(FetchedFile(path, False, got, wanted.checksum is not None), remembered)
    try:
        download(url, path, checksum=expected, progress=progress, patience=patience)
    except DamagedDump as error:
        if wanted.checksum is None and expected is not None:
            raise DamagedDump(f"{error} ({remembered} has what came the first time; remove it to take the new one)") from error
        raise
    return _noted(FetchedFile(path, True, expected or checksum_of(path), wanted.checksum is not None), remembered)


def _noted(file: FetchedFile, remembered: Path) -> FetchedFile:
    """The file's checksum is remembered as `sha256sum --check` reads it, unless it is published."""
    if not file.published and not remembered.is_file():
        remembered.write_text(f"{file.checksum.removeprefix('sha256:')}  {file.path.name}\n", encoding="utf-8")
    return file


def _remembered(path: Path) -> str | None:
    if not path.is_file():
        return None
    said = path.read_text(encoding="utf-8", errors="replace").partition(" ")[0].strip()
    if len(said) != 64 or set(said) - set("0123456789abcdef"):
        raise DamagedDump(f"{path} should begin with a sha256 in hexadecimal (got {said[:80]!r}); remove it to start afresh")
    return f"sha256:{said}"


def _unpacked(archive: FetchedFile, folder: Path, max_bytes: int, progress: Progress | None) -> None:
    """The folder holds what is in the archive; one that something else made is left alone."""
    origin = f"{archive.checksum}  {archive.path.name}\n"
    mark = folder / _ORIGIN
    if mark.is_file():
        if mark.read_text(encoding="utf-8") == origin:
            return
    elif folder.exists() and any(folder.iterdir()):
        raise AlreadyThere(f"{folder} is there already and was not fetched; move it away, or fetch into another folder")
    unpack(archive.path, folder, max_bytes=max_bytes, origin=(_ORIGIN, origin), progress=progress)


def _is_archive(name: str) -> bool:
    return name.endswith(".zip")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No other fetch works on the folder meanwhile; one that does is waited for."""
    path = folder.with_name(f".{folder.name}.lock")
    while True:
        with path.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _still_there(path, lock.fileno()):
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _still_there(path: Path, descriptor: int) -> bool:
    """False where the lock's holder removed it while this one waited, and another fetch may hold a new one."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
