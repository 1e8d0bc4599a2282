import json

import numpy as np
import pandas as pd
import polars as pl
import pytest

import graphrec
from graphrec import BadRequest, NothingToLearn, UnknownScorer, evaluate
from kg_builder.schema import RETAIL
from kg_builder.tables import GraphTables
from tests import oracles
from tests.graphrec.conftest import SCORERS


@pytest.fixture(scope="module")
def cut(shop):
    """The moment after which the last tenth of the choices came."""
    return int(shop.interactions().select(pl.col("at").quantile(0.9)).collect().item())


@pytest.fixture(scope="module")
def report(shop, cut):
    return evaluate(shop, until=cut, k=10, scorers=SCORERS, text_model="none")


def pairs(shop, later):
    """By user, the products chosen before and after."""
    chosen = shop.interactions().with_columns((pl.col("at") > later).alias("later")).collect()
    known, wanted = {}, {}
    for user, product, after in chosen.select("user", "product", "later").rows():
        (wanted if after else known).setdefault(user, set()).add(product)
    new = {user: items - known.get(user, set()) for user, items in wanted.items() if user in known}
    return known, {user: items for user, items in new.items() if items}


def test_figures_agree_with_plain_python_over_lists_of_a_ranker_that_never_saw_the_future(shop, cut, report):
    _, wanted = pairs(shop, cut)
    past = graphrec.fit(shop.until(cut), scorers=SCORERS, text_model="none")
    lists = past.rank(sorted(wanted), k=10)
    listed = {user: [line.item for line in lists if line.user == user] for user in wanted}
    values = {user: oracles.metrics(wanted[user], listed[user], 10) for user in sorted(wanted)}
    assert report.test_users == tuple(sorted(wanted))
    for name in ("recall", "ndcg", "hit", "mrr"):
        expected = [values[user][name] for user in sorted(wanted)]
        assert report.per_user["blend"][name].tolist() == pytest.approx(expected, abs=1e-6)
        assert getattr(report.result(), name) == pytest.approx(np.mean(expected), abs=1e-6)


def test_the_blend_beats_popularity_on_the_planted_tastes(report):
    assert report.result().ndcg > 2 * report.result("popularity").ndcg


def test_popularity_and_every_kept_scorer_stand_beside_the_blend(report):
    systems = set(report.to_pandas()["system"])
    assert {"blend", "popularity"} < systems
    assert systems <= {"blend", *SCORERS}


def test_warm_and_cold_are_averages_over_those_who_chose_such_products(shop, cut, report):
    known, wanted = pairs(shop, cut)
    seen = set().union(*known.values())
    cold = {user: items - seen for user, items in wanted.items() if items - seen}
    assert report.result(group="cold").users == len(cold)
    assert report.result(group="warm").users == sum(bool(items & seen) for items in wanted.values())


def test_intervals_hold_their_means(report):
    for one in report.results:
        for name, (low, high) in one.intervals.items():
            assert low <= getattr(one, name) <= high


def test_the_leak_report_counts_what_it_says(shop, cut, report):
    chosen = shop.interactions().collect()
    past = chosen.filter(pl.col("at") <= cut)
    future = chosen.filter(pl.col("at") > cut).select("user", "product").unique()
    known = past.select("user", "product").unique()
    assert report.leaks.duplicates == past.height - known.height
    assert report.leaks.in_both == future.join(known, on=["user", "product"]).height
    assert report.leaks.future_interactions == 0
    assert report.leaks.undated_edges["ALSO_BOUGHT"] == shop.edges["Product", "ALSO_BOUGHT", "Product"].collect().height
    new = future.join(past.select("product").unique(), on="product", how="anti")["product"].n_unique()
    assert report.leaks.only_in_test == new
    assert "ALSO_BOUGHT" in str(report)


def test_the_default_cut_says_what_it_is(shop):
    found = evaluate(shop, k=5, scorers=["popularity"], text_model="none")
    assert "one global moment" in found.cut
    assert found.leaks.future_interactions == 0


def test_given_pairs_are_the_truth_whether_a_frame_or_a_list(shop, cut):
    _, wanted = pairs(shop, cut)
    rows = [(user, item) for user, items in sorted(wanted.items()) for item in sorted(items)]
    frame = pd.DataFrame(rows, columns=["user", "item"]).assign(timestamp=0)
    past = shop.until(cut)
    ways = [evaluate(past, test=given, k=5, scorers=["popularity"], text_model="none") for given in (rows, frame)]
    assert ways[0].to_json().split('"fit"')[0] == ways[1].to_json().split('"fit"')[0]
    assert ways[0].test_users == tuple(sorted(wanted))
    assert ways[0].leaks.future_interactions is None


def test_pairs_nobody_knows_and_pairs_known_from_training_are_counted_not_scored(shop):
    history = shop.interactions().filter(pl.col("user") == "u0001").collect()["product"].unique().to_list()
    new = next(f"p{row:04d}" for row in range(240) if f"p{row:04d}" not in history)
    given = [("u0001", history[0]), ("u0001", new), ("nobody", new), ("u0001", "nothing")]
    found = evaluate(shop, test=given, k=5, scorers=["popularity"], text_model="none")
    assert found.leaks.unknown_pairs == 2
    assert found.leaks.in_both == 1
    assert found.test_users == ("u0001",)
    kept = evaluate(shop, test=given, k=500, exclude_seen=False, scorers=["popularity"], text_model="none")
    assert kept.result().recall == 1


def test_the_report_is_a_table_for_people_and_json_for_programs(report):
    text = str(report)
    assert "leak report" in text
    assert "ndcg@10" in text
    read = json.loads(report.to_json())
    assert read["results"][0]["system"] == "blend"
    assert read["results"][0]["ndcg"] == report.result().ndcg
    assert read["leaks"]["in_both"] == report.leaks.in_both
    frame = report.to_pandas()
    assert {"system", "group", "users", "recall", "ndcg", "hit", "mrr", "coverage", "ndcg_low", "ndcg_high"} <= set(frame.columns)


def test_figures_that_are_not_there_are_asked_for_in_vain(report):
    with pytest.raises(BadRequest, match="no figures of nothing/overall"):
        report.result("nothing")


def test_k_below_one_is_refused(shop):
    with pytest.raises(BadRequest, match=r"k must be at least 1 \(got 0\)"):
        evaluate(shop, k=0)


def test_two_cuts_are_refused(shop):
    with pytest.raises(BadRequest, match="until or test"):
        evaluate(shop, until=1, test=[])


def test_an_unknown_scorer_is_refused_before_anything_is_read():
    with pytest.raises(UnknownScorer, match="did you mean 'popularity'"):
        evaluate(None, scorers=["populartiy"])


def test_a_cut_after_everything_leaves_nobody_to_test(shop):
    with pytest.raises(BadRequest, match="nobody to test"):
        evaluate(shop, until=4_000_000_000, scorers=["popularity"])
    with pytest.raises(BadRequest, match="nobody to test"):
        evaluate(shop, test=[], scorers=["popularity"])


def test_one_choice_a_user_is_nothing_to_evaluate_on():
    nodes = {"User": pl.DataFrame({"id": ["u1", "u2"]}), "Product": pl.DataFrame({"id": ["p1"]})}
    bought = pl.DataFrame({"source": ["u1", "u2"], "target": ["p1", "p1"], "key": ["1", "2"]})
    with pytest.raises(NothingToLearn):
        evaluate(GraphTables.of(RETAIL, nodes, {("User", "BOUGHT", "Product"): bought}), scorers=["popularity"])
