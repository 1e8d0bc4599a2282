"""What each system's lists are like besides right, and whom they serve: users of few and many choices, brands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graphrec import beyond
from graphrec.aspects import brands, described
from graphrec.figures import Measured, Part
from graphrec.groups import top_categories
from graphrec.metrics import Values
from graphrec.significance import between
from graphrec.splits import Split
from graphrec.tensors import KnownGraph, Rows


@dataclass(frozen=True, slots=True)
class Traits:
    """What one system's lists are like; means over users where a measure is a user's. NaN where the graph cannot say."""

    system: str
    coverage: float
    """The share of the catalogue that stands in any list."""
    gini: float
    """How unequally places fall on products: 0 all alike, near 1 a few have all."""
    novelty: float
    """The mean surprise of a listed product, in bits: the rarer chosen, the more."""
    serendipity: float
    """The share of places that are right and that popularity would not have shown."""
    diversity: float
    """How unlike the products of a list are by what the graph says of them (categories, brands, outside relations), 0 to 1."""
    popularity_lift: float
    """By how much more popular the lists are than what their users chose: 0 as popular, 1 twice as popular."""
    calibration: float
    """How far a list's mixture of top categories is from its user's, in nats: 0 is the same mixture."""


@dataclass(frozen=True, slots=True)
class UserGap:
    """How much better a system serves users who chose much than those who chose little."""

    system: str
    ndcg: Mapping[str, float]
    """By group of users, few, some, many: those that there are."""
    gap: float
    """The last group's ndcg minus the first's."""
    low: float
    high: float
    """The 95% bootstrap interval of the gap."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """How a system shares its lists' places among brands, beside how choices fell on them."""

    system: str
    brands: int
    """How many there are."""
    shown: float
    """The share of them that stands in any list."""
    gini: float
    """How unequally places fall on brands: 0 all alike, near 1 one has all."""
    gini_chosen: float
    """How unequally choices of the training side fell on them."""
    most_over: tuple[str, float, float]
    """The brand whose share of places is furthest above its share of choices: its id, and both shares."""
    most_under: tuple[str, float, float]
    """The brand whose share of places is furthest below."""


def traits(systems: Mapping[str, Measured], cut: Split, expected: Rows) -> tuple[Traits, ...]:
    """Of every system. expected: [users, k] what popularity lists."""
    known = cut.known
    histories, catalogue = cut.histories.matrix(len(known.products)), int(known.listed.sum())
    chosen = np.bincount(known.matrix.indices, minlength=len(known.products))
    users = int((np.diff(known.matrix.indptr) > 0).sum())
    features, (_, categories) = described(known), top_categories(known)

    def one(system: str, found: Measured) -> Traits:
        lists = found.lists
        return Traits(
            system,
            beyond.coverage(lists, catalogue),
            beyond.gini(lists, catalogue),
            mean_known(beyond.novelty(lists, chosen, users)),
            mean_known(beyond.serendipity(lists, found.right, expected)),
            mean_known(beyond.intra_list_diversity(lists, features)),
            beyond.popularity_lift(lists, histories, chosen),
            mean_known(beyond.calibration(lists, histories, categories)),
        )

    return tuple(one(system, found) for system, found in systems.items())


def gaps(systems: Mapping[str, Measured], parts: Sequence[Part]) -> tuple[UserGap, ...]:
    """Of every system, the gap between the first and the last group of users; none with fewer than two groups.

    parts: those by activity count alone.
    """
    groups = [part.group for part in parts if part.by == "activity"]
    if len(groups) < 2:
        return ()
    first, last = groups[0].mask, groups[-1].mask
    ndcg = {system: found.values["ndcg"] for system, found in systems.items()}
    return tuple(
        UserGap(
            system,
            {group.name: float(values[group.mask].mean()) for group in groups},
            *between(values[first], values[last]),
        )
        for system, values in ndcg.items()
    )


def exposures(systems: Mapping[str, Measured], known: KnownGraph) -> tuple[Exposure, ...]:
    """Of every system, how places fall on brands; none without at least two brands.

    Source: Singh and Joachims, "Fairness of exposure in rankings", KDD 2018, with places counted alike and choices as merit.
    """
    found_brands = brands(known)
    if found_brands is None:
        return ()
    made, names = found_brands.made.astype(np.float64), found_brands.names
    chosen = np.bincount(known.matrix.indices, minlength=len(known.products)) @ made  # [brands]
    found = []
    for system, one in systems.items():
        placed = np.bincount(one.lists[one.lists >= 0], minlength=len(known.products)) @ made
        shares, fair = placed / max(placed.sum(), 1), chosen / max(chosen.sum(), 1)
        over, under = int(np.argmax(shares - fair)), int(np.argmin(shares - fair))
        ends = [(str(names[row]), float(shares[row]), float(fair[row])) for row in (over, under)]
        found.append(Exposure(system, len(names), float((placed > 0).mean()), unequal(placed), unequal(chosen), ends[0], ends[1]))
    return tuple(found)


def unequal(amounts: Values) -> float:
    """The Gini coefficient: 0 where all are equal, near 1 where one has everything; NaN where there is nothing.

    Example:
        >>> unequal(np.array([1.0, 1.0])), unequal(np.array([0.0, 0.0, 0.0, 8.0]))
        (0.0, 0.75)
    """
    n, total = len(amounts), float(amounts.sum())
    return float((2 * np.arange(1, n + 1) - n - 1) @ np.sort(amounts) / (n * total)) if total else float("nan")


def mean_known(values: Values) -> float:
    """The mean of those that are known; NaN where none is.

    Example:
        >>> mean_known(np.array([0.5, np.nan, 1.0]))
        0.75
    """
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
