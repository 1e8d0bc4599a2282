import numpy as np
import pytest
import scipy.sparse as sp

from graphrec.scorers import FitContext
from graphrec.scorers.habits import Habits
from graphrec.tensors import Histories, KnownGraph
from tests.graphrec.graphs import known_graph, tastes

DAY = 86_400.0
KIND = "Product MADE_BY Brand"


def slow(habits: Habits, known: KnownGraph, history: list[int]) -> list[float]:
    """One product, one relation and one group at a time, from the known graph itself."""
    (brands,) = (matrix.toarray() for matrix in known.relations.values())
    spread = brands / np.maximum(brands.sum(axis=1, keepdims=True), 1)
    chosen = [int(row) for row in known.interactions.product]
    first = {}
    for user, product, at in zip(known.interactions.user, chosen, known.interactions.at, strict=True):
        first.setdefault((int(user), product), at)
    ages = {pair: max(known.interactions.at) - at for pair, at in first.items()}
    span = max(known.interactions.at) - min(first.values())
    found = []
    for product in range(len(known.products)):
        if product not in chosen:
            found.append(-np.inf)
            continue
        total = 0.0
        takers = [pair for pair in first if pair[1] == product]
        for place, share in enumerate((np.inf, 1 / 16, 1 / 64)):
            taken = sum(0.5 ** (ages[pair] / (share * span)) for pair in takers) + 0.01
            total += habits.weights[f"rate {place}"] * np.log(taken / (len(known.users) + 1 - len(takers)))
        for group in np.flatnonzero(spread[product]):
            usual = sum(spread[row, group] for row in chosen) / sum(spread[row].sum() for row in chosen)
            own = sum(spread[row, group] for row in history) + 30 * usual
            lift = np.log(own / (sum(spread[row].sum() for row in history) + 30) / usual)
            total += habits.weights[KIND] * spread[product, group] * lift
        found.append(total)
    return found


def test_it_is_a_weighted_naive_bayes_of_rates_and_groups() -> None:
    known = tastes(users=40, groups=3, size=6, length=5, cold=1, timed=True)
    fitted = Habits.fit(known, FitContext())
    for history in ([0, 7], [13], []):
        np.testing.assert_allclose(fitted.score(Histories.of([history]))[0], slow(fitted, known, history), rtol=1e-4, atol=1e-4)


def test_a_taste_lifts_its_brand() -> None:
    fitted = Habits.fit(tastes(groups=3, size=10, length=6), FitContext())
    assert fitted.weights[KIND] > 0
    scores = fitted.score(Histories.of([[10, 11, 12]]))[0]
    assert set(np.argsort(-scores)[:7]) <= set(range(10, 20))


def test_brands_that_say_nothing_weigh_less_than_brands_that_do() -> None:
    known = tastes(groups=3, size=10, length=6)
    drawn = np.random.default_rng(0).permutation(30) % 3
    brands = sp.csr_matrix((np.ones(30, dtype=np.float32), (np.arange(30), drawn)), shape=(30, 3))
    lists = [known.matrix[row].indices.tolist() for row in range(len(known.users))]
    other = known_graph(lists, 30, relations={("Product", "MADE_BY", "Brand"): brands}, labels={"Brand": 3})
    assert Habits.fit(other, FitContext()).weights[KIND] < Habits.fit(known, FitContext()).weights[KIND] / 2


def test_what_sold_lately_comes_first_where_fashions_change() -> None:
    lists = [[(day + user) // 12 for day in range(0, 100, 5)] for user in range(60)]
    known = known_graph(lists, 14, at=[[DAY * (day + user / 100) for day in range(0, 100, 5)] for user in range(60)])
    scores = Habits.fit(known, FitContext()).score(Histories.of([[]]))[0]
    sold = np.asarray([sum(row in one for one in lists) for row in range(14)])
    late = int(np.argmax(sold * (np.arange(14) >= 9)))
    assert scores[late] > scores[0]


@pytest.mark.parametrize("at", [None, [[0.0, 0.0], [0.0], [0.0]], [[np.nan, 5.0], [np.nan], [np.nan]]])
def test_times_that_say_nothing_leave_one_rate(at: list[list[float]] | None) -> None:
    fitted = Habits.fit(known_graph([[0, 1], [0], [1]], 3, at=at), FitContext())
    assert fitted.rates.shape == (1, 3)
    assert np.isneginf(fitted.score(Histories.of([[0]]))[0, 2])


def test_a_label_of_its_own_for_every_product_and_what_hangs_on_users_are_no_kinds() -> None:
    own = sp.identity(4, dtype=np.float32, format="csr")
    liked = sp.csr_matrix(np.ones((2, 4), dtype=np.float32))
    relations = {("Product", "HAS", "Code"): own, ("User", "LIKES", "Product"): liked}
    assert not Habits.fit(known_graph([[0, 1], [1, 2]], 4, relations=relations, labels={"Code": 4}), FitContext()).groups


def test_a_refit_keeps_the_weights() -> None:
    fitted = Habits.fit(tastes(), FitContext())
    assert fitted.refit(tastes(seed=1), FitContext()).weights == fitted.weights
