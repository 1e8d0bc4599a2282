"""Ridge regressions of every product on the others: all at once for few products, each on those most like it for many.

Source: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019 (arXiv:1905.03375), and for dropout "Autoencoders
that don't overfit towards the Identity", NeurIPS 2020: leaving out a share p of every history adds p / (1 − p) · diag(G) to the
penalty. On neighbours alone it is SLIM (Ning and Karypis, ICDM 2011) without its signs and with a given support.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from graphrec.lowrank import places
from graphrec.tensors import Floats, Rows

NEIGHBOURS, _FEWEST = 100, 20
"""Products that each is regressed on where not all can be, and how few in the largest catalogues."""
_AFFORDED = 45_000
"""Products up to which each has all of those neighbours."""
_DOUBLE_UP_TO = 2_500
_AT_ONCE = 2_000
_TOGETHER = 80
"""Products whose regressions share one dense Gram matrix, that of all their neighbours."""
_DIM = 32


@dataclass(frozen=True, slots=True)
class Caution:
    """What keeps weights small."""

    penalty: float
    """λ, in pairs of choices."""
    dropout: float = 0.0
    """The share p of a history that the weights must do without; larger trusts frequent products less."""

    def added(self, diagonal: Floats) -> Floats:
        """What is added to this diagonal of a Gram matrix."""
        return np.asarray(self.penalty + self.dropout / (1 - self.dropout) * diagonal, dtype=diagonal.dtype)


def dense(gram: npt.NDArray[np.floating], caution: Caution) -> Floats:
    """[m, m] float32 B = I − P / diag(P), P = (G + Λ)⁻¹: column j holds the weights of all others for product j.

    Example:
        >>> dense(np.array([[4.0, 2.0], [2.0, 2.0]]), Caution(1.0)).round(3).tolist()
        [[0.0, 0.4000000059604645], [0.6669999957084656, 0.0]]
    """
    system = gram.astype(np.float64) if len(gram) <= _DOUBLE_UP_TO else gram.astype(np.float32)
    system[np.diag_indices(len(gram))] += caution.added(np.diag(system))
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(torch.from_numpy(system))).numpy()
    weights: Floats = (inverse / -np.diag(inverse)).astype(np.float32)
    np.fill_diagonal(weights, 0)
    return weights


def neighbours_for(products: int) -> int:
    """How many others each of so many products is regressed on: fewer where there are many, so that time does not outgrow them.

    Example:
        >>> neighbours_for(20_000), neighbours_for(63_000), neighbours_for(1_000_000)
        (100, 60, 20)
    """
    return max(_FEWEST, int(NEIGHBOURS * (_AFFORDED / products) ** 1.5)) if products > _AFFORDED else NEIGHBOURS


def local(chosen: sp.csr_matrix, near: sp.csr_matrix | None, anywhere: float, caution: Caution) -> sp.csr_matrix:
    """[m, m] float32 B where column j solves (G_NN + Λ) w = G_Nj over the neighbours N of j, those with the largest G_hj / √G_hh.

    G = anywhere · chosenᵀ chosen + near, whose diagonal is that of chosenᵀ chosen; it is made in pieces and never held whole.
    chosen: [users, m]; near: [m, m] symmetric with an empty diagonal.
    """
    columns = chosen.tocsc()
    neighbours = _neighbours(chosen, near, anywhere)
    weights = np.zeros(neighbours.shape, dtype=np.float32)
    for targets in _bundles(places(chosen, _DIM), _TOGETHER):
        found = neighbours[targets]
        members = np.unique(np.append(found[found >= 0], targets))
        some = columns[:, members]
        gram = (some.T @ some).toarray()
        diagonal = np.diag(gram).copy()
        if near is not None:
            gram = anywhere * gram + near[members][:, members].toarray()
        gram[np.diag_indices(len(gram))] = diagonal + caution.added(diagonal)
        weights[targets] = _solved(gram, np.searchsorted(members, found), np.searchsorted(members, targets), found >= 0)
    held = neighbours >= 0
    target = np.repeat(np.arange(len(neighbours)), held.sum(axis=1))
    made: sp.csr_matrix = sp.csr_matrix((weights[held], (neighbours[held], target)), shape=(len(neighbours), len(neighbours)))
    return made


def _solved(gram: Floats, neighbours: Rows, targets: Rows, held: npt.NDArray[np.bool_]) -> Floats:
    """[t, n] the weights of each target's neighbours (places in the gram, [t, n]); 0 where no neighbour is held."""
    whole, at, mask = torch.from_numpy(gram), torch.from_numpy(neighbours), torch.from_numpy(held)
    at = at.masked_fill(~mask, 0)
    systems = whole.view(-1)[at[:, :, None] * len(gram) + at[:, None, :]]  # [t, n, n]
    systems.masked_fill_(~(mask[:, :, None] & mask[:, None, :]), 0)
    systems.diagonal(dim1=1, dim2=2).masked_fill_(~mask, 1)
    wanted = whole[at, torch.from_numpy(targets)[:, None]].masked_fill(~mask, 0)
    lower, _ = torch.linalg.cholesky_ex(systems)
    return np.asarray(torch.cholesky_solve(wanted[:, :, None], lower)[:, :, 0].numpy())


def _neighbours(chosen: sp.csr_matrix, near: sp.csr_matrix | None, anywhere: float) -> Rows:
    """[m, n] the products with the largest G_hj / √G_hh of each product j; -1 where fewer share a user with it."""
    turned = chosen.T.tocsr()
    counts = np.asarray(chosen.power(2).sum(axis=0)).ravel()
    scale = sp.diags((1 / np.sqrt(np.maximum(counts, 1))).astype(np.float32))
    scaled = (chosen @ scale).tocsr()
    most = neighbours_for(len(counts))
    found = np.full((len(counts), most), -1, dtype=np.int64)
    for start in range(0, len(counts), _AT_ONCE):
        shared = turned[start : start + _AT_ONCE] @ scaled
        if near is not None:
            shared = anywhere * shared + near[start : start + _AT_ONCE] @ scale
        shared = shared.tocsr()
        for row in range(shared.shape[0]):
            span = slice(shared.indptr[row], shared.indptr[row + 1])
            others, values = shared.indices[span], shared.data[span]
            others, values = others[others != start + row], values[others != start + row]
            if len(others) > most:
                others = others[np.argpartition(-values, most)[:most]]
            found[start + row, : len(others)] = np.sort(others)
    return found


def _bundles(where: Floats, size: int) -> list[Rows]:
    """The rows in groups of at most `size`, close ones together: halved along the longest axis again and again."""
    groups, left = [], [np.arange(len(where))]
    while left:
        group = left.pop()
        if len(group) <= size:
            groups.append(group)
            continue
        apart = where[group] - where[group].mean(axis=0)
        axis = np.linalg.eigh(apart.T @ apart)[1][:, -1]
        order, half = np.argsort(apart @ axis, kind="stable"), len(group) // 2
        left += [group[order[:half]], group[order[half:]]]
    return groups
