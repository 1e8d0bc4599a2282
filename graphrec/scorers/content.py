"""Products nobody has chosen yet: what is said of them tells which chosen products they will behave like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp

from graphrec.contentweights import Behaviour, learn, start
from graphrec.lessons import Lessons, kept
from graphrec.likeness import Described, Likeness, nothing
from graphrec.newcomers import Guide, Placed
from graphrec.scorers import FitContext, State, Term
from graphrec.tensors import Floats, Histories, KnownGraph, Rows, sparse, sparse_arrays
from graphrec.walks import prune

EXACT = 10_000
"""Chosen profiles up to which all teach: beyond, the time of the solution (it grows with the cube) would be minutes."""
TEACHERS = 2_048
"""How many teach beyond that: the most chosen, whose behaviour is known best. On Amazon Beauty, where all 8,210 could, 6,000 rank
hidden products 2.5% worse and 2,048 a fifth; on Complete Journey 6,000 cost half a minute more."""
_BLOCK = 512
_WEIGHTS = {"words": 2.0, "characters": 1.0, "text": 1.0, "ties": 1.0}
_PENALTY = 1.0


@dataclass(frozen=True)
class Content:
    """score(user, i) = Σ over the history h of P[i, h] / √|h|, for chosen products and for those that were not.

    P = T Σ_k w_k B_k. B_k[t, h] is what is known of a teacher t, a product that was chosen: it is of the profile of h, who chose
    the one chose the other (cosine), a relation leads from one to the other (`contentweights.Behaviour`). T is kernel ridge
    regression on what is said of the products, from the teachers to everybody, each left out of its own lesson
    (`lessons.Lessons`). The weights w come from practice on hidden teachers. Products of which nothing is said score 0; so
    do all products for an empty history.
    """

    name: ClassVar[str] = "content"
    near: sp.csr_matrix
    """[profiles, products] float32 P, its largest positive numbers a row."""
    profile: Rows
    """[products] which row of `near` each product has."""
    weights: Mapping[str, float]
    """By kind of behaviour."""
    guide: Guide | None
    """What places products that the graph does not hold; None where nothing is said of those it does."""
    notes: tuple[str, ...] = ()
    """What was limited, in words."""

    @classmethod
    def cost(cls, known: KnownGraph) -> float:
        """Processor seconds of a fit, roughly."""
        warm, products = int(known.warm.sum()), len(known.products)
        teachers = warm if warm <= EXACT else TEACHERS
        return 1e-3 + 3e-4 * products + 1.2e-11 * teachers**3 + 1.5e-7 * teachers * products

    @classmethod
    def memory(cls, known: KnownGraph) -> float:
        """Bytes of a fit at its height, roughly: the teachers' system several times; little where nothing is said of products."""
        if not known.relations and not any(known.texts.get("Product", ())):
            return 1.5e8
        warm = int(known.warm.sum())
        teachers = warm if warm <= EXACT else TEACHERS
        return 1e8 + 20 * teachers**2 + 20_000 * len(known.products)

    @classmethod
    def fit(cls, known: KnownGraph, context: FitContext) -> Self:
        """What every profile stands near, learnt from the chosen ones."""
        return cls._made(known, context, None)

    def refit(self, known: KnownGraph, context: FitContext) -> Self:
        """The same under the same weights."""
        return self._made(known, context, self.weights)

    @classmethod
    def _made(cls, known: KnownGraph, context: FitContext, weights: Mapping[str, float] | None) -> Self:
        likeness = Likeness.of(known, context.text.get("Product"), _WEIGHTS)
        products = len(known.products)
        if not likeness.views:
            note = "content: nothing is said of the products"
            return cls(nothing(1, products), np.zeros(products, dtype=np.int64), weights or {}, None, (note,))
        teachers, left = _teachers(known, likeness)
        notes = (f"content: learnt from the {len(teachers)} most-chosen products; {left} others only stand by",) if left else ()
        lessons = Lessons.of(likeness, teachers, _PENALTY)
        behaviour = Behaviour.of(known, likeness.profile, teachers)
        if not weights or set(weights) != set(behaviour.kinds):
            weights = learn(known, lessons, behaviour, seed=context.seed)
        taught = lessons.everyone()
        summed = behaviour.summed(weights)
        guide = Guide(likeness.only(teachers), summed, _PENALTY)
        return cls(_near(taught, summed), likeness.profile, weights, guide, notes)

    def score(self, histories: Histories) -> Floats:
        """[b, products]."""
        scores = (start(histories, len(self.profile)) @ self.near.T).toarray()
        return np.asarray(scores, dtype=np.float32)[:, self.profile]

    def terms(self, history: Histories, product: int) -> Sequence[Term]:
        """P[product, h] / √|h| for every h of the history that it stands near."""
        row = self.near[[int(self.profile[product])]].toarray().ravel() / np.sqrt(max(len(history.product), 1))
        return [Term(int(h), "content", float(row[h])) for h in history.product if row[h]]

    def place(self, new: Described) -> Placed:
        """Where products that the graph does not hold stand, by what is said of them."""
        if self.guide is not None:
            return self.guide.place(new)
        empty = nothing(len(new), len(self.profile))
        return Placed(empty, empty)

    def state(self) -> State:
        """P in CSR parts, the profile of every product, and what places new ones."""
        arrays = {**sparse_arrays("near", self.near), "profile": self.profile}
        settings = {"notes": list(self.notes), "weights": dict(self.weights), "guide": None}
        if self.guide is not None:
            arrays |= {f"guide/{name}": value for name, value in self.guide.arrays().items()}
            settings["guide"] = self.guide.settings()
        return State(arrays, settings)

    @classmethod
    def restore(cls, state: State) -> Self:
        """The scorer that `state` came from."""
        profile, settings = np.asarray(state.arrays["profile"]), state.settings
        near = sparse(state.arrays, "near", len(profile))
        mine = {name.removeprefix("guide/"): value for name, value in state.arrays.items() if name.startswith("guide/")}
        guide = Guide.restore(mine, settings["guide"]) if settings["guide"] else None
        return cls(near, profile, dict(settings["weights"]), guide, tuple(settings["notes"]))


def _teachers(known: KnownGraph, likeness: Likeness) -> tuple[Rows, int]:
    """The chosen profiles, rising, where they are too many the most chosen; and how many were left out."""
    count = np.bincount(likeness.profile, weights=known.matrix.getnnz(axis=0), minlength=likeness.profiles)
    best = np.argsort(-count, kind="stable")[: int((count > 0).sum())]
    kept = best if len(best) <= EXACT else best[:TEACHERS]
    return np.sort(kept).astype(np.int64), len(best) - len(kept)


def _near(taught: sp.csr_matrix, behaviour: sp.csr_matrix) -> sp.csr_matrix:
    """[profiles, products] T B, the largest positive numbers of every row."""
    blocks, most = [], kept(taught.shape[0])
    for first in range(0, taught.shape[0], _BLOCK):
        near = sp.csr_matrix(taught[first : first + _BLOCK] @ behaviour)
        near.data[near.data < 0] = 0
        near.eliminate_zeros()
        blocks.append(prune(near, most))
    return sp.csr_matrix(sp.vstack(blocks, format="csr"))
