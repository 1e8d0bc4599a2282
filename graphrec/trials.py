"""Settings tried on an inner cut: the default stays unless another ranks the cut's users clearly better."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrec import splits
from graphrec.batches import by_batch
from graphrec.errors import NothingToLearn
from graphrec.metrics import Values, counts, hits, ndcg, top
from graphrec.tensors import Floats, Histories, KnownGraph

Setting = TypeVar("Setting")
_K = 20
_CELLS, _FEWEST = 30_000_000, 300
_CLEARLY = 2.5
"""Standard errors by which another setting has to beat the default: of some thirty settings the luckiest gains two by chance."""


@dataclass(frozen=True, slots=True)
class Trial:
    """An inner cut of which settings are asked: some of its users, fewer (300 at least) where there are many products."""

    known: KnownGraph
    """What a setting may learn from."""
    histories: Histories
    truth: sp.csr_matrix
    """[b, products] ones: what the users chose later."""

    @classmethod
    def of(cls, known: KnownGraph, seed: int, *, most: int = 2_000, cells: int = _CELLS) -> "Trial | None":
        """The trial on this graph's inner cut, of at most so many users; None where nothing can be held out.

        cells: users × products that each setting is asked for, at most.
        """
        try:
            cut = splits.inner_cut(known, seed)
        except NothingToLearn:
            return None
        cut = cut.sample(int(np.clip(cells // max(len(known.products), 1), _FEWEST, most)), seed)
        return cls(cut.known, cut.histories, cut.truth)

    def best(self, default: Setting, scored: Callable[[Histories], Iterable[tuple[Setting, Floats]]]) -> Setting:
        """The setting with the highest mean NDCG@20 if it beats the default clearly, else the default.

        scored: for a batch of users every setting with its [b, products] scores, the default among them; may be written over.
        """
        tried: dict[Setting, list[Values]] = {}
        for _, found in by_batch(lambda place, batch: self._asked(place, scored(batch)), self.histories, self.truth.shape[1]):
            for setting, values in found.items():
                tried.setdefault(setting, []).append(values)
        return pick(default, {setting: np.concatenate(values) for setting, values in tried.items()})

    def _asked(self, place: slice, scored: Iterable[tuple[Setting, Floats]]) -> dict[Setting, Values]:
        batch = self.histories.slice(place.start, place.stop)
        user = np.repeat(np.arange(len(batch)), np.diff(batch.indptr))
        truth = self.truth[place]
        found = {}
        for setting, scores in scored:
            scores[:, ~self.known.listed] = -np.inf
            scores[user, batch.product] = -np.inf
            found[setting] = ndcg(hits(top(scores, _K), truth), counts(truth))
        return found


def pick(default: Setting, tried: Mapping[Setting, Values]) -> Setting:
    """The setting with the best mean, if the mean of its gains over the default is 2.5 standard errors above zero.

    tried: by setting, one value a user, the same users everywhere.

    Example:
        >>> usual, better = np.array([0.1, 0.3, 0.2, 0.4]), np.array([0.2, 0.4, 0.3, 0.6])
        >>> pick("usual", {"usual": usual, "better": better}), pick("usual", {"usual": usual, "lucky": usual[::-1] + 0.01})
        ('better', 'usual')
    """
    best = max(tried, key=lambda setting: float(tried[setting].mean()))
    gains = tried[best] - tried[default]
    error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.inf
    return best if gains.mean() > _CLEARLY * error else default


def faded(histories: Histories, power: float) -> npt.NDArray[np.float32]:
    """[sum of lengths] (1 + place)^−power, place 0 the latest of a history; what happened in the same second shares a place.

    Example:
        >>> faded(Histories.of([[7, 8], [9]]), 1.0).tolist()
        [0.5, 1.0, 1.0]
    """
    values = np.ones(len(histories.product), dtype=np.float32)
    if not power or not len(values):
        return values
    ends = np.zeros(len(values), dtype=bool)
    ends[histories.indptr[1:][np.diff(histories.indptr) > 0] - 1] = True
    passed = np.ones(len(values), dtype=np.int64)
    passed[:-1] = histories.at[1:] != histories.at[:-1]  # unknown times (NaN) differ: the order is all there is
    passed[ends] = 0
    after = np.cumsum(passed[::-1])[::-1]
    user = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
    last = histories.indptr[1:][user] - 1
    return np.asarray((1.0 + after - after[last]) ** -power, dtype=np.float32)
