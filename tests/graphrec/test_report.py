import json

import pandas as pd
import pytest

from graphrec import BadRequest, evaluate
from graphrec.figures import METRICS
from tests.graphrec.conftest import SCORERS


@pytest.fixture(scope="module")
def report(shop):
    return evaluate(shop, k=10, scorers=SCORERS, text_model="none", auc=True)


def test_saved_are_json_markdown_html_and_a_row_a_user_and_system(report, tmp_path):
    report.save(tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"
    assert {path.name for path in folder.iterdir()} == {"report.json", "report.md", "report.html", "per_user.parquet"}
    assert json.loads((folder / "report.json").read_text()) == json.loads(report.to_json())
    rows = pd.read_parquet(folder / "per_user.parquet")
    assert list(rows.columns) == ["user", "system", *METRICS, "auc"]
    assert len(rows) == len(report.test_users) * len(report.per_user)
    blend = rows[rows["system"] == "blend"]
    assert blend["user"].tolist() == list(report.test_users)
    for name in (*METRICS, "auc"):
        assert blend[name].mean() == pytest.approx(getattr(report.result(), name))


def test_a_file_is_no_folder_for_a_report(report, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadRequest, match="is a file; name a folder for the report"):
        report.save(tmp_path / "file")


def test_json_has_every_part_and_no_word_that_json_does_not_know(report):
    def refuse(word):
        raise AssertionError(word)

    read = json.loads(report.to_json(), parse_constant=refuse)
    assert read["users"] == len(report.test_users)
    assert {one["by"] for one in read["groups"]} == {"activity", "popularity", "category"}
    assert {(one["system"], one["against"]) for one in read["differences"]} >= {("blend", "popularity"), ("blend", "linear")}
    assert [one["system"] for one in read["beyond_accuracy"]] == list(report.per_user)
    assert read["fairness"]["brands"][0]["brands"] > 2
    assert read["cold"]["products"] == report.cold.products
    assert set(read["seconds"]) == {"read", "leak report", "fit", "rank", "measure", "re-rank"}
    assert set(read["scoring_seconds"]) == set(report.per_user) - {"blend"}


def test_the_floor_the_best_rival_and_what_is_cold_and_slow_are_said_in_words(report):
    text = str(report)
    assert "the blend is better than popularity, the floor: +0." in text
    assert f"with {len(report.test_users)} users a true difference below 0." in text
    assert "cold: " in text
    assert "slow: read " in text
    found = {(one.system, one.against): one for one in report.differences}
    assert found["blend", "popularity"].difference == pytest.approx(report.result().ndcg - report.result("popularity").ndcg)


def test_tables_by_group_are_printed_where_asked_for_and_always_saved(report):
    assert "By category" not in report.text()
    assert "By how much users chose before" not in report.text(by=["category"])
    assert "products in Kitchen: 80" in report.text(by=["category"])
    for page in (report.to_markdown(), report.to_html()):
        for title in ("By how much users chose before", "By popularity of products", "By category", "Fairness between brands"):
            assert title in page
    with pytest.raises(BadRequest, match="did you mean 'popularity'"):
        report.text(by=["populrity"])


def test_groups_are_frames_too(report):
    frame = report.to_pandas(by="activity")
    blend = frame[frame["system"] == "blend"]
    assert (blend["users"] * blend["ndcg"]).sum() / len(report.test_users) == pytest.approx(report.result().ndcg)
    assert blend["users"].sum() == len(report.test_users)
    assert report.result("blend", "few").ndcg == blend["ndcg"].iloc[0]
    assert "by" not in report.to_pandas().columns


def test_auc_is_that_of_the_whole_ranking(report, shop):
    assert report.result().auc > 0.7 > 0.5
    assert "auc" in str(report)
    assert report.result("popularity").auc < report.result().auc
    plain = evaluate(shop, k=10, scorers=["popularity"], text_model="none")
    assert "auc" not in plain.to_pandas().columns
    assert plain.result("popularity").auc != plain.result("popularity").auc


def test_little_memory_gives_the_same_figures_and_too_little_is_refused(report, shop):
    tight = evaluate(shop, k=10, scorers=SCORERS, text_model="none", auc=True, memory=20_000)
    assert tight.to_json().split('"leaks"')[0] == report.to_json().split('"leaks"')[0]
    with pytest.raises(BadRequest, match=r"memory must hold one user's scores: 241 products by 4 systems need 13,496 bytes"):
        evaluate(shop, k=10, scorers=SCORERS, text_model="none", memory=9_000)
