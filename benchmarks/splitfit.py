"""One row of accuracy.py: a split is built, fitted and ranked as a user would do it, and the lists are scored."""

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import scipy.sparse as sp
from provenance import data_hash, machine, split_hash, versions

import graphrec
import kg_builder
from graphrec.blend import Blend
from graphrec.comparison.peer_worker import peak_bytes
from graphrec.lists import read_ids, read_pairs, write_tsv
from graphrec.metrics import measure
from graphrec.model import Model
from graphrec.pipeline import NO_TEXT, TextVectors, learn, pick_device, read
from graphrec.scorers import FitContext
from graphrec.significance import intervals
from graphrec.tensors import Floats, Histories, KnownGraph
from graphrec.text import Tfidf

Lists = Mapping[str, Sequence[str]]
COLD = "cold_items.txt"


@dataclass(frozen=True)
class Row:
    name: str
    what: str
    split: str
    """The folder of the split."""
    scorers: tuple[str, ...] | None = None
    """None: the default blend."""
    cosine: str = ""
    """`words` or `vectors`: no fit, the sum over the history of the cosines of word TF-IDF or of text vectors."""
    protocol: str = "refit"
    """`refit`: train.tsv and valid.tsv are known. `cold`: valid.tsv is withheld and its pairs are left out of the lists, and the
    products of cold_items.txt alone are ranked and asked for. `withheld`: as `cold`, but all products are."""
    k: int = 20
    metric: str = "ndcg"
    """What the table shows."""
    without: str = ""
    """`graph`: no edges but choices; `text`: neither words nor vectors; `order`: no times of the choices; several by +."""
    default: bool = True

    @property
    def lacking(self) -> frozenset[str]:
        return frozenset(self.without.split("+"))


@dataclass(frozen=True)
class Options:
    seed: int = 0
    text_model: str | None = None
    device: str | None = None


@dataclass(frozen=True)
class Cosine:
    """score(user, i) = Σ over the history h of x_i · x_h."""

    name: ClassVar[str] = "cosine"
    vectors: Floats | sp.csr_matrix
    """[products, d] x, unit rows."""

    def score(self, histories: Histories) -> Floats:
        scores = (histories.matrix(self.vectors.shape[0]) @ self.vectors) @ self.vectors.T
        return scores.toarray() if sp.issparse(scores) else scores


def run(row: Row, split: Path, lists: Path, options: Options) -> dict[str, Any]:
    """The row's figures, and what they rest on; `lists` holds the lists."""
    watch = [time.perf_counter()]
    with tempfile.TemporaryDirectory() as folder:
        kg_builder.build(show(row, split, Path(folder, "data")), into=f"{folder}/graph")
        with kg_builder.connect(f"{folder}/graph", read_only=True) as store:
            watch.append(time.perf_counter())
            worked = time.process_time()
            ranker = fit(row, store, options, Path(folder, "cache"))
            worked = time.process_time() - worked
            watch.append(time.perf_counter())
        rank(row, split, ranker, lists)
        watch.append(time.perf_counter())
    return {
        **score(row, split, lists),
        "seconds": dict(zip(("build", "fit", "rank"), np.diff(watch).round(2).tolist(), strict=True)),
        "fit_processor_seconds": round(worked, 2),
        "stages": {name: round(seconds, 2) for name, seconds in ranker.summary.seconds.items()},
        "parts": list(ranker.summary.parts),
        "peak_bytes": peak_bytes(),
        "data": data_hash(split),
        "split": split_hash(split),
        "seed": options.seed,
        "settings": settings(row, options),
        "versions": versions(),
        "machine": machine(),
    }


def settings(row: Row, options: Options) -> dict[str, Any]:
    chosen = {name: getattr(row, name) for name in ("split", "cosine", "protocol", "k", "metric", "without")}
    return {**chosen, "scorers": list(row.scorers or ()), "text_model": options.text_model, "device": pick_device(options.device)}


def show(row: Row, split: Path, folder: Path) -> Path:
    """The folder holds what the product may see; never test.tsv."""
    folder.mkdir()
    choices = ("train.tsv", "valid.tsv") if row.protocol == "refit" else ("train.tsv",)
    for name in (*choices, "items.jsonl", "kg.tsv"):
        if (split / name).exists():
            shutil.copy(split / name, folder)
    for name in choices if "order" in row.lacking else ():
        frame = pl.read_csv(split / name, separator="\t", infer_schema=False, quote_char=None)
        frame.with_columns(timestamp=pl.lit("0")).write_csv(folder / name, separator="\t", quote_style="never")
    return folder


def fit(row: Row, store: "kg_builder.GraphStore", options: Options, cache: Path) -> "graphrec.Ranker":
    """Text vectors are made anew, in `cache`, so that seconds are those of a first fit."""
    told = {"seed": options.seed, "device": options.device, "cache": cache}
    if not row.cosine and not row.lacking & {"graph", "text"}:
        return graphrec.fit(store, scorers=row.scorers, text_model=options.text_model, **told)
    known, names = read(store)
    if "graph" in row.lacking:
        known = replace(known, relations={})
    if "text" in row.lacking:
        known = replace(known, texts={})
    device = pick_device(options.device)
    text = TextVectors(known, NO_TEXT if "text" in row.lacking else options.text_model, device, cache)
    if row.cosine:
        return alone(Cosine(vectors(row.cosine, known, text)), known)
    return learn(known, names, FitContext(seed=options.seed, device=device, text=text), scorers=row.scorers)


def vectors(kind: str, known: KnownGraph, text: TextVectors) -> Floats | sp.csr_matrix:
    if kind == "vectors":
        return text["Product"]
    return Tfidf.fit(known.texts["Product"], "word").transform(known.texts["Product"])


def alone(scorer: Cosine, known: KnownGraph) -> "graphrec.Ranker":
    """A ranker of this scorer and nothing else."""
    weight = {scorer.name: 1.0}
    return graphrec.Ranker(Model(known, Blend({scorer.name: scorer}, weight, weight, known.warm)))


def rank(row: Row, split: Path, ranker: "graphrec.Ranker", lists: Path) -> None:
    """The file holds a list for every test user."""
    withheld = None if row.protocol == "refit" else read_pairs(split / "valid.tsv")
    candidates = ranker.known_products(read_ids(split / COLD)) if row.protocol == "cold" else None
    users = sorted({user for user, _ in read_pairs(split / "test.tsv")})
    ranking = ranker.rank(users=users, k=row.k, candidates=candidates, exclude=withheld, strangers=True)
    write_tsv(ranking, lists)


def score(row: Row, split: Path, lists: Path) -> dict[str, Any]:
    """Means over the test users and their 95% intervals; a user without a list scores 0."""
    asked = set(read_ids(split / COLD)) if row.protocol == "cold" else None
    truth = grouped([(user, item) for user, item in read_pairs(split / "test.tsv") if asked is None or item in asked])
    values = measure(*in_rows(truth, grouped(read_pairs(lists)), row.k))
    spans = intervals(values)
    return {
        "value": float(values[row.metric].mean()),
        "interval": list(spans[row.metric]),
        "users": len(truth),
        "metrics": {f"{name}@{row.k}": float(each.mean()) for name, each in values.items()},
        "intervals": {f"{name}@{row.k}": list(span) for name, span in spans.items()},
    }


def grouped(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """By user, the items, each once and in order."""
    found: dict[str, dict[str, None]] = {}
    for user, item in pairs:
        found.setdefault(user, {})[item] = None
    return {user: list(items) for user, items in found.items()}


def in_rows(truth: Lists, lists: Lists, k: int) -> tuple[np.ndarray, sp.csr_matrix]:
    """[users, k] the lists and [users, items] the truth, users sorted."""
    users = sorted(truth)
    items = sorted({item for one in (*truth.values(), *lists.values()) for item in one})
    row_of = {item: row for row, item in enumerate(items)}
    ends = np.cumsum([0, *(len(truth[user]) for user in users)])
    columns = [row_of[item] for user in users for item in truth[user]]
    wanted = sp.csr_matrix((np.ones(len(columns), dtype=np.float32), columns, ends), shape=(len(users), len(items)))
    listed = np.full((len(users), k), -1, dtype=np.int64)
    for place, user in enumerate(users):
        head = lists.get(user, ())[:k]
        listed[place, : len(head)] = [row_of[item] for item in head]
    return listed, wanted
