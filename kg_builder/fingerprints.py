"""What a source's files hold, in sixteen bytes: the same as long as nobody touches them."""

import hashlib
import json
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

_BLOCK = 1 << 22


def fingerprint(source: object, **settings: object) -> str:
    """Of the contents and names of all files below the source, of how they are read, and of the builder's version.

    All bytes are read: a size and a date stay the same where a file was changed within a second, or copied with its date.

    Returns:
        32 hexadecimal digits; an empty text for frames, which have no files.
    """
    if isinstance(source, Mapping) or not Path(str(source)).exists():
        return ""
    path = Path(str(source))
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    told = [file_digest(file.relative_to(path).as_posix(), file) for file in files]
    said = {name: str(value) for name, value in settings.items() if value is not None}
    total = hashlib.blake2b(json.dumps([told, said, version()], sort_keys=True).encode(), digest_size=16)
    return total.hexdigest()


def version() -> str:
    """The builder's own."""
    return metadata.version("graphrec")


def file_digest(name: str, file: Path) -> str:
    """Of the file's name and its bytes, as 128 hexadecimal digits."""
    made = hashlib.blake2b(name.encode(), digest_size=16)
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK):
            made.update(block)
    return made.hexdigest()
