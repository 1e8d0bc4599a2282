"""How good ranked lists are: pure functions over hits, one value a user, binary gains.

`top` makes lists out of scores, `hits` says which places of the lists are right, the measures of lists read those hits. `auc`
alone looks at the whole ranking, through the `ranks` of what was chosen.

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
Candidates = npt.NDArray[np.bool_]


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


def precision(found: Hits) -> Values:
    """hits@k / k, [b]; places that a short list leaves free count as wrong ones.

    Source: Cleverdon, "The Cranfield tests on index language devices", Aslib Proceedings 1967.

    Example:
        >>> precision(np.array([[True, False, True, False]])).tolist()
        [0.5]
    """
    return np.asarray(found.sum(axis=1) / max(found.shape[1], 1))


def average_precision(found: Hits, wanted: Rows) -> Values:
    """AP@k = Σ over hits of precision at their place / min(k, |truth|), [b]; 0 for users without truth.

    The best list of k scores 1 for everybody; divided by |truth|, as trec_eval does it, nobody with more than k could reach 1.

    Source: Harman, "Overview of the first text retrieval conference", TREC 1992; cut at k and divided by min(k, |truth|) as in
    Kaggle's MAP@k.

    wanted: [b], `counts` of the truth.

    Example:
        >>> average_precision(np.array([[True, False, True], [False, True, False]]), np.array([2, 9])).round(4).tolist()
        [0.8333, 0.1667]
    """
    k = found.shape[1]
    places = np.arange(1, k + 1)
    gained = (found.cumsum(axis=1) / places * found).sum(axis=1)
    return np.asarray(gained / np.maximum(np.minimum(wanted, k), 1))


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


def ranks(scores: Floats, truth: sp.csr_matrix, candidates: Candidates | None = None) -> Values:
    """[m] the rank of every chosen product among the user's candidates, 1 for the best, in the order of `truth.indices`.

    Products with equal scores share the mean of their ranks; -inf, no opinion, is the lowest score. A chosen product that is no
    candidate has no rank: NaN.

    scores: [b, n], without NaN; truth: [b, n] with m entries; candidates: [b, n] or [n], default all. Runs in n a chosen product.

    Example:
        >>> scores = np.array([[0.3, 0.9, 0.3, 0.1]], dtype=np.float32)
        >>> ranks(scores, sp.csr_matrix(np.array([[1, 1, 0, 0]]))).tolist()
        [2.5, 1.0]
    """
    found = np.full(truth.nnz, np.nan)
    for user, row in enumerate(scores):
        wanted = slice(truth.indptr[user], truth.indptr[user + 1])
        chosen = truth.indices[wanted]
        allowed = None if candidates is None else candidates if candidates.ndim == 1 else candidates[user]
        rivals = row if allowed is None else row[allowed]
        middle = [(np.count_nonzero(rivals > score) + np.count_nonzero(rivals >= score) + 1) / 2 for score in row[chosen]]
        found[wanted] = middle if allowed is None else np.where(allowed[chosen], middle, np.nan)
    return found


def auc(ranks: Values, wanted: Rows, candidates: Rows) -> Values:
    """The share of (chosen, not chosen) pairs of candidates that stand in the right order, ties counting half, [b].

    AUC = (|truth| · n − Σ rank − |truth| (|truth| − 1) / 2) / (|truth| (n − |truth|)) over n candidates, the Mann-Whitney
    statistic; NaN for users without a chosen or without another candidate.

    Source: Hanley and McNeil, "The meaning and use of the area under a ROC curve", Radiology 1982.

    ranks: [m] from `ranks`, NaN left out; wanted: [b], `counts` of the same truth; candidates: [b] how many each user has.

    Example:
        >>> auc(np.array([1.0, 4.0, 2.5]), np.array([2, 1]), np.array([5, 4])).round(4).tolist()
        [0.6667, 0.5]
    """
    user = np.repeat(np.arange(len(wanted)), wanted)
    ranked = ~np.isnan(ranks)
    positives = np.bincount(user[ranked], minlength=len(wanted)).astype(np.float64)
    total = np.bincount(user[ranked], ranks[ranked], minlength=len(wanted))
    pairs = positives * (candidates - positives)
    right = positives * candidates - total - positives * (positives - 1) / 2
    return np.asarray(np.divide(right, pairs, out=np.full(len(wanted), np.nan), where=pairs > 0))


def measure(lists: Rows, truth: sp.csr_matrix) -> Mapping[str, Values]:
    """recall, precision, ndcg, mrr, map and hit of these lists, each [b]. lists: [b, k], -1: none; truth: [b, products].

    Example:
        >>> found = measure(np.array([[2, 1]]), sp.csr_matrix(np.array([[1, 0, 1]])))
        >>> {name: values.round(3).tolist() for name, values in found.items()}
        {'recall': [0.5], 'precision': [0.5], 'ndcg': [0.613], 'mrr': [1.0], 'map': [0.5], 'hit': [1.0]}
    """
    return measure_hits(hits(lists, truth), counts(truth))


def measure_hits(found: Hits, wanted: Rows) -> Mapping[str, Values]:
    """As `measure`, of hits that are known: of a part of the truth, say. found: [b, k]; wanted: [b], `counts` of that truth.

    Example:
        >>> measure_hits(np.array([[True, False]]), np.array([2]))["recall"].tolist()
        [0.5]
    """
    return {
        "recall": recall(found, wanted),
        "precision": precision(found),
        "ndcg": ndcg(found, wanted),
        "mrr": mrr(found),
        "map": average_precision(found, wanted),
        "hit": hit(found),
    }
