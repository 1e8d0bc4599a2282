"""What every export format must do; a new file in kg_builder/exports is tested by existing."""

import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings

from kg_builder.errors import AlreadyThere, BadRequest, DamagedDump, MissingSource, UnknownFormat
from kg_builder.exports import export, formats, read_export
from kg_builder.schema import RETAIL, GraphSchema
from kg_builder.stores import connect
from kg_builder.tables import GraphTables
from tests.kg_builder.graphs import graphs, outside, planted, ugly, written_back

EXACT = sorted(name for name, one in formats().items() if hasattr(one, "read"))
GRAPHS = {"planted": planted, "ugly": ugly, "written back": written_back, "outside": outside}


@pytest.fixture(params=sorted(formats()))
def format_(request):
    return request.param


@pytest.fixture(params=EXACT)
def exact(request):
    return request.param


def contents(path):
    return {str(one.relative_to(path)): one.read_bytes() for one in [path, *path.rglob("*")] if one.is_file()}


def test_a_format_says_its_name_and_what_it_holds_in_one_line(format_):
    one = formats()[format_]
    assert format_ == one.FORMAT
    assert one.HOLDS
    assert "\n" not in one.HOLDS


@pytest.mark.parametrize("graph", GRAPHS)
def test_what_was_exported_is_read(exact, graph, tmp_path):
    tables = GRAPHS[graph]()
    report = export(tables, tmp_path / "out", format=exact, derived=True)
    again = read_export(tmp_path / "out")
    assert again == tables
    assert again.schema == tables.schema
    assert (report.nodes, report.edges) == tables.counts()


@pytest.mark.parametrize("name", EXACT)
@given(tables=graphs())
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_any_graph_that_was_exported_is_read(name, tables):
    with tempfile.TemporaryDirectory() as folder:
        export(tables, Path(folder) / "out", format=name, derived=True)
        assert read_export(Path(folder) / "out") == tables


def test_a_graph_without_anything_is_exported_and_read(format_, tmp_path):
    for name, schema in (("nothing", GraphSchema.of([], [])), ("retail", RETAIL)):
        if format_ in EXACT or schema is RETAIL:  # interactions need users and products
            export(GraphTables.of(schema, {}, {}), tmp_path / name, format=format_)
            if format_ in EXACT:
                assert read_export(tmp_path / name).counts() == ({}, {})


def test_what_a_model_wrote_back_stays_behind_unless_asked_for(exact, tmp_path):
    export(written_back(), tmp_path / "out", format=exact)
    assert read_export(tmp_path / "out") == ugly()


def test_an_export_is_recognised_by_its_own_format_alone(format_, tmp_path):
    path = tmp_path / "out"
    export(planted(), path, format=format_)
    assert [name for name, one in formats().items() if one.recognises(path)] == [format_]
    assert not any(one.recognises(tmp_path / "nothing") or one.recognises(tmp_path) for one in formats().values())


def test_a_second_export_replaces_the_first_whole(format_, tmp_path):
    path, fresh = tmp_path / "out", tmp_path / "fresh" / "out"
    export(planted(), path, format=format_)
    export(outside(), path, format=format_)
    export(outside(), fresh, format=format_)
    assert contents(path).keys() == contents(fresh).keys()
    if format_ in EXACT:
        assert read_export(path) == outside()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["fresh", "out"]


def test_something_else_at_the_path_is_kept_unless_forced(format_, tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    (path / "letter.txt").write_text("dear")
    with pytest.raises(AlreadyThere, match=r"exists and is no earlier .* export; .* --force"):
        export(outside(), path, format=format_)
    assert contents(path) == {"letter.txt": b"dear"}
    if format_ not in ("graphml", "networkx"):
        export(outside(), path, format=format_, force=True)
        assert formats()[format_].recognises(path)
        assert (path / "letter.txt").read_text() == "dear"
    file = tmp_path / "file"
    file.write_text("dear")
    export(outside(), file, format=format_, force=True)
    assert formats()[format_].recognises(file)


def test_an_empty_folder_is_filled(format_, tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    if format_ in ("graphml", "networkx"):
        with pytest.raises(AlreadyThere, match="is a folder, and the export is a file"):
            export(outside(), path, format=format_)
    else:
        export(outside(), path, format=format_)
        assert formats()[format_].recognises(path)


def test_a_store_is_never_overwritten(format_, tmp_path):
    path = tmp_path / "shop.graph"
    with connect(path, create=True) as store:
        store.write(outside())
    with pytest.raises(AlreadyThere, match="is a graph store"):
        export(path, path, format=format_, force=True)
    with connect(path) as store:
        assert store.read() == outside()


def test_an_export_that_fails_leaves_nothing_or_what_was_there(format_, tmp_path):
    whole = outside()
    export(whole, tmp_path / "old", format=format_)
    before = contents(tmp_path / "old")
    fails = whole.nodes["Product"].with_columns(pl.col("title").map_batches(lambda _: 1 / 0, return_dtype=pl.String()))
    broken = GraphTables(RETAIL, {**whole.nodes, "Product": fails}, whole.edges)
    for name in ("old", "new"):
        with pytest.raises((ZeroDivisionError, pl.exceptions.PolarsError)):
            export(broken, tmp_path / name, format=format_)
    assert contents(tmp_path / "old") == before
    assert [one.name for one in tmp_path.iterdir()] == ["old"]


def test_progress_is_told_and_reaches_the_end(format_, tmp_path):
    told = []
    export(ugly(), tmp_path / "out", format=format_, progress=lambda *one: told.append(one))
    assert {what for what, *_ in told} == {format_}
    assert len(told) > 1
    assert [done for _, done, _ in told] == sorted({done for _, done, _ in told})
    assert told[-1][1] == told[-1][2]


def test_a_file_that_breaks_off_is_a_damaged_export(exact, tmp_path):
    path = tmp_path / "out"
    export(planted(), path, format=exact)
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    for file in files:
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DamagedDump, match="out"):
            read_export(path, format=exact).collect()
        file.write_bytes(whole)


def test_a_missing_path_and_a_foreign_one_are_told_apart(tmp_path):
    with pytest.raises(MissingSource, match="there is nothing at"):
        read_export(tmp_path / "nothing")
    with pytest.raises(UnknownFormat, match="graphml"):
        read_export(tmp_path)


def test_a_misspelt_format_says_which_was_meant(tmp_path):
    with pytest.raises(BadRequest, match="no export format 'grafml'; did you mean 'graphml'"):
        export(outside(), tmp_path / "out", format="grafml")
    with pytest.raises(BadRequest, match="PyG's graph is exported as heterodata"):
        export(outside(), tmp_path / "out", format="pyg")


def test_a_format_that_keeps_a_part_says_so(tmp_path):
    for name in sorted(set(formats()) - set(EXACT)):
        export(outside(), tmp_path / name, format=name)
        with pytest.raises(UnknownFormat, match="keeps only a part of a graph"):
            read_export(tmp_path / name)


def test_a_store_exports_what_it_holds(exact, store, tmp_path):
    store.write(planted())
    export(store, tmp_path / "out", format=exact, around="Product/p0001", hops=1)
    near = read_export(tmp_path / "out")
    assert "p0001" in near.nodes["Product"].select("id").collect()["id"].to_list()
    assert sum(near.counts()[0].values()) < sum(planted().counts()[0].values())
    export(store, tmp_path / "out", format=exact)
    assert read_export(tmp_path / "out") == store.read()
