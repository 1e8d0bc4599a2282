"""Memory that is free, and memory that was freed."""

import ctypes
import sys
from functools import cache

from graphrec.errors import NotEnoughMemory
from kg_builder.memory import available


def check_room(need: float, what: str, remedy: str) -> None:
    """Nothing, where so many bytes are free, or nobody knows how many are.

    Raises:
        NotEnoughMemory: they are not; what: what needs them, in the plural; remedy: what to do instead.
    """
    free = available()
    if free is not None and need > free:
        raise NotEnoughMemory(f"{what} take about {told(need)} of memory, and {told(free)} are free; {remedy}")


def told(size: float) -> str:
    """Bytes as people say them.

    Example:
        >>> told(2.34e9), told(12_300_000), told(0)
        ('2.3 GB', '12 MB', '1 MB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6))} MB"


def give_back() -> None:
    """What was freed is the system's again: glibc alone would keep it, more than a gigabyte in a fit of 90,000 products.

    Does nothing where the C library is another.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> "ctypes._NamedFuncPointer | None":
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
