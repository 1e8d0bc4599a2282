import numpy as np
import pytest

from graphrec.tensors import Floats, Histories
from graphrec.trials import Trial, faded, pick
from tests.graphrec.graphs import known_graph, tastes


def test_a_better_setting_is_taken_and_a_lucky_one_is_not() -> None:
    usual = np.linspace(0, 1, 100)
    luck = np.random.default_rng(0).normal(size=100)
    assert pick("usual", {"usual": usual, "better": usual + 0.1}) == "better"
    assert pick("usual", {"usual": usual, "lucky": usual + luck - luck.mean() + 0.01}) == "usual"


def test_one_user_decides_nothing() -> None:
    assert pick("usual", {"usual": np.zeros(1), "other": np.ones(1)}) == "usual"


def test_scores_that_know_the_truth_win_and_what_was_chosen_before_does_not_count() -> None:
    trial = Trial.of(tastes(), 0)
    assert trial is not None
    answers = dict(zip(trial.histories.user.tolist(), trial.truth.toarray(), strict=True))

    def scored(batch: Histories) -> list[tuple[str, Floats]]:
        told = batch.matrix(60).toarray()
        right = np.array([answers[user] for user in batch.user.tolist()], dtype=np.float32)
        return [("told", told), ("right", right)]

    assert trial.best("told", scored) == "right"


def test_there_is_no_trial_where_nothing_can_be_held_out() -> None:
    assert Trial.of(known_graph([[0], [1]], 2), 0) is None


def test_what_happened_in_the_same_second_shares_a_place() -> None:
    at = np.array([5.0, 6, 6, 7, 1, np.nan, np.nan])
    histories = Histories(np.array([0, 4, 4, 7]), np.arange(7), at, np.array([-1, -1, -1]))
    assert faded(histories, 1.0).tolist() == pytest.approx([1 / 3, 1 / 2, 1 / 2, 1, 1 / 3, 1 / 2, 1])
    assert faded(histories, 0.0).tolist() == [1.0] * 7
    assert len(faded(Histories.of([[], []]), 1.0)) == 0
