import json
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from graphrec import BadRequest, evaluate, splits
from graphrec.comparison.contest import checked, compare, held_out
from graphrec.comparison.own_worker import fit, graph_config, ranked
from graphrec.comparison.workers import Failed
from graphrec.metrics import measure
from graphrec.scorers import FitContext
from graphrec.scorers.linear import Linear
from graphrec.tensors import KnownGraph
from tests import oracles

pytest.importorskip("optuna")
pytest.importorskip("implicit")
pytest.importorskip("matplotlib")

PEER = """#!{python}
import json, sys
import numpy as np
for line in sys.stdin:
    order = json.loads(line)
    if order.get("ready"):
        print("{{}}", flush=True)
        continue
    with np.load(order["data"] + "/interactions.npz") as file:
        asked, user, product = file["asked"], file["user"], file["product"]
    lists = np.full((len(asked), order["k"]), -1)
    {body}
    np.save(order["lists"], lists)
    print(json.dumps(dict(fit_seconds=1.5, rank_seconds=0.5, peak_bytes=2**30, version="peer 1")), flush=True)
"""


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    """Makes the interpreter of a peer that does as the line says."""
    folder = tmp_path_factory.mktemp("peers")

    def peer(name, body):
        path = folder / name
        path.write_text(PEER.format(python=sys.executable, body=body))
        path.chmod(0o755)
        return str(path)

    return peer


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("out") / "compared"


@pytest.fixture(scope="module")
def compared(shop, peer, out):
    """Two systems of ours, one of implicit's, and three peers that misbehave."""
    pythons = {
        "lenskit-ease": peer("quits", "sys.exit('the peer broke')"),
        "recbole-lightgcn": peer("cheats", "lists[:, 0] = [product[user == one][0] for one in asked]"),
        "rectools-ease": peer("says little", "pass"),
    }
    systems = ["linear", "implicit-cosine", *pythons, "rectools-sasrec"]
    return compare(
        shop, systems=systems, trials=3, seconds=120, k=10, text_model="none", threads=1, pythons=pythons, seed=1, out=out
    )


def test_figures_agree_with_an_evaluation_of_the_same_scorer_on_the_same_cut(shop, compared):
    settings = compared.row("linear").settings
    cut = held_out(KnownGraph.of(shop), None, None, 1)
    model = Linear.fit_with(cut.known, settings["penalty"])
    values = measure(ranked(model, cut.known, cut.users, 10), cut.truth)
    overall = compared.row("linear").overall
    assert {name: getattr(overall, name) for name in values} == {
        name: pytest.approx(each.mean()) for name, each in values.items()
    }
    floor = evaluate(shop, k=10, scorers=["popularity"], text_model="none", seed=1).result("popularity")
    assert compared.row("popularity").overall.ndcg == pytest.approx(floor.ndcg)
    assert compared.terms.users == floor.users


def test_ranked_lists_agree_with_plain_python(shop):
    known = KnownGraph.of(shop)
    model = Linear.fit_with(known, 100.0)
    lists = ranked(model, known, np.arange(5), 6)
    scores = model.score(known.histories(np.arange(5)))
    for user in range(5):
        seen = set(known.interactions.product[known.interactions.user == user])
        fit_for = [
            row for row in range(len(known.products)) if row not in seen and known.listed[row] and scores[user, row] > -np.inf
        ]
        assert lists[user].tolist() == sorted(fit_for, key=lambda row: (-scores[user, row], row))[:6]


def test_the_floor_is_always_there_and_the_first_is_what_the_others_are_held_against(compared):
    assert [row.system for row in compared.rows][::6] == ["linear", "popularity"]
    assert compared.rows[0].difference is None
    apart = compared.row("popularity").difference
    both = compared.per_user
    assert apart.difference == pytest.approx((both["popularity"]["ndcg"] - both["linear"]["ndcg"]).mean())
    assert apart.low < apart.difference < apart.high < 0
    assert apart.p < 0.01


def test_every_trial_is_on_record_and_the_best_one_was_taken(compared):
    made = [trial for trial in compared.trials if trial.system == "implicit-cosine"]
    assert [trial.number for trial in made] == [0, 1, 2]
    assert made[0].settings == {"K": 20}
    best = max(made, key=lambda trial: trial.ndcg)
    assert compared.row("implicit-cosine").settings == best.settings
    assert compared.row("implicit-cosine").validation == best.ndcg
    assert sum(trial.system == "popularity" for trial in compared.trials) == 1


def test_a_system_that_fails_costs_its_own_row_and_says_why(compared):
    assert "the peer broke" in compared.row("lenskit-ease").why
    assert compared.row("recbole-lightgcn").why == "its lists hold products that the user chose before"
    assert "rectools is not installed here" in compared.row("rectools-sasrec").why
    for name in ("lenskit-ease", "recbole-lightgcn", "rectools-sasrec"):
        assert compared.row(name).overall is None
        assert compared.row(name).difference is None
        assert f"- {name}: {compared.row(name).why}" in str(compared)


def test_systems_are_held_against_the_first_that_has_figures(shop, peer):
    pythons = {"lenskit-ease": peer("is broken", "sys.exit('the peer broke')")}
    systems = ["lenskit-ease", "popularity", "implicit-cosine"]
    found = compare(shop, systems=systems, trials=1, seconds=120, k=10, text_model="none", threads=1, pythons=pythons)
    assert found.against == "popularity"
    assert found.row("implicit-cosine").difference is not None


def test_a_system_that_takes_too_long_is_ended(shop, peer):
    pythons = {"lenskit-als": peer("sleeps", "import time; time.sleep(600)")}
    started = time.monotonic()
    found = compare(shop, systems=["lenskit-als"], trials=3, seconds=1, k=10, text_model="none", pythons=pythons)
    assert time.monotonic() - started < 60
    assert found.row("lenskit-als").why == "not done within 1 s"
    assert [trial.state for trial in found.trials if trial.system == "lenskit-als"] == ["out of time"]


def test_what_another_interpreter_says_stands_in_the_table(compared):
    row = compared.row("rectools-ease")
    assert (row.fit_seconds, row.rank_seconds, row.peak_bytes, row.version) == (1.5, 0.5, 2**30, "peer 1")
    assert row.overall.ndcg == 0  # its lists are empty


def test_costs_are_those_of_the_systems_own_process(compared):
    row = compared.row("implicit-cosine")
    assert row.fit_seconds > 0
    assert row.tuning_seconds > row.fit_seconds
    assert 1e7 < row.peak_bytes < compared.row("linear").peak_bytes  # which needs torch


def test_the_folder_holds_table_trials_values_and_pictures(compared, out):
    told = json.loads((out / "comparison.json").read_text())
    assert [row["system"] for row in told["rows"]] == [row.system for row in compared.rows]
    assert told["split"] == compared.terms.split
    frame = pd.read_csv(out / "comparison.csv").set_index("system")
    assert frame.loc["linear", "ndcg"] == pytest.approx(compared.row("linear").overall.ndcg)
    assert frame.loc["popularity", "p"] == pytest.approx(compared.row("popularity").difference.p)
    assert (out / "comparison.md").read_text().count("\n| ") == len(compared.rows) + 1
    assert len(json.loads((out / "trials.json").read_text())) == len(compared.trials) == len(pd.read_csv(out / "trials.csv"))
    values = pl.read_parquet(out / "per_user.parquet").filter(pl.col("system") == "linear")
    assert values["user"].to_list() == list(compared.test_users)
    assert values["ndcg"].mean() == pytest.approx(compared.row("linear").overall.ndcg)
    assert (out / "comparison.png").read_bytes().startswith(b"\x89PNG")
    page = (out / "comparison.html").read_text()
    assert "<title>linear: " in page
    assert "src=" not in page
    assert "href=" not in page


def test_what_was_found_is_taken_up_and_what_failed_is_tried_again(shop, peer, compared, out, tmp_path):
    folder = Path(shutil.copytree(out, tmp_path / "again"))
    pythons = {"lenskit-ease": peer("works now", "lists[:] = -1"), "implicit-cosine": peer("is not asked", "sys.exit('asked')")}
    asked = {"trials": 3, "seconds": 120, "k": 10, "text_model": "none", "threads": 1, "pythons": pythons}
    systems = ["linear", "lenskit-ease"]
    again = compare(shop, systems=systems, seed=1, out=folder, resume=True, **asked)
    for name in ("linear", "implicit-cosine", "popularity"):
        before, after = compared.row(name), again.row(name)
        assert str((after.results, after.settings, after.version)) == str((before.results, before.settings, before.version))
        assert (after.fit_seconds, after.tuning_seconds) == (before.fit_seconds, before.tuning_seconds)
    assert again.row("lenskit-ease").overall.ndcg == 0
    assert [one for one in again.trials if one.system == "linear"] == [one for one in compared.trials if one.system == "linear"]
    assert len(json.loads((folder / "comparison.json").read_text())["rows"]) == 5  # rectools-ease, not asked for, stays
    told = []

    def broken_off(what, done, total):
        told.append(what)
        if what == "compare: popularity":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(shop, systems=["implicit-tfidf"], seed=1, out=folder, resume=True, progress=broken_off, **asked)
    rows = [row["system"] for row in json.loads((folder / "comparison.json").read_text())["rows"]]
    assert rows == ["implicit-tfidf", "linear", "lenskit-ease", "implicit-cosine", "rectools-ease", "popularity"]
    with pytest.raises(BadRequest, match=r"under other terms: .*seed was 1, is 2"):
        compare(shop, systems=systems, seed=2, out=folder, resume=True, **asked)
    with pytest.raises(BadRequest, match="other terms: k was 10, is 9;"):
        compare(shop, systems=systems, seed=1, out=folder, resume=True, **asked | {"k": 9})
    with pytest.raises(BadRequest, match="holds a comparison already; --resume"):
        compare(shop, systems=systems, seed=1, out=folder, **asked)
    assert "NaN" not in (folder / "comparison.json").read_text()
    assert not list(folder.glob("*.new"))
    (folder / "lists" / "linear.tsv").unlink()
    with pytest.raises(BadRequest, match=r"no whole comparison .*linear\.tsv.*; name another folder$"):
        compare(shop, systems=systems, seed=1, out=folder, resume=True, **asked)
    (folder / "comparison.json").write_text("{")
    with pytest.raises(BadRequest, match="no whole comparison"):
        compare(shop, systems=systems, seed=1, out=folder, resume=True, **asked)
    with pytest.raises(BadRequest, match="name the folder"):
        compare(shop, systems=systems, seed=1, resume=True, **asked)


def test_warm_and_cold_products_stand_beside_all_and_small_differences_are_named(shop):
    found = compare(shop, systems=["linear"], protocol="new-products", share=0.3, trials=1, k=10, text_model="none", seed=3)
    row = found.row("linear")
    assert [one.group for one in row.results] == ["overall"]  # all that is held out is new
    assert row.overall.ndcg == 0
    known = KnownGraph.of(shop)
    cold, warm = (known.products.names[which & known.listed] for which in (~known.warm, known.warm))
    pairs = [(user, product) for user in known.users.names[:40] for product in (cold[0], warm[0], warm[1])]
    found = compare(shop, systems=["linear"], test=pairs, trials=1, k=10, text_model="none")
    assert [one.group for one in found.row("linear").results] == ["overall", "warm", "cold"]
    assert "cold products" in str(found)
    assert {"warm_ndcg", "cold_ndcg_low", "smallest"} <= set(found.to_pandas().columns)
    assert f"below {found.row('popularity').difference.smallest:.4f} (popularity)" in str(found)


def test_lists_can_be_scored_by_anybody(shop, compared, out):
    cut = held_out(KnownGraph.of(shop), None, None, 1)
    lines = pl.read_csv(
        out / "lists" / "implicit-cosine.tsv", separator="\t", schema_overrides={"user": pl.String, "item": pl.String}
    )
    by_user = {user: part.sort("rank")["item"].to_list() for (user,), part in lines.group_by("user")}
    for row, user in enumerate(compared.test_users):
        wanted = set(cut.known.products.names[cut.truth[[row]].indices])
        value = oracles.metrics(wanted, by_user.get(user, []), 10)["ndcg"]
        assert compared.per_user["implicit-cosine"]["ndcg"][row] == pytest.approx(value, abs=1e-6)
    assert not (out / "lists" / "recbole-lightgcn.tsv").exists()


def test_given_pairs_are_the_truth_and_the_same_seed_gives_the_same_figures(shop):
    known = KnownGraph.of(shop)
    seen = known.matrix.toarray() > 0
    pairs = [(known.users.names[user], known.products.names[np.flatnonzero(~seen[user])[user]]) for user in range(60)]
    pairs += [(known.users.names[0], known.products.names[np.flatnonzero(seen[0])[0]]), ("nobody", "nothing")]
    ways = [
        compare(shop, systems=["popularity"], test=given, trials=1, k=5, text_model="none")
        for given in (pairs, pd.DataFrame(pairs, columns=["user", "item"]))
    ]
    assert ways[0].terms.users == 60
    assert "1 of 61 choices are no test" in ways[0].terms.cut
    assert ways[0].terms == ways[1].terms
    assert ways[0].row("popularity").results == ways[1].row("popularity").results
    with pytest.raises(BadRequest, match="nobody to test"):
        compare(shop, systems=["popularity"], test=pairs[-2:], text_model="none")


@pytest.fixture(scope="module")
def cut(shop):
    return splits.inner_cut(KnownGraph.of(shop), 0)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda lists, _: lists[:, :2], "shape"),
        (lambda lists, cut: np.where(lists == lists[0, 0], len(cut.known.products), lists), "not for sale"),
        (lambda lists, _: np.repeat(lists[:, :1], lists.shape[1], axis=1), "a product twice"),
        (lambda lists, cut: np.vstack([[cut.known.histories(cut.users[:1]).product[0], -1, -1, -1], lists[1:]]), "chose before"),
    ],
)
def test_lists_that_are_not_what_was_asked_for_are_refused(cut, spoil, why):
    lists = ranked(Linear.fit_with(cut.known, 100.0), cut.known, cut.users, 4)
    assert checked(lists, cut, 4) is lists
    with pytest.raises(Failed, match=why):
        checked(spoil(lists, cut), cut, 4)


def test_products_that_are_not_for_sale_are_refused(cut):
    lists = ranked(Linear.fit_with(cut.known, 100.0), cut.known, cut.users, 4)
    closed = replace(cut, known=replace(cut.known, listed=np.zeros_like(cut.known.listed)))
    with pytest.raises(Failed, match="not for sale"):
        checked(lists, closed, 4)


def test_settings_reach_our_own_systems(cut):
    assert fit("linear", {"penalty": 77.0}, cut.known, FitContext()).penalty == 77.0
    made = graph_config({"dim": 16, "temperature": 0.3, "steps": 5})
    assert (made.encoder.dim, made.ranking.temperature, made.training.steps) == (16, 0.3, 5)
    assert fit("graph", {"dim": 16, "steps": 2, "layers": 1}, cut.known, FitContext()).config.encoder.dim == 16


def test_a_comparison_that_cannot_be_is_refused_before_anything_is_fitted(shop):
    for wrong, said in (({"trials": 0}, "trials must be"), ({"seconds": 0}, "seconds must be"), ({"k": 0}, "k must be")):
        with pytest.raises(BadRequest, match=said):
            compare(shop, systems=["linear"], **wrong)
    with pytest.raises(BadRequest, match="at least one system"):
        compare(shop, systems=[])
    with pytest.raises(BadRequest, match="no interpreter for lenskit at /nowhere/python"):
        compare(shop, systems=["lenskit-ease"], pythons={"lenskit": "/nowhere/python"})


def test_values_of_users_agree_with_plain_python(shop, compared):
    cut = held_out(KnownGraph.of(shop), None, None, 1)
    lists = ranked(Linear.fit_with(cut.known, compared.row("linear").settings["penalty"]), cut.known, cut.users, 10)
    for row, listed in enumerate(lists[:20]):
        wanted = set(cut.truth[[row]].indices)
        assert compared.per_user["linear"]["ndcg"][row] == pytest.approx(oracles.metrics(wanted, listed.tolist(), 10)["ndcg"])


@pytest.mark.slow
def test_the_blend_makes_lists_as_they_are_asked_for_and_beats_the_floor(cut):
    hit = {}
    for name in ("blend", "popularity"):
        model = fit(name, {}, cut.known, FitContext())
        lists = checked(ranked(model, cut.known, cut.users, 10), cut, 10)
        hit[name] = measure(lists, cut.truth)["hit"].mean()
    assert hit["blend"] > 2 * hit["popularity"] > 0
