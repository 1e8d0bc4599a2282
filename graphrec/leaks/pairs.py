"""Products that the graph ties together because the test does: by an edge between them, or by a third node that both lead to."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.special import betainc

from graphrec.leaks.findings import Case, Finding
from graphrec.tensors import Rows

_LOOKED_AT = 5_000
"""Pairs a tie that are compared with choices, drawn at random where there are more."""
_AT_ONCE = 500
_HUB = 128
"""A node that so many products lead to ties none of them together."""
_FEWEST = 5
_TIMES = 2.0
_BY_LUCK = 1e-5
_UNSEEN = 3.0
"""So many are to be expected at most, at 95%, where none were seen."""
_MOST = 10**7

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tie:
    """Pairs of products that one relationship type ties together, each pair once, and what the test makes of them."""

    name: str
    """`ALSO_BOUGHT edges`, or `products with one and the same in_basket`."""
    kind: str
    one: Rows
    other: Rows
    share: float
    """Which part of all pairs this is."""

    @classmethod
    def of(cls, name: str, kind: str, pairs: Rows, products: int, *, share: float = 1.0) -> Self:
        """A sample of fixed seed where there are many. pairs: each as lower row · products + higher row; share: of all, these."""
        every = np.unique(pairs)
        chosen = every
        if len(every) > _LOOKED_AT:
            chosen = np.sort(np.random.default_rng(0).choice(every, _LOOKED_AT, replace=False))
        return cls(name, kind, chosen // products, chosen % products, share * len(chosen) / max(len(every), 1))


@dataclass(frozen=True)
class Verdict:
    """What held-out choices complete of a tie: pairs whose both ends one user chose."""

    tie: Tie
    completed: Rows
    """The places of the pairs that the test completes and nothing before it."""
    expected: float
    """How many of the open pairs honest ties would let the test complete, at most."""
    guilty: bool
    """Whether luck is no excuse."""
    blind_below: int | None
    """About how many pairs made from the test would have to stand among these to be found; None where none ever would."""


@dataclass(frozen=True)
class _Choices:
    """Who chose what. train, told, whole: [products, users]; the last two of test users alone, before the test and with it."""

    train: sp.csr_matrix
    told: sp.csr_matrix
    whole: sp.csr_matrix

    @classmethod
    def of(cls, case: Case) -> Self:
        return cls(*(side.T.tocsr() for side in (case.cut.known.matrix, case.told, case.told + case.asked)))

    def chance(self, tie: Tie) -> Numbers:
        """[pairs] how many users the test would let choose both ends by how often each is chosen."""
        return _chance(self.whole, tie) - _chance(self.told, tie)

    def open(self, tie: Tie, seen: Numbers) -> Flags:
        """[pairs] whether nothing before the test completes the pair, and the test could. seen: of training."""
        return np.asarray((seen == 0) & (_together(self.told, tie) == 0) & (self.chance(tie) > 0))


@dataclass(frozen=True)
class _Planted:
    """Pairs as a graph made from the test would hold them."""

    chance: Numbers
    """[open pairs] how many users the test would let choose both ends by how often each is chosen."""
    share: float
    """Which part of the pairs is open."""

    @classmethod
    def of(cls, case: Case, choices: _Choices) -> Self:
        """A held-out choice and anything else that its user chose."""
        draw = np.random.default_rng(0)
        asked, whole = case.asked.tocoo(), choices.whole.T.tocsr()
        chosen = draw.integers(0, asked.nnz, _LOOKED_AT)
        user = asked.row[chosen]
        partner = whole.indices[whole.indptr[user] + (draw.random(len(user)) * np.diff(whole.indptr)[user]).astype(np.int64)]
        tie = Tie.of("", "", _pairs(asked.col[chosen], partner, whole.shape[1]), whole.shape[1])
        left = choices.open(tie, _together(choices.train, tie))
        return cls(choices.chance(tie)[left], float(left.mean()) if len(left) else 0.0)


def verdicts(case: Case) -> list[Verdict]:
    """What the test makes of everything that ties products together."""
    if not case.asked.nnz:
        return []
    choices = _Choices.of(case)
    planted = _Planted.of(case, choices)
    return [_judged(choices, tie, planted) for tie in _ties(case)]


def find(case: Case, judged: list[Verdict]) -> Iterator[Finding]:
    """The ties that the test alone explains; of a relationship type the one with most."""
    guilty: dict[str, Verdict] = {}
    for one in judged:
        if one.guilty and (one.tie.kind not in guilty or len(one.completed) > len(guilty[one.tie.kind].completed)):
            guilty[one.tie.kind] = one
    products = case.cut.known.products.names
    for one in guilty.values():
        tie, place = one.tie, one.completed[0]
        sampled = "" if tie.share == 1 else f" of {len(tie.one):,} looked at"
        example = f"{products[tie.one[place]]} and {products[tie.other[place]]}; {one.expected:,.0f} were to be expected{sampled}"
        remedy = f"make {tie.kind} edges from training alone, or leave them out"
        yield Finding("leak", f"{tie.name} that the test alone explains", len(one.completed), example, remedy, at_least=True)


def blind_below(judged: list[Verdict]) -> dict[str, int | None]:
    """By relationship type, about how many pairs made from the test are found; None where not even many are."""
    fewest: dict[str, int | None] = {}
    for kind in sorted({one.tie.kind for one in judged}):
        each = [one.blind_below for one in judged if one.tie.kind == kind]
        known = [one for one in each if one is not None]
        fewest[kind] = max(known) if len(known) == len(each) else None
    return fewest


def _ties(case: Case) -> Iterator[Tie]:
    for (source, name, target), matrix in case.cut.known.relations.items():
        if source == target == "Product":
            ends = matrix.tocoo()
            yield Tie.of(f"{name} edges", name, _pairs(ends.row, ends.col, matrix.shape[0]), matrix.shape[0])
        elif "Product" in (source, target) and "User" not in (source, target):
            yield from _by_neighbours(name, matrix if target == "Product" else matrix.T.tocsr())


def _by_neighbours(name: str, members: sp.csr_matrix) -> Iterator[Tie]:
    """Pairs that share a node, apart by how many share it: nodes of two products first, hubs not at all.

    Apart, because what a category of forty ties together would hide what a basket of three does. members: [nodes, products].
    """
    members = members.tocsr()
    products = members.shape[1]
    size = np.diff(members.indptr)
    smallest = 2
    while smallest < _HUB:
        pairs, share = _within(members, np.flatnonzero((size >= smallest) & (size < 2 * smallest)))
        if len(pairs):
            yield Tie.of(f"products with one and the same {name}", name, pairs, products, share=share)
        smallest *= 2


def _within(members: sp.csr_matrix, nodes: Rows) -> tuple[Rows, float]:
    """The pairs among the products of each of these nodes, or of a sample of nodes of fixed seed, and which share they are."""
    nodes = np.random.default_rng(0).permutation(nodes)
    size = np.diff(members.indptr)
    pairs = size[nodes].astype(np.int64) * (size[nodes] - 1) // 2
    kept = np.cumsum(pairs) - pairs < 4 * _LOOKED_AT
    nodes, share = nodes[kept], float(pairs[kept].sum() / max(pairs.sum(), 1))
    found = [np.zeros(0, dtype=np.int64)]
    for many in np.unique(size[nodes]):
        starts = members.indptr[nodes[size[nodes] == many]]
        rows = members.indices[starts[:, None] + np.arange(many)]
        low, high = np.triu_indices(many, 1)
        found.append(_pairs(rows[:, low].ravel(), rows[:, high].ravel(), members.shape[1]))
    return np.concatenate(found), share


def _pairs(one: npt.ArrayLike, other: npt.ArrayLike, products: int) -> Rows:
    """Each pair of two products as one number, whichever stands first."""
    low, high = np.minimum(one, other).astype(np.int64), np.maximum(one, other).astype(np.int64)
    return np.asarray((low * products + high)[low != high])


def _judged(choices: _Choices, tie: Tie, planted: _Planted) -> Verdict:
    """Pairs of products that the test completes far more often than what training completes of them lets expect.

    Training completes Σc of the pairs where chance, by how often each end was chosen, would complete Σe: so a tie is worth
    L = (Σc + 3) / Σe, 1 at least; the 3 is what training may have failed to see. Of the pairs that nothing before completes the
    test should then complete Σ (1 − exp(−L · e′)), e′ chance on the test side. Pairs made from the test are completed by it
    nearly all. The bound is generous: those that training left open are worth less than L.
    """
    seen, whole = _together(choices.train, tie), choices.whole
    worth = max((float(seen.sum()) + _UNSEEN) / max(float(_chance(choices.train, tie).sum()), 1e-9), 1.0)
    left = choices.open(tie, seen)
    expected = float((1 - np.exp(-worth * choices.chance(tie)))[left].sum())
    completed = np.flatnonzero(left & (_together(whole, tie) > 0))
    crowding = 1.0
    if len(completed):
        crowding = _crowding(whole[tie.one[completed]].multiply(whole[tie.other[completed]]))
    guilty = _far_above(np.array([float(len(completed))]), np.array([expected]), np.array([float(left.sum())]), crowding)
    blind = _blind_below(planted, tie.share, worth, expected, int(left.sum()))
    return Verdict(tie, completed, expected, bool(guilty[0]), blind)


def _blind_below(planted: _Planted, looked_at: float, worth: float, expected: float, left: int) -> int | None:
    """How many pairs of the test among as many honest ones as the tie has would be found; None where none ever would."""
    if not planted.share:
        return None
    by_luck = float((1 - np.exp(-worth * planted.chance)).mean())
    more = np.unique(np.geomspace(1, _MOST, 800).astype(np.int64)).astype(np.float64)
    seen = _far_above(np.ceil(expected) + more, expected + by_luck * more, left + more, 1.0)
    return int(np.ceil(more[seen.argmax()] / planted.share / looked_at)) if seen.any() else None


def _crowding(completed: sp.csr_matrix) -> float:
    """The design effect Σn² / Σn, n a user's pairs (Kish, Survey Sampling, 1965). completed: [pairs, users]."""
    each = np.asarray(completed.sum(axis=0), dtype=np.float64).ravel()
    return float((each**2).sum() / each.sum())


def _far_above(found: Numbers, expected: Numbers, left: Numbers, crowding: float) -> Flags:
    """Where luck is no excuse: too unlikely, and twice as many as expected or next to all where about all were expected."""
    chance = np.clip(expected / np.maximum(left, 1), 0, 1)
    luck = betainc(np.maximum(found, 1e-9) / crowding, (left - found) / crowding + 1, chance)
    many = (found >= _TIMES * expected) | (left - found <= (left - expected) / 10)
    return np.asarray((found >= _FEWEST) & (found > expected) & (luck < _BY_LUCK) & many)


def _together(chosen: sp.csr_matrix, tie: Tie) -> Numbers:
    """[pairs] how many users chose both ends. chosen: [products, users]."""
    parts = [np.zeros(0)]
    for start in range(0, len(tie.one), _AT_ONCE):
        one, other = (ends[start : start + _AT_ONCE] for ends in (tie.one, tie.other))
        parts.append(np.asarray(chosen[one].multiply(chosen[other]).sum(axis=1), dtype=np.float64).ravel())
    return np.concatenate(parts)


def _chance(chosen: sp.csr_matrix, tie: Tie) -> Numbers:
    """[pairs] how many users would choose both ends if each end were chosen as often, by anybody. chosen: [products, users]."""
    often = np.diff(chosen.indptr).astype(np.float64)
    users = max(len(np.unique(chosen.indices)), 1)
    return np.asarray(often[tie.one] * often[tie.other] / users)
