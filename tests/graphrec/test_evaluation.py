import json
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest

import graphrec
from graphrec import BadRequest, NothingToLearn, UnknownScorer, evaluate
from kg_builder.schema import RETAIL, EdgeSpec, GraphSchema
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
            assert low <= getattr(one, name) <= high or (one.users == 1 and np.isnan([low, high]).all())


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
    with pytest.raises(BadRequest, match=r"until 2096-10-02 07:06:40 UTC leaves nothing to test: the choices are from 20\d\d-"):
        evaluate(shop, until=4_000_000_000, scorers=["popularity"])
    with pytest.raises(BadRequest, match="nobody to test"):
        evaluate(shop, test=[], scorers=["popularity"])


def test_one_choice_a_user_is_nothing_to_evaluate_on():
    nodes = {"User": pl.DataFrame({"id": ["u1", "u2"]}), "Product": pl.DataFrame({"id": ["p1"]})}
    bought = pl.DataFrame({"source": ["u1", "u2"], "target": ["p1", "p1"], "key": ["1", "2"]})
    with pytest.raises(NothingToLearn):
        evaluate(GraphTables.of(RETAIL, nodes, {("User", "BOUGHT", "Product"): bought}), scorers=["popularity"])


def quick(source, **more):
    """An evaluation of popularity alone."""
    return evaluate(source, **{"k": 5, "scorers": ["popularity"], "text_model": "none", **more})


def small(rows, *, at=None):
    """Tables of users who bought these products, a choice a row."""
    users, products = zip(*rows, strict=True)
    nodes = {"User": pl.DataFrame({"id": sorted(set(users))}), "Product": pl.DataFrame({"id": sorted(set(products))})}
    bought = pl.DataFrame({"source": users, "target": products, "key": [str(row) for row in range(len(rows))]})
    bought = bought if at is None else bought.with_columns(pl.Series("at", at))
    return GraphTables.of(RETAIL, nodes, {("User", "BOUGHT", "Product"): bought})


@pytest.mark.parametrize("protocol", ["leave-one-out", "ratio", "new-users", "new-products"])
def test_every_protocol_is_evaluated_by_its_name(shop, protocol):
    found = quick(shop, protocol=protocol)
    assert found.protocol == protocol
    assert protocol.replace("-", " ") in found.cut
    assert found.leaks.found == ()
    groups = {one.group for one in found.results if one.system == "popularity"}
    assert ("new" in groups) == (protocol == "new-products")
    assert json.loads(found.to_json())["protocol"] == protocol


def test_new_users_are_unknown_to_the_fit_and_ranked_by_what_is_told_of_them(shop):
    found = evaluate(shop, protocol="new-users", share=0.4, k=10, scorers=["popularity", "linear"], text_model="none")
    known = found.ranker.model.known
    assert not {known.users.names[row] for row in known.interactions.user} & set(found.test_users)
    nothing = found.ranker.rank(found.test_users, k=10).to_pandas()  # the model alone knows these users by no history
    untold = quick(shop, protocol="new-users", share=0.4, k=10, lists={"untold": nothing[["user", "item"]].to_numpy().tolist()})
    assert found.result().ndcg > 1.2 * untold.result("untold").ndcg


def test_new_products_are_ranked_among_all_and_among_themselves(shop):
    found = evaluate(shop, protocol="new-products", k=10, scorers=["content", "popularity"], text_model="none")
    assert found.result("content", "new").ndcg > 2 * found.result("popularity", "new").ndcg
    assert found.result("content", "new").ndcg > found.result("content").ndcg
    assert found.result("popularity", "new").users == len(found.test_users)
    assert found.result("content", "new").coverage < found.result("content").coverage


def test_a_k_core_is_printed_with_what_it_removed(shop):
    found = quick(shop, k_core=6)
    assert found.notes[0].startswith("6-core, at least 6 choices a user and a product: ")
    assert found.notes[0] in str(found)
    assert found.catalogue < quick(shop).catalogue
    assert found.notes[0] in json.loads(found.to_json())["notes"]


def test_drawn_candidates_are_marked_beside_the_figures_and_flatter(shop):
    full, drawn = quick(shop), quick(shop, candidates=20)
    text = str(drawn)
    assert "ndcg@5*" in text
    assert "* sampled metrics: held-out products among 20 drawn candidates" in text
    assert "not comparable" in text
    assert "*" not in str(full)
    assert drawn.result().ndcg > full.result().ndcg
    assert not re.search(r"(ndcg|recall|mrr|hit|map|precision)@5(?!\\?\*)", drawn.to_markdown() + drawn.to_html() + text)
    assert "@5*" not in full.to_markdown()
    assert {row["candidates"] for row in json.loads(drawn.to_json())["results"]} == {20}
    assert set(drawn.users_to_pandas()["candidates"]) == {20}
    assert "candidates" not in full.users_to_pandas().columns
    assert drawn.result().ndcg == quick(shop, candidates=20).result().ndcg
    assert drawn.result().ndcg != quick(shop, candidates=20, seed=1).result().ndcg
    assert quick(shop, candidates=10_000).result().ndcg == pytest.approx(full.result().ndcg)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"protocol": "newusers"}, "no protocol 'newusers'; did you mean 'new-users'"),
        ({"protocol": "ratio", "until": 5}, "until divides by time"),
        ({"k_core": 3, "test": [("u0001", "p0001")]}, "a k-core is taken before the cut"),
        ({"k_core": 0}, r"k_core must be at least 1 \(got 0\)"),
        ({"k_core": 500}, "there is no 500-core"),
        ({"candidates": 0}, r"candidates must be at least 1 \(got 0\)"),
        ({"candidates": 9, "lists": {"theirs": []}}, "leave candidates out"),
        ({"candidates": 9, "worth": True}, "leave candidates out"),
        ({"lists": {"popularity": []}}, "lists cannot be called 'popularity'"),
        ({"lists": {"theirs": [("nobody", "p0001")]}}, "theirs: no list is of a tested user, the first is of 'nobody'"),
        ({"share": 2.0, "protocol": "ratio"}, "share must lie between 0 and 1"),
        ({"test": []}, "the given test is empty"),
        (
            {"test": [("u0001", "pq"), ("x", "p0001")]},
            "knows both ends of none of the 2 given pairs, the first is 'u0001' → 'pq'",
        ),
        ({"test": pd.DataFrame({"user": ["u0001"]})}, r"columns for user and product \(got user\)"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(shop, asked, said):
    with pytest.raises(BadRequest, match=said) as refused:
        quick(shop, **asked)
    assert "\n" not in str(refused.value)


def test_a_cut_by_time_without_times_is_refused_and_the_default_falls_back():
    rows = [(f"u{user}", f"p{(user + step) % 7}") for user in range(9) for step in range(4)]
    with pytest.raises(BadRequest, match="no interaction carries one; take the protocol ratio or leave-one-out"):
        quick(small(rows), until=5)
    assert "neither times nor positions are known" in quick(small(rows)).cut


def test_equal_timestamps_say_nothing_of_the_order():
    rows = [(f"u{user}", f"p{(user + step) % 7}") for user in range(9) for step in range(4)]
    found = quick(small(rows, at=[1_600_000_000] * len(rows)))
    assert "all carry the same time" in found.cut
    assert len(found.test_users) == 9


def test_fewer_products_than_places_are_said_and_counted_as_they_are():
    rows = [(f"u{user}", f"p{(user + step) % 7}") for user in range(9) for step in range(4)]
    found = quick(small(rows), k=50)
    assert found.k == 7
    assert "there are fewer products than k: lists have 7 places instead of 50" in found.notes
    short = quick(small(rows), k=5)
    assert "users who chose so much that their lists cannot be 5 long: 9" in short.notes


def test_users_with_nothing_new_and_users_without_a_past_are_counted():
    at = 1_600_000_000
    rows = [("u1", "p1"), ("u1", "p2"), ("u1", "p1"), ("u2", "p1"), ("u2", "p3"), ("u3", "p2")]
    times = [at, at + 1, at + 9, at, at + 9, at + 9]
    found = quick(small(rows, at=times), until=at + 5, k=2)
    assert found.test_users == ("u2",)
    assert "users not tested, as they chose nothing later that is new to them: 1" in found.notes
    assert "users not tested, as they have no choice before the cut: 1" in found.notes


def test_test_users_without_a_history_are_ranked_as_strangers(shop):
    nodes = {**shop.nodes, "User": pl.concat([shop.nodes["User"], shop.nodes["User"].head(1).with_columns(id=pl.lit("fresh"))])}
    grown = GraphTables.of(shop.schema, nodes, shop.edges)
    found = quick(grown, test=[("fresh", "p0001"), ("u0001", "p0239")])
    assert found.test_users == ("fresh", "u0001")
    assert "test users without a history, ranked as strangers: 1 of 2" in found.notes


def test_a_test_older_than_its_training_is_a_leak(shop):
    history = shop.interactions().filter(pl.col("user") == "u0001").collect()["product"].unique().to_list()
    new = next(f"p{row:04d}" for row in range(240) if f"p{row:04d}" not in history)
    frame = pd.DataFrame({"user": ["u0001"], "item": [new], "timestamp": [800_000_000]})
    assert [one.name for one in quick(shop, test=frame).leaks.found] == ["test older than training"]
    assert quick(shop, test=frame.assign(timestamp=4_000_000_000)).leaks.found == ()


def test_lists_of_another_system_are_measured_beside_ours(shop, cut):
    _, wanted = pairs(shop, cut)
    perfect = [(user, item) for user, items in wanted.items() for item in items]
    found = quick(shop, until=cut, k=20, lists={"oracle": perfect})
    assert found.result("oracle").ndcg == pytest.approx(1)
    assert found.result("oracle").recall == pytest.approx(1)
    values = [oracles.metrics(wanted[user], [item for one, item in perfect if one == user][:2], 20) for user in sorted(wanted)]
    heads = [(user, item) for user, items in wanted.items() for item in list(items)[:2]]
    again = quick(shop, until=cut, k=20, lists={"heads": heads})
    assert again.per_user["heads"]["ndcg"].tolist() == pytest.approx([one["ndcg"] for one in values])


def test_faulty_lists_are_put_up_with_and_counted(shop, cut):
    known, wanted = pairs(shop, cut)
    first, *others = sorted(wanted)
    right, seen = sorted(wanted[first])[0], sorted(known[first])[0]
    rows = [(first, "unheard-of"), (first, right), (first, right), (first, seen), ("nobody", right)]
    found = quick(shop, until=cut, lists={"theirs": rows})
    notes = [note for note in found.notes if note.startswith("theirs: ")]
    assert notes == [
        "theirs: places that repeat a product of the same list (the first counts): 1",
        "theirs: places with products the graph does not know (misses): 1",
        "theirs: places with what the user chose before (misses, unless that is asked for): 1",
        f"theirs: tested users without a list (they score nothing): {len(others)}",
        "theirs: lists shorter than 5: 1",
        "theirs: lists of users who are not tested (not looked at): 1",
    ]
    values = found.per_user["theirs"]
    assert values["mrr"][0] == 0.5
    assert values["hit"][1:].sum() == 0


FAULTY = '''
"""Popularity that answers every third user with no number."""
from graphrec.scorers.popularity import Popularity

class Faulty(Popularity):
    name = "faulty"

    def score(self, histories):
        scores = super().score(histories).copy()
        scores[histories.user % 3 == 0, :10] = float("nan")
        return scores
'''


def test_scores_that_are_no_numbers_count_as_no_opinion_and_are_counted(shop, tmp_path, monkeypatch):
    (tmp_path / "faulty.py").write_text(FAULTY)
    monkeypatch.setattr(graphrec.scorers, "__path__", [*graphrec.scorers.__path__, str(tmp_path)])
    found = quick(shop, scorers=["faulty"])
    third = sum(found.ranker.model.known.users.row(user) % 3 == 0 for user in found.test_users)
    assert f"faulty: {10 * third:,} scores are not numbers; they count as no opinion" in found.notes
    same = quick(shop).per_user["popularity"]["ndcg"]
    numbers = [row for row, user in enumerate(found.test_users) if found.ranker.model.known.users.row(user) % 3]
    assert found.per_user["faulty"]["ndcg"][numbers].tolist() == pytest.approx(same[numbers].tolist())


def test_dated_edges_that_repeat_later_choices_are_found_from_the_store_on(shop, cut):
    _, wanted = pairs(shop, cut)
    rows = [(user, item) for user, items in sorted(wanted.items()) for item in sorted(items)][:4]
    wish = EdgeSpec("User", "WISHED", "Product", {"at": "integer"})
    schema = shop.schema.merge(GraphSchema.of(list(shop.schema.nodes.values()), [wish]))
    users, items = zip(*rows, strict=True)
    wished = pl.DataFrame({"source": users, "target": items, "at": [cut - 1, cut, cut + 1, cut + 2]})
    spoilt = GraphTables.of(schema, shop.nodes, {**shop.edges, ("User", "WISHED", "Product"): wished})
    found = {one.name: one.count for one in quick(spoilt, until=cut).leaks.found}
    assert found == {"WISHED edges from the future": 2, "WISHED edges that repeat test pairs": 4}
    assert quick(shop, until=cut).leaks.found == ()
