import pytest

from graphrec import blend, scorers
from graphrec.budget import Budget, explainable, seconds_of
from graphrec.errors import BadRequest
from graphrec.pipeline import TextVectors
from graphrec.scorers import FitContext
from tests.graphrec.graphs import known_graph, tastes

FAST = ["linear", "popularity"]


def priced(monkeypatch, **seconds):
    for name, cost in seconds.items():
        monkeypatch.setattr(scorers.load(name), "cost", classmethod(lambda _kind, _known, cost=cost: cost))


def test_the_cheapest_scorers_are_taken_as_far_as_two_fits_of_each_go(monkeypatch):
    priced(monkeypatch, popularity=1.0, linear=10.0, paths=30.0)
    kept, told = Budget(25).affordable(["linear", "paths", "popularity"], tastes())
    assert kept == ["linear", "popularity"]
    assert told == "left out for the budget of 25 s: paths (about 60 s)"
    assert Budget(82).affordable(["linear", "paths", "popularity"], tastes()) == (["linear", "paths", "popularity"], "")


def test_one_scorer_remains_however_little_time_there_is(monkeypatch):
    priced(monkeypatch, popularity=5.0, linear=10.0)
    assert Budget(0.1).affordable(FAST, tastes())[0] == ["popularity"]


def test_a_fit_says_what_it_left_out(monkeypatch):
    priced(monkeypatch, popularity=1.0, linear=1.0, paths=1e6)
    found = blend.learn(tastes(), FitContext(), scorers=[*FAST, "paths"], budget=Budget(60))
    assert "paths" not in found.scorers
    assert any("left out for the budget of 60 s: paths" in note for note in found.notes)


def test_scorers_that_were_named_are_fitted_where_nobody_asked_for_a_budget(monkeypatch):
    priced(monkeypatch, popularity=1e6, linear=1e6)
    assert {part.name for part in blend.learn(tastes(), FitContext(), scorers=FAST).parts} == set(FAST)


def test_no_scorer_is_begun_once_half_of_the_budget_is_gone(monkeypatch):
    priced(monkeypatch, popularity=0.0, linear=0.0)
    found = blend.learn(tastes(), FitContext(), scorers=FAST, budget=Budget(60, by_clock=True, started=-1e9))
    assert [part.name for part in found.parts] == ["linear"]
    assert any("half of the budget was gone before their turn: popularity" in note for note in found.notes)


def test_explainable_keeps_what_can_take_its_score_apart():
    kept, told = explainable([*scorers.names()])
    assert {"paths", "linear"} <= set(kept)
    for name in kept:
        assert callable(scorers.load(name).terms)
    left = set(scorers.names()) - set(kept)
    assert all(name in told for name in left)


@pytest.mark.parametrize("said, seconds", [("60s", 60), ("10m", 600), ("1.5 h", 5400), ("90", 90), ("2min", 120)])
def test_times_are_read(said, seconds):
    assert seconds_of(said) == seconds


@pytest.mark.parametrize("said", ["", "soon", "-5s", "0", "10 days"])
def test_what_is_no_time_is_refused(said):
    with pytest.raises(BadRequest, match="expected a time such as 60s"):
        seconds_of(said)


def test_every_scorer_knows_its_cost_and_costs_more_on_a_larger_graph():
    small, large = tastes(users=60), tastes(users=600)
    for name in scorers.names():
        assert 0 <= scorers.load(name).cost(small) <= scorers.load(name).cost(large) < 600


def test_texts_that_take_longer_than_their_part_of_a_budget_are_not_read_and_that_is_noted(tmp_path):
    def texts():
        return TextVectors(known_graph([[0], [1]], 2, texts=["red shoe", "blue hat"]), None, "cpu", tmp_path)

    patient, hurried = texts(), texts()
    patient.within(60)
    assert "Product" in patient
    hurried.within(0.01)
    assert "Product" not in hurried
    assert "2 texts take about 0 s" in hurried.notes[0]
    assert patient["Product"].shape[0] == 2
    again = texts()
    again.within(0.01)
    assert "Product" in again  # the cache knows them
