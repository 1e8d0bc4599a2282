"""The leading singular vectors of a large sparse matrix, by random projection: no dense matrix of its size is ever made."""

import warnings

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from graphrec.tensors import Floats

_SPARE = 16
_ROUNDS = 2
_LEAST = 1e-3
"""Singular values below this share of the largest are rounding errors and left out."""


def leading(matrix: sp.csr_matrix, rank: int, seed: int) -> tuple[Floats, Floats]:
    """σ [r] falling and V [m, r], the largest singular values and their right vectors of an [n, m] float32 matrix, r ≤ rank.

    Randomised subspace iteration with an orthonormal basis after every product: Halko, Martinsson and Tropp, "Finding Structure
    with Randomness", SIAM Review 2011 (arXiv:0909.4061), algorithm 4.4, 2 rounds, 16 spare vectors.

    Example:
        >>> values, vectors = leading(sp.csr_matrix(np.diag([3.0, 2.0, 1.0]).astype(np.float32)), 2, 0)
        >>> values.round(3).tolist(), np.abs(vectors).round(3).tolist()
        ([3.0, 2.0], [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    """
    size = min(rank + _SPARE, *matrix.shape)
    if not size or not matrix.nnz:
        return np.zeros(0, dtype=np.float32), np.zeros((matrix.shape[1], 0), dtype=np.float32)
    there, back = _torch(matrix), _torch(matrix.T.tocsr())
    start = torch.randn(matrix.shape[1], size, generator=torch.Generator().manual_seed(seed))
    basis = _orthonormal(there @ start)  # [n, size]
    for _ in range(_ROUNDS):
        basis = _orthonormal(there @ _orthonormal(back @ basis))
    seen = back @ basis  # [m, size]: the matrix is nearly basis @ seen.T
    squares, turned = torch.linalg.eigh((seen.T @ seen).double())
    values = squares.flip(0)[:rank].clamp(min=0).sqrt()
    values = values[values > _LEAST * values[0]].float()
    vectors = (seen @ turned.flip(1)[:, : len(values)].float()) / values
    return values.numpy(), vectors.numpy()


def places(chosen: sp.csr_matrix, dim: int, seed: int = 0) -> Floats:
    """[m, r ≤ dim] unit vectors, close together for products that the same users chose; 0 for products nobody chose.

    They are the leading singular vectors of the choices under D^−½ on both sides. chosen: [users, m].
    """
    users, products = (np.maximum(np.asarray(chosen.sum(axis=axis)).ravel(), 1) ** -0.5 for axis in (1, 0))
    even = sp.csr_matrix(sp.diags(users) @ chosen @ sp.diags(products), dtype=np.float32)
    _, found = leading(even, dim, seed)
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12))


def _orthonormal(columns: Tensor) -> Tensor:
    """[n, r] orthonormal columns that span the same; r is less than before where some depend on others.

    By the Gram matrix, in half the time of a QR decomposition: what went through the matrix once is well enough conditioned.
    """
    squares, turned = torch.linalg.eigh((columns.T @ columns).double())
    kept = squares > _LEAST**2 * squares[-1]
    spanning: Tensor = columns @ (turned[:, kept] / squares[kept].sqrt()).float()
    return spanning


def _torch(matrix: sp.csr_matrix) -> Tensor:
    with warnings.catch_warnings():  # torch calls its sparse layouts beta
        warnings.simplefilter("ignore", UserWarning)
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int64)),
            torch.from_numpy(matrix.indices.astype(np.int64)),
            torch.from_numpy(matrix.data.astype(np.float32)),
            matrix.shape,
        )
