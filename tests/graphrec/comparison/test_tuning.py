import math

import pytest

from graphrec.comparison import tuning
from graphrec.comparison.systems import Knob, System, names, system
from graphrec.comparison.tuning import DONE, FAILED, MISSING, OUT_OF_TIME, Judged
from graphrec.comparison.workers import Failed, Missing, OutOfTime
from graphrec.errors import UnknownSystem

pytest.importorskip("optuna")
HILL = System("hill", "nobody", {"x": Knob(0.01, 100.0, 50.0), "n": Knob(1, 9, 2, log=False)})


def height(settings, _seconds=0.0):
    """Highest, 1, at x = 1 and n = 7."""
    return Judged(1 - abs(math.log10(settings["x"])) / 4 - abs(settings["n"] - 7) / 16, 0.0, 0.0)


def test_the_makers_settings_come_first_and_the_search_finds_better_ones():
    made = tuning.tune(HILL, height, trials=30, seconds=60, seed=0)
    assert made[0].settings == HILL.defaults
    assert [trial.number for trial in made] == list(range(30))
    found = tuning.best(made)
    assert found.ndcg > 0.9 > made[0].ndcg
    assert found.ndcg == max(trial.ndcg for trial in made)
    assert all(isinstance(trial.settings["n"], int) for trial in made)


def test_the_same_seed_tries_the_same():
    one, same, other = (tuning.tune(HILL, height, trials=8, seconds=60, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_a_number_that_must_come_in_steps_does():
    heads = System("heads", "nobody", {"n": Knob(32, 256, 256, log=False, step=32)})
    made = tuning.tune(heads, lambda settings, _: Judged(1 / settings["n"], 0.0, 0.0), trials=20, seconds=60, seed=0)
    assert {trial.settings["n"] % 32 for trial in made} == {0}
    assert len({trial.settings["n"] for trial in made}) > 3


def test_without_knobs_one_trial_is_enough():
    assert len(tuning.tune(System("flat", "nobody", {}), lambda *_: Judged(0.5, 0, 0), trials=30, seconds=60, seed=0)) == 1


def test_a_trial_that_fails_costs_itself_alone():
    def fragile(settings, seconds):
        if settings["n"] > 4:
            raise Failed("too large")
        return height(settings)

    made = tuning.tune(HILL, fragile, trials=12, seconds=60, seed=0)
    assert len(made) == 12
    assert {trial.state for trial in made} == {DONE, FAILED}
    assert tuning.best(made).settings["n"] <= 4
    assert all(trial.why == "too large" and trial.ndcg is None for trial in made if trial.state == FAILED)


def test_a_search_that_never_succeeds_ends_early_and_a_missing_package_at_once():
    def broken(settings, seconds):
        raise Failed("no")

    def missing(settings, seconds):
        raise Missing("not installed")

    made = tuning.tune(HILL, broken, trials=12, seconds=60, seed=0)
    assert [trial.state for trial in made] == [FAILED] * 3
    assert tuning.best(made) is None
    assert [trial.state for trial in tuning.tune(HILL, missing, trials=12, seconds=60, seed=0)] == [MISSING]


def test_makers_settings_that_fail_do_not_end_the_search():
    def picky(settings, seconds):
        if settings == dict(HILL.defaults):
            raise Failed("not these")
        return height(settings)

    made = tuning.tune(HILL, picky, trials=8, seconds=60, seed=0)
    assert [trial.state for trial in made] == [FAILED] + [DONE] * 7


def test_time_that_is_over_ends_the_search_and_keeps_what_was_found():
    left = []

    def slow(settings, seconds):
        left.append(seconds)
        if len(left) == 3:
            raise OutOfTime("not done within 5 s")
        return height(settings)

    made = tuning.tune(HILL, slow, trials=3, seconds=5, seed=0)
    assert [trial.state for trial in made] == [DONE, DONE, OUT_OF_TIME]
    assert 5 >= left[0] > left[1] > left[2]
    assert len(tuning.tune(HILL, height, trials=3, seconds=0, seed=0)) == 1


@pytest.mark.parametrize("name", names())
def test_every_systems_defaults_lie_within_its_ranges(name):
    for knob in system(name).knobs.values():
        assert knob.low <= knob.start <= knob.high
        assert not knob.log or (knob.low > 0 and knob.step == 1)
        assert knob.step == 1 or (knob.whole and (knob.start - knob.low) % knob.step == 0)


def test_a_mistyped_system_is_told_the_closest():
    with pytest.raises(UnknownSystem, match="did you mean 'implicit-als'"):
        system("implict-als")
