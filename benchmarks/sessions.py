"""Next clicks of sessions that are new to the fit: ours beside tuned transitions and session-based neighbours.

    python benchmarks/sessions.py --data FOLDER [--trials 20] [--scorers default --scorers sequence …]

FOLDER holds train.txt and test.txt of a prepared slice of session-rec (`SessionId ItemId Time`, tab-separated). After every click
of a test session but its last one the next click is looked for among the best 20 of all items, those of the session included,
since people come back to them. Figures are means over clicks; intervals and tests draw sessions.

The peers are the plain methods of Ludewig and Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 2018, and
of Garg et al., "Sequence and time aware neighborhood for session-based recommendations: STAN", SIGIR 2019. Each is tuned by so
many random trials, by MRR on the latest day of the training sessions, and then given all of them; where it says nothing, items
follow by popularity. Ours are fitted once as a user would do it: the default blend, and the scorer of sequences alone.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from session_peers import DAY, PEERS, K, Peer, Questions, Sessions

import graphrec
import kg_builder
from graphrec.differences import differences
from graphrec.significance import intervals

Values = Mapping[str, np.ndarray]
Settings = Mapping[str, Any]
DEFAULT = "default"


def tuned(kind: type[Peer], sessions: Sessions, trials: int, seed: int, asked: int) -> tuple[Settings, float]:
    """The settings of the best of so many random trials on the latest day of the sessions, and their MRR there."""
    later = sessions.end > sessions.end.max() - DAY
    before, questions = sessions.where(~later), Questions.of(sessions.where(later)).sample(asked, seed)
    draw, tried = random.Random(seed), dict[tuple[Any, ...], float]()
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
    """One value a session whose mean over sessions is the mean over clicks: a session's sum, rescaled."""
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
    for scorers in options.scorers or (DEFAULT, "sequence"):
        add(scorers, *ours(options.data, ids, asked, None if scorers == DEFAULT else scorers.split(","), options.seed))
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
    parser.add_argument("--trials", type=int, default=20, help="settings tried of each peer")
    parser.add_argument("--tuning", type=int, default=1000, help="clicks that a trial is judged by")
    parser.add_argument("--scorers", action="append", help="rows of ours: `default`, or names with commas between")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
