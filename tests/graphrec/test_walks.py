import numpy as np
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from graphrec.tensors import Histories
from graphrec.walks import RELATIONS, add_to, places, prune, walks
from tests.graphrec.graphs import known_graph

ONE = np.ones(1, dtype=np.float32)


def edge(shape: tuple[int, int], *ends: tuple[int, int]) -> sp.csr_matrix:
    return sp.csr_matrix((np.ones(len(ends), dtype=np.float32), tuple(zip(*ends, strict=True))), shape=shape)


@given(st.integers(1, 6), st.integers(0, 5))
def test_pruning_keeps_the_largest_of_every_row(kept: int, seed: int) -> None:
    dense = np.random.default_rng(seed).permutation(30).reshape(5, 6).astype(np.float32)
    found = prune(sp.csr_matrix(dense), kept).toarray()
    for before, after in zip(dense, found, strict=True):
        assert sorted(after[after > 0]) == sorted(value for value in np.sort(before)[-kept:] if value > 0)


def test_every_relation_between_products_leads_there_and_back() -> None:
    known = known_graph([[0, 1], [1, 2]], 4, relations={("Product", "ALSO_BOUGHT", "Product"): edge((4, 4), (0, 3), (1, 3))})
    by_name = {walk.name: walk for walk in walks(known, None)}
    assert by_name["ALSO_BOUGHT"].column(np.array([0, 1, 2]), 3).tolist() == [1, 1, 0]
    assert by_name["ALSO_BOUGHT reversed"].column(np.array([3]), 0).tolist() == [1]
    assert by_name["ALSO_BOUGHT to the same"].column(np.array([0]), 1)[0] > 0


def test_products_that_share_a_rare_neighbour_are_closer_than_those_that_share_a_common_one() -> None:
    genre = edge((5, 2), (0, 0), (1, 0), (0, 1), (2, 1), (3, 1))
    known = known_graph([[0, 1], [1, 2]], 5, relations={("Product", "HAS", "Entity"): genre}, labels={"Entity": 2})
    walk = next(one for one in walks(known, None) if one.name == "HAS")
    assert walk.column(np.array([0]), 1)[0] > walk.column(np.array([0]), 2)[0]


def test_a_relation_and_its_mirror_image_are_one_walk() -> None:
    genre = edge((4, 2), (0, 0), (1, 0), (2, 1), (3, 1))
    relations = {("Product", "HAS", "Entity"): genre, ("Entity", "OF", "Product"): genre.T.tocsr()}
    names = {walk.name for walk in walks(known_graph([[0, 1], [1, 2]], 4, relations=relations, labels={"Entity": 2}), None)}
    assert "HAS" in names
    assert "OF" not in names


def test_a_category_leads_to_its_parent() -> None:
    relations = {
        ("Product", "IN_CATEGORY", "Category"): edge((4, 4), (0, 0), (1, 1)),
        ("Category", "CHILD_OF", "Category"): edge((4, 4), (0, 2), (1, 2)),
    }
    known = known_graph([[0, 1], [1, 2]], 4, relations=relations, labels={"Category": 4})
    found = {walk.path: walk for walk in walks(known, None)}
    assert "IN_CATEGORY" not in found  # nothing shares a category, so nothing is reached
    assert found["IN_CATEGORY > CHILD_OF"].column(np.array([0]), 1)[0] > 0.9


def test_many_relations_are_merged_beyond_the_largest() -> None:
    relations = {
        ("Product", f"RELATED:r{number:02d}", "Entity"): edge((30, 60), (number, number), (number + 1, number))
        for number in range(RELATIONS + 5)
    }
    known = known_graph([[0, 1], [1, 2]], 30, relations=relations, labels={"Entity": 60})
    named = [walk for walk in walks(known, None) if walk.kind == "graph"]
    assert len(named) <= RELATIONS + 1
    assert any(walk.path == "RELATED" for walk in named)


def test_order_makes_walks_of_what_came_next() -> None:
    ordered = {walk.name: walk for walk in walks(known_graph([[0, 1, 2], [0, 1]], 3), None)}
    assert ordered["next, cosine"].column(np.array([0]), 1)[0] > 0
    assert ordered["next, cosine"].column(np.array([1]), 0)[0] == 0
    assert not any("next" in walk.name for walk in walks(known_graph([[0, 1, 2], [0, 1]], 3, ordered=False), None))


def test_what_was_chosen_at_the_same_second_shares_a_place() -> None:
    known = known_graph([[0, 1, 2, 3], [4, 5]], 6, at=[[1, 2, 2, 3], [7, 7]])
    assert places(known.histories()).tolist() == [2, 1, 1, 0, 0, 0]
    assert places(Histories.of([[0, 1, 2], [], [3]])).tolist() == [2, 1, 0, 0]  # unknown times are no ties


def test_the_order_of_rows_within_a_second_changes_no_walk() -> None:
    lists = [[0, 1, 2, 3], [3, 1, 2, 0], [2, 0, 1]]
    moments = [[1.0, 2.0, 2.0, 3.0], [1.0, 2.0, 2.0, 3.0], [1.0, 1.0, 5.0]]
    turned = [[0, 2, 1, 3], [3, 2, 1, 0], [0, 2, 1]]
    first, second = (walks(known_graph(rows, 4, at=moments), None) for rows in (lists, turned))
    assert [walk.name for walk in first] == [walk.name for walk in second]
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one.left.toarray(), other.left.toarray(), rtol=1e-6, err_msg=one.name)


def test_those_of_one_second_do_not_follow_each_other() -> None:
    by_name = {walk.name: walk for walk in walks(known_graph([[0, 1, 2]] * 2, 3, at=[[1, 2, 2]] * 2), None)}
    assert by_name["next, cosine"].column(np.array([0]), 1)[0] == by_name["next, cosine"].column(np.array([0]), 2)[0] > 0
    assert by_name["next, cosine"].column(np.array([1]), 2)[0] == 0


def test_what_comes_later_counts_by_the_places_between() -> None:
    """Pairs counted one by one: cosine of 0.8^(l - 1) over all pairs l places apart."""
    lists = [[0, 1, 2], [2, 0], [1, 2, 0]]
    expected = np.zeros((3, 3))
    for one in lists:
        for place, product in enumerate(one):
            for lag, later in enumerate(one[place + 1 :]):
                expected[product, later] += 0.8**lag
    chosen = np.array([sum(product in one for one in lists) for product in range(3)])
    expected /= np.sqrt(np.outer(chosen + 1, chosen + 1))
    walk = next(one for one in walks(known_graph(lists, 3), None) if one.name == "later")
    np.testing.assert_allclose(walk.left.toarray(), expected, rtol=1e-5)


@given(st.integers(0, 20))
def test_a_sparse_matrix_is_added_to_a_dense_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.random((3, 8), dtype=np.float32)
    more = sp.random(3, 8, density=seed / 20, format="csr", dtype=np.float32, random_state=seed)
    expected = scores + more.toarray()
    add_to(scores, more)
    np.testing.assert_allclose(scores, expected)


def test_equal_texts_are_nearest() -> None:
    text = np.eye(3, dtype=np.float32)[[0, 1, 0, 2]]
    walk = next(one for one in walks(known_graph([[0, 1], [1, 2]], 4), text) if one.kind == "text")
    assert walk.column(np.array([0]), 2)[0] == 1
    assert walk.column(np.array([0]), 3)[0] == 0
