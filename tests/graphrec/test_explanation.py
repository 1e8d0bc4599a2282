import dataclasses

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

from graphrec import Ranker
from graphrec.blend import Blend
from graphrec.connections import Connection, Connections, Node
from graphrec.explanation import Explanation, Reason
from graphrec.model import Model
from graphrec.scorers import Term
from tests.graphrec.graphs import known_graph, tastes


def top(ranker, user):
    return ranker.rank(user, k=1).items[0]


def test_amounts_and_baseline_add_up_to_the_score(ranker):
    for user in ranker.model.known.users.names[:15]:
        line = next(iter(ranker.rank(user, k=1)))
        found = ranker.explain(user, line.item)
        assert found.score == pytest.approx(line.score, rel=1e-4)
        assert sum(reason.amount for reason in found) + found.baseline == pytest.approx(line.score, rel=1e-4)


def test_shares_of_one_sign_add_up_to_one(ranker):
    found = ranker.explain("u0001", top(ranker, "u0001"))
    assert sum(abs(reason.share) for reason in found) == pytest.approx(1)
    assert all(np.sign(reason.share) == np.sign(reason.amount) for reason in found)


def test_the_largest_reason_for_or_against_comes_first_and_products_named_are_of_the_history(ranker):
    known = ranker.model.known
    user = known.users.names[3]
    own = set(known.products.names[known.histories(np.array([3])).product])
    found = ranker.explain(user, top(ranker, user))
    amounts = [abs(reason.amount) for reason in found]
    assert amounts == sorted(amounts, reverse=True)
    named = {reason.item.id for reason in found if reason.item}
    assert named
    assert named <= own


def test_leaving_out_what_an_exact_reason_names_lowers_an_additive_score_by_its_amount():
    known = tastes(users=80)
    scorer = _Additive(known)
    model = Model(known, Blend({"additive": scorer}, {"additive": 1.0}, {"additive": 1.0}, known.warm))
    found = Ranker(model).explain(["p00001", "p00002", "p00003"], "p00004")
    raw = {reason.item.id: reason.amount for reason in found}
    expected = {f"p{row:05d}": scorer.weights[row, 4] for row in (1, 2, 3)}
    ratio = {name: raw[name] / expected[name] for name in raw}
    assert all(reason.exact for reason in found)
    assert set(raw) == set(expected)
    assert max(ratio.values()) == pytest.approx(min(ratio.values()), rel=1e-3)


class _Additive:
    """score = Σ over the history of a fixed random number a pair, and it says so."""

    name = "additive"

    def __init__(self, known):
        self.weights = np.random.default_rng(0).random((len(known.products), len(known.products))).astype(np.float32)

    def score(self, histories):
        return np.asarray(histories.matrix(len(self.weights)) @ self.weights)

    def terms(self, history, product):
        return [Term(int(row), "MADE_BY", float(self.weights[row, product])) for row in history.product]


class _Opaque(_Additive):
    """The same, but it keeps its reasons to itself."""

    name = "opaque"
    terms = None

    def __getattribute__(self, name):
        if name == "terms":
            raise AttributeError(name)
        return super().__getattribute__(name)


def test_an_opaque_scorer_is_shared_out_over_the_history_and_says_that_this_is_not_exact():
    known = tastes(users=80)
    model = Model(known, Blend({"opaque": _Opaque(known)}, {"opaque": 1.0}, {"opaque": 1.0}, known.warm))
    ranker = Ranker(model)
    found = ranker.explain(["p00001", "p00002", "p00003"], ranker.rank(history=["p00001", "p00002", "p00003"], k=1).items[0])
    assert not any(reason.exact for reason in found)
    assert {reason.item.id for reason in found} <= {"p00001", "p00002", "p00003"}
    assert sum(reason.amount for reason in found) + found.baseline == pytest.approx(found.score, rel=1e-4)


def test_a_shared_brand_is_named():
    known = tastes(users=80)
    names = {"Brand": np.array(["Acme", None, "Zeta", "Yota"], dtype=object)}
    found = Connections(known, names).between(1, 4, "MADE_BY")
    assert found.sentence == "both MADE_BY Acme"
    assert {(link.source.id, link.type, link.target.name) for link in found.links} == {
        ("p00001", "MADE_BY", "Acme"),
        ("p00004", "MADE_BY", "Acme"),
    }
    assert Connections(known, names).between(16, 17, "MADE_BY").sentence == "both MADE_BY b00001"


def test_direct_edges_are_named_in_their_direction_and_outside_relations_by_name():
    edges = sp.csr_matrix(np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0]], dtype=np.float32))
    directed = sp.csr_matrix(np.array([[1], [1], [0]], dtype=np.float32))
    known = known_graph(
        [[0, 1, 2], [0, 1]],
        3,
        relations={
            ("Product", "ALSO_BOUGHT", "Product"): edges,
            ("Product", "RELATED:directed_by", "Entity"): directed,
            ("Entity", "RELATED:made", "Product"): directed.T.tocsr(),
        },
        labels={"Entity": 1},
    )
    find = Connections(known).between
    assert find(0, 1, "ALSO_BOUGHT").sentence == "ALSO_BOUGHT leads from it here"
    assert find(1, 0, "ALSO_BOUGHT reversed").sentence == "ALSO_BOUGHT leads from here to it"
    assert find(0, 1, "RELATED:directed_by").sentence == "both RELATED:directed_by e00000"
    assert find(0, 1, "RELATED:made").sentence == "e00000 RELATED:made both"
    assert find(0, 1, "INTERACTED").sentence == "2 others chose both"
    assert find(0, 2, "INTERACTED").sentence == "1 other chose both"
    assert find(1, 0, "ALSO_BOUGHT").links == ()
    assert find(0, 1, "BOUGHT").sentence == "2 others chose both"
    assert find(0, 1, "INTERACTED next").sentence == "often chosen next (2 others chose both)"
    assert find(0, 1, "text").sentence == "their texts are alike"


def test_two_steps_name_what_lies_between():
    edges = np.zeros((4, 4), dtype=np.float32)
    edges[0, 2] = edges[2, 1] = edges[1, 3] = edges[0, 3] = 1
    kinds = sp.csr_matrix(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]], dtype=np.float32))
    parents = sp.csr_matrix(np.array([[0, 0, 1], [0, 0, 1], [0, 0, 0]], dtype=np.float32))
    known = known_graph(
        [[0, 1]],
        4,
        relations={
            ("Product", "ALSO_VIEWED", "Product"): sp.csr_matrix(edges),
            ("Product", "IN_CATEGORY", "Category"): kinds,
            ("Category", "CHILD_OF", "Category"): parents,
        },
        labels={"Category": 3},
    )
    find = Connections(known).between
    assert find(0, 1, "ALSO_VIEWED > ALSO_VIEWED").sentence == "ALSO_VIEWED leads here by way of p00002"
    assert find(0, 1, "ALSO_VIEWED to the same").sentence == "both ALSO_VIEWED p00003"
    assert find(2, 3, "ALSO_VIEWED from the same").sentence == "p00000 ALSO_VIEWED both"
    above = find(0, 1, "IN_CATEGORY > CHILD_OF")
    assert above.sentence == "both IN_CATEGORY under c00002"
    assert len(above.links) == 4
    assert find(0, 1, "IN_CATEGORY").links == ()


def test_a_name_within_a_longer_name_is_another_relation():
    known = tastes(users=10)
    assert Connections(known).between(1, 4, "RELATED:MADE_BY").links == ()
    assert Connections(known).between(1, 4, "MADE_BY_HAND").links == ()


def test_the_subgraph_joins_the_user_to_the_product_through_the_history(ranker):
    user = "u0001"
    found = ranker.explain(user, top(ranker, user))
    graph = found.to_networkx()
    assert isinstance(graph, nx.MultiDiGraph)
    assert {("User", user), ("Product", found.item.id)} <= set(graph)
    for reason in found.reasons[:10]:
        if reason.item:
            assert graph.has_edge(("User", user), ("Product", reason.item.id))
    assert all({"label", "name"} <= set(data) for _, data in graph.nodes(data=True))


def test_links_are_drawn_once_between_named_nodes():
    known = tastes(users=80)
    scorer = _Additive(known)
    model = Model(known, Blend({"additive": scorer}, {"additive": 1.0}, {"additive": 1.0}, known.warm))
    graph = Ranker(model).explain(["p00001", "p00002"], "p00004").to_networkx()
    made = [(one, other) for one, other, data in graph.edges(data=True) if data["type"] == "MADE_BY"]
    assert sorted(made) == [(("Product", f"p{row:05d}"), ("Brand", "b00000")) for row in (1, 2, 4)]


def test_an_explanation_reads_as_sentences(ranker):
    user = "u0001"
    found = ranker.explain(user, top(ranker, user))
    first = next(reason for reason in found if reason.item)
    assert f"because you chose {first.item.name} — " in str(found)
    assert f"{found.baseline:+.3g} of the score is the same for every product" in str(found)
    assert first.item.name in found._repr_html_()
    frame = found.to_pandas()
    assert list(frame.columns) == ["item", "title", "scorer", "path", "because", "amount", "share", "exact"]
    assert len(frame) == len(found)
    assert frame["amount"].sum() + frame.attrs["baseline"] == pytest.approx(found.score)
    assert sum(found.by_scorer().values()) + found.baseline == pytest.approx(found.score)


def test_a_stranger_without_a_history_is_told_that_it_is_popular(ranker):
    found = ranker.explain([], "p0001")
    assert {reason.path for reason in found} == {"popularity"}
    assert "many chose it" in str(found)


def test_an_explanation_of_a_product_that_no_scorer_speaks_of_is_empty_but_given():
    known = dataclasses.replace(tastes(users=80, cold=3), texts={})
    from graphrec.scorers import FitContext
    from graphrec.scorers.linear import Linear

    linear = Linear.fit(known, FitContext())
    model = Model(known, Blend({"linear": linear}, {"linear": 1.0}, {"linear": 1.0}, known.warm))
    found = Ranker(model).explain(["p00001"], "p00014")
    assert len(found) == 0
    assert found.item == Node("Product", "p00014", "p00014")


def test_products_of_one_name_are_told_together_and_the_rest_is_summed_up_by_path():
    names = ["Plums", "Plums", "Figs", "Dates", "Kiwis", "Limes", "Pears"]
    items = [Node("Product", f"p{number}", name) for number, name in enumerate(names)]
    alike, brand = Connection("9 others chose both"), Connection("both MADE_BY Acme")
    reasons = [Reason(item, "linear", "INTERACTED", 2.0 - place / 10, True, alike) for place, item in enumerate(items)]
    reasons += [Reason(items[2], "paths", "MADE_BY", -0.1, True, brand), Reason(None, "paths", "popularity", 0.2, True, alike)]
    found = Explanation.of("u", Node("Product", "p9", "Peach"), reasons)
    total = sum(abs(reason.amount) for reason in reasons)
    told = found.told()
    assert told[0] == (pytest.approx((2.0 + 1.9) / total), "because you chose 2 × Plums — 9 others chose both")
    assert [sentence for _, sentence in told[5:]] == [
        f"1 smaller reason: {path}" for path in ("INTERACTED", "popularity", "MADE_BY")
    ]
    more = [Reason(items[0], "paths", f"PATH_{number}", 0.01, True, brand) for number in range(3)]
    assert Explanation.of("u", found.item, reasons + more).told()[8][1] == "3 smaller reasons along other paths"
    assert sum(share for share, _ in told) == pytest.approx(sum(reason.share for reason in found))
    assert found.by_path() == pytest.approx({"INTERACTED": 11.9, "popularity": 0.2, "MADE_BY": -0.1})
