"""What lies around a node."""

import networkx as nx
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg_builder.errors import BadRequest
from kg_builder.neighbours import neighbourhood
from kg_builder.schema import EdgeSpec, GraphSchema, NodeSpec
from kg_builder.tables import GraphTables
from tests.kg_builder.graphs import outside, planted

WEB = GraphSchema.of(
    [NodeSpec("A"), NodeSpec("B")], [EdgeSpec("A", "TO", "B"), EdgeSpec("A", "TO", "A"), EdgeSpec("B", "AT", "A")]
)
names = st.sampled_from("wxyz")
pairs = st.lists(st.tuples(names, names), unique=True, max_size=5)


def ids(tables, label="Product"):
    return sorted(tables.nodes[label].collect()["id"]) if label in tables.nodes else []


@given(st.tuples(pairs, pairs, pairs), st.integers(0, 4))
def test_a_node_is_near_where_networkx_finds_it_within_as_many_undirected_hops(edges, hops):
    node = pl.DataFrame({"id": list("wxyz")})
    schema = {"source": pl.String, "target": pl.String}
    frames = {kind: pl.DataFrame(some, schema=schema, orient="row") for kind, some in zip(WEB.edges, edges, strict=True)}
    near = neighbourhood(GraphTables.of(WEB, {"A": node, "B": node}, frames), "A/w", hops=hops)
    graph = nx.Graph(
        [((kind[0], one), (kind[2], other)) for kind, some in zip(WEB.edges, edges, strict=True) for one, other in some]
    )
    graph.add_node(("A", "w"))
    reached = set(nx.single_source_shortest_path_length(graph, ("A", "w"), cutoff=hops))
    assert {(label, name) for label in near.nodes for name in ids(near, label)} == reached
    for kind, some in zip(WEB.edges, edges, strict=True):
        kept = {(one, other) for one, other in some if {(kind[0], one), (kind[2], other)} <= reached}
        assert set(near.edges[kind].collect().rows() if kind in near.edges else []) == kept


def test_the_neighbourhood_of_a_graph_is_sound():
    neighbourhood(planted(), "Product/p0001", hops=2).check()


def test_no_hop_is_the_node_alone():
    near = neighbourhood(outside(), "Product/p1", hops=0)
    assert near.counts() == ({"Product": 1}, {})


def test_an_id_with_a_slash_is_found():
    tables = GraphTables.of(WEB, {"A": pl.DataFrame({"id": ["x/y"]})}, {})
    assert ids(neighbourhood(tables, "A/x/y"), "A") == ["x/y"]


@pytest.mark.parametrize(
    ("around", "words"),
    [
        ("Produkt/p1", "no nodes 'Produkt'; did you mean 'Product'"),
        ("Product/p001", "no Product 'p001'; did you mean 'p001"),
        ("p1", "takes a label and an id, such as Product/B00005N7PS"),
        ("Product/", "no Product ''"),
    ],
)
def test_a_node_that_is_not_there_is_named_with_what_comes_close(around, words):
    with pytest.raises(BadRequest, match=words):
        neighbourhood(planted(), around)


def test_the_closest_id_is_found_among_many_that_are_alike():
    names = [f"B0000{number:05d}" for number in range(30_000)]
    tables = GraphTables.of(WEB, {"A": pl.DataFrame({"id": names})}, {})
    with pytest.raises(BadRequest, match="no A 'B00002123X'; did you mean 'B00002123"):
        neighbourhood(tables, "A/B00002123X")


def test_negative_hops_are_refused():
    with pytest.raises(BadRequest, match=r"hops must be at least 0 \(got -1\)"):
        neighbourhood(outside(), "Product/p1", hops=-1)
