"""kg-builder export: what it writes, prints and refuses."""

import json

import networkx as nx
import polars as pl
import pytest
from typer.testing import CliRunner

import kg_builder
from kg_builder import RETAIL, GraphTables, connect, digest, read_export
from kg_builder.cli import app
from kg_builder.exports import formats
from kg_builder.planted import write_planted
from tests.kg_builder.graphs import outside, planted

runner = CliRunner()
NOW = 1_800_000_000


def run(*arguments):
    return runner.invoke(app, ["export", *(str(argument) for argument in arguments)])


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    path = tmp_path_factory.mktemp("stores") / "shop.graph"
    with connect(path, create=True) as store:
        store.write(planted())
    return path


def refused(result, *words, code=1):
    lines = result.stderr.splitlines()
    assert result.exit_code == code, result.output
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("kg-builder: ")
    for word in words:
        assert word in lines[0], lines[0]
    return True


@pytest.mark.parametrize("name", sorted(formats()))
def test_every_format_is_written_and_said(name, shop, tmp_path):
    result = run(shop, "--for", name, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert f"→ {tmp_path / 'out'} ({name}, " in result.stdout
    assert len(result.stdout.splitlines()) == 1
    assert formats()[name].recognises(tmp_path / "out")
    if hasattr(formats()[name], "read"):
        assert read_export(tmp_path / "out") == planted()
    assert run(shop, "--for", name, "--out", tmp_path / "out").exit_code == 0


def test_help_names_every_format():
    words = runner.invoke(app, ["export", "--help"]).stdout.replace(",", " ").replace(".", " ").split()
    assert set(formats()) <= set(words)


def test_the_current_folder_can_be_filled(shop, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert run(shop, "--for", "recbole", "--out", ".").exit_code == 0
    assert sorted(one.name for one in tmp_path.rglob("*.inter")) == ["here.inter"]


def test_json_counts_what_was_written(shop, tmp_path):
    result = run(shop, "--for", "graphml", "--out", tmp_path / "s.graphml", "--json")
    record = json.loads(result.stdout)
    nodes, edges = planted().counts()
    assert record["nodes"] == nodes
    assert sum(one["count"] for one in record["edges"]) == sum(edges.values())
    assert record["bytes"] == (tmp_path / "s.graphml").stat().st_size
    assert (result.stderr, record["format"]) == ("", "graphml")


@pytest.mark.parametrize("name", sorted(formats()))
def test_a_neighbourhood_can_be_had_in_every_format(name, shop, tmp_path):
    result = run(shop, "--for", name, "--out", tmp_path / "near", "--around", "Product/p0001", "--hops", "1", "--json")
    counts = json.loads(result.stdout)["nodes"]
    assert counts["Brand"] == 1
    assert 0 < counts["Product"] < planted().counts()[0]["Product"]


def test_a_neighbourhood_is_drawn_by_networkx(shop, tmp_path):
    run(shop, "--for", "graphml", "--out", tmp_path / "near.graphml", "--around", "Product/p0001", "--hops", "2")
    graph = nx.read_graphml(tmp_path / "near.graphml").to_undirected()
    assert max(nx.single_source_shortest_path_length(graph, "Product/p0001").values()) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--for", "grafml"],
            [
                "no export format 'grafml'; did you mean 'graphml'",
                "known: graphml, heterodata, neo4j-admin, networkx, parquet, recbole",
            ],
        ),
        (["--for", "pyg"], ["exported as heterodata"]),
        (["--for", "graphml", "--around", "Product/p001"], ["no Product 'p001'; did you mean 'p001"]),
        (["--for", "graphml", "--around", "Produkt/p0001"], ["no nodes 'Produkt'; did you mean 'Product'"]),
        (["--for", "graphml", "--around", "p0001"], ["a label and an id, such as Product/"]),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_and_nothing_is_written(arguments, words, shop, tmp_path):
    assert refused(run(shop, *arguments, "--out", tmp_path / "out"), *words, code=2)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_store_and_a_store_as_the_target_are_refused(shop, tmp_path):
    assert refused(run(tmp_path / "no.graph", "--for", "parquet", "--out", tmp_path / "out"), "there is nothing at")
    assert refused(run(shop, "--for", "parquet", "--out", shop, "--force"), "is a graph store")


def test_a_path_that_holds_something_else_is_kept_unless_forced(shop, tmp_path):
    out = tmp_path / "letter.txt"
    out.write_text("dear")
    assert refused(run(shop, "--for", "graphml", "--out", out), "is no earlier graphml export", "--force")
    assert out.read_text() == "dear"
    assert run(shop, "--for", "graphml", "--out", out, "--force").exit_code == 0
    assert read_export(out) == planted()


@pytest.mark.parametrize("missing", [["--for", "graphml"], ["--out", "x"], ["--for", "graphml", "--out", "x", "--hops", "-1"]])
def test_wrong_usage_ends_with_2(missing, shop):
    assert run(shop, *missing).exit_code == 2


def test_what_a_model_wrote_back_is_there_only_when_asked_for(tmp_path):
    scores = pl.DataFrame({"source": ["u1"], "target": ["p1"], "model": ["m"], "rank": [1]})
    with connect(tmp_path / "s.graph", create=True) as store:
        store.write(outside())
        store.write(GraphTables.of(RETAIL, {}, {("User", "RECOMMENDED", "Product"): scores}))
    for flags in ((), ("--derived",)):
        assert run(tmp_path / "s.graph", "--for", "parquet", "--out", tmp_path / "out", *flags).exit_code == 0
        assert (("User", "RECOMMENDED", "Product") in read_export(tmp_path / "out").counts()[1]) == bool(flags)


# Of a source, without a store.


@pytest.fixture(scope="module")
def dump(tmp_path_factory):
    path = tmp_path_factory.mktemp("dumps") / "planted"
    write_planted(path, users=24, products=48)
    return path


@pytest.fixture(scope="module")
def built(dump, tmp_path_factory):
    path = tmp_path_factory.mktemp("stores") / "built.graph"
    kg_builder.build(dump, path, now=NOW)
    return path


def contents(path):
    """The lines of every file, in any order."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return {str(one.relative_to(path)): sorted(line.rstrip(b" \\") for line in one.read_bytes().split(b"\n")) for one in files}


@pytest.mark.parametrize("derived", [False, True], ids=["plain", "derived"])
@pytest.mark.parametrize("name", sorted(formats()))
def test_of_a_source_the_same_is_exported_as_of_a_store_built_from_it(name, derived, dump, built, tmp_path):
    one, other = tmp_path / "one" / "shop", tmp_path / "other" / "shop"
    kg_builder.export(dump, one, format=name, derived=derived, now=NOW, rejects=tmp_path / "r.jsonl")
    kg_builder.export(built, other, format=name, derived=derived)
    if hasattr(formats()[name], "read"):
        tables = read_export(one)
        assert tables == read_export(other)
        with connect(built) as store:
            assert digest(tables) == digest(store.read(derived=derived))
    if name in ("neo4j-admin", "recbole"):
        assert contents(one) == contents(other)


def test_spellings_of_a_brand_are_joined_as_in_a_store(tmp_path):
    goods = {"id": ["p1", "p2", "p3"], "brand": ["Acme", "A.C.M.E.", "ACME"], "categories": ["Tents"] * 3}
    frames = {"products": pl.DataFrame(goods), "events": pl.DataFrame({"user": ["u1"] * 3, "product": ["p1", "p2", "p3"]})}
    kg_builder.build(frames, tmp_path / "s.graph", now=NOW)
    for derived in (True, False):
        kg_builder.export(frames, tmp_path / "one", format="parquet", derived=derived, now=NOW)
        kg_builder.export(tmp_path / "s.graph", tmp_path / "other", format="parquet", derived=derived)
        assert read_export(tmp_path / "one") == read_export(tmp_path / "other")
        assert ("Alias" in read_export(tmp_path / "one").counts()[0]) == derived
    assert read_export(tmp_path / "one").counts()[0]["Brand"] == 1


def test_a_neighbourhood_of_a_source_can_be_had(dump, tmp_path):
    arguments = ("--around", "Product/p0001", "--hops", "1", "--max-rejects", "50%", "--rejects", tmp_path / "r.jsonl")
    assert run(dump, tmp_path / "near", "--for", "parquet", *arguments).exit_code == 0
    assert read_export(tmp_path / "near").counts()[0]["Brand"] == 1


def test_faulty_rows_of_a_source_are_named_and_end_with_1_unless_allowed_for(dump, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(dump, "out", "--for", "parquet")
    assert result.exit_code == 1
    assert "rating must lie in 1..5" in result.stderr
    assert "rows refused (planted.rejects.jsonl):" in result.stdout
    rows = (tmp_path / "planted.rejects.jsonl").read_text().splitlines()
    record = json.loads(run(dump, "out", "--for", "parquet", "--max-rejects", "50%", "--json").stdout)
    assert len(rows) == sum(record["rejected"].values()) > record["faults"] > 0
    kept = contents(tmp_path / "out")
    assert refused(
        run(dump, "out", "--for", "parquet", "--max-rejects", "1"), "faulty rows so far, 1 may be", "nothing was written"
    )
    assert contents(tmp_path / "out") == kept
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out", "planted.rejects.jsonl"]


@pytest.mark.parametrize(
    "option", ["--format=events", "--mapping=m.toml", "--max-rejects=1%", "--max-bytes=9", "--dangling=drop"]
)
def test_a_store_is_not_read_as_a_source_is(option, shop, tmp_path):
    words = (option.partition("=")[0], "says how a source is read", "is a store")
    assert refused(run(shop, tmp_path / "out", "--for", "parquet", option), *words, code=2)
    assert list(tmp_path.iterdir()) == []


def test_a_source_may_be_a_file_with_a_mapping(tmp_path):
    (tmp_path / "klicks.csv").write_text("kunde,artikel\nu1,p1\n")
    (tmp_path / "m.toml").write_text(
        '[[source]]\nfile = "klicks.csv"\ntable = "events"\ncolumns = { kunde = "user", artikel = "product" }\n'
    )
    result = run(tmp_path / "klicks.csv", tmp_path / "out", "--for", "parquet", "--mapping", tmp_path / "m.toml")
    assert result.exit_code == 0, result.output
    assert read_export(tmp_path / "out").counts()[0] == {"Product": 1, "User": 1}
