import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from graphrec.comparison.standing import difference, holm


def test_p_agrees_with_scipys_permutation_test():
    random = np.random.default_rng(5)
    one, other = random.random(40), random.random(40) + 0.08
    found = difference(one, other)
    exact = stats.permutation_test((one - other,), np.mean, permutation_type="samples", n_resamples=20_000, rng=random)
    assert found.p == pytest.approx(exact.pvalue, abs=0.02)
    assert found.mean == pytest.approx((one - other).mean())
    assert found.low < found.mean < found.high


def test_equal_systems_differ_by_nothing():
    same = difference(np.linspace(0, 1, 30), np.linspace(0, 1, 30))
    assert (same.mean, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_chance_alone_seldom_seems_a_difference():
    random = np.random.default_rng(0)
    low = sum(difference(random.random(60), random.random(60), seed=seed).p < 0.05 for seed in range(60))
    assert low <= 9


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_raises_and_keeps_the_order(p_values):
    raised = holm(p_values)
    assert all(one <= other <= 1 for one, other in zip(p_values, raised, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(raised)[order]) >= 0).all()
    if p_values:
        assert min(raised) == pytest.approx(min(1, min(p_values) * len(p_values)))
