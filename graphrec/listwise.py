"""Listwise softmax regression under non-negative weights, by Newton's method: far fewer passes than a gradient method takes."""

import numpy as np
import numpy.typing as npt

from graphrec.tensors import Floats

Mask = npt.NDArray[np.bool_]
Weights = npt.NDArray[np.float64]
_ITERATIONS, _SWEEPS, _HALVINGS = 15, 200, 10
_LEAST = 2e-4
"""Candidates of a smaller probability bend the loss too little to count in its curvature."""
_CLOSE = 1e-5
"""A smaller gain of the loss ends the search."""
_STILL = 1e-4
"""A smaller move of every weight ends a descent."""


def likeliest(values: Floats, candidate: Mask, truth: Mask, *, penalty: float = 1e-3) -> Weights:
    """[features] the w ≥ 0 that maximise the users' mean of Σ over truths of log softmax(w · values) / |truths| − penalty · ‖w‖².

    values: [u, c, features], each of size about 1; candidate, truth: [u, c]. Users without truth among their candidates do not
    count; without any users all weights are 0.
    Source: Cao et al., "Learning to rank: from pairwise to listwise approach", ICML 2007 (ListNet, top-one).
    """
    users = (truth & candidate).any(axis=1)
    width = values.shape[2]
    if not users.any():
        return np.zeros(width)
    lesson = _Lesson(values[users], candidate[users], truth[users] & candidate[users], penalty)
    weights = np.full(width, 0.1)
    loss, share = lesson.loss(weights)
    for _ in range(_ITERATIONS):
        slope, curve = lesson.curvature(weights, share)
        aim = _least_of(slope - curve @ weights, curve, weights)
        for halving in range(_HALVINGS):
            trial = weights + (aim - weights) / 2**halving
            tried, its_share = lesson.loss(trial)
            if tried < loss:
                break
        else:
            break
        gain, weights, loss, share = loss - tried, trial, tried, its_share
        if gain < _CLOSE:
            break
    return weights


class _Lesson:
    """The candidates of all users, one below the other."""

    def __init__(self, values: Floats, candidate: Mask, truth: Mask, penalty: float) -> None:
        lengths = candidate.sum(axis=1)
        self.values = values[candidate].astype(np.float32)  # [candidates of all users, features]
        self.starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        self.user = np.repeat(np.arange(len(candidate)), lengths)
        self.users = len(candidate)
        self.target = (truth[candidate] / truth.sum(axis=1)[self.user]).astype(np.float32)
        self.wanted = self.target @ self.values / self.users
        self.penalty = penalty

    def loss(self, weights: Weights) -> tuple[float, Floats]:
        """The loss, and every candidate's probability."""
        scores = self.values @ weights.astype(np.float32)
        scores -= np.maximum.reduceat(scores, self.starts)[self.user]
        chances = np.exp(scores)
        total = np.add.reduceat(chances, self.starts)
        likelihood = float(self.target @ (scores - np.log(total)[self.user])) / self.users
        return self.penalty * float(weights @ weights) - likelihood, np.asarray(chances / total[self.user], dtype=np.float32)

    def curvature(self, weights: Weights, share: Floats) -> tuple[Weights, Weights]:
        """The loss's gradient [features] and its matrix of second derivatives [features, features]."""
        slope = (share @ self.values / self.users - self.wanted).astype(np.float64) + 2 * self.penalty * weights
        heavy = share > _LEAST
        values, owner = self.values[heavy], self.user[heavy]
        weighed = values * share[heavy][:, None]
        mean = np.add.reduceat(weighed, np.flatnonzero(np.diff(owner, prepend=-1)))  # [users, features]
        curve = (weighed.T @ values - mean.T @ mean).astype(np.float64) / self.users
        return slope, curve + 2 * self.penalty * np.eye(len(weights))


def _least_of(linear: Weights, curve: Weights, start: Weights) -> Weights:
    """The w ≥ 0 at which linear · w + w · curve · w / 2 is least, by coordinate descent from `start`."""
    weights, slope, scale = start.copy(), linear + curve @ start, np.diag(curve)
    for sweep in range(_SWEEPS):
        moved = 0.0
        able = range(len(weights)) if sweep % 10 == 0 else np.flatnonzero(weights).tolist()
        for one in able:
            change = max(weights[one] - slope[one] / scale[one], 0.0) - weights[one]
            if change:
                weights[one] += change
                slope += curve[one] * change
                moved = max(moved, abs(change))
        if moved < _STILL and sweep % 10 == 0:
            break
    return weights
