"""Products nobody has chosen yet: what is said of them tells which chosen products they will behave like."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.linalg.lapack import spotrf, spotri

from graphrec.likeness import Likeness
from graphrec.scorers import FitContext, State, Term
from graphrec.tensors import Floats, Histories, KnownGraph, Rows
from graphrec.walks import prune

EXACT = 10_000
"""Chosen profiles up to which all teach: beyond, the time of the solution (it grows with the cube) would be minutes."""
TEACHERS = 2_048
"""How many teach beyond that: the most chosen, whose behaviour is known best. On Amazon Beauty, where all 8,210 could, 6,000 rank
hidden products 2.5% worse and 2,048 a fifth; on Complete Journey 6,000 cost half a minute more."""
_KEPT = 200
"""Numbers kept a product, the largest: teachers it learns from, products it stands near, what a teacher is chosen with."""
_BLOCK = 512
_WEIGHTS = {"words": 1.0, "characters": 1.0, "text": 1.0, "ties": 1.0}
_PENALTY = 1.0


@dataclass(frozen=True)
class Content:
    """score(user, i) = Σ over the history h of P[i, h], P = T B, for products that were chosen and for those that were not.

    B[t, h] is the cosine between who chose the teacher t and who chose h. T is kernel ridge regression from the content kernel K
    (`Likeness`): T = K(i, ·) (K + λI)⁻¹ over the teachers; a teacher itself is predicted from the others (leave one out:
    T[i, j] = −G[i, j] / G[i, i], G = (K + λI)⁻¹), so that chosen products and new ones are scored alike, by content alone; not so
    where several products share a profile, for then a new one among them is known by the others.
    Sources: Saunders, Gammerman & Vovk, ICML 1998 (kernel ridge); Cook & Weisberg 1982 (leaving one out in closed form).
    Products of which nothing is said score 0; so do all products for an empty history.
    """

    name: ClassVar[str] = "content"
    near: sp.csr_matrix
    """[profiles, products] float32 P, its largest positive numbers a row."""
    profile: Rows
    """[products] which row of `near` each product has."""
    notes: tuple[str, ...] = ()
    """What was limited, in words."""

    @classmethod
    def fit(cls, known: KnownGraph, context: FitContext) -> Self:
        """What every profile stands near, learnt from the chosen ones."""
        likeness = Likeness.of(known, context.text.get("Product"), _WEIGHTS)
        if not likeness.views:
            empty = sp.csr_matrix(np.zeros((1, len(known.products)), dtype=np.float32))
            return cls(empty, np.zeros(len(known.products), dtype=np.int64), ("content: nothing is said of the products",))
        chosen = _chosen(known, likeness)
        teachers = _teachers(chosen)
        left = int((chosen.getnnz(axis=0) > 0).sum()) - len(teachers)
        notes = (f"content: learnt from the {len(teachers)} most-chosen products; {left} others only stand by",) if left else ()
        near = _near(_lessons(likeness, teachers, _PENALTY), _company(chosen[:, teachers], known.matrix))
        return cls(near, likeness.profile, notes)

    def score(self, histories: Histories) -> Floats:
        """[b, products]."""
        known = histories.matrix(len(self.profile))
        scores: Floats = (known @ self.near.T).toarray().astype(np.float32)[:, self.profile]
        return scores

    def terms(self, history: Histories, product: int) -> Sequence[Term]:
        """P[product, h] for every h of the history that it stands near."""
        row = self.near[[int(self.profile[product])]].toarray().ravel()
        return [Term(int(h), "content", float(row[h])) for h in history.product if row[h]]

    def state(self) -> State:
        """P in CSR parts and the profile of every product."""
        near = self.near
        arrays = {"data": near.data, "indices": near.indices, "indptr": near.indptr, "profile": self.profile}
        return State(arrays, {"notes": list(self.notes)})

    @classmethod
    def restore(cls, state: State) -> Self:
        """The scorer that `state` came from."""
        profile = np.asarray(state.arrays["profile"])
        parts = tuple(np.asarray(state.arrays[name]) for name in ("data", "indices", "indptr"))
        near = sp.csr_matrix(parts, shape=(len(parts[2]) - 1, len(profile)))
        return cls(near, profile, tuple(state.settings["notes"]))


def _chosen(known: KnownGraph, likeness: Likeness) -> sp.csc_matrix:
    """[users, profiles] 1 where the user chose a product of the profile."""
    products = np.arange(len(likeness.profile))
    ones = np.ones(len(products), dtype=np.float32)
    member = sp.csr_matrix((ones, (products, likeness.profile)), shape=(len(products), likeness.profiles))
    chosen = sp.csc_matrix(known.matrix @ member)
    chosen.data[:] = 1
    return chosen


def _teachers(chosen: sp.csc_matrix) -> Rows:
    """The chosen profiles, rising; where they are too many, the most chosen."""
    count = chosen.getnnz(axis=0)
    best = np.argsort(-count, kind="stable")[: int((count > 0).sum())]
    return np.sort(best if len(best) <= EXACT else best[:TEACHERS]).astype(np.int64)


def _company(taught: sp.csc_matrix, matrix: sp.csr_matrix) -> sp.csr_matrix:
    """[teachers, products] B: the cosine between who chose the one and who chose the other, the largest of every row."""
    scale = 1 / np.sqrt(np.maximum(matrix.getnnz(axis=0), 1))
    others = sp.csr_matrix(matrix @ sp.diags(scale)).astype(np.float32)
    own = sp.csr_matrix(sp.diags(1 / np.sqrt(np.maximum(taught.getnnz(axis=0), 1))) @ taught.T).astype(np.float32)
    blocks = [prune(sp.csr_matrix(own[start : start + _BLOCK] @ others), _KEPT) for start in range(0, own.shape[0], _BLOCK)]
    return sp.csr_matrix(sp.vstack(blocks, format="csr"))


def _lessons(likeness: Likeness, teachers: Rows, penalty: float) -> sp.csr_matrix:
    """[profiles, teachers] T: how much each profile takes from each teacher, the largest by size."""
    inverse = _inverse(likeness.kernel(teachers, teachers), penalty)
    others = np.setdiff1d(np.arange(likeness.profiles), teachers)
    order = np.argsort(np.concatenate([teachers, others]))
    alone = np.bincount(likeness.profile, minlength=likeness.profiles)[teachers] == 1
    blocks = []
    for start in range(0, len(teachers), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(teachers)))
        scale = np.where(alone[rows], 1 / inverse[rows, rows], penalty).astype(np.float32)
        lesson = -scale[:, None] * inverse[rows]  # [block, teachers]
        # K (K + λI)⁻¹ = I − λ (K + λI)⁻¹
        lesson[np.arange(len(rows)), rows] = np.where(alone[rows], 0, 1 - penalty * inverse[rows, rows])
        blocks.append(_largest(lesson))
    pieces = [others[start : start + _BLOCK] for start in range(0, len(others), _BLOCK)]
    blocks.extend(_largest(likeness.kernel(rows, teachers) @ inverse) for rows in pieces)
    return sp.csr_matrix(sp.vstack(blocks, format="csr"))[order]


def _inverse(kernel: Floats, penalty: float) -> Floats:
    """(kernel + penalty · I)⁻¹ in the memory of the kernel, by Cholesky."""
    kernel[np.diag_indices(len(kernel))] += penalty
    factor, failed = spotrf(kernel.T, lower=True, overwrite_a=True)
    inverse, unfinished = spotri(factor, lower=True, overwrite_c=True)
    if failed or unfinished:
        raise ArithmeticError(
            f"the content kernel is not positive definite (at {failed or unfinished}); this is a fault of graphrec"
        )
    for start in range(0, len(inverse), _BLOCK):  # spotri fills the lower half
        stop = start + _BLOCK
        inverse[start:stop, stop:] = inverse[stop:, start:stop].T
        square = np.tril(inverse[start:stop, start:stop])
        inverse[start:stop, start:stop] = square + np.tril(square, -1).T
    found: Floats = np.ascontiguousarray(inverse.T)
    return found


def _near(lessons: sp.csr_matrix, company: sp.csr_matrix) -> sp.csr_matrix:
    """[profiles, products] T B, the largest positive numbers of every row."""
    blocks = []
    for start in range(0, lessons.shape[0], _BLOCK):
        near = sp.csr_matrix(lessons[start : start + _BLOCK] @ company)
        near.data[near.data < 0] = 0
        near.eliminate_zeros()
        blocks.append(prune(near, _KEPT))
    return sp.csr_matrix(sp.vstack(blocks, format="csr"))


def _largest(dense: npt.NDArray[np.floating]) -> sp.csr_matrix:
    """The same with only the `_KEPT` largest numbers of every row, by size; of equal ones at the edge all are kept."""
    if dense.shape[1] > _KEPT:
        size = np.abs(dense)
        least = np.partition(size, -_KEPT, axis=1)[:, -_KEPT, None]
        dense = np.where(size >= least, dense, 0)
    return sp.csr_matrix(dense, dtype=np.float32)
