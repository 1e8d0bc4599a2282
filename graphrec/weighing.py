"""Weights for several scorers, chosen by what they do to ranked lists: numbers in, numbers out.

A `Panel` holds, for each user of a validation cut, a few hundred candidates with what every scorer says of them. Two ways to find
weights compete on users they have not seen: listwise softmax regression and hill climbing on NDCG itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.optimize
import torch

from graphrec.metrics import ndcg, top
from graphrec.tensors import Floats, Rows

Weights = npt.NDArray[np.float64]
Optimiser = Callable[["Panel"], Weights]
K = 20
"""The length of the lists that weights are chosen for."""
_STEPS = (0.5, 0.2, 0.07)
_MOVES = 8
"""Steps of one size at most."""
LEAST_GAIN = 0.001
"""The relative NDCG a scorer must add to be kept: less than this is noise and costs time and memory."""
_HEAD = 20
FEW = 200
"""Users below which a cut is too small to drop a scorer on its word."""


@dataclass(frozen=True, slots=True)
class Panel:
    """What every scorer says of every user's candidates."""

    values: Floats
    """[u, c, scorers] standardised scores; 0 where a scorer has no opinion."""
    candidate: npt.NDArray[np.bool_]
    """[u, c] False where the place is padding."""
    truth: npt.NDArray[np.bool_]
    """[u, c] True where the user really chose the candidate later."""
    wanted: Rows
    """[u] how many products the user chose later, candidates or not."""

    def half(self, odd: bool) -> "Panel":
        """Every other user."""
        pick = slice(int(odd), None, 2)
        return Panel(self.values[pick], self.candidate[pick], self.truth[pick], self.wanted[pick])

    def quality(self, weights: Weights) -> float:
        """Mean NDCG@20 of the users' candidates under these weights ([scorers])."""
        if not len(self.wanted):
            return 0.0
        scores = np.where(self.candidate, self.values @ weights.astype(np.float32), -np.inf).astype(np.float32)
        return float(ndcg(np.take_along_axis(self.truth, np.maximum(top(scores, K), 0), axis=1), self.wanted).mean())


def standardise(scores: Floats, warm: npt.NDArray[np.bool_]) -> Floats:
    """[b, n] float32: each user's mean over warm products becomes 0, that of the best 20 (or fifth) of them 1, no opinion 0.

    So scorers are comparable where it matters, at the head of the list, whatever the shape of their tails. A scorer that says the
    same of every product becomes 0. scores: [b, n], -inf (or NaN) for no opinion; warm: [n].

    Example:
        >>> standardise(np.array([[2.0, 4.0, 9.0, -np.inf]], dtype=np.float32), np.array([True, True, False, True])).tolist()
        [[-1.0, 1.0, 6.0, 0.0]]
    """
    given = torch.from_numpy(np.ascontiguousarray(scores))
    opinion = given > -torch.inf  # false of what is no number, too
    inside = opinion & torch.from_numpy(warm)
    count = inside.sum(dim=1, keepdim=True).clamp_(min=1)
    mean = torch.where(inside, given, 0.0).sum(dim=1, keepdim=True) / count  # [b, 1]
    size = int(min(_HEAD, max(warm.sum() // 5, 1), given.shape[1]))
    head = torch.topk(given.masked_fill(~inside, -torch.inf), size, dim=1).values
    held = ~torch.isneginf(head)
    top = torch.where(held, head, 0.0).sum(dim=1, keepdim=True) / held.sum(dim=1, keepdim=True).clamp_(min=1)
    spread = top - mean
    flat = spread <= 1e-6 * (mean.abs() + 1e-6)
    found = torch.where(opinion & ~flat, (given - mean) / torch.where(flat, 1.0, spread), 0.0)
    return found.numpy()


def climb(panel: Panel) -> Weights:
    """Non-negative weights by coordinate ascent on NDCG@20, from the best single scorer, in three step sizes.

    Source: the idea of greedy ensemble selection, Caruana et al., ICML 2004.
    """
    width = panel.values.shape[2]
    weights = max(np.eye(width), key=panel.quality)
    best = panel.quality(weights)
    for step in _STEPS:
        for _ in range(_MOVES):
            moved = _better(panel, weights, best, step)
            if moved is None:
                break
            weights, best = moved
    return _unit(weights)


def _better(panel: Panel, weights: Weights, best: float, step: float) -> tuple[Weights, float] | None:
    """The best of all single steps, if it is better than standing still."""
    trials = []
    for column in range(len(weights)):
        for change in (step, -step):
            trial = weights.copy()
            trial[column] = max(trial[column] + change, 0.0)
            if trial[column] != weights[column] and trial.any():
                trials.append((trial, panel.quality(trial)))
    found = max(trials, key=lambda one: one[1], default=(weights, best))
    return found if found[1] > best + 1e-6 else None


def regress(panel: Panel) -> Weights:
    """Non-negative weights by listwise softmax regression."""
    return _unit(softmax_regression(panel.values, panel.candidate, panel.truth, positive=True))


def softmax_regression(
    values: Floats,
    candidate: npt.NDArray[np.bool_],
    truth: npt.NDArray[np.bool_],
    *,
    offset: Floats | None = None,
    positive: bool = False,
    penalty: float = 1e-3,
) -> Weights:
    """[features] the weights w that maximise the users' mean of Σ over truths of log softmax(w · values) / |truths|, by L-BFGS-B.

    values: [u, c, features]; candidate, truth: [u, c]. offset: [u, c] added to each candidate's score, the
    log of how many it stands for. penalty: on ‖w‖². Users without truth among their candidates do not count.
    Source: Cao et al., "Learning to rank: from pairwise to listwise approach", ICML 2007 (ListNet, top-one).
    """
    users = truth.any(axis=1)
    width = values.shape[2]
    if not users.any():
        return np.ones(width)
    real = candidate[users]
    given, chosen = values[users][real], truth[users][real]  # [candidates of all users, features]
    fixed = np.zeros(len(given), dtype=np.float32) if offset is None else offset[users][real]
    starts = np.concatenate([[0], np.cumsum(real.sum(axis=1))[:-1]])
    user = np.repeat(np.arange(len(real)), real.sum(axis=1))
    target = (chosen / np.add.reduceat(chosen, starts, dtype=np.float64)[user] / len(real)).astype(np.float32)

    def loss(weights: Weights) -> tuple[float, Weights]:
        scores = given @ weights.astype(np.float32) + fixed
        scores -= np.maximum.reduceat(scores, starts)[user]
        total = np.add.reduceat(np.exp(scores), starts)[user]
        share = np.exp(scores) / total / len(real)
        value = -float(target @ (scores - np.log(total))) + penalty * float(weights @ weights)
        return value, np.asarray((share - target) @ given + 2 * penalty * weights, dtype=np.float64)

    bounds = [(0.0 if positive else None, None)] * width
    first = np.full(width, 0.5 if positive else 0.0)
    found = scipy.optimize.minimize(loss, first, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 80})
    return np.asarray(found.x, dtype=np.float64)


def _unit(weights: Weights) -> Weights:
    return np.asarray(weights / max(weights.sum(), 1e-12))


@dataclass(frozen=True, slots=True)
class Weighed:
    """Weights and what they rest on."""

    weights: Weights
    """[scorers], they add up to 1; 0 for what was dropped."""
    gains: Weights
    """[scorers] relative NDCG change by having the scorer, on users that the weights have not seen."""
    quality: float
    """NDCG@20 on users that the weights have not seen."""
    way: str
    """Which optimiser won: `climb` or `regress`."""


def weigh(panel: Panel) -> Weighed:
    """The weights of the better optimiser, without the scorers that add less than a thousandth.

    Every comparison is cross-fitted: weights from one half of the users are judged on the other.
    """
    width = panel.values.shape[2]
    everything = [one for one in range(width) if panel.values[:, :, one].any()]
    if not everything:
        return Weighed(np.zeros(width), np.zeros(width), 0.0, "nothing to weigh")
    ways: dict[str, Optimiser] = {"climb": climb, "regress": regress}
    way = max(ways, key=lambda name: _crossed(panel, everything, ways[name]))
    kept, gains = everything, np.zeros(width)
    while True:
        quality = _crossed(panel, kept, ways[way])
        rest = kept if len(kept) > 1 else everything
        without = {one: _crossed(panel, [other for other in rest if other != one], ways[way]) for one in kept}
        for one in kept:
            gains[one] = quality / without[one] - 1 if without[one] else 0.0
        least = min(kept, key=lambda one: gains[one])
        if len(kept) == 1 or gains[least] >= LEAST_GAIN:
            break
        kept = [one for one in kept if one != least]
    weights = np.zeros(width)
    weights[kept] = ways[way](_only(panel, kept))
    return Weighed(_cautious(weights, everything, len(panel.wanted)), gains, quality, way)


def _cautious(weights: Weights, everything: Sequence[int], users: int) -> Weights:
    """The weights drawn towards equal ones where few users speak: n of `FEW` users count n / `FEW`."""
    trust = min(1.0, users / FEW)
    even = np.zeros(len(weights))
    even[everything] = 1 / len(everything)
    return np.asarray(trust * weights + (1 - trust) * even)


def _only(panel: Panel, columns: Sequence[int]) -> Panel:
    return Panel(np.ascontiguousarray(panel.values[:, :, columns]), panel.candidate, panel.truth, panel.wanted)


def _crossed(panel: Panel, columns: Sequence[int], way: Optimiser) -> float:
    """NDCG@20 over all users, each half of them under the weights of the other half; 0 without scorers."""
    if not columns:
        return 0.0
    part = _only(panel, columns)
    halves = part.half(False), part.half(True)
    return sum(len(test.wanted) * test.quality(way(learn)) for learn, test in (halves, halves[::-1])) / len(panel.wanted)
