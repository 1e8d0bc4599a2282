import dataclasses

import numpy as np
import polars as pl
import pytest

import graphrec
from graphrec import Ranker
from kg_builder.stores import connect
from kg_builder.tables import GraphTables
from tests.graphrec.conftest import SCORERS

RECOMMENDED = ("User", "RECOMMENDED", "Product")
SIMILAR = ("Product", "SIMILAR_TO", "Product")


@pytest.fixture
def vectored(ranker):
    """The ranker with text vectors, the first product's all zeros: it has no text."""
    vectors = np.eye(len(ranker.model.known.products), 5, k=-1, dtype=np.float16)
    return Ranker(dataclasses.replace(ranker.model, text={"Product": vectors}))


def test_written_edges_are_the_rankings(ranker):
    tables = ranker.to_graph(["u0001", "u0002"], k=4)
    tables.check()
    edges = tables.edges[RECOMMENDED].sort("source", "rank").collect()
    lists = ranker.rank(["u0001", "u0002"], k=4)
    assert edges.select("source", "target", "rank").rows() == [(line.user, line.item, line.rank) for line in lists]
    assert edges["model"].unique().to_list() == ["graphrec"]


def test_edges_bear_the_time_of_the_data_not_of_the_clock(ranker, shop):
    last = shop.interactions().select(pl.col("at").max()).collect().item()
    assert ranker.to_graph(["u0001"]).edges[RECOMMENDED].collect()["at"].unique().to_list() == [last]
    assert ranker.to_graph(["u0001"], at=7).edges[RECOMMENDED].collect()["at"].unique().to_list() == [7]


def test_similar_edges_start_at_every_listed_product_and_never_end_where_they_start(ranker):
    edges = ranker.to_graph(k=3).edges[SIMILAR].collect()
    assert edges.group_by("source").len()["len"].max() <= 3
    assert not (edges["source"] == edges["target"]).any()
    first = edges.filter(pl.col("source") == "p0001").sort("score", descending=True)["target"].to_list()
    assert first == list(ranker.similar("p0001", k=3).items)


def test_parts_can_be_left_out(vectored):
    bare = vectored.to_graph(["u0001"], similar=False, embeddings=False)
    assert list(bare.counts()[1]) == [RECOMMENDED]
    assert bare.counts()[0] == {"User": 1, "Product": 10}
    assert bare.nodes["Product"].collect()["text_embedding"].null_count() == 10


def test_text_embeddings_are_properties_of_every_product_with_a_text(vectored):
    products = vectored.to_graph(["u0001"], similar=False).nodes["Product"].sort("id").collect()
    assert products["text_embedding"].is_null().to_list()[:2] == [True, False]
    assert products["text_embedding"][1].to_list() == [1, 0, 0, 0, 0]


@pytest.fixture(scope="module")
def store(shop, tmp_path_factory):
    with connect(tmp_path_factory.mktemp("written") / "shop.graph", create=True) as store:
        store.write(shop)
        yield store


def test_writing_back_twice_changes_nothing(vectored, store):
    store.write(vectored.to_graph(k=5))
    once = store.read(derived=True)
    assert once.counts()[1][RECOMMENDED] == 5 * len(vectored.model.known.users)
    store.write(vectored.to_graph(k=5))
    assert store.read(derived=True) == once


def test_a_newer_list_replaces_the_older_one(vectored, store):
    store.write(vectored.to_graph(k=5))
    store.write(vectored.to_graph(["u0001"], k=2))
    found = store.query("MATCH (u:User {id: 'u0001'})-[r:RECOMMENDED]->(p:Product) RETURN p.id AS id ORDER BY r.rank")
    assert found["id"].tolist() == list(vectored.rank("u0001", k=2).items)


def test_a_fit_after_writing_back_gives_the_same_model(ranker, vectored, shop, store, tmp_path):
    store.write(vectored.to_graph(k=5))
    assert store.read() == shop.without_derived()
    again = graphrec.fit(store, scorers=SCORERS, text_model="none")
    users = list(ranker.model.known.users.names)
    assert again.rank(users).to_pandas().equals(ranker.rank(users).to_pandas())


def test_writing_back_does_not_tell_the_store_which_of_its_properties_are_text(ranker, shop, tmp_path):
    coded = GraphTables(shop.schema.without_text("Brand"), shop.nodes, shop.edges)
    with connect(tmp_path / "coded.graph", create=True) as store:
        store.write(coded)
        store.write(ranker.to_graph(["u0001"], k=2))
        assert store.read().schema.node("Brand").text == ()
        assert store.read().schema.node("Product").text == coded.schema.node("Product").text
