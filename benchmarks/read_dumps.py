"""How long reading, cleaning and tabulating a dump takes beside polars' gunzip and parse of the same files, and how much memory.

    python benchmarks/read_dumps.py --data FOLDER_OF_A_DUMP [--data …] [--reviews 500000 --reviews 2000000]

`--reviews N` generates an Amazon dump of N reviews by 100,000 users of 20,000 products. The aim is about twice polars' time on
gzipped JSON Lines, and a peak of memory that grows with the distinct keys and not with the rows. Each time is the best
of three (of one beyond two million reviews), each peak that of a process of its own that reads once, as `kg-builder build` does.
"""

import argparse
import gzip
import io
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
from table import HEADER, Row

from kg_builder.dumps import read_dump
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

WORDS = ("good", "bad", "tea", "coffee", "strong", "mild", "love", "hate", "return", "fast", "slow", "product", "price", "worth")


def best(work: Callable[[], object], repeats: int = 3) -> float:
    """Seconds of the fastest of `repeats` runs."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def parse(folder: Path) -> None:
    """Gunzip and parse, 64 MiB of whole lines at a time."""
    for path in sorted(folder.glob("*.gz")):
        with gzip.open(path) as file:
            while lines := file.read(1 << 26):
                pl.read_ndjson(io.BytesIO(lines + file.readline()), infer_schema_length=None)


def build(folder: Path | str) -> None:
    rejects = Rejects()
    with tempfile.TemporaryDirectory() as scratch:
        dump = read_dump(folder, reading=Reading(rejects, scratch=Path(scratch)))
        tabulate(dump, rejects=rejects, scratch=Path(scratch))


def generate(folder: Path, reviews: int) -> Path:
    """A folder with one file of reviews, sixty words each."""
    draw = random.Random(1)
    texts = [" ".join(draw.choices(WORDS, k=60)) for _ in range(2000)]
    folder.mkdir()
    with gzip.open(folder / "Generated_5.json.gz", "wt", compresslevel=1) as file:
        for number in range(reviews):
            text = texts[number % 2000]
            row = {"reviewerID": f"A{draw.randrange(100_000)}", "asin": f"B{draw.randrange(20_000)}", "summary": text[:20]}
            row |= {"overall": float(draw.randrange(1, 6)), "unixReviewTime": 1_400_000_000 + number, "reviewText": text}
            file.write(json.dumps({**row, "verified": True}) + "\n")
    return folder


def most_memory() -> float:
    """MiB of memory that this process held at most; `ru_maxrss` would count what its parent held when it was started."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2  # macOS counts bytes
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024


def peak(data: str) -> float:
    """MiB of memory at most in a process that reads the dump once."""
    done = subprocess.run([sys.executable, __file__, "--once", data], check=True, capture_output=True, text=True)
    return float(done.stdout)


def report(data: str, name: str, *, repeats: int = 3) -> Iterator[Row]:
    """Time beside polars', and memory."""
    zipped = Path(data).is_dir() and any(Path(data).glob("*.gz"))
    theirs = best(lambda: parse(Path(data)), repeats) if zipped else 0.0
    yield Row(
        f"{name}: read, clean, tabulate, beside gunzip and parse", best(lambda: build(data), repeats), theirs, "s", "ratio <= 2"
    )
    yield Row(f"{name}: memory at most", peak(data), 0, "MiB", "grows with keys")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", action="append", default=[], help="a dump's folder, or complete-journey; may be repeated")
    parser.add_argument("--reviews", action="append", type=int, default=[], help="of a generated Amazon dump; may be repeated")
    parser.add_argument("--once", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        build(given.once)
        print(most_memory())
        return
    print(HEADER, flush=True)
    for data in given.data:
        for row in report(data, Path(data).name):
            print(row, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for reviews in given.reviews:
            dump = generate(Path(folder) / str(reviews), reviews)
            for row in report(str(dump), f"{reviews:,} reviews", repeats=1 if reviews > 2_000_000 else 3):
                print(row, flush=True)
            shutil.rmtree(dump)


if __name__ == "__main__":
    main()
