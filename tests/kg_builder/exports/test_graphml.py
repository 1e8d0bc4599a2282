"""GraphML as other programs see it, and what is refused."""

import xml.etree.ElementTree as ET

import networkx as nx
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg_builder.errors import DamagedDump
from kg_builder.exports import export, graphml, read_export
from tests.kg_builder.graphs import outside, planted, ugly

XMLNS = "{http://graphml.graphdrawing.org/xmlns}"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shop.graphml"


def test_networkx_reads_every_node_edge_and_value(path):
    export(outside(), path, format="graphml")
    graph = nx.read_graphml(path)
    assert graph.is_directed()
    assert graph.nodes["Product/p1"] == {"label": "Product", "id": "p1", "title": "Green  tea", "price": 1299.0}
    assert graph.nodes["Entity/p1"] == {"label": "Entity", "id": "p1"}
    assert graph["User/u1"]["Product/p2"] == {"type": "BOUGHT", "key": "o1", "at": 20, "price": 2.5}
    assert graph["Product/p1"]["Category/Food > Tea"] == {"type": "IN_CATEGORY"}
    nodes, edges = outside().counts()
    assert (len(graph), graph.number_of_edges()) == (sum(nodes.values()), sum(edges.values()))


def test_networkx_reads_parallel_edges_and_ugly_text(path):
    export(ugly(), path, format="graphml")
    graph = nx.read_graphml(path)
    nodes, edges = ugly().counts()
    assert graph.is_multigraph()
    assert (len(graph), graph.number_of_edges()) == (sum(nodes.values()), sum(edges.values()))
    assert graph.nodes["Product/two\nlines\r\nand\ra\ttab"]["id"] == "two\nlines\r\nand\ra\ttab"
    assert "Product/control _x0000__x0001__x001B_\x7f_xFFFE__xFFFF_" in graph


def test_neo4js_importer_finds_labels_and_types(path):
    export(outside(), path, format="graphml")
    root = ET.parse(path).getroot()  # noqa: S314 - our own file
    labels = {node.get("labels") for node in root.iter(f"{XMLNS}node")}
    assert labels == {":User", ":Product", ":Entity", ":Brand", ":Category"}
    assert {edge.get("label") for edge in root.iter(f"{XMLNS}edge")} == {"BOUGHT", "MADE_BY", "IN_CATEGORY", "RELATED"}
    declared = {key.get("id") for key in root.iter(f"{XMLNS}key")}
    assert {data.get("key") for data in root.iter(f"{XMLNS}data")} <= declared


def test_a_key_has_one_type_even_where_labels_disagree(path):
    export(ugly(), path, format="graphml")
    root = ET.parse(path).getroot()  # noqa: S314 - our own file
    keys = [(key.get("for"), key.get("attr.name"), key.get("attr.type")) for key in root.iter(f"{XMLNS}key")]
    assert ("node", "size", "double") in keys
    assert ("node", "size", "string") in keys
    ids = [key.get("id") for key in root.iter(f"{XMLNS}key")]
    assert len(ids) == len(set(ids))


@given(st.text(alphabet=st.sampled_from("_x0041FABfe\x00\x01\ufffe <&]>\r\n")))
def test_what_is_hidden_from_xml_is_shown_again(text):
    for marked in (graphml._MARKUP, graphml._IN_ATTRIBUTE):
        (said,) = pl.DataFrame({"t": [text]}).select(graphml._text(pl.col("t"), marked)).to_series()
        element = ET.fromstring(f'<a b="{said}">{said}</a>')  # noqa: S314 - our own text
        assert graphml._shown(element.text or "") == text
    assert graphml._shown(element.get("b")) == text


def test_a_document_type_is_refused_before_an_entity_is_expanded(path):
    export(outside(), path, format="graphml")
    bomb = '<!DOCTYPE graphml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    text = path.read_text()
    path.write_text(text.replace("<!-- made", f"{bomb}\n<!-- made").replace("Green  tea", "&b;"))
    with pytest.raises(DamagedDump, match=r"shop.graphml line 2: .* document type"):
        read_export(path, format="graphml")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("1299.0", "dear", "could not convert string to float: 'dear'"),
        ('<data key="schema">', '<data key="unknown">', "has no schema"),
        ('"Entity/m.1"', '"Entiti/m.1"', "did you mean 'Entity'"),
        ('key="n.title"', 'key="n.titel"', "n.titel"),
        ("</graphml>", "", "no element found"),
    ],
)
def test_a_file_that_says_something_else_is_damaged(old, new, words, path):
    export(outside(), path, format="graphml")
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DamagedDump, match=words):
        read_export(path, format="graphml")


def test_a_large_table_is_read_in_pieces(path, monkeypatch):
    monkeypatch.setattr(graphml, "_AT_ONCE", 7)
    export(planted(), path, format="graphml")
    assert read_export(path) == planted()
