"""A process that fits other people's recommenders and ranks with them; it needs numpy, scipy and the peer alone.

Run by any interpreter: `python peer_worker.py`. Every line of its standard input is an order, a JSON object:

    system    `implicit-als`, `lenskit-ease`, `rectools-ease`, `recbole-lightgcn` …
    settings  what the peer's class is told, by name
    data      a folder, by its whole path; its interactions.npz holds `user`, `product` and `at` ([m] each, oldest first within a
              user, `at` epoch seconds or NaN), `shape` (users, products), `asked` (the rows of the users to rank for), and
              `listed` ([products])
    ready     only import and read what the order needs, and answer; the clock of what follows does not count that
    lists     where to put [asked, k] product rows, best first, -1 where there are fewer, as .npy; k and seed, whole numbers

Every answer is a line on standard output: `fit_seconds`, `rank_seconds`, `peak_bytes`, `version`; or `missing`, the package that
this interpreter lacks; or `error`, one line. What the peers print goes to standard error.
"""

import importlib
import importlib.metadata
import json
import os
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

Array = Any
"""A numpy array; this file is run by interpreters whose numpy has other types."""
Foreign = Any
"""What is of a peer's own type."""
Order = dict[str, Any]
Answer = dict[str, Any]
Ranked = Callable[[int], Array]
"""[asked, k] product rows of a fitted model."""
_BATCH = 1024


class Data(NamedTuple):
    """Who chose what, and whom to rank for."""

    user: Array
    product: Array
    at: Array
    matrix: Any
    """[users, products] CSR float32 ones."""
    asked: Array
    listed: Array

    @classmethod
    def read(cls, folder: Path) -> "Data":
        """The data of the folder."""
        with np.load(folder / "interactions.npz") as file:
            user, product, shape = file["user"], file["product"], tuple(file["shape"])
            matrix = sp.csr_matrix((np.ones(len(user), dtype=np.float32), (user, product)), shape=shape)
            matrix.sum_duplicates()
            matrix.data[:] = 1
            return cls(user, product, file["at"], matrix, file["asked"], file["listed"].astype(bool))

    def barred(self, users: Array) -> Array:
        """[b, products] True where a product may not be listed for a user: chosen before, or not for sale."""
        barred: Array = self.matrix[users].toarray() > 0
        return barred | ~self.listed


def serve(answer: Callable[[Order], Answer]) -> None:
    """Every order of standard input is answered on standard output, until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    os.dup2(2, 1)  # whatever the peers print must not stand between the answers
    for line in sys.stdin:
        answers.write(json.dumps(_answered(answer, json.loads(line))) + "\n")
        answers.flush()


def timed(fit: Callable[[], Ranked], order: Order) -> Answer:
    """The lists lie where the order says; how long the fit and the ranking took, and the most memory this process ever held."""
    started = time.perf_counter()
    ranked = fit()
    fitted = time.perf_counter()
    lists = ranked(order["k"])
    done = time.perf_counter()
    np.save(order["lists"], np.asarray(lists, dtype=np.int64))
    return {"fit_seconds": fitted - started, "rank_seconds": done - fitted, "peak_bytes": peak_bytes()}


def peak_bytes() -> int:
    """The most memory that this process ever held at a time.

    Not `ru_maxrss` where Linux tells better: that one starts from the size of the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def best(scores: Array, k: int) -> Array:
    """[b, k] columns of each row's highest scores, best first; -1 where fewer are above -inf."""
    kept = min(k, scores.shape[1])
    heads = np.argpartition(-scores, kept - 1, axis=1)[:, :kept]
    values = np.take_along_axis(scores, heads, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    lists = np.full((len(scores), k), -1, dtype=np.int64)
    ranked = np.take_along_axis(heads, order, axis=1)
    lists[:, :kept] = np.where(np.isneginf(np.take_along_axis(values, order, axis=1)), -1, ranked)
    return lists


def _end_with(parent: int) -> None:
    """Ends this process soon after the one that started it, even in the middle of a fit."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _answered(answer: Callable[[Order], Answer], order: Order) -> Answer:
    try:
        return answer(order)
    except ModuleNotFoundError as error:
        return {"missing": (error.name or str(error)).split(".")[0]}
    except Exception as error:  # whatever a peer raises costs its own row alone
        return {"error": f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')}"}


def _implicit(name: str, settings: Mapping[str, Any], data: Data, seed: int) -> Ranked:
    from implicit import als, bpr, lmf, nearest_neighbours
    from threadpoolctl import threadpool_limits

    kinds = {
        "als": als.AlternatingLeastSquares,
        "bpr": bpr.BayesianPersonalizedRanking,
        "lmf": lmf.LogisticMatrixFactorization,
        "cosine": nearest_neighbours.CosineRecommender,
        "tfidf": nearest_neighbours.TFIDFRecommender,
        "bm25": nearest_neighbours.BM25Recommender,
    }
    drawn = {"random_state": seed} if name in ("als", "bpr", "lmf") else {}
    threadpool_limits(1, "blas")  # as implicit asks for: it has threads of its own
    model = kinds[name](**settings, **drawn)
    model.fit(data.matrix, show_progress=False)

    def ranked(k: int) -> Array:
        unlisted, parts = np.flatnonzero(~data.listed), []
        for start in range(0, len(data.asked), _BATCH):
            users = data.asked[start : start + _BATCH]
            histories = data.matrix[users]
            found, _ = model.recommend(users, histories, N=k, filter_items=unlisted if len(unlisted) else None)
            listed = np.full((len(users), k), -1, dtype=np.int64)
            listed[:, : found.shape[1]] = found
            parts.append(_without(listed, data.barred(users)))
        return np.concatenate(parts)

    return ranked


def _without(lists: Array, barred: Array) -> Array:
    """The lists without what a peer filled them up with when it had nothing left to list."""
    wrong = (lists < 0) | np.take_along_axis(barred, np.maximum(lists, 0), axis=1)
    order = np.argsort(wrong, axis=1, kind="stable")
    return np.take_along_axis(np.where(wrong, -1, lists), order, axis=1)


def _lenskit(name: str, settings: Mapping[str, Any], data: Data, seed: int) -> Ranked:
    from lenskit import als, batch, flexmf, knn
    from lenskit.data import from_interactions_df
    from lenskit.pipeline import topn_pipeline
    from lenskit.random import set_global_rng

    kinds: dict[str, Callable[..., Any]] = {
        "ease": knn.EASEScorer,
        "slim": knn.SLIMScorer,
        "itemknn": lambda **knobs: knn.ItemKNNScorer(feedback="implicit", **knobs),
        "als": als.ImplicitMFScorer,
        "bpr": lambda **knobs: flexmf.FlexMFImplicitScorer(preset="bpr", **knobs),
        "lightgcn": _lenskit_lightgcn,
    }
    set_global_rng(seed)
    frame = _frame(data, "user_id", "item_id", None)
    pipeline = topn_pipeline(kinds[name](**settings))
    pipeline.train(from_interactions_df(frame))

    def ranked(k: int) -> Array:
        lists = np.full((len(data.asked), k), -1, dtype=np.int64)
        place = {int(user): row for row, user in enumerate(data.asked)}
        for key, items in batch.recommend(pipeline, data.asked.tolist(), k, n_jobs=1).items():
            found = np.asarray(items.ids(), dtype=np.int64)
            lists[place[int(key[0])], : len(found)] = found
        return lists

    return ranked


def _lenskit_lightgcn(**settings: Foreign) -> Foreign:
    return importlib.import_module("lenskit.graphs.lightgcn").LightGCNScorer(**settings)


def _rectools(name: str, settings: Mapping[str, Any], data: Data, seed: int) -> Ranked:
    from rectools.dataset import Dataset
    from rectools.models import EASEModel, PureSVDModel

    dataset = Dataset.construct(_frame(data, "user_id", "item_id", "datetime").assign(weight=1.0))
    if name == "sasrec":
        model = _rectools_sasrec(dict(settings), seed)
    else:
        model = EASEModel(**settings) if name == "ease" else PureSVDModel(**settings)
    model.fit(dataset)
    warm = np.unique(data.product)

    def ranked(k: int) -> Array:
        found = model.recommend(data.asked, dataset, k, filter_viewed=True, items_to_recommend=warm[data.listed[warm]])
        lists = np.full((len(data.asked), k), -1, dtype=np.int64)
        place = np.full(data.matrix.shape[0], -1, dtype=np.int64)
        place[data.asked] = np.arange(len(data.asked))
        lists[place[found["user_id"].to_numpy()], found["rank"].to_numpy() - 1] = found["item_id"].to_numpy()
        return lists

    return ranked


def _rectools_sasrec(settings: dict[str, Any], seed: int) -> Foreign:
    from pytorch_lightning import seed_everything
    from rectools.models import SASRecModel

    seed_everything(seed)
    return SASRecModel(deterministic=True, **settings)


def _recbole(name: str, settings: Mapping[str, Any], data: Data, seed: int) -> Ranked:
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    called = {"lightgcn": "LightGCN"}[name]
    with tempfile.TemporaryDirectory() as folder:
        _atomic(data, Path(folder))
        told = {
            "data_path": folder,
            "checkpoint_dir": folder,
            "load_col": {"inter": ["user_id", "item_id"]},
            "eval_args": {"split": {"RS": [1, 0, 0]}, "order": "RO", "group_by": "user", "mode": "full"},
            "train_neg_sample_args": {"distribution": "uniform", "sample_num": 1},
            "eval_step": 0,
            "seed": seed,
            "show_progress": False,
            "use_gpu": False,
            **settings,
        }
        config = Config(model=called, dataset="compared", config_dict=told)
        init_seed(seed, reproducibility=True)
        dataset = create_dataset(config)
        training, _, _ = data_preparation(config, dataset)
        model = get_model(called)(config, training.dataset).to(config["device"])
        get_trainer(config["MODEL_TYPE"], called)(config, model).fit(training, verbose=False, show_progress=False)

    def ranked(k: int) -> Array:
        return _recbole_lists(model, dataset, data, k)

    return ranked


def _recbole_lists(model: Foreign, dataset: Foreign, data: Data, k: int) -> Array:
    import torch
    from recbole.data.interaction import Interaction

    names = dataset.field2id_token["item_id"][1:].astype(np.int64)  # its row 0 is for padding
    tokens = dataset.field2token_id["user_id"]
    model.eval()
    parts = []
    for start in range(0, len(data.asked), _BATCH):
        users = data.asked[start : start + _BATCH]
        rows = torch.tensor([tokens[str(user)] for user in users])
        with torch.no_grad():
            said = model.full_sort_predict(Interaction({"user_id": rows})).view(len(users), -1)[:, 1:].numpy()
        scores = np.full((len(users), data.matrix.shape[1]), -np.inf, dtype=np.float32)
        scores[:, names] = said
        scores[data.barred(users)] = -np.inf
        parts.append(best(scores, k))
    return np.concatenate(parts)


def _atomic(data: Data, folder: Path) -> None:
    """The choices as RecBole's atomic file."""
    (folder / "compared").mkdir()
    users, products = data.matrix.nonzero()
    lines = [f"{user}\t{product}" for user, product in zip(users, products, strict=True)]
    text = "\n".join(["user_id:token\titem_id:token", *lines, ""])
    (folder / "compared" / "compared.inter").write_text(text, encoding="utf-8")


def _frame(data: Data, user: str, product: str, at: str | None) -> Foreign:
    """Every choice once, at its latest time, oldest first within a user; the places stand for times where none are known."""
    import pandas as pd

    frame = pd.DataFrame({user: data.user, product: data.product})
    if at is not None:
        unknown = np.isnan(data.at).any()
        frame[at] = pd.to_datetime(np.arange(len(frame)) * 60 if unknown else data.at, unit="s")
    return frame.drop_duplicates([user, product], keep="last")


_FAMILIES = {"implicit": _implicit, "lenskit": _lenskit, "rectools": _rectools, "recbole": _recbole}
_IMPORTS = {
    "implicit": ("implicit", "implicit.als", "implicit.bpr", "implicit.lmf", "implicit.nearest_neighbours"),
    "lenskit": ("lenskit", "lenskit.als", "lenskit.batch", "lenskit.flexmf", "lenskit.knn", "lenskit.pipeline"),
    "lenskit-lightgcn": ("lenskit.graphs.lightgcn",),
    "rectools": ("rectools", "rectools.dataset", "rectools.models"),
    "rectools-sasrec": ("pytorch_lightning",),
    "recbole": ("recbole", "recbole.config", "recbole.data", "recbole.utils"),
    "recbole-lightgcn": ("recbole.model.general_recommender",),
}
"""What is imported before a fit is timed, by family and by system."""
_READ: dict[str, Data] = {}


def _fitted_and_ranked(order: Order) -> Answer:
    family, name = order["system"].split("-", 1)
    for module in (*_IMPORTS[family], *_IMPORTS.get(order["system"], ())):
        importlib.import_module(module)
    if order["data"] not in _READ:
        _READ[order["data"]] = Data.read(Path(order["data"]))
    if order.get("ready"):
        return {}
    data, seed = _READ[order["data"]], int(order["seed"])
    os.chdir(order["data"])  # some peers leave logs where they stand
    found = timed(lambda: _FAMILIES[family](name, order["settings"], data, seed), order)
    return {**found, "version": f"{family} {importlib.metadata.version(family)}"}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    serve(_fitted_and_ranked)
