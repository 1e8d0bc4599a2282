import numpy as np
import pandas as pd
import pytest

from graphrec.errors import BadRequest
from graphrec.given import Given
from tests.graphrec.graphs import known_graph


def frame(*at: object, name: str = "timestamp") -> pd.DataFrame:
    return pd.DataFrame({"user": ["u00000"] * len(at), "item": ["p00000"] * len(at), name: list(at)})


def test_times_are_epoch_seconds_and_zero_or_no_number_is_unknown() -> None:
    assert np.array_equal(Given.of(frame("1600000000", "0", "")).at, [1.6e9, np.nan, np.nan], equal_nan=True)
    assert Given.of(frame(1_600_000_000, name="at")).at.tolist() == [1.6e9]


@pytest.mark.parametrize("test", [frame(3, 11), frame(0, 0), frame(1_600_000_000, name="rating"), [("u00000", "p00000")]])
def test_positions_ratings_and_pairs_are_no_times(test: object) -> None:
    assert np.isnan(Given.of(test).at).all()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "said", ["2001-09-09T01:46:40", "2001-09-09 01:46:40+00:00", 10**12, "1000000000000", "1000000000.0", pd.Timestamp(10**18)]
)
def test_times_are_read_as_a_build_reads_them(said: object) -> None:
    assert Given.of(frame(said, said)).at.tolist() == [1e9, 1e9]
    assert Given.of(frame(said)).unread == []


def test_what_is_no_time_is_remembered_unless_nothing_stands_there() -> None:
    found = Given.of(frame("soon", "2001-09-09", "", "0", None, "17"))
    assert np.isfinite(found.at).tolist() == [False, True, False, False, False, False]
    assert found.unread == ["soon", "17"]
    assert Given.of(frame(3, 11)).unread == ["3", "11"]


def test_ids_that_are_numbers_are_read_as_text_and_pairs_given_twice_are_one_truth() -> None:
    known = known_graph([[0, 1], [2]], 3)
    known.users.names[:] = ["1", "2"]
    known.products.names[:] = ["7", "8", "9"]
    cut = Given.of(pd.DataFrame({"user": [1, 1, 2, 3], "item": [9, 9, 7, 7]})).split(known)
    assert cut.users.tolist() == [0, 1]
    assert cut.truth.toarray().tolist() == [[0, 0, 1], [1, 0, 0]]


def test_nothing_and_nobody_are_refused() -> None:
    with pytest.raises(BadRequest, match="the given test is empty"):
        Given.of([])
    with pytest.raises(BadRequest, match="none of the 1 given pairs, the first is 'nobody' → 'p00000'"):
        Given.of([("nobody", "p00000")]).split(known_graph([[0]], 1))
