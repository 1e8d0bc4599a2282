import pytest

from graphrec import blend, budget, pipeline, scorers
from graphrec.budget import Budget, explainable, seconds_of, within_memory
from graphrec.errors import BadRequest, NotEnoughMemory
from graphrec.pipeline import TextVectors, learn
from graphrec.scorers import FitContext
from graphrec.text import unread
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


def test_a_fit_leaves_texts_unread_that_take_more_than_their_part_of_ten_minutes_or_of_a_budget(monkeypatch, tmp_path):
    known = tastes(users=60)
    count = unread(known.texts["Product"], model=None, cache=tmp_path)

    def noted(speed, **asked):
        monkeypatch.setattr("graphrec.pipeline._TEXTS_A_SECOND", speed)
        text = TextVectors(known, None, "cpu", tmp_path)
        learnt = learn(known, {}, FitContext(text=text), **asked)
        return [note for note in learnt.model.summary.notes if "text vectors" in note]

    assert noted(count / 300) == [
        f"left out for the budget: text vectors, as {count} texts take about 300 s; "
        "fit once with --budget 13m, and later fits find them in the cache"
    ]
    assert noted(count / 300, scorers=["popularity", "linear"]) == []
    assert len(noted(count / 30, budget=Budget(60.0))) == 1


def sized(monkeypatch, **gigabytes):
    for name, size in gigabytes.items():
        monkeypatch.setattr(scorers.load(name), "memory", classmethod(lambda _kind, _known, size=size: size * 1e9))


def test_what_takes_least_memory_is_taken_as_far_as_it_goes_and_the_rest_is_named(monkeypatch):
    sized(monkeypatch, popularity=0.1, linear=2.0, paths=5.0)
    kept, told = within_memory(["linear", "paths", "popularity"], tastes(), 4e9)
    assert kept == ["linear", "popularity"]
    assert told == (
        "left out, as 4.0 GB of memory are free: paths (about 5.0 GB); more memory or a part of the data lets them in"
    )
    assert within_memory(["linear", "paths", "popularity"], tastes(), 6e9) == (["linear", "paths", "popularity"], "")


def test_what_is_left_of_fitted_scorers_counts_while_others_are_fitted(monkeypatch):
    sized(monkeypatch, popularity=3.0, linear=4.0)
    assert within_memory(FAST, tastes(), 4.5e9)[0] == ["popularity"]


def test_memory_for_no_scorer_is_refused_before_anything_is_fitted(monkeypatch):
    sized(monkeypatch, popularity=1.0, linear=2.0)
    with pytest.raises(NotEnoughMemory, match=r"500 MB of memory are free, .* popularity alone takes about 1.0 GB"):
        blend.learn(tastes(), FitContext(), scorers=FAST, max_memory=5e8)


def test_a_fit_in_little_memory_makes_a_smaller_model_that_says_so(monkeypatch):
    sized(monkeypatch, popularity=0.1, linear=0.1, paths=100.0)
    ranker = pipeline.learn(tastes(), {}, FitContext(), scorers=[*FAST, "paths"], max_memory=1e9)
    assert "paths" not in ranker.model.blend.scorers
    assert any("1.0 GB of memory are free: paths (about 100.0 GB)" in note for note in ranker.summary.notes)
    assert len(ranker.rank("u00000", k=3)) == 3


def test_without_a_limit_what_the_machine_has_counts(monkeypatch):
    sized(monkeypatch, popularity=0.1, linear=2.0)
    monkeypatch.setattr(budget, "available", lambda: 10**9)
    assert within_memory(FAST, tastes())[0] == ["popularity"]
    monkeypatch.setattr(budget, "available", lambda: None)  # no /proc: nothing is known, nothing is left out
    assert within_memory(FAST, tastes()) == (FAST, "")


def test_every_scorer_knows_its_memory_and_takes_no_less_on_a_larger_graph():
    small, large = tastes(users=60), tastes(users=600)
    for name in scorers.names():
        assert 0 < scorers.load(name).memory(small) <= scorers.load(name).memory(large) < 2e9
