"""What each re-ranking knob would cost the blend: its lists measured at a few strengths, beside its own order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graphrec import beyond, traits
from graphrec.aspects import described
from graphrec.figures import Measured, Part, measured
from graphrec.reranking import LONGEST, Aspects, Head, rerank_each
from graphrec.significance import intervals
from graphrec.splits import Split

STRENGTHS = (0.1, 0.3, 0.5)
OWN = "own order"
"""What the blend's lists are called where no knob is turned."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The blend's lists at one strength of one knob."""

    knob: str
    """A name of `reranking.KNOBS`, or `OWN`."""
    strength: float
    ndcg: float
    difference: float
    """The ndcg minus that of the own order, over the same users."""
    low: float
    high: float
    """The 95% bootstrap interval of the difference."""
    diversity: float
    """As `Traits.diversity`."""
    popularity_lift: float
    """As `Traits.popularity_lift`."""
    brands_shown: float
    """As `Exposure.shown`; NaN without brands."""
    brands_gini: float
    """As `Exposure.gini`; NaN without brands."""
    gap: float
    """As `UserGap.gap`: ndcg of users with many choices minus that of those with few; NaN where they are all alike."""
    gap_low: float
    gap_high: float


def skipped(k: int, candidates: int | None) -> tuple[str, ...]:
    """Why nothing is re-ranked, as a note; empty where it is."""
    if candidates is not None:
        return ("what re-ranking would cost is measured where every product is ranked; leave candidates out to see it",)
    return (f"what re-ranking would cost is measured of at most {LONGEST:,} places",) if k > LONGEST else ()


def costs(head: Head, cut: Split, k: int, parts: Sequence[Part]) -> tuple[Cost, ...]:
    """The own order, then every knob that the graph can tell enough for at every strength.

    head: the blend's candidates of the cut's users; parts: those by activity count alone.
    """
    aspects = Aspects.of(cut.known)
    turned = {OWN: (OWN, 0.0)} | {f"{knob} {strength}": (knob, strength) for knob in aspects.knobs for strength in STRENGTHS}
    settings = [{knob: strength} if strength else {} for knob, strength in turned.values()]
    lists = rerank_each(head, settings, k, aspects)
    systems = measured(dict(zip(turned, lists, strict=True)), cut.truth)
    return tuple(_costs(turned, systems, cut, parts))


def _costs(
    turned: Mapping[str, tuple[str, float]], systems: Mapping[str, Measured], cut: Split, parts: Sequence[Part]
) -> Iterator[Cost]:
    known, histories = cut.known, cut.histories.matrix(len(cut.known.products))
    features, chosen = described(known), np.bincount(known.matrix.indices, minlength=len(known.products))
    apart = {name: one.values["ndcg"] - systems[OWN].values["ndcg"] for name, one in systems.items()}
    spans = intervals(apart)
    gaps = {one.system: (one.gap, one.low, one.high) for one in traits.gaps(systems, parts)}
    brands = {one.system: (one.shown, one.gini) for one in traits.exposures(systems, known)}
    for name, one in systems.items():
        yield Cost(
            *turned[name],
            float(one.values["ndcg"].mean()),
            float(apart[name].mean()),
            *spans[name],
            traits.mean_known(beyond.intra_list_diversity(one.lists, features)),
            beyond.popularity_lift(one.lists, histories, chosen),
            *brands.get(name, (np.nan, np.nan)),
            *gaps.get(name, (np.nan, np.nan, np.nan)),
        )
