from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from graphrec import BadRequest
from graphrec.groups import by_activity, by_category, by_popularity, top_categories
from graphrec.tensors import KnownGraph
from tests.graphrec.graphs import known_graph

lengths = st.lists(st.integers(0, 12), min_size=1, max_size=30).map(np.array)
IN, UNDER = ("Product", "IN_CATEGORY", "Category"), ("Category", "CHILD_OF", "Category")


def shop(inside, under, products):
    """A graph of products in categories; c00000 is the first category."""
    size = 1 + max([*(category for _, category in inside), *(one for pair in under for one in pair)])
    relations = {IN: links(inside, (products, size))} | ({UNDER: links(under, (size, size))} if under else {})
    return known_graph([[0]], products, relations=relations, labels={"Category": size})


def links(pairs, shape):
    ends = np.array(pairs).T
    return sp.csr_matrix((np.ones(len(pairs), dtype=np.float32), (ends[0], ends[1])), shape=shape)


def members(groups):
    return {group.name: np.flatnonzero(group.mask).tolist() for group in groups}


@given(lengths)
def test_every_user_is_in_one_group_and_equal_users_in_the_same(chosen):
    masks = [group.mask for group in by_activity(chosen)]
    assert np.sum(masks, axis=0).tolist() == [1] * len(chosen)
    for low, high in pairwise(masks):
        assert chosen[low].max() < chosen[high].min()


def test_thirds_are_thirds_where_users_differ():
    groups = by_activity(np.random.default_rng(0).permutation(300))
    assert [(group.name, int(group.mask.sum())) for group in groups] == [("few", 100), ("some", 100), ("many", 100)]
    assert [group.meaning for group in groups] == [
        "users with at most 99 choices",
        "users with 100 to 199 choices",
        "users with 200 choices or more",
    ]


def test_users_who_are_all_alike_are_one_group():
    assert members(by_activity(np.array([5, 5, 5, 5]))) == {"few": [0, 1, 2, 3]}
    assert by_activity(np.zeros(0, dtype=np.int64)) == ()


@given(lengths, st.sampled_from([0.2, 0.5, 0.8]))
def test_the_head_is_the_fewest_products_with_its_share_of_the_choices(counts, share):
    groups = {group.name: group.mask for group in by_popularity(counts, head=share)}
    assert np.sum(list(groups.values()), axis=0).tolist() == [1] * len(counts)
    if counts.sum() == 0:
        assert list(groups) == ["cold"]
        return
    head = counts[groups["head"]]
    assert head.sum() >= share * counts.sum()
    assert head.sum() - head.min() < share * counts.sum()  # one fewer is too few
    assert head.min() >= counts[~groups["head"]].max(initial=0)


def test_groups_of_products_say_their_true_share():
    assert [group.meaning for group in by_popularity(np.array([1, 6, 0, 3]))] == [
        "the most popular products: 1 with 60% of the choices",
        "the other chosen products: 2 with 40% of the choices",
        "products that nobody chose: 1 with 0% of the choices",
    ]


@pytest.mark.parametrize("head", [0.0, 1.0, 50])
def test_a_share_that_is_none_is_refused(head):
    with pytest.raises(BadRequest, match=r"head must lie between 0 and 1 \(got"):
        by_popularity(np.array([1, 2]), head=head)


def test_a_product_belongs_to_the_category_at_the_top_of_its_path():
    known = shop([(0, 2), (1, 3), (2, 1)], under=[(2, 0), (3, 2)], products=4)  # 3 under 2 under 0; 1 alone
    assert members(by_category(known)) == {"c00000": [0, 1], "c00001": [2], "other": [3]}
    assert top_categories(known)[0] == ("c00000", "c00001")


def test_a_category_that_holds_everything_gives_way_to_its_children():
    known = shop([(0, 1), (1, 1), (2, 2), (3, 0)], under=[(1, 0), (2, 0)], products=4)
    assert members(by_category(known)) == {"c00001": [0, 1], "c00002": [2], "other": [3]}


def test_flat_categories_overlap_and_the_one_of_everything_is_left_out():
    known = shop([(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 0), (2, 2)], under=[], products=3)
    assert members(by_category(known)) == {"c00001": [0, 1], "c00002": [1, 2]}


def test_small_categories_are_other():
    known = shop([(0, 0), (1, 0), (2, 1), (3, 1), (4, 2)], under=[], products=5)
    assert members(by_category(known, most=2)) == {"c00000": [0, 1], "c00001": [2, 3], "other": [4]}
    assert [group.meaning for group in by_category(known, most=1)] == ["products in c00000: 2", "products in none of these: 3"]


def test_a_category_of_nothing_tells_nothing_apart():
    known = shop([(0, 0), (1, 1)], under=[(3, 2)], products=2)
    assert top_categories(known)[0] == ("c00000", "c00001")


def test_categories_in_a_circle_have_no_top():
    known = shop([(0, 0), (1, 2)], under=[(0, 1), (1, 0)], products=2)
    assert members(by_category(known)) == {"c00002": [1], "other": [0]}


def test_a_graph_without_categories_has_no_groups_of_them():
    assert by_category(known_graph([[0]], 2)) == ()


def test_the_planted_shop_falls_into_its_departments(shop):
    known = KnownGraph.of(shop)
    groups = by_category(known)
    covered = np.any([group.mask for group in groups], axis=0)
    assert (covered == known.listed).all()
    tops = {name.split(" > ")[0] for name in known.ids["Category"].names}
    assert {group.name for group in groups} - {"other"} <= tops
    assert len(groups) > 1
