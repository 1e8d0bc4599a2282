"""Ids become rows and back, histories keep their order, and nothing derived gets in."""

import numpy as np
import polars as pl
import pytest

from graphrec.errors import NothingToLearn, UnknownId
from graphrec.tensors import Histories, KnownGraph
from kg_builder.schema import RETAIL
from kg_builder.tables import GraphTables


def frame(**columns):
    return pl.DataFrame(columns)


@pytest.fixture
def tables():
    return GraphTables.of(
        RETAIL.with_properties("Product", {"genres": "strings"}, text=["genres"]),
        {
            "User": frame(id=["ann", "bob"]),
            "Product": frame(
                id=["p1", "p2", "p3", "bare"],
                title=["Running shoe", "Trail shoe", None, None],
                description=["light", None, None, None],
                genres=[["sport", "outdoor"], None, None, None],
                listed=[True, True, None, None],
            ),
            "Review": frame(id=["r1"], rating=[4.0], at=[50]),
            "Brand": frame(id=["acme"], name=["Acme"]),
            "Category": frame(id=["Shoes", "Shoes > Running"], name=["Shoes", "Running"]),
            "Entity": frame(id=["e1"], name=["Oregon"]),
        },
        {
            ("User", "BOUGHT", "Product"): frame(
                source=["ann", "ann", "ann", "bob"],
                target=["p2", "p1", "p2", "p3"],
                key=["1", "2", "3", "4"],
                at=[10, 20, 30, None],
            ),
            ("User", "WROTE", "Review"): frame(source=["bob"], target=["r1"]),
            ("Review", "ABOUT", "Product"): frame(source=["r1"], target=["p1"]),
            ("Product", "MADE_BY", "Brand"): frame(source=["p1"], target=["acme"]),
            ("Product", "IN_CATEGORY", "Category"): frame(source=["p1"], target=["Shoes > Running"]),
            ("Category", "CHILD_OF", "Category"): frame(source=["Shoes > Running"], target=["Shoes"]),
            ("Product", "ALSO_BOUGHT", "Product"): frame(source=["p1"], target=["bare"]),
            ("Product", "RELATED", "Entity"): frame(source=["p1", "p2"], target=["e1", "e1"], relation=["made_in", "sold_in"]),
            ("User", "RECOMMENDED", "Product"): frame(source=["ann"], target=["p3"], model=["m"], rank=[1], score=[1.0], at=[9]),
        },
    )


@pytest.fixture
def known(tables):
    return KnownGraph.of(tables)


def test_a_product_chosen_twice_stands_in_the_history_once_where_it_was_chosen_last(known):
    history = known.histories(np.array([known.users.row("ann")]))
    assert [known.products.names[row] for row in history.product] == ["p1", "p2"]
    assert history.at.tolist() == [20, 30]


def test_reviews_count_as_interactions_with_their_rating_and_time(known):
    bob = known.interactions.user == known.users.row("bob")
    rated = dict(zip(known.interactions.product[bob], known.interactions.rating[bob], strict=True))
    assert rated[known.products.row("p1")] == 4.0
    assert np.isnan(rated[known.products.row("p3")])


def test_an_unknown_time_comes_before_every_known_one(known):
    history = known.histories(np.array([known.users.row("bob")]))
    assert [known.products.names[row] for row in history.product] == ["p3", "p1"]


def test_histories_of_a_few_users_equal_those_of_all(known):
    everyone, one = known.histories(), known.histories(np.array([1]))
    assert np.array_equal(everyone.slice(1, 2).product, one.product)
    assert np.array_equal(everyone.matrix(4).toarray()[1:], one.matrix(4).toarray())


def test_only_described_or_chosen_products_are_listed(known):
    listed = {name for name, is_listed in zip(known.products.names, known.listed, strict=True) if is_listed}
    assert listed == {"p1", "p2", "p3"}


def test_every_outside_relation_is_a_matrix_of_its_own(known):
    assert ("Product", "RELATED:made_in", "Entity") in known.relations
    assert ("Product", "RELATED:sold_in", "Entity") in known.relations


def test_what_a_model_wrote_back_is_no_relation_and_no_interaction(known):
    assert not any("RECOMMENDED" in name for _, name, _ in known.relations)
    assert len(known.interactions) == 5


def test_a_products_text_is_title_brand_category_path_and_the_rest(known):
    text = known.texts["Product"][known.products.row("p1")]
    assert text == "Running shoe. Acme. Shoes > Running. light. sport, outdoor"
    assert known.texts["Product"][known.products.row("bare")] == ""


def test_brands_that_are_only_numbers_stay_out_of_the_text(tables):
    silent = GraphTables.of(tables.schema.without_text("Brand"), tables.nodes, tables.edges)
    known = KnownGraph.of(silent)
    assert known.texts["Product"][known.products.row("p1")] == "Running shoe. Shoes > Running. light. sport, outdoor"


def test_shuffled_tables_give_the_same_graph(tables, known):
    shuffled = GraphTables.of(
        tables.schema,
        {label: table.collect().sample(fraction=1, shuffle=True, seed=3) for label, table in reversed(tables.nodes.items())},
        {kind: table.collect().sample(fraction=1, shuffle=True, seed=3) for kind, table in reversed(tables.edges.items())},
    )
    other = KnownGraph.of(shuffled)
    assert np.array_equal(other.interactions.product, known.interactions.product)
    assert other.texts == known.texts
    assert list(other.ids) == list(known.ids)
    assert list(other.relations) == list(known.relations)
    assert all((other.relations[name] != matrix).nnz == 0 for name, matrix in known.relations.items())


def test_hetero_data_holds_the_same_edges(known):
    data = known.hetero()
    assert data["User"].num_nodes == 2
    assert data["User", "INTERACTED", "Product"].edge_index.shape == (2, 5)
    assert data["Category", "CHILD_OF", "Category"].edge_index.shape == (2, 1)


def test_a_graph_without_interactions_says_what_it_holds(tables):
    alone = GraphTables.of(RETAIL, {"User": tables.nodes["User"]}, {})
    with pytest.raises(NothingToLearn, match="2 User"):
        KnownGraph.of(alone)


def test_an_unknown_id_says_which_is_close(known):
    with pytest.raises(UnknownId, match="did you mean 'bare'"):
        known.products.row("baer")


def test_batches_put_together_are_the_whole():
    histories = Histories.of([[0, 1], [], [2], [1, 0, 1]])
    parts = list(histories.batches(3))
    assert [len(part) for part in parts] == [3, 1]
    assert np.concatenate([part.product for part in parts]).tolist() == histories.product.tolist()
    assert parts[1].product.tolist() == [0, 1]
