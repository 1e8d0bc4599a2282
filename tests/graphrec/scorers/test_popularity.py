import numpy as np
import pytest

from graphrec.scorers import FitContext
from graphrec.scorers.popularity import Popularity
from graphrec.tensors import Histories
from tests.graphrec.graphs import known_graph


def scores(lists: list[list[int]], products: int, at: list[list[float]] | None = None) -> np.ndarray:
    fitted = Popularity.fit(known_graph(lists, products, at=at), FitContext())
    return np.asarray(fitted.score(Histories.of([[]]))[0])


def test_it_is_the_rate_of_choices_among_users_who_have_not_chosen_the_product() -> None:
    found = scores([[0, 1], [0], [0, 1], [2]], 4)
    assert found.tolist() == pytest.approx([*np.log([3 / 2, 2 / 3, 1 / 4]).tolist(), -np.inf])


def test_who_chooses_a_product_again_counts_once_and_at_the_first_time() -> None:
    again = [[0, 0, 0], [1], [1, 2]]
    assert scores(again, 3)[1] > scores(again, 3)[0]
    assert scores(again, 3).tolist() == scores([[0], [1], [1, 2]], 3).tolist()


def test_what_was_taken_up_lately_counts_more_where_that_foretells_the_latest_choices() -> None:
    fashions = [[day // 12] for day in range(100) for _ in range(3)]  # a new product every twelve days
    found = scores(fashions, 9, [[86_400.0 * day] for day in range(100) for _ in range(3)])
    assert set(np.argsort(-found)[:2]) == {7, 8}
    assert (np.diff(found) >= 0).all()
    assert scores(fashions, 9)[:8].std() < 1e-6


@pytest.mark.parametrize("at", [[[0.0], [0.0], [0.0]], [[np.nan], [5.0], [np.nan]]])
def test_times_that_say_nothing_leave_plain_counts(at: list[list[float]]) -> None:
    assert scores([[0], [0], [1]], 2, at).tolist() == scores([[0], [0], [1]], 2).tolist()
