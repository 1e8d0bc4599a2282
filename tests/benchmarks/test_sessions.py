"""Next clicks of sessions: the peers against slow references, and how lists are measured."""

import importlib
import math
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ITEMS = 9


@pytest.fixture(scope="module")
def peers():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module("session_peers")


@pytest.fixture(scope="module")
def benchmark(peers):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module("sessions")


def drawn_lists():
    random = np.random.default_rng(3)
    return [random.integers(0, ITEMS, random.integers(2, 7)).tolist() for _ in range(40)]


def made(peers, lists):
    starts = np.concatenate([[0], np.cumsum([len(one) for one in lists])])
    end = np.arange(len(lists)) * 9_000.0
    return peers.Sessions(starts, np.concatenate(lists), end, ITEMS)


PREFIXES = [[4], [1, 2], [3, 5, 3], [0, 7, 2, 8], [6, 6]]
LATE = 500_000.0


@pytest.mark.parametrize("prefix", PREFIXES)
def test_transitions_count_what_follows_the_last_item(peers, prefix):
    lists = drawn_lists()
    expected = np.zeros(ITEMS)
    for one in lists:
        for place, item in enumerate(one):
            for after in range(place + 1, min(place + 3, len(one))):
                expected[one[after]] += (item == prefix[-1]) / (after - place)
    found = peers.Transitions(made(peers, lists), steps=2, weight="div").score(np.array(prefix), LATE)
    np.testing.assert_allclose(found, expected)


def nearest(alike, k):
    """Of equals the latest."""
    return sorted((n for n in alike), key=lambda n: (alike[n], n), reverse=True)[:k]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_vsknn_sums_over_the_nearest_of_the_latest_sessions(peers, prefix):
    lists = drawn_lists()
    touched = [n for n, one in enumerate(lists) if set(one) & set(prefix)][-12:]
    place = {item: at for at, item in enumerate(prefix, 1)}
    alike = {n: sum(place[i] / len(prefix) for i in place if i in lists[n]) / len(place) for n in touched}
    expected = np.zeros(ITEMS)
    for n in nearest(alike, 5):
        latest = max(place[item] for item in set(lists[n]) & set(prefix))
        for item in set(lists[n]):
            holding = sum(item in one for one in lists)
            idf = 1 + 2 * math.log(len(lists) / holding)
            expected[item] += alike[n] / (len(prefix) - latest + 1) * idf
    settings = {"k": 5, "sample": 12, "weight": "div", "fade": "div", "idf": 2}
    np.testing.assert_allclose(peers.VSKNN(made(peers, lists), **settings).score(np.array(prefix), LATE), expected)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_stan_minds_places_ages_and_nearness(peers, prefix):
    lists = drawn_lists()
    place = {item: at for at, item in enumerate(prefix, 1)}
    alike = {}
    for n, one in enumerate(lists):
        shared = set(one) & set(prefix)
        if shared:
            near = sum(math.exp((place[item] - len(prefix)) / 1.81) for item in shared)
            age = (LATE - n * 9_000.0) / 86_400
            alike[n] = near / math.sqrt(len(prefix) * len(one)) * math.exp(-age / 2.5)
    expected = np.zeros(ITEMS)
    for n in nearest(alike, 6):
        one = lists[n]
        anchor = max(place[item] for item in set(one) & set(prefix))
        at = max(where for where, item in enumerate(one) if item == prefix[anchor - 1])
        for where, item in enumerate(one):
            expected[item] += alike[n] * math.exp(-abs(where - at) / 3.62)
    settings = {"k": 6, "sample": 0, "recent": 1.81, "days": 2.5, "close": 3.62}
    np.testing.assert_allclose(peers.STAN(made(peers, lists), **settings).score(np.array(prefix), LATE), expected)


def test_every_click_but_the_first_is_asked_for(peers):
    asked = peers.Questions.of(made(peers, [[1, 2, 3], [4, 5]]))
    assert [one.tolist() for one in asked.prefix] == [[1], [1, 2], [4]]
    assert asked.target.tolist() == [2, 3, 5]
    assert asked.session.tolist() == [0, 0, 1]


def test_figures_follow_the_place_of_the_click(benchmark):
    found = benchmark.measured(np.array([[3, 1, 2], [3, 1, 2], [3, 1, 2]]), np.array([3, 2, 9]))
    np.testing.assert_allclose(found["mrr"], [1, 1 / 3, 0])
    np.testing.assert_allclose(found["hr"], [1, 1, 0])
    np.testing.assert_allclose(found["ndcg"], [1, 1 / 2, 0])
    spread = benchmark.by_session(found, np.array([0, 0, 1]))
    assert spread["hr"].mean() == pytest.approx(found["hr"].mean())


def test_settings_are_tuned_on_a_day_that_the_trials_do_not_learn_from(benchmark, peers):
    """Only the latest day leads from 2 to 3, which nothing before it tells."""
    settings, quality = benchmark.tuned(peers.Transitions, made(peers, [[0, 1]] * 20 + [[0, 1], [2, 3]] * 5), 4, 0, 100)
    assert set(settings) == set(peers.Transitions.CHOICES)
    assert 0.5 < quality < 1


def test_rows_of_files_are_items_of_training_in_the_order_of_the_sessions_ends(benchmark, tmp_path):
    head = "SessionId\tItemId\tTime\n"
    (tmp_path / "train.txt").write_text(head + "b\tx\t5\nb\ty\t9\na\ty\t1\na\tx\t2\n")
    (tmp_path / "test.txt").write_text(head + "c\tx\t20\nc\tnew\t21\nc\ty\t22\n")
    train, test, ids = benchmark.read(tmp_path)
    assert [ids[train.of(row)].tolist() for row in range(2)] == [["y", "x"], ["x", "y"]]
    assert [ids[test.of(0)].tolist()] == [["x", "y"]]
