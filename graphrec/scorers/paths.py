"""Paths: a learned sum over typed walks from what a user chose to other products. The explanation is the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from graphrec.pathweights import Steps, features, learn
from graphrec.scorers import FitContext, State, Term
from graphrec.tensors import Floats, Histories, KnownGraph, sparse, sparse_arrays
from graphrec.walks import Walk, add_to, walks


@dataclass(frozen=True)
class Paths:
    """score(user, i) = Σ over history products h and walks p of (Σ_d w_{p,d} · d^place(h)) · P_p[h, i] + w · log(1 + count(i)).

    place counts from the end of the history: 0 is the latest, and what was chosen at the same second shares a place. d is 1
    (divided by the root of the history's length), 0.6 and 0.2 where the order is known, else 1 alone. The weights w come from a
    listwise softmax regression on the heads of an inner cut's lists.
    """

    name: ClassVar[str] = "paths"
    walks: tuple[Walk, ...]
    steps: Steps
    popularity: Floats
    """[products] w · log(1 + count)."""
    reached: npt.NDArray[np.bool_]
    """[products] False for products that no walk can reach and nobody chose: they are not scored (-inf)."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the graph's relations and the texts are worth to the paths, in words."""
        called, found = {"graph": "the graph", "text": "text"}, []
        for kind, gain in self.steps.worth.items():
            fate = (
                "dropped"
                if kind in self.steps.dropped
                else "kept"
                if gain >= 0
                else "kept: too few users to drop it on their word"
            )
            found.append(f"{called[kind]} {gain:+.1%}, {fate}")
        return (f"paths: {'; '.join(found)}",) if found else ()

    @classmethod
    def cost(cls, known: KnownGraph) -> float:
        """Processor seconds of a fit, roughly: it grows with interactions, edges and pairs of one history."""
        edges = sum(matrix.nnz for matrix in known.relations.values())
        pairs = float((np.diff(known.matrix.indptr).astype(np.float64) ** 2).sum())
        return 0.1 + 3e-5 * (len(known.interactions) + edges) + 2e-7 * min(pairs, 6e7)

    @classmethod
    def memory(cls, known: KnownGraph) -> float:
        """Bytes of a fit at its height, roughly: the walks, and what they say of the heads that are learnt from."""
        edges = sum(matrix.nnz for matrix in known.relations.values())
        pairs = float((np.diff(known.matrix.indptr).astype(np.float64) ** 2).sum())
        cells = 12 * min(pairs, 6e7, float(len(known.products)) ** 2)
        return 1e8 + 60 * (len(known.interactions) + edges) + cells + 8 * features(known)

    @classmethod
    def fit(cls, known: KnownGraph, context: FitContext) -> Self:
        """Walks of this graph, weighed on an inner cut of it."""
        text = context.text.get("Product")
        return cls._made(known, context, learn(known, text, seed=context.seed))

    def refit(self, known: KnownGraph, context: FitContext) -> Self:
        """Walks of this graph under the same weights."""
        return self._made(known, context, self.steps)

    @classmethod
    def _made(cls, known: KnownGraph, context: FitContext, steps: Steps) -> Self:
        wanted = walks(known, context.text.get("Product"), only=steps.weights)
        counts = np.asarray(known.matrix.sum(axis=0)).ravel()
        reached = known.warm.copy()
        for walk in wanted:
            reached[(walk.left if walk.right is None else walk.right).indices] = True
        return cls(tuple(wanted), steps, (steps.popularity * np.log1p(counts)).astype(np.float32), reached)

    def score(self, histories: Histories) -> Floats:
        """[b, products]; -inf for products that nothing leads to."""
        scores = np.repeat(self.popularity[None, :], len(histories), axis=0)
        for walk in self.walks:
            add_to(scores, walk.reach(self.steps.start(histories, walk.name, len(self.popularity))))
        scores[:, ~self.reached] = -np.inf
        return scores

    def terms(self, history: Histories, product: int) -> Sequence[Term]:
        """What every product of the history adds along every path, and popularity; they add up to the score."""
        amounts: dict[tuple[int, str], float] = {}
        for walk in self.walks:
            start = self.steps.start(history, walk.name, len(self.popularity))
            for row, amount in zip(start.indices, start.data * walk.column(start.indices.astype(np.int64), product), strict=True):
                amounts[int(row), walk.path] = amounts.get((int(row), walk.path), 0.0) + float(amount)
        found = [Term(row, path, amount) for (row, path), amount in amounts.items() if amount]
        return [*found, Term(-1, "popularity", float(self.popularity[product]))]

    def state(self) -> State:
        """Every walk's matrices, the weights and the popularity."""
        arrays: dict[str, npt.NDArray[np.generic]] = {"popularity": self.popularity, "reached": self.reached.astype(np.uint8)}
        for number, walk in enumerate(self.walks):
            for side, matrix in (("left", walk.left), ("right", walk.right)):
                if matrix is not None:
                    arrays |= sparse_arrays(f"{number}/{side}", matrix)
        described = [[walk.name, walk.path, walk.kind, walk.left.shape[1]] for walk in self.walks]
        return State(arrays, {"walks": described, "steps": self.steps.to_json()})

    @classmethod
    def restore(cls, state: State) -> Self:
        """The scorer that `state` came from."""
        popularity = np.asarray(state.arrays["popularity"])
        made = []
        for number, (name, path, kind, width) in enumerate(state.settings["walks"]):
            left = sparse(state.arrays, f"{number}/left", width)
            two = f"{number}/right/data" in state.arrays
            made.append(Walk(name, path, kind, left, sparse(state.arrays, f"{number}/right", len(popularity)) if two else None))
        reached = np.asarray(state.arrays["reached"]).astype(bool)
        return cls(tuple(made), Steps.from_json(state.settings["steps"]), popularity, reached)
