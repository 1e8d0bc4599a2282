"""How good the rankings are: one honest cut, every product ranked, each scorer beside the blend."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from graphrec import leaks, systems
from graphrec import scorers as registry
from graphrec.beyond import coverage
from graphrec.cuts import cut_by, shortfalls, without_seen
from graphrec.errors import BadRequest
from graphrec.given import Given, Test
from graphrec.leaks import Case, Leaks
from graphrec.metrics import Values, measure
from graphrec.model import Summary
from graphrec.pipeline import TextVectors, check_scorers, learn, pick_device, read
from graphrec.protocols import check_protocol, core
from graphrec.ranker import Ranker
from graphrec.ranking import check_k
from graphrec.scorers import FitContext
from graphrec.significance import interval
from graphrec.splits import Mask, Split
from graphrec.submissions import submission
from graphrec.systems import BLEND
from graphrec.tensors import Rows
from kg_builder.stores import GraphStore, Progress
from kg_builder.tables import GraphTables

_METRICS = ("recall", "ndcg", "hit", "mrr")
GROUPS = ("overall", "warm", "cold")


@dataclass(frozen=True, slots=True)
class Result:
    """One system's figures over one group of held-out choices."""

    system: str
    """`blend`, or the name of a scorer; popularity is always there."""
    group: str
    """`overall`; `warm` or `cold`: only held-out products that the training side has or has not seen chosen. Lists stay whole.
    `new`, where products should be new: cold products in lists of cold products alone."""
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
    protocol: str = "time"
    """How choices were held out: a name of `graphrec.protocols`, or `given`."""
    candidates: int | None = None
    """How many products were drawn for each user to rank beside the held-out ones; None: every product was ranked."""
    notes: tuple[str, ...] = ()
    """What was left out, cut short or put up with."""

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
            "protocol": self.protocol,
            "cut": self.cut,
            "candidates": self.candidates,
            "notes": [*self.notes, *self._sampled],
            "catalogue": self.catalogue,
            "results": [_flat(result) for result in self.results],
            "leaks": self.leaks.to_json(),
            "fit": self.summary.to_json(),
        }
        return json.dumps(found, indent=1, ensure_ascii=False)

    def __str__(self) -> str:
        width = max(len(result.system) for result in self.results)
        names = [f"{name}@{self.k}{'*' if self.candidates else ''}" for name in _METRICS]
        head = (
            f"{'':{width}}  {'':7}  {'users':>7}  " + "  ".join(f"{name:>9}" for name in names) + "  95% of ndcg       coverage"
        )
        return "\n".join(
            [
                f"cut: {self.cut}",
                f"{len(self.test_users):,} users, {self._ranked} ranked for each",
                *(f"note: {note}" for note in self.notes),
                "",
                head,
                *(_line(result, width) for result in self.results),
                *(f"* {line}" for line in self._sampled),
                "",
                "leak report",
                *(f"  {line}" for line in self.leaks.lines()),
                "",
                str(self.summary),
            ]
        )

    @property
    def _ranked(self) -> str:
        return f"{self.catalogue:,} products" if self.candidates is None else f"{self.candidates:,} drawn products"

    @property
    def _sampled(self) -> tuple[str, ...]:
        """What must stand beside figures over drawn candidates."""
        if self.candidates is None:
            return ()
        said = f"sampled metrics: held-out products among {self.candidates:,} drawn candidates of {self.catalogue:,} products;"
        return (f"{said} not comparable with a ranking of all (Krichene & Rendle, KDD 2020)",)


def evaluate(
    source: GraphStore | GraphTables,
    *,
    k: int = 20,
    protocol: str | None = None,
    k_core: int | None = None,
    candidates: int | None = None,
    until: int | None = None,
    share: float = 0.1,
    test: Test | None = None,
    lists: Mapping[str, Iterable[tuple[str, str]]] | None = None,
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
        protocol: How choices are held out: `time` (the default), `leave-one-out`, `ratio`, `new-users` or `new-products`; see
            `graphrec.protocols.hold_out`. With `test`, what the test is said to be, which the leak report holds it to.
        k_core: Before the cut, keep only users and products with so many choices of each other; the report says what is gone.
        candidates: Rank the held-out products among so many drawn ones instead of among all; the figures are marked for it.
        until: Epoch seconds, inclusive: what is later is held out. Default: the moment that holds out the latest `share`,
            or, where users come in bursts or times are unknown, the nearest thing to it; `Report.cut` says which.
        share: Of all interactions, users or products, how much is held out.
        test: Instead of a cut: (user, product) pairs, or a frame whose first two columns they are and whose `timestamp`, where
            it has one, the leak report looks at; the source is all training.
        lists: By the names of other systems, the (user, product) rows they would show, each user's best first; see
            `graphrec.submissions`.
        exclude_seen: Lists leave out what a user chose before, and such choices are no truth; False for groceries.
        scorers, text_model, device, seed, progress: As in `fit`.
        dropped: Also show the scorers that the blend had no use for; they are fitted for this alone.

    Raises:
        BadRequest: k, k_core or candidates below 1, no such protocol, ways to hold out that contradict each other, or a cut that
            leaves nobody to test.
        UnknownScorer, NothingToLearn, TextModelMissing: as in `fit`.
    """
    check_k(k)
    _check_ways(protocol, k_core, candidates, until, test, lists)
    check_scorers(scorers)
    where = pick_device(device)
    tables = source if isinstance(source, GraphTables) else source.read()
    known, names = read(tables)
    known, cored = (known, None) if k_core is None else core(known, k_core)
    given = None if test is None else Given.of(test)
    cut = given.split(known) if given else cut_by(known, protocol, until, share, seed)
    case = Case(known.interactions, cut, given, protocol, exclude_seen, tables, names)
    found = leaks.find(case)
    asked, cut = cut, without_seen(cut) if exclude_seen else cut
    if not len(cut.users):
        raise BadRequest(f"nobody to test: {cut.reason} leaves no user with both a history and something new")
    notes = [*([cored] if cored else []), *shortfalls(known.interactions, asked, cut, k, exclude_seen=exclude_seen)]
    k = min(k, int(known.listed.sum()))
    handed = {name: submission(name, rows, cut, k) for name, rows in (lists or {}).items()}
    context = FitContext(
        seed=seed, device=where, text=TextVectors(cut.known, text_model, where, None, progress), progress=progress
    )
    ranker = learn(cut.known, names, context, scorers=scorers)
    alone = systems.alone(ranker, cut.known, context, (scorers or registry.names()) if dropped else ())
    drawn = None if candidates is None else systems.draw(cut, candidates, seed)
    ranked, silent = systems.ranked(ranker, alone, cut, k, exclude_seen=exclude_seen, drawn=drawn, progress=progress)
    notes += [f"{name}: {count:,} scores are not numbers; they count as no opinion" for name, count in silent.items() if count]
    notes += [note for one in handed.values() for note in one.notes]
    ranked |= {name: one.lists for name, one in handed.items()}
    results = [one for system, made in ranked.items() for one in _results(system, made, cut)]
    if protocol == "new-products" and candidates is None:
        among, _ = systems.ranked(ranker, alone, cut, k, exclude_seen=exclude_seen, new=True, progress=progress)
        results += [one for system, made in among.items() for one in _group(system, "new", made, cut, ~cut.known.warm)]
    per_user = {system: measure(made, cut.truth) for system, made in ranked.items()}
    return Report(
        k,
        cut.reason,
        int(known.listed.sum()),
        tuple(results),
        found,
        ranker.summary,
        per_user,
        tuple(known.users.names[cut.users]),
        ranker,
        protocol or ("time" if given is None else "given"),
        candidates,
        tuple(notes),
    )


def _check_ways(
    protocol: str | None,
    k_core: int | None,
    candidates: int | None,
    until: int | None,
    test: Test | None,
    lists: Mapping[str, Iterable[tuple[str, str]]] | None,
) -> None:
    """Nothing, or the error for ways to hold out and to rank that contradict each other."""
    if protocol is not None:
        check_protocol(protocol)
    if until is not None and test is not None:
        raise BadRequest("give until or test, not both: a cut is made by time or given")
    if until is not None and protocol not in (None, "time"):
        raise BadRequest(f"until divides by time (got the protocol {protocol!r}); leave out one of them")
    if k_core is not None and test is not None:
        raise BadRequest(
            "a k-core is taken before the cut, and a given test is cut already; filter it before, or leave k_core out"
        )
    if candidates is not None and candidates < 1:
        raise BadRequest(f"candidates must be at least 1 (got {candidates})")
    if candidates is not None and lists:
        raise BadRequest("lists made elsewhere know nothing of drawn candidates; leave candidates out")
    taken = {BLEND, *registry.names()} & set(lists or ())
    if taken:
        raise BadRequest(f"lists cannot be called {min(taken)!r}, which is a system of ours; give them another name")


def _results(system: str, lists: Rows, cut: Split) -> Iterator[Result]:
    warm = cut.known.warm
    for group, products in zip(GROUPS, (np.ones(len(warm), dtype=bool), warm, ~warm), strict=True):
        if group == "overall" or not products[cut.truth.indices].all():  # else the same figures again
            yield from _group(system, group, lists, cut, products)


def _group(system: str, group: str, lists: Rows, cut: Split, products: Mask) -> Iterator[Result]:
    """The figures over these held-out products, if there are any. products: [products]."""
    truth = cut.truth @ sp.diags(products.astype(np.float32), format="csr")
    truth.eliminate_zeros()
    rows = np.flatnonzero(np.diff(truth.indptr))
    if len(rows):
        values = measure(lists[rows], truth[rows])
        means = {name: float(values[name].mean()) for name in _METRICS}
        spans = {name: interval(values[name]) for name in _METRICS}
        yield Result(system, group, len(rows), **means, coverage=coverage(lists, int(cut.known.listed.sum())), intervals=spans)


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
