"""What those chose who chose alike: the nearest users vote."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp

from graphrec.degrees import Degrees
from graphrec.fashions import lately
from graphrec.scorers import FitContext, State, Term
from graphrec.tensors import Floats, Histories, KnownGraph
from graphrec.trials import Trial, faded


@dataclass(frozen=True, slots=True)
class Voting:
    """The choices of a `Neighbours`."""

    fading: float = 0.0
    """The product at place j from the end of a history weighs (1 + j)^−fading: larger trusts the latest more."""
    rarity: float = 0.5
    """p: larger trusts rare products of the history more."""
    sharpness: float = 2.0
    """s: larger listens to the nearest users more."""
    nearest: int = 500
    """How many users vote, at most."""
    discovery: float = 0.0
    """q: larger recommends rare products more."""
    trend: float = 0.0
    """t: larger recommends more what was taken up lately."""


_HELD = 16_000_000
"""Nearnesses held at a time, histories × users."""
_TRIED, _CELLS = 1_000, 60_000_000
"""Users that are asked which voting is best, at most, and users × products."""
_FADINGS = (0.0, 0.5, 1.0)
_SHARPNESSES = (2.0, 3.0)
_DISCOVERIES = (0.0, 0.2, 0.4)
_TRENDS = (0.0, 0.5)
_SEASON = 1 / 16
"""Share of the data's span after which a choice counts half in a trend."""


@dataclass(frozen=True)
class Neighbours(Degrees):
    """score(x, i) = Σ over the nearest users v who chose i of near(x, v)^s · fresh(i)^t / count(i)^q.

    near(x, v) = Σ over products h of the history x that v chose of x_h · count(h)^−p / √(length of v's history): a cosine whose
    products count by their rarity. fresh(i) is the share of those who took up i that did so lately, by a half-life of a sixteenth
    of the data's span. Sources: user-based neighbours (Resnick et al., CSCW 1994; Sarwar et al., EC 2000),
    sharpened as in Aiolli, "Efficient Top-N Recommendation for Very Large Scale Binary Rated Datasets", RecSys 2013. Products
    nobody chose are not scored (-inf). Nothing is worked out before a question comes: a fit only chooses how the votes count.
    """

    name: ClassVar[str] = "neighbours"
    chosen: sp.csr_matrix
    """[users, products] float32 ones: who chose what."""
    fresh: Floats
    """[products] how much of each product's choices is recent, up to 1; 1 where no times are known."""
    voting: Voting

    @classmethod
    def fit(cls, known: KnownGraph, context: FitContext) -> Self:
        """The voting that ranks an inner cut best; the default one unless another is clearly better."""
        trial = Trial.of(known, context.seed, most=_TRIED, cells=_CELLS)
        return cls(known.matrix, _fresh(known), Voting() if trial is None else _chosen(trial))

    def refit(self, known: KnownGraph, context: FitContext) -> Self:  # noqa: ARG002
        """The same voting among the users of this graph."""
        return type(self)(known.matrix, _fresh(known), self.voting)

    @classmethod
    def cost(cls, known: KnownGraph) -> float:
        """Processor seconds of one fit: the trial's questions."""
        asked = min(_TRIED, max(300, _CELLS // len(known.products)), len(known.users))
        return 0.1 + 3e-7 * asked * (len(known.products) + len(known.users))

    @classmethod
    def memory(cls, known: KnownGraph) -> float:
        """Bytes of a fit at its height, roughly: the scores of the trial and how near its users are to all."""
        cells = min(_HELD, _TRIED * max(len(known.products), len(known.users)))
        return 2e7 + 16 * cells + 60 * len(known.interactions)

    def score(self, histories: Histories) -> Floats:
        """[b, products]; -inf for products nobody chose."""
        scores = np.zeros((len(histories), self.chosen.shape[1]), dtype=np.float32)
        done = 0
        for some in histories.batches(max(1, _HELD // self.chosen.shape[0])):
            scores[done : done + len(some)] = self._votes(self._sharp(self.near(some)))
            done += len(some)
        scores *= self.favour
        scores[:, ~self.warm] = -np.inf
        return scores

    @property
    def favour(self) -> Floats:
        """[products] what the votes for each are multiplied by."""
        return np.asarray(self.fresh**self.voting.trend * self.degrees**-self.voting.discovery, dtype=np.float32)

    def near(self, histories: Histories) -> Floats:
        """[b, users] how near each user is to each history."""
        start = histories.matrix(self.chosen.shape[1])
        start.data = faded(histories, self.voting.fading) * self.degrees[histories.product] ** -self.voting.rarity
        return np.asarray((start @ self.choosers).toarray() * self.lengths**-0.5)

    def terms(self, history: Histories, product: int) -> Sequence[Term]:
        """What every product of the history adds: the share of each voter's nearness that it makes up."""
        if not self.warm[product]:
            return ()
        near = self.near(history)
        votes = self._sharp(near)[0]
        who = self.choosers[product].indices
        who = who[near[0, who] > 0]
        weight = votes[who] / near[0, who] * self.lengths[who] ** -0.5 * self.favour[product]
        start = faded(history, self.voting.fading) * self.degrees[history.product] ** -self.voting.rarity
        amounts = start * (self.choosers[history.product][:, who] @ weight)
        return [Term(int(row), "INTERACTED", float(one)) for row, one in zip(history.product, amounts, strict=True) if one]

    def state(self) -> State:
        """Who chose what, and the voting."""
        arrays = {"indices": self.chosen.indices, "indptr": self.chosen.indptr, "fresh": self.fresh}
        return State(arrays, {"products": self.chosen.shape[1], "voting": asdict(self.voting)})

    @classmethod
    def restore(cls, state: State) -> Self:
        """The scorer that `state` came from."""
        indices, indptr = np.asarray(state.arrays["indices"]), np.asarray(state.arrays["indptr"])
        shape = (len(indptr) - 1, int(state.settings["products"]))
        ones = np.ones(len(indices), dtype=np.float32)
        chosen = sp.csr_matrix((ones, indices, indptr), shape=shape)
        return cls(chosen, np.asarray(state.arrays["fresh"]), Voting(**state.settings["voting"]))

    def _sharp(self, near: Floats) -> Floats:
        """[b, users] near^s of the nearest users (all that tie with the last of them), 0 for the others."""
        if near.shape[1] > self.voting.nearest:
            least = np.partition(near, -self.voting.nearest, axis=1)[:, -self.voting.nearest, None]
            near = np.where(near >= least, near, 0)
        return np.asarray(near**self.voting.sharpness, dtype=np.float32)

    def _votes(self, weights: Floats) -> Floats:
        """[b, products] the sum of the weights of those who chose each product."""
        return np.asarray((sp.csr_matrix(weights) @ self.chosen).toarray())


def _fresh(known: KnownGraph) -> Floats:
    recent, ever = (lately(known.interactions, len(known.products), share) for share in (_SEASON, np.inf))
    return np.asarray(recent / ever, dtype=np.float32)


def _chosen(trial: Trial) -> Voting:
    made = Neighbours(trial.known.matrix, _fresh(trial.known), Voting())
    trends = _TRENDS if (made.fresh < 1).any() else _TRENDS[:1]

    def faded_so(batch: Histories) -> Iterator[tuple[Voting, Floats]]:
        for fading in _FADINGS:
            voting = replace(made.voting, fading=fading)
            yield voting, replace(made, voting=voting).score(batch)

    usual = trial.best(made.voting, faded_so) if trial.known.interactions.ordered else made.voting

    def voted_so(batch: Histories) -> Iterator[tuple[Voting, Floats]]:
        near = replace(made, voting=usual).near(batch)
        for sharpness in _SHARPNESSES:
            voting = replace(usual, sharpness=sharpness)
            votes = made._votes(replace(made, voting=voting)._sharp(near))
            for discovery in _DISCOVERIES:
                for trend in trends:
                    tried = replace(voting, discovery=discovery, trend=trend)
                    yield tried, votes * replace(made, voting=tried).favour

    return trial.best(usual, voted_so)
