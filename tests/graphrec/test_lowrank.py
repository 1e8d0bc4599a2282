import numpy as np
import pytest
import scipy.sparse as sp

from graphrec.lowrank import leading, places


def falling(rows: int, columns: int) -> sp.csr_matrix:
    """A matrix whose singular values halve, so that the leading ones are far apart."""
    random = np.random.default_rng(2)
    left = np.linalg.qr(random.normal(size=(rows, 12)))[0]
    right = np.linalg.qr(random.normal(size=(columns, 12)))[0]
    return sp.csr_matrix((left * 0.5 ** np.arange(12)) @ right.T, dtype=np.float32)


@pytest.mark.parametrize("shape", [(80, 40), (40, 80)])
def test_they_are_those_of_the_full_decomposition(shape: tuple[int, int]) -> None:
    matrix = falling(*shape)
    values, vectors = leading(matrix, 5, 0)
    _, expected, right = np.linalg.svd(matrix.toarray())
    np.testing.assert_allclose(values, expected[:5], rtol=1e-4)
    np.testing.assert_allclose(np.abs((vectors * right[:5].T).sum(axis=0)), 1, atol=1e-4)


def test_a_matrix_of_lower_rank_gives_only_as_many() -> None:
    twice = sp.csr_matrix(np.outer([1.0, 1, 1, 0], [1, 1, 0]).astype(np.float32))
    values, vectors = leading(twice, 3, 0)
    assert values.tolist() == pytest.approx([6**0.5])
    assert vectors.shape == (3, 1)


def test_an_empty_matrix_has_none() -> None:
    values, vectors = leading(sp.csr_matrix((4, 3), dtype=np.float32), 2, 0)
    assert (values.shape, vectors.shape) == ((0,), (3, 0))


def test_the_same_seed_gives_the_same_vectors() -> None:
    np.testing.assert_array_equal(leading(falling(50, 30), 4, 1)[1], leading(falling(50, 30), 4, 1)[1])


def test_products_that_the_same_users_chose_lie_close_together() -> None:
    chosen = sp.csr_matrix(np.kron(np.eye(2), np.ones((5, 3))).astype(np.float32))
    chosen.resize(10, 7)
    where = places(chosen, 2)
    cosines = where @ where.T
    np.testing.assert_allclose(cosines[:3, :3], 1, atol=1e-5)
    np.testing.assert_allclose(cosines[:3, 3:6], 0, atol=1e-5)
    assert not where[6].any()
