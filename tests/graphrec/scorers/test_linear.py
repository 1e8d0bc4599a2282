import numpy as np
import pytest

from graphrec.scorers import FitContext
from graphrec.scorers.linear import Linear, gram
from graphrec.tensors import Histories
from tests.graphrec.graphs import known_graph, tastes


def test_without_order_the_gram_counts_users_who_chose_both() -> None:
    known = known_graph([[0, 1, 2], [1, 2], [2]], 3, ordered=False)
    assert gram(known, np.arange(3)).tolist() == [[1, 1, 1], [1, 2, 2], [1, 2, 3]]


def test_times_that_are_all_equal_say_nothing_of_the_order() -> None:
    lists = [[0, 1, 2], [1, 2], [2]]
    known = known_graph(lists, 3, at=[[7.0] * len(one) for one in lists])
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


def test_a_refit_keeps_the_caution() -> None:
    fitted = Linear.fit(tastes(), FitContext())
    assert fitted.refit(tastes(seed=1), FitContext()).caution == fitted.caution


def test_terms_add_up_to_the_score() -> None:
    fitted = Linear.fit(tastes(), FitContext())
    history = Histories.of([[3, 20, 4]])
    for product in (5, 21, 50):
        assert sum(term.amount for term in fitted.terms(history, product)) == pytest.approx(
            fitted.score(history)[0, product], abs=1e-5
        )


def test_beyond_the_limit_every_chosen_product_is_scored_and_the_note_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphrec.scorers.linear.LIMIT", 2)
    fitted = Linear.fit(known_graph([[0, 1, 2], [1, 2], [2, 1]], 4), FitContext())
    assert np.isfinite(fitted.score(Histories.of([[2]]))[0]).tolist() == [True, True, True, False]
    assert "the 100 most like it" in fitted.notes[0]


@pytest.mark.parametrize("ordered", [True, False])
def test_beyond_the_limit_neighbours_that_are_all_give_the_dense_weights(monkeypatch: pytest.MonkeyPatch, ordered: bool) -> None:
    known = known_graph([[0, 1, 2], [1, 2, 3, 0], [3, 2, 1], [0, 3, 2]], 4, ordered=ordered)
    dense = Linear.fit_with(known, 2.0).weights.toarray()
    monkeypatch.setattr("graphrec.scorers.linear.LIMIT", 2)
    np.testing.assert_allclose(Linear.fit_with(known, 2.0).weights.toarray(), dense, atol=1e-5)


def test_terms_beyond_the_limit_add_up_to_the_score(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphrec.scorers.linear.LIMIT", 2)
    fitted, history = Linear.fit(tastes(), FitContext()), Histories.of([[3, 20, 4]])
    for product in (5, 21, 50):
        assert sum(term.amount for term in fitted.terms(history, product)) == pytest.approx(
            fitted.score(history)[0, product], abs=1e-5
        )


def test_a_larger_catalogue_is_said_to_cost_more() -> None:
    assert 0 < Linear.cost(tastes(size=10)) < Linear.cost(tastes(size=40))
