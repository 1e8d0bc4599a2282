"""What ranked lists are like besides right: how much of the catalogue they show, how well known, alike and typical it is.

Pure functions of lists [b, k] of product rows, -1 where a list ends early. What is measured a user comes as [b] values, NaN for
users of whom it cannot be said; the rest is one number for all lists together.

Example:
    >>> import numpy as np
    >>> lists = np.array([[0, 1], [0, -1]])
    >>> coverage(lists, 4), round(gini(lists, 4), 4), novelty(lists, np.array([4, 1, 0, 0]), users=4).tolist()
    (0.5, 0.5833, [1.0, 0.0])
"""

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrec.metrics import Hits, Values
from graphrec.tensors import Rows

_BLOCK = 4_000_000
"""Users × categories held at a time."""


def coverage(lists: Rows, catalogue: int) -> float:
    """The share of the catalogue that stands in any list. catalogue: how many products could have been listed.

    Source: Herlocker et al., "Evaluating collaborative filtering recommender systems", TOIS 2004.

    Example:
        >>> coverage(np.array([[0, 1], [1, -1]]), 4)
        0.5
    """
    return int(np.count_nonzero(np.bincount(lists[lists >= 0]))) / max(catalogue, 1)


def gini(lists: Rows, catalogue: int) -> float:
    """How unequally the lists' places fall on products: 0 where each stands in as many lists, near 1 where one has them all.

    G = Σ_i (2i − n − 1) x_i / (n Σ x) over the n products of the catalogue, x_i in how many lists the i-th stands, rising; NaN
    for empty lists.

    Source: Gini, "Variabilità e mutabilità", 1912; of lists: Fleder and Hosanagar, "Blockbuster culture's next rise or fall",
    Management Science 2009.

    Example:
        >>> gini(np.array([[0, 1], [2, 3]]), 4), gini(np.array([[0], [0]]), 4)
        (0.0, 0.75)
    """
    shown = np.sort(np.bincount(lists[lists >= 0]))
    shown = shown[shown > 0]
    if not len(shown):
        return float("nan")
    place = np.arange(catalogue - len(shown) + 1, catalogue + 1)  # the rest of the catalogue stands in none
    return float((2 * place - catalogue - 1) @ shown / (catalogue * shown.sum()))


def novelty(lists: Rows, counts: Rows, users: int) -> Values:
    """The mean surprise of a listed product, log₂(users / by how many it was chosen) bits, [b]; NaN without a list.

    A product that nobody chose counts as one that a single user chose: the newest that can be seen.

    Source: Zhou et al., "Solving the apparent diversity-accuracy dilemma of recommender systems", PNAS 2010; Vargas and Castells,
    "Rank and relevance in novelty and diversity metrics for recommender systems", RecSys 2011.

    counts: [products] by how many users each was chosen; users: how many there are.

    Example:
        >>> novelty(np.array([[0, 1], [2, -1]]), np.array([8, 2, 0]), users=8).tolist()
        [1.0, 3.0]
    """
    return _mean_listed(lists, np.log2(max(users, 1) / np.maximum(counts, 1)))


def serendipity(lists: Rows, found: Hits, expected: Rows) -> Values:
    """The share of a list's k places that are right and would not have been shown to everybody anyway, [b].

    |(list \\ expected) ∩ truth| / k: `metrics.precision` less the hits that the primitive method has too.

    Source: Ge, Delgado-Battenfeld and Jannach, "Beyond accuracy: evaluating recommender systems by coverage and serendipity",
    RecSys 2010; de Gemmis et al., "An investigation on the serendipity problem in recommender systems", IPM 2015.

    found: [b, k], `metrics.hits` of the lists; expected: [b, j] what a primitive method, popularity, lists for the same users.

    Example:
        >>> serendipity(np.array([[0, 1, 2, 3]]), np.array([[True, True, False, False]]), np.array([[0, 3, 4, 5]])).tolist()
        [0.25]
    """
    users = np.arange(len(lists))[:, None]
    width = int(max(lists.max(initial=0), expected.max(initial=0))) + 1
    surprising = ~np.isin(users * width + lists, (users * width + expected)[expected >= 0])
    return np.asarray((found & surprising & (lists >= 0)).sum(axis=1) / max(lists.shape[1], 1))


def intra_list_diversity(lists: Rows, features: sp.csr_matrix) -> Values:
    """The mean of 1 − cosine over the pairs of products of a list, [b]; NaN where fewer than two of them have features.

    With unit vectors x of the m products that have features, Σ_{i≠j} xᵢ·xⱼ = |Σ x|² − m, so no pair is looked at.

    Source: Smyth and McClave, "Similarity vs. diversity", ICCBR 2001; Ziegler et al., "Improving recommendation lists through
    topic diversification", WWW 2005.

    features: [products, f], such as categories, brands or words; none negative, or values above 1 are possible.

    Example:
        >>> features = sp.csr_matrix(np.array([[1, 0], [1, 0], [0, 2]]))
        >>> intra_list_diversity(np.array([[0, 1, -1], [0, 1, 2]]), features).round(4).tolist()
        [0.0, 0.6667]
    """
    length = np.sqrt(np.asarray(features.multiply(features).sum(axis=1)).ravel())
    units = sp.diags(np.divide(1.0, length, out=np.zeros(len(length)), where=length > 0)) @ features
    listed = _matrix(lists, features.shape[0])
    described = np.asarray(listed @ (length > 0).astype(np.float64))  # [b]
    sums = (listed @ units).tocsr()  # [b, f]
    alike = np.asarray(sums.multiply(sums).sum(axis=1)).ravel() - described
    pairs = described * (described - 1)
    return np.asarray(1 - np.divide(alike, pairs, out=np.full(len(lists), np.nan), where=pairs > 0))


def popularity_lift(lists: Rows, histories: sp.csr_matrix, counts: Rows) -> float:
    """By how much more popular the lists are than what their users chose: 0.5 is half as popular again, 0 as popular.

    Σ_u mean popularity of the list / Σ_u mean popularity of the history − 1, over users who have both; NaN where nobody has. Of
    one group of users: give their rows alone.

    Source: Abdollahpouri et al., "The connection between popularity bias, calibration, and fairness in recommendation", RecSys
    2020.

    histories: [b, products] ones; counts: [products] by how many users each was chosen.

    Example:
        >>> popularity_lift(np.array([[0, 1]]), sp.csr_matrix(np.array([[0, 1, 1]])), np.array([6, 3, 1]))
        1.25
    """
    listed = _mean_listed(lists, counts.astype(np.float64))
    chosen = np.diff(histories.indptr)
    both = (chosen > 0) & ~np.isnan(listed)
    before = (histories @ counts.astype(np.float64))[both] / chosen[both]
    return float(listed[both].sum() / before.sum() - 1) if before.sum() > 0 else float("nan")


def calibration(lists: Rows, histories: sp.csr_matrix, categories: sp.csr_matrix, *, alpha: float = 0.01) -> Values:
    """How far a list's mixture of categories is from the history's, in nats, [b]: 0 is the same mixture; NaN without either.

    KL(p ‖ q̃) = Σ_g p(g) log(p(g) / q̃(g)) with q̃ = (1 − α) q + α p, p the mean over the history of each product's categories in
    equal shares, q that over the list. Products without a category are left out.

    Source: Steck, "Calibrated recommendations", RecSys 2018, with equal weights and α = 0.01 as there.

    histories: [b, products] ones; categories: [products, c] ones.

    Example:
        >>> categories = sp.csr_matrix(np.eye(2))
        >>> calibration(np.array([[0, 1], [0, -1]]), sp.csr_matrix(np.array([[1, 1], [1, 1]])), categories).round(4).tolist()
        [0.0, 1.9585]
    """
    shares = _shares(categories)
    size = max(1, _BLOCK // max(categories.shape[1], 1))
    blocks = [slice(start, start + size) for start in range(0, len(lists), size)]
    parts = [_divergence(histories[block], _matrix(lists[block], categories.shape[0]), shares, alpha) for block in blocks]
    return np.concatenate([np.zeros(0), *parts])


def _divergence(histories: sp.csr_matrix, listed: sp.csr_matrix, shares: sp.csr_matrix, alpha: float) -> Values:
    p, q = (_shares(rows.astype(np.float64) @ shares).toarray() for rows in (histories, listed))  # [b, c]
    smooth = (1 - alpha) * q + alpha * p
    ratio = np.divide(p, smooth, out=np.ones_like(p), where=p > 0)
    return np.asarray(np.where(p.any(axis=1) & q.any(axis=1), (p * np.log(ratio)).sum(axis=1), np.nan))


def _shares(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """The rows in shares of their sums."""
    total = np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()
    shares: sp.csr_matrix = (sp.diags(np.divide(1.0, total, out=np.zeros(len(total)), where=total > 0)) @ matrix).tocsr()
    return shares


def _mean_listed(lists: Rows, values: npt.NDArray[np.float64]) -> Values:
    """[b] the mean value of the listed products; NaN without a list. values: [products]."""
    real = lists >= 0
    length = real.sum(axis=1)
    total = np.where(real, values[lists], 0.0).sum(axis=1)
    return np.asarray(np.divide(total, length, out=np.full(len(lists), np.nan), where=length > 0))


def _matrix(lists: Rows, products: int) -> sp.csr_matrix:
    """[b, products] float64, 1 where the product is listed."""
    real = lists >= 0
    indptr = np.concatenate([[0], np.cumsum(real.sum(axis=1))])
    return sp.csr_matrix((np.ones(indptr[-1]), lists[real], indptr), shape=(len(lists), products))
