"""What a full-ranking evaluation costs beside the bare matrix product and top-k of the same scores, and in how much memory.

    python benchmarks/evaluation.py [--data SPLIT] [--memory 2GiB] [-k 20] [--recbole PYTHON]

SPLIT holds train.tsv, test.tsv and maybe valid.tsv; without it, choices of Gowalla's size are drawn. Scores are products of the
factors of a truncated SVD. A twentieth of the products loses its training choices, so that there are cold ones. --recbole names
the interpreter that benchmarks/peers.sh made: RecBole evaluates the same factors, and its figures must be ours. Every part is
done --repeats times and the fastest counts; ratios are of seconds of all processors together, so that other work on the machine
counts little. Ends with 1 where a target is missed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils.extmath import randomized_svd
from table import HEADER, Row

from graphrec import figures, systems
from graphrec.comparison.peer_worker import peak_bytes
from graphrec.figures import METRICS, measured, parted, whole
from graphrec.lists import read_pairs
from graphrec.significance import paired
from graphrec.splits import Split, split
from graphrec.tensors import Floats, Histories, Ids, Interactions, KnownGraph, Rows
from kg_builder.console import bytes_of

USERS, PRODUCTS, CHOICES = 29_858, 40_981, 1_027_370
TEST_SHARE, COLD_SHARE = 0.2, 0.05
DIM, BLOCK = 64, 512
Made = TypeVar("Made")


@dataclass(frozen=True)
class Spent:
    """Seconds."""

    processor: float
    wall: float


@dataclass(frozen=True)
class Factors:
    """Stands where a ranker and its model would: score(user, i) = x_user · y_i, and nothing is blended."""

    users: Floats
    products: Floats

    @property
    def model(self) -> "Factors":
        return self

    def score(self, histories: Histories, *, said: Mapping[str, Floats]) -> Floats:  # noqa: ARG002
        return self.users[histories.user] @ self.products.T


def drawn(random: np.random.Generator) -> tuple[Rows, Rows]:
    """[2, m] training and [2, n] held-out choices; a few products have most of them."""
    weight = 1 / (np.arange(PRODUCTS) + 20) ** 0.8
    product = random.choice(PRODUCTS, CHOICES, p=weight / weight.sum())
    pairs = np.unique(np.stack([random.integers(0, USERS, CHOICES), product]), axis=1)
    later = random.random(pairs.shape[1]) < TEST_SHARE
    return pairs[:, ~later], pairs[:, later]


def given(folder: Path) -> tuple[Rows, Rows]:
    """The same of a split."""
    known = [pair for name in ("train.tsv", "valid.tsv") if (folder / name).exists() for pair in read_pairs(folder / name)]
    later = read_pairs(folder / "test.tsv")
    users, products = ({name: row for row, name in enumerate(sorted({pair[side] for pair in known + later}))} for side in (0, 1))
    before, after = (np.array([(users[user], products[product]) for user, product in pairs]).T for pairs in (known, later))
    return before, after


def prepare(train: Rows, test: Rows, folder: Path, random: np.random.Generator) -> None:
    """The folder holds the choices, without those of cold products in the training, and the factors of the training."""
    products = int(max(train[1].max(), test[1].max())) + 1
    train = train[:, ~(random.random(products) < COLD_SHARE)[train[1]]]
    users = int(max(train[0].max(), test[0].max())) + 1
    ones = np.ones(train.shape[1], dtype=np.float32)
    left, values, right = randomized_svd(
        sp.csr_matrix((ones, train), shape=(users, products)), min(DIM, users, products), random_state=0
    )
    held = {"train": train, "test": test, "users": (left * values).astype(np.float32), "products": right.T.astype(np.float32)}
    for name, array in held.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(array))


def cut_of(train: Rows, test: Rows, users: int, products: int) -> Split:
    """The split of these choices; what is neither trained on nor asked for is not listed."""
    pairs = np.concatenate([train, test], axis=1)
    later = np.arange(pairs.shape[1]) >= train.shape[1]
    order = np.lexsort((pairs[1], pairs[0]))
    unknown = np.full(len(order), np.nan)
    chosen = Interactions(*pairs[:, order].astype(np.int64), unknown, unknown.astype(np.float32), ordered=False)
    ids = {
        label: Ids(label, np.arange(size).astype(str).astype(object)) for label, size in (("User", users), ("Product", products))
    }
    listed = np.bincount(pairs[1], minlength=products) > 0
    return split(KnownGraph(ids, chosen, {}, listed), later[order], reason="given")


def spent_by(work: Callable[[], Made], repeats: int) -> tuple[Made, Spent]:
    """What was made, and the least that it took."""
    spent = []
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        made = work()
        spent.append((time.process_time() - processor, time.perf_counter() - wall))
    return made, Spent(*map(min, zip(*spent, strict=True)))


def bare(factors: Factors, users: Rows, k: int) -> None:
    """Nothing but the product and torch's k largest, a block of users at a time."""
    for start in range(0, len(users), BLOCK):
        torch.topk(torch.from_numpy(factors.users[users[start : start + BLOCK]] @ factors.products.T), k, dim=1)


def ours(folder: Path, k: int, memory: int, repeats: int) -> dict[str, Any]:
    """What each part took, the figures, and the most memory this process held."""
    train, test, users, products = (np.load(folder / f"{name}.npy") for name in ("train", "test", "users", "products"))
    factors, cut = Factors(users, products), cut_of(train, test, len(users), len(products))
    cells = systems.cells_within(memory, 1, len(products))
    within: list[Spent] = []

    def ranked(*, auc: bool = False) -> systems.Ranked:
        return systems.ranked(factors, {}, cut, k, exclude_seen=True, cells=cells, auc=auc)  # type: ignore[arg-type]

    def clocked(columns: Mapping[str, Any]) -> Any:  # noqa: ANN401
        made, spent = spent_by(lambda: intervals(columns), 1)
        within.append(spent)
        return made

    def evaluated() -> tuple[figures.Result, ...]:
        return figures.figures(measured(ranked().lists, cut.truth), cut, whole(cut))

    intervals = figures.intervals
    took: dict[str, Spent] = {}
    _, took["bare"] = spent_by(lambda: bare(factors, cut.users, k), repeats)
    with mock.patch.object(figures, "intervals", clocked):
        results, took["evaluation"] = spent_by(evaluated, repeats)
    took["intervals"] = Spent(*(min(getattr(one, part) for one in within) for part in ("processor", "wall")))
    peak = peak_bytes()
    lists, took["ranking"] = spent_by(ranked, repeats)
    found = measured(lists.lists, cut.truth)
    _, took["groups"] = spent_by(lambda: figures.figures(found, cut, parted(cut)), repeats)
    _, took["with AUC"] = spent_by(lambda: ranked(auc=True), 1)
    ndcg = found[systems.BLEND].values["ndcg"]
    _, took["paired"] = spent_by(lambda: paired(ndcg, np.random.default_rng(0).permutation(ndcg)), repeats)
    told = [{"group": one.group, **{name: getattr(one, name) for name in METRICS}} for one in results]
    return {"took": took, "figures": told, "peak": peak, "users": len(cut.users), "products": int(cut.known.listed.sum())}


def theirs(python: str, folder: Path, k: int, repeats: int) -> dict[str, Any]:
    """RecBole's seconds and figures."""
    command = [python, Path(__file__).with_name("recbole_evaluation.py"), folder, "-k", k, "--repeats", repeats]
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"RecBole's evaluation ended with {ended.returncode}:\n{ended.stderr[-2000:]}")
    said: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return said


def rows(found: Mapping[str, Any], memory: int, other: Mapping[str, Any] | None) -> Iterator[tuple[Row, float]]:
    """Each line of the table, and the largest ratio it may have."""
    took, none = found["took"], float("inf")
    whole_, bare_, spans = took["evaluation"], took["bare"], took["intervals"]
    rest = whole_.processor - spans.processor
    unit = "s of cpu"
    yield Row("evaluation beside the bare product and top-k", whole_.processor, bare_.processor, unit, "at most 3 : 1"), 3
    yield Row("  the same by the clock", whole_.wall, bare_.wall, "s", "at most 3 : 1"), none
    yield Row("  of it the ranking, beside the same", took["ranking"].processor, bare_.processor, unit, "-"), none
    yield Row("  of it the intervals, beside the rest", spans.processor, rest, unit, "below .1 : 1"), 0.1
    yield Row("memory of the process at most, beside --memory", found["peak"] / 2**20, memory / 2**20, "MiB", "below 1 : 1"), 1
    if other:
        yield Row("evaluation beside RecBole's of the same scores", whole_.processor, other["processor"], unit, "-"), none
        yield Row("  the same by the clock", whole_.wall, other["wall"], "s", "-"), none
    yield Row("groups of users and products besides, beside bare", took["groups"].processor, bare_.processor, unit, "-"), none
    yield Row("ranking with AUC, beside bare", took["with AUC"].processor, bare_.processor, unit, "-"), none
    yield Row("a paired test of 10,000 draws, beside bare", took["paired"].processor, bare_.processor, unit, "-"), none


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of a split; default: generated choices")
    parser.add_argument("--memory", type=bytes_of, default="2GiB")
    parser.add_argument("--recbole", metavar="PYTHON", help="interpreter that has RecBole")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("-k", type=int, default=20)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepare(*(given(options.data) if options.data else drawn(random)), folder, random)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            found = process.submit(ours, folder, options.k, options.memory, options.repeats).result()
        other = theirs(options.recbole, folder, options.k, options.repeats) if options.recbole else None
    print(f"{found['users']:,} users, {found['products']:,} products, k {options.k}, torch {torch.__version__}\n{HEADER}")
    missed = []
    for row, most in rows(found, options.memory, other):
        print(row)
        missed += [row.what] if row.ours / row.floor > most else []
    for one in found["figures"]:
        print(f"{one['group']}: " + ", ".join(f"{name} {one[name]:.6f}" for name in METRICS))
    overall = found["figures"][0]
    if other:
        print("RecBole: " + ", ".join(f"{name} {other['figures'][f'{name}@{options.k}']:.6f}" for name in METRICS))
        missed += [f"RecBole's {name}" for name in METRICS if abs(overall[name] - other["figures"][f"{name}@{options.k}"]) > 1e-4]
    print("missed: " + "; ".join(missed) if missed else "every target is met")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
