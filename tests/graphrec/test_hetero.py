"""The whole graph as PyG's HeteroData, and back."""

import tempfile

import pytest
import torch
from hypothesis import given, settings

import graphrec
from graphrec import BadRequest
from graphrec.hetero import hetero_data, load, tables_of
from graphrec.tensors import KnownGraph
from kg_builder.errors import DamagedDump, SchemaError
from kg_builder.exports import export
from kg_builder.exports.heterodata import TAKEN
from kg_builder.schema import RETAIL
from tests.kg_builder.graphs import ODD, TEXTS, graphs, outside, planted, ugly, written_back

GRAPHS = [planted, ugly, written_back, outside]


@pytest.mark.parametrize("graph", GRAPHS)
def test_what_became_heterodata_is_valid_and_becomes_equal_tables(graph):
    tables = graph()
    data = graphrec.hetero_data(tables)
    assert data.validate()
    assert tables_of(data, tables.schema) == tables


@pytest.mark.parametrize("graph", GRAPHS)
def test_an_exported_folder_gives_the_same_heterodata(graph, tmp_path):
    tables = graph()
    export(tables, tmp_path / "out", format="heterodata", derived=True)
    one, other = hetero_data(tables), load(tmp_path / "out")
    assert one.metadata() == other.metadata()
    for kind in (*one.node_types, *one.edge_types):
        assert list(one[kind].keys()) == list(other[kind].keys())
        for name, value in one[kind].items():
            same = other[kind][name]
            assert torch.equal(value.nan_to_num(7), same.nan_to_num(7)) if isinstance(value, torch.Tensor) else value == same
    assert tables_of(hetero_data(tmp_path / "out"), tables.schema) == tables


@given(tables=graphs())
@settings(deadline=None, max_examples=30)
def test_any_graph_survives_heterodata(tables):
    assert tables_of(hetero_data(tables), ODD) == tables
    with tempfile.TemporaryDirectory() as folder:
        export(tables, f"{folder}/out", format="heterodata", derived=True)
        assert tables_of(load(f"{folder}/out"), ODD) == tables


def test_numbers_keep_their_precision_and_missing_values_are_masked():
    data = hetero_data(outside())
    assert data["Product"].price.dtype == torch.float64
    assert data["Product"].price.tolist() == [1299.0, 0.1]
    assert data["Product"].title == ["Green  tea", None]
    bought = data["User", "BOUGHT", "Product"]
    assert bought.at.dtype == torch.int64
    assert (bought.edge_index.tolist(), bought.at.tolist()) == ([[0, 0], [0, 1]], [10, 20])
    assert bought.price_known.tolist() == [False, True]
    assert bought.price.isnan().tolist() == [True, False]


def test_rows_of_users_and_products_are_those_of_the_scorers():
    known, data = KnownGraph.of(planted()), hetero_data(planted())
    for label in ("User", "Product", "Brand", "Category"):
        assert data[label].id == list(known.ids[label].names)


def test_a_name_that_pyg_needs_has_an_underscore():
    data = hetero_data(ugly())
    assert len(data["User"].size_) == len(TEXTS)
    assert data["User", "BOUGHT", "Product"].edge_index.shape == (2, 2 * len(TEXTS))
    assert data["User", "BOUGHT", "Product"].edge_index_.dtype == torch.int64


def test_no_attribute_of_pygs_storages_is_overlooked():
    from torch_geometric.data.storage import EdgeStorage, NodeStorage

    public = {name for storage in (NodeStorage, EdgeStorage) for name in dir(storage) if name[0].islower()}
    assert public <= TAKEN


def test_attributes_that_the_schema_does_not_know_are_left_out():
    data = hetero_data(outside())
    data["Product"].x = torch.zeros(2, 16)
    assert tables_of(data, RETAIL) == outside()


def test_a_label_without_ids_and_one_that_the_schema_lacks_are_refused():
    data = hetero_data(outside())
    del data["User"].id
    with pytest.raises(BadRequest, match="User has no list of ids"):
        tables_of(data, RETAIL)
    with pytest.raises(SchemaError, match="no label 'Entity'"):
        tables_of(hetero_data(outside()), ODD)


def test_an_attribute_of_another_length_is_refused():
    data = hetero_data(outside())
    data["Product"].price = torch.zeros(3)
    with pytest.raises(SchemaError, match=r"price must be as long as there are rows, 2 \(got 3\)"):
        tables_of(data, RETAIL)


def test_a_folder_that_is_no_export_is_named(tmp_path):
    with pytest.raises(DamagedDump, match="is no whole heterodata export"):
        hetero_data(tmp_path)
