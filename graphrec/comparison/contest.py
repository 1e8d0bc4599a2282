"""The comparison itself: hold out, tune every system on an inner cut of what is left, fit it on all of that, rank, measure."""

import hashlib
import platform
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from graphrec import splits
from graphrec.comparison import frozen, record, tuning
from graphrec.comparison.record import Outcome
from graphrec.comparison.report import Comparison, Row, Terms
from graphrec.comparison.systems import FLOOR, System, system
from graphrec.comparison.tuning import Judged
from graphrec.comparison.workers import Failed, OutOfTime, Worker, command
from graphrec.cuts import cut_by, without_seen
from graphrec.differences import Difference, differences
from graphrec.errors import BadRequest
from graphrec.figures import Result, figures, measured, whole
from graphrec.given import Given, Test
from graphrec.metrics import measure
from graphrec.pipeline import pick_device, read
from graphrec.ranking import check_k
from graphrec.splits import Split
from graphrec.tensors import KnownGraph, Rows
from kg_builder.stores import GraphStore, Progress
from kg_builder.tables import GraphTables

METRIC = "ndcg"
"""What is tuned for and compared."""
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
    share: float = 0.1,
    test: Test | None = None,
    seed: int = 0,
    text_model: str | None = None,
    device: str | None = None,
    threads: int | None = None,
    pythons: Mapping[str, str] | None = None,
    out: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Comparison:
    """Every system's figures on one split, tuned alike, ranked over every product, what a user chose before left out.

    Args:
        source: A store or tables.
        systems: Their names; the others are held against the first that has figures. Popularity is always there, as the floor.
        trials, seconds: What each system may spend on its settings; the last fit and its ranking have as many seconds again.
        k: The length of the lists.
        protocol, share: How choices are held out and how many of them, as in `evaluate`; default a tenth by `time`.
        test: Instead of it, held-out (user, product) pairs, the source being all training.
        seed: Of cuts, searches and systems.
        text_model, device: As in `fit`, for graphrec's own systems.
        threads: What every system may use; default all processors.
        pythons: Interpreters for peers, by system (`lenskit-ease`) or package (`lenskit`); default this one.
        out: A folder that holds the result, renewed after every system.
        resume: Take up what an earlier run left in `out`: systems that have figures there are not run again and stay in the
            table.
        progress: Told of every trial.

    Raises:
        UnknownSystem: a name with a typing mistake.
        BadRequest: k, trials or seconds below what makes sense, an interpreter that is not there, nobody to test, or a comparison
            to resume that was made on other data or under other terms.
        NothingToLearn: the graph has too few interactions to hold any out.
    """
    check_k(k)
    _check(trials, seconds, pythons or {})
    if resume and out is None:
        raise BadRequest("name the folder to resume from: out")
    if out is not None and not resume and record.there(out):
        raise BadRequest(f"{out} holds a comparison already; --resume goes on with it, and a new one needs another folder")
    if not systems:
        raise BadRequest("name at least one system to compare")
    for name in systems:
        system(name)
    known, _ = read(source)
    cut = held_out(known, test, protocol, seed, share=share)
    inner = splits.inner_cut(cut.known, seed).sample(_JUDGES, seed)
    terms = Terms(
        k=k,
        cut=cut.reason,
        inner_cut=inner.reason,
        users=len(cut.users),
        judges=len(inner.users),
        catalogue=int(cut.known.listed.sum()),
        data=_data_digest(cut.known),
        split=_split_digest(cut),
        seed=seed,
        trials_allowed=trials,
        seconds_allowed=seconds,
        threads=threads or torch.get_num_threads(),
        text_model=text_model,
        device=pick_device(device),
        graphrec=version("graphrec"),
        machine=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    )
    kept = record.taken_up(out, terms, cut) if resume and out is not None else {}
    wanted = [system(name) for name in dict.fromkeys([*systems, *(name for name in kept if name != FLOOR), FLOOR])]
    found = dict(kept)
    with tempfile.TemporaryDirectory(prefix="graphrec-compare-") as folder:
        arena = _Arena(Path(folder), cut, inner, terms, pythons or {})
        arena.lay_out()
        for number, one in enumerate(wanted):
            if progress:
                progress(f"compare: {one.name}", number, len(wanted))
            if one.name in kept:
                continue
            found[one.name] = arena.run(one)
            if out is not None:
                record.save_lists(found[one.name], cut, out)
                record.save(_table(_in_order(found, wanted), cut, terms), out)
    if progress:
        progress("compare", len(wanted), len(wanted))
    return _table(_in_order(found, wanted), cut, terms)


def _in_order(found: Mapping[str, Outcome], wanted: Sequence[System]) -> list[Outcome]:
    """Those that there are so far."""
    return [found[one.name] for one in wanted if one.name in found]


@dataclass(frozen=True, slots=True)
class _Arena:
    """Where every system meets the same data."""

    folder: Path
    cut: Split
    inner: Split
    terms: Terms
    pythons: Mapping[str, str]

    def lay_out(self) -> None:
        """The files that the processes read: what was held out is not among them."""
        frozen.save_graph(self.cut.known, self.folder / "graph")
        frozen.save_choices(self.cut, self.folder / "final")
        frozen.save_choices(self.inner, self.folder / "tuning")

    def run(self, one: System) -> Outcome:
        """Tunes the system, then fits it on all training in a process that has done nothing else."""
        trials, seconds = self.terms.trials_allowed, self.terms.seconds_allowed
        with self._worker(one) as worker:
            started = worker.clock()

            def judge(settings: Mapping[str, Any], left: float) -> Judged:
                answer, lists = self._ranked(one, worker, "tuning", settings, left)
                return Judged(
                    float(measure(lists, self.inner.truth)[METRIC].mean()), answer["fit_seconds"], answer["rank_seconds"]
                )

            made = tuning.tune(one, judge, trials=trials, seconds=seconds, seed=self.terms.seed, clock=worker.clock)
            spent = worker.clock() - started
        best = tuning.best(made)
        if best is None:
            return Outcome(one, made, spent, made[0].settings, {}, why=made[0].why)
        try:
            with self._worker(one) as worker:
                answer, lists = self._ranked(one, worker, "final", best.settings, seconds)
        except (OutOfTime, Failed) as error:
            return Outcome(one, made, spent, best.settings, {}, why=f"on all training: {error}")
        return Outcome(one, made, spent, best.settings, answer, lists)

    def _worker(self, one: System) -> Worker:
        return Worker(command(one, self.pythons), log=self.folder / f"{one.name}.log", threads=self.terms.threads)

    def _ranked(
        self, one: System, worker: Worker, stage: str, settings: Mapping[str, Any], seconds: float
    ) -> tuple[Mapping[str, Any], Rows]:
        """The worker's answer, and its lists for the users of the stage."""
        cut, path = {"tuning": self.inner, "final": self.cut}[stage], self.folder / "lists.npy"
        path.unlink(missing_ok=True)
        order = {
            "system": one.name,
            "settings": dict(settings),
            "seed": self.terms.seed,
            "k": self.terms.k,
            "lists": str(path),
            "data": str(self.folder / stage),
            "graph": str(self.folder / "graph"),
            "cache": str(self.folder / f"{one.name}-{stage}"),
            "text_model": self.terms.text_model,
            "device": self.terms.device,
        }
        answer = worker.ask(order, seconds)
        return answer, checked(np.load(path), cut, self.terms.k)


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


def held_out(known: KnownGraph, test: Test | None, protocol: str | None, seed: int, *, share: float = 0.1) -> Split:
    """The split by the protocol, or the one that these pairs make; what a user chose before is no truth.

    Raises:
        BadRequest: both are given, the protocol asks for users whom a peer cannot know, or nobody is left to test.
    """
    if test is not None and protocol is not None:
        raise BadRequest("give protocol or test, not both: choices are held out by a rule or given")
    if protocol == "new-users":
        raise BadRequest("peers rank for users they were fitted on, so new users cannot be compared; take another protocol")
    asked = cut_by(known, protocol, None, share, seed) if test is None else Given.of(test).split(known)
    cut = without_seen(asked)
    cut = cut.only(np.flatnonzero(np.diff(cut.histories.indptr)))
    if not len(cut.users):
        raise BadRequest(f"nobody to test, as no user has both a history and something new: {cut.reason}")
    left = int(asked.truth.nnz - cut.truth.nnz)
    return replace(
        cut, reason=f"{cut.reason}; {left:,} of {asked.truth.nnz:,} choices are no test: chosen before, or by a stranger"
    )


def _table(found: Sequence[Outcome], cut: Split, terms: Terms) -> Comparison:
    """Of the systems so far; users are drawn once for all intervals, and p-values are raised for all systems together."""
    by_system = measured({one.system.name: one.lists for one in found if one.lists is not None}, cut.truth)
    results = figures(by_system, cut, whole(cut)) if by_system else ()
    ndcg = {name: one.values[METRIC] for name, one in by_system.items()}
    first = next(iter(ndcg), "")
    apart = {one.system: one for one in differences(ndcg, [(name, first) for name in ndcg if name != first])} if ndcg else {}
    return Comparison(
        terms=terms,
        rows=tuple(
            _row(one, tuple(part for part in results if part.system == one.system.name), apart.get(one.system.name))
            for one in found
        ),
        trials=tuple(trial for one in found for trial in one.trials),
        per_user={name: one.values for name, one in by_system.items()},
        test_users=tuple(cut.known.users.names[cut.users]),
    )


def _row(one: Outcome, results: tuple[Result, ...], apart: Difference | None) -> Row:
    best = tuning.best(one.trials)
    return Row(
        system=one.system.name,
        family=one.system.family,
        settings=one.settings,
        tuned=bool(one.system.knobs),
        trials=sum(trial.state == tuning.DONE for trial in one.trials),
        failed=sum(trial.state != tuning.DONE for trial in one.trials),
        validation=None if best is None else best.ndcg,
        results=results,
        difference=apart,
        tuning_seconds=one.tuning_seconds,
        fit_seconds=one.answer.get("fit_seconds"),
        rank_seconds=one.answer.get("rank_seconds"),
        peak_bytes=one.answer.get("peak_bytes"),
        version=one.answer.get("version", ""),
        why=one.why,
    )


def _split_digest(cut: Split) -> str:
    """The same for the same training choices and the same truth."""
    chosen = cut.known.interactions
    arrays = (chosen.user, chosen.product, cut.users, cut.truth.indptr, _sorted(cut.truth).indices)
    return _digest([*cut.known.users.names, "", *cut.known.products.names], arrays)


def _data_digest(known: KnownGraph) -> str:
    """The same for the same graph as systems may read it: ids, choices with their times and ratings, relations, texts."""

    def words() -> Iterator[str]:
        for label, ids in sorted(known.ids.items()):
            yield from (label, *ids.names, *known.texts.get(label, ()))
        yield from (" ".join(relation) for relation in sorted(known.relations))

    chosen = known.interactions
    relations = [_sorted(matrix) for _, matrix in sorted(known.relations.items())]
    edges = [array for matrix in relations for array in (matrix.indptr, matrix.indices, matrix.data)]
    return _digest(words(), [chosen.user, chosen.product, chosen.at, chosen.rating, known.listed, *edges])


def _sorted(matrix: sp.csr_matrix) -> sp.csr_matrix:
    return matrix.tocsr().sorted_indices()


def _digest(words: Iterable[str], arrays: Iterable[npt.NDArray[Any]]) -> str:
    """SHA-256 of words and arrays, numbers in one width on every machine."""
    found = hashlib.sha256()
    for word in words:
        found.update(word.encode() + b"\0")
    for array in arrays:
        wide = np.float64 if array.dtype.kind == "f" else np.int64
        found.update(np.ascontiguousarray(array, dtype=wide).tobytes())
    return found.hexdigest()
