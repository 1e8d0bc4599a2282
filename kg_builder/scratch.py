"""Folders for what a command works out on its way."""

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BEGINS = f"kg-builder-{platform.node()}-"


@contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder where TMPDIR says, gone afterwards; those that commands left behind when they were killed go first.

    Example:
        >>> with scratch() as folder:
        ...     folder.is_dir()
        True
    """
    for left in Path(tempfile.gettempdir()).glob(f"{_BEGINS}*"):
        process = re.match(r"(\d+)-", left.name.removeprefix(_BEGINS))
        if process is not None and not _lives(int(process[1])):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_BEGINS}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
