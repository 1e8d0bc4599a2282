"""The self-attention scorer on planted orders."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from graphrec.metrics import top
from graphrec.scorers import FitContext
from graphrec.scorers.sequence import Sequence, SequenceConfig
from graphrec.tensors import Floats, Histories, KnownGraph
from tests.graphrec.graphs import known_graph, tastes

ROUND = 24
QUICK = SequenceConfig(passes=16)


@cache
def circle(*, backwards: bool = False) -> KnownGraph:
    """Everybody walks round a circle of products, one to two steps at a time; backwards: the other way."""
    random = np.random.default_rng(0)
    lists = [(random.integers(0, ROUND) + np.cumsum(random.integers(1, 3, 7))) % ROUND for _ in range(200)]
    return known_graph([one[:: -1 if backwards else 1].tolist() for one in lists], ROUND + 2)


@cache
def fitted(*, backwards: bool = False) -> Sequence:
    return Sequence.fit_with(circle(backwards=backwards), FitContext(), QUICK)


def best(scorer: Sequence, histories: Histories, k: int) -> Floats:
    scores = scorer.score(histories)
    scores[np.repeat(np.arange(len(histories)), np.diff(histories.indptr)), histories.product] = -np.inf
    return top(scores, k)


@pytest.mark.parametrize("backwards", [False, True])
def test_what_comes_next_in_a_planted_order_is_learnt(backwards: bool) -> None:
    step = -1 if backwards else 1
    histories = Histories.of([[(row - 3 * step) % ROUND, (row - step) % ROUND, row] for row in range(ROUND)])
    found = best(fitted(backwards=backwards), histories, 2)
    expected = [{(row + step) % ROUND, (row + 2 * step) % ROUND} for row in range(ROUND)]
    assert (
        np.mean([len(set(one.tolist()) & right) / 2 for one, right in zip(found, expected, strict=True)]) > 0.8
    )  # .09 by chance


def test_products_nobody_chose_are_not_scored() -> None:
    np.testing.assert_array_equal(np.isneginf(fitted().score(Histories.of([[0], []]))), np.tile(~circle().warm, (2, 1)))


def test_a_stranger_scores_like_the_user_who_chose_the_same() -> None:
    known = circle().histories(np.arange(4))
    np.testing.assert_array_equal(fitted().score(known), fitted().score(replace(known, user=np.full(4, -1))))


def test_somebody_without_a_history_is_recommended_what_is_popular() -> None:
    known = known_graph([[0, 1, 2], [0, 2, 1], [1, 0], [0, 3]] * 20, 4)
    scores = Sequence.fit(known, FitContext()).score(Histories.of([[]]))[0]
    assert top(scores[None], 4)[0].tolist()[0] == 0
    assert top(scores[None], 4)[0].tolist()[-1] == 3


def test_what_was_chosen_in_the_same_second_has_no_order() -> None:
    one, other = Histories.of([[5, 1, 2, 3]]), Histories.of([[5, 3, 1, 2]])
    at = np.array([1.0, 2, 2, 2])
    scores = [fitted().score(replace(each, at=at)) for each in (one, other)]
    np.testing.assert_allclose(*scores, atol=1e-4)
    assert np.abs(np.subtract(*(fitted().score(each)[0, :ROUND] for each in (one, other)))).max() > 0.1


def test_the_order_of_rows_within_a_second_is_not_learnt() -> None:
    lists = [one.tolist() for one in np.split(circle().interactions.product, 200)]
    times = [[0.0, 0, 0, 1, 1, 1, 1]] * 200
    scores = [
        Sequence.fit_with(known_graph(each, ROUND, at=times), FitContext(), QUICK).score(Histories.of([[3], [4, 5]]))
        for each in (lists, [[*one[2::-1], *one[:2:-1]] for one in lists])
    ]
    np.testing.assert_allclose(*scores, atol=1.0)
    assert np.corrcoef(scores[0].ravel(), scores[1].ravel())[0, 1] > 0.95


@pytest.mark.parametrize("at", [None, 7.0], ids=["nothing is known", "all at one moment"])
def test_without_an_order_there_is_no_opinion_and_a_note(at: float | None) -> None:
    lists = [[0, 1], [1, 2], [2, 0]]
    known = known_graph(lists, 3, at=None if at is None else [[at, at]] * 3, ordered=at is not None)
    scorer = Sequence.fit(known, FitContext())
    assert np.isneginf(scorer.score(Histories.of([[0], []]))).all()
    assert scorer.notes == ("sequence: nothing says who chose what first, so nothing was learnt of the order",)
    assert not fitted().notes


def test_what_comes_again_is_foretold_where_it_does() -> None:
    random = np.random.default_rng(2)
    lists = [[one for row in random.permutation(12)[:4] for one in (int(row), int(row))] for _ in range(200)]
    often = Sequence.fit_with(known_graph(lists, 12), FitContext(), QUICK)
    never = Sequence.fit_with(known_graph([one[::2] for one in lists], 12), FitContext(), QUICK)
    histories = Histories.of([[row] for row in range(12)])
    place = [(scorer.score(histories) >= np.diag(scorer.score(histories))[:, None]).sum(axis=1) for scorer in (often, never)]
    assert place[0].mean() < 2
    assert place[1].mean() > 6


def test_a_refit_takes_as_many_steps_and_the_same_seed_gives_the_same() -> None:
    again = fitted().refit(circle(), FitContext())
    assert again.steps == fitted().steps
    np.testing.assert_array_equal(again.score(Histories.of([[1, 2]])), fitted().score(Histories.of([[1, 2]])))


def test_text_that_is_missing_or_no_number_is_survived() -> None:
    known = tastes(users=40, groups=2, size=10)
    text = np.zeros((20, 8), dtype=np.float32)
    text[3], text[4] = np.nan, 1
    assert not np.isnan(Sequence.fit(known, FitContext(text={"Product": text})).score(Histories.of([[3], [4], []]))).any()


def test_a_fit_costs_more_on_more_data_and_nothing_without_order() -> None:
    small, large, unordered = tastes(users=50), tastes(users=2000, groups=40), known_graph([[0, 1]], 2, ordered=False)
    assert 0 == Sequence.cost(unordered) < Sequence.cost(small) < Sequence.cost(large)
