"""The metrics beside two programs that share no code with them: trec_eval by ir-measures, and the referee of the real splits."""

import importlib.util
import os
from functools import cache
from pathlib import Path

import ir_measures
import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.metrics import counts, measure, top
from graphrec.significance import interval
from tests.graphrec.test_metrics import ones

AGREED = ("recall", "precision", "ndcg", "mrr", "map", "hit")
SPLITS = ("ml100k-kg", "beauty", "gowalla")
K = 20


def trec(scores, truth, k):
    """[users, metrics] what trec_eval makes of these scores; it breaks ties by the greater name, so names fall by column."""
    products = scores.shape[1]
    names = [f"{products - column:06d}" for column in range(products)]
    scores = np.where(np.isneginf(scores), np.nan, scores)
    wanted = [ir_measures.Qrel(str(user), names[column], 1) for user, column in zip(*truth.nonzero(), strict=True)]
    ranked = [
        ir_measures.ScoredDoc(str(user), names[column], float(scores[user, column]))
        for user, column in np.argwhere(~np.isnan(scores)).tolist()
    ]
    return _trec(wanted, ranked, counts(truth), k)


def trec_of_lists(lists, truth):
    """The same of ranked lists."""
    wanted = [ir_measures.Qrel(str(user), str(product), 1) for user, product in zip(*truth.nonzero(), strict=True)]
    ranked = [
        ir_measures.ScoredDoc(str(user), str(product), float(-place))
        for user, one in enumerate(lists.tolist())
        for place, product in enumerate(one)
        if product >= 0
    ]
    return _trec(wanted, ranked, counts(truth), lists.shape[1])


def _trec(wanted, ranked, sizes, k):
    asked = {
        ir_measures.R @ k: 0,
        ir_measures.P @ k: 1,
        ir_measures.nDCG @ k: 2,
        ir_measures.RR: 3,  # without k, since trec_eval has none
        ir_measures.AP @ k: 4,
        ir_measures.Success @ k: 5,
    }
    found = np.zeros((len(sizes), len(asked)))
    if wanted and ranked:
        for one in ir_measures.iter_calc(list(asked), wanted, ranked):
            found[int(one.query_id), asked[one.measure]] = one.value
    found[:, 3] *= found[:, 3] > 1 / (k + 0.5)
    found[:, 4] *= sizes / np.maximum(np.minimum(sizes, k), 1)  # trec_eval divides by |truth|
    return found


def ours(lists, truth):
    found = measure(lists, truth)
    assert tuple(found) == AGREED
    return np.stack(list(found.values()), axis=1)


@st.composite
def questions(draw):
    """Scores full of ties and of users about whom nothing is said, and who chose what."""
    users, products = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    score = st.sampled_from([-np.inf, 0.0, 1.0, 2.0, 3.0])
    scores = draw(st.lists(st.lists(score, min_size=products, max_size=products), min_size=users, max_size=users))
    truth = draw(st.lists(st.sets(st.integers(0, products - 1)), min_size=users, max_size=users))
    return np.array(scores, dtype=np.float32), ones(truth, products)


@settings(deadline=None)
@given(questions(), st.integers(1, 15))
def test_metrics_of_random_scores_agree_with_trec_eval(question, k):
    scores, truth = question
    assert ours(top(scores, k), truth) == pytest.approx(trec(scores, truth, k), abs=1e-6)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_metrics_of_long_lists_agree_with_trec_eval(seed, k):
    random = np.random.default_rng(seed)
    lists = np.argsort(random.random((20, 40)), axis=1)[:, :k]
    lists[random.random(20) < 0.2, random.integers(0, k) :] = -1
    truth = sp.random(20, 40, 0.3, random_state=seed, format="csr")
    truth.data[:] = 1
    assert ours(lists, truth) == pytest.approx(trec_of_lists(lists, truth), abs=1e-6)


def _data() -> Path:
    return Path(os.environ["GRAPHREC_DATA"])


def _referee():
    spec = importlib.util.spec_from_file_location("score", _data().parent / "referee" / "score.py")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _there() -> bool:
    return "GRAPHREC_DATA" in os.environ and (_data().parent / "referee" / "score.py").exists()


@cache
def split(name):
    """The users of a real split, at most 2,000 of them, the products' ids, and what was chosen before and after, in rows."""
    read = {part: _pairs(_data() / name / f"{part}.tsv") for part in ("train", "valid", "test")}
    users = read["test"]["user"].unique().sort()
    users = users.sample(min(len(users), 2000), seed=0).sort()
    items = pl.concat([frame["item"] for frame in read.values()]).unique().sort()
    past = pl.concat([read["train"], read["valid"]])
    return users, items, *(_matrix(frame, users, items) for frame in (past, read["test"])), past


def _pairs(path):
    return pl.read_csv(path, separator="\t", schema_overrides={"user": str, "item": str}).select("user", "item")


def _matrix(frame, users, items):
    rows = frame.join(pl.DataFrame({"user": users}).with_row_index("row"), on="user")
    rows = rows.join(pl.DataFrame({"item": items}).with_row_index("column"), on="item")
    matrix = sp.csr_matrix((np.ones(rows.height), (rows["row"], rows["column"])), shape=(len(users), len(items)))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def popular(name):
    """What most others chose, without what a user chose before."""
    _, items, past, _, frame = split(name)
    times = frame["item"].value_counts().join(pl.DataFrame({"item": items}), on="item", how="right", maintain_order="right")
    scores = np.repeat(times["count"].fill_null(0).to_numpy().astype(np.float32)[None, :], past.shape[0], axis=0)
    scores[past.nonzero()] = -np.inf
    return top(scores, K)


def drawn(name):
    """Lists of chance, some of them short and some empty; a tenth of their places are given to what was chosen."""
    _, items, past, later, _ = split(name)
    random = np.random.default_rng(0)
    lists = np.zeros((later.shape[0], K), dtype=np.int64)
    for user in range(later.shape[0]):
        seen, wanted = past[user].indices, later[user].indices
        right = random.choice(wanted, min(len(wanted), random.integers(0, 5)), replace=False)
        others = np.setdiff1d(random.integers(0, len(items), 2 * K), [*seen, *right])
        lists[user] = random.permutation([*right, *random.permutation(others)[: K - len(right)]])
    ends = np.where(random.random(len(lists)) < 0.3, random.integers(0, K, len(lists)), K)
    return np.where(np.arange(K) < ends[:, None], lists, -1)


@pytest.mark.real_data
@pytest.mark.skipif(not _there(), reason="GRAPHREC_DATA names no folder of real data with the referee beside it")
@pytest.mark.parametrize("made", [popular, drawn])
@pytest.mark.parametrize("name", SPLITS)
def test_metrics_of_real_splits_agree_with_the_referee_and_with_trec_eval(name, made):
    users, items, past, later, _ = split(name)
    lists, referee = made(name), _referee()
    test, train = ({user: set(items[matrix[row].indices]) for row, user in enumerate(users)} for matrix in (later, past))
    named = {user: [items[product] for product in one if product >= 0] for user, one in zip(users, lists.tolist(), strict=True)}
    rows, seen = referee.per_user(test, {user: one for user, one in named.items() if one}, train, K)
    found = measure(lists, later)
    assert seen == 0
    assert found["recall"].any()
    for column, metric in enumerate(("recall", "ndcg", "hit", "mrr")):
        assert found[metric] == pytest.approx(rows[:, column], abs=1e-6)
        assert interval(found[metric]) == pytest.approx(referee.bootstrap(rows[:, column]), abs=1e-9)
    assert ours(lists, later) == pytest.approx(trec_of_lists(lists, later), abs=1e-6)
