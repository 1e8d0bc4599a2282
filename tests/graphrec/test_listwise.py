import numpy as np
import pytest
import scipy.optimize

from graphrec.listwise import likeliest


def lesson(users: int, seed: int = 0, width: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    values = random.normal(size=(users, 12, width)).astype(np.float32)
    candidate = random.random((users, 12)) < 0.8
    noise = random.gumbel(size=(users, 12))
    scores = np.where(candidate, values @ np.linspace(1.5, -0.5, width) + noise, -np.inf)
    truth = np.zeros(candidate.shape, dtype=bool)
    truth[np.arange(users), scores.argmax(axis=1)] = True
    return values, candidate, truth & candidate


def loss(weights: np.ndarray, values: np.ndarray, candidate: np.ndarray, truth: np.ndarray) -> float:
    """The docstring's formula, user by user."""
    total = 0.0
    for said, real, chosen in zip(values, candidate, truth, strict=True):
        scores = said[real].astype(np.float64) @ weights
        likelihood = scores - np.log(np.exp(scores).sum())
        total -= likelihood[chosen[real]].mean()
    return total / len(values) + 1e-3 * float(weights @ weights)


@pytest.mark.parametrize("seed", range(3))
def test_no_other_weights_are_likelier(seed: int) -> None:
    given = lesson(60, seed)
    found = likeliest(*given)
    other = scipy.optimize.minimize(loss, np.full(4, 0.1), given, method="L-BFGS-B", bounds=[(0, None)] * 4)
    assert (found >= 0).all()
    assert loss(found, *given) == pytest.approx(other.fun, abs=1e-4)


def test_planted_weights_are_found_and_what_speaks_against_is_left_out() -> None:
    found = likeliest(*lesson(4_000))
    assert found[:3] == pytest.approx([1.5, 5 / 6, 1 / 6], abs=0.12)
    assert found[3] == 0


def test_users_without_a_choice_do_not_count() -> None:
    values, candidate, truth = lesson(50)
    truth[25:] = False
    np.testing.assert_allclose(likeliest(values, candidate, truth), likeliest(values[:25], candidate[:25], truth[:25]), atol=1e-4)
    assert likeliest(values, candidate, np.zeros_like(truth)).tolist() == [0.0] * 4


def test_a_feature_that_is_always_zero_has_no_weight() -> None:
    values, candidate, truth = lesson(50)
    values[:, :, 1] = 0
    assert likeliest(values, candidate, truth)[1] == pytest.approx(0, abs=1e-4)
