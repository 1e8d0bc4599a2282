import numpy as np
import pytest

from graphrec.lessons import KEPT, Lessons, largest, nearby
from graphrec.likeness import Described, Likeness
from tests.graphrec.graphs import tastes

WEIGHTS = {"words": 2.0, "characters": 1.0, "text": 1.0, "ties": 1.0}


def lessons(penalty: float = 0.7) -> Lessons:
    likeness = Likeness.of(tastes(), None, WEIGHTS)
    return Lessons.of(likeness, np.arange(0, likeness.profiles, 2), penalty)


def solved(one: Lessons, row: int, taught_by: np.ndarray) -> np.ndarray:
    """The lesson of a profile from these places among the teachers, by a dense solution."""
    kernel = one.likeness.kernel(np.arange(one.likeness.profiles), one.teachers).astype(np.float64)
    system = kernel[one.teachers][np.ix_(taught_by, taught_by)] + one.penalty * np.eye(len(taught_by))
    return np.linalg.solve(system, kernel[row, taught_by])


def test_lessons_are_the_ridge_of_a_dense_solution_and_leave_the_teacher_itself_out():
    one = lessons()
    everyone = one.everyone().toarray()
    for row in range(0, one.likeness.profiles, 7):
        others = np.flatnonzero(one.teachers != row)
        assert everyone[row, others] == pytest.approx(solved(one, row, others), abs=1e-4)
        assert everyone[row, one.teachers == row].sum() == 0


def test_hidden_teachers_are_taught_as_if_none_of_them_was_known():
    one = lessons()
    places = np.array([1, 4, 5, 20])
    hidden = one.hidden(places)
    rest = np.setdiff1d(np.arange(len(one.teachers)), places)
    for lesson, place in zip(hidden, places, strict=True):
        assert lesson[rest] == pytest.approx(solved(one, int(one.teachers[place]), rest), abs=1e-4)
    assert not hidden[:, places].any()


def test_what_is_described_like_a_product_of_the_graph_learns_what_that_product_does():
    known, one = tastes(), lessons()
    others = np.setdiff1d(np.arange(one.likeness.profiles), one.teachers)[:5]
    products = [int(np.flatnonzero(one.likeness.profile == row)[0]) for row in others]
    new = Described(
        [known.texts["Product"][row] for row in products],
        ties={name: edges[products] for (_, name, _), edges in known.relations.items()},
    )
    likeness = one.likeness.only(one.teachers)
    found, alike = nearby(likeness, likeness.reader.read(new.texts, None, new.ties), one.penalty)
    assert found.toarray() == pytest.approx(one.everyone()[others].toarray(), abs=1e-4)
    assert alike.toarray() == pytest.approx(one.likeness.kernel(others, one.teachers), abs=1e-5)


def test_only_the_largest_numbers_of_a_row_are_kept():
    dense = np.random.default_rng(0).normal(size=(3, 5 * KEPT)).astype(np.float32)
    kept = largest(dense)
    assert (kept.getnnz(axis=1) == KEPT).all()
    assert np.abs(kept.data).min() >= np.sort(np.abs(dense), axis=1)[:, : -KEPT].max(axis=1).min()
