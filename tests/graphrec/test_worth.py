import dataclasses

import numpy as np
import pytest

from graphrec import systems
from graphrec.metrics import measure
from graphrec.pipeline import TextVectors, learn
from graphrec.protocols import hold_out
from graphrec.scorers import FitContext
from graphrec.worth import worth
from tests.graphrec.graphs import known_graph, tastes

GROUPS, SIZE = 4, 15


def asked(scorers, *, edges=True, texts=True, known=None):
    """What graph and text are worth to users of three choices whose tastes brands and texts give away."""
    known = known or tastes(users=160, groups=GROUPS, size=SIZE, length=4, timed=True)
    known = known if edges else dataclasses.replace(known, relations={})
    known = known if texts else dataclasses.replace(known, texts={})
    cut = hold_out(known, "leave-one-out")
    vectors = np.eye(GROUPS, dtype=np.float32)[np.arange(GROUPS * SIZE) // SIZE]
    context = FitContext(text=TextVectors(cut.known, None, "cpu", read={"Product": vectors}))
    ranker = learn(cut.known, {}, context, scorers=scorers)
    lists = systems.ranked(ranker, ranker.model.blend.scorers, cut, 10, exclude_seen=True).lists["blend"]
    ndcg = measure(lists, cut.truth)["ndcg"]
    found = worth(cut, {}, context, ndcg, 10, exclude_seen=True, scorers=scorers)
    return ndcg, {one.source: one for one in found}


def test_what_graph_and_texts_both_say_is_missed_where_both_are_gone():
    ndcg, found = asked(["popularity", "paths"])
    assert set(found) == {"graph", "text", "graph and text", "order"}
    both = found["graph and text"]
    assert both.difference.difference == pytest.approx(ndcg.mean() - both.ndcg)
    assert both.difference.low > 0
    assert str(both).startswith("the graph and text together add +0.")
    assert found["graph"].ndcg > both.ndcg


def test_a_graph_adds_what_is_lost_without_it_where_no_text_says_the_same():
    _, found = asked(["popularity", "paths"], texts=False)
    assert set(found) == {"graph", "order"}
    assert found["graph"].difference.low > 0
    assert str(found["graph"]).startswith("the graph adds +0.")


def test_text_that_no_scorer_reads_adds_nothing_and_the_data_cannot_tell():
    _, found = asked(["popularity"])
    assert {found[one].difference.difference for one in ("graph", "text", "graph and text")} == {0}
    assert str(found["text"]).startswith("the data cannot tell whether the text helps: with it +0.0000 ndcg [")
    assert str(found["graph and text"]).startswith("the data cannot tell whether the graph and text help: with them +0.0000")


def test_texts_alone_are_worth_something_where_there_are_no_edges():
    _, found = asked(["popularity", "content"], edges=False)
    assert set(found) == {"text", "order"}
    assert str(found["text"]).startswith("the text adds +0.")


@pytest.mark.parametrize("ordered", [True, False])
def test_order_is_worth_what_is_lost_without_it_where_each_product_follows_another(ordered):
    """Users walk around a ring of products."""
    walks = [[(start * 7 + step) % 60 for step in range(6)] for start in range(160)]
    _, found = asked(["popularity", "paths"], known=known_graph(walks, 60, ordered=ordered))
    assert set(found) == ({"order"} if ordered else set())
    if ordered:
        assert found["order"].difference.low > 0
        assert str(found["order"]).startswith("the order adds +0.")
