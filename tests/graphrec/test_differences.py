import numpy as np
import pytest

from graphrec import significance
from graphrec.differences import differences, pairs


def systems(users=200):
    random = np.random.default_rng(0)
    floor = random.random(users)
    return {
        "blend": floor + 0.1 + 0.05 * random.random(users),
        "popularity": floor,
        "twin": floor + 0.001 * random.normal(size=users),
    }


def test_each_pair_is_tested_over_the_same_users_and_corrected_for_all():
    values = systems()
    asked = pairs(list(values), "blend", "popularity")
    assert asked == [("blend", "popularity"), ("twin", "popularity"), ("blend", "twin")]
    found = differences(values, asked)
    tests = [significance.paired(values[against], values[system]) for system, against in asked]
    assert [one.p for one in found] == significance.holm([test.permutation_p for test in tests])
    assert [(one.difference, one.low, one.high) for one in found] == [(one.difference, one.low, one.high) for one in tests]
    assert [one.told for one in found] == [True, False, True]
    smallest = significance.smallest_difference(values["popularity"], values["blend"], level=0.05 / 3)
    assert found[0].smallest == smallest


def test_whether_two_are_told_apart_allows_for_how_many_are_compared():
    random = np.random.default_rng(0)
    runs, users, others = 60, 40, [f"s{number}" for number in range(6)]
    alarms = found = 0
    for _ in range(runs):
        values = {"first": random.normal(size=users)} | {name: random.normal(size=users) for name in others}
        alike = differences(values, [(name, "first") for name in others])
        alarms += any(one.told for one in alike)
        better = values | {"s0": values["s0"] + alike[0].smallest}
        found += differences(better, [(name, "first") for name in others])[0].told
    assert alarms <= 9  # 3 are expected; of the intervals alone, 16
    assert found >= 0.65 * runs


def test_a_difference_is_a_line_for_people():
    values = {"one": np.zeros(100), "other": np.full(100, 0.25)}
    (found,) = differences(values, [("other", "one")])
    assert str(found) == "+0.2500 [+0.2500, +0.2500], p < .001"
    assert found.smallest == 0


def test_equal_systems_are_not_told_apart():
    values = {"one": np.full(9, 0.5), "other": np.full(9, 0.5)}
    (found,) = differences(values, [("other", "one")])
    assert (found.difference, found.p, found.told) == (0, 1, False)


def test_many_users_are_drawn_fewer_times_and_no_less_than_a_thousand():
    values = systems(60_000)
    (found,) = differences(values, [("blend", "popularity")])
    assert found.p == pytest.approx(1 / 1001)
