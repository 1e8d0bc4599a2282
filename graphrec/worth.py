"""Does the graph help? The blend fitted again without the graph's edges, and without texts, on the same users."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from graphrec import systems
from graphrec.connections import Names
from graphrec.differences import Difference, differences
from graphrec.metrics import Values, measure
from graphrec.pipeline import NO_TEXT, TextVectors, learn
from graphrec.scorers import FitContext
from graphrec.splits import Split
from graphrec.systems import BLEND


@dataclass(frozen=True, slots=True)
class Worth:
    """What one source of knowledge adds to the blend."""

    source: str
    """`graph` or `text`."""
    ndcg: float
    """Of the blend without it."""
    difference: Difference
    """The blend's ndcg with it, minus that without."""

    def __str__(self) -> str:
        found = self.difference
        span = f"{found.difference:+.4f} ndcg [{found.low:+.4f}, {found.high:+.4f}]"
        if not found.told:
            return f"the data cannot tell whether the {self.source} helps: with it {span}"
        return f"the {self.source} {'adds' if found.difference > 0 else 'costs'} {span}"


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
    """What the graph's edges and the texts add, of those that there are; one fit for each. ndcg: the blend's, a value a user.

    Without edges, texts still name brands and categories; without texts, edges still tell of them.
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
    known, text = cut.known, context.text
    if known.relations:
        yield "graph", replace(cut, known=replace(known, relations={})), context
    if isinstance(text, TextVectors) and len(text):
        none = TextVectors(known, NO_TEXT, context.device)
        yield "text", cut, replace(context, text=none)
