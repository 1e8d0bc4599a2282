"""What each system is worth over all held-out choices and over parts of them: means over users and their intervals."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np
import scipy.sparse as sp

from graphrec.beyond import coverage
from graphrec.errors import BadRequest
from graphrec.groups import Group, by_activity, by_category, by_popularity
from graphrec.metrics import Hits, Values, counts, hits, measure_hits
from graphrec.significance import intervals
from graphrec.splits import Mask, Split
from graphrec.tensors import Rows
from kg_builder.errors import did_you_mean

METRICS = ("recall", "precision", "ndcg", "mrr", "map", "hit")
AUC = "auc"
BY = ("activity", "popularity", "category")
"""The ways to part users or held-out products besides warm and cold."""


@dataclass(frozen=True, slots=True)
class Result:
    """One system's figures over one group of held-out choices."""

    system: str
    """`blend`, or the name of a scorer; popularity is always there."""
    group: str
    """`overall`; `warm` or `cold`: only held-out products that the training side has or has not seen chosen. Lists stay whole.
    `new`, where products should be new: cold products in lists of cold products alone. In `Report.groups`: the group's name."""
    users: int
    """How many users have such choices."""
    recall: float
    precision: float
    ndcg: float
    mrr: float
    map: float
    hit: float
    coverage: float
    """The share of the catalogue that stands in any of these users' lists."""
    intervals: Mapping[str, tuple[float, float]]
    """By metric, the 95% bootstrap interval over users; of the groups of `BY`, ndcg's alone."""
    auc: float = float("nan")
    """Of the whole ranking; NaN unless asked for, and over parts of the products."""
    by: str = ""
    """How the group was made: a name of `BY`; empty for overall, warm, cold and new."""
    meaning: str = ""
    """Who or what belongs to the group, in words."""

    def flat(self) -> dict[str, Any]:
        """By name the figures, and the intervals as `recall_low`, `recall_high` …; auc where it was asked for."""
        lows = {f"{name}_low": low for name, (low, _) in self.intervals.items()}
        highs = {f"{name}_high": high for name, (_, high) in self.intervals.items()}
        made = {"by": self.by, "meaning": self.meaning} if self.by else {}
        asked = {} if isnan(self.auc) else {AUC: self.auc}
        named = {name: getattr(self, name) for name in ("system", "group", "users", *METRICS, "coverage")}
        return {**made, **named, **asked, **lows, **highs}


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One system's lists, which of their places are right, and by metric one value a test user."""

    lists: Rows
    right: Hits
    values: Mapping[str, Values]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some of the test users, or some of the held-out products."""

    group: Group
    of_users: bool = False
    by: str = ""

    @property
    def metrics(self) -> tuple[str, ...]:
        """What gets an interval."""
        return ("ndcg",) if self.by else METRICS


def check_by(names: Iterable[str]) -> None:
    """Nothing, or the error for a way to part that there is not.

    Raises:
        BadRequest: with the closest name.

    Example:
        >>> check_by(["activty"])
        Traceback (most recent call last):
        graphrec.errors.BadRequest: no groups by 'activty'; did you mean 'activity'? known: activity, popularity, category
    """
    for name in names:
        if name not in BY:
            raise BadRequest(f"no groups by {name!r}{did_you_mean(name, BY) or ';'} known: {', '.join(BY)}")


def whole(cut: Split) -> list[Part]:
    """Overall, and where both are held out, warm and cold."""
    warm = cut.known.warm
    everything = Part(Group("overall", "", np.ones(len(warm), dtype=bool)))
    found = warm[cut.truth.indices]
    if found.all() or not found.any():  # the same figures again
        return [everything]
    return [everything, Part(Group("warm", "", warm)), Part(Group("cold", "", ~warm))]


def new(cut: Split) -> list[Part]:
    """The products that nobody chose, in lists of such products alone."""
    return [Part(Group("new", "", ~cut.known.warm))]


def parted(cut: Split) -> list[Part]:
    """Users by activity, products by popularity and by category."""
    chosen = np.bincount(cut.known.matrix.indices, minlength=len(cut.known.products))
    activity = [Part(group, of_users=True, by="activity") for group in by_activity(np.diff(cut.histories.indptr))]
    popularity = [Part(group, by="popularity") for group in by_popularity(chosen)]
    return [*activity, *popularity, *(Part(group, by="category") for group in by_category(cut.known))]


def measured(ranked: Mapping[str, Rows], truth: sp.csr_matrix, aucs: Mapping[str, Values] | None = None) -> dict[str, Measured]:
    """By system, its lists measured. ranked: [users, k] lists; aucs: a value a user, of those systems that have it."""
    found = {}
    for system, lists in ranked.items():
        right = hits(lists, truth)
        whole_ranking = {AUC: aucs[system]} if aucs and system in aucs else {}
        found[system] = Measured(lists, right, dict(measure_hits(right, counts(truth))) | whole_ranking)
    return found


def figures(systems: Mapping[str, Measured], cut: Split, parts: Sequence[Part]) -> tuple[Result, ...]:
    """A result for every system and every part in which anything is held out; users are drawn once for all intervals."""
    found = [(name, part, values) for name, one in systems.items() for part, values in _parts(parts, one, cut.truth)]
    columns = {f"{row}/{name}": values[name] for row, (_, part, values) in enumerate(found) for name in part.metrics}
    columns |= {f"{row}/{AUC}": values[AUC] for row, (_, part, values) in enumerate(found) if AUC in values and not part.by}
    spans = intervals(columns)
    catalogue = int(cut.known.listed.sum())
    return tuple(
        _result(system, part, values, coverage(_lists(systems[system].lists, part), catalogue), _spans(spans, row))
        for row, (system, part, values) in enumerate(found)
    )


def _parts(parts: Sequence[Part], one: Measured, truth: sp.csr_matrix) -> Iterator[tuple[Part, Mapping[str, Values]]]:
    """By part, every metric of every user, NaN for those who do not belong to it."""
    for part in parts:
        mask = part.group.mask
        if part.of_users:
            yield part, {name: np.where(mask, values, np.nan) for name, values in one.values.items()}
        elif mask[truth.indices].all():
            yield part, one.values
        elif mask[truth.indices].any():
            wanted = _wanted(truth, mask)
            rows = np.flatnonzero(wanted)
            within = measure_hits(one.right[rows] & mask[one.lists[rows]], wanted[rows])
            yield part, {name: _spread(values, rows, len(wanted)) for name, values in within.items()}


def _spread(values: Values, rows: Rows, users: int) -> Values:
    """[users] these values in these rows, NaN in the others."""
    spread = np.full(users, np.nan)
    spread[rows] = values
    return spread


def _wanted(truth: sp.csr_matrix, products: Mask) -> Rows:
    """[users] how many of these products each really chose."""
    return np.asarray(np.diff(np.concatenate([[0], np.cumsum(products[truth.indices])])[truth.indptr]), dtype=np.int64)


def _lists(lists: Rows, part: Part) -> Rows:
    return lists[part.group.mask] if part.of_users else lists


def _spans(spans: Mapping[str, tuple[float, float]], row: int) -> dict[str, tuple[float, float]]:
    return {name: spans[f"{row}/{name}"] for name in (*METRICS, AUC) if f"{row}/{name}" in spans}


def _result(
    system: str, part: Part, values: Mapping[str, Values], shown: float, spans: Mapping[str, tuple[float, float]]
) -> Result:
    means = {name: float(np.nanmean(one)) for name, one in values.items() if not np.isnan(one).all()}
    users = int((~np.isnan(values["ndcg"])).sum())
    group = part.group
    return Result(system, group.name, users, **means, coverage=shown, intervals=spans, by=part.by, meaning=group.meaning)


@dataclass(frozen=True, slots=True)
class Cold:
    """What nobody had chosen before."""

    products: float
    """The share of the catalogue."""
    choices: float
    """The share of the held-out choices that fall on such products."""

    @classmethod
    def of(cls, cut: Split) -> "Cold":
        """Of this cut."""
        cold = ~cut.known.warm
        return cls(float(cold[cut.known.listed].mean()), float(cold[cut.truth.indices].mean()))
