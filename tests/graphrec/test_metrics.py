import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from graphrec import metrics


def slow(truth: set[int], listed: list[int], k: int) -> dict[str, float]:
    """The definitions, one user, in plain Python."""
    places = [place for place, product in enumerate(listed[:k]) if product in truth]
    ideal = sum(1 / math.log2(place + 2) for place in range(min(k, len(truth))))
    return {
        "recall": len(places) / len(truth),
        "ndcg": sum(1 / math.log2(place + 2) for place in places) / ideal,
        "hit": float(bool(places)),
        "mrr": 1 / (1 + places[0]) if places else 0.0,
    }


lists = st.lists(st.permutations(range(8)), min_size=1, max_size=4)
truths = st.lists(st.sets(st.integers(0, 7), min_size=1), min_size=4, max_size=4)


@given(lists, truths, st.integers(1, 8))
def test_every_metric_agrees_with_its_definition_in_plain_python(ranked: list[list[int]], wanted: list[set[int]], k: int) -> None:
    truth = sp.csr_matrix(np.array([[product in one for product in range(8)] for one in wanted[: len(ranked)]], dtype=np.float32))
    found = metrics.measure(np.array(ranked)[:, :k], truth)
    for row, (listed, one) in enumerate(zip(ranked, wanted, strict=False)):
        expected = slow(one, listed, k)
        assert {name: pytest.approx(values[row]) for name, values in found.items()} == expected


def test_users_without_truth_count_as_zero() -> None:
    found = metrics.measure(np.array([[0, 1]]), sp.csr_matrix((1, 2)))
    assert all(values.tolist() == [0.0] for values in found.values())


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


def test_the_interval_holds_the_mean_and_narrows_with_users() -> None:
    values = np.random.default_rng(0).random(2000)
    few, many = metrics.interval(values[:50]), metrics.interval(values)
    assert few[0] < values[:50].mean() < few[1]
    assert many[1] - many[0] < few[1] - few[0]
    assert metrics.interval(values) == metrics.interval(values)
    assert math.isnan(metrics.interval(np.zeros(0))[0])
