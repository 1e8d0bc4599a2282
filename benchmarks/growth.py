"""How a fit grows with the choices: generated shops, each scorer in a process of its own, seconds and memory beside each other.

    python benchmarks/growth.py [--choices 100_000 1_000_000 10_000_000] [--scorers NAME,...] [--products 20_000]

A shop has a user for every 25 choices and so many products (and no relations or texts): every product has a place on a line, a
user has one too and chooses products near it, popular ones more often; times are known. The last column is the exponent e of
seconds ~ choices^e between the last two sizes: 1 is linear growth. It ends with 1 where an exponent is above 1.15.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from graphrec import scorers as registry
from graphrec.comparison.peer_worker import peak_bytes
from graphrec.scorers import FitContext
from graphrec.tensors import Ids, Interactions, KnownGraph

LENGTH = 25
LINEAR = 1.15
SPAN = 3 * 365 * 86_400


@dataclass(frozen=True)
class Spent:
    seconds: float
    """Of all processors together."""
    memory: int
    """Bytes at most, the shop included."""
    notes: tuple[str, ...]


def main() -> int:
    options = arguments()
    failed = False
    print("| scorer | " + " | ".join(f"{size:,}" for size in options.choices) + " | exponent |")
    print("| --- " * (len(options.choices) + 2) + "|")
    for name in options.scorers:
        spent = [alone(name, size, options) for size in options.choices]
        growth = exponent(options.choices, spent)
        failed |= growth > LINEAR
        cells = [f"{one.seconds:.1f} s, {one.memory / 2**30:.2f} GiB" for one in spent]
        print(f"| {name} | {' | '.join(cells)} | {growth:.2f} |", flush=True)
        for note in spent[-1].notes:
            print(f"  {note}", file=sys.stderr)
    return int(failed)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--choices", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--products", type=int, default=20_000)
    parser.add_argument("--scorers", type=lambda said: said.split(","), default=registry.names())
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def alone(name: str, choices: int, options: argparse.Namespace) -> Spent:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(fit, name, choices, options.products, options.seed).result()


def fit(name: str, choices: int, products: int, seed: int) -> Spent:
    known = shop(choices, products, seed)
    worked = time.process_time()
    scorer = registry.load(name).fit(known, FitContext(seed=seed))
    return Spent(time.process_time() - worked, peak_bytes(), tuple(getattr(scorer, "notes", ())))


def shop(choices: int, products: int, seed: int) -> KnownGraph:
    random = np.random.default_rng(seed)
    users = max(choices // LENGTH, 1)
    user = np.repeat(np.arange(users), LENGTH)
    near = random.random(users)[user] + random.normal(0, 0.02, len(user))
    popular = random.zipf(1.3, len(user)) / products / 10
    product = ((near + np.where(random.random(len(user)) < 0.5, popular, 0)) % 1 * products).astype(np.int64) % products
    at = np.sort(1.5e9 + random.random((users, LENGTH)) * SPAN, axis=1).ravel()
    ids = {
        label: Ids(label, np.array([f"{label[0]}{row:09d}" for row in range(size)], dtype=object))
        for label, size in (("User", users), ("Product", products))
    }
    unknown = np.full(len(user), np.nan, dtype=np.float32)
    return KnownGraph(ids, Interactions(user, product, at, unknown, True), {}, np.ones(products, dtype=bool))


def exponent(choices: list[int], spent: list[Spent]) -> float:
    if len(spent) < 2:
        return 1.0
    return float(np.log(spent[-1].seconds / max(spent[-2].seconds, 1e-3)) / np.log(choices[-1] / choices[-2]))


if __name__ == "__main__":
    sys.exit(main())
