import numpy as np
import pytest
import scipy.sparse as sp

from graphrec import ridge
from graphrec.ridge import Caution, dense, local


def histories(users: int, products: int, *, seed: int = 1) -> np.ndarray:
    return (np.random.default_rng(seed).random((users, products)) < 0.3).astype(np.float32)


def slow(gram: np.ndarray, caution: Caution, support: list[list[int]]) -> np.ndarray:
    """Every column by itself: the ridge regression of one product on those of its support."""
    penalty = np.diag(caution.penalty + caution.dropout / (1 - caution.dropout) * np.diag(gram))
    weights = np.zeros(gram.shape)
    for product, others in enumerate(support):
        system = (gram + penalty)[np.ix_(others, others)]
        weights[others, product] = np.linalg.solve(system, gram[others, product])
    return weights


def everything_else(products: int) -> list[list[int]]:
    return [[other for other in range(products) if other != product] for product in range(products)]


@pytest.mark.parametrize("caution", [Caution(0.5), Caution(20.0), Caution(3.0, 0.5)])
def test_the_closed_form_is_a_ridge_regression_a_product(caution: Caution) -> None:
    chosen = histories(40, 9)
    gram = chosen.T @ chosen
    np.testing.assert_allclose(dense(gram, caution), slow(gram, caution, everything_else(9)), atol=1e-5)


def test_dropout_is_the_mean_regression_over_histories_with_gaps() -> None:
    """E‖X − (X ∘ M) B‖² with entries kept with probability 1 − p and scaled by 1 / (1 − p), sampled."""
    random, chosen, share = np.random.default_rng(2), histories(30, 5), 0.4
    many = np.tile(chosen, (4_000, 1))
    holed = many * (random.random(many.shape) > share) / (1 - share)
    expected = np.zeros((5, 5))
    for product, others in enumerate(everything_else(5)):
        system = holed[:, others].T @ holed[:, others] / 4_000 + np.eye(4) * 2.0
        expected[others, product] = np.linalg.solve(system, holed[:, others].T @ many[:, product] / 4_000)
    np.testing.assert_allclose(dense(chosen.T @ chosen, Caution(2.0, share)), expected, atol=0.01)


@pytest.mark.parametrize("together", [4, 80])
@pytest.mark.parametrize("nearness", [True, False])
def test_a_local_regression_is_one_on_the_most_alike_products(
    monkeypatch: pytest.MonkeyPatch, together: int, nearness: bool
) -> None:
    monkeypatch.setattr(ridge, "NEIGHBOURS", 5)
    monkeypatch.setattr(ridge, "_TOGETHER", together)
    monkeypatch.setattr(ridge, "_AT_ONCE", 7)
    chosen = histories(60, 20) * np.random.default_rng(4).random((60, 1)).astype(np.float32)  # no two are equally alike
    pairs = np.triu(np.random.default_rng(3).random((20, 20)), 1).astype(np.float32) * nearness
    near, anywhere = pairs + pairs.T, 0.5 if nearness else 1.0
    gram = anywhere * (chosen.T @ chosen) + near
    np.fill_diagonal(gram, (chosen**2).sum(axis=0))
    alike = gram / np.sqrt(np.maximum(np.diag(gram), 1))[:, None]
    np.fill_diagonal(alike, -np.inf)
    support = [sorted(np.argsort(-alike[:, product])[:5].tolist()) for product in range(20)]
    found = local(sp.csr_matrix(chosen), sp.csr_matrix(near) if nearness else None, anywhere, Caution(3.0, 0.5))
    np.testing.assert_allclose(found.toarray(), slow(gram, Caution(3.0, 0.5), support), atol=1e-5)


def test_a_product_that_shares_no_user_has_no_weights() -> None:
    chosen = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=np.float32)
    found = local(sp.csr_matrix(chosen), None, 1.0, Caution(1.0)).toarray()
    assert found[0, 1] == pytest.approx(2 / 3)
    assert not found[2].any()
    assert not found[:, 2].any()
