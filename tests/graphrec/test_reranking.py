import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec import BadRequest, reranking
from graphrec.beyond import intra_list_diversity
from graphrec.metrics import top
from graphrec.reranking import KNOBS, LONGEST, Aspects, Head, depth, rerank, rerank_each
from tests.graphrec.graphs import known_graph

MADE_BY = ("Product", "MADE_BY", "Brand")
PRODUCTS = 7
NOTHING = float("-inf")
strengths = st.dictionaries(st.sampled_from(KNOBS), st.floats(0, 1))
one_score = st.one_of(st.just(NOTHING), st.integers(-3, 3).map(float), st.floats(-5, 5, width=32))
scores = st.lists(st.lists(one_score, min_size=PRODUCTS, max_size=PRODUCTS), min_size=1, max_size=4).map(
    lambda rows: np.array(rows, dtype=np.float32)
)
features = st.lists(st.lists(st.integers(0, 1), min_size=3, max_size=3), min_size=PRODUCTS, max_size=PRODUCTS)
brand_numbers = st.lists(st.integers(0, 2), min_size=PRODUCTS, max_size=PRODUCTS)
popularities = st.lists(st.floats(0, 1) | st.just(math.nan), min_size=PRODUCTS, max_size=PRODUCTS)


def aspects(described, popularity, brand):
    return Aspects(sp.csr_matrix(np.array(described, dtype=np.float64)), np.array(popularity), np.array(brand))


some_aspects = st.builds(aspects, features, popularities, brand_numbers)


def head(*rows, n=PRODUCTS):
    return Head.of(np.array(rows, dtype=np.float32), n)


def cosine(one, other):
    if not any(one) or not any(other):
        return float(not any(one) and not any(other))
    return sum(a * b for a, b in zip(one, other, strict=True)) / math.hypot(*one) / math.hypot(*other)


def values_of(row, knobs, n, chosen, told):
    """By candidate that is left, in the model's order, what the docstring's sum gives."""
    described, popularity, brand = told.features.toarray().tolist(), told.popularity.tolist(), told.brand.tolist()
    there = sorted((product for product, score in enumerate(row) if score > NOTHING), key=lambda one: (-row[one], one))[:n]
    low, high = min((row[one] for one in there), default=0), max((row[one] for one in there), default=0)
    known = [popularity[one] for one in there if not math.isnan(popularity[one])]
    typical = sum(known) / len(known) if known else 0.0
    popularity = [typical if math.isnan(one) else one for one in popularity]
    own = math.prod(1 - value for value in knobs.values())
    found = {}
    for one in there:
        relevance = (row[one] - low) / (high - low) if high > low else 0.0
        nearest = max((cosine(described[one], described[other]) for other in chosen), default=0.0)
        held = sum(brand[one] == brand[other] for other in chosen)
        found[one] = own * relevance - knobs.get("diversity", 0) * nearest - knobs.get("popularity", 0) * popularity[one]
        found[one] -= knobs.get("producers", 0) * (1 - 2.0**-held)
    return {one: value for one, value in found.items() if one not in chosen}


@settings(deadline=None, max_examples=50)
@given(scores, some_aspects, strengths, st.integers(1, 8), st.integers(1, 8))
def test_every_place_holds_the_best_of_what_is_left_as_plain_python_adds_it_up(given_scores, told, knobs, k, n):
    for row, listed in zip(given_scores.tolist(), rerank(head(*given_scores, n=n), knobs, k, told).tolist(), strict=True):
        filled = [one for one in listed if one >= 0]
        assert listed == filled + [-1] * (k - len(filled))
        for place, product in enumerate(filled):
            left = values_of(row, knobs, n, filled[:place], told)
            assert left[product] >= max(left.values()) - 1e-5
        assert len(filled) == k or not values_of(row, knobs, n, filled, told)


@settings(deadline=None, max_examples=50)
@given(scores, some_aspects, st.sets(st.sampled_from(KNOBS)), st.integers(1, 8))
def test_at_0_the_order_is_the_models_own(given_scores, told, turned, k):
    same = rerank(Head.of(given_scores, depth(k)), dict.fromkeys(turned, 0), k, told)
    assert same.tolist() == top(given_scores, k).tolist()


@settings(deadline=None, max_examples=50)
@given(scores, some_aspects, strengths, st.integers(1, 8))
def test_what_scores_nothing_is_never_chosen_and_nothing_twice(given_scores, told, knobs, k):
    for row, listed in zip(given_scores, rerank(Head.of(given_scores, depth(k)), knobs, k, told), strict=True):
        real = listed[listed >= 0]
        assert len(set(real.tolist())) == len(real) == min(k, int((row > NOTHING).sum()))
        assert (row[real] > NOTHING).all()


@settings(deadline=None, max_examples=50)
@given(scores, some_aspects, st.lists(strengths, min_size=1, max_size=3))
def test_many_settings_and_small_blocks_give_what_each_gives_alone(given_scores, told, several):
    found = rerank_each(Head.of(given_scores, 5), several, 3, told)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reranking, "_CELLS", 1)
        for knobs, lists in zip(several, found, strict=True):
            assert rerank(Head.of(given_scores, 5), knobs, 3, told).tolist() == lists.tolist()


def test_the_second_place_goes_to_what_is_unlike_the_first_once_that_outweighs_its_score():
    told = aspects([[1, 0], [1, 0], [0, 1]], [0, 0, 0], [0, 0, 0])
    # after product 0: product 1 has (1 - d) * 0.75 - d * 1, product 2 has (1 - d) * 0; equal at d = 3/7
    assert rerank(head([5, 4, 1]), {"diversity": 0.42}, 3, told).tolist() == [[0, 1, 2]]
    assert rerank(head([5, 4, 1]), {"diversity": 0.44}, 3, told).tolist() == [[0, 2, 1]]


def test_popularity_is_weighed_against_relevance_between_a_users_own_best_and_worst():
    told = aspects([[1]] * 3, [1.0, 0.5, 0.0], [0, 0, 0])
    # product 0: (1 - p) * 1 - p * 1, product 1: (1 - p) * 0.5 - p * 0.5, product 2: 0; all equal at p = 1/2
    for row in ([3, 2, 1], [300, 200, 100], [-1, -2, -3]):
        assert rerank(head(row), {"popularity": 0.49}, 3, told).tolist() == [[0, 1, 2]]
        assert rerank(head(row), {"popularity": 0.5}, 3, told).tolist() == [[0, 1, 2]]
        assert rerank(head(row), {"popularity": 0.51}, 3, told).tolist() == [[2, 1, 0]]


def test_each_place_of_a_brand_halves_what_its_next_is_worth():
    told = aspects([[1]] * 5, [0] * 5, [0, 0, 0, 1, 1])
    assert rerank(head([5, 4, 3, 2, 1]), {"producers": 1}, 5, told).tolist() == [[0, 3, 1, 4, 2]]
    # after 0: product 1 has (1 - b) * 0.75 - b / 2, product 3 has (1 - b) * 0.25; equal at b = 1/2
    assert rerank(head([5, 4, 3, 2, 1]), {"producers": 0.49}, 2, told).tolist() == [[0, 1]]
    assert rerank(head([5, 4, 3, 2, 1]), {"producers": 0.51}, 2, told).tolist() == [[0, 3]]


def test_knobs_work_together():
    told = aspects([[1, 0], [1, 0], [0, 1], [0, 1]], [0, 0, 1, 0], [0, 0, 0, 0])
    assert rerank(head([4, 3, 2, 1]), {"diversity": 0.6}, 2, told).tolist() == [[0, 2]]
    assert rerank(head([4, 3, 2, 1]), {"diversity": 0.6, "popularity": 0.5}, 2, told).tolist() == [[0, 3]]


def test_equal_candidates_stay_in_the_models_order():
    told = aspects([[1]] * 3, [0.5] * 3, [0, 0, 0])
    for knob in KNOBS:
        assert rerank(head([2, 2, 2], [1, 2, 2]), {knob: 1}, 3, told).tolist() == [[0, 1, 2], [1, 2, 0]]


def test_fewer_candidates_than_places_end_the_list_early():
    told = aspects([[1]] * 4, [0] * 4, [0] * 4)
    row = [NOTHING, 1, NOTHING, 2]
    assert rerank(head(row), {"diversity": 0.5}, 3, told).tolist() == [[3, 1, -1]]
    assert rerank(head([NOTHING] * 4), {"producers": 0.5}, 2, told).tolist() == [[-1, -1]]
    assert rerank(head(row, n=1), {"diversity": 1}, 2, told).tolist() == [[3, -1]]


def test_nobody_gets_no_lists():
    empty = Head(np.empty((0, 5), dtype=np.int64), np.empty((0, 5), dtype=np.float32))
    assert rerank(empty, {"diversity": 0.5}, 2, aspects([[1]] * 5, [0] * 5, [0] * 5)).shape == (0, 2)


def test_products_of_which_nothing_is_said_are_alike_and_those_without_a_brand_are_of_one():
    undescribed = aspects([[1, 0], [0, 0], [0, 0], [1, 1]], [0] * 4, [0] * 4)
    assert rerank(head([4, 3, 2, 1]), {"diversity": 1}, 4, undescribed).tolist() == [[0, 1, 3, 2]]
    made = sp.csr_matrix(np.array([[1, 0], [0, 0], [0, 0], [0, 1], [1, 1]], dtype=np.float32))
    told = Aspects.of(known_graph([[0]], 5, relations={MADE_BY: made}, labels={"Brand": 2}))
    assert told.brand.tolist() == [0, 2, 2, 1, 0]


def test_popularity_is_a_logarithm_up_to_the_most_chosen():
    told = Aspects.of(known_graph([[0, 1], [0], [0]], 3))
    assert told.popularity.tolist() == pytest.approx([1, 0.5, math.nan], nan_ok=True)  # log 4, log 2, and nobody


def test_what_nobody_chose_yet_is_neither_popular_nor_unpopular():
    told = aspects([[1]] * 3, [0.9, math.nan, 0.1], [0] * 3)
    assert rerank(head([3, 2, 1]), {"popularity": 1}, 3, told).tolist() == [[2, 1, 0]]
    nobody = aspects([[1]] * 3, [math.nan] * 3, [0] * 3)
    assert rerank(head([3, 2, 1]), {"popularity": 0.9}, 3, nobody).tolist() == [[0, 1, 2]]


def test_the_more_diversity_is_asked_for_the_more_there_is():
    random = np.random.default_rng(0)
    groups, users, products = 6, 50, 240
    described = np.eye(groups)[np.arange(products) % groups]
    taste = random.integers(0, groups, users)
    liked = np.where(np.arange(products) % groups == taste[:, None], 1.0, 0.0) + random.random((users, products))
    told = aspects(described, np.zeros(products), np.zeros(products))
    several = [{"diversity": strength} for strength in (0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1)]
    lists = rerank_each(Head.of(liked.astype(np.float32), depth(10)), several, 10, told)
    means = [float(intra_list_diversity(one, told.features).mean()) for one in lists]
    assert means == sorted(means)
    assert means[0] < 0.1
    assert means[-1] == pytest.approx(1 - 10 / 45)  # every group once, then four more of the user's own: 10 pairs alike


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), "0.3", None, True])
def test_a_strength_that_lies_outside_0_and_1_is_refused(value):
    with pytest.raises(BadRequest, match="diversity must be a number between 0, the model's own order, and 1"):
        rerank(head([1, 2]), {"diversity": value}, 1, aspects([[1]] * 2, [0] * 2, [0] * 2))


def test_a_knob_that_is_not_there_is_refused_with_the_closest_one():
    with pytest.raises(BadRequest, match=r"no re-ranking for 'popular'; did you mean 'popularity'\? known: diversity"):
        reranking.turned({"popular": 0.1}, 10)
    with pytest.raises(BadRequest, match=r"such as \{'diversity': 0.3\} \(got 'diversity'\)"):
        reranking.turned("diversity", 10)


def test_lists_too_long_to_compare_in_pairs_are_refused_unless_their_order_stays():
    with pytest.raises(BadRequest, match=r"at most 1,000 places \(got k = 1,001\)"):
        reranking.turned({"diversity": 0.1}, LONGEST + 1)
    assert reranking.turned({"diversity": 0}, LONGEST + 1) == {}


def test_a_graph_that_cannot_tell_enough_has_fewer_knobs():
    bare = Aspects.of(known_graph([[0], [1]], 2))
    assert bare.knobs == ("popularity",)
    with pytest.raises(BadRequest, match="cannot re-rank for producers: the graph has fewer than two brands; known here: popul"):
        rerank(head([1, 2]), {"producers": 0.5}, 1, bare)
    with pytest.raises(BadRequest, match="the graph says nothing of products"):
        rerank(head([1, 2]), {"diversity": 0.5}, 1, bare)
    assert rerank(head([1, 2]), {"diversity": 0}, 1, bare).tolist() == [[1]]
