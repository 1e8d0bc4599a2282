import numpy as np
import pytest
import scipy.sparse as sp

from graphrec.pathweights import DECAYS, Steps, _Lesson, decayed
from graphrec.scorers import FitContext
from graphrec.scorers.paths import Paths
from graphrec.splits import inner_cut
from graphrec.tensors import Histories
from graphrec.walks import walks
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


def test_same_second_products_count_alike_whatever_their_order() -> None:
    known = tastes()
    fitted = Paths.fit(known, FitContext())
    moments = np.array([1.0, 2.0, 2.0])
    one, other = (Histories(np.array([0, 3]), np.array(rows), moments, np.array([-1])) for rows in ([0, 1, 2], [0, 2, 1]))
    np.testing.assert_allclose(fitted.score(one), fitted.score(other), rtol=1e-5)
    assert decayed(one, 0.5).tolist() == [0.5, 1.0, 1.0]


def test_what_walks_say_of_the_listed_products_is_what_they_say_of_all() -> None:
    known = tastes(users=40)
    lesson = _Lesson(inner_cut(known), walks(known, None), DECAYS)
    batch = known.histories(np.arange(3))
    lists = np.array([[5, 0, 59], [1, 2, -1], [7, 30, 31]])
    values = lesson._features(batch, lists)
    for number, walk in enumerate(lesson.walks):
        for place, decay in enumerate(DECAYS):
            start = sp.csr_matrix((decayed(batch, decay), batch.product, batch.indptr), shape=(3, 60))
            expected = np.take_along_axis(walk.reach(start).toarray(), np.maximum(lists, 0), axis=1) * (lists >= 0)
            np.testing.assert_allclose(values[:, :, number * 3 + place], expected, rtol=1e-4, atol=1e-6)


def test_what_the_graph_and_the_text_are_worth_is_said_and_few_users_drop_nothing():
    known = tastes(users=300, groups=4, size=15, length=5, timed=True)
    text = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)  # says nothing
    text /= np.linalg.norm(text, axis=1, keepdims=True)
    scorer = Paths.fit(known, FitContext(text={"Product": text}))
    worth = scorer.steps.worth
    assert set(worth) == {"graph", "text"}
    assert worth["graph"] > 0.02 > worth["text"]  # the brand is the taste
    assert scorer.steps.dropped == ()
    fate = "kept" if worth["text"] >= 0 else "kept: too few users to drop it on their word"
    assert scorer.notes == (f"paths: the graph {worth['graph']:+.1%}, kept; text {worth['text']:+.1%}, {fate}",)
    assert Paths.restore(scorer.state()).notes == scorer.notes


def test_a_kind_of_walk_that_takes_away_is_dropped(monkeypatch):
    known = tastes(users=900, groups=4, size=15, length=5, timed=True)
    monkeypatch.setattr("graphrec.pathweights._Heads.quality", lambda _self, columns, _head: 1.0 + (~columns).mean())
    scorer = Paths.fit(known, FitContext())
    assert scorer.steps.worth["graph"] < 0
    assert {walk.kind for walk in scorer.walks} == {"chosen"}
    few = Paths.fit(tastes(users=100, groups=4, size=15, length=5, timed=True), FitContext())
    assert few.steps.worth["graph"] < 0
    assert few.steps.dropped == ()  # too few users to say so


def test_a_fit_of_few_users_costs_little_and_one_of_many_more() -> None:
    few, many = tastes(users=50), tastes(users=2_000)
    assert 0 < Paths.cost(few) < 1
    assert Paths.cost(many) > Paths.cost(few)
