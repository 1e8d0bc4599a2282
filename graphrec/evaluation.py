"""How good the rankings are: one honest cut, every product ranked, each scorer beside the blend."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from graphrec import leaks
from graphrec import scorers as registry
from graphrec.batches import by_batch
from graphrec.beyond import coverage
from graphrec.errors import BadRequest, NothingToLearn
from graphrec.leaks import Leaks
from graphrec.metrics import Values, measure, top
from graphrec.model import Summary
from graphrec.pipeline import TextVectors, check_scorers, learn, pick_device, read
from graphrec.ranker import Ranker
from graphrec.ranking import check_k
from graphrec.scorers import FitContext, Scorer
from graphrec.scorers.popularity import Popularity
from graphrec.significance import interval
from graphrec.splits import Split, global_time_cut, split
from graphrec.tensors import Floats, Histories, KnownGraph, Rows
from kg_builder.stores import GraphStore, Progress
from kg_builder.tables import GraphTables

_METRICS = ("recall", "ndcg", "hit", "mrr")
BLEND = "blend"
GROUPS = ("overall", "warm", "cold")


@dataclass(frozen=True, slots=True)
class Result:
    """One system's figures over one group of held-out choices."""

    system: str
    """`blend`, or the name of a scorer; popularity is always there."""
    group: str
    """`overall`; `warm` or `cold`: only held-out products that the training side has or has not seen chosen. Lists stay whole."""
    users: int
    """How many users have such choices."""
    recall: float
    ndcg: float
    hit: float
    mrr: float
    coverage: float
    """The share of the catalogue that stands in any user's list."""
    intervals: Mapping[str, tuple[float, float]]
    """By metric, the 95% bootstrap interval over users."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an evaluation found."""

    k: int
    cut: str
    """Which interactions were held out, and why those."""
    catalogue: int
    """How many products were ranked for every user."""
    results: tuple[Result, ...]
    leaks: Leaks
    summary: Summary
    """Of the fit on the training side."""
    per_user: Mapping[str, Mapping[str, Values]]
    """By system and metric, one value a test user (overall), for comparisons in pairs."""
    test_users: tuple[str, ...]
    """Whose values those are."""
    ranker: Ranker
    """What was evaluated: it knows the training side alone, so what it recommends can be held against what came after."""

    def result(self, system: str = BLEND, group: str = "overall") -> Result:
        """The figures of one system over one group.

        Raises:
            BadRequest: there are none.
        """
        found = [one for one in self.results if (one.system, one.group) == (system, group)]
        if not found:
            known = ", ".join(dict.fromkeys(f"{one.system}/{one.group}" for one in self.results))
            raise BadRequest(f"no figures of {system}/{group}; there are: {known}")
        return found[0]

    def to_pandas(self) -> pd.DataFrame:
        """One row a system and group: users, the metrics, and their intervals as `recall_low`, `recall_high` …"""
        return pd.DataFrame([_flat(result) for result in self.results])

    def to_json(self) -> str:
        """The figures, the cut, the leak report and the fit's summary as JSON text."""
        found = {
            "k": self.k,
            "cut": self.cut,
            "catalogue": self.catalogue,
            "results": [_flat(result) for result in self.results],
            "leaks": self.leaks.to_json(),
            "fit": self.summary.to_json(),
        }
        return json.dumps(found, indent=1, ensure_ascii=False)

    def __str__(self) -> str:
        width = max(len(result.system) for result in self.results)
        names = [f"{name}@{self.k}" for name in _METRICS]
        head = (
            f"{'':{width}}  {'':7}  {'users':>7}  " + "  ".join(f"{name:>9}" for name in names) + "  95% of ndcg       coverage"
        )
        return "\n".join(
            [
                f"cut: {self.cut}",
                f"{len(self.test_users):,} users, {self.catalogue:,} products ranked for each",
                "",
                head,
                *(_line(result, width) for result in self.results),
                "",
                "leak report",
                *(f"  {line}" for line in self.leaks.lines()),
                "",
                str(self.summary),
            ]
        )


def evaluate(
    source: GraphStore | GraphTables,
    *,
    k: int = 20,
    until: int | None = None,
    share: float = 0.1,
    test: pd.DataFrame | Iterable[tuple[str, str]] | None = None,
    exclude_seen: bool = True,
    scorers: list[str] | None = None,
    dropped: bool = True,
    text_model: str | None = None,
    device: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """How well a model of the past foretells what came after; one fit, on the training side alone.

    Args:
        source: A store or tables.
        k: The length of the lists.
        until: Epoch seconds, inclusive: what is later is held out. Default: the moment that holds out the latest `share`,
            or, where users come in bursts or times are unknown, the nearest thing to it; `Report.cut` says which.
        share: Of all interactions, how much is held out.
        test: Instead of a cut: (user, product) pairs, or a frame whose first two columns they are; the source is all training.
        exclude_seen: Lists leave out what a user chose before, and such choices are no truth; False for groceries.
        scorers, text_model, device, seed, progress: As in `fit`.
        dropped: Also show the scorers that the blend had no use for; they are fitted for this alone.

    Raises:
        BadRequest: k below 1, `until` and `test` both, or a cut that leaves nobody to test.
        UnknownScorer, NothingToLearn, TextModelMissing: as in `fit`.
    """
    check_k(k)
    if until is not None and test is not None:
        raise BadRequest("give until or test, not both: a cut is made by time or given")
    check_scorers(scorers)
    where = pick_device(device)
    known, names = read(source)
    k = min(k, len(known.products))
    cut, unknown = _given(known, test) if test is not None else (_cut(known, until, share, seed), 0)
    found = leaks.find(known.interactions, cut.known, cut.users, cut.truth, unknown_pairs=unknown)
    cut = _without_seen(cut) if exclude_seen else cut
    if not len(cut.users):
        raise BadRequest(f"nobody to test: {cut.reason} leaves no user with both a history and something new")
    context = FitContext(
        seed=seed, device=where, text=TextVectors(cut.known, text_model, where, None, progress), progress=progress
    )
    ranker = learn(cut.known, names, context, scorers=scorers)
    alone = _alone(ranker, cut.known, context, (scorers or registry.names()) if dropped else ())
    lists = _lists(ranker, alone, cut, k, exclude_seen=exclude_seen, progress=progress)
    results = [one for system, made in lists.items() for one in _results(system, made, cut)]
    per_user = {system: measure(made, cut.truth) for system, made in lists.items()}
    users = tuple(known.users.names[cut.users])
    return Report(k, cut.reason, int(known.listed.sum()), tuple(results), found, ranker.summary, per_user, users, ranker)


def _alone(ranker: Ranker, known: KnownGraph, context: FitContext, wanted: Sequence[str]) -> dict[str, Scorer]:
    """Popularity, the scorers that the blend kept, and those wanted besides, by name."""
    found: dict[str, Scorer] = {"popularity": Popularity.fit(known, FitContext()), **ranker.model.blend.scorers}
    return found | {name: registry.load(name).fit(known, context) for name in wanted if name not in found}


def _cut(known: KnownGraph, until: int | None, share: float, seed: int) -> Split:
    """The split with repeats still in the truth."""
    if until is None:
        try:
            return global_time_cut(known, share=share, seed=seed, repeats=True)
        except NothingToLearn as error:
            raise NothingToLearn(f"{error}; an evaluation needs something to hold out") from error
    moment = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%d %H:%M:%S")
    later = np.nan_to_num(known.interactions.at, nan=-np.inf) > until
    return split(known, later, reason=f"everything after {moment} UTC is held out, as asked", repeats=True)


def _given(known: KnownGraph, test: pd.DataFrame | Iterable[tuple[str, str]]) -> tuple[Split, int]:
    """The split that these pairs make, and how many of them the graph does not know."""
    pairs = list(zip(test.iloc[:, 0], test.iloc[:, 1], strict=True)) if isinstance(test, pd.DataFrame) else list(test)
    users, products = known.users.row_of, known.products.row_of
    rows = [(users[str(user)], products[str(item)]) for user, item in pairs if str(user) in users and str(item) in products]
    ends = np.array(rows, dtype=np.int64).reshape(-1, 2)
    matrix = sp.csr_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(known.users), len(known.products)))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    tested = np.unique(ends[:, 0])
    given = Split(known, tested, matrix[tested].astype(np.float32), "the given pairs are held out; the graph is all training")
    return given, len(pairs) - len(rows)


def _without_seen(cut: Split) -> Split:
    """The split where what a user chose before is no truth."""
    truth = (cut.truth - cut.truth.multiply(cut.known.matrix[cut.users])).tocsr()
    truth.eliminate_zeros()
    left = np.flatnonzero(np.diff(truth.indptr))
    return replace(cut, users=cut.users[left], truth=truth[left])


def _lists(
    ranker: Ranker, alone: Mapping[str, Scorer], cut: Split, k: int, *, exclude_seen: bool, progress: Progress | None
) -> dict[str, Rows]:
    """By system, [users, k] the product rows it lists; every listed product is ranked, a batch of users at a time."""
    histories = cut.known.histories(cut.users)

    def ranked(_place: slice, batch: Histories) -> dict[str, Rows]:
        return {
            system: top(_masked(scores, batch, cut.known.listed, exclude_seen=exclude_seen), k)
            for system, scores in _scores(ranker, alone, batch)
        }

    parts = []
    for done, lists in by_batch(ranked, histories, len(cut.known.products)):
        parts.append(lists)
        if progress:
            progress("rank test users", done, len(histories))
    return {system: np.concatenate([lists[system] for lists in parts]) for system in (BLEND, *alone)}


def _scores(ranker: Ranker, alone: Mapping[str, Scorer], batch: Histories) -> Iterator[tuple[str, Floats]]:
    said = {name: scorer.score(batch) for name, scorer in alone.items()}
    yield BLEND, ranker.model.score(batch, said=said)
    yield from said.items()


def _masked(scores: Floats, batch: Histories, listed: npt.NDArray[np.bool_], *, exclude_seen: bool) -> Floats:
    masked = np.where(listed, scores, np.float32(-np.inf))
    if exclude_seen:
        masked[np.repeat(np.arange(len(batch)), np.diff(batch.indptr)), batch.product] = -np.inf
    return masked


def _results(system: str, lists: Rows, cut: Split) -> Iterator[Result]:
    covered = coverage(lists, int(cut.known.listed.sum()))
    for group in GROUPS:
        keep = {"overall": np.ones(len(cut.known.products)), "warm": cut.known.warm, "cold": ~cut.known.warm}[group]
        truth = cut.truth @ sp.diags(keep.astype(np.float32), format="csr")
        truth.eliminate_zeros()
        rows = np.flatnonzero(np.diff(truth.indptr))
        if not len(rows) or (group == "warm" and truth.nnz == cut.truth.nnz):
            continue  # all warm: the same figures again
        values = measure(lists[rows], truth[rows])
        means = {name: float(values[name].mean()) for name in _METRICS}
        spans = {name: interval(values[name]) for name in _METRICS}
        yield Result(system, group, len(rows), **means, coverage=covered, intervals=spans)


def _flat(result: Result) -> dict[str, Any]:
    spans = {
        f"{name}_{end}": edge for name, span in result.intervals.items() for end, edge in zip(("low", "high"), span, strict=True)
    }
    named = {name: getattr(result, name) for name in ("system", "group", "users", *_METRICS, "coverage")}
    return {**named, **spans}


def _line(result: Result, width: int) -> str:
    values = "  ".join(f"{getattr(result, name):>9.4f}" for name in _METRICS)
    low, high = result.intervals["ndcg"]
    span = f"[{low:.4f}, {high:.4f}]"
    shown = f"{result.coverage:>8.1%}" if result.group == "overall" else ""
    return f"{result.system:{width}}  {result.group:7}  {result.users:>7,}  {values}  {span:16}  {shown}".rstrip()
