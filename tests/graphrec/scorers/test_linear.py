import numpy as np
import pytest
import scipy.sparse as sp

from graphrec.scorers import FitContext
from graphrec.scorers.linear import Linear, gram, solve
from graphrec.tensors import Histories
from tests.graphrec.graphs import known_graph, tastes


def slow(chosen: np.ndarray, penalty: float) -> np.ndarray:
    """Every column by itself: ridge regression of one product on all the others."""
    products = chosen.shape[1]
    weights = np.zeros((products, products))
    for product in range(products):
        others = [other for other in range(products) if other != product]
        x, y = chosen[:, others], chosen[:, product]
        weights[others, product] = np.linalg.solve(x.T @ x + penalty * np.eye(len(others)), x.T @ y)
    return weights


@pytest.mark.parametrize("penalty", [0.5, 20.0])
def test_the_closed_form_is_a_ridge_regression_a_product(penalty: float) -> None:
    chosen = (np.random.default_rng(1).random((40, 9)) < 0.4).astype(float)
    np.testing.assert_allclose(solve(chosen.T @ chosen, penalty), slow(chosen, penalty), atol=1e-5)


def test_without_order_the_gram_counts_users_who_chose_both() -> None:
    known = known_graph([[0, 1, 2], [1, 2], [2]], 3, ordered=False)
    assert gram(known, np.arange(3)).tolist() == [[1, 1, 1], [1, 2, 2], [1, 2, 3]]


def test_with_order_neighbours_in_a_history_count_more_than_distant_products() -> None:
    pairs = gram(known_graph([[0, *range(2, 40), 1]], 41), np.array([0, 1, 2]))
    assert pairs[0, 2] > pairs[0, 1] > 0.5
    np.testing.assert_allclose(pairs, pairs.T)
    assert pairs[0, 2] == pytest.approx(0.5 + 0.5 * np.exp(-0.1))


def test_the_planted_taste_outranks_everything_else() -> None:
    known = tastes(groups=3, size=10, length=6)
    scores = Linear.fit(known, FitContext()).score(Histories.of([[10, 11, 12]]))[0]
    scores[[10, 11, 12]] = -np.inf
    assert set(np.argsort(-scores)[:5]) <= set(range(10, 20))


def test_a_refit_keeps_the_penalty() -> None:
    fitted = Linear.fit(tastes(), FitContext())
    assert fitted.refit(tastes(seed=1), FitContext()).penalty == fitted.penalty


def test_terms_add_up_to_the_score() -> None:
    fitted = Linear.fit(tastes(), FitContext())
    history = Histories.of([[3, 20, 4]])
    for product in (5, 21, 50):
        assert sum(term.amount for term in fitted.terms(history, product)) == pytest.approx(
            fitted.score(history)[0, product], abs=1e-5
        )


def test_beyond_the_limit_the_most_chosen_products_are_scored_and_the_note_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphrec.scorers.linear.LIMIT", 2)
    fitted = Linear.fit(known_graph([[0, 1, 2], [1, 2], [2, 1]], 4), FitContext())
    assert np.isfinite(fitted.score(Histories.of([[2]]))[0]).tolist() == [False, True, True, False]
    assert "2 most-chosen" in fitted.notes[0]
    assert isinstance(fitted.weights, sp.csr_matrix)
