from dataclasses import replace

import numpy as np
import pytest

from graphrec.scorers import FitContext
from graphrec.scorers.neighbours import Neighbours, Voting
from graphrec.tensors import Histories, KnownGraph
from tests.graphrec.graphs import known_graph, tastes

FRESH = np.linspace(0.1, 1.0, 60, dtype=np.float32)
"""How fresh each of the 60 products of `tastes` is."""


def slow(known: KnownGraph, history: list[int], voting: Voting) -> np.ndarray:
    """One user and one product at a time."""
    seen = known.matrix.toarray()
    degrees = np.maximum(seen.sum(axis=0), 1)
    near = np.zeros(len(seen))
    for user, row in enumerate(seen):
        for place, product in enumerate(reversed(history)):
            near[user] += row[product] * (1 + place) ** -voting.fading * degrees[product] ** -voting.rarity
        near[user] /= np.sqrt(row.sum())
    heard = near >= sorted(near)[-voting.nearest] if len(near) > voting.nearest else near >= 0
    scores = np.zeros(len(degrees))
    for user in np.flatnonzero(heard):
        scores += seen[user] * near[user] ** voting.sharpness
    return np.asarray(scores * FRESH**voting.trend / degrees**voting.discovery)


@pytest.mark.parametrize(
    "voting", [Voting(), Voting(nearest=20), Voting(1.0, 1.0, 3.0, 7, 0.4), Voting(sharpness=1.0), Voting(trend=0.5)]
)
def test_the_nearest_users_vote(voting: Voting) -> None:
    known, history = tastes(), [3, 17, 40]
    scores = Neighbours(known.matrix, FRESH, voting).score(Histories.of([history]))[0]
    np.testing.assert_allclose(scores, slow(known, history, voting), rtol=1e-4, atol=1e-6)


def test_many_users_are_gone_through_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted, some = Neighbours(tastes().matrix, FRESH, Voting()), tastes().histories(np.arange(7))
    whole = fitted.score(some)
    monkeypatch.setattr("graphrec.scorers.neighbours._HELD", 450)
    np.testing.assert_array_equal(fitted.score(some), whole)


def test_the_planted_taste_outranks_everything_else() -> None:
    known = tastes(groups=3, size=10, length=6)
    scores = Neighbours.fit(known, FitContext()).score(Histories.of([[10, 11, 12]]))[0]
    scores[[10, 11, 12]] = -np.inf
    assert set(np.argsort(-scores)[:5]) <= set(range(10, 20))


def test_terms_add_up_where_few_vote() -> None:
    fitted = Neighbours(tastes().matrix, FRESH, Voting(fading=0.5, sharpness=3.0, nearest=10, trend=0.5))
    history = Histories.of([[3, 20, 4]])
    for product in (5, 21, 50):
        assert sum(term.amount for term in fitted.terms(history, product)) == pytest.approx(
            fitted.score(history)[0, product], abs=1e-6
        )


def test_a_refit_keeps_the_voting() -> None:
    fitted = replace(Neighbours.fit(tastes(), FitContext()), voting=Voting(sharpness=3.0))
    assert fitted.refit(tastes(seed=1), FitContext()).voting == fitted.voting


def test_products_nobody_chose_are_not_scored_and_a_stranger_alike_nobody_gets_zeros() -> None:
    scores = Neighbours.fit(known_graph([[0, 1], [1, 0]], 4), FitContext()).score(Histories.of([[2], []]))
    assert scores.tolist() == [[0, 0, -np.inf, -np.inf]] * 2


def test_what_was_taken_up_lately_is_fresh_and_without_times_everything_is() -> None:
    lists, moments = [[0, 1], [0, 1], [1]], [[0.0, 0.0], [0.0, 160.0], [160.0]]
    fresh = Neighbours.fit(known_graph(lists, 2, at=moments), FitContext()).fresh
    assert fresh.tolist() == pytest.approx([(2 * 0.5**16 + 0.01) / 2.01, (0.5**16 + 2.01) / 3.01])
    assert Neighbours.fit(known_graph(lists, 2), FitContext()).fresh.tolist() == [1.0, 1.0]


def test_a_trend_is_chosen_where_old_products_have_gone_out_of_use() -> None:
    random = np.random.default_rng(0)
    lists = [[int(5 * (day // 4) + random.integers(10)) for day in sorted(random.integers(0, 80, 20))] for _ in range(300)]
    days = [[86_400.0 * (5 * place) for place in range(20)] for _ in lists]
    assert Neighbours.fit(known_graph(lists, 120, at=days), FitContext()).voting.trend > 0
    assert Neighbours.fit(tastes(timed=True), FitContext()).voting.trend == 0
