import json
from dataclasses import replace

import numpy as np
import pytest

from graphrec.likeness import Described
from graphrec.scorers import FitContext, State
from graphrec.scorers.content import Content
from graphrec.tensors import Histories, KnownGraph
from tests.graphrec.graphs import known_graph, tastes

SIZE = 15


def described(known: KnownGraph, products: list[int]) -> Described:
    ties = {name: edges[products] for (_, name, _), edges in known.relations.items()}
    return Described([known.texts["Product"][row] for row in products], ties=ties)


def test_a_product_described_like_a_cold_one_of_the_graph_scores_like_it():
    known = tastes(cold=3)
    scorer = Content.fit(known, FitContext())
    cold = np.flatnonzero(~known.warm).tolist()
    placed = scorer.place(described(known, cold))
    histories = known.histories(np.arange(20))
    assert placed.score(histories) == pytest.approx(scorer.score(histories)[:, cold], rel=1e-3, abs=1e-4)
    nearest = placed.alike.toarray().argmax(axis=1)
    assert (nearest // SIZE == np.array(cold) // SIZE).all()


def test_what_is_restored_places_new_products_the_same():
    known = tastes(cold=3)
    scorer, new = Content.fit(known, FitContext()), described(known, [0, 20])
    state = scorer.state()
    again = Content.restore(State(dict(state.arrays), json.loads(json.dumps(dict(state.settings)))))
    assert (again.place(new).near != scorer.place(new).near).nnz == 0
    assert (again.place(new).alike != scorer.place(new).alike).nnz == 0


def test_words_nobody_used_and_ties_nobody_has_place_a_product_nowhere():
    placed = Content.fit(tastes(cold=3), FitContext()).place(Described(["zzz", ""]))
    assert not placed.near.nnz
    assert not placed.alike.nnz
    assert not placed.prior.any()
    assert placed.score(Histories.of([[0], []])).shape == (2, 2)


def test_where_nothing_is_said_of_the_graphs_products_new_ones_have_no_place():
    known = replace(known_graph([[0, 1], [1, 2]], 3), relations={}, texts={})
    assert not Content.fit(known, FitContext()).place(Described(["red shoe"])).near.nnz
