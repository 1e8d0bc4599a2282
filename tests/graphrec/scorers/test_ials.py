import numpy as np
import pytest
import scipy.sparse as sp

from graphrec.scorers import FitContext
from graphrec.scorers import ials as module
from graphrec.scorers.ials import Ials, solved
from graphrec.tensors import Histories
from tests.graphrec.graphs import known_graph, tastes


def slow(chosen: np.ndarray, factors: np.ndarray, unseen: float, penalty: float) -> np.ndarray:
    """Every row by itself, as the weighted ridge regression that it is."""
    found = np.zeros((len(chosen), factors.shape[1]))
    for row, one in enumerate(chosen):
        root = np.sqrt(one + unseen)
        firm = penalty * (one.sum() + unseen * len(factors))
        system = (root[:, None] * factors).T @ (root[:, None] * factors) + firm * np.eye(factors.shape[1])
        found[row] = np.linalg.solve(system, factors.T @ one)
    return found


@pytest.mark.parametrize("cells", [1, 200, 1_000_000])
def test_factors_are_those_of_a_weighted_ridge_regression(monkeypatch: pytest.MonkeyPatch, cells: int) -> None:
    monkeypatch.setattr(module, "_CELLS", cells)
    random = np.random.default_rng(0)
    chosen = (random.random((17, 12)) < 0.3).astype(np.float32)
    chosen[3] = 0
    factors = random.standard_normal((12, 4)).astype(np.float32)
    found = solved(sp.csr_matrix(chosen), factors, 0.2, 0.05)
    np.testing.assert_allclose(found, slow(chosen, factors, 0.2, 0.05), atol=1e-4)
    assert not found[3].any()


def test_the_planted_taste_outranks_everything_else() -> None:
    scores = Ials.fit(tastes(groups=3, size=10, length=6), FitContext()).score(Histories.of([[10, 11, 12]]))[0]
    scores[[10, 11, 12]] = -np.inf
    assert set(np.argsort(-scores)[:5]) <= set(range(10, 20))


def test_a_stranger_with_the_history_of_a_known_user_is_scored_like_that_user() -> None:
    known = tastes()
    fitted, told = Ials.fit(known, FitContext()), known.histories(np.array([7]))
    stranger = Histories(told.indptr, told.product, told.at, np.array([-1]))
    np.testing.assert_array_equal(fitted.score(told), fitted.score(stranger))


def test_products_nobody_chose_are_not_scored() -> None:
    fitted = Ials.fit(known_graph([[0, 1], [1, 3], [3, 0]], 5), FitContext())
    assert np.isfinite(fitted.score(Histories.of([[0], [2]]))).tolist() == [[True, True, False, True, False]] * 2


def test_a_refit_keeps_the_penalty() -> None:
    fitted = Ials.fit(tastes(), FitContext())
    assert fitted.refit(tastes(seed=1), FitContext()).penalty == fitted.penalty


def test_a_larger_graph_is_said_to_cost_more() -> None:
    assert 0 < Ials.cost(tastes(users=50)) < Ials.cost(tastes(users=500))
