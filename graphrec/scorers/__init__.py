"""Scorers: each file of this folder is one way to say how well a product suits a user. The folder is the registry.

A scorer is fitted on a KnownGraph and then scores Histories, so that a known user and a stranger with a history are the same to
it. What a scorer learnt is `state`: named arrays, which safetensors can hold, and plain settings, which JSON can.

Module `x.py` holds one class whose `name` is "x"; adding a scorer adds a file, deleting one is `rm`.
"""

import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy.typing as npt

from graphrec.errors import UnknownScorer
from graphrec.tensors import Floats, Histories, KnownGraph
from kg_builder.errors import did_you_mean


@dataclass(frozen=True, slots=True)
class State:
    """What a scorer learnt, ready to be saved: arrays of any numeric dtype and settings that JSON can hold."""

    arrays: Mapping[str, npt.NDArray[Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)


class Scorer(Protocol):
    """One way to score every product for every user of a batch."""

    name: ClassVar[str]
    """How the command line and the blend call it: the file's name."""

    @classmethod
    def fit(cls, known: KnownGraph, context: "FitContext") -> Self:
        """A scorer that learnt from this graph."""

    @classmethod
    def cost(cls, known: KnownGraph) -> float:
        """Processor seconds that one fit takes on two cores, roughly, by the graph's size."""

    @classmethod
    def memory(cls, known: KnownGraph) -> float:
        """Bytes that one fit takes at its height besides the graph, roughly, by the graph's size."""

    def score(self, histories: Histories) -> Floats:
        """[b, products]; higher is better, comparable within a user only; -inf where the scorer has no opinion."""

    def state(self) -> State:
        """What was learnt; `restore` of it scores the same."""

    @classmethod
    def restore(cls, state: State) -> Self:
        """The scorer that `state` came from."""


@dataclass(frozen=True, slots=True)
class Term:
    """One summand of a score: what a product of the history adds for the recommended one, and along which path."""

    product: int
    """Row of the history's product; -1 for what is owed to none of them (popularity, a constant)."""
    path: str
    """The relationship types that lead from one to the other, e.g. `MADE_BY` (they share a brand), `ALSO_BOUGHT`,
    `ALSO_BOUGHT reversed`, `RELATED:directed_by`, `INTERACTED` (who chose one chose the other), or `text`, `popularity`."""
    amount: float


@runtime_checkable
class SelfExplaining(Protocol):
    """A scorer whose score is a sum over the history (paths, linear): it can say which product brought how much."""

    def terms(self, history: Histories, product: int) -> Sequence[Term]:
        """The summands of the score of one user (a batch of one) for one product row; they add up to `score`."""


@runtime_checkable
class Refitting(Scorer, Protocol):
    """A scorer whose choices (weights, regularisation, epochs) outlive its data; the others are simply fitted anew."""

    def refit(self, known: KnownGraph, context: "FitContext") -> Self:
        """The scorer with the same choices, made from this larger graph: nothing is held out and tried again."""


@runtime_checkable
class Refreshing(Scorer, Protocol):
    """A scorer that takes up a newer graph by what it learnt already, with no training; the others are closed forms."""

    def refresh(self, before: KnownGraph, known: KnownGraph, context: "FitContext") -> Self:
        """The scorer over `known`, a newer state of the graph `before` that it was fitted on."""


@dataclass(frozen=True, slots=True)
class FitContext:
    """What a fit may use besides the graph."""

    seed: int = 0
    device: str = "cpu"
    text: Mapping[str, Floats] = field(default_factory=dict)
    """By label, [rows, dim] unit text vectors; zero rows where there is no text; empty without a text model."""
    progress: Any = None


def names() -> list[str]:
    """The name of every scorer there is, sorted.

    Example:
        >>> "popularity" in names()
        True
    """
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def load(name: str) -> type[Scorer]:
    """The scorer class of this name.

    Raises:
        UnknownScorer: no such file; says which come close.
    """
    if name not in names():
        raise UnknownScorer(f"no scorer {name!r}{did_you_mean(name, names())}")
    module = import_module(f"{__name__}.{name}")
    found: list[type[Scorer]] = [kind for kind in vars(module).values() if getattr(kind, "name", None) == name]
    return found[0]
