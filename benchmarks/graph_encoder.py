"""The graph encoder alone on one split folder: seconds of fitting, own NDCG, and lists for any other scorer of lists.

    python benchmarks/graph_encoder.py --data DIR [--device cuda] [--text] [-k 20] [--out lists.tsv]

Fits as `graphrec fit --scorers graph` does: an inner cut chooses the number of steps, a refit takes them on train and valid.
test.tsv is read after the fit, to rank its users and to print an NDCG of our own.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import scipy.sparse as sp
import torch

from graphrec.metrics import counts, hits, ndcg, top
from graphrec.scorers import FitContext
from graphrec.scorers.graph import Graph
from graphrec.tensors import KnownGraph
from graphrec.text import embed
from kg_builder.dumps import read_dump
from kg_builder.tabulation import tabulate


def truth_of(folder: Path, known: KnownGraph) -> tuple[np.ndarray, sp.csr_matrix]:
    """Rows of the test users that the graph knows, and [u, products] what they chose; unknown ids are left out and counted."""
    ids = {"user": pl.String, "item": pl.String}
    test = pl.read_csv(folder / "test.tsv", separator="\t", schema_overrides=ids)
    pairs = [
        (known.users.row_of.get(u, -1), known.products.row_of.get(i, -1)) for u, i in test.select("user", "item").iter_rows()
    ]
    inside = np.array([pair for pair in pairs if min(pair) >= 0]).T
    print(f"{len(pairs) - inside.shape[1]} of {len(pairs)} test rows name a user or product that is not in the graph")
    shape = (len(known.users), len(known.products))
    truth = sp.csr_matrix((np.ones(inside.shape[1]), (inside[0], inside[1])), shape=shape)
    users = np.unique(inside[0])
    return users, truth[users]


def ranked(scorer: Graph, known: KnownGraph, users: np.ndarray, k: int) -> np.ndarray:
    """[u, k] product rows, best first, without what the user chose already."""
    lists = []
    for histories in known.histories(users).batches(1024):
        scores = scorer.score(histories)
        scores[:, ~known.listed] = -np.inf
        scores[histories.matrix(scores.shape[1]).nonzero()] = -np.inf
        lists.append(top(scores, k))
    return np.concatenate(lists)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--text", action="store_true", help="use text vectors of the products")
    parser.add_argument("-k", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    known = KnownGraph.of(tabulate(read_dump(args.data)))
    text = {"Product": embed(known.texts["Product"], device=args.device)} if args.text else {}
    context = FitContext(seed=args.seed, device=args.device, text=text)
    started, worked = time.perf_counter(), time.process_time()
    chosen = Graph.fit(known, context)
    between = time.perf_counter()
    scorer = chosen.refit(known, context)
    ended = time.perf_counter()
    print(f"{args.data.name} on {args.device}, torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(
        f"fit with validation {between - started:.1f} s, refit of {scorer.steps} steps {ended - between:.1f} s, "
        f"processor {time.process_time() - worked:.1f} s"
    )
    print("relation weights: " + ", ".join(f"{name} {weight:.3f}" for name, weight in scorer.relation_weights.items()))
    users, truth = truth_of(args.data, known)
    lists = ranked(scorer, known, users, args.k)
    print(f"own NDCG@{args.k} {ndcg(hits(lists, truth), counts(truth)).mean():.4f} over {len(users)} users")
    if args.out:
        with args.out.open("w", encoding="utf-8") as out:
            for user, products in zip(users, lists, strict=True):
                out.writelines(f"{known.users.names[user]}\t{known.products.names[p]}\n" for p in products if p >= 0)


if __name__ == "__main__":
    sys.exit(main())
