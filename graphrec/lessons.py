"""Lessons: kernel ridge regression from what is said of a product to the products whose behaviour is known (teachers)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.linalg
import scipy.sparse as sp
from scipy.linalg.lapack import spotrf, spotri

from graphrec.likeness import Likeness, View
from graphrec.tensors import Floats, Rows

_EACH_OTHER = 200
"""Numbers kept of what teachers learn from each other: they are known by more than by what is said of them."""
_CELLS = 6_000_000
"""Numbers kept of all profiles together, decides how many a row."""
_NEAREST = 200
"""Teachers in the system of a product that the graph does not hold."""
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Lessons:
    """T = K(i, ·) (K + λI)⁻¹ over the teachers, K the kernel of `Likeness`.

    Sources: Saunders, Gammerman & Vovk, ICML 1998 (kernel ridge); Cook & Weisberg 1982 (leaving out in closed form).
    """

    likeness: Likeness
    teachers: Rows
    """[teachers] profiles, rising."""
    inverse: Floats
    """[teachers, teachers] G = (K + λI)⁻¹."""
    penalty: float

    @classmethod
    def of(cls, likeness: Likeness, teachers: Rows, penalty: float) -> "Lessons":
        """The solved system."""
        return cls(likeness, teachers, _inverse(likeness.kernel(teachers, teachers), penalty), penalty)

    def everyone(self) -> sp.csr_matrix:
        """[profiles, teachers] what each profile takes from each teacher, the largest by size.

        A teacher itself is predicted from the others (leave one out: T[i, j] = −G[i, j] / G[i, i]), so that chosen products and
        new ones are scored alike; not so where several products share a profile, for then a new one is known by the others.
        """
        inverse, profile = self.inverse, self.likeness.profile
        others = np.setdiff1d(np.arange(self.likeness.profiles), self.teachers)
        order = np.argsort(np.concatenate([self.teachers, others]))
        alone = np.bincount(profile, minlength=self.likeness.profiles)[self.teachers] == 1
        blocks, most = [], kept(self.likeness.profiles)
        for start in range(0, len(self.teachers), _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, len(self.teachers)))
            scale = np.where(alone[rows], 1 / inverse[rows, rows], self.penalty).astype(np.float32)
            lesson = -scale[:, None] * inverse[rows]  # [block, teachers]
            # K (K + λI)⁻¹ = I − λ (K + λI)⁻¹
            lesson[np.arange(len(rows)), rows] = np.where(alone[rows], 0, 1 - self.penalty * inverse[rows, rows])
            blocks.append(largest(lesson, _EACH_OTHER))
        pieces = [others[start : start + _BLOCK] for start in range(0, len(others), _BLOCK)]
        blocks.extend(largest(self.likeness.kernel(rows, self.teachers) @ inverse, most) for rows in pieces)
        return sp.csr_matrix(sp.vstack(blocks, format="csr"))[order]

    def hidden(self, places: Rows) -> Floats:
        """[len(places), teachers] the lessons of these teachers as if none of them taught: −G_SS⁻¹ G_S·, and 0 among them."""
        rows = self.inverse[places]
        factor = scipy.linalg.cho_factor(rows[:, places].astype(np.float64), check_finite=False)
        lesson = -scipy.linalg.cho_solve(factor, rows, check_finite=False)
        lesson[:, places] = 0
        return lesson.astype(np.float32)


def nearby(likeness: Likeness, views: Mapping[str, View], penalty: float) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """([n, profiles] lessons, [n, profiles] K) of products that these views describe; each has a system of its nearest teachers.

    likeness: of the teachers alone. views: [n, features] each.
    """
    teachers = likeness.profiles
    near = likeness.beside(views, np.arange(teachers))
    size = min(_NEAREST, teachers)
    lessons, eye = np.zeros_like(near), np.eye(size, dtype=np.float32)
    for row, alike in enumerate(near):
        nearest = np.sort(np.argpartition(-alike, size - 1)[:size])
        system = likeness.kernel(nearest, nearest) + penalty * eye
        lessons[row, nearest] = scipy.linalg.solve(system, alike[nearest], assume_a="pos", check_finite=False)
    return largest(lessons, size), largest(near, size)


def kept(profiles: int) -> int:
    """How many numbers a row of so many profiles keeps: 200 to 500. On Amazon Beauty 500 instead of 200 rank 2.5% better."""
    return int(np.clip(_CELLS // max(profiles, 1), 200, 500))


def largest(dense: npt.NDArray[np.floating], kept: int) -> sp.csr_matrix:
    """The same with only the `kept` largest numbers of every row, by size; of equal ones at the edge all are kept."""
    if dense.shape[1] > kept:
        size = np.abs(dense)
        least = np.partition(size, -kept, axis=1)[:, -kept, None]
        dense = np.where(size >= least, dense, 0)
    return sp.csr_matrix(dense, dtype=np.float32)


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
