"""Does the graph help? The blend fitted again without the graph's edges, without texts, without order, on the same users."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from graphrec import splits, systems
from graphrec.connections import Names
from graphrec.differences import Difference, differences, p_value
from graphrec.metrics import Values, measure
from graphrec.pipeline import NO_TEXT, TextVectors, learn
from graphrec.scorers import FitContext
from graphrec.splits import Split
from graphrec.systems import BLEND
from graphrec.tensors import Histories, Interactions

GRAPH, TEXT, BOTH, ORDER = "graph", "text", "graph and text", "order"


@dataclass(frozen=True, slots=True)
class Worth:
    """What one source of knowledge adds to the blend."""

    source: str
    """`graph`, `text`, `graph and text`, which leaves what people chose alone, or `order`: when they chose it."""
    ndcg: float
    """Of the blend without it."""
    difference: Difference
    """The blend's ndcg with it, minus that without."""

    def __str__(self) -> str:
        found = self.difference
        span = f"{found.difference:+.4f} ndcg [{found.low:+.4f}, {found.high:+.4f}], p {p_value(found.p)}"
        if not found.told:
            verb, them = ("help", "them") if self.source == BOTH else ("helps", "it")
            return f"the data cannot tell whether the {self.source} {verb}: with {them} {span}"
        verb = "adds" if found.difference > 0 else "costs"
        return f"the {self.source} {f'together {verb[:-1]}' if self.source == BOTH else verb} {span}"


def worth(
    cut: Split,
    names: Mapping[str, Names],
    context: FitContext,
    ndcg: Values,
    k: int,
    *,
    exclude_seen: bool,
    scorers: Sequence[str] | None = None,
    cells: int | None = None,
) -> tuple[Worth, ...]:
    """What edges, texts and order add, of those that there are; one fit for each. ndcg: the blend's, a value a user.

    Each alone, and where there are both, both together: what either says too is missed only where both are gone. Without edges,
    texts still name brands and categories; without texts, neither their words nor their vectors are read, and edges still tell
    of brands and categories.
    """
    blends = {"all": ndcg}
    for source, less, without in _without(cut, context):
        ranker = learn(less.known, names, without, scorers=scorers)
        alone = ranker.model.blend.scorers
        found = systems.ranked(ranker, alone, less, k, exclude_seen=exclude_seen, cells=cells, progress=context.progress)
        blends[source] = measure(found.lists[BLEND], cut.truth)["ndcg"]
    pairs = [("all", source) for source in blends if source != "all"]
    found_ = differences(blends, pairs, seed=context.seed)
    return tuple(
        Worth(one.against, float(blends[one.against].mean()), replace(one, system=BLEND, against=f"without {one.against}"))
        for one in found_
    )


def _without(cut: Split, context: FitContext) -> Iterator[tuple[str, Split, FitContext]]:
    known = cut.known
    silent = replace(known, texts={})
    untold = replace(context, text=TextVectors(silent, NO_TEXT, context.device))
    texts = any(text.strip() for texts in known.texts.values() for text in texts)
    if known.relations:
        yield GRAPH, replace(cut, known=replace(known, relations={})), context
    if texts:
        yield TEXT, replace(cut, known=silent), untold
    if texts and known.relations:
        yield BOTH, replace(cut, known=replace(silent, relations={})), untold
    if known.interactions.ordered and not splits.at_once(known.interactions):
        told = None if cut.told is None else _mixed(cut.told)
        yield ORDER, replace(cut, known=replace(known, interactions=_unordered(known.interactions)), told=told), context


def _unordered(chosen: Interactions) -> Interactions:
    """The same choices, without times and by product within a user."""
    rows = np.lexsort((chosen.product, chosen.user))
    never = np.full(len(rows), np.nan)
    return Interactions(chosen.user[rows], chosen.product[rows], never, chosen.rating[rows], ordered=False)


def _mixed(told: Histories) -> Histories:
    """The same histories, without times and by product."""
    rows = np.lexsort((told.product, np.repeat(np.arange(len(told)), np.diff(told.indptr))))
    return Histories(told.indptr, told.product[rows], np.full(len(rows), np.nan), told.user)
