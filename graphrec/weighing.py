"""Weights for several scorers, chosen by what they do to ranked lists: numbers in, numbers out.

A `Panel` holds, for each user of a validation cut, a few hundred candidates with what every scorer says of them. Two ways to find
weights compete on users they have not seen: listwise softmax regression and hill climbing on NDCG itself. Weights are the mean of
those learnt from halves of the users, drawn anew a few times, so that no odd half decides (bagging).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from graphrec.listwise import likeliest
from graphrec.metrics import Values, ndcg
from graphrec.significance import interval
from graphrec.tensors import Floats, Rows

Weights = npt.NDArray[np.float64]
Optimiser = Callable[["Panel", Sequence[int], "Weights | None"], Weights]
"""Panel, columns and weights to start from (None: from nothing) → weights, 0 for other columns."""
K = 20
"""The length of the lists that weights are chosen for."""
_STEPS: tuple[float, ...] = (0.5, 0.2, 0.07)
_HALVINGS = 2
_MOVES = 8
"""Steps of one size at most."""
LEAST_GAIN = 0.001
"""The relative NDCG a scorer must add to be worth its time and memory."""
_POSSIBLE = 0.005
"""A scorer of some weight is dropped only where the cut rules out that it adds as much: another cut might say otherwise."""
_HEAD = 20
_FAINT = 0.02
"""Scorers of less weight are tried to be done without together, before the gain of each of the others is worked out."""
FEW = 200
"""Users below which a cut is too small to drop a scorer on its word."""


@dataclass(frozen=True)
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

    def take(self, users: Rows) -> "Panel":
        """Only the users at these places."""
        return Panel(self.values[users], self.candidate[users], self.truth[users], self.wanted[users])

    def quality(self, weights: Weights) -> float:
        """Mean NDCG@20 of the users' candidates under these weights ([scorers]); 0 without users."""
        return float(self.judged(self.scores(weights)).mean()) if len(self.wanted) else 0.0

    def scores(self, weights: Weights) -> torch.Tensor:
        """[u, c] of the candidates under these weights; -inf for padding."""
        found = self._padding.clone()
        for column, weight in zip(self._columns, weights.tolist(), strict=True):
            if weight:
                found.add_(column, alpha=weight)
        return found

    def judged(self, scores: torch.Tensor) -> Values:
        """[u] NDCG@20 of every user. scores: [u, c]."""
        # ties as they come: half the time of `metrics.top`
        best = torch.topk(scores, min(K, scores.shape[1]), dim=1).indices
        found = np.zeros((len(best), K), dtype=bool)
        found[:, : best.shape[1]] = self._truth.gather(1, best).numpy()
        return ndcg(found, self.wanted)

    def moved(self, scores: torch.Tensor, column: int, change: float) -> torch.Tensor:
        """[u, c] the scores after this change of one weight."""
        return torch.add(scores, self._columns[column], alpha=change)

    @cached_property
    def _columns(self) -> list[torch.Tensor]:
        return [torch.from_numpy(np.ascontiguousarray(self.values[:, :, one])) for one in range(self.values.shape[2])]

    @cached_property
    def _truth(self) -> torch.Tensor:
        return torch.from_numpy(self.truth)

    @cached_property
    def _padding(self) -> torch.Tensor:
        return torch.from_numpy(np.where(self.candidate, np.float32(0), np.float32(-np.inf)))


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


def climb(panel: Panel, columns: Sequence[int], start: Weights | None = None) -> Weights:
    """Non-negative weights by coordinate ascent on NDCG@20, in three step sizes, from `start` or the best single scorer.

    From a start only the two smaller steps are taken. Source: the idea of greedy ensemble selection, Caruana et al., ICML 2004.
    """
    width = panel.values.shape[2]
    weights, steps = _within(start, columns), _STEPS[1:]
    if not weights.any():
        weights, steps = max((np.eye(width)[one] for one in columns), key=panel.quality), _STEPS
    scores = panel.scores(weights)
    best = float(panel.judged(scores).mean())
    for step in steps:
        for _ in range(_MOVES):
            found, column, change = _best_move(panel, scores, weights, columns, step)
            if found <= best + 1e-6:
                break
            best, weights[column] = found, weights[column] + change
            scores = panel.scores(weights)
    return _unit(weights)


def _best_move(
    panel: Panel, scores: torch.Tensor, weights: Weights, columns: Sequence[int], step: float
) -> tuple[float, int, float]:
    """NDCG@20 after the best of all single steps, its column, and its change."""
    moves = [(one, change) for one in columns for change in (step, max(-step, -float(weights[one]))) if change]
    return max((float(panel.judged(panel.moved(scores, one, change)).mean()), one, change) for one, change in moves)


def regress(panel: Panel, columns: Sequence[int], start: Weights | None = None) -> Weights:
    """Non-negative weights by listwise softmax regression; the start is of no use to it, for weights have no scale."""
    del start
    weights = np.zeros(panel.values.shape[2])
    values = np.ascontiguousarray(panel.values[:, :, list(columns)])
    found = likeliest(values, panel.candidate, panel.truth)
    weights[list(columns)] = found if found.any() else 1.0
    return _unit(weights)


def _unit(weights: Weights) -> Weights:
    return np.asarray(weights / max(weights.sum(), 1e-12))


def _within(weights: Weights | None, columns: Sequence[int]) -> Weights:
    """The weights of these columns, 0 elsewhere."""
    kept = np.zeros(0 if weights is None else len(weights))
    if weights is not None:
        kept[list(columns)] = weights[list(columns)]
    return kept


@dataclass(frozen=True, slots=True)
class Weighed:
    """Weights and what they rest on."""

    weights: Weights
    """[scorers], they add up to 1; 0 for what was dropped."""
    gains: Weights
    """[scorers] relative NDCG change by having the scorer, on users that the weights have not seen."""
    intervals: Weights
    """[scorers, 2] the gains' 95% intervals over users."""
    quality: float
    """NDCG@20 on users that the weights have not seen."""
    way: str
    """Which optimiser won: `climb` or `regress`."""


@dataclass(frozen=True, slots=True)
class _Crossed:
    """What weights learnt from some users are worth on the others."""

    judged: Values
    """[u] NDCG@20 of every user, the mean over draws of the halves."""
    weights: tuple[Weights, ...]
    """Of every half."""

    @property
    def quality(self) -> float:
        return float(self.judged.mean())


def weigh(panel: Panel) -> Weighed:
    """The weights of the better optimiser, without the scorers that it hardly uses or that surely add next to nothing.

    Every comparison is cross-fitted: weights from one half of the users are judged on the other.
    """
    width = panel.values.shape[2]
    gains, intervals = np.zeros(width), np.zeros((width, 2))
    everything = [one for one in range(width) if panel.values[:, :, one].any()]
    if not everything:
        return Weighed(np.zeros(width), gains, intervals, 0.0, "nothing to weigh")
    halves = _Halves.of(panel)
    ways: dict[str, Optimiser] = {"climb": climb, "regress": regress}
    tried = {name: halves.crossed(everything, way) for name, way in ways.items()}
    way = max(tried, key=lambda name: tried[name].quality)
    kept, found = everything, tried[way]
    faint = [one for one in everything if np.mean(found.weights, axis=0)[one] < _FAINT]
    if 0 < len(faint) < len(everything):
        strong = [one for one in everything if one not in faint]
        without = halves.crossed(strong, ways[way], found.weights)
        gain, span = _gain(found, without)
        if gain < LEAST_GAIN * len(faint):  # what they are worth together is shared evenly
            gains[faint], intervals[faint] = gain / len(faint), np.divide(span, len(faint))
            kept, found = strong, without
    while True:
        for one in kept:
            others = [other for other in (kept if len(kept) > 1 else everything) if other != one]
            gains[one], intervals[one] = _gain(found, halves.crossed(others, ways[way], found.weights))
        least = min(kept, key=lambda one: intervals[one, 1])
        if len(kept) == 1 or intervals[least, 1] >= _POSSIBLE:
            break
        kept = [one for one in kept if one != least]
        found = halves.crossed(kept, ways[way], found.weights)
    learnt = _unit(np.mean(found.weights, axis=0))
    weights = _cautious(learnt, everything, len(panel.wanted))
    return Weighed(weights, gains, intervals, found.quality, way)


def _gain(found: _Crossed, without: _Crossed) -> tuple[float, tuple[float, float]]:
    """The relative gain over going without, and its interval over users."""
    if not without.quality:
        return 0.0, (0.0, 0.0)
    low, high = interval(found.judged - without.judged)
    return found.quality / without.quality - 1, (low / without.quality, high / without.quality)


def _cautious(weights: Weights, everything: Sequence[int], users: int) -> Weights:
    """The weights drawn towards equal ones where few users speak: n of `FEW` users count n / `FEW`."""
    trust = min(1.0, users / FEW)
    even = np.zeros(len(weights))
    even[everything] = 1 / len(everything)
    return np.asarray(trust * weights + (1 - trust) * even)


@dataclass(frozen=True, slots=True)
class _Halves:
    """The users of a panel, halved at random a few times."""

    users: int
    pairs: tuple[tuple[Rows, Rows], ...]
    """Places of the users of either half."""
    panels: tuple[tuple[Panel, Panel], ...]

    @classmethod
    def of(cls, panel: Panel) -> "_Halves":
        users = len(panel.wanted)
        orders = [np.random.default_rng(seed).permutation(users) for seed in range(_HALVINGS)]
        pairs = tuple((np.sort(order[::2]), np.sort(order[1::2])) for order in orders)
        return cls(users, pairs, tuple((panel.take(one), panel.take(other)) for one, other in pairs))

    def crossed(self, columns: Sequence[int], way: Optimiser, start: Sequence[Weights] | None = None) -> _Crossed:
        """Each half of the users under the weights of the other half. start: of every half, to set out from."""
        judged, weights = np.zeros(self.users), []
        begin = iter(start or ())
        for (one, other), (first, second) in zip(self.pairs, self.panels, strict=True):
            for learn, test, places in ((first, second, other), (second, first, one)):
                learnt = way(learn, columns, next(begin, None)) if columns and len(learn.wanted) else None
                if learnt is None:
                    continue
                weights.append(learnt)
                judged[places] += test.judged(test.scores(learnt)) / len(self.pairs)
        return _Crossed(judged, tuple(weights))
