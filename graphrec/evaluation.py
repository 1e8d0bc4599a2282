"""How good the rankings are: one honest cut, every product ranked, each scorer beside the blend."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from graphrec import knobs, leaks, reranking, systems, traits
from graphrec import scorers as registry
from graphrec.batches import CELLS
from graphrec.budget import within_memory
from graphrec.cuts import cut_by, shortfalls, without_seen
from graphrec.differences import differences, pairs
from graphrec.errors import BadRequest
from graphrec.figures import Cold, figures, measured, new, parted, whole
from graphrec.given import Given, Test
from graphrec.leaks import Case
from graphrec.pipeline import TextVectors, check_scorers, learn, pick_device, read
from graphrec.protocols import check_protocol, core
from graphrec.ranking import check_k
from graphrec.report import Report
from graphrec.scorers import FitContext
from graphrec.submissions import submission
from graphrec.systems import BLEND, FLOOR
from graphrec.worth import Worth
from graphrec.worth import worth as worth_of
from kg_builder.stores import GraphStore, Progress
from kg_builder.tables import GraphTables


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
    worth: bool = False,
    auc: bool = False,
    memory: int | None = None,
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
        worth: Also say what graph, texts and the order of choices add: the blend is fitted again without each.
        auc: Also measure AUC, over the whole ranking instead of its head; it takes about as long as the ranking itself.
        memory: How many bytes the scores may take that are held at a time, besides the graph and the model; default, and at most,
            those of eight million users × products, 32 MB a system: more is slower.

    Raises:
        BadRequest: k, k_core or candidates below 1, no such protocol, ways to hold out that contradict each other, a cut that
            leaves nobody to test, or memory that does not hold one user's scores.
        UnknownScorer, NothingToLearn, TextModelMissing: as in `fit`.
    """
    check_k(k)
    _check_ways(protocol, k_core, candidates, until, test, lists)
    if worth and candidates is not None:
        raise BadRequest("what graph and texts are worth is measured over every product; leave candidates out, or worth")
    check_scorers(scorers)
    watch, where = _Watch(), pick_device(device)
    with watch("read"):
        tables = source if isinstance(source, GraphTables) else source.read()
        known, names = read(tables)
    known, cored = (known, None) if k_core is None else core(known, k_core)
    given = None if test is None else Given.of(test)
    with watch("leak report"):
        cut = given.split(known) if given else cut_by(known, protocol, until, share, seed)
        found = leaks.find(Case(known.interactions, cut, given, protocol, exclude_seen, tables, names))
    asked, cut = cut, without_seen(cut) if exclude_seen else cut
    if not len(cut.users):
        raise BadRequest(f"nobody to test, as no user has both a history and something new: {cut.reason}")
    notes = [*([cored] if cored else []), *shortfalls(known.interactions, asked, cut, k, exclude_seen=exclude_seen)]
    k = min(k, int(known.listed.sum()))
    most = len({BLEND, FLOOR, *(scorers or registry.names())})
    cells = CELLS if memory is None else min(systems.cells_within(memory, most, len(known.products)), CELLS)
    handed = {name: submission(name, rows, cut, k) for name, rows in (lists or {}).items()}
    text = TextVectors(cut.known, text_model, where, None, progress)
    context = FitContext(seed=seed, device=where, text=text, progress=progress)
    with watch("fit"):
        ranker = learn(cut.known, names, context, scorers=scorers)
        others, _ = within_memory(scorers or registry.names(), cut.known) if dropped else ((), "")
        alone = systems.alone(ranker, cut.known, context, others)
    drawn = None if candidates is None else systems.draw(cut, candidates, seed)
    ranked = partial(systems.ranked, ranker, alone, cut, k, exclude_seen=exclude_seen, cells=cells, progress=progress)
    skipped = knobs.skipped(k, candidates)
    with watch("rank"):
        made = ranked(drawn=drawn, auc=auc, deep=None if skipped else reranking.depth(k))
        among = ranked(new=True) if protocol == "new-products" and candidates is None else None
    notes += [f"{name}: {count:,} scores are not numbers; they count as no opinion" for name, count in made.silent.items()]
    notes += [*(note for one in handed.values() for note in one.notes), *skipped]
    with watch("measure"):
        by_system = measured(made.lists | {name: one.lists for name, one in handed.items()}, cut.truth, made.auc)
        parts = parted(cut)
        everything = figures(by_system, cut, [*whole(cut), *parts])
        results = tuple(one for one in everything if not one.by)
        if among is not None:
            results += figures(measured(among.lists, cut.truth), cut, new(cut))
        ndcg = {system: one.values["ndcg"] for system, one in by_system.items()}
        apart = differences(ndcg, pairs(list(ndcg), BLEND, FLOOR), seed=seed)
        beyond = traits.traits(by_system, cut, made.lists[FLOOR])
    with watch("re-rank"):
        costs = () if skipped else knobs.costs(made.heads[BLEND], cut, k, parts)
    adds: tuple[Worth, ...] = ()
    if worth:
        with watch("fit without"):
            adds = worth_of(cut, names, context, ndcg[BLEND], k, exclude_seen=exclude_seen, scorers=scorers, cells=cells)
    return Report(
        k=k,
        cut=cut.reason,
        catalogue=int(known.listed.sum()),
        results=results,
        groups=tuple(one for one in everything if one.by),
        differences=apart,
        worth=adds,
        traits=beyond,
        gaps=traits.gaps(by_system, parts),
        exposures=traits.exposures(by_system, cut.known),
        reranking=costs,
        cold=Cold.of(cut),
        leaks=found,
        summary=ranker.summary,
        per_user={system: one.values for system, one in by_system.items()},
        test_users=tuple(known.users.names[cut.users]),
        ranker=ranker,
        seconds=watch.seconds,
        scoring=made.seconds,
        protocol=protocol or ("time" if given is None else "given"),
        candidates=candidates,
        notes=tuple(notes),
    )


@dataclass(frozen=True, slots=True)
class _Watch:
    """Wall time by stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - started


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
