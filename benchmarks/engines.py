"""How long the engines polars and spark take over the same dump, and how much memory; the graphs are equal, or it says so.

    python benchmarks/engines.py [--reviews 1000000] [--data FOLDER_OF_A_DUMP] [--master 'local[*]']

Each engine works in a process of its own. `read` is the reader, one process on either engine; `clean and tabulate` is what Spark
shares out, its start not included. Memory is that of the process and all it started (Java, Python workers), shared pages once.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from read_dumps import generate

from kg_builder.digests import digest
from kg_builder.dumps import read_dump
from kg_builder.engines import running
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate


def once(engine: str, folder: str, master: str | None) -> None:
    """Reads and tabulates once; prints what came out as JSON."""
    rejects = Rejects()
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        with running(engine, master=master if engine == "spark" else None) as started:
            ready = time.perf_counter()
            dump = read_dump(folder, reading=Reading(rejects, scratch=Path(scratch)))
            read = time.perf_counter()
            tables = tabulate(dump, rejects=rejects, now=1_700_000_000, scratch=Path(scratch), engine=started)
            done = time.perf_counter()
        seconds = {"start": ready - start, "read": read - ready, "clean and tabulate": done - read}
        print(json.dumps({"seconds": seconds, "digest": digest(tables), "refused": len(rejects)}))


def descendants(pid: int) -> list[int]:
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def memory(pid: int) -> float:
    """MiB that the process and all below it hold now."""
    total = 0
    for one in descendants(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return total / 1024


def measured(engine: str, folder: str, master: str | None) -> dict[str, object]:
    command = [sys.executable, __file__, "--once", engine, "--data", folder, *(["--master", master] if master else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    most = 0.0

    def watch() -> None:
        nonlocal most
        while process.poll() is None:
            most = max(most, memory(process.pid))
            time.sleep(0.2)

    watching = threading.Thread(target=watch)
    watching.start()
    said, _ = process.communicate()
    watching.join()
    if process.returncode:
        raise SystemExit(process.returncode)
    return {**json.loads(said), "memory": most}


def compare(folder: str, master: str | None) -> bool:
    found = {engine: measured(engine, folder, master) for engine in ("polars", "spark")}
    for engine, one in found.items():
        parts = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in one["seconds"].items())
        print(
            f"{engine}: {parts}; at most {one['memory']:,.0f} MiB; {one['refused']:,} rows refused; {one['digest']}", flush=True
        )
    same = len({(one["digest"], one["refused"]) for one in found.values()}) == 1
    print("equal" if same else "NOT EQUAL")
    return same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reviews", type=int, default=1_000_000, help="of a generated Amazon dump")
    parser.add_argument("--data", help="a dump's folder instead")
    parser.add_argument("--master", help="Spark's; by default as Spark is set up, else local[*]")
    parser.add_argument("--once", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        once(given.once, given.data, given.master)
        return
    with tempfile.TemporaryDirectory() as folder:
        data = given.data or str(generate(Path(folder) / "reviews", given.reviews))
        sys.exit(not compare(data, given.master))


if __name__ == "__main__":
    main()
