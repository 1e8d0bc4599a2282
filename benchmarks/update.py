"""Seconds until new events count: `Ranker.update` on a generated shop, and the first lists after it.

python benchmarks/update.py --users 100000 --products 10000 --choices 1000000 --events 10000
"""

import argparse
import time

import numpy as np

from graphrec import Ranker, pipeline
from graphrec.scorers import FitContext
from graphrec.tensors import Ids, Interactions, KnownGraph

START, LATER = 1_600_000_000, 1_700_000_000


def shop(users: int, products: int, choices: int, random: np.random.Generator) -> KnownGraph:
    """A shop whose users choose by popularity, a few products each."""
    user = np.sort(random.integers(0, users, choices))
    product = (products * random.random(choices) ** 2).astype(np.int64)
    at = np.sort(random.integers(START, LATER, choices)).astype(np.float64)
    order = np.lexsort((at, user))
    ids = {label: Ids(label, names(label, size)) for label, size in (("User", users), ("Product", products))}
    rating = np.full(choices, np.nan, dtype=np.float32)
    return KnownGraph(ids, Interactions(user[order], product[order], at[order], rating, True), {}, np.ones(products, dtype=bool))


def names(label: str, size: int) -> np.ndarray:
    return np.array([f"{label[0].lower()}{row:08d}" for row in range(size)], dtype=object)


def events(count: int, users: int, products: int, random: np.random.Generator) -> list[tuple[str, str, int]]:
    """A tenth of them of users nobody knows yet."""
    user = random.integers(0, int(users * 1.1), count)
    product, at = random.integers(0, products, count), random.integers(LATER, LATER + 10**6, count)
    return [(f"u{one:08d}", f"p{other:08d}", int(when)) for one, other, when in zip(user, product, at, strict=True)]


def seconds(what: str, started: float) -> float:
    now = time.perf_counter()
    print(f"{what:<40}{now - started:8.3f} s")
    return time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, size in (("users", 100_000), ("products", 10_000), ("choices", 1_000_000), ("events", 10_000)):
        parser.add_argument(f"--{name}", type=int, default=size)
    parser.add_argument("--scorers", default="popularity", help="names with commas between; the time to fit them is not counted")
    asked = parser.parse_args()
    random = np.random.default_rng(0)
    known = shop(asked.users, asked.products, asked.choices, random)
    ranker: Ranker = pipeline.learn(known, {}, FitContext(), scorers=asked.scorers.split(","))
    ranker.rank(history=[])
    stream = events(asked.events, asked.users, asked.products, random)
    print(f"{ranker}; {len(stream):,} events")
    began = time.perf_counter()
    later = ranker.update(stream)
    began = seconds("update", began)
    later.rank(stream[0][0])
    began = seconds("first list after it", began)
    later.rank(sorted({user for user, _, _ in stream})[:100])
    began = seconds("lists of 100 of these users", began)
    later.update(stream[:1])
    seconds("one event more", began)
    print(later.taken)


if __name__ == "__main__":
    main()
