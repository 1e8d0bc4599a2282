"""How much memory there is, and whether a dump fits into it while it is cleaned, and a graph while it is written."""

import re
import resource
from collections.abc import Iterator
from pathlib import Path

from kg_builder.errors import TooLarge

ROW_BYTES = 80
"""Bytes of memory a node or edge while a graph is written, at least: 3.1 million nodes and edges of reviews took 234 MiB
more than 0.4 million (an embedded store that held nothing), 90 bytes each."""
CLEANED_BYTES = 12
"""Bytes of memory a row while doubles are looked for, at least: 30 million rows took 425 MiB more than one million, 15 bytes
each (`marks.repeated`)."""
_GROUPS = Path("/sys/fs/cgroup")


def check_fits(rows: int, most: int | None = None) -> None:
    """Nothing, where so many nodes and edges can be written in the memory that is free, or in `most` bytes.

    Raises:
        TooLarge: they surely cannot; says how much they need.

    Example:
        >>> check_fits(1000, 1_000_000)
    """
    free = available() if most is None else most
    need = rows * ROW_BYTES
    if free is None or need <= free:
        return
    raise TooLarge(
        f"{rows:,} nodes and edges need at least {_said(need)} of memory ({ROW_BYTES} bytes each), {_said(free)} are free; "
        f"nothing was written: build a part of the dump, take a larger machine, or try it with --max-memory {_said(need + 10**9)}"
    )


def check_cleaned(rows: int, free: int) -> None:
    """Nothing, where so many rows of one kind can be cleaned in so many bytes of memory.

    Raises:
        TooLarge: they surely cannot; says how much they need.

    Example:
        >>> check_cleaned(1000, 1_000_000)
    """
    need = rows * CLEANED_BYTES
    if need <= free:
        return
    raise TooLarge(
        f"the files seem to hold {rows:,} rows of one kind or more, which need at least {_said(need)} of memory to be cleaned "
        f"({CLEANED_BYTES} bytes each), {_said(free)} are free; nothing was read to its end or written: build a part of the "
        f"dump, take a larger machine or --engine spark, or try it with --max-memory {_said(need + 10**9)}"
    )


def available() -> int | None:
    """Bytes of memory that this process can still take, by its machine, its container and its own limit; None where unknown."""
    return min(_limits(), default=None)


def _limits() -> Iterator[int]:
    machine = Path("/proc/meminfo")
    if machine.is_file() and (found := re.search(r"^MemAvailable:\s+(\d+) kB", machine.read_text(), re.MULTILINE)):
        yield int(found[1]) * 1024
    yield from _container()
    own, _ = resource.getrlimit(resource.RLIMIT_AS)
    status = Path("/proc/self/status")
    if own != resource.RLIM_INFINITY and status.is_file():
        used = re.search(r"^VmSize:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        yield max(0, own - (int(used[1]) * 1024 if used else 0))


def _container(root: Path = _GROUPS) -> Iterator[int]:
    """What a control group still allows (version 2, then 1); file pages that nobody uses are given up for it."""
    for limit, usage, stat in (
        ("memory.max", "memory.current", "memory.stat"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
    ):
        texts = [(root / name).read_text() if (root / name).is_file() else "" for name in (limit, usage, stat)]
        if texts[0].strip().isdigit() and texts[1].strip().isdigit():
            idle = re.search(r"^(?:total_)?inactive_file (\d+)", texts[2], re.MULTILINE)
            yield max(0, int(texts[0]) - int(texts[1]) + (int(idle[1]) if idle else 0))


def _said(size: int) -> str:
    return f"{size / 1e9:.1f}GB" if size >= 1e9 else f"{max(1, round(size / 1e6))}MB"
