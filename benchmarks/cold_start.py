"""How well products that nobody has chosen are ranked for known users, by their content alone.

    python benchmarks/cold_start.py --data FOLDER [-k 20] [--lists lists.tsv]

FOLDER holds train.tsv, test.tsv, items.jsonl, cold_items.txt and maybe kg.tsv and valid.tsv. The model sees train.tsv,
items.jsonl and kg.tsv; each test user's list holds cold items alone, without those of valid.tsv; the truth is the cold part of
test.tsv. Beside the content scorer stand the sums, over the history, of the cosines of text vectors and of word TF-IDF.
"""

import argparse
import csv
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from graphrec.metrics import measure, top
from graphrec.scorers import FitContext
from graphrec.scorers.content import Content
from graphrec.significance import interval
from graphrec.tensors import Floats, Histories, KnownGraph, Rows
from graphrec.text import Tfidf, embed
from kg_builder.dumps import read_dump
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

Score = Callable[[Histories], Floats]


def learn(folder: Path) -> KnownGraph:
    """The graph of train.tsv, items.jsonl and kg.tsv."""
    with tempfile.TemporaryDirectory() as seen:
        for name in ("train.tsv", "items.jsonl", "kg.tsv"):
            if (folder / name).exists():
                shutil.copy(folder / name, seen)
        rejects = Rejects()
        return KnownGraph.of(tabulate(read_dump(seen, reading=Reading(rejects)), rejects=rejects))


def pairs(path: Path, known: KnownGraph, cold: Rows) -> sp.csr_matrix:
    """[users, products] 1 where the file pairs a known user with a cold product; empty where there is no file."""
    found: set[tuple[int, int]] = set()
    if path.exists():
        with path.open(newline="") as file:
            lines = [(line["user"], line["item"]) for line in csv.DictReader(file, delimiter="\t")]
        users, products, wanted = known.users.row_of, known.products.row_of, set(cold.tolist())
        found = {(users[u], products[i]) for u, i in lines if u in users and products.get(i) in wanted}
    rows, columns = (np.array([pair[side] for pair in sorted(found)], dtype=np.int64) for side in (0, 1))
    shape = (len(known.users), len(known.products))
    return sp.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)


def ranked(score: Score, known: KnownGraph, cold: Rows, users: Rows, valid: sp.csr_matrix, k: int) -> Rows:
    """[users, k] the best cold products of each."""
    lists = []
    for batch in known.histories(users).batches(512):
        scores = np.where(valid[batch.user][:, cold].toarray() > 0, -np.inf, score(batch)[:, cold]).astype(np.float32)
        lists.append(top(scores, k))
    chosen = np.concatenate(lists)
    return np.where(chosen >= 0, cold[chosen], -1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("-k", type=int, default=20)
    parser.add_argument("--lists", type=Path, help="where to write the content scorer's lists: user item rank")
    options = parser.parse_args()
    known = learn(options.data)
    names = (options.data / "cold_items.txt").read_text().split()
    cold = np.sort([known.products.row_of[name] for name in names if name in known.products.row_of]).astype(np.int64)
    truth, valid = (pairs(options.data / name, known, cold) for name in ("test.tsv", "valid.tsv"))
    users = np.flatnonzero(truth.getnnz(axis=1)).astype(np.int64)
    texts = known.texts.get("Product", ())
    start = time.perf_counter()
    vectors = embed(texts)
    print(f"{len(users)} users, {len(cold)} cold products; text vectors {time.perf_counter() - start:.1f} s")
    words = Tfidf.fit(texts, "word").transform(texts)
    start = time.perf_counter()
    content = Content.fit(known, FitContext(text={"Product": vectors}))
    seconds = time.perf_counter() - start
    count = len(known.products)
    ways: dict[str, Score] = {
        "text vectors, cosine": lambda batch: (batch.matrix(count) @ vectors) @ vectors.T,
        "word TF-IDF, cosine": lambda batch: (batch.matrix(count) @ words @ words.T).toarray(),
        f"content (fit {seconds:.0f} s)": content.score,
    }
    for name, score in ways.items():
        lists = ranked(score, known, cold, users, valid, options.k)
        values = measure(lists, truth[users])
        low, high = interval(values["recall"])
        recall, gain = values["recall"].mean(), values["ndcg"].mean()
        print(f"{name:24} recall@{options.k} {recall:.4f} ({low:.4f}-{high:.4f})  NDCG@{options.k} {gain:.4f}")
    if options.lists:
        with options.lists.open("w") as file:
            file.write("user\titem\trank\n")
            for user, rows in zip(users, lists, strict=True):
                file.writelines(
                    f"{known.users.names[user]}\t{known.products.names[row]}\t{place}\n" for place, row in enumerate(rows, 1)
                )


if __name__ == "__main__":
    main()
