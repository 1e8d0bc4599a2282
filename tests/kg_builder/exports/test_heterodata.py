"""The arrays as numpy alone sees them."""

import json

import numpy as np
import polars as pl
import pytest

from kg_builder.errors import DamagedDump, SchemaError
from kg_builder.exports import export, read_export
from kg_builder.exports.heterodata import attributes
from kg_builder.schema import RETAIL
from kg_builder.tables import GraphTables
from tests.kg_builder.graphs import outside, ugly, written_back


def test_numpy_reads_edges_numbers_and_masks_without_pickle(tmp_path):
    export(outside(), tmp_path / "out", format="heterodata")
    with np.load(tmp_path / "out" / "node_types" / "Product.npz", allow_pickle=False) as product:
        assert product["price"].tolist() == [1299.0, 0.1]
        assert product["price"].dtype == np.float64
        assert "price_known" not in product
    with np.load(tmp_path / "out" / "edge_types" / "User.BOUGHT.Product.npz", allow_pickle=False) as bought:
        assert bought["edge_index"].tolist() == [[0, 0], [0, 1]]
        assert bought["at"].dtype == np.int64
        assert bought["at"].tolist() == [10, 20]
        assert bought["price_known"].tolist() == [False, True]
    assert pl.read_parquet(tmp_path / "out" / "node_types" / "Product.parquet")["id"].to_list() == ["p1", "p2"]


def test_vectors_of_one_length_are_one_array_and_others_stay_lists(tmp_path):
    export(written_back(), tmp_path / "out", format="heterodata", derived=True)
    with np.load(tmp_path / "out" / "node_types" / "Product.npz") as product:
        assert product["seen"].shape == (13, 2)
        assert product["seen"].dtype == np.float32
    with np.load(tmp_path / "out" / "node_types" / "User.npz") as user:
        assert "ragged" not in user
    assert "ragged" in pl.read_parquet(tmp_path / "out" / "node_types" / "User.parquet").columns


def test_equal_graphs_give_equal_arrays_whatever_the_order_of_rows(tmp_path):
    tables = ugly()
    mixed = {label: table.reverse() for label, table in tables.nodes.items()}
    shuffled = GraphTables(tables.schema, mixed, {kind: table.reverse() for kind, table in tables.edges.items()})
    for name, one in (("a", tables), ("b", shuffled)):
        export(one, tmp_path / name, format="heterodata")
    for file in (tmp_path / "a").rglob("*.npz"):
        with np.load(file) as one, np.load(tmp_path / "b" / file.relative_to(tmp_path / "a")) as other:
            assert one.files == other.files
            for name in one.files:
                np.testing.assert_array_equal(one[name], other[name])


def test_names_of_attributes_never_meet():
    names = [name for pair in attributes(["a", "a_known", "a_known_", "size", "size_", "edge_index"]).values() for name in pair]
    assert len(names) == len(set(names))
    assert "edge_index" not in names
    assert "size" not in names


def test_an_edge_that_ends_nowhere_is_refused(tmp_path):
    tables = outside()
    loose = GraphTables(RETAIL, {label: table for label, table in tables.nodes.items() if label != "User"}, tables.edges)
    with pytest.raises(SchemaError, match="User-BOUGHT-Product: source 'u1' is no User"):
        export(loose, tmp_path / "out", format="heterodata")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "change",
    [lambda said: said.pop("kinds"), lambda said: said["kinds"].append("Nothing"), lambda said: said["schema"]["nodes"].clear()],
)
def test_a_manifest_that_does_not_fit_is_damaged(change, tmp_path):
    export(outside(), tmp_path / "out", format="heterodata")
    manifest = tmp_path / "out" / "heterodata.json"
    said = json.loads(manifest.read_text())
    change(said)
    manifest.write_text(json.dumps(said))
    with pytest.raises(DamagedDump, match="is no whole heterodata export"):
        read_export(tmp_path / "out")


@pytest.mark.parametrize(
    "array", [np.array([[0, 99], [0, 1]]), np.array([0, 1]), np.array([[0], [0]]), np.array([[0, -1], [0, 1]])]
)
def test_rows_that_are_not_there_are_damaged(array, tmp_path):
    export(outside(), tmp_path / "out", format="heterodata")
    bought = tmp_path / "out" / "edge_types" / "User.BOUGHT.Product.npz"
    with np.load(bought) as whole:
        np.savez(bought, **{**whole, "edge_index": array})
    with pytest.raises(DamagedDump, match="is no whole heterodata export"):
        read_export(tmp_path / "out")
