"""The Neo4j store: what goes wrong on the way to a server, and what only a server has."""

import subprocess
import sys
import time

import neo4j
import polars as pl
import pytest

from kg_builder.errors import SchemaError, StoreRefused, StoreUnreachable
from kg_builder.schema import RETAIL, GraphSchema, NodeSpec
from kg_builder.stores import Build, connect
from kg_builder.stores.neo4j import Neo4jStore
from kg_builder.tables import GraphTables

pytestmark = pytest.mark.neo4j


def products(**columns):
    return GraphTables.of(RETAIL, {"Product": pl.DataFrame(columns)}, {})


@pytest.fixture
def empty(neo4j_address, wipe):
    wipe()
    with connect(neo4j_address) as store:
        yield store


def test_a_wrong_password_is_refused_and_not_repeated(neo4j_address):
    with pytest.raises(StoreRefused, match="NEO4J_PASSWORD") as caught:
        Neo4jStore(neo4j_address, "neo4j", "not-the-password")
    assert "not-the-password" not in str(caught.value)


def test_the_password_is_not_in_the_repr(neo4j_server, empty):
    assert neo4j_server.password not in repr(empty)
    assert neo4j_server.password not in repr(neo4j_server)


@pytest.mark.parametrize("scheme", ["bolt", "neo4j"])
def test_a_server_that_is_down_is_reported_within_seconds(scheme, free_port):
    address = f"{scheme}://127.0.0.1:{free_port}"
    started = time.monotonic()
    with pytest.raises(StoreUnreachable, match=f"answers at {address}"):
        Neo4jStore(address, "neo4j", "secret")
    assert time.monotonic() - started < 10


def test_a_neo4j_address_works_like_a_bolt_address(neo4j_address, empty):
    empty.write(products(id=["p1"]))
    with connect(neo4j_address.replace("bolt://", "neo4j://")) as routed:
        assert routed.info().nodes == {"Product": 1}


def test_builds_and_schema_are_not_read_as_data(empty):
    empty.write(products(id=["p1"]), build=Build("dump", "tables", 1))
    assert empty.read() == products(id=["p1"])
    assert "Build" not in empty.info().nodes


def test_the_label_build_is_taken(empty):
    schema = GraphSchema.of([NodeSpec("Build")], [])
    with pytest.raises(SchemaError, match="Build is taken"):
        empty.write(GraphTables.of(schema, {"Build": pl.DataFrame({"id": ["b"]})}, {}))


def test_ids_are_unique_by_constraint(neo4j_server, empty):
    empty.write(products(id=["p1"]))
    server = neo4j.GraphDatabase.driver(neo4j_server.uri, auth=("neo4j", neo4j_server.password))
    with server, pytest.raises(neo4j.exceptions.ConstraintError):
        server.execute_query("CREATE (:Product {id: 'p1'})")


def test_written_vectors_can_be_searched_and_a_new_length_gets_a_new_index(empty):
    nearest = "CALL db.index.vector.queryNodes('product_text_embedding', 1, $vector) YIELD node RETURN node.id AS id"
    empty.write(products(id=["p1", "p2"], text_embedding=[[1.0, 0.0], [0.0, 1.0]]))
    assert _soon(lambda: empty.query(nearest, {"vector": [0.1, 0.9]})["id"].to_list()) == ["p2"]
    empty.write(products(id=["p1", "p2"], text_embedding=[[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
    assert _soon(lambda: empty.query(nearest, {"vector": [0.9, 0.1, 0.0]})["id"].to_list()) == ["p1"]


def _soon(ask):
    """The answer, once the index has taken up what was written."""
    for _ in range(50):
        found = ask()
        if found:
            return found
        time.sleep(0.1)
    return ask()


def test_an_unknown_label_makes_no_noise(neo4j_server):
    code = (
        "import os, kg_builder.stores as s; "
        f"store = s.connect('{neo4j_server.uri}', password=os.environ['SECRET']); "
        "print(len(store.query('MATCH (n:Nobody) RETURN n.nothing'))); store.close()"
    )
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-W", "error", "-c", code],
        env={"SECRET": neo4j_server.password},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (run.stdout, run.stderr) == ("0\n", "")
