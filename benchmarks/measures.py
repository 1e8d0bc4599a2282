"""What measuring costs beside the bare matrix product and top-k of the same scores: seconds of processors, and their shares.

    python benchmarks/measures.py [--users 29858] [--products 40981] [--chosen 7] [-k 20]

Scores are products of random factors of 64 dimensions, 512 users at a time; the sizes are those of Gowalla. Seconds are of all
cores together, so that other work on the machine does not count.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import scipy.sparse as sp
import torch

from graphrec.metrics import auc, counts, measure, ranks, top
from graphrec.significance import intervals, paired

Made = TypeVar("Made")
spent: defaultdict[str, float] = defaultdict(float)


def clocked(name: str, work: Callable[[], Made]) -> Made:
    start = time.process_time()
    made = work()
    spent[name] += time.process_time() - start
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=29858)
    parser.add_argument("--products", type=int, default=40981)
    parser.add_argument("--chosen", type=int, default=7, help="by each user")
    parser.add_argument("-k", type=int, default=20)
    args = parser.parse_args()
    random = np.random.default_rng(0)
    users, products = (random.random((size, 64), dtype=np.float32) for size in (args.users, args.products))
    chosen = random.integers(0, args.products, args.users * args.chosen)
    places = np.arange(args.users + 1) * args.chosen
    truth = sp.csr_matrix((np.ones(len(chosen), dtype=np.float32), chosen, places), shape=(args.users, args.products))
    truth.sum_duplicates()
    lists, places_of = [], []
    for start in range(0, args.users, 512):
        block = slice(start, start + 512)
        scores = clocked("bare", lambda block=block: users[block] @ products.T)
        clocked("bare", lambda scores=scores: torch.topk(torch.from_numpy(scores), args.k, dim=1))
        lists.append(clocked("top, equal scores by column", lambda scores=scores: top(scores, args.k)))
        places_of.append(clocked("ranks for AUC", lambda scores=scores, block=block: ranks(scores, truth[block])))
    values = dict(clocked("six metrics", lambda: measure(np.concatenate(lists), truth)))
    clocked("intervals of the six", lambda: intervals(values))
    wanted = counts(truth)
    area = clocked("ranks for AUC", lambda: auc(np.concatenate(places_of), wanted, np.full(args.users, args.products)))
    clocked("a paired test, 10,000 draws", lambda: paired(area, random.permutation(area)))
    for name, seconds in spent.items():
        print(f"{name:28} {seconds:7.2f} s  {seconds / spent['bare']:6.1%}")


if __name__ == "__main__":
    main()
