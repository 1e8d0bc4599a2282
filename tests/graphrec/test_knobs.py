import dataclasses
import json
from itertools import combinations

import numpy as np
import polars as pl
import pytest

import graphrec
from graphrec import evaluate, sections
from graphrec.knobs import OWN, STRENGTHS, Cost, skipped
from tests import oracles
from tests.graphrec.conftest import SCORERS

K = 10


@pytest.fixture(scope="module")
def cut(shop):
    """The moment after which the last tenth of the choices came."""
    return int(shop.interactions().select(pl.col("at").quantile(0.9)).collect().item())


@pytest.fixture(scope="module")
def report(shop, cut):
    return evaluate(shop, until=cut, k=K, scorers=SCORERS, text_model="none")


@pytest.fixture(scope="module")
def choices(shop, cut):
    """By user, the products chosen up to the cut, and the new ones after it."""
    known, later = {}, {}
    for user, product, at in shop.interactions().collect().select("user", "product", "at").rows():
        (later if at > cut else known).setdefault(user, set()).add(product)
    new = {user: items - known.get(user, set()) for user, items in later.items() if user in known}
    return known, {user: items for user, items in sorted(new.items()) if items}


def found(report, knob, strength):
    (one,) = [one for one in report.reranking if (one.knob, one.strength) == (knob, strength)]
    return one


def lists_of(report, users, knobs):
    ranking = report.ranker.rank(users, k=K, rerank=knobs)
    return {user: [line.item for line in ranking if line.user == user] for user in users}


def gini(amounts):
    n = len(amounts)
    return sum(abs(a - b) for a in amounts for b in amounts) / (2 * n * sum(amounts))


def unlike(listed, said):
    """The mean over pairs of 1 minus the share that what is said of both has in the geometric mean of what is said of each."""
    pairs = [(said[a], said[b]) for a, b in combinations(listed, 2)]
    return np.mean([1 - len(a & b) / (len(a) * len(b)) ** 0.5 for a, b in pairs])


def test_the_own_order_comes_first_and_is_the_blends(report):
    own = report.reranking[0]
    blend = next(one for one in report.traits if one.system == "blend")
    assert (own.knob, own.strength, own.ndcg) == (OWN, 0.0, report.result().ndcg)
    assert (own.difference, own.low, own.high) == (0, 0, 0)
    assert (own.diversity, own.popularity_lift) == (blend.diversity, blend.popularity_lift)
    assert (own.brands_shown, own.brands_gini) == (report.exposures[0].shown, report.exposures[0].gini)
    assert (own.gap, own.gap_low, own.gap_high) == (report.gaps[0].gap, report.gaps[0].low, report.gaps[0].high)


def test_every_knob_is_tried_at_every_strength(report):
    turned = [(one.knob, one.strength) for one in report.reranking[1:]]
    assert turned == [(knob, strength) for knob in ("diversity", "popularity", "producers") for strength in STRENGTHS]


@pytest.mark.parametrize("knob", ["diversity", "popularity", "producers"])
def test_figures_are_those_of_the_lists_that_rank_gives_counted_in_plain_python(report, shop, choices, knob):
    known, wanted = choices
    users = list(wanted)
    lists, own = lists_of(report, users, {knob: 0.3}), lists_of(report, users, {})
    one = found(report, knob, 0.3)
    after, before = ([oracles.metrics(wanted[user], some[user], K)["ndcg"] for user in users] for some in (lists, own))
    assert one.ndcg == pytest.approx(np.mean(after))
    assert one.difference == pytest.approx(np.mean(after) - np.mean(before))
    spread = 1.96 * np.std(np.subtract(after, before), ddof=1) / len(users) ** 0.5
    assert one.low == pytest.approx(one.difference - spread, abs=0.4 * spread)
    assert one.high == pytest.approx(one.difference + spread, abs=0.4 * spread)

    said = {}
    for source, _, target in (("Product", "IN_CATEGORY", "Category"), ("Product", "MADE_BY", "Brand")):
        for edge in shop.edges[source, _, target].collect().select("source", "target").rows():
            said.setdefault(edge[0], set()).add((target, edge[1]))
    assert one.diversity == pytest.approx(np.mean([unlike(listed, said) for listed in lists.values()]))

    count = {}
    for items in known.values():
        for item in items:
            count[item] = count.get(item, 0) + 1
    listed = sum(np.mean([count.get(item, 0) for item in lists[user]]) for user in users)
    chosen = sum(np.mean([count[item] for item in known[user]]) for user in users)
    assert one.popularity_lift == pytest.approx(listed / chosen - 1)

    brand_of = dict(shop.edges["Product", "MADE_BY", "Brand"].collect().select("source", "target").rows())
    places = dict.fromkeys(brand_of.values(), 0)
    for items in lists.values():
        for item in items:
            places[brand_of[item]] += 1
    assert one.brands_shown == np.mean([bool(number) for number in places.values()])
    assert one.brands_gini == pytest.approx(gini(list(places.values())))


def test_a_knob_does_what_it_is_for_and_the_more_the_more(report):
    def of(knob, figure):
        return [getattr(found(report, knob if strength else OWN, strength), figure) for strength in (0.0, *STRENGTHS)]

    assert of("diversity", "diversity") == sorted(of("diversity", "diversity"))
    assert of("popularity", "popularity_lift") == sorted(of("popularity", "popularity_lift"), reverse=True)
    assert found(report, "producers", 0.5).brands_gini < found(report, OWN, 0.0).brands_gini / 2


def test_the_gap_is_between_the_groups_of_the_report(report, choices):
    known, wanted = choices
    few, many = (report.result("blend", name).users for name in ("few", "many"))
    ordered = sorted(wanted, key=lambda user: len(known[user]))
    lists = lists_of(report, list(wanted), {"diversity": 0.5})
    ndcg = {user: oracles.metrics(wanted[user], lists[user], K)["ndcg"] for user in wanted}
    expected = np.mean([ndcg[user] for user in ordered[-many:]]) - np.mean([ndcg[user] for user in ordered[:few]])
    one = found(report, "diversity", 0.5)
    assert one.gap == pytest.approx(expected)
    assert one.gap_low < one.gap < one.gap_high


def test_a_graph_without_brands_or_anything_said_has_fewer_knobs(shop, cut):
    without = {kind: table for kind, table in shop.edges.items() if kind[1] not in ("MADE_BY", "IN_CATEGORY")}
    bare = graphrec.evaluate(dataclasses.replace(shop, edges=without), until=cut, k=5, scorers=["popularity"], text_model="none")
    assert {one.knob for one in bare.reranking} == {OWN, "popularity"}
    assert np.isnan(bare.reranking[0].diversity)
    assert "brands shown" not in bare.text()
    assert "re-ranking for diversity" not in bare.text()
    assert json.loads(bare.to_json())["reranking"][0]["brands_gini"] is None


def test_drawn_candidates_and_lists_too_long_are_not_re_ranked_and_said_to_be_not(shop, cut):
    drawn = evaluate(shop, until=cut, k=5, candidates=20, scorers=["popularity"], text_model="none")
    assert drawn.reranking == ()
    assert "What re-ranking would cost" not in drawn.text() + drawn.to_markdown()
    assert "re-ranking against popularity" not in drawn.text()
    assert skipped(5, 20)[0] in drawn.notes
    assert skipped(1000, None) == ()
    assert skipped(1001, None) == ("what re-ranking would cost is measured of at most 1,000 places",)


def test_the_report_shows_a_row_a_strength_and_a_sentence_a_knob(report):
    one = found(report, "diversity", 0.3)
    row = f"{one.ndcg:.4f}  {one.difference:+.4f} [{one.low:+.4f}, {one.high:+.4f}]  "
    assert any(line.split()[:2] == ["diversity", "0.3"] and row in line for line in report.text().splitlines())
    assert report.text().count("\n  re-ranking ") == 3
    for page in (report.to_markdown(), report.to_html()):
        assert "What re-ranking would cost" in page
        assert "graphrec rank MODEL --rerank diversity=0.3" in page
    assert [one["knob"] for one in json.loads(report.to_json())["reranking"]] == [one.knob for one in report.reranking]


def cost(knob=OWN, strength=0.0, **figures):
    plain = dict.fromkeys([field.name for field in dataclasses.fields(Cost)][2:], 0.0)
    return Cost(knob, strength, **(plain | figures))


def test_sentences_say_what_is_gained_and_what_is_paid():
    own = cost(ndcg=0.2, diversity=0.5, popularity_lift=0.5, brands_shown=0.5, brands_gini=0.8)
    paid = {"difference": -0.0021, "low": -0.004, "high": -0.0002}
    unsure = {"difference": -0.0001, "low": -0.001, "high": 0.0008}
    won = {"difference": 0.002, "low": 0.001, "high": 0.003}
    costs = [
        own,
        cost("diversity", 0.1, diversity=0.51, **paid),
        cost("diversity", 0.3, diversity=0.605, **paid),
        cost("popularity", 0.3, popularity_lift=0.2, **unsure),
        cost("producers", 0.3, brands_shown=0.6, brands_gini=0.75, **won),
    ]
    assert list(sections.rerank_words(costs, 20)) == [
        "re-ranking for diversity at 0.3: lists are 21.0% more varied, and ndcg@20 falls by 0.0021 [0.0002, 0.0040]",
        "re-ranking against popularity at 0.3: what lists hold is 20.0% less popular, "
        "and the data cannot tell whether that costs ndcg@20: -0.0001 [-0.0010, +0.0008]",
        "re-ranking for more producers at 0.3: 60.0% of the brands are shown instead of 50.0%, "
        "the gini of their places is 0.750 instead of 0.800, and ndcg@20 rises by 0.0020 [0.0010, 0.0030]",
    ]
    assert list(sections.rerank_words([], 20)) == []


def test_what_was_0_before_has_no_percentage():
    (said,) = sections.rerank_words([cost(), cost("diversity", 0.3, diversity=0.5, difference=-0.1, low=-0.2, high=-0.05)], 5)
    assert said.startswith("re-ranking for diversity at 0.3: the diversity of lists is 0.500 instead of 0.000, and ndcg@5 falls")
