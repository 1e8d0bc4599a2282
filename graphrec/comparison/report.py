"""What a comparison found, as a table for people, files for programs, and pictures."""

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from graphrec.comparison import plot
from graphrec.comparison.plot import Point
from graphrec.comparison.systems import OWN, Settings
from graphrec.comparison.tuning import Trial
from graphrec.metrics import Values
from graphrec.splits import Split
from graphrec.tensors import Rows

_SHOWN = ("recall", "ndcg")


@dataclass(frozen=True, slots=True)
class Difference:
    """How far a system is above the first one, in mean NDCG over the same users."""

    mean: float
    low: float
    high: float
    """low, high: the 95% interval of the mean."""
    p: float
    """Of a paired permutation test, raised for the number of systems (Holm)."""


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
    validation: float | None
    """NDCG on the inner cut under these settings."""
    means: Mapping[str, float]
    """By metric, over the test users; empty where the system failed."""
    intervals: Mapping[str, tuple[float, float]]
    """95%, over users."""
    difference: Difference | None
    tuning_seconds: float
    fit_seconds: float | None
    """On all training with these settings: import and reading left out, texts embedded anew."""
    rank_seconds: float | None
    peak_bytes: int | None
    """The most memory that the process of this fit and ranking held, its imports included."""
    version: str
    why: str = ""
    """Why there are no figures."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison found; the first row that has figures is what the others are held against."""

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
    split: str
    """SHA-256 of ids, training choices and truth: equal for an equal split."""
    seed: int
    trials_allowed: int
    seconds_allowed: float
    threads: int
    rows: tuple[Row, ...]
    trials: tuple[Trial, ...]
    per_user: Mapping[str, Mapping[str, Values]]
    """By system and metric, one value a test user."""
    test_users: tuple[str, ...]

    @property
    def against(self) -> str:
        """The system that the others are held against."""
        return next((row for row in self.rows if row.means), self.rows[0]).system

    def row(self, name: str) -> Row:
        """The figures of this system."""
        return next(row for row in self.rows if row.system == name)

    def to_pandas(self) -> pd.DataFrame:
        """One row a system: metrics with their intervals as `ndcg_low`, `ndcg_high` …, difference, p, seconds and bytes."""
        return pd.DataFrame([_flat(row) for row in self.rows])

    def to_json(self) -> str:
        """Everything but the trials and the users' values, as JSON text."""
        told = ("k", "cut", "inner_cut", "users", "judges", "catalogue", "split", "seed", "threads")
        allowed = {"trials_allowed": self.trials_allowed, "seconds_allowed": self.seconds_allowed}
        machine = {"system": platform.system(), "processor": platform.machine(), "python": platform.python_version()}
        head = {name: getattr(self, name) for name in told}
        return json.dumps(head | allowed | {"machine": machine, "rows": [asdict(row) for row in self.rows]}, indent=1)

    def to_markdown(self) -> str:
        """The table, and below it what the figures rest on."""
        shown = [f"{name}@{self.k}" for name in _SHOWN]
        head = [
            "system",
            shown[0],
            f"{shown[1]} [95%]",
            f"difference to {self.against} [95%]",
            "p (Holm)",
            "fit s",
            "rank s",
            "peak GiB",
            "trials",
        ]
        lines = [_cells(row) for row in self.rows]
        table = [head, ["---"] * len(head), *lines]
        notes = [f"- {row.system}: {row.why}" for row in self.rows if row.why]
        return "\n".join(["| " + " | ".join(line) + " |" for line in table] + ["", *self._facts(), *notes]) + "\n"

    def points(self) -> list[Point]:
        """The systems that have figures, as the picture shows them."""
        return [
            Point(row.system, row.family == OWN, row.fit_seconds, row.means["ndcg"], *row.intervals["ndcg"])
            for row in self.rows
            if row.means and row.fit_seconds is not None
        ]

    def _facts(self) -> list[str]:
        return [
            f"- {self.users:,} users, all {self.catalogue:,} products ranked for each, what a user chose before left out",
            f"- test: {self.cut}",
            f"- settings: at most {self.trials_allowed} trials and {self.seconds_allowed:,.0f} s a system, the makers' own first",
            f"- chosen by NDCG@{self.k} of {self.judges:,} users on a cut of the training side: {self.inner_cut}",
            f"- seed {self.seed}, {self.threads} threads, split {self.split[:12]}",
            *sorted({f"- {row.version}" for row in self.rows if row.version}),
        ]

    def __str__(self) -> str:
        return self.to_markdown().rstrip()


def save(found: Comparison, folder: Path) -> None:
    """The folder holds the comparison; files of the same names are replaced.

    The table is comparison.json, .csv and .md, every trial is in trials.json and .csv, the users' values are per_user.parquet,
    and the picture is comparison.png and .html.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "comparison.json").write_text(found.to_json() + "\n", encoding="utf-8")
    found.to_pandas().to_csv(folder / "comparison.csv", index=False)
    (folder / "comparison.md").write_text(found.to_markdown(), encoding="utf-8")
    made = [trial.to_json() for trial in found.trials]
    (folder / "trials.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    pd.DataFrame([one | {"settings": json.dumps(one["settings"])} for one in made]).to_csv(folder / "trials.csv", index=False)
    _per_user(found).write_parquet(folder / "per_user.parquet")
    label = f"NDCG@{found.k} with 95% interval"
    plot.draw_png(found.points(), label, folder / "comparison.png")
    plot.write_html(found.points(), label, found.to_markdown(), folder / "comparison.html")


def write_lists(lists: Rows, cut: Split, path: Path) -> None:
    """The file holds the lists of the cut's users as `user item rank`, tab-separated, with a header: any referee can score it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    owners, places = np.nonzero(lists >= 0)
    users = pl.Series(cut.known.users.names[cut.users][owners], dtype=pl.String)
    items = pl.Series(cut.known.products.names[lists[owners, places]], dtype=pl.String)
    frame = pl.DataFrame({"user": users, "item": items, "rank": places + 1})
    frame.write_csv(path, separator="\t", quote_style="never")


def _per_user(found: Comparison) -> pl.DataFrame:
    """system, user, and a column a metric."""
    parts = [
        pl.DataFrame({"system": [name] * len(found.test_users), "user": list(found.test_users), **values})
        for name, values in found.per_user.items()
    ]
    return pl.concat(parts) if parts else pl.DataFrame({"system": [], "user": []})


def _flat(row: Row) -> dict[str, Any]:
    spans = {
        f"{name}_{end}": edge for name, span in row.intervals.items() for end, edge in zip(("low", "high"), span, strict=True)
    }
    apart = row.difference
    beside = (
        {}
        if apart is None
        else {"difference": apart.mean, "difference_low": apart.low, "difference_high": apart.high, "p": apart.p}
    )
    kept = ("tuned", "trials", "validation", "tuning_seconds", "fit_seconds", "rank_seconds", "peak_bytes", "version", "why")
    facts = {name: getattr(row, name) for name in kept}
    return {
        "system": row.system,
        "family": row.family,
        **row.means,
        **spans,
        **beside,
        **facts,
        "settings": json.dumps(dict(row.settings)),
    }


def _cells(row: Row) -> list[str]:
    trials = str(row.trials) if row.tuned else "1, no knobs" if row.trials else "0"
    if not row.means or row.fit_seconds is None or row.rank_seconds is None:
        return [row.system, *["–"] * 7, trials]
    low, high = row.intervals["ndcg"]
    apart, peak = row.difference, "–" if row.peak_bytes is None else f"{row.peak_bytes / 2**30:.2f}"
    beside = ["", ""] if apart is None else [f"{apart.mean:+.4f} [{apart.low:+.4f}, {apart.high:+.4f}]", _shown_p(apart.p)]
    figures = [f"{row.means['recall']:.4f}", f"{row.means['ndcg']:.4f} [{low:.4f}, {high:.4f}]"]
    return [row.system, *figures, *beside, f"{row.fit_seconds:.1f}", f"{row.rank_seconds:.1f}", peak, trials]


def _shown_p(p: float) -> str:
    return "< .001" if p < 0.001 else f"{p:.3f}"
