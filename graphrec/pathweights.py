"""The weights of walks: how much a step along each of them is worth, learnt on an inner cut."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from graphrec import splits
from graphrec.errors import NothingToLearn
from graphrec.tensors import Floats, Histories, KnownGraph, Rows
from graphrec.walks import Walk, walks
from graphrec.weighing import softmax_regression

Mask = npt.NDArray[np.bool_]
DECAYS = (1.0, 0.6, 0.2)
"""How much a product counts one place further from the end of the history; 1 is the history as a whole."""
_BEST, _RANDOM, _ROUNDS = 200, 50, 2
_SCORED = 30_000_000
"""Users × products that are scored to learn from: 2,500 users at most, 400 at least."""
_CELLS = 4_000_000
_FORGOTTEN = 1e-3
_LEAST_SHARE = 0.01
"""Walks whose part of the score varies less than this share of the whole are dropped."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Weights by walk and decay, and the weight of popularity."""

    weights: Mapping[str, tuple[float, ...]]
    """By walk's name, one a decay."""
    decays: tuple[float, ...]
    popularity: float

    def start(self, histories: Histories, walk: str, products: int) -> sp.csr_matrix:
        """[b, products] what stepping off from each product of a history is worth on this walk."""
        weights = self.weights[walk]
        values = sum(
            (weight * decayed(histories, decay) for weight, decay in zip(weights, self.decays, strict=True)),
            np.zeros(len(histories.product)),
        )
        return _start(histories, values, products)

    def to_json(self) -> dict[str, Any]:
        """The weights as JSON can hold them; `from_json` reads them back."""
        weights = {name: list(one) for name, one in self.weights.items()}
        return {"weights": weights, "decays": list(self.decays), "popularity": self.popularity}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The weights that `to_json` wrote."""
        weights = {name: tuple(one) for name, one in values["weights"].items()}
        return cls(weights, tuple(values["decays"]), float(values["popularity"]))


def decayed(histories: Histories, decay: float) -> npt.NDArray[np.float64]:
    """[sum of lengths] decay^place from the end, 0 once below a thousandth; for decay 1 one over the root of the length.

    Example:
        >>> decayed(Histories.of([[4, 5, 6]]), 0.5).tolist()
        [0.25, 0.5, 1.0]
    """
    lengths = np.diff(histories.indptr)
    if decay == 1:
        return np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths)
    places = np.repeat(histories.indptr[1:], lengths) - 1 - np.arange(len(histories.product))
    values = decay ** places.astype(np.float64)
    return np.where(values < _FORGOTTEN, 0.0, values)


def _start(histories: Histories, values: npt.NDArray[np.float64], products: int) -> sp.csr_matrix:
    """[b, products] these values at the products of the histories."""
    parts = (values.astype(np.float32), histories.product.copy(), histories.indptr.copy())
    start: sp.csr_matrix = sp.csr_matrix(parts, shape=(len(histories), products))
    start.eliminate_zeros()
    return start


def learn(known: KnownGraph, text: Floats | None, *, seed: int) -> Steps:
    """Weights for the walks of this graph: those under which an inner cut's later choices are the likeliest.

    Listwise softmax regression over each user's 200 best candidates so far, 50 random ones and the truth, in two rounds that
    add up their candidates. Weights are not negative: free ones learn to shun whatever chose the
    candidates, and do not carry over to other users. Where nothing can be held out, every walk counts by its typical size.
    """
    decays = DECAYS if known.interactions.ordered else DECAYS[:1]
    try:
        cut = splits.inner_cut(known, seed)
    except NothingToLearn:
        return _typical(walks(known, text), decays)
    cut = cut.sample(int(np.clip(_SCORED // len(known.products), 400, 2_500)), seed)
    return _Lesson(cut, walks(cut.known, text), decays, seed).learn()


def _typical(made: Sequence[Walk], decays: tuple[float, ...]) -> Steps:
    """Every walk as strong as the other, the history as a whole."""
    sizes = {walk.name: float(walk.left.data.mean()) if walk.right is None else 5.0 for walk in made}
    first = (1.0, *(0.0 for _ in decays[1:])) if len(decays) == 1 else (0.5, 0.5, *(0.0 for _ in decays[2:]))
    return Steps({name: tuple(one / size for one in first) for name, size in sizes.items()}, decays, 0.1)


@dataclass(frozen=True, slots=True)
class _Lesson:
    """One cut, its walks, and what is learnt from them."""

    cut: splits.Split
    walks: Sequence[Walk]
    decays: tuple[float, ...]
    seed: int

    def learn(self) -> Steps:
        steps, candidates = _typical(self.walks, self.decays), self._drawn()
        for _ in range(_ROUNDS):
            candidates = np.sort(np.concatenate([candidates, self._best(steps)], axis=1), axis=1)
            steps = self._regress(candidates)
        return steps

    def _drawn(self) -> Rows:
        """[u, 50 + t] random warm products and the truth, whose shorter rows repeat their first product."""
        warm = np.flatnonzero(self.cut.known.warm)
        drawn = np.random.default_rng(self.seed).choice(warm, (len(self.cut.users), _RANDOM))
        truth = self.cut.truth
        longest = min(int(np.diff(truth.indptr).max()), _BEST)
        places = np.minimum(truth.indptr[:-1, None] + np.arange(longest), truth.indptr[1:, None] - 1)
        return np.concatenate([drawn, truth.indices[places]], axis=1).astype(np.int64)

    def _batches(self) -> "list[tuple[int, Histories]]":
        products = len(self.cut.known.products)
        size = max(1, _CELLS // products)
        pieces = self.cut.known.histories(self.cut.users).batches(size)
        return [(number * size, piece) for number, piece in enumerate(pieces)]

    def _best(self, steps: Steps) -> Rows:
        """[u, 200] the best products under these weights that the user has not chosen."""
        products = len(self.cut.known.products)
        popularity = steps.popularity * np.log1p(np.asarray(self.cut.known.matrix.sum(axis=0)).ravel())
        found = []
        for _, batch in self._batches():
            scores = np.repeat(popularity[None, :].astype(np.float32), len(batch), axis=0)
            for walk in (one for one in self.walks if one.name in steps.weights):
                scores += walk.reach(steps.start(batch, walk.name, products)).toarray()
            scores[batch.matrix(products).nonzero()] = -np.inf
            scores[:, ~self.cut.known.warm] = -np.inf
            found.append(torch.topk(torch.from_numpy(scores), min(_BEST, products), dim=1).indices.numpy())
        return np.concatenate(found)

    def _regress(self, candidates: Rows) -> Steps:
        values, truth, real = self._features(candidates)
        size = np.sqrt(np.square(values, dtype=np.float32).mean(axis=(0, 1)))
        size[size < 1e-9] = np.inf
        values /= size
        weights = softmax_regression(values, real, truth, positive=True) / size
        width = len(self.decays)
        spread = values.std(axis=(0, 1)) * np.abs(weights * np.where(np.isinf(size), 0, size))
        by_walk = spread[:-1].reshape(len(self.walks), width).sum(axis=1)
        kept = by_walk >= _LEAST_SHARE * spread.sum()
        rows = {
            walk.name: tuple(weights[number * width : (number + 1) * width].tolist())
            for number, walk in enumerate(self.walks)
            if kept[number] or not kept.any()
        }
        return Steps(rows, self.decays, float(weights[-1]))

    def _features(self, candidates: Rows) -> tuple[Floats, Mask, Mask]:
        """[u, c, walks × decays + 1] what each walk and popularity say of the candidates; [u, c] truth; [u, c] no repetition."""
        known, width = self.cut.known, len(self.decays)
        products = len(known.products)
        values = np.zeros((*candidates.shape, len(self.walks) * width + 1), dtype=np.float32)
        values[:, :, -1] = np.log1p(np.asarray(known.matrix.sum(axis=0)).ravel())[candidates]
        truth = np.zeros(candidates.shape, dtype=bool)
        for begin, batch in self._batches():
            rows = slice(begin, begin + len(batch))
            truth[rows] = np.take_along_axis(self.cut.truth[rows].toarray() > 0, candidates[rows], axis=1)
            starts = [
                sp.csr_matrix(
                    (decayed(batch, decay).astype(np.float32), batch.product, batch.indptr), shape=(len(batch), products)
                )
                for decay in self.decays
            ]
            for number, walk in enumerate(self.walks):
                for place, start in enumerate(starts):
                    reach = walk.reach(start).toarray()
                    values[rows, :, number * width + place] = np.take_along_axis(reach, candidates[rows], axis=1)
        real = np.diff(candidates, axis=1, prepend=-1) > 0
        return values, truth & real, real & (known.warm[candidates] | truth)
