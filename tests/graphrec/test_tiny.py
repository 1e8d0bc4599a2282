"""Graphs with hardly anything in them: a smaller model or a clear word, never a crash."""

import dataclasses

import numpy as np
import pytest

from graphrec import Ranker, pipeline
from graphrec.scorers import FitContext
from tests.graphrec.graphs import known_graph, tastes

TINY = {
    "one user, one product": [[0]],
    "one user": [[0, 1, 2, 3]],
    "one product": [[0], [0], [0]],
    "two who chose the same": [[0, 1], [0, 1]],
    "one choice each": [[0], [1], [2]],
}


@pytest.fixture(scope="module", params=TINY)
def tiny(request):
    lists = TINY[request.param]
    return pipeline.learn(known_graph(lists, 1 + max(map(max, lists))), {}, FitContext())


def test_a_tiny_graph_makes_a_model_that_answers(tiny, tmp_path):
    known = tiny.model.known
    for ranker in (tiny, tiny.update([("new", "p00000")])):
        shown = ranker.rank(list(ranker.model.known.users.names), exclude_seen=False)
        assert set(shown.users) == set(ranker.model.known.users.names)
        assert np.isfinite(shown.scores).all()
        assert len(ranker.rank(history=[], k=3)) == min(3, len(known.products))
        assert len(ranker.similar("p00000")) < max(len(known.products), 1)
        assert "p00000" in str(ranker.explain("u00000", "p00000"))
        assert ranker.to_graph(k=2).counts()
    tiny.save(tmp_path / "m")
    assert (
        Ranker.load(tmp_path / "m")
        .rank("u00000", exclude_seen=False)
        .to_pandas()
        .equals(tiny.rank("u00000", exclude_seen=False).to_pandas())
    )


def test_who_has_seen_everything_gets_an_empty_list_that_says_so():
    ranker = pipeline.learn(known_graph([[0, 1, 2], [0, 1], [0]], 3), {}, FitContext(), scorers=["paths", "popularity"])
    alone, together = ranker.rank("u00000"), ranker.rank(["u00000", "u00001"])
    assert len(alone) == 0
    assert alone.unserved == together.unserved == ("u00000",)
    assert list(together.to_pandas()["user"]) == ["u00001"]
    assert "nothing is left for u00000: they chose all that may be ranked, or it was left out" in repr(alone)
    assert "nothing is left for u00000" in together._repr_html_()
    assert ranker.rank("u00001").unserved == ()
    assert ranker.update([("u00001", "p00002")]).rank("u00001").unserved == ("u00001",)


def test_vectors_that_are_no_numbers_never_reach_a_ranking():
    known = tastes(users=60, cold=2)
    vectors = np.random.default_rng(0).normal(size=(len(known.products), 8)).astype(np.float32)
    vectors[3], vectors[4] = np.nan, 0
    ranker = pipeline.learn(known, {}, FitContext(text={"Product": vectors}), scorers=["paths", "content", "popularity"])
    found = ranker.rank(list(known.users.names), k=100)
    assert np.isfinite(found.scores).all()
    assert len(found) > 60


def test_scores_that_are_no_numbers_never_reach_a_ranking(ranker):
    class Broken:
        scorers, warm = ranker.model.blend.scorers, ranker.model.blend.warm

        def score(self, histories, *, said=None):  # noqa: ARG002
            scores = np.tile(np.arange(len(self.warm), dtype=np.float32), (len(histories), 1))
            scores[:, ::2] = np.nan
            return scores

        def with_repeats(self):
            return self

    broken = Ranker(dataclasses.replace(ranker.model, blend=Broken()))
    found = broken.rank("u0001", k=500, exclude_seen=False)
    assert np.isfinite(found.scores).all()
    assert list(found.ranks) == list(range(1, len(found) + 1))
    assert len(found) == np.count_nonzero(np.arange(len(Broken.warm))[ranker.model.known.listed] % 2)
