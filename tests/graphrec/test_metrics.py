import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec import metrics
from graphrec.beyond import coverage


def slow(truth: set[int], listed: list[int], k: int) -> dict[str, float]:
    """The definitions, one user, in plain Python."""
    places = [place for place, product in enumerate(listed[:k]) if product in truth]
    ideal = sum(1 / math.log2(place + 2) for place in range(min(k, len(truth))))
    return {
        "recall": len(places) / len(truth),
        "precision": len(places) / k,
        "ndcg": sum(1 / math.log2(place + 2) for place in places) / ideal,
        "mrr": 1 / (1 + places[0]) if places else 0.0,
        "map": sum((before + 1) / (place + 1) for before, place in enumerate(places)) / min(k, len(truth)),
        "hit": float(bool(places)),
    }


def pairs_in_order(scores: list[float], truth: set[int]) -> float:
    """AUC by looking at every pair."""
    others = [score for product, score in enumerate(scores) if product not in truth]
    wins = [(scores[product] > other) + (scores[product] == other) / 2 for product in truth for other in others]
    return sum(wins) / len(wins) if wins else math.nan


lists = st.lists(st.permutations(range(8)), min_size=1, max_size=4)
truths = st.lists(st.sets(st.integers(0, 7), min_size=1), min_size=4, max_size=4)


def ones(truth: list[set[int]], products: int) -> sp.csr_matrix:
    rows = np.zeros((len(truth), products), dtype=np.float32)
    for row, chosen in enumerate(truth):
        rows[row, list(chosen)] = 1
    return sp.csr_matrix(rows)


@given(lists, truths, st.integers(1, 8))
def test_every_metric_agrees_with_its_definition_in_plain_python(ranked: list[list[int]], wanted: list[set[int]], k: int) -> None:
    found = metrics.measure(np.array(ranked)[:, :k], ones(wanted[: len(ranked)], 8))
    for row, (listed, one) in enumerate(zip(ranked, wanted, strict=False)):
        expected = slow(one, listed, k)
        assert {name: pytest.approx(values[row]) for name, values in found.items()} == expected


def test_a_user_worked_by_hand() -> None:
    found = metrics.measure(np.array([[7, 2, 5, 0]]), ones([{2, 0, 9}], 10))  # right at the second and the fourth place
    assert {name: values.tolist() for name, values in found.items()} == {
        "recall": [pytest.approx(2 / 3)],
        "precision": [0.5],
        "ndcg": [pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3) + 1 / 2))],
        "mrr": [0.5],
        "map": [pytest.approx((1 / 2 + 2 / 4) / 3)],
        "hit": [1.0],
    }


def test_the_best_list_scores_one_whether_a_user_chose_less_or_more_than_k() -> None:
    found = metrics.measure(np.array([[0, 1], [0, 2]]), ones([{0, 1, 2, 3, 4}, {0}], 5))
    assert found["map"].tolist() == found["ndcg"].tolist() == [1.0, 1.0]


def test_a_list_that_ends_early_is_a_list_of_wrong_products_from_there() -> None:
    truth = ones([{1, 2}], 4)
    short, wrong = (metrics.measure(np.array([one]), truth) for one in ([2, -1, -1], [2, 0, 3]))
    assert {name: values.tolist() for name, values in short.items()} == {name: values.tolist() for name, values in wrong.items()}


def test_k_above_the_number_of_products_leaves_places_free() -> None:
    scores = np.array([[0.3, 0.1, 0.2]], dtype=np.float32)
    found = metrics.measure(metrics.top(scores, 5), ones([{2}], 3))
    assert found["precision"].tolist() == [0.2]
    assert found["map"].tolist() == [0.5]


def test_users_without_truth_count_as_zero() -> None:
    found = metrics.measure(np.array([[0, 1]]), sp.csr_matrix((1, 2)))
    assert all(values.tolist() == [0.0] for values in found.values())


def test_lists_without_places_are_worth_nothing() -> None:
    found = metrics.measure(np.zeros((2, 0), dtype=np.int64), ones([{0}, set()], 2))
    assert all(values.tolist() == [0.0, 0.0] for values in found.values())


def test_a_place_without_product_is_no_hit_even_for_the_neighbouring_user() -> None:
    truth = sp.csr_matrix(np.array([[0, 1], [1, 0]]))
    assert not metrics.hits(np.array([[0, -1], [-1, -1]]), truth).any()


@given(st.lists(st.one_of(st.integers(0, 2).map(float), st.floats(-5, 5, width=32)), min_size=1, max_size=9), st.integers(1, 12))
def test_top_is_a_stable_sort_cut_at_k(scores: list[float], k: int) -> None:
    expected = sorted(range(len(scores)), key=lambda product: (-scores[product], product))[:k]
    found = metrics.top(np.array([scores], dtype=np.float32), k)[0].tolist()
    assert found == expected + [-1] * (k - len(expected))


def test_top_leaves_out_what_has_no_score() -> None:
    assert metrics.top(np.array([[-np.inf, 1.0, -np.inf]], dtype=np.float32), 3).tolist() == [[1, -1, -1]]


scored = st.lists(st.sampled_from([-np.inf, 0.0, 0.5, 1.0, 2.0]), min_size=5, max_size=5)


@settings(deadline=None)
@given(st.lists(scored, min_size=3, max_size=3), st.lists(st.sets(st.integers(0, 4)), min_size=3, max_size=3))
def test_auc_is_the_share_of_pairs_in_order(scores: list[list[float]], wanted: list[set[int]]) -> None:
    truth = ones(wanted, 5)
    ranks = metrics.ranks(np.array(scores, dtype=np.float32), truth)
    found = metrics.auc(ranks, metrics.counts(truth), np.full(3, 5))
    expected = [pairs_in_order(one, chosen) for one, chosen in zip(scores, wanted, strict=True)]
    assert found.tolist() == pytest.approx(expected, nan_ok=True)


@given(scored, st.sets(st.integers(0, 4)), st.sets(st.integers(0, 4)))
def test_what_is_no_candidate_has_no_rank_and_beats_nobody(scores: list[float], wanted: set[int], seen: set[int]) -> None:
    candidates = ~np.isin(np.arange(5), list(seen))
    truth = ones([wanted], 5)
    ranks = metrics.ranks(np.array([scores], dtype=np.float32), truth, candidates)
    found = metrics.auc(ranks, metrics.counts(truth), np.array([candidates.sum()]))
    left = [product for product in range(5) if product not in seen]
    chosen = {place for place, product in enumerate(left) if product in wanted}
    assert found[0] == pytest.approx(pairs_in_order([scores[product] for product in left], chosen), nan_ok=True)


def test_candidates_of_all_users_or_of_each() -> None:
    scores, truth = np.array([[3, 2, 1], [3, 2, 1]], dtype=np.float32), ones([{2}, {2}], 3)
    each = np.array([[True, True, True], [False, True, True]])
    assert metrics.ranks(scores, truth, each).tolist() == [3.0, 2.0]
    assert metrics.ranks(scores, truth, each[1]).tolist() == [2.0, 2.0]


def test_coverage_counts_a_product_once() -> None:
    assert coverage(np.array([[2, 0], [2, -1]]), 8) == 0.25
