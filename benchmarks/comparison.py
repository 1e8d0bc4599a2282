"""`graphrec compare` on a split folder: python benchmarks/comparison.py --data DIR --out FOLDER --systems blend,implicit-als

The store is built of train.tsv, valid.tsv, items.jsonl and kg.tsv; test.tsv is what the lists are held against. The folder
also gets the lists of every system, for any other referee.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import graphrec
import kg_builder
from graphrec.lists import read_pairs
from kg_builder.progress import Bars

KNOWN = ("train.tsv", "valid.tsv", "items.jsonl", "kg.tsv")
SYSTEMS = "blend,linear,paths,graph,implicit-als,implicit-bpr,implicit-cosine,implicit-tfidf,implicit-bm25"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with train.tsv, valid.tsv, test.tsv")
    parser.add_argument("--out", type=Path, required=True, help="where table, trials, lists and pictures go")
    parser.add_argument("--systems", default=SYSTEMS)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("-k", type=int, default=20)
    parser.add_argument("--python", action="append", default=[], metavar="PEER=PATH", help="as in graphrec compare")
    parser.add_argument("--resume", action="store_true", help="go on with what lies in --out")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in (name for name in KNOWN if (args.data / name).exists()):
            shutil.copy(args.data / name, folder)
        kg_builder.build(folder, into=f"{folder}/graph")
        with kg_builder.connect(f"{folder}/graph", read_only=True) as store, Bars(sys.stderr) as bars:
            found = graphrec.compare(
                store,
                systems=args.systems.split(","),
                trials=args.trials,
                seconds=args.seconds,
                k=args.k,
                test=read_pairs(args.data / "test.tsv"),
                pythons=dict(one.split("=", 1) for one in args.python),
                out=args.out,
                resume=args.resume,
                progress=bars,
            )
    print(found)


if __name__ == "__main__":
    main()
