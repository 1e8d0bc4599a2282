"""The sparse kernel against dense arithmetic."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec import propagation
from graphrec.propagation import Adjacency, normalised, propagate


def symmetric(seed: int, size: int = 7, kinds: int = 2) -> tuple[Adjacency, torch.Tensor]:
    """A random symmetric matrix of several kinds of entries, and [kinds, n, n] its dense parts without weights."""
    random = np.random.default_rng(seed)
    upper = np.triu(random.random((size, size)) < 0.5, 1)
    values, kind = np.triu(random.random((size, size))), random.integers(0, kinds, (size, size))
    row, column = upper.nonzero()
    ends = np.concatenate([row, column]), np.concatenate([column, row])
    data, of_kind = np.tile(values[row, column], 2), np.tile(kind[row, column], 2)
    order = np.lexsort((ends[1], ends[0]))
    parts = [torch.from_numpy(part[order]) for part in (ends[0], ends[1], data, of_kind)]
    dense = torch.zeros(kinds, size, size, dtype=torch.float64)
    dense[parts[3], parts[0], parts[1]] = parts[2]
    return Adjacency.of(*parts, size), dense


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 7))
def test_a_hop_and_its_gradients_are_those_of_dense_arithmetic(seed: int, rows: int) -> None:
    adjacency, dense = symmetric(seed)
    generator = torch.Generator().manual_seed(seed)
    x, weights, upstream = (torch.randn(*shape, generator=generator) for shape in ((7, 3), (2,), (rows, 3)))
    mine = [x.clone().requires_grad_(), weights.clone().requires_grad_()]
    theirs = [x.double().requires_grad_(), weights.double().requires_grad_()]
    out = propagate(adjacency, *mine, rows=rows)
    oracle = ((theirs[1][:, None, None] * dense).sum(dim=0) @ theirs[0])[:rows]
    out.backward(upstream)
    oracle.backward(upstream.double())
    torch.testing.assert_close(out.double(), oracle, rtol=1e-4, atol=1e-5)
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one.grad.double(), other.grad, rtol=1e-4, atol=1e-5)


def test_normalising_divides_by_the_roots_of_both_degrees() -> None:
    dense = (np.random.default_rng(0).random((6, 4)) < 0.5).astype(np.float64)
    dense[2] = 0
    rows, columns = dense.sum(axis=1), dense.sum(axis=0)
    oracle = [[dense[i, j] / np.sqrt(rows[i] * columns[j]) if dense[i, j] else 0 for j in range(4)] for i in range(6)]
    np.testing.assert_allclose(normalised(sp.csr_matrix(dense)).toarray(), oracle, rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_comes_back_as_it_went_in_and_is_summed_in_full(dtype: torch.dtype) -> None:
    adjacency, dense = symmetric(3)
    x = torch.randn(7, 3, generator=torch.Generator().manual_seed(0)).to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = propagate(adjacency, x, torch.ones(2))
    assert out.dtype == dtype
    torch.testing.assert_close(out, (dense.sum(dim=0) @ x.double()).to(dtype), rtol=1e-2, atol=1e-2)


def test_the_gradient_of_the_weights_is_estimated_well_where_entries_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    adjacency, _ = symmetric(1, size=200)
    x = torch.rand(200, 3, generator=torch.Generator().manual_seed(0))
    found = []
    for probed in (1 << 16, 4000):
        monkeypatch.setattr(propagation, "PROBED", probed)
        weights = torch.ones(2, requires_grad=True)
        propagate(adjacency, x, weights).sum().backward()
        found.append(weights.grad)
    assert len(adjacency.norm) > 4000
    assert not torch.equal(found[0], found[1])
    torch.testing.assert_close(found[0], found[1], rtol=0.1, atol=0)
