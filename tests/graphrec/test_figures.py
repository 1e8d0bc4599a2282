import numpy as np
import pytest
import scipy.sparse as sp

from graphrec import BadRequest
from graphrec.figures import METRICS, Cold, check_by, figures, measured, parted, whole
from graphrec.splits import Split
from tests import oracles
from tests.graphrec.graphs import known_graph

HISTORIES = [[0, 1], [0, 2], [0, 1, 2, 3], [0]]
TRUTH = [{2, 5}, {1}, {4, 5}, {3}]
LISTS = np.array([[2, 3, 5], [4, 5, -1], [5, 4, -1], [1, 2, 3]])
IN = ("Product", "IN_CATEGORY", "Category")


def cut():
    """Products 4 and 5 are cold; 0, 2, 4 are in the first category, the rest in the second."""
    inside = np.zeros((6, 2), dtype=np.float32)
    inside[np.arange(6), np.arange(6) % 2] = 1
    known = known_graph(HISTORIES, 6, relations={IN: sp.csr_matrix(inside)}, labels={"Category": 2})
    truth = np.zeros((4, 6), dtype=np.float32)
    for user, wanted in enumerate(TRUTH):
        truth[user, list(wanted)] = 1
    return Split(known, np.arange(4), sp.csr_matrix(truth), "drawn by hand")


def expected(products, users=range(4)):
    """By metric, the mean over these users who want any of these products."""
    rows = [(TRUTH[user] & products, LISTS[user].tolist()) for user in users if TRUTH[user] & products]
    values = [oracles.metrics(wanted, listed, 3) for wanted, listed in rows]
    return len(rows), {name: np.mean([one[name] for one in values]) for name in values[0]}


def test_every_group_is_the_mean_over_those_who_belong_to_it_in_plain_python():
    split = cut()
    found = figures(measured({"ours": LISTS}, split.truth), split, [*whole(split), *parted(split)])
    products = {
        "overall": set(range(6)),
        "warm": {0, 1, 2, 3},
        "head": {0, 1},
        "tail": {2, 3},
        "cold": {4, 5},
        "c00000": {0, 2, 4},
        "c00001": {1, 3, 5},
    }
    users = {"few": [0, 1, 3], "many": [2]}
    assert {one.group for one in found} == {*products, *users}
    for one in found:
        count, values = expected(products.get(one.group, set(range(6))), users.get(one.group, range(4)))
        assert one.users == count
        for name, value in values.items():
            assert getattr(one, name) == pytest.approx(value), (one.group, name)
            low, high = one.intervals.get(name, (value, value))
            if count == 1:
                assert np.isnan(one.intervals["ndcg"]).all()
                continue
            assert low <= value + 1e-12
            assert value <= high + 1e-12
        assert set(one.intervals) == ({"ndcg"} if one.by else set(METRICS))


def test_groups_say_how_they_were_made_and_whom_they_hold():
    split = cut()
    found = {(one.by, one.group): one for one in figures(measured({"ours": LISTS}, split.truth), split, parted(split))}
    assert {by for by, _ in found} == {"activity", "popularity", "category"}
    assert found["activity", "many"].meaning == "users with 4 choices or more"
    assert found["activity", "many"].coverage == pytest.approx(2 / 6)
    assert found["popularity", "cold"].flat()["by"] == "popularity"


def test_auc_stands_overall_and_by_users_alone():
    split = cut()
    systems = measured({"ours": LISTS, "theirs": LISTS}, split.truth, {"ours": np.array([0.5, 1.0, 0.75, 0.25])})
    found = {(one.system, one.group): one for one in figures(systems, split, [*whole(split), *parted(split)])}
    assert found["ours", "overall"].auc == 0.625
    assert found["ours", "few"].auc == pytest.approx(1.75 / 3)
    assert np.isnan(found["ours", "warm"].auc)
    assert np.isnan(found["theirs", "overall"].auc)
    assert "auc" not in found["theirs", "overall"].flat()
    low, high = found["ours", "overall"].intervals["auc"]
    assert low < 0.625 < high


def test_where_all_is_warm_there_is_overall_alone():
    split = cut()
    warm = Split(split.known, split.users[[1, 3]], split.truth[[1, 3]], "")
    assert [part.group.name for part in whole(warm)] == ["overall"]


def test_cold_is_a_share_of_products_and_of_choices():
    assert Cold.of(cut()) == Cold(products=2 / 6, choices=3 / 6)


def test_an_unknown_way_to_part_is_refused_with_the_closest():
    with pytest.raises(BadRequest, match="no groups by 'categry'; did you mean 'category'"):
        check_by(["activity", "categry"])
