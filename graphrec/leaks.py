"""What could make an evaluation look better than it is: facts about a cut, said beside its figures."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from graphrec.tensors import Interactions, KnownGraph, Rows


@dataclass(frozen=True, slots=True)
class Leaks:
    """Facts about one cut."""

    duplicates: int
    """Training interactions that repeat an earlier (user, product) of the training side."""
    in_both: int
    """Held-out (user, product) pairs that the training side holds too; no truth unless bought-again products may be shown."""
    future_interactions: int | None
    """Training interactions later than the earliest held-out one: 0 for one global moment; None where times are unknown."""
    undated_edges: Mapping[str, int]
    """Edges that carry no time, by relationship type: such as ALSO_BOUGHT may know what was bought after the cut."""
    only_in_test: int
    """Products chosen on the held-out side alone: cold ones."""
    unknown_pairs: int = 0
    """Held-out pairs given whose user or product the graph does not know; left out."""

    def to_json(self) -> dict[str, Any]:
        """The facts as JSON can hold them."""
        return asdict(self)

    def lines(self) -> list[str]:
        """One line a fact."""
        future = "times are unknown" if self.future_interactions is None else f"{self.future_interactions:,}"
        undated = ", ".join(f"{name} {count:,}" for name, count in self.undated_edges.items()) or "none"
        known = [
            f"repeated pairs in training: {self.duplicates:,}",
            f"pairs in training and test: {self.in_both:,}",
            f"training interactions after the first test interaction: {future}",
            f"edges without a time, which may know the future: {undated}",
            f"products in test alone: {self.only_in_test:,}",
        ]
        return known + (
            [f"test pairs of users or products the graph does not know: {self.unknown_pairs:,}"] * bool(self.unknown_pairs)
        )


def find(everything: Interactions, train: KnownGraph, users: Rows, truth: sp.csr_matrix, *, unknown_pairs: int = 0) -> Leaks:
    """The facts about this cut.

    everything: training and held-out interactions; truth: [len(users), products], what a user chose before included.
    """
    chosen = train.interactions
    held = truth.tocoo()
    both = truth.multiply(train.matrix[users])
    undated: dict[str, int] = {}
    for (_, name, _), matrix in train.relations.items():
        kind = name.split(":")[0]
        undated[kind] = undated.get(kind, 0) + matrix.nnz
    return Leaks(
        duplicates=len(chosen) - train.matrix.nnz,
        in_both=both.nnz,
        future_interactions=_later(everything, train, users[held.row] * len(train.products) + held.col),
        undated_edges=undated,
        only_in_test=int((~train.warm[np.unique(held.col)]).sum()),
        unknown_pairs=unknown_pairs,
    )


def _later(everything: Interactions, train: KnownGraph, held: Rows) -> int | None:
    """How many training interactions come after the earliest of the held-out pairs that training does not know."""
    pairs = everything.user * len(train.products) + everything.product
    known = train.interactions.user * len(train.products) + train.interactions.product
    moments = everything.at[np.isin(pairs, held) & ~np.isin(pairs, known)]
    if not len(moments) or np.isnan(moments).all():
        return None
    return int((train.interactions.at > np.nanmin(moments)).sum())
