"""How good ranked lists are: pure functions over hits, one value a user, binary gains.

`top` makes lists out of scores, `hits` says which places of the lists are right, every other function reads those hits.

Example:
    >>> import numpy as np, scipy.sparse as sp
    >>> truth = sp.csr_matrix(np.array([[1, 0, 1, 0], [0, 0, 0, 1]]))  # what two users chose out of four products
    >>> lists = np.array([[2, 1], [0, 3]])
    >>> found = hits(lists, truth)
    >>> recall(found, counts(truth)).tolist(), mrr(found).tolist()
    ([0.5, 1.0], [1.0, 0.5])
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from graphrec.tensors import Floats, Rows

Values = npt.NDArray[np.float64]
Hits = npt.NDArray[np.bool_]


def top(scores: Floats, k: int) -> Rows:
    """[b, k] the columns of each row's k highest scores, best first, equal scores by column; -1 where fewer are above -inf.

    scores: [b, n]. Runs in n + k log k a row.

    Example:
        >>> top(np.array([[0.1, 0.9, 0.5], [-np.inf, 0.0, -np.inf]], dtype=np.float32), 2).tolist()
        [[1, 2], [1, -1]]
    """
    users, products = scores.shape
    kept = min(k, products)
    lists = np.full((users, k), -1, dtype=np.int64)
    if not kept:
        return lists
    heads = torch.topk(torch.from_numpy(scores), kept, dim=1)  # ten times as fast as numpy's argpartition
    best, worst = heads.indices.numpy(), heads.values[:, -1].numpy()
    tied = (scores >= worst[:, None]).sum(axis=1) > kept  # topk took any of those that tie for the last place
    for row in np.flatnonzero(tied & ~np.isneginf(worst)):
        level = np.flatnonzero(scores[row] >= worst[row])
        best[row] = level[np.argsort(-scores[row, level], kind="stable")][:kept]
    best = np.sort(best, axis=1)
    values = np.take_along_axis(scores, best, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    found = np.take_along_axis(best, order, axis=1)
    lists[:, :kept] = np.where(np.isneginf(np.take_along_axis(values, order, axis=1)), -1, found)
    return lists


def hits(lists: Rows, truth: sp.csr_matrix) -> Hits:
    """[b, k] True where the user of the row really chose the listed product. lists: [b, k], -1: none; truth: [b, products]."""
    sorted_truth = truth.tocsr().sorted_indices()
    width = max(truth.shape[1], int(lists.max(initial=0)) + 1)
    users = np.arange(truth.shape[0], dtype=np.int64)
    wanted = np.repeat(users, np.diff(sorted_truth.indptr)) * width + sorted_truth.indices
    listed = users[:, None] * width + lists
    return np.isin(listed, wanted) & (lists >= 0)


def counts(truth: sp.csr_matrix) -> Rows:
    """[b] how many products each user really chose."""
    return np.diff(truth.tocsr().indptr).astype(np.int64)


def recall(found: Hits, wanted: Rows) -> Values:
    """hits@k / |truth|, [b]; 0 for users without truth. wanted: [b], `counts` of the truth.

    Example:
        >>> recall(np.array([[True, False, True]]), np.array([4])).tolist()
        [0.5]
    """
    return np.asarray(found.sum(axis=1) / np.maximum(wanted, 1))


def ndcg(found: Hits, wanted: Rows) -> Values:
    """DCG@k / ideal DCG@k with DCG = Σ hit_r / log₂(r + 1), [b]; the ideal list has min(k, |truth|) hits.

    Source: Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002, with binary gains.

    Example:
        >>> ndcg(np.array([[True, False], [False, True]]), np.array([1, 1])).round(4).tolist()
        [1.0, 0.6309]
    """
    k = found.shape[1]
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])[np.minimum(wanted, k)]
    gained: Values = found @ discounts
    return np.asarray(np.divide(gained, ideal, out=np.zeros(len(found)), where=ideal > 0))


def hit(found: Hits) -> Values:
    """1 where the list holds at least one hit, else 0, [b].

    Example:
        >>> hit(np.array([[False, True], [False, False]])).tolist()
        [1.0, 0.0]
    """
    return np.asarray(found.any(axis=1), dtype=np.float64)


def mrr(found: Hits) -> Values:
    """1 / rank of the first hit, 0 where there is none, [b].

    Source: Voorhees, "The TREC-8 question answering track report", TREC 1999.

    Example:
        >>> mrr(np.array([[False, True], [False, False]])).tolist()
        [0.5, 0.0]
    """
    if not found.shape[1]:
        return np.zeros(len(found))
    return np.asarray(np.where(found.any(axis=1), 1.0 / (1.0 + found.argmax(axis=1)), 0.0))


def coverage(lists: Rows, catalogue: int) -> float:
    """The share of the catalogue that stands in any list. catalogue: how many products could have been listed.

    Example:
        >>> coverage(np.array([[0, 1], [1, -1]]), 4)
        0.5
    """
    return len(np.unique(lists[lists >= 0])) / max(catalogue, 1)


def measure(lists: Rows, truth: sp.csr_matrix) -> Mapping[str, Values]:
    """recall, ndcg, hit and mrr of these lists, each [b]. lists: [b, k]; truth: [b, products]."""
    found, wanted = hits(lists, truth), counts(truth)
    return {"recall": recall(found, wanted), "ndcg": ndcg(found, wanted), "hit": hit(found), "mrr": mrr(found)}


def interval(values: Values, *, draws: int = 1000, seed: int = 0, share: float = 0.95) -> tuple[float, float]:
    """The percentile bootstrap interval of the mean over users; (nan, nan) without users.

    Source: Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 1979.

    Example:
        >>> interval(np.ones(5))
        (1.0, 1.0)
    """
    if not len(values):
        return float("nan"), float("nan")
    random = np.random.default_rng(seed)
    means = [values[random.integers(0, len(values), len(values))].mean() for _ in range(draws)]
    low, high = np.percentile(means, [50 * (1 - share), 50 * (1 + share)])
    return float(low), float(high)
