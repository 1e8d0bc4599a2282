"""Every accuracy figure of the README by one command, with what it rests on.

    python benchmarks/accuracy.py --data FOLDER --out FOLDER [--rows NAME,...] [--worth] [--referee score.py] [--check]

--data holds the splits, a folder each (train.tsv, valid.tsv, test.tsv, and maybe items.jsonl, kg.tsv, cold_items.txt). --out gets
accuracy.json, accuracy.md and lists/; rows of an earlier run that are not asked for stay. Each row is built, fitted, ranked and
scored in a process of its own. --referee names a program that scores the same lists once more: it must agree. --check writes
nothing and ends with 1 where the figures are not those of the accuracy.json that is there already: the same seed on the same
machine gives the same figures.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from splitfit import COLD, Options, Row, run

MOVIES, BEAUTY, COLD_BEAUTY = "MovieLens-100K with a Freebase graph", "Amazon Beauty", "Amazon Beauty, a fifth cold"
ROWS = (
    Row("ml100k-blend", f"{MOVIES}: default blend", "ml100k-kg"),
    Row("ml100k-graph", f"{MOVIES}: graph encoder alone", "ml100k-kg", ("graph",)),
    Row("ml100k-linear", f"{MOVIES}: linear alone", "ml100k-kg", ("linear",)),
    Row("beauty-blend", f"{BEAUTY}: default blend", "beauty", k=10),
    Row("beauty-cold-blend", f"{COLD_BEAUTY}: default blend", "beauty-cold", protocol="cold", metric="recall"),
    Row("beauty-cold-content", f"{COLD_BEAUTY}: content alone", "beauty-cold", ("content",), protocol="cold", metric="recall"),
    Row("beauty-cold-words", f"{COLD_BEAUTY}: cosines of words", "beauty-cold", cosine="words", protocol="cold", metric="recall"),
    Row("beauty-cold-vectors", f"{COLD_BEAUTY}: of MiniLM", "beauty-cold", cosine="vectors", protocol="cold", metric="recall"),
    Row("beauty-cold-all", f"{COLD_BEAUTY}: default blend, all products", "beauty-cold", protocol="withheld", metric="recall"),
    Row("beauty-choices", f"{BEAUTY}: default blend, choices and order alone", "beauty", k=10, without="graph+text"),
    Row("beauty-pgpr-blend", f"{BEAUTY}, split of PGPR: default blend", "beauty-pgpr", k=10),
    Row("gowalla-blend", "Gowalla: default blend", "gowalla"),
    Row("gowalla-spectral", "Gowalla: spectral alone", "gowalla", ("spectral",)),
    Row("complete-journey-blend", "Complete Journey, first purchases: default blend", "complete-journey"),
)
SOURCES = ("graph", "text", "order")
WORTH = tuple(
    replace(row, name=f"{row.name}-without-{source}", what=f"{row.what}, without {source}", without=source, default=False)
    for row in ROWS
    if row.scorers is None and not row.cosine and not row.without
    for source in SOURCES
)
EVERY = {row.name: row for row in (*ROWS, *WORTH)}
FIGURES = ("value", "interval", "users", "metrics", "intervals")
CONDITIONS = ("data", "split", "seed", "settings", "machine", "versions")
_PRINTED = 0.5000001e-5
"""Half of the last digit that the referee prints."""
Figures = dict[str, Any]


class Disagrees(Exception):
    """Two measurements of the same thing differ."""


def main() -> int:
    options = arguments()
    earlier = recorded(options.out)
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        lists = Path(scratch) if options.check else options.out / "lists"
        lists.mkdir(parents=True, exist_ok=True)
        for row in options.rows:
            found = measured(row, options, lists / f"{row.name}.tsv")
            print(shown(row, found), flush=True)
            if options.check:
                faults = list(differences(found, earlier.get(row.name)))
                print("\n".join(f"  {fault}" for fault in faults or ["as recorded"]), flush=True)
                failed |= bool(faults)
            else:
                earlier[row.name] = found
                record(earlier, options.out)
    return int(failed)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of splits")
    parser.add_argument("--out", type=Path, required=True, help="folder for accuracy.json, accuracy.md and lists/")
    parser.add_argument("--rows", help=f"with commas between; default all; known: {', '.join(row.name for row in ROWS)}")
    parser.add_argument("--worth", action="store_true", help="fit each blend again without graph, without text, without order")
    parser.add_argument(
        "--referee", type=Path, help="program to call as TEST LISTS --train TRAIN VALID -k K [--items COLD] --json"
    )
    parser.add_argument("--check", action="store_true", help="compare with the accuracy.json in --out instead of writing it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--text-model", help="as in graphrec fit")
    parser.add_argument("--device", help="as in graphrec fit")
    options = parser.parse_args()
    names = options.rows.split(",") if options.rows else [row.name for row in ROWS if row.default]
    if unknown := [name for name in names if name not in EVERY]:
        parser.error(f"no row {unknown[0]!r}; known: {', '.join(EVERY)}")
    if options.worth:
        names = [one for name in names for one in (name, *(f"{name}-without-{source}" for source in SOURCES)) if one in EVERY]
    options.rows = [EVERY[name] for name in dict.fromkeys(names)]
    if absent := sorted({row.split for row in options.rows if not (options.data / row.split / "test.tsv").exists()}):
        parser.error(f"{options.data} lacks the splits {', '.join(absent)}; name the rows to measure by --rows")
    return options


def measured(row: Row, options: argparse.Namespace, lists: Path) -> Figures:
    """The row's figures, from a process of its own, confirmed by the referee where there is one."""
    split = options.data / row.split
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        told = Options(options.seed, options.text_model, options.device)
        found: Figures = process.submit(run, row, split, lists, told).result()
    if options.referee:
        found["referee"] = refereed(row, split, lists, options.referee)
        confirm(row, found)
    return found


def refereed(row: Row, split: Path, lists: Path, referee: Path) -> Figures:
    """What the referee says of the lists."""
    known = [path for path in (split / "train.tsv", split / "valid.tsv") if path.exists()]
    command = [sys.executable, referee, split / "test.tsv", lists, "--train", *known, "-k", row.k, "--json"]
    command += ["--items", split / COLD] if row.protocol == "cold" else []
    said = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True).stdout
    answer: Figures = json.loads(said)
    return answer


def confirm(row: Row, found: Figures) -> None:
    """Nothing, or the error for figures that the referee does not confirm."""
    said, k = found["referee"], row.k
    ours = {"users": found["users"], **found["metrics"], f"ndcg@{k}_95%": found["intervals"][f"ndcg@{k}"]}
    both = [name for name in ours if name in said]
    if f"{row.metric}@{k}" not in both:
        raise Disagrees(f"{row.name}: the referee says nothing of {row.metric}@{k}: {said}")
    for name in both:
        if not alike(ours[name], said[name], _PRINTED):
            raise Disagrees(f"{row.name}: {name} is {ours[name]} by us and {said[name]} by the referee")
    if said.get("already_in_train"):
        raise Disagrees(f"{row.name}: the lists hold {said['already_in_train']} products that their users chose before")


def alike(one: float | Sequence[float], other: float | Sequence[float], tolerance: float) -> bool:
    """Whether two figures, or two intervals, are equal but for rounding."""
    return bool(np.allclose(one, other, rtol=0, atol=tolerance))


def differences(found: Figures, earlier: Figures | None) -> Iterator[str]:
    """What keeps the two measurements from being the same, a line each."""
    if earlier is None:
        yield "nothing was recorded of this row"
        return
    for name in (*CONDITIONS, *FIGURES):
        if found[name] != earlier[name]:
            yield f"{name}: {earlier[name]} was recorded, now {found[name]}"


def recorded(folder: Path) -> dict[str, Figures]:
    path = folder / "accuracy.json"
    found: dict[str, Figures] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def record(rows: Mapping[str, Figures], folder: Path) -> None:
    """The folder holds these rows, in the order of the table."""
    ordered = {name: rows[name] for name in (*EVERY, *rows) if name in rows}
    (folder / "accuracy.json").write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
    (folder / "accuracy.md").write_text(table(ordered), encoding="utf-8")


def shown(row: Row, found: Figures) -> str:
    low, high = found["interval"]
    seconds = found["seconds"]
    return (
        f"{row.name:<28} {row.metric}@{row.k} {found['value']:.4f} [{low:.4f}, {high:.4f}]  fit {seconds['fit']:.1f} s, "
        f"rank {seconds['rank']:.1f} s, {found['peak_bytes'] / 2**30:.2f} GiB{'  confirmed' if 'referee' in found else ''}"
    )


def table(rows: Mapping[str, Figures]) -> str:
    """The rows in Markdown, and below them what they rest on."""
    lines = ["| row | what | figure | 95% interval | users | fit s | rank s | peak GiB | referee |", "| --- " * 9 + "|"]
    for name, found in rows.items():
        row, (low, high), seconds = EVERY[name], found["interval"], found["seconds"]
        cells = [name, row.what, f"{row.metric}@{row.k} {found['value']:.4f}", f"[{low:.4f}, {high:.4f}]", f"{found['users']:,}"]
        cells += [f"{seconds['fit']:.1f}", f"{seconds['rank']:.1f}", f"{found['peak_bytes'] / 2**30:.2f}"]
        lines.append(f"| {' | '.join([*cells, 'agrees' if 'referee' in found else '-'])} |")
    told = [f"- `{name}`: {rests_on(found)}" for name, found in rows.items()]
    return "\n".join([*lines, "", "Rest on:", "", *told, ""])


def rests_on(found: Figures) -> str:
    machine = found["machine"]
    memory = f"{machine['memory_bytes'] / 2**30:.0f} GiB"
    place = f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads, {memory}"
    packages = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return f"data {found['data'][:12]}, split {found['split'][:12]}, seed {found['seed']}; {packages}; {place}"


if __name__ == "__main__":
    sys.exit(main())
