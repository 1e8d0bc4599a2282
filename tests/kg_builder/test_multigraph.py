"""GraphTables ↔ networkx."""

import sys

import networkx as nx
import pytest
from hypothesis import given, settings

from kg_builder.errors import BadRequest, SchemaError
from kg_builder.multigraph import from_networkx, to_networkx
from kg_builder.schema import RETAIL
from tests.kg_builder.graphs import ODD, graphs, outside, planted, ugly, written_back


@pytest.mark.parametrize("graph", [planted, ugly, written_back, outside])
def test_what_became_a_networkx_graph_is_read_back(graph):
    tables = graph()
    assert from_networkx(to_networkx(tables)) == tables


@given(graphs())
@settings(deadline=None)
def test_any_graph_survives_networkx(tables):
    assert from_networkx(to_networkx(tables)) == tables


def test_networkx_sees_labels_types_and_parallel_edges():
    graph = to_networkx(outside())
    assert graph.nodes["Product", "p1"] == {"label": "Product", "title": "Green  tea", "price": 1299.0}
    assert graph.nodes["Entity", "p1"] == {"label": "Entity"}
    assert graph.edges[("User", "u1"), ("Product", "p2"), ("BOUGHT", "o1")] == {
        "type": "BOUGHT",
        "key": "o1",
        "at": 20,
        "price": 2.5,
    }
    assert nx.shortest_path_length(graph, ("User", "u1"), ("Entity", "p1")) == 3


def test_a_graph_that_is_too_large_names_the_way_out():
    with pytest.raises(BadRequest, match=r"at most 10 nodes and edges here \(got [\d,]+\); ask for around="):
        to_networkx(planted(), most=10)
    with pytest.raises(BadRequest, match="ask for fewer hops"):
        to_networkx(planted(), around="Product/p0001", most=10)
    assert ("Product", "p0001") in to_networkx(planted(), around="Product/p0001", hops=1, most=200)


def test_a_graph_made_by_hand_becomes_tables():
    graph = nx.MultiDiGraph()
    graph.add_node(("Product", "p1"), title="Tea", label="anything")
    graph.add_node(("Brand", "acme"))
    graph.add_edge(("Product", "p1"), ("Brand", "acme"), key="MADE_BY")
    tables = from_networkx(graph, RETAIL)
    assert tables.counts() == ({"Product": 1, "Brand": 1}, {("Product", "MADE_BY", "Brand"): 1})
    assert tables.nodes["Product"].collect()["title"].to_list() == ["Tea"]


@pytest.mark.parametrize(
    ("node", "attributes", "error", "words"),
    [
        ("p1", {}, BadRequest, "a node must be a pair of label and id"),
        (("Produkt", "p1"), {}, SchemaError, "did you mean 'Product'"),
        (("Product", "p1"), {"labels": "x"}, SchemaError, "has no property 'labels'; did you mean 'label'"),
        (("Product", "p1"), {"size": "large"}, SchemaError, "Product"),
    ],
)
def test_a_node_of_another_form_is_refused(node, attributes, error, words):
    graph = nx.MultiDiGraph()
    graph.add_node(node, **attributes)
    with pytest.raises(error, match=words):
        from_networkx(graph, ODD)


def test_an_edge_without_a_type_and_a_graph_without_a_schema_are_refused():
    graph = nx.MultiDiGraph()
    graph.add_edge(("Product", "p1"), ("Product", "p2"))
    with pytest.raises(BadRequest, match="an edge's key must be its type"):
        from_networkx(graph, ODD)
    with pytest.raises(BadRequest, match="has no schema"):
        from_networkx(graph)


def test_a_missing_networkx_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(ImportError, match="pip install networkx"):
        to_networkx(ugly())
