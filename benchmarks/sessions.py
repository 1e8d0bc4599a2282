"""Next clicks of sessions that are new to the fit: the default blend beside tuned session-based neighbours and transitions.

    python benchmarks/sessions.py --data FOLDER [--trials 30] [--scorers sequence,…]

FOLDER holds train.txt and test.txt of a prepared slice of session-rec (`SessionId ItemId Time`, tab-separated). After every click
of a test session but its last one the next click is looked for among the best 20 of all items, those of the session included,
since people come back to them. Figures are means over clicks; intervals and tests draw sessions.

The peers are the plain methods of Ludewig and Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 2018, and of
Garg et al., "Sequence and time aware neighborhood for session-based recommendations: STAN", SIGIR 2019. Each is tuned by as many
random trials as asked for on the latest day of the training sessions, by MRR, and then given all of them; where it says nothing,
items follow by popularity. Ours is fitted once by its defaults.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import graphrec
import kg_builder
from graphrec.differences import differences
from graphrec.metrics import top
from graphrec.significance import intervals

K = 20
DAY = 86_400.0
Values = Mapping[str, np.ndarray]
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Sessions:
    """Clicks in their order, session by session; the sessions in the order of their last click."""

    starts: np.ndarray
    """[sessions + 1]"""
    item: np.ndarray
    """[clicks] rows"""
    end: np.ndarray
    """[sessions] epoch seconds of the last click"""
    items: int

    def of(self, session: int) -> np.ndarray:
        return self.item[self.starts[session] : self.starts[session + 1]]

    def where(self, mask: np.ndarray) -> "Sessions":
        lengths = np.diff(self.starts)
        starts = np.concatenate([[0], np.cumsum(lengths[mask])])
        return Sessions(starts, self.item[np.repeat(mask, lengths)], self.end[mask], self.items)

    def __len__(self) -> int:
        return len(self.end)


@dataclass(frozen=True)
class Questions:
    """What was clicked so far, when, and what was clicked next."""

    session: np.ndarray
    prefix: list[np.ndarray]
    target: np.ndarray
    at: np.ndarray
    """Epoch seconds of the end of the session: all that STAN asks is how old other sessions are."""

    @classmethod
    def of(cls, sessions: Sessions) -> "Questions":
        asked = [(row, place) for row in range(len(sessions)) for place in range(1, len(sessions.of(row)))]
        rows = np.array([row for row, _ in asked])
        prefixes = [sessions.of(row)[:place] for row, place in asked]
        return cls(rows, prefixes, np.array([sessions.of(row)[place] for row, place in asked]), sessions.end[rows])

    def sample(self, size: int, seed: int) -> "Questions":
        pick = np.sort(np.random.default_rng(seed).permutation(len(self.target))[:size])
        return Questions(self.session[pick], [self.prefix[one] for one in pick], self.target[pick], self.at[pick])


class Peer:
    """Scores items for a prefix; settings are drawn from `CHOICES`."""

    CHOICES: Mapping[str, Sequence[Any]]

    def __init__(self, sessions: Sessions, **settings: Any) -> None:
        self.sessions, self.settings = sessions, settings
        self.popularity = np.bincount(sessions.item, minlength=sessions.items) / len(sessions.item)

    def score(self, prefix: np.ndarray, at: float) -> np.ndarray:
        raise NotImplementedError

    def lists(self, asked: Questions) -> np.ndarray:
        """[questions, 20] rows, best first."""
        found = []
        for prefix, at in zip(asked.prefix, asked.at, strict=True):
            scores = self.score(prefix, at)
            behind = np.where(scores > 0, 1 + scores / max(scores.max(), 1e-12), self.popularity)
            found.append(top(behind[None].astype(np.float32), K)[0])
        return np.stack(found)


class Transitions(Peer):
    """score(i | last) = Σ over earlier clicks of `last` and clicks of i up to `steps` later in the same session of w(steps between).

    One step is the Markov chain of last-item transitions; more are "sequential rules" (Kamehkhosh, Jannach and Ludewig, RecTemp
    2017; Ludewig and Jannach, UMUAI 2018).
    """

    CHOICES = {"steps": (1, 2, 3, 5, 10, 20), "weight": ("same", "div", "quadratic", "linear")}

    def __init__(self, sessions: Sessions, **settings: Any) -> None:
        super().__init__(sessions, **settings)
        owner = np.repeat(np.arange(len(sessions)), np.diff(sessions.starts))
        self.follow = np.zeros((sessions.items, sessions.items))
        for step in range(1, settings["steps"] + 1):
            same = owner[:-step] == owner[step:]
            ends = sessions.item[:-step][same], sessions.item[step:][same]
            np.add.at(self.follow, ends, faded(settings["weight"], step))

    def score(self, prefix: np.ndarray, at: float) -> np.ndarray:  # noqa: ARG002
        return self.follow[prefix[-1]]


class Neighbours(Peer):
    """What V-SKNN and STAN share: the sessions that hold an item of the prefix, the latest `sample` of them, the `k` most alike."""

    def __init__(self, sessions: Sessions, **settings: Any) -> None:
        super().__init__(sessions, **settings)
        self.lengths = np.diff(sessions.starts)
        self.owner = np.repeat(np.arange(len(sessions)), self.lengths)
        self.place = np.arange(len(sessions.item)) - sessions.starts[self.owner] + 1
        pair = np.unique(np.stack([sessions.item, self.owner]), axis=1)
        self.holders = np.split(pair[1], np.cumsum(np.bincount(pair[0], minlength=sessions.items))[:-1])
        """By item, the sessions that hold it, the latest last."""
        self.alike, self.latest = np.zeros(len(sessions)), np.zeros(len(sessions), dtype=np.int64)

    def near(self, prefix: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of sessions, the sum of the weights of the items that they share, and the latest such place in the prefix.

        weights: [length of the prefix]; an item that is there twice counts by its latest place.
        """
        weight_of = dict(zip(prefix.tolist(), weights.tolist(), strict=True))
        place_of = {item: place for place, item in enumerate(prefix.tolist(), 1)}
        for item in sorted(place_of, key=place_of.__getitem__):
            self.alike[self.holders[item]] += weight_of[item]
            self.latest[self.holders[item]] = place_of[item]
        rows = np.unique(np.concatenate([self.holders[item] for item in place_of]))
        rows = rows[-self.settings["sample"] :] if self.settings["sample"] else rows
        found = rows, self.alike[rows], self.latest[rows]
        for item in place_of:
            self.alike[self.holders[item]] = 0
        return found

    def clicks(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places in the clicks of all that these sessions hold, and for each which of `rows` holds it."""
        lengths = self.lengths[rows]
        which = np.repeat(np.arange(len(rows)), lengths)
        return self.sessions.starts[rows][which] + np.arange(len(which)) - (np.cumsum(lengths) - lengths)[which], which


def best(k: int, values: np.ndarray) -> np.ndarray:
    """Places of the k highest, of equals the latest."""
    return np.argsort(values, kind="stable")[::-1][:k]


class VSKNN(Neighbours):
    """score(i) = Σ over neighbours n that hold i of sim(s, n) · w'(steps back to the latest item they share) · idf(i).

    sim(s, n) = Σ over shared items of w(place in s) / |s|.
    Source: Ludewig and Jannach, UMUAI 2018; the authors' session-rec.
    """

    CHOICES = {
        "k": (50, 100, 200, 500, 1500),
        "sample": (500, 1000, 2500, 5000, 0),
        "weight": ("same", "div", "linear", "quadratic", "log"),
        "fade": ("same", "div", "linear", "quadratic"),
        "idf": (0, 1, 2, 5, 10),
    }

    def __init__(self, sessions: Sessions, **settings: Any) -> None:
        super().__init__(sessions, **settings)
        held = np.array([len(one) for one in self.holders])
        self.idf = 1 + settings["idf"] * np.log(len(sessions) / np.maximum(held, 1))

    def score(self, prefix: np.ndarray, at: float) -> np.ndarray:  # noqa: ARG002
        length = len(prefix)
        weights = np.array([raised(self.settings["weight"], place, length) for place in range(1, length + 1)])
        rows, alike, latest = self.near(prefix, weights)
        pick = best(self.settings["k"], alike)
        fade = np.array([faded(self.settings["fade"], length - place + 1) for place in latest[pick]])
        places, which = self.clicks(rows[pick])
        pair, once = np.unique(which * self.sessions.items + self.sessions.item[places], return_index=True)
        amount = (alike[pick] / len(set(prefix.tolist())) * fade)[which[once]]
        return np.bincount(pair % self.sessions.items, amount, minlength=self.sessions.items) * self.idf


class STAN(Neighbours):
    """score(i) = Σ over neighbours n that hold i of sim(s, n) · exp(−age(n) / λ2) · exp(−|place of i − place of the shared item| / λ3).

    sim(s, n) = Σ over shared items of exp((place in s − |s|) / λ1) / √(|s| |n|); the shared item is the one that is latest in s.
    Source: Garg et al., SIGIR 2019.
    """

    CHOICES = {
        "k": (100, 200, 500, 1000, 1500, 2000),
        "sample": (1000, 2500, 5000, 10000, 0),
        "recent": (0.00001, 0.4525, 0.905, 1.81, 3.62, 7.24, 1e5),
        "days": (0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0),
        "close": (0.00001, 0.4525, 0.905, 1.81, 3.62, 7.24, 1e5),
    }

    def score(self, prefix: np.ndarray, at: float) -> np.ndarray:
        with np.errstate(under="ignore"):
            weights = np.exp((np.arange(1, len(prefix) + 1) - len(prefix)) / self.settings["recent"])
        rows, alike, latest = self.near(prefix, weights)
        alike = alike / np.sqrt(len(prefix) * self.lengths[rows])
        alike = alike * np.exp(-np.maximum(at - self.sessions.end[rows], 0) / DAY / self.settings["days"])
        pick = best(self.settings["k"], alike)
        places, which = self.clicks(rows[pick])
        items = self.sessions.item[places]
        shared = prefix[latest[pick] - 1][which] == items
        anchor = np.zeros(len(pick))
        anchor[which[shared]] = self.place[places][shared]  # of several the latest, since places rise
        with np.errstate(under="ignore"):
            amount = alike[pick][which] * np.exp(-np.abs(self.place[places] - anchor[which]) / self.settings["close"])
        return np.bincount(items, amount, minlength=self.sessions.items)


def faded(kind: str, step: int) -> float:
    """The weight of what lies so many steps back, 1 the nearest."""
    found = {"same": 1.0, "div": 1 / step, "linear": max(0.0, 1 - 0.1 * step), "quadratic": 1 / step**2}
    return found[kind]


def raised(kind: str, place: int, length: int) -> float:
    """The weight of a place in a prefix, the last one weighing most."""
    linear = max(0.0, 1 - 0.1 * (length - place))
    found = {"same": 1.0, "div": place / length, "linear": linear, "quadratic": (place / length) ** 2}
    return 1 / np.log10(length - place + 1.7) if kind == "log" else found[kind]


PEERS: Mapping[str, type[Peer]] = {"transitions": Transitions, "V-SKNN": VSKNN, "STAN": STAN}


def tuned(kind: type[Peer], sessions: Sessions, trials: int, seed: int, asked: int) -> tuple[Settings, float]:
    """The settings of the best of so many random trials on the latest day of the sessions, and their MRR there."""
    later = sessions.end > sessions.end.max() - DAY
    before, questions = sessions.where(~later), Questions.of(sessions.where(later)).sample(asked, seed)
    draw, tried = random.Random(seed), dict[tuple[Any, ...], float]()  # noqa: S311
    for _ in range(trials):
        settings = tuple(draw.choice(values) for values in kind.CHOICES.values())
        if settings not in tried:
            peer = kind(before, **dict(zip(kind.CHOICES, settings, strict=True)))
            tried[settings] = float(measured(peer.lists(questions), questions.target)["mrr"].mean())
    found = max(tried, key=tried.__getitem__)
    return dict(zip(kind.CHOICES, found, strict=True)), tried[found]


def measured(lists: np.ndarray, target: np.ndarray) -> Values:
    """By metric, one value a click; at 20."""
    hit = lists == target[:, None]
    place = hit.argmax(axis=1)
    found = hit.any(axis=1)
    return {"mrr": found / (place + 1), "hr": found.astype(float), "ndcg": found / np.log2(place + 2)}


def by_session(values: Values, session: np.ndarray) -> dict[str, np.ndarray]:
    """One value a session whose mean over sessions is the mean over clicks: what its clicks bring, per click of a mean session."""
    sessions = np.unique(session, return_inverse=True)[1]
    count = sessions.max() + 1
    return {name: np.bincount(sessions, each) * count / len(session) for name, each in values.items()}


def read(folder: Path) -> tuple[Sessions, Sessions, np.ndarray]:
    """The training sessions, the test sessions, and the ids of the items; clicks on items that training lacks are left out."""
    columns = {"SessionId": pl.String, "ItemId": pl.String, "Time": pl.Float64}
    train, test = (pl.read_csv(folder / f"{name}.txt", separator="\t", schema_overrides=columns) for name in ("train", "test"))
    ids = train["ItemId"].unique().sort()
    test = test.filter(pl.col("ItemId").is_in(ids.implode()))
    return in_rows(train, ids), in_rows(test, ids), ids.to_numpy()


def in_rows(clicks: pl.DataFrame, ids: pl.Series) -> Sessions:
    rows = pl.DataFrame({"ItemId": ids, "row": np.arange(len(ids))})
    ended = pl.col("Time").max().over("SessionId").alias("end")
    placed = clicks.with_columns(ended).join(rows, on="ItemId").sort("end", "SessionId", "Time", maintain_order=True)
    lengths = placed["SessionId"].rle().struct.field("len").to_numpy()
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Sessions(starts, placed["row"].to_numpy(), placed["end"].to_numpy()[starts[:-1]], len(ids))


def ours(folder: Path, ids: np.ndarray, asked: Questions, scorers: Sequence[str] | None, seed: int) -> tuple[np.ndarray, str]:
    """[questions, 20] rows of a ranker that was fitted as a user would do it, and what its fit said."""
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch, "data")
        data.mkdir()
        shutil.copy(folder / "train.txt", data)
        kg_builder.build(data, into=f"{scratch}/graph")
        started = time.perf_counter()
        with kg_builder.connect(f"{scratch}/graph", read_only=True) as store:
            ranker = graphrec.fit(store, scorers=scorers, text_model="none", seed=seed)
        seconds = time.perf_counter() - started
    ranking = ranker.rank(history=[ids[prefix].tolist() for prefix in asked.prefix], k=K, exclude_seen=False)
    row_of = {item: row for row, item in enumerate(ids.tolist())}
    lists = np.full((len(asked.target), K), -1, dtype=np.int64)
    who = [int(user.rpartition(" ")[2]) - 1 for user in ranking.users]  # strangers are numbered from 1
    lists[who, ranking.ranks - 1] = [row_of[item] for item in ranking.items]
    said = "; ".join((ranker.summary.reason, *ranker.summary.parts, *ranker.summary.notes))
    return lists, f"fitted in {seconds:.0f} s; {said}"


def main() -> None:
    options = arguments()
    train, test, ids = read(options.data)
    asked = Questions.of(test)
    print(f"{len(train):,} sessions known, {len(test):,} asked about after {len(asked.target):,} clicks, {len(ids):,} items")
    found: dict[str, dict[str, np.ndarray]] = {}

    def add(name: str, lists: np.ndarray, told: str) -> None:
        found[name] = by_session(measured(lists, asked.target), asked.session)
        print(f"{name}: {told}", flush=True)

    for name, kind in PEERS.items():
        settings, quality = tuned(kind, train, options.trials, options.seed, options.tuning)
        add(name, kind(train, **settings).lists(asked), f"{settings}, MRR {quality:.4f} on the latest day of training")
    add("default blend", *ours(options.data, ids, asked, None, options.seed))
    for scorers in options.scorers or ():
        add(scorers, *ours(options.data, ids, asked, scorers.split(","), options.seed))
    print(table(found))


def table(found: Mapping[str, Mapping[str, np.ndarray]]) -> str:
    """Means with their 95% intervals, and below them how far each of ours is from each peer."""
    lines = [f"{'':<24}" + "".join(f"{f'{name.upper()}@{K}':<26}" for name in ("mrr", "hr", "ndcg"))]
    for system, values in found.items():
        spans = intervals(values)
        cells = [f"{values[name].mean():.4f} [{spans[name][0]:.4f}, {spans[name][1]:.4f}]" for name in values]
        lines.append(f"{system:<24}" + "".join(f"{cell:<26}" for cell in cells))
    compared = [(system, peer) for system in found if system not in PEERS for peer in PEERS]
    for metric in ("mrr", "hr", "ndcg"):
        lines.append(f"{metric.upper()}@{K}, differences with 95% intervals, p after Holm's correction")
        values = {system: each[metric] for system, each in found.items()}
        lines += [f"  {one.system} − {one.against}: {one}" for one in differences(values, compared)]
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with train.txt and test.txt")
    parser.add_argument("--trials", type=int, default=30, help="settings tried of each peer")
    parser.add_argument("--tuning", type=int, default=2000, help="clicks that a trial is judged by")
    parser.add_argument("--scorers", action="append", help="another row: a blend of these alone, with commas between")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
