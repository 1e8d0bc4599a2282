"""What a leak report looks at, and what it can find."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrec.given import Given
from graphrec.splits import Split
from graphrec.tensors import Interactions, Rows
from kg_builder.tables import GraphTables

Severity = Literal["leak", "note"]
Times = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that makes figures look better than they are, or that a reader of them should know."""

    severity: Severity
    """`leak`: the figures say more than the model can do. `note`: they hold, but not for everything."""
    name: str
    count: int
    example: str
    """The first of them, by its ids."""
    remedy: str
    at_least: bool = False
    """Whether there may be more of them, which look like honest ones."""

    def __str__(self) -> str:
        count = f"at least {self.count:,}" if self.at_least else f"{self.count:,}"
        return f"{self.severity}: {self.name}: {count}, first {self.example}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Held:
    """Held-out interactions in rows. user, product: [m]; at: [m] epoch seconds, NaN where unknown."""

    user: Rows
    product: Rows
    at: Times


@dataclass(frozen=True)
class Case:
    """One cut and all that is known of it."""

    everything: Interactions
    """Training and held-out interactions; of a given test, training alone."""
    cut: Split
    """With what a user chose before still in the truth."""
    given: Given | None = None
    """The test, where it was given."""
    promised: str | None = None
    """The protocol that was asked for, or that a given test is said to follow."""
    seen_left_out: bool = True
    """Whether lists leave out what a user chose before."""
    tables: GraphTables | None = None
    """The graph with the times of its edges."""
    titles: Mapping[str, npt.NDArray[np.object_]] = field(default_factory=dict)
    """By label, what people call each row's node; None where it has no name."""

    @cached_property
    def held(self) -> Held:
        """The held-out rows whose user and product the graph knows; without those that training knows, where the cut is ours."""
        known = self.cut.known
        if self.given is not None:
            users, products = known.users.row_of, known.products.row_of
            rows = [(users.get(user, -1), products.get(product, -1)) for user, product in self.given.pairs]
            ends = np.array(rows, dtype=np.int64).reshape(-1, 2)
            there = (ends >= 0).all(axis=1)
            return Held(ends[there, 0], ends[there, 1], self.given.at[there])
        place = np.full(len(known.users), -1, dtype=np.int64)
        place[self.cut.users] = np.arange(len(self.cut.users))
        later = self.everything.take(place[self.everything.user] >= 0)
        asked = _stands(self.cut.truth, place[later.user], later.product) & ~_stands(known.matrix, later.user, later.product)
        found = later.take(asked)
        return Held(found.user, found.product, found.at)

    @cached_property
    def begins(self) -> float:
        """The epoch second of the first held-out row whose pair training does not hold; NaN where times are unknown."""
        at = self.held.at[~_stands(self.cut.known.matrix, self.held.user, self.held.product)]
        return float(np.fmin.reduce(at, initial=np.nan))

    @cached_property
    def told(self) -> sp.csr_matrix:
        """[u, products] float32 ones: what is told of the test users when they are ranked."""
        return self.cut.histories.matrix(len(self.cut.known.products))

    @cached_property
    def asked(self) -> sp.csr_matrix:
        """[u, products] float32 ones: the truth without what is told."""
        asked: sp.csr_matrix = (self.cut.truth - self.cut.truth.multiply(self.told)).tocsr().astype(np.float32)
        asked.eliminate_zeros()
        return asked

    def pair(self, user: int, product: int) -> str:
        """`u1 → p1`."""
        return f"{self.cut.known.users.names[user]} → {self.cut.known.products.names[product]}"


def _stands(matrix: sp.csr_matrix, rows: Rows, columns: Rows) -> npt.NDArray[np.bool_]:
    """[m] True where the matrix has something at this row and column."""
    return np.asarray(matrix[rows, columns] > 0).ravel() if len(rows) else np.zeros(0, dtype=bool)


def moment(at: float) -> str:
    """A moment for people, in UTC.

    Example:
        >>> moment(0.0)
        '1970-01-01 00:00:00'
    """
    return str(np.datetime64(int(at), "s")).replace("T", " ")
