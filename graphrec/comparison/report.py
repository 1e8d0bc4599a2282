"""What a comparison found, as a table for people and as JSON and frames for programs."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from graphrec.comparison.plot import Point
from graphrec.comparison.systems import OWN, Settings
from graphrec.comparison.tuning import Trial
from graphrec.differences import Difference, p_value
from graphrec.figures import Result
from graphrec.metrics import Values
from graphrec.rendering import json_text
from graphrec.sections import number, span

PARTS = ("warm", "cold")
"""The groups of held-out products that stand beside all of them."""
_SHOWN = ("recall", "ndcg")


@dataclass(frozen=True, slots=True)
class Terms:
    """What is the same for every system of a comparison; two with the same terms are parts of one."""

    k: int
    cut: str
    """What was held out, and why that."""
    inner_cut: str
    """What settings were chosen on."""
    users: int
    """Whose choices were foretold."""
    judges: int
    """How many users the inner cut asks about."""
    catalogue: int
    """How many products were ranked for every user."""
    data: str
    """SHA-256 of all that systems may read: ids, training choices, relations and texts."""
    split: str
    """SHA-256 of ids, training choices and truth: equal for an equal split."""
    seed: int
    trials_allowed: int
    seconds_allowed: float
    threads: int
    text_model: str | None
    """As asked for; None is the default."""
    device: str
    graphrec: str
    """The version."""
    machine: str
    """System, processor and Python."""


@dataclass(frozen=True, slots=True)
class Row:
    """One system's figures."""

    system: str
    family: str
    """`graphrec`, or the package that a peer comes from."""
    settings: Settings
    """The ones that ranked the inner cut best."""
    tuned: bool
    """False where the system has nothing to tune; it had one trial."""
    trials: int
    """How many were done."""
    failed: int
    """How many could not be done, or not in time."""
    validation: float | None
    """NDCG on the inner cut under these settings."""
    results: tuple[Result, ...]
    """Overall, and where both are held out, warm and cold; empty where the system failed."""
    difference: Difference | None
    """To the system that the others are held against; p is of all rows together (Holm)."""
    tuning_seconds: float
    fit_seconds: float | None
    """On all training with these settings: import and reading left out, texts embedded anew."""
    rank_seconds: float | None
    peak_bytes: int | None
    """The most memory that the process of this fit and ranking held, its imports included."""
    version: str
    why: str = ""
    """Why there are no figures."""

    @property
    def overall(self) -> Result | None:
        """The figures over all that was held out."""
        return self.results[0] if self.results else None

    def result(self, group: str) -> Result | None:
        """The figures of a group: overall, warm or cold."""
        return next((one for one in self.results if one.group == group), None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison found; the first row that has figures is what the others are held against."""

    terms: Terms
    rows: tuple[Row, ...]
    trials: tuple[Trial, ...]
    per_user: Mapping[str, Mapping[str, Values]]
    """By system and metric, one value a test user."""
    test_users: tuple[str, ...]

    @property
    def against(self) -> str:
        """The system that the others are held against."""
        return next((row for row in self.rows if row.results), self.rows[0]).system

    def row(self, name: str) -> Row:
        """The figures of this system."""
        return next(row for row in self.rows if row.system == name)

    def to_pandas(self) -> pd.DataFrame:
        """One row a system: metrics with their intervals as `ndcg_low`, `ndcg_high` …, the same of warm and cold products as
        `warm_ndcg` …, difference, p, the smallest difference that so many users show, seconds and bytes."""
        return pd.DataFrame([_flat(row) for row in self.rows])

    def to_json(self) -> str:
        """Everything but the trials and the users' values, as JSON text."""
        rows = [asdict(row) | {"results": [one.flat() for one in row.results]} for row in self.rows]
        return json_text(asdict(self.terms) | {"rows": rows})

    def to_markdown(self) -> str:
        """The table, and below it what the figures rest on."""
        recall, ndcg = (f"{name}@{self.terms.k}" for name in _SHOWN)
        parted = any(len(row.results) > 1 for row in self.rows)
        head = [
            "system",
            recall,
            f"{ndcg} [95%]",
            *([f"{ndcg}, {group} products" for group in PARTS] if parted else []),
            f"difference to {self.against} [95%]",
            "p (Holm)",
            "fit s",
            "rank s",
            "peak GiB",
            "trials",
        ]
        lines = [_cells(row, parted=parted) for row in self.rows]
        table = [head, ["---"] * len(head), *lines]
        notes = [f"- {row.system}: {row.why}" for row in self.rows if row.why]
        return "\n".join(["| " + " | ".join(line) + " |" for line in table] + ["", *self._facts(), *notes]) + "\n"

    def points(self) -> list[Point]:
        """The systems that have figures, as the picture shows them."""
        return [
            Point(row.system, row.family == OWN, row.fit_seconds, row.overall.ndcg, *row.overall.intervals["ndcg"])
            for row in self.rows
            if row.overall is not None and row.fit_seconds is not None
        ]

    def _facts(self) -> list[str]:
        terms = self.terms
        return [
            f"- {terms.users:,} users, all {terms.catalogue:,} products ranked for each, what a user chose before left out",
            f"- test: {terms.cut}",
            f"- settings: at most {terms.trials_allowed} trials and {terms.seconds_allowed:,.0f} s each, the makers' own first",
            f"- chosen by NDCG@{terms.k} of {terms.judges:,} users on a cut of the training side: {terms.inner_cut}",
            *self._smallest(),
            f"- seed {terms.seed}, {terms.threads} threads, data {terms.data[:12]}, split {terms.split[:12]}",
            *sorted({f"- {row.version}" for row in self.rows if row.version}),
        ]

    def _smallest(self) -> list[str]:
        """What differences so many users do not show."""
        least = [(one.smallest, row.system) for row in self.rows if (one := row.difference) is not None and one.smallest > 0]
        if not least:
            return []
        (low, near), (high, far) = min(least), max(least)
        sizes = f"{low:.4f} ({near})" if near == far else f"{low:.4f} ({near}) to {high:.4f} ({far})"
        return [
            f"- a true difference to {self.against} below {sizes} may be missed more than one time in five with so many users"
        ]

    def __str__(self) -> str:
        return self.to_markdown().rstrip()


def _flat(row: Row) -> dict[str, Any]:
    apart = row.difference
    beside = (
        {}
        if apart is None
        else {
            "difference": apart.difference,
            "difference_low": apart.low,
            "difference_high": apart.high,
            "p": apart.p,
            "smallest": apart.smallest,
        }
    )
    kept = (
        "tuned",
        "trials",
        "failed",
        "validation",
        "tuning_seconds",
        "fit_seconds",
        "rank_seconds",
        "peak_bytes",
        "version",
        "why",
    )
    facts = {name: getattr(row, name) for name in kept}
    return {
        "system": row.system,
        "family": row.family,
        **_named(row.overall, ""),
        **{name: value for group in PARTS for name, value in _named(row.result(group), f"{group}_").items()},
        **beside,
        **facts,
        "settings": json.dumps(dict(row.settings)),
    }


def _named(result: Result | None, prefix: str) -> dict[str, Any]:
    """The metrics and their intervals."""
    if result is None:
        return {}
    told = result.flat()
    return {f"{prefix}{name}": value for name, value in told.items() if name not in ("system", "group", "users", "coverage")}


def _cells(row: Row, *, parted: bool) -> list[str]:
    lost = f", {row.failed} not done" if row.failed else ""
    trials = f"{row.trials}{lost}" if row.tuned else "1, no knobs" if row.trials else f"0{lost}"
    overall = row.overall
    if overall is None or row.fit_seconds is None or row.rank_seconds is None:
        return [row.system, *["–"] * (9 if parted else 7), trials]
    apart, peak = row.difference, "–" if row.peak_bytes is None else f"{row.peak_bytes / 2**30:.2f}"
    within = [_spanned(row.result(group)) for group in PARTS] if parted else []
    beside = ["", ""] if apart is None else [f"{apart.difference:+.4f} [{apart.low:+.4f}, {apart.high:+.4f}]", p_value(apart.p)]
    costs = [f"{row.fit_seconds:.1f}", f"{row.rank_seconds:.1f}", peak]
    return [row.system, f"{overall.recall:.4f}", _spanned(overall), *within, *beside, *costs, trials]


def _spanned(result: Result | None) -> str:
    if result is None:
        return "–"
    return f"{number(result.ndcg)} {span(*result.intervals['ndcg'])}"
