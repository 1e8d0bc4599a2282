"""What every scorer promises; a new file in graphrec/scorers is tested by existing."""

import json
from functools import cache

import numpy as np
import pytest

from graphrec import scorers
from graphrec.errors import UnknownScorer
from graphrec.scorers import FitContext, Refitting, Refreshing, Scorer, SelfExplaining, State
from graphrec.tensors import Histories, KnownGraph
from tests.graphrec.graphs import known_graph, tastes

NAMES = scorers.names()
pytestmark = pytest.mark.parametrize("name", NAMES)


@cache
def shop() -> KnownGraph:
    return tastes(users=60, groups=3, size=8, length=5, cold=2)


@cache
def fitted(name: str) -> Scorer:
    return scorers.load(name).fit(shop(), FitContext(seed=3))


def everybody() -> Histories:
    """Known users, a stranger with a history, a stranger without, and one who chose a product nobody had chosen."""
    known = shop().histories(np.arange(5))
    others = Histories.of([[0, 9], [], [7]])
    return Histories(
        np.concatenate([known.indptr, others.indptr[1:] + known.indptr[-1]]),
        np.concatenate([known.product, others.product]),
        np.concatenate([known.at, others.at]),
        np.concatenate([known.user, others.user]),
    )


def test_its_class_is_named_like_its_file(name: str) -> None:
    assert scorers.load(name).name == name


def test_it_scores_every_product_for_every_user_of_a_batch(name: str) -> None:
    scores = fitted(name).score(everybody())
    assert scores.shape == (8, len(shop().products))
    assert scores.dtype == np.float32
    assert not np.isnan(scores).any()
    assert not np.isposinf(scores).any()


def test_what_is_restored_scores_the_same(name: str) -> None:
    state = fitted(name).state()
    arrays = {key: np.array(value) for key, value in state.arrays.items()}
    assert all(value.dtype.kind in "fiub" for value in arrays.values())
    again = type(fitted(name)).restore(State(arrays, json.loads(json.dumps(dict(state.settings)))))
    np.testing.assert_array_equal(again.score(everybody()), fitted(name).score(everybody()))


def test_the_same_seed_gives_the_same_scores(name: str) -> None:
    again = scorers.load(name).fit(shop(), FitContext(seed=3))
    np.testing.assert_array_equal(again.score(everybody()), fitted(name).score(everybody()))


def test_a_batch_scores_like_its_users_one_by_one(name: str) -> None:
    whole = fitted(name).score(everybody())
    single = np.concatenate([fitted(name).score(one) for one in everybody().batches(1)])
    np.testing.assert_allclose(whole, single, rtol=1e-4, atol=1e-4)


def test_an_empty_batch_has_no_rows(name: str) -> None:
    assert fitted(name).score(everybody().slice(0, 0)).shape == (0, len(shop().products))


@pytest.mark.parametrize("lists, products", [([[0], [1], [0]], 2), ([[0, 1], [1, 2], [2, 0]], 3), ([[0, 1, 2]], 5)])
@pytest.mark.parametrize("ordered", [True, False])
def test_graphs_of_a_few_users_without_relations_or_texts_can_be_learnt(
    name: str, lists: list[list[int]], products: int, ordered: bool
) -> None:
    scorer = scorers.load(name).fit(known_graph(lists, products, ordered=ordered), FitContext())
    scores = scorer.score(Histories.of([[0], []]))
    assert scores.shape == (2, products)
    assert not np.isnan(scores).any()


def test_a_refit_works_on_a_larger_graph(name: str) -> None:
    scorer = fitted(name)
    if isinstance(scorer, Refitting):
        larger = tastes(users=90, groups=3, size=9, length=5)
        assert scorer.refit(larger, FitContext(seed=3)).score(Histories.of([[1]])).shape == (1, 27)


def test_a_refresh_on_the_same_graph_changes_nothing(name: str) -> None:
    scorer = fitted(name)
    if isinstance(scorer, Refreshing):
        state = scorer.state()
        settings = json.loads(json.dumps(dict(state.settings)))
        for one in (scorer, type(scorer).restore(State(dict(state.arrays), settings))):
            again = one.refresh(shop(), shop(), FitContext(seed=3))
            np.testing.assert_allclose(again.score(everybody()), scorer.score(everybody()), rtol=1e-4, atol=1e-5)


def test_its_terms_add_up_to_its_score(name: str) -> None:
    scorer = fitted(name)
    if not isinstance(scorer, SelfExplaining):
        pytest.skip("explains nothing")
    for row in range(len(everybody())):
        one = everybody().slice(row, row + 1)
        scores = scorer.score(one)[0]
        for product in range(0, len(scores), 3):
            if np.isfinite(scores[product]):
                terms = scorer.terms(one, product)
                assert sum(term.amount for term in terms) == pytest.approx(scores[product], rel=1e-4, abs=1e-4)
                assert all(term.product in (-1, *one.product) for term in terms)


def test_a_typing_mistake_is_told(name: str) -> None:
    with pytest.raises(UnknownScorer, match=name):
        scorers.load(name + "x")
