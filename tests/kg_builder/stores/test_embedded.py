"""The embedded store: locks, snapshots, and what is no store."""

import os
import subprocess
import sys

import polars as pl
import pytest

from kg_builder.errors import SchemaError, StoreError, StoreLocked, StoreMissing
from kg_builder.schema import RETAIL, EdgeSpec, GraphSchema, NodeSpec
from kg_builder.stores import connect
from kg_builder.stores.embedded import EmbeddedStore
from kg_builder.tables import GraphTables

# Holds the writer's lock of the store until it is told to go on.
HOLDER = """
import sys
from pathlib import Path
from kg_builder.stores.embedded import EmbeddedStore
store = EmbeddedStore(Path(sys.argv[1]))
with store._folder.locked():
    print("locked", flush=True)
    sys.stdin.readline()
"""
COUNTER = "import sys; from kg_builder.stores import connect; print(connect(sys.argv[1], read_only=True).info().nodes['User'])"


def users(*ids):
    return GraphTables.of(RETAIL, {"User": pl.DataFrame({"id": ids})}, {})


def count(store):
    return store.info().nodes.get("User", 0)


@pytest.fixture
def path(tmp_path):
    with connect(tmp_path / "shop.graph", create=True) as store:
        store.write(users("u1"))
    return tmp_path / "shop.graph"


@pytest.fixture
def writer_elsewhere(path):
    """Another process that is writing to the store."""
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "locked\n"
        yield process
        process.stdin.write("\n")
        process.stdin.flush()


def test_a_second_writer_is_refused_with_the_holders_process_id(path, writer_elsewhere):
    with connect(path) as store, pytest.raises(StoreLocked, match=f"process {writer_elsewhere.pid} is writing"):
        store.write(users("u2"))
    with pytest.raises(StoreLocked, match=str(writer_elsewhere.pid)):
        connect(path, create=True)
    with connect(path) as store:
        assert count(store) == 1


def test_a_store_can_be_read_beside_a_writer(path, writer_elsewhere):
    with connect(path, read_only=True) as store:
        assert count(store) == 1


def test_a_second_writer_of_the_same_process_is_refused(path):
    writer = EmbeddedStore(path)
    with writer._folder.locked(), EmbeddedStore(path) as second, pytest.raises(StoreLocked, match=str(os.getpid())):
        second.write(users("u2"))


def test_a_reader_keeps_its_snapshot_until_it_closes(path):
    with connect(path, read_only=True) as reader, connect(path) as writer:
        assert count(reader) == 1
        writer.write(users("u2"))
        assert (count(reader), count(writer)) == (1, 2)
        reader.close()
        assert count(reader) == 2


def test_another_process_sees_what_was_written(path):
    with connect(path) as store:
        store.write(users("u2", "u3"))
        command = [sys.executable, "-c", COUNTER, str(path)]
        seen = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    assert seen.stdout == "3\n"


def test_writers_one_after_the_other_lose_nothing(path):
    one, other = connect(path), connect(path)
    one.write(users("u2"))
    other.write(users("u3"))
    one.write(users("u4"))
    assert count(one) == 4
    one.close()
    other.close()


def test_a_write_that_breaks_off_leaves_the_store_as_it_was(path, monkeypatch):
    def breaks_off(*_):
        raise KeyboardInterrupt

    with connect(path) as store:
        monkeypatch.setattr("kg_builder.stores.embedded.copy", breaks_off)
        with pytest.raises(KeyboardInterrupt):
            store.write(users("u2"))
        monkeypatch.undo()
        assert count(store) == 1
        assert sorted(file.name for file in path.iterdir()) == ["database", "schema.json", "sums.json", "writer.lock"]


def test_a_killed_writer_leaves_a_store_that_can_be_written(path):
    (path / "database.next").write_bytes(b"half")
    (path / "database.next.wal").write_bytes(b"half")
    (path / "writer.lock").write_text("1")
    with connect(path) as store:
        store.write(users("u2"))
        assert count(store) == 2


def test_a_first_write_that_fails_leaves_no_folder(tmp_path):
    loose = GraphTables.of(RETAIL, {}, {("Product", "MADE_BY", "Brand"): pl.DataFrame({"source": ["p"], "target": ["b"]})})
    with connect(tmp_path / "new.graph", create=True) as store, pytest.raises(SchemaError):
        store.write(loose)
    assert not (tmp_path / "new.graph").exists()


def test_a_store_opened_read_only_cannot_be_written(path):
    with connect(path, read_only=True) as store, pytest.raises(StoreError, match="read-only"):
        store.write(users("u2"))


def test_a_path_without_a_store_says_how_to_make_one(tmp_path):
    with pytest.raises(StoreMissing, match="kg-builder build SOURCE --into"):
        connect(tmp_path / "nothing.graph")


@pytest.mark.parametrize("create", [True, False])
def test_a_folder_of_something_else_is_no_store(tmp_path, create):
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(StoreError, match="without a graph"):
        connect(tmp_path, create=create)
    assert [file.name for file in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_file_is_no_store(tmp_path):
    (tmp_path / "shop.graph").write_text("text")
    with pytest.raises(StoreError, match="is a file"):
        connect(tmp_path / "shop.graph", create=True)


def test_a_damaged_database_is_an_error_of_ours(path):
    (path / "database").write_bytes(b"not a database" * 1000)
    with connect(path) as store, pytest.raises(StoreError, match="cannot be read"):
        store.read()


def test_an_address_with_another_scheme_is_refused():
    with pytest.raises(StoreError, match=r"got http://localhost"):
        connect("http://localhost")


def test_a_wrong_label_in_a_query_names_the_nearest(path):
    with connect(path) as store, pytest.raises(StoreError, match="did you mean 'Product'"):
        store.query("MATCH (p:Prodct) RETURN p")


def test_derived_tables_can_be_queried_before_anything_is_written_back(path):
    with connect(path) as store:
        assert store.query("MATCH (:User)-[r:RECOMMENDED]->(p:Product) RETURN p.id AS id, r.rank AS rank").empty


@pytest.mark.parametrize("at_most", [0, 20_000], ids=["loaded anew", "changed in place"])
def test_replaced_edges_are_gone_whichever_way_they_are_written(tmp_path, monkeypatch, at_most):
    def recommended(*targets):
        rows = pl.DataFrame({"source": ["u1"] * len(targets), "target": targets, "model": ["m"] * len(targets)})
        return GraphTables.of(RETAIL, {"Product": pl.DataFrame({"id": targets})}, {("User", "RECOMMENDED", "Product"): rows})

    monkeypatch.setattr("kg_builder.stores.embedded._DELETED_AT_MOST", at_most)
    with connect(tmp_path / "shop.graph", create=True) as store:
        store.write(users("u1"))
        store.write(recommended("p1", "p2"))
        store.write(recommended("p2", "p3"))
        found = store.query("MATCH (:User)-[:RECOMMENDED]->(p:Product) RETURN p.id AS id ORDER BY id")["id"]
        assert found.to_list() == ["p2", "p3"]
        assert store.info().nodes["Product"] == 3


def test_names_that_differ_by_case_alone_are_refused(tmp_path):
    schema = GraphSchema.of([NodeSpec("Bought")], [EdgeSpec("Bought", "BOUGHT", "Bought")])
    with connect(tmp_path / "s.graph", create=True) as store, pytest.raises(SchemaError, match="Bought and BOUGHT"):
        store.write(GraphTables.of(schema, {"Bought": pl.DataFrame({"id": ["x"]})}, {}))


def test_half_a_megabyte_of_text_is_kept(path):
    schema = GraphSchema.of([NodeSpec("Page", {"text": "string"})], [])
    long = GraphTables.of(schema, {"Page": pl.DataFrame({"id": ["p"], "text": ["é" * 500_000]})}, {})
    with connect(path) as store:
        store.write(long)
        assert store.read().nodes["Page"].collect()["text"].item() == "é" * 500_000
