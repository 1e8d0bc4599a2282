import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from graphrec import protocols, splits
from graphrec.errors import BadRequest, NothingToLearn
from tests.graphrec.graphs import known_graph, tastes


@pytest.mark.parametrize("protocol", protocols.PROTOCOLS)
def test_every_protocol_keeps_the_truth_from_the_fit_and_says_what_it_did(protocol: str) -> None:
    known = tastes(timed=True)
    found = protocols.hold_out(known, protocol)
    assert found.reason
    assert found.truth.multiply(found.known.matrix[found.users]).nnz == 0
    assert found.truth.shape == (len(found.users), len(known.products))
    assert (np.diff(found.truth.indptr) > 0).all()
    assert (np.diff(found.histories.indptr) > 0).all()
    whole = known.matrix[found.users]
    told = found.histories.matrix(len(known.products))
    assert (told + found.truth != whole).nnz == 0


@pytest.mark.parametrize("protocol", protocols.PROTOCOLS)
def test_the_same_seed_holds_out_the_same(protocol: str) -> None:
    known = tastes()
    one, same = (protocols.hold_out(known, protocol, seed=3) for _ in range(2))
    assert one.users.tolist() == same.users.tolist()
    assert (one.truth != same.truth).nnz == 0


@given(
    lists=st.lists(st.lists(st.integers(0, 8), max_size=7), min_size=1, max_size=9),
    protocol=st.sampled_from(sorted(protocols.PROTOCOLS)),
    share=st.floats(0.05, 0.95),
    ordered=st.booleans(),
)
def test_whatever_is_held_out_what_is_told_and_what_is_asked_make_the_whole(
    lists: list[list[int]], protocol: str, share: float, ordered: bool
) -> None:
    known = known_graph(lists, 9, ordered=ordered)
    try:
        found = protocols.hold_out(known, protocol, share=share)
    except NothingToLearn:
        return
    told = found.histories.matrix(9)
    whole = (told + found.truth).tocsr()
    assert ((whole > 0) != (known.matrix[found.users] > 0)).nnz == 0
    assert (np.diff(found.truth.indptr) > 0).all()
    assert (np.diff(told.indptr) > 0).all()
    assert found.known.matrix.nnz <= known.matrix.nnz - (found.truth.nnz - found.truth.multiply(told).nnz)


@pytest.mark.parametrize("protocol", ["new-users", "new-products"])
def test_another_seed_draws_others(protocol: str) -> None:
    one, other = (protocols.hold_out(tastes(), protocol, seed=seed) for seed in (0, 1))
    assert one.known.matrix.nnz != other.known.matrix.nnz or (one.known.matrix != other.known.matrix).nnz > 0


def test_leave_one_out_holds_out_the_last_and_of_the_rest_the_one_before() -> None:
    known = known_graph([[3, 1, 2], [0], [2, 0, 1, 4]], 5)
    test = protocols.hold_out(known, "leave-one-out")
    assert test.users.tolist() == [0, 2]
    assert [row.indices.tolist() for row in test.truth] == [[2], [4]]
    valid = protocols.hold_out(test.known, "leave-one-out")
    assert [row.indices.tolist() for row in valid.truth] == [[1], [1]]


def test_a_ratio_is_a_share_of_every_user_rounded_up() -> None:
    found = protocols.hold_out(known_graph([list(range(10)), [5, 6, 7]], 10), "ratio", share=0.25)
    assert [set(row.indices) for row in found.truth] == [{7, 8, 9}, {7}]


def test_without_order_leave_one_out_and_ratio_draw_and_say_so() -> None:
    known = known_graph([list(range(10))] * 30, 10, ordered=False)
    for protocol in ("leave-one-out", "ratio"):
        found = protocols.hold_out(known, protocol)
        assert "neither times nor positions are known" in found.reason
        assert len(set(found.truth.indices)) > 3


def test_equal_times_are_no_order() -> None:
    known = known_graph([list(range(10))] * 30, 10, at=[[1.5e9] * 10] * 30)
    for protocol in ("time", "leave-one-out", "ratio"):
        found = protocols.hold_out(known, protocol)
        assert "all carry the same time" in found.reason
        assert len(set(found.truth.indices)) > 3


def test_a_fit_validates_on_random_choices_where_all_times_are_equal() -> None:
    found = splits.inner_cut(known_graph([list(range(10))] * 30, 10, at=[[1.5e9] * 10] * 30))
    assert "all carry the same time" in found.reason


def test_new_users_are_unknown_to_the_fit_and_told_when_ranked() -> None:
    friends = sp.csr_matrix(np.ones((200, 200), dtype=np.float32))
    plain = tastes(timed=True)
    known = known_graph(
        [plain.interactions.product[plain.interactions.user == user].tolist() for user in range(200)],
        len(plain.products),
        relations={("User", "FRIEND", "User"): friends},
    )
    found = protocols.hold_out(known, "new-users", share=0.2)
    assert len(found.users) == 40
    assert not np.isin(found.known.interactions.user, found.users).any()
    ends = found.known.relations["User", "FRIEND", "User"].tocoo()
    assert not np.isin(np.concatenate([ends.row, ends.col]), found.users).any()
    assert ends.nnz == 160 * 160
    assert (found.histories.user == -1).all()
    asked = np.diff(found.truth.indptr)
    assert (asked == np.ceil(0.2 * (asked + np.diff(found.histories.indptr)))).all()
    last = known.interactions.product[known.interactions.user == found.users[0]][-1]
    assert last in found.truth[0].indices


def test_new_products_were_chosen_by_nobody_and_only_they_are_asked_for() -> None:
    known = tastes()
    found = protocols.hold_out(known, "new-products", share=0.2)
    asked = np.unique(found.truth.indices)
    assert len(asked) == np.ceil(0.2 * known.warm.sum())
    assert not found.known.warm[asked].any()
    assert found.known.listed[asked].all()
    assert (found.known.warm | np.isin(np.arange(len(known.products)), asked))[known.warm].all()


def test_a_name_with_a_typing_mistake_and_a_share_that_is_none_are_refused() -> None:
    with pytest.raises(BadRequest, match="no protocol 'newusers'; did you mean 'new-users'"):
        protocols.hold_out(tastes(), "newusers")
    with pytest.raises(BadRequest, match=r"share must lie between 0 and 1 \(got 1\)"):
        protocols.hold_out(tastes(), "ratio", share=1)


@pytest.mark.parametrize("protocol", protocols.PROTOCOLS)
def test_one_choice_a_user_leaves_nothing_to_hold_out(protocol: str) -> None:
    with pytest.raises(NothingToLearn):
        protocols.hold_out(known_graph([[0], [1]], 2), protocol)


def test_a_core_is_what_is_left_when_nothing_more_falls_away() -> None:
    known = known_graph([[0, 1], [0, 1], [0, 1, 2], [2, 3], [4]], 5)
    found, said = protocols.core(known, 2)
    assert np.diff(found.matrix.indptr).tolist() == [2, 2, 2, 0, 0]
    assert found.listed.tolist() == [True, True, False, False, False]
    assert said.startswith("2-core, at least 2 choices a user and a product: 3 of 5 users, 2 of 5 chosen products and 6 of 10")


def test_a_core_of_one_is_everything_and_one_that_is_empty_is_refused() -> None:
    known = known_graph([[0, 1], [0]], 3)
    assert (protocols.core(known, 1)[0].matrix != known.matrix).nnz == 0
    with pytest.raises(BadRequest, match="no 3-core"):
        protocols.core(known, 3)
    with pytest.raises(BadRequest, match=r"k_core must be at least 1 \(got 0\)"):
        protocols.core(known, 0)
