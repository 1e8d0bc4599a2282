import numpy as np
import pytest

from graphrec import splits
from graphrec.errors import NothingToLearn
from tests.graphrec.graphs import known_graph, tastes


def test_a_global_moment_divides_the_data_where_users_stand_on_both_sides() -> None:
    known = tastes(timed=True)
    found = splits.inner_cut(known, 0)
    assert "global moment" in found.reason
    later = known.interactions.at[~np.isin(known.interactions.at, found.known.interactions.at)]
    assert found.known.interactions.at.max() < later.min()


def test_users_who_come_in_bursts_lose_their_own_latest_choices() -> None:
    at = [[1e9 + 1e6 * user + moment for moment in range(20)] for user in range(100)]
    known = known_graph([list(range(20))] * 100, 30, at=at)
    found = splits.global_time_cut(known)
    assert "latest" in found.reason
    assert len(found.users) == 100
    assert found.truth.sum() == 200
    assert set(found.truth[5].indices) == {18, 19}


def test_a_fit_holds_out_random_choices_of_users_who_come_in_bursts() -> None:
    at = [[1e9 + 1e6 * user + moment for moment in range(20)] for user in range(100)]
    found = splits.inner_cut(known_graph([list(range(20))] * 100, 30, at=at), 0)
    assert "bursts" in found.reason
    assert found.truth.sum() == 200
    assert set(found.truth.indices) > {0, 18, 19}


def test_positions_hold_out_the_last_choice() -> None:
    found = splits.inner_cut(known_graph([[3, 1, 2], [0], [2, 0]], 4), 0)
    assert "last" in found.reason
    assert found.users.tolist() == [0, 2]
    assert [set(row.indices) for row in found.truth] == [{2}, {0}]


def test_without_order_random_choices_are_held_out_and_the_seed_decides_which() -> None:
    known = known_graph([list(range(30))] * 20, 40, ordered=False)
    one, same, other = (splits.inner_cut(known, seed) for seed in (0, 0, 1))
    assert "random" in one.reason
    assert (one.truth != same.truth).nnz == 0
    assert (one.truth != other.truth).nnz > 0
    assert (np.diff(one.truth.indptr) == 3).all()


def test_nothing_of_the_truth_is_known_unless_repeats_are_the_point() -> None:
    known = known_graph([[0, 1, 0], [2, 1, 3]], 4)
    assert splits.inner_cut(known).users.tolist() == [1]
    assert splits.inner_cut(known, repeats=True).users.tolist() == [0, 1]


def test_held_out_and_known_make_the_whole() -> None:
    known = tastes()
    found = splits.inner_cut(known, 0)
    assert (found.known.matrix[found.users] + found.truth != known.matrix[found.users]).nnz == 0


def test_users_with_one_choice_cannot_be_cut() -> None:
    with pytest.raises(NothingToLearn, match="two products"):
        splits.inner_cut(known_graph([[0], [1]], 2))
