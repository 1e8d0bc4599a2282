import math
from itertools import combinations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from graphrec import beyond, metrics
from graphrec.beyond import calibration, coverage, gini, intra_list_diversity, novelty, popularity_lift, serendipity

PRODUCTS = 6
one_list = st.permutations(range(PRODUCTS)).flatmap(lambda order: st.integers(0, 4).map(lambda n: [*order[:n], *[-1] * (4 - n)]))
lists = st.lists(one_list, min_size=1, max_size=4).map(np.array)
features = st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=PRODUCTS, max_size=PRODUCTS).map(np.array)


def histories(chosen, products=PRODUCTS):
    """[b, products] ones."""
    return sp.csr_matrix(np.array([[product in one for product in range(products)] for one in chosen], dtype=np.float32))


def mean(values):
    return sum(values) / len(values) if values else math.nan


def real(listed):
    return [product for product in listed if product >= 0]


@given(lists)
def test_gini_is_half_the_mean_difference_over_the_mean(shown):
    times = [sum(product in one for one in shown) for product in range(PRODUCTS)]
    differences = sum(abs(a - b) for a in times for b in times)
    expected = differences / (2 * PRODUCTS * sum(times)) if sum(times) else math.nan
    assert gini(shown, PRODUCTS) == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_one_product_for_everybody_is_as_unequal_as_can_be():
    assert gini(np.zeros((50, 1), dtype=np.int64), 1000) == pytest.approx(0.999)


def test_coverage_counts_products_and_not_places():
    assert coverage(np.array([[2, 0], [2, -1]]), 8) == 0.25
    assert coverage(np.full((2, 2), -1), 8) == 0.0


@given(lists, st.lists(st.integers(0, 9), min_size=PRODUCTS, max_size=PRODUCTS))
def test_novelty_is_the_mean_of_the_bits(shown, counts):
    expected = [mean([math.log2(9 / max(counts[product], 1)) for product in real(one)]) for one in shown]
    assert novelty(shown, np.array(counts), users=9).tolist() == pytest.approx(expected, nan_ok=True)


def test_a_product_that_half_of_the_users_chose_is_worth_one_bit():
    assert novelty(np.array([[0]]), np.array([50]), users=100).tolist() == [1.0]


@given(lists, st.lists(st.sets(st.integers(0, 5)), min_size=4, max_size=4), st.data())
def test_serendipity_counts_hits_that_are_not_expected(shown, wanted, data):
    expected = np.array([data.draw(one_list) for _ in shown])
    found = metrics.hits(shown, histories(wanted[: len(shown)]))
    right = [
        len((set(real(one)) & truth) - set(real(plain))) / 4 for one, truth, plain in zip(shown, wanted, expected, strict=False)
    ]
    assert serendipity(shown, found, expected).tolist() == pytest.approx(right)


def test_popularity_itself_is_never_serendipitous():
    shown = np.array([[3, 1, 2], [0, 2, -1]])
    assert serendipity(shown, shown >= 0, shown).tolist() == [0.0, 0.0]


@given(lists, features)
def test_diversity_is_the_mean_over_pairs(shown, described):
    def apart(a, b):
        return 1 - described[a] @ described[b] / np.linalg.norm(described[a]) / np.linalg.norm(described[b])

    known = [[product for product in real(one) if described[product].any()] for one in shown]
    expected = [mean([apart(a, b) for a, b in combinations(one, 2)]) for one in known]
    found = intra_list_diversity(shown, sp.csr_matrix(described.astype(np.float64)))
    assert found.tolist() == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_diversity_of_all_alike_and_of_nothing_in_common():
    found = intra_list_diversity(np.array([[0, 1], [0, 2]]), sp.csr_matrix([[1, 1, 0], [2, 2, 0], [0, 0, 1]]))
    assert found.tolist() == pytest.approx([0.0, 1.0])


def test_lift_is_the_quotient_of_mean_popularities():
    counts = np.array([8, 4, 2, 1])
    shown, chosen = np.array([[0, 1], [0, -1], [-1, -1], [3, 2]]), histories([{2, 3}, {1}, {0}, set()], 4)
    before = (3 / 2 + 4) / 2  # of those who have a list too
    after = (6 + 8) / 2  # of those who have a history too
    assert popularity_lift(shown, chosen, counts) == pytest.approx(after / before - 1)


def test_lists_of_what_users_chose_lift_nothing():
    assert popularity_lift(np.array([[0, 2], [1, -1]]), histories([{0, 2}, {1}]), np.arange(1, 7)) == 0.0
    assert math.isnan(popularity_lift(np.array([[-1]]), histories([{0}]), np.arange(6)))


def mixture(products, categories):
    """The mean of each product's shares, of those that have a category."""
    rows = [categories[product] / categories[product].sum() for product in products if categories[product].any()]
    return np.mean(rows, axis=0) if rows else None


def divergence(p, q, alpha):
    smooth = (1 - alpha) * q + alpha * p
    return sum(a * math.log(a / b) for a, b in zip(p, smooth, strict=True) if a > 0)


@given(lists, st.lists(st.sets(st.integers(0, 5)), min_size=4, max_size=4), features, st.sampled_from([0.01, 0.3]))
def test_calibration_is_the_divergence_of_the_mixtures(shown, chosen, described, alpha):
    member = (described > 0).astype(np.float32)
    chosen = chosen[: len(shown)]
    expected = []
    for one, history in zip(shown, chosen, strict=True):
        p, q = mixture(history, member), mixture(real(one), member)
        expected.append(math.nan if p is None or q is None else divergence(p, q, alpha))
    found = calibration(shown, histories(chosen), sp.csr_matrix(member), alpha=alpha)
    assert found.tolist() == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_a_list_of_other_categories_alone_is_as_far_as_alpha_allows():
    found = calibration(np.array([[1]]), histories([{0}], 2), sp.csr_matrix(np.eye(2)))
    assert found.tolist() == [pytest.approx(-math.log(0.01))]


def test_calibration_does_not_depend_on_how_many_users_are_held_at_a_time(monkeypatch):
    random = np.random.default_rng(0)
    shown = np.argsort(random.random((30, 20)), axis=1)[:, :5]
    chosen, member = sp.random(30, 20, 0.3, random_state=1, format="csr"), sp.random(20, 4, 0.5, random_state=2, format="csr")
    chosen.data[:] = member.data[:] = 1
    whole = calibration(shown, chosen, member)
    monkeypatch.setattr(beyond, "_BLOCK", 12)
    assert calibration(shown, chosen, member).tolist() == whole.tolist()


def test_users_without_a_list_have_no_values():
    empty, member = np.full((1, 3), -1), sp.csr_matrix(np.eye(6))
    assert math.isnan(novelty(empty, np.ones(6, dtype=np.int64), users=3)[0])
    assert math.isnan(intra_list_diversity(empty, member)[0])
    assert math.isnan(calibration(empty, histories([{0}]), member)[0])
    assert math.isnan(gini(empty, 6))
    assert serendipity(empty, np.zeros((1, 3), dtype=bool), empty).tolist() == [0.0]
