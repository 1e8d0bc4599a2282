"""Zip archives unpacked so that no archive can do harm: nothing outside of the folder, no links, no more bytes than allowed."""

import errno
import lzma
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from kg_builder.errors import DamagedDump
from kg_builder.fetching.download import Progress

MAX_BYTES = 20 * 2**30
"""What an archive may unpack to unless the caller says otherwise; MovieLens 25M takes 1.2 GB."""

_MAX_FILES = 10_000
_CHUNK = 1 << 20
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def unpack(
    archive: Path,
    folder: Path,
    *,
    max_bytes: int = MAX_BYTES,
    origin: tuple[str, str] | None = None,
    progress: Progress | None = None,
) -> None:
    """The archive's files are in `folder`, all of them or none; a single folder around all of them is left out.

    Args:
        archive: a zip file.
        folder: does not exist, or is replaced; only one caller at a time.
        max_bytes: what the files may take altogether.
        origin: name and text of one more file that says where the others are from.
        progress: called with (what, bytes so far, bytes in all).

    Raises:
        DamagedDump: it is no zip file, is encrypted or damaged, would write outside of the folder, holds links, or is too large.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(archive) as opened, _beside(folder, "unpacking") as fresh:
            _extract(archive, opened, fresh, max_bytes, progress or (lambda _what, _done, _total: None))
            if origin is not None:
                (fresh / origin[0]).write_text(origin[1], encoding="utf-8")
            _swap(fresh, folder)
    except DamagedDump:
        raise
    except (*_UNREADABLE, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # that one is a place before the file's beginning
            raise OSError(error.errno, f"{error.strerror} (nothing was unpacked)", error.filename or str(folder)) from error
        raise DamagedDump(f"{archive} is no zip file that can be read ({error}); nothing was unpacked, fetch it again") from error


def _extract(archive: Path, opened: zipfile.ZipFile, folder: Path, max_bytes: int, tell: Progress) -> None:
    members = [member for member in opened.infolist() if not member.filename.endswith("/")]  # is_dir() stumbles over empty names
    paths = _without_top([_path(archive, member) for member in members])
    total, done = _bounded(archive, members, max_bytes), 0
    for member, path in zip(members, paths, strict=True):
        tell(f"unpack {archive.name}", done, total)
        _write(opened, member, folder / path, archive)
        done += member.file_size
    tell(f"unpack {archive.name}", total, total)


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, archive: Path) -> None:
    """The member's bytes are at `target`: never more than its `file_size`, at which zipfile stops."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with opened.open(member) as source, target.open("xb") as file:
            shutil.copyfileobj(source, file, _CHUNK)
    except (FileExistsError, NotADirectoryError) as error:
        raise DamagedDump(f"{archive} holds {member.filename!r} twice; nothing was unpacked") from error


def _path(archive: Path, member: zipfile.ZipInfo) -> PurePosixPath:
    """Where the member belongs, under the folder."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in member.filename or not path.parts:
        raise DamagedDump(f"{archive} would write {member.filename!r}, outside of the folder; nothing was unpacked")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise DamagedDump(f"{archive} holds {member.filename!r}, a link or a device; nothing was unpacked")
    return path


def _bounded(archive: Path, members: Sequence[zipfile.ZipInfo], max_bytes: int) -> int:
    """The bytes that the members unpack to."""
    if len(members) > _MAX_FILES:
        raise DamagedDump(f"{archive} holds {len(members):,} files, more than {_MAX_FILES:,}; nothing was unpacked")
    size = sum(member.file_size for member in members)
    if size > max_bytes:
        raise DamagedDump(
            f"{archive} unpacks to {size:,} bytes, more than {max_bytes:,}; nothing was unpacked, --max-bytes allows for more"
        )
    return size


def _without_top(paths: list[PurePosixPath]) -> list[PurePosixPath]:
    """Paths without the folder that all of them are in."""
    tops = {path.parts[0] for path in paths}
    if len(tops) != 1 or any(len(path.parts) < 2 for path in paths):
        return paths
    return [PurePosixPath(*path.parts[1:]) for path in paths]


@contextmanager
def _beside(folder: Path, suffix: str) -> Iterator[Path]:
    """An empty folder on the same disk, gone afterwards unless it was moved; what a killed fetch left there goes first."""
    fresh = folder.with_name(f".{folder.name}.{suffix}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _swap(fresh: Path, folder: Path) -> None:
    """`fresh` stands at `folder`; what stood there goes only after that."""
    with _beside(folder, "before") as old:
        if folder.exists():
            folder.rename(old / folder.name)
        fresh.rename(folder)
