"""Sessions, what is asked about them, and the plain methods that ours are measured against in sessions.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from graphrec.metrics import top

K = 20
DAY = 86_400.0


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

    CHOICES: ClassVar[Mapping[str, Sequence[Any]]]

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
    """score(i | last) = Σ over clicks of `last` and clicks of i up to `steps` later in the same session of w(steps between).

    One step is the Markov chain of last-item transitions; more are "sequential rules" (Kamehkhosh, Jannach and Ludewig, RecTemp
    2017; Ludewig and Jannach, UMUAI 2018).
    """

    CHOICES: ClassVar = {"steps": (1, 2, 3, 5, 10, 20), "weight": ("same", "div", "quadratic", "linear")}

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
    """What V-SKNN and STAN share: the latest `sample` sessions that hold an item of the prefix, the `k` most alike."""

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

    CHOICES: ClassVar = {
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
    """score(i) = Σ over neighbours n that hold i of sim(s, n) · exp(−age(n) / λ2) · exp(−|places from i to what is shared| / λ3).

    sim(s, n) = Σ over shared items of exp((place in s − |s|) / λ1) / √(|s| |n|); the shared item is the one that is latest in s.
    Source: Garg et al., SIGIR 2019.
    """

    CHOICES: ClassVar = {
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
