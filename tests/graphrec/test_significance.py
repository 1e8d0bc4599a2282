import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec import BadRequest, significance
from graphrec.significance import holm, interval, intervals, paired, smallest_difference


def drawn_one_by_one(values, draws=1000, seed=0):
    """The percentile bootstrap as it is written down: one resample after the other."""
    random = np.random.default_rng(seed)
    means = [values[random.integers(0, len(values), len(values))].mean() for _ in range(draws)]
    return tuple(float(edge) for edge in np.percentile(means, [2.5, 97.5]))


def test_the_interval_holds_the_mean_and_narrows_with_users():
    values = np.random.default_rng(0).random(2000)
    few, many = interval(values[:50]), interval(values)
    assert few[0] < values[:50].mean() < few[1]
    assert many[1] - many[0] < few[1] - few[0]
    assert interval(values) == interval(values)
    assert math.isnan(interval(np.zeros(0))[0])


@pytest.mark.parametrize("users", [2, 37, 5001])
def test_the_interval_is_that_of_resamples_drawn_one_by_one(users):
    values = np.random.default_rng(1).random(users) ** 3
    assert interval(values) == pytest.approx(drawn_one_by_one(values), abs=1e-12)


def test_the_interval_does_not_depend_on_how_many_draws_are_held_at_a_time(monkeypatch):
    values = np.random.default_rng(2).random(101)
    whole = interval(values)
    monkeypatch.setattr(significance, "_CELLS", 300)
    assert interval(values) == pytest.approx(whole, abs=1e-12)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(3)
    spans = [interval(random.exponential(size=80), seed=seed) for seed in range(300)]
    assert 0.89 < np.mean([low <= 1 <= high for low, high in spans]) < 0.98
    halves = [interval(random.exponential(size=80), seed=seed, share=0.5) for seed in range(300)]
    assert 0.4 < np.mean([low <= 1 <= high for low, high in halves]) < 0.6


def test_metrics_of_a_report_have_the_intervals_that_each_has_alone():
    values = {"recall": np.random.default_rng(4).random(60), "hit": np.random.default_rng(5).integers(0, 2, 60).astype(float)}
    assert intervals(values) == {name: pytest.approx(interval(one), abs=1e-12) for name, one in values.items()}
    assert intervals({}) == {}


def test_users_without_a_value_are_left_out_of_its_mean():
    values = np.where(np.arange(400) % 4 == 0, np.random.default_rng(6).random(400), np.nan)
    low, high = intervals({"auc": values, "hit": np.ones(400)})["auc"]
    alone = interval(values[::4])
    assert low < values[::4].mean() < high
    assert high - low == pytest.approx(alone[1] - alone[0], rel=0.25)
    assert all(math.isnan(edge) for edge in interval(np.full(3, np.nan)))


def test_a_draw_without_anybody_who_has_a_value_says_nothing():
    assert interval(np.array([0.5, 0.5, np.nan, np.nan, np.nan, np.nan])) == (0.5, 0.5)


def test_one_user_alone_has_no_interval():
    for values in (np.array([0.5]), np.array([0.5, np.nan, np.nan, np.nan])):
        assert all(math.isnan(edge) for edge in interval(values))


def swapped_in_every_way(difference):
    """The exact two-sided p of the sign-flip test."""
    means = [abs(np.mean(difference * signs)) for signs in itertools.product((-1, 1), repeat=len(difference))]
    return np.mean(np.array(means) >= abs(difference.mean()) - 1e-12)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=8))
def test_the_permutation_test_comes_near_the_exact_one(tenths):
    difference = np.array(tenths) / 10
    found = paired(np.full(len(difference), 0.3), 0.3 + difference)
    assert found.permutation_p == pytest.approx(swapped_in_every_way(difference), abs=0.025)


def test_three_users_worked_by_hand():
    found = paired(np.array([0.1, 0.2, 0.3]), np.array([0.2, 0.3, 0.4]))
    assert found.difference == pytest.approx(0.1)
    assert (found.low, found.high) == (pytest.approx(0.1), pytest.approx(0.1))
    assert found.permutation_p == pytest.approx(2 / 8, abs=0.02)  # all swapped or none, of eight ways


def test_the_tests_know_chance_from_a_real_difference():
    random = np.random.default_rng(7)
    one = random.random(300)
    better, same = one + random.normal(0.05, 0.1, 300), one + random.normal(0, 0.1, 300)
    real, none = paired(one, better), paired(one, same - (same - one).mean() + 0.002)
    assert real.low > 0
    assert max(real.bootstrap_p, real.permutation_p) < 0.001
    assert none.low < 0 < none.high
    assert min(none.bootstrap_p, none.permutation_p) > 0.5


def test_a_test_of_two_equal_systems_raises_a_false_alarm_as_often_as_its_level_says():
    random = np.random.default_rng(8)
    found = [paired(random.random(60), random.random(60), draws=400, seed=seed) for seed in range(400)]
    for p in ([one.permutation_p for one in found], [one.bootstrap_p for one in found]):
        assert 0.02 < np.mean(np.array(p) <= 0.05) < 0.09
        assert 0.4 < np.mean(np.array(p) <= 0.5) < 0.6


def test_swapping_the_systems_turns_the_difference_around():
    one, other = np.random.default_rng(9).random((2, 50))
    there, back = paired(one, other), paired(other, one)
    assert there.difference == -back.difference
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.permutation_p == back.permutation_p


def test_equal_systems_differ_by_nothing():
    values = np.random.default_rng(10).random(20)
    assert paired(values, values) == significance.Paired(0.0, 0.0, 0.0, 1.0, 1.0)


def test_users_without_a_value_of_both_systems_are_left_out():
    one, other = np.random.default_rng(12).random((2, 30))
    gaps = (np.append(values, [extra]) for values, extra in ((one, np.nan), (other, 0.5)))
    assert paired(*gaps) == paired(one, other)
    assert smallest_difference(np.append(one, 0.5), np.append(other, np.nan)) == smallest_difference(one, other)


def test_a_comparison_of_different_users_or_of_nobody_is_refused():
    with pytest.raises(BadRequest, match=r"for the same users \(got 2 and 3\)"):
        paired(np.zeros(2), np.zeros(3))
    for nobody in (np.zeros(0), np.full(2, np.nan)):
        with pytest.raises(BadRequest, match="nobody to compare"):
            paired(nobody, nobody)


def test_holm_on_the_numbers_of_a_textbook():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.7, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.floats(0.001, 0.999))
def test_holm_refuses_what_stepping_down_refuses(p_values, level):
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    rejected = set()
    for step, place in enumerate(order):
        if p_values[place] * (len(p_values) - step) > level:
            break
        rejected.add(place)
    assert {place for place, p in enumerate(holm(p_values)) if p <= level} == rejected


def test_a_difference_of_the_smallest_size_is_found_as_often_as_the_power_says():
    random = np.random.default_rng(11)
    true = (1.959964 + 0.841621) / math.sqrt(60)
    found = [paired(np.zeros(60), random.normal(true, 1, 60), draws=300, seed=seed).permutation_p <= 0.05 for seed in range(300)]
    assert 0.72 < np.mean(found) < 0.88


def test_the_smallest_difference_worked_by_hand():
    differences = np.array([0.0, 0.2, 0.4, 0.2])  # their standard deviation: the root of 0.08 / 3
    size = smallest_difference(np.zeros(4), differences, power=0.9, level=0.01)
    assert size == pytest.approx((2.575829 + 1.281552) * math.sqrt(0.08 / 3) / 2, abs=1e-6)


def test_one_user_shows_nothing():
    assert math.isnan(smallest_difference(np.zeros(1), np.ones(1)))
