"""What the behaviour of a product is, as its description can foretell it, and how much each part of that is worth."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from graphrec.lessons import Lessons
from graphrec.likeness import nothing
from graphrec.tensors import Histories, KnownGraph, Rows
from graphrec.walks import prune
from graphrec.weighing import FEW, Panel, Weights, climb

SAME, TOGETHER = "the same", "INTERACTED"
_RELATIONS = 4
"""Relations between products that count by themselves; the rest counts as one."""
_HIDDEN, _FEWEST = 1_000, 20
"""Teachers hidden to practise on, at most and at least; never more than a seventh of them."""
_USERS, _FEWEST_USERS = 800, 30
_CANDIDATES = 40
"""Hidden products that each kind of behaviour brings for each user."""
_KEPT = 200
"""Products that a teacher's behaviour of one kind names, at most."""
_BLOCK = 512


@dataclass(frozen=True)
class Behaviour:
    """What is known of the teachers: B_k[t, h] says how strongly one who chose h is drawn to t."""

    kinds: Mapping[str, sp.csr_matrix]
    """By name, [teachers, products]: h is of the profile t, who chose the one chose the other, a relation leads from one to
    the other, or does so in two steps."""

    @classmethod
    def of(cls, known: KnownGraph, profile: Rows, teachers: Rows) -> "Behaviour":
        """Of these teachers (profiles). profile: [products]."""
        place = np.full(profile.max(initial=0) + 1, -1, dtype=np.int64)
        place[teachers] = np.arange(len(teachers))
        of = place[profile]
        products = np.flatnonzero(of >= 0)
        ones = np.ones(len(products), dtype=np.float32)
        member = sp.csr_matrix((ones, (of[products], products)), shape=(len(teachers), len(profile)))
        chosen = sp.csc_matrix(known.matrix @ member.T)
        chosen.data[:] = 1
        kinds = {SAME: member, TOGETHER: company(chosen, known.matrix)}
        share = sp.diags(1 / np.maximum(member.getnnz(axis=1), 1)).astype(np.float32) @ member
        kinds |= {name: prune(sp.csr_matrix(share @ edges), _KEPT) for name, edges in _related(known).items()}
        return cls(kinds)

    def summed(self, weights: Mapping[str, float]) -> sp.csr_matrix:
        """[teachers, products] Σ_k w_k B_k."""
        kinds = list(self.kinds.values())
        none = nothing(*kinds[0].shape)
        return sp.csr_matrix(sum((kind * np.float32(weights[name]) for name, kind in self.kinds.items() if weights[name]), none))


def company(taught: sp.csc_matrix, matrix: sp.csr_matrix) -> sp.csr_matrix:
    """[teachers, products] Σ over those who chose both of 1 / history's length, as a cosine; the largest of every row."""
    lengths = np.maximum(matrix.getnnz(axis=1), 1)
    scale = (1 / np.sqrt(np.maximum(matrix.getnnz(axis=0), 1))).astype(np.float32)
    others = sp.csr_matrix(sp.diags((1 / lengths).astype(np.float32)) @ matrix @ sp.diags(scale))
    own = sp.csr_matrix(sp.diags((1 / np.sqrt(np.maximum(taught.getnnz(axis=0), 1))).astype(np.float32)) @ taught.T)
    blocks = [prune(sp.csr_matrix(own[start : start + _BLOCK] @ others), _KEPT) for start in range(0, own.shape[0], _BLOCK)]
    return sp.csr_matrix(sp.vstack(blocks, format="csr"))


def start(histories: Histories, products: int) -> sp.csr_matrix:
    """[b, products] one over the root of the history's length where the user chose the product."""
    lengths = np.diff(histories.indptr)
    scale = np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths).astype(np.float32)
    return sp.csr_matrix((scale, histories.product, histories.indptr), shape=(len(histories), products))


def learn(known: KnownGraph, lessons: Lessons, behaviour: Behaviour, *, seed: int) -> Mapping[str, float]:
    """By kind of behaviour, the weights that rank hidden teachers best for those who chose them.

    By hill climbing on NDCG@20: the likelihood of the choices would reward evenness among products that nobody looks at. Where
    too few can be hidden, co-choice alone counts; few users draw the weights towards that.
    """
    names = list(behaviour.kinds)
    alone = np.array([float(name == TOGETHER) for name in names])
    size = min(_HIDDEN, len(lessons.teachers) // 7)
    found = _panel(known, lessons, behaviour, size, seed) if size >= _FEWEST else None
    if found is None:
        return dict(zip(names, alone.tolist(), strict=True))
    panel, spread = found
    trust = min(1.0, len(panel.wanted) / FEW)
    weights = (trust * climb(panel, range(len(names))) + (1 - trust) * alone) / spread
    return dict(zip(names, weights.tolist(), strict=True))


def _panel(known: KnownGraph, lessons: Lessons, behaviour: Behaviour, size: int, seed: int) -> tuple[Panel, Weights] | None:
    """What each kind of behaviour foretells for users who chose hidden teachers, in units of its spread, and that spread.

    None where too few users chose hidden teachers and others, or nothing is foretold.
    """
    random = np.random.default_rng(seed)
    hidden = np.sort(random.choice(len(lessons.teachers), size, replace=False))
    member = behaviour.kinds[SAME][hidden]
    wanted = sp.csr_matrix(known.matrix @ member.T)
    visible = np.asarray(member.sum(axis=0)).ravel() == 0
    told = sp.csr_matrix(known.matrix @ sp.diags(visible.astype(np.float32)))
    told.eliminate_zeros()
    users = np.flatnonzero((wanted.getnnz(axis=1) > 0) & (told.getnnz(axis=1) > 0))
    if len(users) < _FEWEST_USERS:
        return None
    users = np.sort(random.permutation(users)[:_USERS])
    told, truth = told[users], wanted[users].toarray() > 0
    lengths = np.diff(told.indptr)
    told.data = np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths).astype(np.float32)
    taught = np.ascontiguousarray(lessons.hidden(hidden).T)  # [teachers, hidden]
    values = np.zeros((*truth.shape, len(behaviour.kinds)), dtype=np.float32)
    for column, kind in enumerate(behaviour.kinds.values()):
        values[:, :, column] = (told @ kind.T).toarray() @ taught
    spread = values.std(axis=(0, 1)).astype(np.float64)
    if not spread.any():
        return None
    spread[spread < 1e-9] = np.inf
    values /= spread.astype(np.float32)
    best = np.argpartition(-values, min(_CANDIDATES, size - 1), axis=1)[:, :_CANDIDATES]  # [u, candidates, kinds]
    candidates = np.sort(best.reshape(len(users), -1), axis=1)
    fresh = np.diff(candidates, axis=1, prepend=-1) > 0
    chosen = np.take_along_axis(truth, candidates, axis=1) & fresh
    return Panel(np.take_along_axis(values, candidates[:, :, None], axis=1), fresh, chosen, truth.sum(axis=1)), spread


def _related(known: KnownGraph) -> dict[str, sp.csr_matrix]:
    """By name, [products, products] each relation between products, either way, D^-½ A D^-½."""
    between: dict[str, sp.csr_matrix] = {}
    for (source, name, target), edges in known.relations.items():
        if source == target == "Product":
            both = sp.csr_matrix(edges + edges.T, dtype=np.float32)
            both.data[:] = 1
            between[name] = both
    largest = sorted(between, key=lambda name: (-between[name].nnz, name))
    rest = [between[name] for name in largest[_RELATIONS:]]
    kept = {name: between[name] for name in largest[:_RELATIONS]} | ({"RELATED": sum(rest[1:], rest[0])} if rest else {})
    return {name: _scaled(edges) for name, edges in kept.items()}


def _scaled(edges: sp.csr_matrix) -> sp.csr_matrix:
    root = sp.diags(1 / np.sqrt(np.maximum(np.asarray(edges.sum(axis=1)).ravel(), 1))).astype(np.float32)
    return sp.csr_matrix(root @ edges @ root)
