import numpy as np
import pytest

from graphrec.pathweights import Steps, decayed
from graphrec.scorers import FitContext
from graphrec.scorers.paths import Paths
from graphrec.tensors import Histories
from tests.graphrec.graphs import known_graph, tastes


def test_the_score_is_the_sum_over_history_products_and_walks() -> None:
    """The docstring's formula, cell by cell."""
    known = tastes(cold=2)
    fitted = Paths.fit(known, FitContext())
    history = Histories.of([[3, 20, 4, 9]])
    scores = fitted.score(history)[0]
    for product in (5, 21, 14, 50):
        total = float(fitted.popularity[product])
        for walk in fitted.walks:
            for place, row in enumerate([9, 4, 20, 3]):
                factors = (1 / 2, 0.6**place, 0.2**place)
                weight = sum(w * factor for w, factor in zip(fitted.steps.weights[walk.name], factors, strict=True))
                total += weight * float(walk.column(np.array([row]), product)[0])
        assert scores[product] == pytest.approx(total, rel=0.01, abs=1e-3)


def test_a_product_nobody_chose_is_reached_through_its_brand() -> None:
    known = tastes(cold=2)
    scores = Paths.fit(known, FitContext()).score(Histories.of([[0, 1, 2]]))[0]
    cold = np.flatnonzero(~known.warm)
    assert set(cold[np.argsort(-scores[cold])[:2]]) == {13, 14}


def test_a_product_that_nothing_leads_to_is_not_scored() -> None:
    scores = Paths.fit(known_graph([[0, 1], [1, 0], [0, 2]], 4), FitContext()).score(Histories.of([[0]]))[0]
    assert np.isneginf(scores).tolist() == [False, False, False, True]


def test_the_planted_taste_outranks_the_others() -> None:
    scores = Paths.fit(tastes(seed=2), FitContext()).score(Histories.of([[15, 16, 17]]))[0]
    scores[15:18] = -np.inf
    assert set(np.argsort(-scores)[:10]) <= set(range(15, 30))


def test_a_refit_keeps_the_weights() -> None:
    fitted = Paths.fit(tastes(), FitContext())
    assert fitted.refit(tastes(seed=1), FitContext()).steps == fitted.steps


def test_what_lies_far_back_is_forgotten_under_a_decay() -> None:
    assert decayed(Histories.of([list(range(10))]), 0.2)[:5].tolist() == [0.0] * 5
    assert Steps.from_json(Steps({"a": (1.0, 2.0)}, (1.0, 0.6), 0.5).to_json()) == Steps({"a": (1.0, 2.0)}, (1.0, 0.6), 0.5)
