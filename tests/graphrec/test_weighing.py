import numpy as np
import pytest

from graphrec.weighing import Panel, climb, regress, standardise, weigh


def panel(*, users: int = 200, seed: int = 0) -> Panel:
    """Three scorers: a good one, one that knows something else, and noise."""
    random = np.random.default_rng(seed)
    truth = random.random((users, 60)) < 0.05
    truth[:, 0] = True
    first, second = random.random((users, 60)) < 0.5, random.random((users, 60)) < 0.5
    good = np.where(truth & first, 2.0, 0.0) + random.normal(0, 0.5, truth.shape)
    other = np.where(truth & second, 2.0, 0.0) + random.normal(0, 0.7, truth.shape)
    values = np.stack([good, other, random.normal(0, 1, truth.shape)], axis=2).astype(np.float32)
    return Panel(values, np.ones_like(truth), truth, truth.sum(axis=1))


@pytest.mark.parametrize("way", [climb, regress])
def test_weights_beat_every_single_scorer_on_other_users(way) -> None:
    weights = way(panel(), [0, 1, 2])
    other = panel(seed=1)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    assert other.quality(weights) > max(other.quality(one) for one in np.eye(3)) + 0.02


def test_noise_is_dropped_and_what_helps_is_kept() -> None:
    found = weigh(panel())
    assert found.weights[2] == 0
    assert (found.weights[:2] > 0).all()
    assert found.gains[0] > 0.01
    assert found.gains[2] < 0.001
    assert found.intervals[0, 0] < found.gains[0] < found.intervals[0, 1]
    assert found.intervals[0, 0] > 0


def test_scorers_without_an_opinion_get_no_weight() -> None:
    one = panel()
    silent = Panel(np.zeros_like(one.values), one.candidate, one.truth, one.wanted)
    assert not weigh(silent).weights.any()


def test_standardised_scores_do_not_change_with_scale_or_shift() -> None:
    scores = np.random.default_rng(0).normal(size=(4, 50)).astype(np.float32)
    warm = np.arange(50) < 40
    np.testing.assert_allclose(standardise(scores, warm), standardise(scores * 7 + 3, warm), atol=1e-4)


def test_a_scorer_that_says_the_same_of_everything_says_nothing() -> None:
    assert not standardise(np.full((2, 30), 5.0, dtype=np.float32), np.ones(30, dtype=bool)).any()


def test_no_opinion_is_neutral() -> None:
    scores = np.array([[1.0, 2.0, -np.inf, 9.0]], dtype=np.float32)
    assert standardise(scores, np.ones(4, dtype=bool))[0, 2] == 0


def test_what_is_no_number_is_no_opinion_and_changes_nothing_else() -> None:
    scores = np.random.default_rng(0).normal(0, 1, (3, 60)).astype(np.float32)
    nowhere, silent = scores.copy(), scores.copy()
    nowhere[:, 5:9], silent[:, 5:9] = np.nan, -np.inf
    np.testing.assert_array_equal(standardise(nowhere, np.ones(60, dtype=bool)), standardise(silent, np.ones(60, dtype=bool)))


def test_few_users_leave_the_weights_near_equal_and_many_do_not():
    def weights(users):
        random = np.random.default_rng(0)
        truth = np.zeros((users, 40), dtype=bool)
        truth[np.arange(users), random.integers(0, 40, users)] = True
        told = truth + random.normal(0, 0.3, truth.shape)
        values = np.stack([told, random.normal(0, 1, truth.shape)], axis=2).astype(np.float32)
        return weigh(Panel(values, np.ones_like(truth), truth, np.ones(users, dtype=np.int64))).weights

    assert weights(20)[1] == pytest.approx(0.45, abs=0.05)
    assert weights(400)[1] < 0.1
