"""How long reading, cleaning and tabulating a dump takes, beside what polars needs to gunzip and parse the same files.

    python benchmarks/read_dumps.py --data FOLDER_OF_A_DUMP [--data …]

The aim is about twice polars' time on gzipped JSON Lines. Each figure is the best of three.
"""

import argparse
import gzip
import io
import resource
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from kg_builder.dumps import read_dump
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate


def best(work: Callable[[], object], repeats: int = 3) -> float:
    """Seconds of the fastest of `repeats` runs."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def parse(folder: Path) -> None:
    for path in sorted(folder.glob("*.gz")):
        pl.read_ndjson(io.BytesIO(gzip.decompress(path.read_bytes())), infer_schema_length=None)


def build(folder: Path | str) -> None:
    rejects = Rejects()
    tabulate(read_dump(folder, reading=Reading(rejects)), rejects=rejects)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", action="append", required=True, help="a dump's folder, or complete-journey; may be repeated")
    for data in parser.parse_args().data:
        ours = best(lambda data=data: build(data))
        zipped = Path(data).is_dir() and any(Path(data).glob("*.gz"))
        theirs = best(lambda data=data: parse(Path(data))) if zipped else None
        beside = f", polars alone {theirs:.2f} s, {ours / theirs:.1f} times" if theirs else ""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{Path(data).name}: {ours:.2f} s{beside}; peak so far {peak:.0f} MiB")


if __name__ == "__main__":
    main()
