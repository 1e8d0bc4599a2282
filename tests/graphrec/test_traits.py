import numpy as np
import pytest
import scipy.sparse as sp

from graphrec.figures import measured, parted
from graphrec.splits import Split
from graphrec.traits import exposures, gaps, traits
from tests.graphrec.graphs import known_graph

MADE_BY, ALSO = ("Product", "MADE_BY", "Brand"), ("Product", "ALSO_BOUGHT", "Product")
HISTORIES = [[0], [0, 1], [0, 1, 2]]
POPULAR, ODD = np.array([[1, 2], [2, 3], [3, -1]]), np.array([[3, 2], [3, 2], [3, -1]])


def cut(relations=None):
    """Brand 0 makes products 0 and 1, brand 1 the others."""
    made = sp.csr_matrix(np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32))
    also = sp.csr_matrix(np.eye(4, k=1, dtype=np.float32))
    relations = {MADE_BY: made, ALSO: also} if relations is None else relations
    known = known_graph(HISTORIES, 4, relations=relations, labels={"Brand": 2})
    truth = sp.csr_matrix(np.array([[0, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=np.float32))
    return Split(known, np.arange(3), truth, "")


def systems(split):
    return measured({"popularity": POPULAR, "odd": ODD}, split.truth)


def test_traits_are_what_one_counts_by_hand():
    split = cut()
    popular, odd = traits(systems(split), split, POPULAR)
    assert (popular.system, popular.coverage, odd.coverage) == ("popularity", 0.75, 0.5)
    assert popular.serendipity == 0
    assert odd.serendipity == pytest.approx((1 / 2) / 3)  # 3 for the first user: right, and popularity shows her 1 and 2
    assert odd.novelty == pytest.approx(np.log2(3))  # product 2 was chosen once, and 3 by nobody counts as once
    assert odd.diversity == 0  # 2 and 3 are of one brand
    assert popular.diversity == pytest.approx(0.5)  # 1 and 2 are of two, 2 and 3 of one
    assert np.isnan(popular.calibration)


def test_the_gap_is_between_those_who_chose_most_and_least():
    split = cut()
    found = gaps(systems(split), parted(split))
    odd = found[1]
    assert odd.ndcg == {"few": 1.0, "some": pytest.approx(0.6309, abs=1e-4), "many": 1.0}
    assert (odd.gap, odd.low, odd.high) == (0, 0, 0)
    assert found[0].gap == 1
    assert gaps(systems(split), []) == ()


def test_the_gaps_interval_widens_with_the_spread_of_users():
    lengths = np.repeat([1, 2, 3], 200)
    known = known_graph([list(range(length)) for length in lengths], 6)
    random = np.random.default_rng(0)
    lists = np.where(random.random((600, 1)) < lengths[:, None] / 5, 5, 4)
    truth = sp.csr_matrix((np.ones(600, dtype=np.float32), (np.arange(600), np.full(600, 5))), shape=(600, 6))
    split = Split(known, np.arange(600), truth, "")
    (found,) = gaps(measured({"ours": lists}, truth), parted(split))
    assert 0 < found.low < found.gap < found.high
    assert found.low < 0.4 < found.high


def test_brands_get_their_share_of_places_beside_their_share_of_choices():
    split = cut()
    popular, odd = exposures(systems(split), split.known)
    assert odd.brands == 2
    assert (odd.shown, odd.gini, odd.gini_chosen) == (0.5, 0.5, pytest.approx(5 / 6 - 0.5))
    assert odd.most_over == ("b00001", 1.0, pytest.approx(1 / 6))
    assert odd.most_under == ("b00000", 0.0, pytest.approx(5 / 6))
    assert popular.most_under[1:] == (pytest.approx(1 / 5), pytest.approx(5 / 6))


def test_without_brands_there_is_nothing_to_say_of_them():
    split = cut({})
    assert exposures(systems(split), split.known) == ()
