import numpy as np
import pytest
from scipy.sparse import csr_matrix

from graphrec import blend, metrics, splits
from graphrec.prior import Heads, bearable
from graphrec.scorers import FitContext
from tests.graphrec.graphs import tastes


def drawn(seed=0, users=40):
    """A graph with a fifth of its products cold, scores for everybody, and what some chose later."""
    known = tastes(users=users, cold=3, seed=seed)
    random = np.random.default_rng(seed)
    scores = random.normal(size=(users, len(known.products))).astype(np.float32)
    truth = (random.random(scores.shape) < 0.1) & (known.matrix.toarray() == 0)
    return known, scores, truth.astype(np.float32)


def heads_of(known, scores, truth):

    histories = known.histories()
    return Heads.of(lambda batch: scores[batch.user].copy(), known, histories, csr_matrix(truth))


@pytest.mark.parametrize("offset", [-1.0, 0.0, 0.7, 3.0])
def test_the_chosen_products_ndcg_is_that_of_the_whole_lists(offset):
    known, scores, truth = drawn()
    merged = scores + np.where(known.warm, 0, offset).astype(np.float32)
    merged[known.matrix.nonzero()] = -np.inf

    warm = csr_matrix(truth * known.warm)
    expected = metrics.ndcg(metrics.hits(metrics.top(merged, 20), warm), metrics.counts(warm))
    assert heads_of(known, scores, truth).quality(offset) == pytest.approx(expected[metrics.counts(warm) > 0].mean())


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3])
def test_new_products_take_the_share_of_the_places(share):
    known, scores, truth = drawn(users=200)
    merged = scores + np.where(known.warm, 0, heads_of(known, scores, truth).offset(share)).astype(np.float32)
    merged[known.matrix.nonzero()] = -np.inf
    assert (~known.warm)[metrics.top(merged, 20)].mean() == pytest.approx(share, abs=0.01)


def test_no_more_is_asked_of_the_chosen_products_than_a_hundredth():
    known, scores, truth = drawn(users=200)
    heads = heads_of(known, scores, truth)
    share = bearable(heads, 0.2)
    assert 0 < share < 0.2
    assert heads.quality(heads.offset(share)) >= 0.99 * heads.quality()
    worthless = heads_of(known, scores, np.zeros_like(truth))
    assert bearable(worthless, 0.5) == 0.5


def test_a_fit_gives_new_products_what_is_bearable_and_says_so_but_heeds_what_is_asked():
    cut = splits.global_time_cut(tastes(cold=3, seed=2))
    found = blend.learn(cut.known, FitContext(), scorers=["content", "linear", "paths"])
    told = [note for note in found.notes if note.startswith("products nobody chose yet get")]
    assert told
    if found.bearable < 1:
        assert found.newcomers == found.bearable
        assert "costs the others over 1%" in told[0]
    asked = blend.learn(cut.known, FitContext(), scorers=["content", "linear", "paths"], newcomers=0.2)
    assert asked.newcomers == 0.2
