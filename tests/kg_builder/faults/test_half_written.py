"""A server's graph that a build left half written."""

import pytest

from kg_builder.pipeline import build
from kg_builder.planted import write_planted
from kg_builder.stores import connect
from kg_builder.tables import GraphTables

NOW = 1_750_000_000


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A dump and the graph that becomes of it."""
    folder = tmp_path_factory.mktemp("dumps")
    write_planted(folder / "shop", users=24, products=48)
    build(folder / "shop", folder / "whole.graph", name="shop", now=NOW)
    with connect(folder / "whole.graph") as store:
        return folder / "shop", store.read(derived=True)


@pytest.mark.parametrize("done", range(17))
def test_what_was_written_table_by_table_is_completed_by_the_next_build_wherever_it_broke_off(whole, tmp_path, done):
    folder, wanted = whole
    tables = {**wanted.nodes, **wanted.edges}
    assert len(tables) == 16
    kept = list(tables)[:done]
    half = GraphTables(
        wanted.schema,
        {label: table for label, table in wanted.nodes.items() if label in kept},
        {kind: table for kind, table in wanted.edges.items() if kind in kept},
    )
    with connect(tmp_path / "half.graph", create=True) as store:
        store.write(half)
        build(folder, store, name="shop", now=NOW)
        assert store.read(derived=True) == wanted
