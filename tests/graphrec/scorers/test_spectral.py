from dataclasses import replace

import numpy as np
import pytest

from graphrec.scorers import FitContext
from graphrec.scorers.spectral import Filter, Spectral
from graphrec.tensors import Histories, KnownGraph
from tests.graphrec.graphs import known_graph, tastes


def slow(known: KnownGraph, history: list[int], chosen: Filter, rank: int) -> np.ndarray:
    """The equation with dense product-by-product matrices and a full decomposition."""
    seen = known.matrix.toarray().astype(np.float64)
    users, products = np.maximum(seen.sum(axis=1), 1), np.maximum(seen.sum(axis=0), 1)
    start = np.zeros(len(products))
    start[history] = (1.0 + np.arange(len(history))[::-1]) ** -chosen.fading
    normalised = np.diag(users**-0.5) @ seen @ np.diag(products**-0.5)
    values, waves = np.linalg.eigh(normalised.T @ normalised)
    response = values.copy()
    response[-rank:] += chosen.share * (1 - values[-rank:])
    filtered = waves @ np.diag(response) @ waves.T
    return (start * products**-chosen.beta) @ filtered * products**chosen.beta


@pytest.mark.parametrize("chosen", [Filter(), Filter(0.5, 0.0, 1.0), Filter(share=0.0), Filter(fading=1.0, beta=0.2)])
def test_two_sparse_products_and_the_vectors_are_the_dense_filter(chosen: Filter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphrec.scorers.spectral._rank", lambda _known: 40)  # all there are: none is near another left out
    known, history = tastes(groups=3, size=10), [3, 17, 22]
    fitted = Spectral.fit_with(known, 0, chosen)
    expected = slow(known, history, chosen, len(fitted.values))
    np.testing.assert_allclose(fitted.score(Histories.of([history]))[0], expected, rtol=1e-3, atol=1e-4)


def test_many_users_are_gone_through_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted, some = Spectral.fit_with(tastes(), 0, Filter()), tastes().histories(np.arange(7))
    whole = fitted.score(some)
    monkeypatch.setattr("graphrec.scorers.spectral._MET", 450)
    np.testing.assert_allclose(fitted.score(some), whole, rtol=1e-5, atol=1e-6)


def test_the_planted_taste_outranks_everything_else() -> None:
    known = tastes(groups=3, size=10, length=6)
    scores = Spectral.fit(known, FitContext()).score(Histories.of([[10, 11, 12]]))[0]
    scores[[10, 11, 12]] = -np.inf
    assert set(np.argsort(-scores)[:5]) <= set(range(10, 20))


def test_a_refit_keeps_the_filter() -> None:
    fitted = replace(Spectral.fit(tastes(), FitContext()), filter=Filter(beta=0.1))
    assert fitted.refit(tastes(seed=1), FitContext()).filter == fitted.filter


def test_products_nobody_chose_are_not_scored() -> None:
    known = tastes(cold=2)
    scores = Spectral.fit(known, FitContext()).score(Histories.of([[1], []]))
    assert (np.isfinite(scores) == known.warm).all()


def test_fewer_vectors_are_kept_of_a_large_graph_and_the_note_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphrec.scorers.spectral._HELD", 3 * 60)
    fitted = Spectral.fit(tastes(), FitContext())
    assert fitted.vectors.shape == (60, 3)
    assert "3 singular vectors instead of 7" in fitted.notes[0]


@pytest.mark.parametrize("at", [[[0.0, 0, 0], [0.0, 0]], [[5.0, 5, 5], [5.0, 5]]])
def test_equal_times_do_not_make_an_order(at: list[list[float]]) -> None:
    known = known_graph([[0, 1, 2], [2, 0]], 3, at=at)
    fitted = Spectral.fit_with(known, 0, Filter(fading=1.0))
    there, back = known.histories(np.array([0])), known_graph([[2, 1, 0], [2, 0]], 3, at=at).histories(np.array([0]))
    np.testing.assert_allclose(fitted.score(there), fitted.score(back), rtol=1e-5)
