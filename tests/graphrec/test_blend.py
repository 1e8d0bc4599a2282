import json
from functools import cache

import numpy as np
import pytest

from graphrec import blend, cold, metrics, splits
from graphrec.blend import Blend
from graphrec.errors import UnknownScorer
from graphrec.scorers import FitContext, State
from graphrec.tensors import Histories
from tests.graphrec.graphs import known_graph, tastes

NAMES = ["content", "linear", "paths", "popularity"]


@cache
def learnt() -> Blend:
    return blend.learn(tastes(cold=3), FitContext(), scorers=NAMES)


def everybody() -> Histories:
    return tastes(cold=3).histories(np.arange(20))


def test_contributions_add_up_to_the_score_of_warm_and_cold_products() -> None:
    rows = np.arange(60)
    parts = learnt().contributions(everybody(), rows)
    np.testing.assert_allclose(sum(parts.values()), learnt().score(everybody()), atol=1e-4)
    assert set(parts) <= {*learnt().scorers, blend.PRIOR}


def test_what_is_restored_scores_the_same() -> None:
    state = learnt().state()
    again = Blend.restore(State(dict(state.arrays), json.loads(json.dumps(dict(state.settings)))))
    np.testing.assert_array_equal(again.score(everybody()), learnt().score(everybody()))
    assert again.parts == learnt().parts
    assert again.notes == learnt().notes


def test_the_blend_ranks_the_planted_taste_far_above_popularity() -> None:
    cut = splits.global_time_cut(tastes(seed=5))
    found = blend.learn(cut.known, FitContext(), scorers=NAMES)

    def quality(scorer) -> float:
        histories = cut.known.histories(cut.users)
        scores = scorer.score(histories)
        scores[histories.matrix(60).nonzero()] = -np.inf
        return float(metrics.measure(metrics.top(scores, 10), cut.truth)["recall"].mean())

    popularity = blend.learn(cut.known, FitContext(), scorers=["popularity"])
    assert quality(found) > 2 * quality(popularity)


def test_every_part_says_what_it_was_worth() -> None:
    assert [part.name for part in learnt().parts] == NAMES
    assert {part.name for part in learnt().parts if part.kept} == set(learnt().scorers)
    assert str(blend.Part("graph", 0.031, True)) == "graph +3.1%, kept"
    assert str(blend.Part("text", -0.004, False)) == "text -0.4%, dropped"


def test_one_scorer_alone_is_fitted_once_and_needs_no_cut() -> None:
    found = blend.learn(known_graph([[0], [1]], 2), FitContext(), scorers=["popularity"])
    assert found.weights == {"popularity": 1.0}
    assert "one scorer" in found.reason


def test_where_nothing_can_be_held_out_weights_are_equal_and_the_reason_says_so() -> None:
    found = blend.learn(known_graph([[0], [1], [0]], 3), FitContext(), scorers=["popularity", "linear"])
    assert found.weights == {"popularity": 0.5, "linear": 0.5}
    assert "equal weights" in found.reason


def test_an_unknown_scorer_is_refused_before_anything_is_fitted() -> None:
    with pytest.raises(UnknownScorer, match="did you mean 'linear'"):
        blend.learn(tastes(), FitContext(), scorers=["linaer"])


def test_cold_products_of_the_taste_outrank_the_other_cold_ones() -> None:
    known = tastes(cold=3)
    scores = learnt().score(known.histories())
    candidates = np.flatnonzero(~known.warm)
    best = candidates[scores[:, candidates].argmax(axis=1)]
    right = (best // 15 == np.arange(200) % 4).mean()
    assert right > 0.9


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4])
def test_cold_products_take_the_share_of_the_lists_that_was_asked_for(share: float) -> None:
    known = tastes(cold=3)
    found = blend.learn(known, FitContext(), scorers=NAMES, newcomers=share)
    scores = found.score(known.histories())
    scores[known.matrix.nonzero()] = -np.inf
    lists = metrics.top(scores, 20)
    assert (~known.warm)[lists].mean() == pytest.approx(share, abs=0.03)


def test_the_share_of_newcomers_is_read_from_time_where_there_is_one() -> None:
    at = [[1e9 + 1e5 * place for place in range(10)]] * 50
    lists = [[*range(9), 9 + user % 5] for user in range(50)]
    share, why = cold.newcomers(known_graph(lists, 20, at=at))
    assert share == pytest.approx(1.0)
    assert "latest tenth" in why
    assert cold.newcomers(known_graph([[0, 1], [1, 0]], 2))[0] == 0


def test_practice_hides_products_and_the_edges_that_cold_products_lack() -> None:
    known = tastes(cold=3)
    hidden = cold.hidden_products(known, 0)
    assert known.warm[hidden].all()
    smaller = cold.without(known, hidden)
    assert not smaller.warm[hidden].any()
    made = smaller.relations["Product", "MADE_BY", "Brand"]
    assert made.nnz == 60  # cold products have brands, so the hidden ones keep theirs


def test_progress_is_told_of_every_stage_to_its_end():
    told = {}

    def progress(what, done, total):
        told.setdefault(what, []).append((done, total))

    blend.learn(tastes(users=80, cold=2), FitContext(progress=progress), scorers=NAMES)
    assert {"fit scorers on the inner cut", "weigh scorers", "fit scorers on everything"} <= set(told)
    for steps in told.values():
        assert steps == sorted(steps)
        assert steps[-1][0] == steps[-1][1]
