"""graphrec update: what the command line takes counts in later calls."""

import json

import pytest
from typer.testing import CliRunner

from graphrec import Ranker, pipeline
from graphrec.cli import app
from graphrec.scorers import FitContext
from tests.graphrec.graphs import known_graph


@pytest.fixture
def model(tmp_path):
    ranker = pipeline.learn(known_graph([[0, 1], [1, 2], [0, 2]], 4), {}, FitContext(), scorers=["popularity"])
    ranker.save(tmp_path / "m")
    return tmp_path / "m"


def ask(*words):
    return CliRunner().invoke(app, ["update", *map(str, words)])


@pytest.mark.parametrize("name, mark", [("e.csv", ","), ("e.tsv", "\t")])
def test_events_of_a_file_count_in_the_saved_model(model, tmp_path, name, mark):
    lines = [("user", "product", "at"), ("u00000", "p00002", "2026-01-02"), ("new", "p00001", "1767312000"), ("new", "none", "")]
    (tmp_path / name).write_text("".join(mark.join(line) + "\n" for line in lines))
    found = ask(model, tmp_path / name)
    assert found.exit_code == 0, found.output
    assert "2 events taken: 1 new users, 1 known ones" in found.output
    assert "waits: 1 events of 1 products that the model does not know (none)" in found.output
    loaded = Ranker.load(model)
    assert "p00002" not in set(loaded.rank("u00000").to_pandas()["item"])
    assert loaded.knows("new")


def test_the_old_model_stays_where_another_is_named_and_json_says_what_came_of_it(model, tmp_path):
    (tmp_path / "e.csv").write_text("user,product\nnew,p00001\n")
    found = ask(model, tmp_path / "e.csv", "--out", tmp_path / "later", "--json")
    assert json.loads(found.output)["new_users"] == ["new"]
    assert Ranker.load(tmp_path / "later").knows("new")
    assert not Ranker.load(model).knows("new")


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "user,product,at\nu00000,p00002,never\n"])
def test_what_is_no_events_is_refused_and_changes_nothing(model, tmp_path, text):
    (tmp_path / "e.csv").write_text(text)
    assert ask(model, tmp_path / "e.csv").exit_code != 0
    assert ask(model, tmp_path / "gone.csv").exit_code != 0
    assert not Ranker.load(model).summary.updates
