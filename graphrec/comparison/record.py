"""A comparison as a folder: tables, trials, lists, users' values and pictures; and what an earlier run left there, taken up."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from graphrec.comparison import plot
from graphrec.comparison.report import Comparison, Terms
from graphrec.comparison.systems import System, system
from graphrec.comparison.tuning import Trial
from graphrec.errors import BadRequest, UnknownSystem
from graphrec.splits import Split
from graphrec.tensors import Rows

_TABLE, _TRIALS = "comparison.json", "trials.json"
_ANSWERED = ("fit_seconds", "rank_seconds", "peak_bytes", "version")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one system."""

    system: System
    trials: list[Trial]
    tuning_seconds: float
    settings: Mapping[str, Any]
    answer: Mapping[str, Any]
    """fit_seconds, rank_seconds, peak_bytes and version; empty where the system failed."""
    lists: Rows | None = None
    """[users, k] of the test users."""
    why: str = ""


def save(found: Comparison, folder: Path) -> None:
    """The folder holds the comparison; files of the same names are replaced.

    The table is comparison.json, .csv and .md, every trial is in trials.json and .csv, the users' values are per_user.parquet,
    and the picture is comparison.png and .html.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = [trial.to_json() for trial in found.trials]
    _replace(folder / _TRIALS, json.dumps(made, indent=1) + "\n")
    _replace(folder / _TABLE, found.to_json() + "\n")  # the last of what a later run takes up: it tells of the rest
    found.to_pandas().to_csv(folder / "comparison.csv", index=False)
    (folder / "comparison.md").write_text(found.to_markdown(), encoding="utf-8")
    pd.DataFrame([one | {"settings": json.dumps(one["settings"])} for one in made]).to_csv(folder / "trials.csv", index=False)
    _per_user(found).write_parquet(folder / "per_user.parquet")
    label = f"NDCG@{found.terms.k} with 95% interval"
    plot.draw_png(found.points(), label, folder / "comparison.png")
    plot.write_html(found.points(), label, found.to_markdown(), folder / "comparison.html")


def there(folder: Path) -> bool:
    """Whether the folder holds a comparison."""
    return (folder / _TABLE).exists()


def _replace(path: Path, text: str) -> None:
    """The file holds the text, or what it held before."""
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def save_lists(outcome: Outcome, cut: Split, folder: Path) -> None:
    """The folder holds the system's lists as `user item rank`, tab-separated, with a header: any referee can score them."""
    if outcome.lists is None:
        return
    path = _lists(folder, outcome.system.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    owners, places = np.nonzero(outcome.lists >= 0)
    users = pl.Series(cut.known.users.names[cut.users][owners], dtype=pl.String)
    items = pl.Series(cut.known.products.names[outcome.lists[owners, places]], dtype=pl.String)
    frame = pl.DataFrame({"user": users, "item": items, "rank": places + 1})
    frame.write_csv(path, separator="\t", quote_style="never")


def taken_up(folder: Path, terms: Terms, cut: Split) -> dict[str, Outcome]:
    """By system, what an earlier run found; those that failed are left out, to be tried again.

    Raises:
        BadRequest: the folder holds a comparison under other terms, or a damaged one; says what differs.
    """
    if not there(folder):
        return {}
    try:
        told = json.loads((folder / _TABLE).read_text(encoding="utf-8"))
        made = [Trial(**one) for one in json.loads((folder / _TRIALS).read_text(encoding="utf-8"))]
        rows = {row["system"]: row for row in told["rows"] if row["results"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, error) from None
    _check_terms(folder, told, terms)
    try:
        return {name: _outcome(system(name), row, made, folder, cut, terms.k) for name, row in rows.items()}
    except (OSError, KeyError, UnknownSystem, pl.exceptions.PolarsError) as error:
        raise _damaged(folder, error) from None


def _damaged(folder: Path, error: Exception) -> BadRequest:
    said = f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
    return BadRequest(f"{folder} holds no whole comparison ({said}); name another folder")


def _check_terms(folder: Path, told: Mapping[str, Any], terms: Terms) -> None:
    other = [name for name, value in asdict(terms).items() if told.get(name) != value]
    if other:
        first = other[0]
        raise BadRequest(
            f"{folder} holds a comparison under other terms: {first} was {told.get(first)!r}, is {getattr(terms, first)!r}"
            f"{f', and {len(other) - 1} more' if len(other) > 1 else ''}; name another folder"
        )


def _outcome(one: System, row: Mapping[str, Any], made: list[Trial], folder: Path, cut: Split, k: int) -> Outcome:
    trials = [trial for trial in made if trial.system == one.name]
    answer = {name: row[name] for name in _ANSWERED}
    return Outcome(one, trials, row["tuning_seconds"], row["settings"], answer, _read_lists(_lists(folder, one.name), cut, k))


def _read_lists(path: Path, cut: Split, k: int) -> Rows:
    """[users, k] what `save_lists` wrote."""
    columns = {"user": pl.String, "item": pl.String, "rank": pl.Int64}
    frame = pl.read_csv(path, separator="\t", quote_char=None, schema=columns)
    place = {user: row for row, user in enumerate(cut.known.users.names[cut.users])}
    lists = np.full((len(cut.users), k), -1, dtype=np.int64)
    owners = [place[user] for user in frame["user"]]
    lists[owners, frame["rank"].to_numpy() - 1] = [cut.known.products.row_of[item] for item in frame["item"]]
    return lists


def _lists(folder: Path, system: str) -> Path:
    return folder / "lists" / f"{system}.tsv"


def _per_user(found: Comparison) -> pl.DataFrame:
    """system, user, and a column a metric."""
    parts = [
        pl.DataFrame({"system": [name] * len(found.test_users), "user": list(found.test_users), **values})
        for name, values in found.per_user.items()
    ]
    return pl.concat(parts) if parts else pl.DataFrame({"system": [], "user": []})
