"""Lists in another order: the head of what a model ranks, weighed anew for diversity, against popularity, or among producers.

Each knob lies between 0, the model's own order, and 1, where its own aim alone counts. Of the best `depth(k)` products of a user,
places are filled one after the other, each with the candidate i that has the largest

    Π(1 − knob) · r(i)  −  diversity · max_{j ∈ S} cos(i, j)  −  popularity · p(i)  −  producers · (1 − 2^{−n(i, S)})

S being the list so far; of equal candidates the one that the model likes better. All four terms lie between 0 and 1, so that a
knob means the same to every user; what it means in a shop, `graphrec.evaluate` measures:

- r(i): the score, from 0 for the worst of the user's candidates to 1 for the best.
- diversity: maximal marginal relevance. cos is that of what the graph says of two products (categories, brands, outside
  relations); those of which it says nothing count as alike. Source: Carbonell and Goldstein, "The use of MMR, diversity-based
  reranking for reordering documents and producing summaries", SIGIR 1998.
- popularity: p(i) = log(1 + c(i)) / log(1 + max c), c by how many users a product was chosen. What nobody chose yet is new, not
  unpopular: it counts as the user's other candidates do on average. Source: Steck, "Item popularity and recommendation accuracy",
  RecSys 2011, whose weight c^{−β} is a penalty β log c of the score.
- producers: n(i, S) places of the list are of i's brand already, and each halves what the next is worth. Products without a brand
  count as of one brand; a brand that nobody chose from counts as any other, and of several brands of a product the first counts.
  Source: xQuAD, Santos, Macdonald and Ounis, "Exploiting query reformulations for web search result diversification", WWW 2010,
  with every brand as likely and ½ as the chance that one product satisfies; for recommenders: Abdollahpouri, Burke and Mobasher,
  "Managing popularity bias in recommender systems with personalized re-ranking", FLAIRS 2019.

Example:
    >>> import numpy as np, scipy.sparse as sp
    >>> aspects = Aspects(sp.csr_matrix(np.array([[1, 0], [1, 0], [0, 1]])), np.array([0.9, 0.5, 0.1]), None)
    >>> head = Head.of(np.array([[0.9, 0.8, 0.1]], dtype=np.float32), 3)
    >>> rerank(head, {"diversity": 0.6}, 2, aspects).tolist(), rerank(head, {"popularity": 0.9}, 2, aspects).tolist()
    ([[0, 2]], [[2, 1]])
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import scipy.sparse as sp

from graphrec.aspects import brands, described
from graphrec.errors import BadRequest
from graphrec.metrics import Values, top
from graphrec.tensors import Floats, KnownGraph, Rows
from kg_builder.errors import did_you_mean

DIVERSITY, POPULARITY, PRODUCERS = "diversity", "popularity", "producers"
KNOBS = (DIVERSITY, POPULARITY, PRODUCERS)
LONGEST = 1_000
"""How many places a list may have: candidates are compared in pairs."""
_FEWEST, _TIMES = 100, 5
_CELLS = 500_000
"""Pairs of candidates held at a time, of all users of a block: 2 MB, which a processor's cache holds."""
Knobs = Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Aspects:
    """What re-ranking looks at besides scores."""

    features: sp.csr_matrix | None
    """[products, f] what the graph says of products, none negative; None where it says nothing."""
    popularity: Values
    """[products] from 0 to 1; NaN where nobody chose it."""
    brand: Rows | None
    """[products] a brand's number; None where the graph has fewer than two brands."""

    @classmethod
    def of(cls, known: KnownGraph) -> "Aspects":
        """Those of this graph."""
        features, made = described(known), brands(known)
        counts = np.bincount(known.matrix.indices, minlength=len(known.products))
        popularity = np.log1p(counts) / np.log1p(max(int(counts.max(initial=0)), 1))
        popularity[counts == 0] = np.nan
        return cls(features if features.nnz else None, popularity, None if made is None else _first(made.made))

    @property
    def knobs(self) -> tuple[str, ...]:
        """Those of `KNOBS` that the graph can tell enough for."""
        there = {DIVERSITY: self.features is not None, POPULARITY: True, PRODUCERS: self.brand is not None}
        return tuple(name for name in KNOBS if there[name])

    def check(self, knobs: Knobs) -> None:
        """Nothing, or the error for a knob that the graph cannot tell enough for.

        Raises:
            BadRequest: the graph says nothing of products, or has fewer than two brands.
        """
        missing = {DIVERSITY: "says nothing of products that would tell them apart", PRODUCERS: "has fewer than two brands"}
        for name in knobs:
            if name not in self.knobs:
                raise BadRequest(f"cannot re-rank for {name}: the graph {missing[name]}; known here: {', '.join(self.knobs)}")


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The best candidates of each user in the model's order, equal scores by row."""

    rows: Rows
    """[b, n] product rows, -1 where there are fewer."""
    scores: Floats
    """[b, n]; anything where there is no product."""

    @classmethod
    def of(cls, scores: Floats, n: int) -> "Head":
        """The n best products of each user, or all. scores: [b, products], -inf for what may not be shown."""
        rows = top(scores, min(n, scores.shape[1]))
        return cls(rows, np.take_along_axis(scores, np.maximum(rows, 0), axis=1))

    def slice(self, place: slice) -> "Head":
        """Those of these users alone."""
        return Head(self.rows[place], self.scores[place])

    @classmethod
    def together(cls, heads: Sequence["Head"]) -> "Head":
        """The users of all, one after the other."""
        return cls(np.concatenate([one.rows for one in heads]), np.concatenate([one.scores for one in heads]))


def turned(knobs: Knobs, k: int) -> Knobs:
    """The knobs that are not 0; without any, lists stay in the model's order.

    Raises:
        BadRequest: no such knob, a number that does not lie between 0 and 1, or k above `LONGEST`.

    Example:
        >>> turned({"diversity": 0.3, "popularity": 0}, 10)
        {'diversity': 0.3}
        >>> turned({"divers": 0.1}, 10)
        Traceback (most recent call last):
        graphrec.errors.BadRequest: no re-ranking for 'divers'; did you mean 'diversity'? known: diversity, popularity, producers
    """
    if not isinstance(knobs, Mapping):
        raise BadRequest(f"rerank is knobs and their strengths, such as {{'diversity': 0.3}} (got {knobs!r})")
    for name, value in knobs.items():
        if name not in KNOBS:
            raise BadRequest(f"no re-ranking for {name!r}{did_you_mean(str(name), KNOBS) or ';'} known: {', '.join(KNOBS)}")
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 <= value <= 1:
            raise BadRequest(f"{name} must be a number between 0, the model's own order, and 1 (got {value!r})")
    found = {name: float(value) for name, value in knobs.items() if value > 0}
    if found and k > LONGEST:
        raise BadRequest(f"re-ranked lists have at most {LONGEST:,} places (got k = {k:,})")
    return found


def depth(k: int) -> int:
    """How many candidates a list of k is chosen from.

    Example:
        >>> depth(10), depth(50)
        (100, 250)
    """
    return max(_FEWEST, _TIMES * k)


def rerank(head: Head, knobs: Knobs, k: int, aspects: Aspects) -> Rows:
    """[b, k] the rows of the k candidates that these knobs choose, in their order; -1 where there are fewer.

    Raises:
        BadRequest: as `turned` and `Aspects.check`.
    """
    return rerank_each(head, [knobs], k, aspects)[0]


def rerank_each(head: Head, settings: Sequence[Knobs], k: int, aspects: Aspects) -> tuple[Rows, ...]:
    """`rerank` by each of these settings; products are compared once for all.

    Raises:
        BadRequest: as `turned` and `Aspects.check`.
    """
    wanted = [turned(knobs, k) for knobs in settings]
    for knobs in wanted:
        aspects.check(knobs)
    compared = any(DIVERSITY in knobs for knobs in wanted)
    parts = [[_greedy(block, knobs, k) for knobs in wanted] for block in _blocks(head, aspects, compared=compared)]
    empty = np.empty((0, k), dtype=np.int64)
    return tuple(np.concatenate([empty, *(part[number] for part in parts)]) for number in range(len(settings)))


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Some users' candidates, and all that is weighed of them."""

    rows: Rows
    """[b, n] -1 where there is no product."""
    relevance: Values
    """[b, n] from 0 to 1."""
    popularity: Values
    """[b, n]."""
    alike: Floats | None
    """[b, n, n] cosines."""
    brand: Rows | None
    """[b, n]."""


def _blocks(head: Head, aspects: Aspects, *, compared: bool) -> Iterator[_Block]:
    users, n = head.rows.shape
    size = max(1, _CELLS // max(n * n, 1))
    units = _units(aspects.features) if compared and aspects.features is not None else None
    for start in range(0, users, size):
        part = head.slice(slice(start, start + size))
        rows = np.maximum(part.rows, 0)
        yield _Block(
            part.rows,
            _relevance(part),
            _popularity(part, aspects),
            None if units is None else _alike(rows, units),
            None if aspects.brand is None else aspects.brand[rows],
        )


def _greedy(block: _Block, knobs: Knobs, k: int) -> Rows:
    """[b, k] rows of the candidates, one place after the other."""
    diversity, popularity, producers = (knobs.get(name, 0.0) for name in KNOBS)
    users, n = block.rows.shape
    alone = prod(1 - value for value in knobs.values()) * block.relevance - popularity * block.popularity
    worth = np.where(block.rows >= 0, alone, -np.inf)  # [b, n]
    nearest, held = np.zeros((users, n)), np.zeros((users, n))
    each, chosen = np.arange(users), np.full((users, k), -1, dtype=np.int64)
    for place in range(min(k, n)):
        value = worth - diversity * nearest - producers * (1 - 0.5**held)
        best = value.argmax(axis=1)  # the first of equals: the model's favourite
        chosen[:, place] = np.where(np.isneginf(value[each, best]), -1, block.rows[each, best])
        worth[each, best] = -np.inf
        if diversity and block.alike is not None:
            np.maximum(nearest, block.alike[each, best], out=nearest)
        if producers and block.brand is not None:
            held += block.brand == block.brand[each, best][:, None]
    return chosen


def _relevance(head: Head) -> Values:
    """[b, n] the scores from 0 for a user's worst candidate to 1 for the best; all 0 where they are equal."""
    there, scores = head.rows >= 0, head.scores.astype(np.float64)
    best = np.where(there, scores, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
    worst = np.where(there, scores, np.inf).min(axis=1, keepdims=True, initial=np.inf)
    span = np.where(best > worst, best - worst, 1.0)
    return np.where(there, scores - worst, 0.0) / span


def _popularity(head: Head, aspects: Aspects) -> Values:
    """[b, n] of each candidate; the mean of the user's others where nobody chose it."""
    found = np.where(head.rows >= 0, aspects.popularity[np.maximum(head.rows, 0)], np.nan)
    known = ~np.isnan(found)
    mean = np.nansum(found, axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1)
    return np.where(known, found, mean)


def _units(features: sp.csr_matrix) -> sp.csr_matrix:
    """[products, f + 1] the features at length 1; what has none has a last one, so that such products are alike."""
    length = np.sqrt(np.asarray(features.multiply(features).sum(axis=1)).ravel())
    told = sp.diags(np.divide(1.0, length, out=np.zeros(len(length)), where=length > 0)) @ features
    untold = sp.csr_matrix((length == 0).astype(np.float64)[:, None])
    units: sp.csr_matrix = sp.hstack([told, untold], format="csr")
    return units


def _alike(rows: Rows, units: sp.csr_matrix) -> Floats:
    """[b, n, n] float32 cosines of each user's candidates: one sparse product in which every user has columns of her own."""
    users, n = rows.shape
    told = units[rows.ravel()]  # [b · n, f]
    used = np.zeros(units.shape[1], dtype=bool)
    used[told.indices] = True
    number, width = np.cumsum(used) - 1, int(used.sum())
    owner = np.repeat(np.repeat(np.arange(users), n), np.diff(told.indptr))
    apart = sp.csr_matrix(
        (told.data.astype(np.float32), number[told.indices] + width * owner, told.indptr), (users * n, users * width)
    )
    cosines = (apart @ apart.T).tocoo()
    found = np.zeros((users * n, n), dtype=np.float32)
    found[cosines.row, cosines.col % n] = cosines.data
    return found.reshape(users, n, n)


def _first(made: sp.csr_matrix) -> Rows:
    """[products] the first brand of each, and one number more for those without."""
    made = made.tocsr().sorted_indices()
    there = np.diff(made.indptr) > 0
    brand = np.full(made.shape[0], made.shape[1], dtype=np.int64)
    brand[there] = made.indices[made.indptr[:-1][there]]
    return brand
