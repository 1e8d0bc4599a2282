"""A process that fits graphrec's own systems and ranks with them: `python -m graphrec.comparison.own_worker`.

Orders and answers are those of `peer_worker`; an order also names `graph` (a folder of `frozen`), `text_model`, `device` and
`cache` (a folder for text vectors).
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from graphrec import blend, scorers
from graphrec.batches import by_batch
from graphrec.comparison import frozen
from graphrec.comparison.peer_worker import Answer, Order, serve, timed
from graphrec.encoder import EncoderConfig
from graphrec.metrics import top
from graphrec.pipeline import TextVectors, pick_device
from graphrec.questions import RankingConfig
from graphrec.scorers import FitContext
from graphrec.scorers.graph import Graph, GraphConfig
from graphrec.scorers.linear import Linear
from graphrec.tensors import Floats, Histories, KnownGraph, Rows
from graphrec.training import TrainConfig


class Scores(Protocol):
    """What was fitted."""

    def score(self, histories: Histories) -> Floats:
        """[b, products]; -inf where it has no opinion."""


def fit(system: str, settings: Mapping[str, Any], known: KnownGraph, context: FitContext) -> Scores:
    """The blend, or the scorer of this name, under these settings."""
    if system == "blend":
        return blend.learn(known, context)
    if system == Linear.name and settings:
        return Linear.fit_with(known, settings["penalty"])
    if system == Graph.name:
        return Graph.fit_with(known, context, graph_config(settings))
    return scorers.load(system).fit(known, context)


def graph_config(settings: Mapping[str, Any]) -> GraphConfig:
    """The default configuration with these fields of its parts, by their names.

    Example:
        >>> graph_config({"dim": 32, "keep": 0.7}).encoder.dim
        32
    """

    def told(part: EncoderConfig | RankingConfig | TrainConfig) -> dict[str, Any]:
        return {name: settings[name] for name in part.__dataclass_fields__ if name in settings}

    whole = GraphConfig()
    return GraphConfig(
        replace(whole.encoder, **told(whole.encoder)),
        replace(whole.ranking, **told(whole.ranking)),
        replace(whole.training, **told(whole.training)),
    )


def ranked(model: Scores, known: KnownGraph, users: Rows, k: int) -> Rows:
    """[users, k] the listed products with the highest scores that each user has not chosen yet."""

    def lists(_place: slice, batch: Histories) -> Rows:
        said = model.score(batch)
        scores = np.where(known.listed & ~np.isnan(said), said, np.float32(-np.inf))
        scores[np.repeat(np.arange(len(batch)), np.diff(batch.indptr)), batch.product] = -np.inf
        return top(scores, k)

    return np.concatenate([part for _, part in by_batch(lists, known.histories(users), len(known.products))])


@cache
def _read(graph: str, choices: str) -> tuple[KnownGraph, Rows]:
    return frozen.load(Path(graph), Path(choices))


def _fitted_and_ranked(order: Order) -> Answer:
    known, users = _read(order["graph"], order["data"])
    if order.get("ready"):
        return {}
    device, text_model = pick_device(order["device"]), order["text_model"]
    text = TextVectors(known, text_model, device, Path(order["cache"]))
    context = FitContext(seed=int(order["seed"]), device=device, text=text)

    def fitted() -> Callable[[int], Rows]:
        model = fit(order["system"], order["settings"], known, context)
        return lambda k: ranked(model, known, users, k)

    return {**timed(fitted, order), "version": f"graphrec {import_module('graphrec').__version__}"}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    serve(_fitted_and_ranked)
