"""A test that was given instead of a cut: rows of user, product and, where known, time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import scipy.sparse as sp

from graphrec.errors import BadRequest
from graphrec.splits import Split
from graphrec.tensors import KnownGraph
from kg_builder.values import EARLIEST, moment

Test = pd.DataFrame | Iterable[tuple[str, str]]
"""Pairs, or a frame whose first two columns are user and product."""
_TIMES = ("timestamp", "at", "time")
_NO_TIMES = ("", "0", "0.0", "nan", "NaT", "None", "<NA>")


@dataclass(frozen=True, slots=True)
class Given:
    """Test rows as they came, none known yet to be right."""

    pairs: Sequence[tuple[str, str]]
    at: npt.NDArray[np.float64]
    """[m] epoch seconds, NaN where unknown."""
    unread: Sequence[str] = ()
    """What stands where a time is expected and is none, a row each: positions, for one."""

    @classmethod
    def of(cls, test: Test) -> Self:
        """The rows of pairs, or of a frame, whose `timestamp`, `at` or `time` is read as a build reads times.

        Raises:
            BadRequest: a frame of one column, or no rows at all.
        """
        if not isinstance(test, pd.DataFrame):
            pairs = [(str(user), str(product)) for user, product in test]
            return cls(_some(pairs), np.full(len(pairs), np.nan))
        if test.shape[1] < 2:
            raise BadRequest(f"the test has columns for user and product (got {', '.join(map(str, test.columns)) or 'none'})")
        pairs = list(zip(test.iloc[:, 0].astype(str), test.iloc[:, 1].astype(str), strict=True))
        return cls(_some(pairs), *_times(test))

    def split(self, known: KnownGraph) -> Split:
        """The graph as training and the rows whose both ends it knows as truth.

        Raises:
            BadRequest: it knows none of them.
        """
        users, products = known.users.row_of, known.products.row_of
        rows = [(users[user], products[product]) for user, product in self.pairs if user in users and product in products]
        if not rows:
            first = " → ".join(repr(name) for name in self.pairs[0])
            raise BadRequest(
                f"nobody to test: the graph knows both ends of none of the {len(self.pairs):,} given pairs, "
                f"the first is {first}; the columns are user and product"
            )
        ends = np.array(rows, dtype=np.int64)
        shape = (len(known.users), len(known.products))
        truth = sp.csr_matrix((np.ones(len(ends), dtype=np.float32), (ends[:, 0], ends[:, 1])), shape=shape)
        truth.sum_duplicates()
        truth.data[:] = 1
        tested = np.unique(ends[:, 0])
        return Split(known, tested, truth[tested], "the given pairs are held out; the graph is all training")


def _some(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if not pairs:
        raise BadRequest("nobody to test: the given test is empty")
    return pairs


def _times(test: pd.DataFrame) -> tuple[npt.NDArray[np.float64], list[str]]:
    """Epoch seconds, NaN where there are none, and what could not be read; before 1995 lie positions and no shop's times."""
    column = next((name for name in test.columns[2:] if str(name).lower() in _TIMES), None)
    if column is None:
        return np.full(len(test), np.nan), []
    said = test[column]
    numbers = pd.api.types.is_numeric_dtype(said)
    values = pl.Series(said.to_numpy(dtype=np.float64, na_value=np.nan) if numbers else [str(one) for one in said])
    seconds = pl.select(moment(pl.lit(values), values.dtype).cast(pl.Float64)).to_series().fill_null(np.nan)
    at = seconds.to_numpy().copy()
    at[~(at >= EARLIEST)] = np.nan
    unread = [str(one) for one, missing in zip(said, np.isnan(at), strict=True) if missing]
    return at, [one for one in unread if one.strip() not in _NO_TIMES]
