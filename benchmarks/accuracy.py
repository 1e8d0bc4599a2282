"""Ranked lists of the default blend on a split folder, for any referee: python benchmarks/accuracy.py --data DIR --out lists.tsv

Fits on train.tsv and valid.tsv (with --train-only on train.tsv), never opens test.tsv but for its users' ids, and writes
`user item rank score`. Prints what each part was worth, and wall and processor seconds.
"""

import argparse
import csv
import shutil
import tempfile
import time
from pathlib import Path

import graphrec
import kg_builder

KNOWN = ("train.tsv", "valid.tsv", "items.jsonl", "kg.tsv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with train.tsv, valid.tsv, test.tsv")
    parser.add_argument("--out", type=Path, required=True, help="where the lists go")
    parser.add_argument("-k", type=int, default=20)
    parser.add_argument("--scorers", help="comma-separated; default: all")
    parser.add_argument("--train-only", action="store_true", help="withhold valid.tsv and leave its pairs out of the lists")
    parser.add_argument("--candidates", type=Path, help="rank these items alone, one a line")
    args = parser.parse_args()

    names = [name for name in KNOWN if (args.data / name).exists() and not (args.train_only and name == "valid.tsv")]
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            shutil.copy(args.data / name, folder)
        kg_builder.build(folder, into=f"{folder}/graph")
        with kg_builder.connect(f"{folder}/graph", read_only=True) as store:
            wall, cpu = time.perf_counter(), time.process_time()
            ranker = graphrec.fit(store, scorers=args.scorers.split(",") if args.scorers else None)
            print(f"fit: {time.perf_counter() - wall:.1f} s wall, {time.process_time() - cpu:.1f} s of processor")
    print(ranker.model.summary)
    write(ranker, args)


def write(ranker: "graphrec.Ranker", args: argparse.Namespace) -> None:
    users = sorted({row["user"] for row in rows(args.data / "test.tsv")} & set(ranker.model.known.users.names))
    withheld = [(row["user"], row["item"]) for row in rows(args.data / "valid.tsv")] if args.train_only else None
    candidates = args.candidates.read_text().split() if args.candidates else None
    with args.out.open("w", newline="") as out:
        writer = csv.writer(out, delimiter="\t")
        writer.writerow(("user", "item", "rank", "score"))
        for line in ranker.rank(users=users, k=args.k, candidates=candidates, exclude=withheld):
            writer.writerow((line.user, line.item, line.rank, line.score))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


if __name__ == "__main__":
    main()
