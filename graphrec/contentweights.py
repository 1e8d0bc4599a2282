"""What the behaviour of a product is, as its description can foretell it, and how much each part of that is worth."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from graphrec.lessons import KEPT, Lessons
from graphrec.tensors import Floats, Histories, KnownGraph, Rows
from graphrec.walks import prune
from graphrec.weighing import softmax_regression

SAME, TOGETHER, POPULAR = "the same", "INTERACTED", "popularity"
_RELATIONS = 4
"""Relations between products that count by themselves; the rest counts as one."""
_HIDDEN, _FEWEST = 1_000, 20
"""Teachers hidden to practise on, at most and at least; never more than a seventh of them."""
_USERS, _FEWEST_USERS = 800, 30
_BLOCK = 512


@dataclass(frozen=True)
class Behaviour:
    """What is known of the teachers: B_k[t, h] says how strongly one who chose h is drawn to t."""

    kinds: Mapping[str, sp.csr_matrix]
    """By name, [teachers, products]: h is of the profile t, who chose the one chose the other, a relation leads from one to the other."""
    fame: Floats
    """[teachers] log(1 + how often chosen), less the mean."""

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
        kinds |= {name: prune(sp.csr_matrix(share @ edges), KEPT) for name, edges in _related(known).items()}
        fame = np.log1p(chosen.getnnz(axis=0)).astype(np.float32)
        return cls(kinds, fame - fame.mean() if len(fame) else fame)

    def summed(self, weights: Mapping[str, float]) -> sp.csr_matrix:
        """[teachers, products] Σ_k w_k B_k."""
        kinds = list(self.kinds.values())
        none = sp.csr_matrix(kinds[0].shape, dtype=np.float32)
        return sp.csr_matrix(sum((kind * np.float32(weights[name]) for name, kind in self.kinds.items() if weights[name]), none))


def company(taught: sp.csc_matrix, matrix: sp.csr_matrix) -> sp.csr_matrix:
    """[teachers, products] the cosine between who chose the one and who chose the other, the largest of every row."""
    scale = 1 / np.sqrt(np.maximum(matrix.getnnz(axis=0), 1))
    others = sp.csr_matrix(matrix @ sp.diags(scale)).astype(np.float32)
    own = sp.csr_matrix(sp.diags(1 / np.sqrt(np.maximum(taught.getnnz(axis=0), 1))) @ taught.T).astype(np.float32)
    blocks = [prune(sp.csr_matrix(own[start : start + _BLOCK] @ others), KEPT) for start in range(0, own.shape[0], _BLOCK)]
    return sp.csr_matrix(sp.vstack(blocks, format="csr"))


def start(histories: Histories, products: int) -> sp.csr_matrix:
    """[b, products] one over the root of the history's length where the user chose the product."""
    lengths = np.diff(histories.indptr)
    scale = np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths).astype(np.float32)
    return sp.csr_matrix((scale, histories.product, histories.indptr), shape=(len(histories), products))


def learn(known: KnownGraph, lessons: Lessons, behaviour: Behaviour, *, seed: int) -> Mapping[str, float]:
    """By kind of behaviour and `popularity`, the weights under which choices of hidden teachers are the likeliest.

    Listwise softmax regression over all hidden products. Where too few can be hidden, co-choice alone counts.
    """
    names = [*behaviour.kinds, POPULAR]
    size = min(_HIDDEN, len(lessons.teachers) // 7)
    if size < _FEWEST:
        return {name: float(name == TOGETHER) for name in names}
    random = np.random.default_rng(seed)
    hidden = np.sort(random.choice(len(lessons.teachers), size, replace=False))
    member = behaviour.kinds[SAME][hidden]
    wanted = sp.csr_matrix(known.matrix @ member.T)
    unseen = np.asarray(member.sum(axis=0)).ravel() > 0
    told = sp.csr_matrix(known.matrix @ sp.diags((~unseen).astype(np.float32)))
    told.eliminate_zeros()
    users = np.flatnonzero((wanted.getnnz(axis=1) > 0) & (told.getnnz(axis=1) > 0))
    if len(users) < _FEWEST_USERS:
        return {name: float(name == TOGETHER) for name in names}
    users = np.sort(random.permutation(users)[:_USERS])
    told = told[users]
    told.data[:] = np.repeat(1 / np.sqrt(np.diff(told.indptr)), np.diff(told.indptr))
    taught = lessons.hidden(hidden).T  # [teachers, hidden]
    values = np.zeros((len(users), size, len(names)), dtype=np.float32)
    for column, kind in enumerate(behaviour.kinds.values()):
        values[:, :, column] = sp.csr_matrix(told @ kind.T) @ taught
    values[:, :, -1] = behaviour.fame @ taught
    spread = values.std(axis=(0, 1))
    spread[spread < 1e-9] = np.inf
    truth = wanted[users].toarray() > 0
    weights = softmax_regression(values / spread, np.ones_like(truth), truth, positive=True) / spread
    if not weights[:-1].any():
        return {name: float(name == TOGETHER) for name in names}
    return dict(zip(names, weights.tolist(), strict=True))


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
