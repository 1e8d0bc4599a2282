"""What every store promises, shown on both."""

import json
import time
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg_builder.changes import applied
from kg_builder.errors import QueryError, SchemaError, StoreMissing
from kg_builder.schema import DTYPES, RETAIL, EdgeSpec, GraphSchema, NodeSpec
from kg_builder.stores import Build, connect
from kg_builder.tables import GraphTables

texts = st.text(max_size=6)
VALUES = {
    "string": texts,
    "integer": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(),
    "boolean": st.booleans(),
    "strings": st.lists(texts, max_size=3),
    "vector": st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=3),
}
SCHEMA = RETAIL.with_properties("Product", {"genres": "strings", "pages": "integer"})


def table(draw, identities, names, kinds):
    columns = {name: [row[place] for row in identities] for place, name in enumerate(names)}
    dtypes = dict.fromkeys(names, pl.String())
    for name, kind in kinds.items():
        if name not in columns and draw(st.booleans()):
            value = st.one_of(st.none(), VALUES[kind])
            columns[name] = draw(st.lists(value, min_size=len(identities), max_size=len(identities)))
            dtypes[name] = DTYPES[kind]
    return pl.DataFrame(columns, schema=dtypes)


@st.composite
def graphs(draw, derived=True):
    """Graphs over the retail schema with any text, nulls, empty lists, the largest integers and odd floats."""
    ids = st.one_of(st.sampled_from(["a", "b", "c"]), texts)
    nodes, edges = {}, {}
    labels = draw(st.lists(st.sampled_from(list(SCHEMA.nodes)), unique=True))
    for label in labels:
        spec = SCHEMA.node(label)
        chosen = draw(st.lists(ids, unique=True, max_size=4))
        kinds = {**spec.properties, **(spec.derived if derived else {})}
        nodes[label] = table(draw, [(one,) for one in chosen], ["id"], kinds)
    possible = [
        kind
        for kind, spec in SCHEMA.edges.items()
        if {kind[0], kind[2]} <= nodes.keys()
        and nodes[kind[0]].height
        and nodes[kind[2]].height
        and (derived or not spec.derived)
    ]
    for kind in draw(st.lists(st.sampled_from(possible), unique=True, max_size=4)) if possible else ():
        spec = SCHEMA.edge(kind)
        ends = st.tuples(st.sampled_from(nodes[kind[0]]["id"].to_list()), st.sampled_from(nodes[kind[2]]["id"].to_list()))
        identities = st.tuples(ends, ids).map(lambda pair: (*pair[0], pair[1])) if spec.key else ends
        chosen = draw(st.lists(identities, unique=True, max_size=5))
        edges[kind] = table(draw, chosen, spec.identity, spec.properties)
    return GraphTables.of(SCHEMA, nodes, edges)


few = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@few
@given(graph=graphs())
def test_what_is_read_is_what_was_written(fresh_address, graph):
    with connect(fresh_address(), create=True) as store:
        store.write(graph)
        assert store.read(derived=True) == graph
        assert store.read() == graph.without_derived()


@few
@given(graph=graphs())
def test_writing_twice_changes_nothing(fresh_address, graph):
    with connect(fresh_address(), create=True) as store:
        store.write(graph)
        once = store.info()
        store.write(graph)
        assert store.info() == once
        assert store.read(derived=True) == graph


@few
@given(first=graphs(derived=False), second=graphs(derived=False))
def test_a_second_write_is_a_merge(fresh_address, first, second):
    with connect(fresh_address(), create=True) as store:
        store.write(first)
        store.write(second)
        assert store.read(derived=True) == first.merge(second)


def shop(**products):
    """Two users who bought p1, and products with the given titles."""
    return GraphTables.of(
        RETAIL,
        {
            "User": pl.DataFrame({"id": ["u1", "u2"]}),
            "Product": pl.DataFrame({"id": ["p1", *products], "title": ["Shoe", *products.values()]}),
        },
        {
            ("User", "BOUGHT", "Product"): pl.DataFrame(
                {"source": ["u1", "u2"], "target": ["p1", "p1"], "key": ["k1", "k2"], "at": [1_600_000_000, 1_600_000_060]}
            )
        },
    )


def recommended(rows):
    table = pl.DataFrame(rows, schema=["source", "target", "rank", "model"], orient="row")
    return GraphTables.of(RETAIL, {}, {("User", "RECOMMENDED", "Product"): table})


def ranks(store):
    rows = store.read(derived=True).edges["User", "RECOMMENDED", "Product"].select("source", "target", "rank", "model").collect()
    return sorted(rows.rows())


def test_a_rerun_of_the_same_model_replaces_what_it_said_of_the_same_users(store):
    store.write(shop(p2="Hat", p3="Scarf"))
    store.write(recommended([("u1", "p2", 1, "m"), ("u1", "p3", 2, "m"), ("u1", "p3", 1, "other"), ("u2", "p2", 1, "m")]))
    store.write(recommended([("u1", "p3", 1, "m")]))
    assert ranks(store) == [("u1", "p3", 1, "m"), ("u1", "p3", 1, "other"), ("u2", "p2", 1, "m")]


def test_what_a_model_wrote_is_not_read_as_input(store):
    store.write(shop(p2="Hat"))
    before = store.read()
    store.write(recommended([("u1", "p2", 1, "m")]))
    embedded = pl.DataFrame({"id": ["p1"], "text_embedding": [[0.5, 0.25]]})
    store.write(GraphTables.of(RETAIL, {"Product": embedded}, {}))
    assert store.read() == before
    vectors = store.read(derived=True).nodes["Product"].filter(pl.col("id") == "p1").collect()
    assert vectors["text_embedding"].to_list() == [[0.5, 0.25]]
    assert vectors["title"].item() == "Shoe"


def test_a_new_property_and_a_new_label_are_added_to_what_is_there(store):
    store.write(shop())
    newer = GraphSchema.of(
        [NodeSpec("Product", {"colour": "string"}), NodeSpec("Shelf", {"aisle": "integer"})],
        [EdgeSpec("Product", "LIES_ON", "Shelf")],
    )
    added = GraphTables.of(
        newer,
        {"Product": pl.DataFrame({"id": ["p1"], "colour": ["red"]}), "Shelf": pl.DataFrame({"id": ["s"], "aisle": [3]})},
        {("Product", "LIES_ON", "Shelf"): pl.DataFrame({"source": ["p1"], "target": ["s"]})},
    )
    store.write(added)
    assert store.read() == shop().merge(added)


def test_an_edge_may_end_at_a_node_that_is_only_in_the_store(store):
    store.write(shop())
    viewed = pl.DataFrame({"source": ["u1"], "target": ["p1"], "key": ["v"]})
    store.write(GraphTables.of(RETAIL, {}, {("User", "VIEWED", "Product"): viewed}))
    assert store.info().edges["User", "VIEWED", "Product"] == 1


def test_an_edge_that_ends_nowhere_is_refused_and_nothing_is_written(store):
    store.write(shop())
    viewed = pl.DataFrame({"source": ["u1"], "target": ["nowhere"], "key": ["v"]})
    bad = GraphTables.of(RETAIL, {"User": pl.DataFrame({"id": ["u9"]})}, {("User", "VIEWED", "Product"): viewed})
    with pytest.raises(SchemaError, match="'nowhere' is no Product"):
        store.write(bad)
    assert store.read() == shop()


def test_a_list_with_a_null_in_it_is_refused(store):
    holed = pl.DataFrame({"id": ["p1"], "genres": [["a", None]]})
    with pytest.raises(SchemaError, match="must not hold nulls"):
        store.write(GraphTables.of(SCHEMA, {"Product": holed}, {}))


def test_a_property_with_two_types_is_refused_and_the_store_stays(store):
    store.write(shop())
    schema = GraphSchema.of([NodeSpec("Product", {"price": "string"})], [])
    with pytest.raises(SchemaError, match=r"Product\.price"):
        store.write(GraphTables.of(schema, {"Product": pl.DataFrame({"id": ["p1"], "price": ["cheap"]})}, {}))
    assert store.read() == shop()


def test_info_counts_what_is_there_and_keeps_every_build(store):
    store.write(shop(), build=Build("dump", "tables", 1_700_000_000, {"no id": 2}))
    store.write(shop(), build=Build("dump", "tables", 1_700_000_001, {"no id": 3}))
    held = store.info()
    assert held.nodes == {"User": 2, "Product": 1}
    assert held.edges == {("User", "BOUGHT", "Product"): 2}
    assert (held.first_at, held.last_at) == (1_600_000_000, 1_600_000_060)
    assert [one.rejected for one in held.builds] == [{"no id": 2}, {"no id": 3}]
    assert [replace(one, seconds=0) for one in held.latest] == [Build("dump", "tables", 1_700_000_001, {"no id": 3}, seconds=0)]


def test_a_build_on_record_took_what_came_before_the_writing_and_the_writing(store):
    started = time.monotonic()
    store.write(shop(), build=Build("dump", "tables", 1_700_000_000, seconds=100.0))
    assert 100.0 < store.info().builds[-1].seconds <= 100.01 + time.monotonic() - started


def test_progress_ends_at_the_number_of_rows(store):
    seen = []
    store.write(shop(), progress=lambda *step: seen.append(step))
    assert seen[-1] == ("write", 5, 5)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


def test_a_query_gives_plain_values(store):
    store.write(shop())
    rows = store.query(
        "MATCH (u:User)-[b:BOUGHT]->(p:Product) WHERE b.at > $after "
        "RETURN u, p, b.key AS key, sum(b.at) AS total, collect(p.title) AS titles, p.price AS price",
        {"after": 1_600_000_000},
    )
    assert rows.to_dict("records") == [
        {
            "u": {"id": "u2"},
            "p": {"id": "p1", "title": "Shoe"},
            "key": "k2",
            "total": 1_600_000_060,
            "titles": ["Shoe"],
            "price": None,
        }
    ]
    assert json.dumps(int(rows["total"].item())) == "1600000060"


def test_a_query_without_rows_keeps_its_columns(store):
    store.write(shop())
    assert list(store.query("MATCH (u:User {id: 'nobody'}) RETURN u.id AS id").columns) == ["id"]


@pytest.mark.parametrize(
    "cypher",
    [
        "MATCH (u:User RETURN u",
        "MATCH (u:User) WHERE u.id = $id RETURN u",
        "CREATE (u:User {id: 'new'})",
        "MATCH (u:User) DETACH DELETE u",
    ],
    ids=["not Cypher", "a parameter is missing", "creates", "deletes"],
)
def test_a_bad_query_is_an_error_and_changes_nothing(store, cypher):
    store.write(shop())
    with pytest.raises(QueryError):
        store.query(cypher)
    assert store.read() == shop()


def test_a_store_that_nothing_was_written_to_says_so(store):
    with pytest.raises(StoreMissing, match=r"nothing was written|no graph"):
        store.read()
    with pytest.raises(StoreMissing, match=r"nothing was written|no graph"):
        store.info()


def named(label, *ids):
    return GraphTables.of(RETAIL, {label: pl.DataFrame({"id": list(ids)})}, {})


NOTHING = GraphTables.of(RETAIL, {}, {})


def test_a_node_that_is_gone_takes_its_edges_along_derived_ones_too(store):
    store.write(shop(p2="Hat"))
    store.write(recommended([("u1", "p1", 1, "m"), ("u1", "p2", 2, "m")]))
    store.write(NOTHING, gone=named("Product", "p1"))
    assert store.info().nodes == {"User": 2, "Product": 1}
    assert store.info().edges == {("User", "RECOMMENDED", "Product"): 1}
    assert ranks(store) == [("u1", "p2", 2, "m")]


def test_an_edge_that_is_gone_leaves_its_ends_and_the_edges_under_other_keys(store):
    store.write(shop())
    store.write(recommended([("u1", "p1", 1, "m"), ("u1", "p1", 1, "other")]))
    bought = pl.DataFrame({"source": ["u1"], "target": ["p1"], "key": ["k1"]})
    advised = pl.DataFrame({"source": ["u1"], "target": ["p1"], "model": ["m"]})
    kinds = {("User", "BOUGHT", "Product"): bought, ("User", "RECOMMENDED", "Product"): advised}
    store.write(NOTHING, gone=GraphTables.of(RETAIL, {}, kinds))
    assert store.info().nodes == {"User": 2, "Product": 1}
    assert store.read().edges["User", "BOUGHT", "Product"].collect()["key"].to_list() == ["k2"]
    assert ranks(store) == [("u1", "p1", 1, "other")]


def test_what_is_gone_twice_is_gone_once_and_the_unknown_leaves_nothing_behind(store):
    store.write(shop(p2="Hat"))
    for _ in range(2):
        store.write(NOTHING, gone=named("Product", "p2", "never was"))
    assert store.read() == shop()


def test_what_is_gone_and_written_is_replaced_and_keeps_its_other_edges(store):
    store.write(shop(p2="Hat"))
    bare = GraphTables.of(
        RETAIL,
        {"Product": pl.DataFrame({"id": ["p1"], "price": [3.0]})},
        {("User", "BOUGHT", "Product"): pl.DataFrame({"source": ["u1"], "target": ["p1"], "key": ["k1"], "price": [2.0]})},
    )
    store.write(bare, gone=bare)
    held = store.read()
    assert held.nodes["Product"].sort("id").select("title", "price").collect().rows() == [(None, 3.0), ("Hat", None)]
    events = held.edges["User", "BOUGHT", "Product"].sort("key").select("key", "at", "price").collect()
    assert events.rows() == [("k1", None, 2.0), ("k2", 1_600_000_060, None)]


def test_an_edge_to_a_node_that_is_gone_is_refused_and_nothing_is_written(store):
    store.write(shop())
    viewed = pl.DataFrame({"source": ["u1"], "target": ["p1"], "key": ["v"]})
    late = GraphTables.of(RETAIL, {}, {("User", "VIEWED", "Product"): viewed})
    with pytest.raises(SchemaError, match="'p1' is no Product"):
        store.write(late, gone=named("Product", "p1"))
    assert store.read() == shop()


@few
@given(held=graphs(), written=graphs(derived=False), gone=graphs())
def test_what_a_store_holds_after_a_write_is_what_the_tables_say(fresh_address, held, written, gone):
    with connect(fresh_address(), create=True) as store:
        store.write(held)
        try:
            store.write(written, gone=gone)
        except SchemaError:  # an edge ends at a node that is gone
            assert store.read(derived=True) == held
            return
        assert store.read(derived=True) == applied(held, written, gone)
