"""Model: everything a fitted recommender needs to answer, explain and be saved; `Ranker` speaks for it."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from graphrec.blend import Blend
from graphrec.connections import Names
from graphrec.scorers import FitContext, Scorer
from graphrec.scorers.popularity import Popularity
from graphrec.tensors import Floats, Histories, KnownGraph, Rows
from graphrec.weighing import standardise

Halves = npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a fit did and found, in values that JSON can hold."""

    reason: str
    """Which inner cut the parts were weighed on, and why."""
    parts: tuple[str, ...]
    """One line a part: what it was worth, kept or dropped."""
    notes: tuple[str, ...] = ()
    """What else a reader should know: warnings, fallbacks."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Wall time by stage."""
    updates: Mapping[str, int] = field(default_factory=dict)
    """What `Ranker.update` took since the fit, by name: events, new users …"""

    def to_json(self) -> dict[str, Any]:
        """The summary as JSON can hold it; `from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The summary that `to_json` wrote."""
        return cls(
            values["reason"], tuple(values["parts"]), tuple(values["notes"]), dict(values["seconds"]), values.get("updates", {})
        )

    def __str__(self) -> str:
        spent = f"fitted in {sum(self.seconds.values()):.1f} s: " + ", ".join(
            f"{stage} {seconds:.1f}" for stage, seconds in self.seconds.items()
        )
        since = [f"taken since: {', '.join(f'{count:,} {name}' for name, count in self.updates.items())}"] if self.updates else []
        return "\n".join([f"weighed on an inner cut: {self.reason}", *self.parts, *self.notes, spent, *since])


@dataclass(frozen=True)
class Model:
    """A graph that was learnt from, the scorers that learnt from it, and what people call its nodes."""

    known: KnownGraph
    blend: Blend
    names: Mapping[str, Names] = field(default_factory=dict)
    """By label, [rows] what people call the node; None where it has no name."""
    text: Mapping[str, Halves] = field(default_factory=dict)
    """By label, [rows, dim] text vectors in half precision, as they are saved and written back; empty without a text model."""
    summary: Summary = field(default_factory=lambda: Summary("", ()))
    text_model: str | None = None
    """The text model that was asked for; None is the default one, `none` no texts."""
    name: str = "graphrec"
    """How the model signs what it writes back; the same name replaces what it wrote before."""
    grown: Rows = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    """Rows of the users who chose something after the fit, rising: scorers know of them what their histories say, and no more."""

    def score(self, histories: Histories, *, said: Mapping[str, Floats] | None = None) -> Floats:
        """[b, products] float32, higher is better; -inf where no scorer has an opinion.

        Somebody without a history gets what is popular, also where the blend dropped popularity for those who have one.
        said: by name what the blend's scorers said of these histories, where that is known.
        """
        scores = self.blend.score(histories, said=said)
        strangers = self._without_history(histories)
        if len(strangers):
            scores[strangers] = self._popularity
        return scores

    @cached_property
    def again(self) -> "Model":
        """The model for lists that what somebody chose before is let into."""
        return replace(self, blend=self.blend.with_repeats())

    def contributions(self, histories: Histories, rows: Rows) -> Mapping[str, Floats]:
        """By scorer's name, [b, len(rows)] what it adds to the score of these products; they add up to the score."""
        parts = dict(self.blend.contributions(histories, rows))
        strangers = self._without_history(histories)
        if len(strangers):
            for part in parts.values():
                part[strangers] = 0
            parts[Popularity.name] = np.zeros((len(histories), len(rows)), dtype=np.float32)
            parts[Popularity.name][strangers] = self._popularity[rows]
        return parts

    def rises(self, histories: Histories) -> Floats:
        """[b, products] how much more the scorers think of each product than they do for somebody without a history.

        Each scorer's rise is standardised and weighed as its score is in the blend; popularity rises for nobody.
        """
        total = np.zeros((len(histories), len(self.known.products)), dtype=np.float32)
        for name, scorer in self.blend.scorers.items():
            weight = np.where(self.blend.warm, self.blend.weights.get(name, 0.0), self.blend.cold_weights.get(name, 0.0))
            total += standardise(_rise(scorer, histories), self.blend.warm) * weight.astype(np.float32)
        return total

    def graph_vectors(self) -> Mapping[str, Floats]:
        """By label, [rows, dim] the graph embedding of its nodes; empty where no kept scorer has embeddings."""
        for scorer in self.blend.scorers.values():
            vectors = getattr(scorer, "vectors", None)
            if vectors is not None:
                found: Mapping[str, Floats] = vectors()
                encode = getattr(scorer, "vectors_of", None)
                return {**found, "User": self._of_users_now(found["User"], encode)} if encode and "User" in found else found
        return {}

    def histories(self, users: Rows) -> Histories:
        """What these users chose. users: [b] rows; -1 is somebody without a history.

        The row is told of those alone whom the fit knew as they are: a scorer that learnt something of each user folds the others
        in from their histories.
        """
        found = self.known.histories(users[users >= 0])
        lengths = np.zeros(len(users), dtype=np.int64)
        lengths[users >= 0] = np.diff(found.indptr)
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return Histories(indptr, found.product, found.at, np.where(np.isin(users, self.grown), -1, users))

    def _of_users_now(self, fitted: Floats, encode: Callable[[Histories], Floats]) -> Floats:
        """[users, dim] the fitted vectors, those of users who chose something since worked out anew from their histories."""
        if not len(self.grown):
            return fitted
        now = np.zeros((len(self.known.users), fitted.shape[1]), dtype=np.float32)
        now[: len(fitted)] = fitted
        now[self.grown] = encode(self.histories(self.grown))
        return now

    def _without_history(self, histories: Histories) -> Rows:
        """The places in the batch that need popularity from elsewhere than the blend."""
        if Popularity.name in self.blend.scorers:
            return np.empty(0, dtype=np.int64)
        return np.flatnonzero(np.diff(histories.indptr) == 0).astype(np.int64)

    @cached_property
    def _popularity(self) -> Floats:
        """[products]."""
        return Popularity.fit(self.known, FitContext()).scores

    @property
    def last_at(self) -> int | None:
        """Epoch seconds of the latest interaction that the model knows; None where no time is known."""
        at = self.known.interactions.at
        return None if np.isnan(at).all() else int(np.nanmax(at))


def _rise(scorer: Scorer, histories: Histories) -> Floats:
    """[b, products] the scores minus a stranger's; -inf where the scorer has no opinion, 0 where it had none of the stranger."""
    scores, stranger = scorer.score(histories), scorer.score(Histories.of([[]]))
    rise: Floats = np.where(np.isfinite(scores), scores - np.where(np.isfinite(stranger), stranger, 0), -np.inf)
    return rise
