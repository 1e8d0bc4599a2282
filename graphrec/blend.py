"""The blend: several scorers under weights that an inner cut chose, warm and cold products on one scale."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from graphrec import cold, panels, splits
from graphrec import scorers as registry
from graphrec.budget import Budget, within_memory
from graphrec.budget import explainable as explained
from graphrec.errors import BadRequest, NothingToLearn
from graphrec.memory import give_back
from graphrec.prior import Heads, bearable
from graphrec.scorers import FitContext, Refitting, Refreshing, Scorer, State
from graphrec.tensors import Floats, Histories, KnownGraph, Rows
from graphrec.weighing import FEW, LEAST_GAIN, K, Weighed, standardise, weigh

Mask = npt.NDArray[np.bool_]
_PRACTISED = 600
"""Users whose choices of hidden products teach the weights of cold ones, at most."""
_REPEATED = 0.05
"""Share of the next choices that are repeats from which on they are weighed for themselves."""
_UNTOLD = 5.0
"""A gain beyond says only that the others know nothing."""
PRIOR = "prior"
"""The name under which `Blend.contributions` lists the offset of cold products."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the blend was worth on the inner cut."""

    name: str
    gain: float
    """Relative change of NDCG@20 by having the part: 0.031 is +3.1%."""
    kept: bool
    cold_only: bool = False
    """True where the part is kept for products that nobody chose yet, and for those alone."""
    interval: tuple[float, ...] = ()
    """The gain's 95% interval over users, (low, high); () where nobody worked it out."""

    def __str__(self) -> str:
        fate = (
            "dropped" if not self.kept else "kept" if self.gain >= LEAST_GAIN else "kept: the cut does not rule out that it helps"
        )
        gain = f"{self.gain:+.1%}" if self.gain < _UNTOLD else f"over +{_UNTOLD:.0%}"
        if self.interval and self.gain < _UNTOLD:
            gain += " [{:+.1%}, {:+.1%}]".format(*self.interval)
        return f"{self.name} {gain}, {'kept for new products only' if self.cold_only else fate}"


@dataclass(frozen=True)
class Blend:
    """score(user, i) = Σ over scorers s of w_s · z_s(user, i) for warm products; w of its own and an offset for cold ones.

    z standardises a scorer's scores within the user (`weighing.standardise`). Products that no scorer speaks of are -inf.
    """

    scorers: Mapping[str, Scorer]
    """The kept ones, by name."""
    weights: Mapping[str, float]
    """For warm products; they add up to 1."""
    cold_weights: Mapping[str, float]
    """For products nobody chose; they add up to 1."""
    warm: Mask
    """[products] True where somebody chose the product."""
    prior: float = 0.0
    """Added to the score of every cold product, so that cold products fill the share of the lists they are worth."""
    newcomers: float = 0.0
    """That share: how many of the next choices are thought to fall on products nobody chose yet, as far as bearable."""
    bearable: float = 1.0
    """The largest share that cost the others on the inner cut no more than a hundredth of their NDCG@20."""
    parts: tuple[Part, ...] = ()
    reason: str = ""
    """Which inner cut the weights were chosen on."""
    notes: tuple[str, ...] = ()
    """What was limited, left out or assumed."""
    again: Mapping[str, float] = field(default_factory=dict)
    """Weights for warm products in lists that repeats are let into; empty where choices hardly repeat: `weights` serve there."""

    def with_repeats(self) -> "Blend":
        """The blend for lists that what somebody chose before is let into."""
        return replace(self, weights=self.again) if self.again else self

    def score(self, histories: Histories, *, said: Mapping[str, Floats] | None = None) -> Floats:
        """[b, products] float32; -inf where no scorer has an opinion. said: what the scorers said of these, by name, if known."""
        total = np.zeros((len(histories), len(self.warm)), dtype=np.float32)
        spoken = np.zeros(total.shape, dtype=bool)
        for name, scorer in self.scorers.items():
            weight = self._weight(name)
            if not weight.any():
                continue
            raw = scorer.score(histories) if said is None else said[name]
            spoken |= (raw > -np.inf) & (weight > 0)
            total += standardise(raw, self.warm) * weight
        total += np.where(self.warm, 0.0, self.prior).astype(np.float32)
        total[~spoken] = -np.inf
        return total

    def contributions(self, histories: Histories, rows: Rows) -> Mapping[str, Floats]:
        """By scorer's name, [b, len(rows)] what it adds to the score of these products; they add up to the score.

        Where the rows hold cold products, `prior` is one more entry.
        """
        found: dict[str, Floats] = {}
        for name, scorer in self.scorers.items():
            found[name] = (standardise(scorer.score(histories), self.warm) * self._weight(name))[:, rows]
        if self.prior and not self.warm[rows].all():
            offset = np.where(self.warm[rows], 0.0, self.prior).astype(np.float32)
            found[PRIOR] = np.repeat(offset[None, :], len(histories), axis=0)
        return found

    def _weight(self, name: str) -> Floats:
        """[products] the weight of this scorer for warm and cold products."""
        return np.where(self.warm, self.weights.get(name, 0.0), self.cold_weights.get(name, 0.0)).astype(np.float32)

    def state(self) -> State:
        """Every scorer's state under its name, and the blend's own settings."""
        arrays: dict[str, npt.NDArray[Any]] = {"warm": self.warm.astype(np.uint8)}
        settings: dict[str, Any] = {}
        for name, scorer in self.scorers.items():
            state = scorer.state()
            arrays |= {f"{name}/{key}": value for key, value in state.arrays.items()}
            settings[name] = dict(state.settings)
        own = {
            "weights": dict(self.weights),
            "again": dict(self.again),
            "cold_weights": dict(self.cold_weights),
            "prior": self.prior,
            "newcomers": self.newcomers,
            "bearable": self.bearable,
            "parts": [[part.name, part.gain, part.kept, part.cold_only, part.interval] for part in self.parts],
            "reason": self.reason,
            "notes": list(self.notes),
        }
        return State(arrays, {"scorers": settings, **own})

    @classmethod
    def restore(cls, state: State) -> Self:
        """The blend that `state` came from."""
        own = state.settings
        parts = {name: _part(state, name) for name in own["scorers"]}
        return cls(
            {name: registry.load(name).restore(part) for name, part in parts.items()},
            dict(own["weights"]),
            dict(own["cold_weights"]),
            np.asarray(state.arrays["warm"]).astype(bool),
            float(own["prior"]),
            float(own["newcomers"]),
            float(own["bearable"]),
            tuple(Part(name, gain, kept, cold_only, tuple(span)) for name, gain, kept, cold_only, span in own["parts"]),
            own["reason"],
            tuple(own["notes"]),
            dict(own.get("again", {})),
        )


def _part(state: State, name: str) -> State:
    head = f"{name}/"
    arrays = {key.removeprefix(head): value for key, value in state.arrays.items() if key.startswith(head)}
    return State(arrays, state.settings["scorers"][name])


@dataclass(frozen=True, slots=True)
class _Judged:
    """What an inner cut said of the scorers."""

    scorers: dict[str, Scorer]
    """As fitted on the cut."""
    weights: Mapping[str, float]
    cold_weights: Mapping[str, float]
    parts: tuple[Part, ...]
    reason: str
    notes: tuple[str, ...] = ()
    bearable: float = 1.0
    again: Mapping[str, float] = field(default_factory=dict)


def learn(
    known: KnownGraph,
    context: FitContext,
    *,
    scorers: Sequence[str] | None = None,
    newcomers: float | None = None,
    budget: Budget | None = None,
    explainable: bool = False,
    max_memory: float | None = None,
) -> Blend:
    """The blend of these scorers (default: all that the budget allows), weighed on an inner cut, then fitted on everything.

    newcomers: the share of the places that products get which nobody chose yet; default: that of the next choices which will fall
        on such products (`cold.newcomers`), as far as it costs the others no more than 1% of their NDCG@20 on the inner cut.
    budget: the time to choose scorers for; scorers that were asked for by name are cut only by a budget that was asked for too.
    explainable: only scorers whose score is a sum over the history.
    max_memory: bytes that the scorers may take; default: what is free. Those that do not fit are left out.
    One scorer alone needs no cut: it is fitted once and has weight 1.

    Raises:
        UnknownScorer: no scorer has this name.
        BadRequest: `explainable`, and none of the scorers is.
        NothingToLearn: no scorer could be fitted.
        NotEnoughMemory: none fits into the memory.
    """
    asked, left_out = _asked(known, scorers, budget, explainable=explainable)
    asked, too_large = within_memory(asked, known, max_memory)
    judged = _judge(known, context, asked, budget) if len(asked) > 1 else _alone(asked[0])
    before = {name: judged.scorers.pop(name) for name in _kept(judged) if name in judged.scorers}
    judged.scorers.clear()  # each is large: none outlives its use
    names = _told(context, "fit scorers on everything", _kept(judged))
    fitted = {name: _whole(name, before.pop(name, None), known, context) for name in names}
    limits = [note for scorer in fitted.values() for note in getattr(scorer, "notes", ())]
    share, why = (newcomers, "as asked") if newcomers is not None else _newcomers(known, judged.bearable)
    notes = [
        *left_out,
        *([too_large] if too_large else []),
        *judged.notes,
        *limits,
        *([f"products nobody chose yet get {share:.1%} of the places: {why}"] if why else []),
    ]
    for note in notes:
        _log.info(note)
    blend = Blend(
        fitted,
        judged.weights,
        judged.cold_weights,
        known.warm,
        newcomers=share,
        bearable=judged.bearable,
        parts=judged.parts,
        reason=judged.reason,
        notes=tuple(notes),
        again=judged.again,
    )
    return replace(blend, prior=_prior(blend, known, context.seed))


def _newcomers(known: KnownGraph, most: float) -> tuple[float, str]:
    """The share of the places that products nobody chose yet get, and why ("" where there are none)."""
    share, why = cold.newcomers(known)
    if share > most:
        return most, f"more than that, of the {share:.1%} foreseen, costs the others over 1% of their NDCG@{K} on the cut"
    return share, why if share else ""


def refresh(blend: Blend, before: KnownGraph, known: KnownGraph, context: FitContext) -> Blend:
    """The blend over `known`, a newer state of the graph `before`: the same scorers under the same weights.

    Nothing is trained or chosen anew: the encoder keeps its parameters, what has a closed form (counts, walks, linear systems) is
    worked out again under the choices made by the fit.
    """
    fitted: dict[str, Scorer] = {}
    for name in _told(context, "refresh scorers", list(blend.scorers)):
        scorer = blend.scorers[name]
        if isinstance(scorer, Refreshing):
            fitted[name] = scorer.refresh(before, known, context)
        else:
            fitted[name] = _whole(name, scorer, known, context)
    share, _ = _newcomers(known, blend.bearable)
    fresh = replace(blend, scorers=fitted, warm=known.warm, prior=0.0, newcomers=share)
    return replace(fresh, prior=_prior(fresh, known, context.seed))


def _asked(
    known: KnownGraph, scorers: Sequence[str] | None, budget: Budget | None, *, explainable: bool
) -> tuple[list[str], list[str]]:
    """The scorers to fit, and why others are left out."""
    asked, told = list(dict.fromkeys(scorers)) if scorers else registry.names(), ["", ""]
    for name in asked:
        registry.load(name)
    if explainable:
        asked, told[0] = explained(asked)
        if not asked:
            raise BadRequest(f"none of these scorers can take its score apart: {', '.join(scorers or ())}; leave explainable out")
    if budget is not None or not scorers:
        asked, told[1] = (budget or Budget()).affordable(asked, known)
    return asked, [one for one in told if one]


def _kept(judged: _Judged) -> list[str]:
    return [
        name
        for name in judged.weights
        if any(one.get(name, 0) > 0 for one in (judged.weights, judged.cold_weights, judged.again))
    ]


def _alone(name: str) -> _Judged:
    return _Judged({}, {name: 1.0}, {name: 1.0}, (), "one scorer alone: nothing to weigh")


def _told(context: FitContext, what: str, names: Sequence[str]) -> Iterator[str]:
    """The names one after another; progress is told how many are done with."""
    tell = context.progress or (lambda _what, _done, _total: None)
    for done, name in enumerate(names):
        tell(what, done, len(names))
        yield name
    tell(what, len(names), len(names))


def _whole(name: str, before: Scorer | None, known: KnownGraph, context: FitContext) -> Scorer:
    """The scorer fitted on everything, keeping the choices it made on the cut (`before`) where it can."""
    started = time.perf_counter()
    if isinstance(before, Refitting):
        scorer: Scorer = before.refit(known, context)
    else:
        scorer = registry.load(name).fit(known, context)
    give_back()
    _log.info("%s fitted on everything in %.1f s", name, time.perf_counter() - started)
    return scorer


def _judge(known: KnownGraph, context: FitContext, asked: Sequence[str], budget: Budget | None) -> _Judged:
    try:
        cut = splits.inner_cut(known, context.seed)
    except NothingToLearn as error:
        return _even(asked, str(error))
    hidden = cold.hidden_products(known, context.seed)
    size, follows = panels.users_for(len(known.products)), splits.following(known, cut)
    repeated = _repeated(follows)
    cut, follows = (replace(one, known=cold.without(one.known, hidden)) if len(hidden) else one for one in (cut, follows))
    cut = _with_history(cut).sample(size, context.seed)
    if not len(cut.users):
        return _even(asked, "nobody has both a history and a later choice of a product that others chose before")
    fitted: dict[str, Scorer] = {}
    if budget is not None:
        asked = sorted(asked, key=lambda name: registry.load(name).cost(known))
    for name in _told(context, "fit scorers on the inner cut", asked):
        if not fitted or budget is None or not budget.half_gone:
            fitted[name] = _first(name, cut.known, context)
    late = [name for name in asked if name not in fitted]
    notes = (f"left out, as half of the budget was gone before their turn: {', '.join(late)}",) if late else ()
    asked = list(fitted)
    steps = _told(context, "weigh scorers", ["warm products", "cold products"])
    next(steps)
    found = weigh(panels.warm_panel(fitted, cut))
    give_back()
    next(steps)
    _log.info("weights by %s, NDCG@%d %.4f on the cut", found.way, K, found.quality)
    weights = dict(zip(asked, found.weights.tolist(), strict=True))
    cold_weights = _cold_weights(known, cut, hidden, fitted, weights, size)
    give_back()
    again: Mapping[str, float] = {}
    if repeated >= _REPEATED:
        again = _again(_with_history(follows).sample(size, context.seed), fitted)
        notes = (*notes, *_told_again(again, repeated))
    give_back()
    next(steps, None)
    most = _bearable(Blend(fitted, weights, cold_weights, cut.known.warm), cut, known)
    return _Judged(fitted, weights, cold_weights, _parts(found, weights, cold_weights), cut.reason, notes, most, again)


def _even(asked: Sequence[str], why: str) -> _Judged:
    """Equal weights, since nothing can be weighed."""
    even = {name: 1 / len(asked) for name in asked}
    return _Judged({}, even, even, (), f"no cut, equal weights: {why}")


def _first(name: str, known: KnownGraph, context: FitContext) -> Scorer:
    started = time.perf_counter()
    scorer = registry.load(name).fit(known, context)
    give_back()
    _log.info("%s fitted on the cut in %.1f s", name, time.perf_counter() - started)
    return scorer


def _with_history(cut: splits.Split) -> splits.Split:
    """Only users who still have a history and warm truth after products were hidden."""
    left = np.diff(cut.known.matrix.indptr)[cut.users] > 0
    reachable = np.asarray(cut.truth @ cut.known.warm.astype(np.float32)).ravel() > 0
    pick = np.flatnonzero(left & reachable)
    return replace(cut, users=cut.users[pick], truth=cut.truth[pick])


def _parts(found: Weighed, weights: Mapping[str, float], cold_weights: Mapping[str, float]) -> tuple[Part, ...]:
    parts = []
    for (name, weight), gain, (low, high) in zip(weights.items(), found.gains.tolist(), found.intervals.tolist(), strict=True):
        cold_only = not weight and cold_weights.get(name, 0.0) > 0
        parts.append(Part(name, gain, weight > 0 or cold_only, cold_only, (low, high)))
    return tuple(parts)


def _repeated(cut: splits.Split) -> float:
    """The share of what the users of the cut chose next that they had chosen before."""
    return float(cut.truth.multiply(cut.known.matrix[cut.users]).nnz / max(cut.truth.nnz, 1))


def _again(cut: splits.Split, fitted: Mapping[str, Scorer]) -> Mapping[str, float]:
    """Weights where repeats are let in; none where too few users tell."""
    if len(cut.users) < FEW:
        return {}
    found = weigh(panels.warm_panel(fitted, cut, repeats=True))
    return dict(zip(fitted, found.weights.tolist(), strict=True))


def _told_again(again: Mapping[str, float], repeated: float) -> tuple[str, ...]:
    """One line on the weights where repeats are let in."""
    kept = ", ".join(f"{name} {weight:.2f}" for name, weight in again.items() if weight)
    return (f"{repeated:.0%} of the next choices are repeats; lists that let them in weigh {kept}",) if kept else ()


def _cold_weights(
    known: KnownGraph, cut: splits.Split, hidden: Rows, fitted: Mapping[str, Scorer], weights: Mapping[str, float], size: int
) -> Mapping[str, float]:
    """Weights for cold products, from practice on hidden ones; the warm weights where there was none."""
    if not len(hidden):
        return weights
    practice = cold.practice(known, cut, hidden, size=min(size, _PRACTISED), seed=0)
    if len(practice.users) < 10:
        return weights
    found = weigh(panels.cold_panel(fitted, practice, hidden))
    return dict(zip(fitted, found.weights.tolist(), strict=True)) if found.quality > 0 else weights


def _prior(blend: Blend, known: KnownGraph, seed: int) -> float:
    """The offset under which cold products take their share (`Blend.newcomers`) of the 20 best places of a sample of users."""
    if not (~known.warm & known.listed).any():
        return 0.0
    users = np.random.default_rng(seed).permutation(len(known.users))[: max(50, 10_000_000 // len(known.products))]
    return Heads.of(blend.score, known, known.histories(np.sort(users)[:1_000])).offset(blend.newcomers)


def _bearable(blend: Blend, cut: splits.Split, known: KnownGraph) -> float:
    """How large a share of the lists cold products may take on the cut, of what `cold.newcomers` foresees."""
    share, _ = cold.newcomers(known)
    if not share or not (~cut.known.warm & cut.known.listed).any():
        return 1.0
    some = cut.sample(max(50, 10_000_000 // len(known.products)), 0)
    most = bearable(Heads.of(blend.score, some.known, some.histories, some.truth), share)
    return most if most < share else 1.0
