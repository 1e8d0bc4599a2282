"""The one sparse kernel: a symmetric-normalised CSR product with its own backward.

A graph is one symmetric block matrix over all its nodes. Because it is symmetric, the gradient of a product with it is a product
with it again: no transpose is ever built.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

PROBED = 1 << 14
"""Entries from which the gradient of the weights is summed in full; beyond, it is estimated from every s-th entry."""


def normalised(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """D_r^-½ A D_c^-½ with the row and column degrees of A; rows and columns without entries stay zero.

    For a rectangular A this is the block of the symmetric normalisation of [[0, A], [Aᵀ, 0]].

    Example:
        >>> normalised(sp.csr_matrix(np.array([[1.0, 1.0], [0.0, 1.0]]))).toarray()[0].astype(str).tolist()
        ['0.70710677', '0.49999997']
    """
    rows = _inverse_root(np.asarray(matrix.sum(axis=1)).ravel())
    columns = _inverse_root(np.asarray(matrix.sum(axis=0)).ravel())
    scaled: sp.csr_matrix = (sp.diags(rows) @ matrix @ sp.diags(columns)).tocsr().astype(np.float32)
    return scaled


def _inverse_root(degrees: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.where(degrees > 0, 1 / np.sqrt(np.maximum(degrees, 1e-12)), 0).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Adjacency:
    """A symmetric [n, n] matrix in CSR; entry e is norm[e] · weights[kind[e]], with the weights given at each product.

    indptr: [n + 1] int32. indices, row: [entries] int32. norm: [entries] float32. kind: [entries] int64. All on one device.
    """

    indptr: Tensor
    indices: Tensor
    row: Tensor
    norm: Tensor
    kind: Tensor

    @classmethod
    def of(cls, row: Tensor, column: Tensor, norm: Tensor, kind: Tensor, size: int) -> "Adjacency":
        """The matrix of these entries, ordered by row; both (i, j) and (j, i) have to be among them. All [entries]."""
        counts = torch.bincount(row.long(), minlength=size)
        indptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)]).to(torch.int32)
        return cls(indptr, column.to(torch.int32), row.to(torch.int32), norm.float(), kind.long())

    @property
    def size(self) -> int:
        """Number of nodes, n."""
        return len(self.indptr) - 1

    def times(self, values: Tensor, x: Tensor, rows: int) -> Tensor:
        """[rows, d] the first rows of the product of these values with x. values: [entries] float32; x: [n, d] float32."""
        indptr, stop = self.indptr[: rows + 1], int(self.indptr[rows])
        indices, values = self.indices[:stop], values[:stop]
        if x.is_cuda:
            on_device: Tensor = torch.sparse.mm(torch.sparse_csr_tensor(indptr, indices, values, size=(rows, self.size)), x)
            return on_device
        parts = (values.numpy(), indices.numpy(), indptr.numpy())
        # scipy's product takes half the processor time of torch's MKL one on graphs of a million edges
        return torch.from_numpy(sp.csr_matrix(parts, shape=(rows, self.size)) @ x.numpy())


def propagate(adjacency: Adjacency, x: Tensor, weights: Tensor, *, rows: int | None = None) -> Tensor:
    """One hop: A(weights) · x, [rows, d] in the dtype of x; differentiable in x and in the weights.

    x: [n, d] of any floating dtype, multiplied in float32 (half precision would lose the sum over a large neighbourhood).
    weights: [kinds] float32. rows: only the first so many rows are computed; default all.
    Source: He et al., "LightGCN", SIGIR 2020 (arXiv:2002.02126), equation 3, with a weight a relation.
    """
    hop: Tensor = _Hop.apply(x.float(), weights.float(), adjacency, adjacency.size if rows is None else rows)
    return hop.to(x.dtype)


class _Hop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weights: Tensor, adjacency: Adjacency, rows: int) -> Tensor:  # noqa: ANN401 (torch gives ctx no type)
        with _full_precision(x):
            values = adjacency.norm * weights.detach()[adjacency.kind]
            ctx.adjacency, ctx.rows, ctx.kinds = adjacency, rows, len(weights)
            ctx.save_for_backward(x, values)
            return adjacency.times(values, x.detach().contiguous(), rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:  # noqa: ANN401 (torch gives ctx no type)
        x, values = ctx.saved_tensors
        adjacency = ctx.adjacency
        with _full_precision(x):
            gradient = gradients[0].float().contiguous()
            of_x = of_weights = None
            if ctx.needs_input_grad[1]:
                of_weights = _weight_gradient(adjacency, gradient, x, ctx.kinds, int(adjacency.indptr[ctx.rows]))
            if ctx.needs_input_grad[0]:
                padded = torch.nn.functional.pad(gradient, (0, 0, 0, adjacency.size - ctx.rows))  # [n, d]
                of_x = adjacency.times(values, padded, adjacency.size)
        return of_x, of_weights, None, None


def _weight_gradient(adjacency: Adjacency, gradient: Tensor, x: Tensor, kinds: int, entries: int) -> Tensor:
    """[kinds] Σ over the entries (i, j) of a kind of norm · ⟨gradient_i, x_j⟩."""
    stride = -(-max(entries, 1) // PROBED)
    picked = slice(0, entries, stride)
    along = (gradient[adjacency.row[picked].long()] * x[adjacency.indices[picked].long()]).sum(dim=1)  # [entries / stride]
    total = x.new_zeros(kinds)
    return total.index_add_(0, adjacency.kind[picked], along * adjacency.norm[picked]) * stride


@contextmanager
def _full_precision(x: Tensor) -> Iterator[None]:
    with torch.autocast(x.device.type, enabled=False):
        yield
