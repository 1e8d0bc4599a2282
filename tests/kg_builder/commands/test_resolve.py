"""kg-builder resolve, on both stores: shown, merged, found merged by the next build, and taken back."""

import builtins
import json
import sys

import polars as pl
import pytest
from typer.testing import CliRunner

import kg_builder
from kg_builder.cli import app
from kg_builder.dumps import read_dump
from kg_builder.merging import rewired
from kg_builder.merging.aliases import aliases
from kg_builder.stores import connect
from kg_builder.tabulation import tabulate

runner = CliRunner()
NOW = 1_750_000_000
BRANDS = ["Borealis"] * 4 + ["Borealsi", "Borealis, Inc.", "Embercoal", "Embercoal", "Rocket 2", "Rocket 3"]
FRAMES = {
    "products": pl.DataFrame(
        {
            "id": [f"p{place}" for place in range(11)],
            "title": [
                "Travel Kettle X200",
                "Lamp",
                "Rope",
                "Cup",
                "Pan",
                "KETTLE, TRAVEL x200",
                "Tin",
                "Whisk",
                "Cap",
                "Hat",
                "Saw",
            ],
            "price": [9.5, 1.0, 2.0, 3.0, 4.0, 9.5, 6.0, 7.0, 8.0, 9.0, 2.0],
            "brand": [*BRANDS, "Other"],
            "categories": ["Camping"] * 6 + ["Baking"] * 2 + ["Hats"] * 2 + ["Tools"],
        }
    ),
    "events": pl.DataFrame(
        {
            "user": ["u", "u", "v"],
            "product": ["p0", "p5", "p5"],
            "event": ["bought"] * 3,
            "key": ["1", "2", "3"],
            "at": [1_600_000_000, 1_600_000_100, 1_600_000_200],
        }
    ),
}


@pytest.fixture(scope="module")
def tables():
    return tabulate(read_dump(FRAMES), now=NOW).collect()


@pytest.fixture
def address(fresh_address, tables):
    where = fresh_address()
    with connect(where, create=True) as store:
        store.write(tables)
    return where


def run(*arguments):
    return runner.invoke(app, ["resolve", *map(str, arguments)])


def graph(address):
    with connect(address) as store:
        return store.read(derived=True)


def brands(address):
    return sorted(graph(address).nodes["Brand"].collect()["id"])


def bare(held):
    """Without what is remembered of merges."""
    nodes = {label: table for label, table in held.nodes.items() if label != "Alias"}
    return type(held)(held.schema, nodes, {kind: table for kind, table in held.edges.items() if kind[1] != "SAME_AS"})


def test_a_dry_run_shows_the_pairs_and_writes_nothing(address, tables):
    result = run(address, "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    pairs = {(merge["one"], merge["other"], merge["rule"]) for merge in shown["merges"]}
    assert pairs == {
        ("borealsi", "borealis", "misspelt"),
        ("borealisinc", "borealis", "legal form"),
        ("p0", "p5", "same title"),
    }
    assert not shown["written"]
    assert graph(address) == tables


def test_merged_nodes_are_one_and_a_second_run_finds_nothing(address):
    report = kg_builder.resolve(address, now=NOW)
    assert report.written
    assert report.rules == {"Brand: legal form": 1, "Brand: misspelt": 1, "Product: same title": 1}
    held = graph(address)
    held.check()
    assert brands(address) == ["borealis", "embercoal", "other", "rocket2", "rocket3"]
    bought = held.edges["User", "BOUGHT", "Product"].sort("key").select("source", "target", "key").collect().rows()
    assert bought == [("u", "p5", "1"), ("u", "p5", "2"), ("v", "p5", "3")]
    again = kg_builder.resolve(address, now=NOW + 1)
    assert (again.merges, again.written) == ((), False)
    assert graph(address) == held


def test_a_merge_is_recorded_with_its_evidence(address):
    kg_builder.resolve(address, now=NOW)
    with connect(address) as store:
        rows = store.query(
            "MATCH (a:Alias)-[s:SAME_AS]->(b:Brand) "
            "RETURN a.id AS alias, a.name AS name, s.rule AS rule, s.at AS at, b.id AS brand ORDER BY a.id"
        )
    assert rows.to_dict("records") == [
        {"alias": "Brand/borealisinc", "name": "Borealis, Inc.", "rule": "legal form", "at": NOW, "brand": "borealis"},
        {"alias": "Brand/borealsi", "name": "Borealsi", "rule": "misspelt", "at": NOW, "brand": "borealis"},
    ]


def test_the_next_build_of_the_same_dump_changes_nothing(address, tables):
    kg_builder.resolve(address, now=NOW)
    before = graph(address)
    with connect(address) as store:
        store.write(rewired(tables, before))
    assert graph(address) == before


def test_undo_gives_the_graph_there_was_and_is_remembered(address, tables):
    report = kg_builder.resolve(address, now=NOW)
    undone = run(address, *(part for merge in report.merges for part in ("--undo", merge.alias)))
    assert undone.exit_code == 0, undone.output
    assert bare(graph(address)) == tables
    assert kg_builder.resolve(address).merges == ()
    assert {alias.canonical for alias in aliases(graph(address)).values()} == {None}


def test_only_the_labels_asked_for_are_merged(address):
    assert "nothing to merge" in run(address, "--label", "Product").stdout  # the two kettles are of two brands yet
    assert "2 nodes were merged" in run(address, "--label", "Brand").stdout
    assert "1 node was merged" in run(address, "--label", "Product").stdout
    assert graph(address).counts()[0]["Product"] == 10


def test_what_a_server_did_not_finish_the_next_run_completes(address, tables):
    from kg_builder.merging import contraction
    from kg_builder.resolving import matches

    step = contraction(tables, matches(tables), at=NOW)
    with connect(address) as store:
        store.write(step.written)  # as if the connection had broken before the deletions
    kg_builder.resolve(address, now=NOW)
    assert graph(address) == step.applied_to(tables)


def refused(result, *words, code=1):
    lines = [line for line in result.stderr.splitlines() if line.startswith("kg-builder:")]
    assert result.exit_code == code, result.output
    return len(lines) == 1 and all(word in lines[0] for word in words)


def test_what_cannot_be_is_refused_in_one_line(address):
    run(address)
    assert refused(run(address, "--undo", "Brand/borealsii"), "did you mean 'Brand/borealsi'", code=2)
    assert refused(run(address, "--label", "Brnd"), "did you mean 'Brand'", code=2)
    assert refused(run(address, "--threshold", "2"), "0..1 (got 2)", code=2)


def test_a_missing_store_is_refused(tmp_path):
    assert refused(run(tmp_path / "none.graph"), "there is no store")


def test_vectors_without_their_library_name_what_to_install(address, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    assert refused(run(address, "--vectors", "--dry-run"), "pip install 'graphrec[models]'")


def test_kg_builder_does_not_load_the_text_model_unasked(address, monkeypatch):
    known = builtins.__import__

    def importing(name, *rest):
        assert name.partition(".")[0] not in ("torch", "sentence_transformers")
        return known(name, *rest)

    monkeypatch.setattr(builtins, "__import__", importing)
    assert run(address, "--dry-run").exit_code == 0
