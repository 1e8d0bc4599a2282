"""The search for a system's settings: as many trials and seconds for each, the makers' own first, every trial on record."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from graphrec.comparison.systems import Knob, Settings, System
from graphrec.comparison.workers import Failed, Missing, OutOfTime
from graphrec.errors import BadRequest

Foreign = Any
"""What is of Optuna's own types, which are not there where it is not installed."""
DONE, FAILED, OUT_OF_TIME, MISSING = "done", "failed", "out of time", "missing"
_HOPELESS = 3
"""Trials, none of which is done, after which none is expected to be."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One try of one system."""

    system: str
    number: int
    """From 0."""
    settings: Settings
    state: str
    """`done`, `failed`, `out of time`, or `missing`: a package."""
    ndcg: float | None = None
    """On the inner cut."""
    fit_seconds: float | None = None
    rank_seconds: float | None = None
    why: str = ""
    """What went wrong, in one line."""

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a try came to."""

    ndcg: float
    fit_seconds: float
    rank_seconds: float


def tune(
    system: System,
    judge: Callable[[Settings, float], Judged],
    *,
    trials: int,
    seconds: float,
    seed: int,
    clock: Callable[[], float] = time.monotonic,
) -> list[Trial]:
    """Every trial in turn, by Optuna's TPE; a system without knobs has one.

    judge: takes settings and the seconds that are left, and raises `OutOfTime` or `Failed`. A trial that fails costs itself; a
    package that is missing, or failing `_HOPELESS` times before any success, ends the search. clock: what seconds are told by.
    Source: Akiba et al., "Optuna", KDD 2019 (arXiv:1907.10902); Bergstra et al., NeurIPS 2011 (TPE).
    """
    optuna = _optuna()
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial(dict(system.defaults))
    ranges = {name: _range(optuna, knob) for name, knob in system.knobs.items()}
    deadline, made = clock() + seconds, list[Trial]()
    for number in range(trials if system.knobs else 1):
        asked = study.ask(ranges)
        made.append(_tried(system, number, dict(asked.params), judge, deadline - clock()))
        done = made[-1].state == DONE
        study.tell(asked, made[-1].ndcg if done else None, state=None if done else optuna.trial.TrialState.FAIL)
        failing = not any(trial.state == DONE for trial in made) and len(made) >= _HOPELESS
        if clock() >= deadline or failing or made[-1].state == MISSING:
            break
    return made


def best(made: list[Trial]) -> Trial | None:
    """The trial that ranked best, the earlier of two that tie; None where none was done."""
    done = [trial for trial in made if trial.ndcg is not None]
    return max(done, key=lambda trial: (trial.ndcg, -trial.number), default=None)


def _tried(system: System, number: int, settings: Settings, judge: Callable[[Settings, float], Judged], seconds: float) -> Trial:
    try:
        found = judge(settings, seconds)
    except OutOfTime as error:
        return Trial(system.name, number, settings, OUT_OF_TIME, why=str(error))
    except Failed as error:
        state = MISSING if isinstance(error, Missing) else FAILED
        return Trial(system.name, number, settings, state, why=str(error))
    return Trial(system.name, number, settings, DONE, found.ndcg, found.fit_seconds, found.rank_seconds)


def _range(optuna: ModuleType, knob: Knob) -> Foreign:
    if knob.whole:
        return optuna.distributions.IntDistribution(int(knob.low), int(knob.high), log=knob.log, step=knob.step)
    return optuna.distributions.FloatDistribution(knob.low, knob.high, log=knob.log)


def _optuna() -> ModuleType:
    try:
        optuna = import_module("optuna")
    except ModuleNotFoundError:
        raise BadRequest("a comparison tunes by Optuna, which is not installed; pip install 'graphrec[peers]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
