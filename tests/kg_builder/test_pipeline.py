"""From a dump to a store: whole, or not at all."""

import json

import polars as pl
import pytest

import kg_builder
from kg_builder.errors import DamagedDump, EmptyDump, MissingSource
from kg_builder.planted import plant, write_planted
from kg_builder.stores import connect
from kg_builder.tabulation import tabulate

NOW = 1_800_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("dumps") / "planted"
    write_planted(path, users=24, products=48)
    return path


def events(**changes):
    return {"events": pl.DataFrame({"user": ["u1"], "product": ["p1"], "event": ["bought"], "at": [1_600_000_000]} | changes)}


def test_the_store_holds_what_the_dump_tells_of(folder, tmp_path):
    report = kg_builder.build(folder, tmp_path / "shop.graph", now=NOW)
    expected = tabulate(plant(users=24, products=48).dump, now=NOW)
    assert (report.nodes, report.edges) == expected.counts()
    with connect(tmp_path / "shop.graph") as store:
        held = store.info()
        assert (held.nodes, held.edges) == expected.counts()
        assert [(one.source, one.at, one.rejected) for one in held.builds] == [(str(folder), NOW, report.rejected)]


def test_building_twice_changes_nothing(folder, tmp_path):
    kg_builder.build(folder, tmp_path / "shop.graph", now=NOW)
    with connect(tmp_path / "shop.graph") as store:
        once, held = store.read(), store.info()
        kg_builder.build(folder, store, now=NOW)
        assert store.read() == once
        assert store.info() == held


def test_refused_rows_are_in_the_store_and_the_report_counts_them(folder, tmp_path):
    report = kg_builder.build(folder, tmp_path / "shop.graph", now=NOW)
    assert report.rejects == tmp_path / "shop.graph" / "rejects.jsonl"
    lines = report.rejects.read_text(encoding="utf-8").splitlines()
    assert len(lines) == sum(report.rejected.values()) > 0
    assert {"file", "line", "reason", "row"} <= json.loads(lines[0]).keys()


def test_a_newer_dump_adds_what_is_new(tmp_path):
    kg_builder.build(events(), tmp_path / "shop.graph", now=NOW)
    report = kg_builder.build(events(product=["p2"], at=[1_600_000_060]), tmp_path / "shop.graph", now=NOW)
    assert report.nodes["Product"] == 1
    with connect(tmp_path / "shop.graph") as store:
        assert store.info().nodes["Product"] == 2
        assert store.info().last_at == 1_600_000_060


@pytest.mark.neo4j
def test_both_stores_hold_the_same(folder, tmp_path, neo4j_address, wipe):
    wipe()
    refused = tmp_path / "refused.jsonl"
    report = kg_builder.build(folder, neo4j_address, now=NOW, rejects=refused)
    assert report.rejects == refused
    assert refused.is_file()
    kg_builder.build(folder, tmp_path / "shop.graph", now=NOW)
    with connect(neo4j_address) as server, connect(tmp_path / "shop.graph") as embedded:
        assert server.read() == embedded.read()


@pytest.mark.parametrize(
    "source, error",
    [
        ("no/such/folder", MissingSource),
        ({"users": pl.DataFrame({"id": ["u1", "u2"]})}, EmptyDump),
        (events(at=[3_800_000_000]), EmptyDump),
    ],
    ids=["a missing folder", "users only", "every row refused"],
)
def test_what_cannot_be_built_leaves_no_store_behind(tmp_path, source, error):
    with pytest.raises(error):
        kg_builder.build(source, tmp_path / "shop.graph", now=NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_dump_leaves_the_store_as_it_was(tmp_path, folder):
    kg_builder.build(events(), tmp_path / "shop.graph", now=NOW)
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    whole = (folder / "events.parquet").read_bytes()
    (damaged / "events.parquet").write_bytes(whole[: len(whole) // 2])
    with connect(tmp_path / "shop.graph") as store:
        before = store.read()
        with pytest.raises(DamagedDump):
            kg_builder.build(damaged, store, now=NOW)
        assert store.read() == before


def test_progress_tells_of_the_writing(tmp_path):
    seen = []
    kg_builder.build(events(), tmp_path / "shop.graph", now=NOW, progress=lambda *step: seen.append(step))
    assert seen[-1] == ("write", 3, 3)


def test_what_was_merged_stays_merged_when_the_dump_is_built_again(store):
    goods = {"id": ["p1", "p2", "p3"], "brand": ["Borealis", "Borealis, Inc.", "Fjord"], "categories": ["Tents"] * 3}
    frames = {"products": pl.DataFrame(goods), "events": pl.DataFrame({"user": ["u1"] * 3, "product": ["p1", "p2", "p3"]})}
    kg_builder.build(frames, store, now=NOW)
    before = store.read()
    assert kg_builder.resolve(store, now=NOW).rules == {"Brand: legal form": 1}
    merged = store.read()
    assert sorted(merged.edges["Product", "MADE_BY", "Brand"].collect()["target"]) == ["borealis", "borealis", "fjord"]
    kg_builder.build(frames, store, now=NOW)
    assert store.read() == merged
    kg_builder.resolve(store, undo=["Brand/borealisinc"])
    assert store.read() == before
    assert kg_builder.resolve(store, now=NOW).rules == {}
