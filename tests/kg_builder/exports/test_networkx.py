"""networkx's node-link file: networkx itself reads it, and large graphs are refused."""

import json

import networkx as nx
import pytest

from kg_builder.errors import BadRequest
from kg_builder.exports import export
from tests.kg_builder.graphs import planted


def test_networkx_reads_the_file_with_every_node_edge_and_value(tmp_path):
    tables = planted()
    export(tables, tmp_path / "shop.json", format="networkx")
    graph = nx.node_link_graph(json.loads((tmp_path / "shop.json").read_text()))
    nodes, edges = tables.counts()
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (sum(nodes.values()), sum(edges.values()))
    product = tables.nodes["Product"].collect().row(0, named=True)
    found = graph.nodes["Product", product["id"]]
    assert (found["label"], found["title"], found["price"]) == ("Product", product["title"], product["price"])
    bought = tables.edges["User", "BOUGHT", "Product"].collect().row(0, named=True)
    edge = graph[("User", bought["source"])][("Product", bought["target"])][f"BOUGHT/{bought['key']}"]
    assert (edge["type"], edge["at"]) == ("BOUGHT", bought["at"])


def test_a_graph_too_large_for_networkx_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("kg_builder.exports.networkx.MOST", 10)
    with pytest.raises(BadRequest, match=r"networkx takes at most 10 nodes and edges \(got .*--around"):
        export(planted(), tmp_path / "shop.json", format="networkx")
