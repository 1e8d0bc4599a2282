"""The comparison itself: hold out, tune every system on an inner cut of what is left, fit it on all of that, rank, measure."""

import hashlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from graphrec import significance, splits
from graphrec.comparison import frozen, report, tuning
from graphrec.comparison.report import Comparison, Difference, Row
from graphrec.comparison.systems import FLOOR, System, system
from graphrec.comparison.tuning import Judged, Trial
from graphrec.comparison.workers import Failed, OutOfTime, Worker, command
from graphrec.cuts import cut_by, without_seen
from graphrec.errors import BadRequest
from graphrec.given import Given, Test
from graphrec.metrics import Values, measure
from graphrec.pipeline import read
from graphrec.ranking import check_k
from graphrec.significance import Paired
from graphrec.splits import Split
from graphrec.tensors import KnownGraph, Rows
from kg_builder.stores import GraphStore, Progress
from kg_builder.tables import GraphTables

METRIC = "ndcg"
"""What is tuned for and compared."""
_SHARE = 0.1
_JUDGES = 5_000
"""Users that an inner cut asks about, at most; the same ones for every system."""


def compare(
    source: GraphStore | GraphTables,
    *,
    systems: Sequence[str],
    trials: int = 30,
    seconds: float = 600.0,
    k: int = 20,
    protocol: str | None = None,
    test: Test | None = None,
    seed: int = 0,
    text_model: str | None = None,
    device: str | None = None,
    threads: int | None = None,
    pythons: Mapping[str, str] | None = None,
    out: Path | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Every system's figures on one split, tuned alike, ranked over every product, what a user chose before left out.

    Args:
        source: A store or tables.
        systems: Their names; the others are held against the first that has figures. Popularity is always there, as the floor.
        trials, seconds: What each system may spend on its settings; the last fit and its ranking have as many seconds again.
        k: The length of the lists.
        protocol: How choices are held out, as in `evaluate`; default `time`.
        test: Instead of it, held-out (user, product) pairs, the source being all training.
        seed: Of cuts, searches and systems.
        text_model, device: As in `fit`, for graphrec's own systems.
        threads: What every system may use; default all processors.
        pythons: Interpreters for peers, by system (`lenskit-ease`) or package (`lenskit`); default this one.
        out: A folder that holds the result, renewed after every system.
        progress: Told of every trial.

    Raises:
        UnknownSystem: a name with a typing mistake.
        BadRequest: k, trials or seconds below what makes sense, an interpreter that is not there, or nobody to test.
        NothingToLearn: the graph has too few interactions to hold any out.
    """
    check_k(k)
    _check(trials, seconds, pythons or {})
    wanted = [system(name) for name in dict.fromkeys([*systems, FLOOR])]
    known, _ = read(source)
    cut = held_out(known, test, protocol, seed)
    inner = splits.inner_cut(cut.known, seed).sample(_JUDGES, seed)
    cores = threads or torch.get_num_threads()
    with tempfile.TemporaryDirectory(prefix="graphrec-compare-") as folder:
        arena = _Arena(Path(folder), cut, inner, k, seed, cores, text_model, device, pythons or {})
        arena.lay_out()
        found: list[_Outcome] = []
        for number, one in enumerate(wanted):
            if progress:
                progress(f"compare: {one.name}", number, len(wanted))
            first = next((other for other in found if other.measured is not None), None)
            found.append(_measured(arena.run(one, trials, seconds), first))
            if out is not None and found[-1].lists is not None:
                report.write_lists(found[-1].lists, cut, out / "lists" / f"{one.name}.tsv")
            result = _table(found, cut, inner, k, seed, trials, seconds, cores)
            if out is not None:
                report.save(result, out)
    if progress:
        progress("compare", len(wanted), len(wanted))
    return result


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one system."""

    system: System
    trials: list[Trial]
    tuning_seconds: float
    settings: Mapping[str, Any]
    answer: Mapping[str, Any] | None = None
    measured: Mapping[str, Values] | None = None
    lists: Rows | None = None
    """[users, k] of the test users."""
    why: str = ""
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    apart: Paired | None = None
    """How far it is above the first system."""


@dataclass(frozen=True, slots=True)
class _Arena:
    """Where every system meets the same data."""

    folder: Path
    cut: Split
    inner: Split
    k: int
    seed: int
    threads: int
    text_model: str | None
    device: str | None
    pythons: Mapping[str, str]

    def lay_out(self) -> None:
        """The files that the processes read: what was held out is not among them."""
        frozen.save_graph(self.cut.known, self.folder / "graph")
        frozen.save_choices(self.cut, self.folder / "final")
        frozen.save_choices(self.inner, self.folder / "tuning")

    def run(self, one: System, trials: int, seconds: float) -> _Outcome:
        """Tunes the system, then fits it on all training in a process that has done nothing else."""
        started = time.monotonic()
        with self._worker(one) as worker:

            def judge(settings: Mapping[str, Any], left: float) -> Judged:
                answer, lists = self._ranked(one, worker, "tuning", settings, left)
                return Judged(
                    float(measure(lists, self.inner.truth)[METRIC].mean()), answer["fit_seconds"], answer["rank_seconds"]
                )

            made = tuning.tune(one, judge, trials=trials, seconds=seconds, seed=self.seed)
        spent = time.monotonic() - started
        best = tuning.best(made)
        if best is None:
            return _Outcome(one, made, spent, made[0].settings, why=made[0].why)
        try:
            with self._worker(one) as worker:
                answer, lists = self._ranked(one, worker, "final", best.settings, seconds)
        except (OutOfTime, Failed) as error:
            return _Outcome(one, made, spent, best.settings, why=f"on all training: {error}")
        return _Outcome(one, made, spent, best.settings, answer, measure(lists, self.cut.truth), lists)

    def _worker(self, one: System) -> Worker:
        return Worker(command(one, self.pythons), log=self.folder / f"{one.name}.log", threads=self.threads)

    def _ranked(
        self, one: System, worker: Worker, stage: str, settings: Mapping[str, Any], seconds: float
    ) -> tuple[Mapping[str, Any], Rows]:
        """The worker's answer, and its lists for the users of the stage."""
        cut, path = {"tuning": self.inner, "final": self.cut}[stage], self.folder / "lists.npy"
        path.unlink(missing_ok=True)
        order = {
            "system": one.name,
            "settings": dict(settings),
            "seed": self.seed,
            "k": self.k,
            "lists": str(path),
            "data": str(self.folder / stage),
            "graph": str(self.folder / "graph"),
            "cache": str(self.folder / f"{one.name}-{stage}"),
            "text_model": self.text_model,
            "device": self.device,
        }
        answer = worker.ask(order, seconds)
        return answer, checked(np.load(path), cut, self.k)


def checked(lists: Rows, cut: Split, k: int) -> Rows:
    """The lists, if they are what was asked for.

    Raises:
        Failed: wrong in shape, or a product stands there twice, was chosen before, or is not for sale.
    """
    if lists.shape != (len(cut.users), k):
        raise Failed(f"its lists have the shape {lists.shape}, expected {(len(cut.users), k)}")
    filled = lists >= 0
    if filled.any() and (lists.max() >= len(cut.known.products) or not cut.known.listed[lists[filled]].all()):
        raise Failed("its lists hold products that are not for sale")
    owner = np.nonzero(filled)[0]
    if len(np.unique(owner * len(cut.known.products) + lists[filled])) < len(owner):
        raise Failed("its lists hold a product twice")
    ones = sp.csr_matrix((np.ones(len(owner)), (owner, lists[filled])), shape=(len(lists), len(cut.known.products)))
    if ones.multiply(cut.known.matrix[cut.users]).nnz:
        raise Failed("its lists hold products that the user chose before")
    return lists


def _check(trials: int, seconds: float, pythons: Mapping[str, str]) -> None:
    if trials < 1:
        raise BadRequest(f"trials must be at least 1 (got {trials})")
    if seconds <= 0:
        raise BadRequest(f"seconds must be above 0 (got {seconds})")
    for whose, python in pythons.items():
        if not Path(python).is_file():
            raise BadRequest(f"no interpreter for {whose} at {python}")


def held_out(known: KnownGraph, test: Test | None, protocol: str | None, seed: int) -> Split:
    """The split by the protocol, or the one that these pairs make; what a user chose before is no truth.

    Raises:
        BadRequest: both are given, the protocol asks for users whom a peer cannot know, or nobody is left to test.
    """
    if test is not None and protocol is not None:
        raise BadRequest("give protocol or test, not both: choices are held out by a rule or given")
    if protocol == "new-users":
        raise BadRequest("peers rank for users they were fitted on, so new users cannot be compared; take another protocol")
    asked = cut_by(known, protocol, None, _SHARE, seed) if test is None else Given.of(test).split(known)
    cut = without_seen(asked)
    cut = cut.only(np.flatnonzero(np.diff(cut.histories.indptr)))
    if not len(cut.users):
        raise BadRequest(f"nobody to test: {cut.reason} leaves no user with both a history and something new")
    left = int(asked.truth.nnz - cut.truth.nnz)
    return replace(
        cut, reason=f"{cut.reason}; {left:,} of {asked.truth.nnz:,} choices are no test: chosen before, or by a stranger"
    )


def _table(
    found: Sequence[_Outcome], cut: Split, inner: Split, k: int, seed: int, trials: int, seconds: float, threads: int
) -> Comparison:
    apart = _differences(found)
    return Comparison(
        k=k,
        cut=cut.reason,
        inner_cut=inner.reason,
        users=len(cut.users),
        judges=len(inner.users),
        catalogue=int(cut.known.listed.sum()),
        split=_digest(cut),
        seed=seed,
        trials_allowed=trials,
        seconds_allowed=seconds,
        threads=threads,
        rows=tuple(_row(one, apart.get(one.system.name)) for one in found),
        trials=tuple(trial for one in found for trial in one.trials),
        per_user={one.system.name: one.measured for one in found if one.measured is not None},
        test_users=tuple(cut.known.users.names[cut.users]),
    )


def _measured(one: _Outcome, first: _Outcome | None) -> _Outcome:
    """The outcome with its intervals, and how far it is from the first one that has figures."""
    if one.measured is None:
        return one
    intervals = significance.intervals(one.measured)
    if first is None or first.measured is None:
        return replace(one, intervals=intervals)
    return replace(one, intervals=intervals, apart=significance.paired(first.measured[METRIC], one.measured[METRIC]))


def _differences(found: Sequence[_Outcome]) -> Mapping[str, Difference]:
    """By system, how far it is above the first one, with p of the permutation test raised for their number (Holm)."""
    apart = {one.system.name: one.apart for one in found if one.apart is not None}
    raised = significance.holm([one.permutation_p for one in apart.values()])
    return {name: Difference(one.difference, one.low, one.high, p) for (name, one), p in zip(apart.items(), raised, strict=True)}


def _row(one: _Outcome, apart: Difference | None) -> Row:
    best, answer, values = tuning.best(one.trials), one.answer or {}, one.measured or {}
    return Row(
        system=one.system.name,
        family=one.system.family,
        settings=one.settings,
        tuned=bool(one.system.knobs),
        trials=sum(trial.state == tuning.DONE for trial in one.trials),
        validation=None if best is None else best.ndcg,
        means={name: float(each.mean()) for name, each in values.items()},
        intervals=one.intervals,
        difference=apart,
        tuning_seconds=one.tuning_seconds,
        fit_seconds=answer.get("fit_seconds"),
        rank_seconds=answer.get("rank_seconds"),
        peak_bytes=answer.get("peak_bytes"),
        version=answer.get("version", ""),
        why=one.why,
    )


def _digest(cut: Split) -> str:
    """The same for the same training choices and the same truth."""
    chosen, found = cut.known.interactions, hashlib.sha256()
    ids = "\n".join([*cut.known.users.names, "", *cut.known.products.names])
    found.update(ids.encode())
    for array in (chosen.user, chosen.product, cut.users, cut.truth.indptr, np.sort(cut.truth.indices)):
        found.update(np.ascontiguousarray(array, dtype=np.int64).tobytes())
    return found.hexdigest()
