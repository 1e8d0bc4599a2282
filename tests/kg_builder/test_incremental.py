"""Building again: only what is new is written, what is told of no longer leaves when asked, and nothing happens twice."""

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys

import polars as pl
import pytest
from typer.testing import CliRunner

import kg_builder
from kg_builder.cli import app
from kg_builder.digests import digest
from kg_builder.errors import BadRequest, StoreError, StoreLocked
from kg_builder.planted import write_planted
from kg_builder.stores import connect
from kg_builder.stores.embedded import EmbeddedStore
from kg_builder.stores.neo4j import Neo4jStore

NOW = 1_750_000_000
runner = CliRunner()


def frames(products, events=()):
    """A shop of {id: (title, brand)} and of (user, product) purchases."""
    rows = [{"id": one, "title": title, "brand": brand} for one, (title, brand) in products.items()]
    made = [{"user": user, "product": product, "event": "bought", "at": NOW - 9} for user, product in events]
    found = {"products": pl.DataFrame(rows, schema={"id": pl.String, "title": pl.String, "brand": pl.String})}
    return found | ({"events": pl.DataFrame(made)} if made else {})


SHOP = {"p1": ("Tea", "Acme"), "p2": ("Cup", "Acme"), "p3": ("Pan", "Zed")}
EVENTS = [("u1", "p1"), ("u2", "p3")]


@pytest.fixture
def address(fresh_address):
    return fresh_address()


def build(address, *args, now=NOW, **options):
    return kg_builder.build(frames(*args), address, name="shop", now=now, **options)


def held(address):
    with connect(address) as store:
        return store.read(derived=True)


def test_the_same_again_writes_nothing(address):
    first = build(address, SHOP, EVENTS)
    assert first.written
    assert sum(first.added.values()) == 3 + 2 + 2 + 3 + 2  # products, brands, users, MADE_BY, BOUGHT
    again = build(address, SHOP, EVENTS)
    assert (again.written, again.added, again.changed, again.removed) == (False, {}, {}, {})
    assert again.digest == first.digest == digest(held(address))
    with connect(address) as store:
        assert len(store.info().builds) == 1


def test_a_newer_dump_writes_what_is_new_and_what_is_different(address):
    build(address, SHOP, EVENTS)
    newer = {**SHOP, "p1": ("Green Tea", "Acme"), "p4": ("Lid", "Zed")}
    report = build(address, newer, [*EVENTS, ("u1", "p4")])
    assert report.added == {"Product": 1, "Product-MADE_BY-Brand": 1, "User-BOUGHT-Product": 1}
    assert report.changed == {"Product": 1}
    titles = dict(held(address).nodes["Product"].select("id", "title").collect().iter_rows())
    assert titles == {"p1": "Green Tea", "p2": "Cup", "p3": "Pan", "p4": "Lid"}


def test_what_is_told_of_no_longer_leaves_when_asked(address):
    build(address, SHOP, EVENTS)
    less = {"p1": SHOP["p1"], "p2": ("Cup", "Zed")}
    kept = build(address, less, EVENTS[:1])
    assert kept.removed == {}
    assert sorted(held(address).nodes["Product"].collect()["id"]) == ["p1", "p2", "p3"]
    pruned = build(address, less, EVENTS[:1], prune=True)
    assert pruned.removed == {"Product": 1, "User": 1, "Product-MADE_BY-Brand": 2, "User-BOUGHT-Product": 1}
    there = held(address)
    there.check()
    assert sorted(there.nodes["Product"].collect()["id"]) == ["p1", "p2"]
    assert sorted(there.edges["Product", "MADE_BY", "Brand"].collect().rows()) == [("p1", "acme"), ("p2", "zed")]
    assert not build(address, less, EVENTS[:1], prune=True).written


def test_what_is_left_after_pruning_is_what_a_build_of_the_newer_dump_alone_makes(fresh_address, tmp_path):
    address = fresh_address()
    build(address, SHOP, EVENTS)
    newer = {"p2": ("Mug", "Zed"), "p4": ("Lid", "New")}
    pruned = build(address, newer, [("u3", "p4")], prune=True)
    alone = kg_builder.build(frames(newer, [("u3", "p4")]), tmp_path / "alone.graph", now=NOW)
    assert pruned.digest == alone.digest == digest(held(address).without_derived())


def test_what_another_source_tells_of_stays(address):
    build(address, SHOP)
    kg_builder.build(frames({"p3": ("Pan", "Zed")}), address, name="other", now=NOW)
    assert build(address, {"p1": SHOP["p1"]}, prune=True).removed == {"Product": 1, "Product-MADE_BY-Brand": 1}
    assert sorted(held(address).nodes["Product"].collect()["id"]) == ["p1", "p3"]


def test_pruning_what_was_never_built_is_refused(address):
    build(address, SHOP)
    with pytest.raises(BadRequest, match=r"nothing was built as shpo, .* name it as one of: shop"):
        kg_builder.build(frames(SHOP), address, name="shpo", prune=True, now=NOW)


def test_pruning_knows_merged_products_and_forgets_merges_into_what_is_gone(address):
    shop = {"p1": ("Travel Kettle X200", "Acme"), "p2": ("Travel Kettle X200", "Acme"), "p3": SHOP["p3"]}
    text = {"price": [9.0, 9.0, 1.0]}
    full = frames(shop, [("u1", "p1"), ("u1", "p2")])
    full["products"] = full["products"].with_columns(**{name: pl.Series(values) for name, values in text.items()})
    kg_builder.build(full, address, name="shop", now=NOW)
    (merge,) = kg_builder.resolve(address, now=NOW).merges
    only = {name: frame.filter(pl.col("id" if name == "products" else "product") == merge.one) for name, frame in full.items()}
    report = kg_builder.build(only, address, name="shop", prune=True, now=NOW)
    assert report.removed["Product"] == 1  # p3; what the merged id says the other product still says
    assert held(address).nodes["Product"].collect()["id"].to_list() == [merge.other]
    kg_builder.build(frames({"p3": SHOP["p3"]}), address, name="shop", prune=True, now=NOW)
    there = held(address)
    there.check()
    assert there.counts()[0] == {"Product": 1, "Brand": 1}


def test_a_dry_run_says_what_would_be_and_writes_nothing(address, tmp_path):
    told = build(address, SHOP, EVENTS, dry_run=True)
    assert (told.written, told.added["Product"], told.rejects) == (False, 3, None)
    build(address, SHOP, EVENTS)
    before = held(address)
    told = build(address, {"p1": ("Green Tea", "Acme"), "p9": ("Lid", "Acme")}, prune=True, dry_run=True)
    assert (told.added["Product"], told.changed["Product"], told.removed["Product"]) == (1, 1, 2)
    assert held(address) == before


@pytest.fixture
def folder(tmp_path):
    write_planted(tmp_path / "shop", users=24, products=48)
    return tmp_path / "shop"


def test_files_that_did_not_change_are_not_read_again(folder, address):
    first = kg_builder.build(folder, address, now=NOW)
    again = kg_builder.build(folder, address, now=NOW + 1)
    assert (again.unchanged, again.written, again.digest) == (True, False, first.digest)
    assert (again.faults, again.rejected) == (first.faults, first.rejected)
    assert kg_builder.build(folder, address, dangling="drop", now=NOW).unchanged is False
    (folder / "more.csv").write_text("x,y\n1,2\n")
    assert not kg_builder.build(folder, address, now=NOW).unchanged


def test_files_that_did_not_change_are_read_again_when_asked(folder, address):
    first = kg_builder.build(folder, address, now=NOW)
    again = kg_builder.build(folder, address, again=True, now=NOW + 1)
    assert (again.unchanged, again.written, again.digest) == (False, False, first.digest)
    assert (again.nodes, again.edges, again.rejected) == (first.nodes, first.edges, first.rejected)
    result = runner.invoke(app, ["build", str(folder), "--into", address, "--again", "--max-rejects", "50%"])
    assert "the store says all of it already; nothing was written" in result.stdout


def test_every_build_that_changed_something_is_in_the_history(folder, address):
    kg_builder.build(folder, address, name="a", now=NOW)
    build(address, {"x1": ("Tea", "Acme")})
    result = runner.invoke(app, ["info", address, "--history", "--json"])
    builds = json.loads(result.stdout)["builds"]
    assert [one["source"] for one in builds] == ["a", "shop"]
    assert builds[1]["added"] == {"Product": 1, "Product-MADE_BY-Brand": 1}
    assert builds[1]["hash"] == digest(held(address).without_derived())
    assert all(one["seconds"] > 0 and one["version"] for one in builds)
    assert builds[0]["rejected"]
    lines = [line.split("\t") for line in runner.invoke(app, ["info", address, "--history"]).stdout.splitlines() if "\t" in line]
    table = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    assert [one["at"] for one in table] == ["2025-06-15 15:06:40"] * 2
    for row, one in zip(table, builds, strict=True):
        assert {name: row[name] for name in ("source", "format", "version", "hash")} == {
            name: one[name] for name in row.keys() & {"source", "format", "version", "hash"}
        }
        assert [row[name] for name in ("added", "changed", "removed", "rejected")] == [
            str(sum(one[name].values())) for name in ("added", "changed", "removed", "rejected")
        ]
        assert (row["seconds"], row["faulty"], row["pruned"]) == (str(one["seconds"]), str(one["faults"]), "no")


def test_the_hash_is_the_same_on_both_stores_and_another_after_a_change(folder, address, tmp_path):
    kg_builder.build(folder, address, now=NOW)
    kg_builder.build(folder, tmp_path / "other.graph", now=NOW)
    hashes = {runner.invoke(app, ["hash", str(one)]).stdout for one in (address, tmp_path / "other.graph")}
    assert len(hashes) == 1
    build(address, {"x1": ("Tea", "Acme")})
    assert runner.invoke(app, ["hash", address]).stdout not in hashes


def test_verify_finds_the_graph_as_it_was_left_and_says_when_it_was_changed(folder, address):
    kg_builder.build(folder, address, now=NOW)
    said = json.loads(runner.invoke(app, ["verify", address, "--json"]).stdout)
    assert (said["ok"], said["hash"]) == (True, said["built"])
    kg_builder.enrich(address, attributes=["price_band"])
    result = runner.invoke(app, ["verify", address])
    assert result.exit_code == 0
    assert "changed since the last build" in result.stdout


def damage(address, *statements):
    """What somebody does to a store behind our back."""
    if "://" in str(address):
        import neo4j

        auth = (os.environ["NEO4J_USERNAME"], os.environ["NEO4J_PASSWORD"])
        with neo4j.GraphDatabase.driver(address, auth=auth) as driver:
            for statement in statements:
                driver.execute_query(statement)
        return
    import ladybug

    database = ladybug.Database(f"{address}/database")
    with ladybug.Connection(database) as connection:
        for statement in statements:
            connection.execute(statement)
    database.close()


ONE = "MATCH (p:Product {id: 'p1'})-[r:MADE_BY]->(b:Brand) "


def verified(address):
    """Exit code, faults and answer; that an embedded store's file is another one is said besides."""
    result = runner.invoke(app, ["verify", address])
    faults = [line for line in result.stderr.splitlines() if "is not the file that was written" not in line]
    return result.exit_code, faults, result.stdout.splitlines()


def test_verify_names_an_edge_that_somebody_deleted(address):
    built = build(address, SHOP, EVENTS).digest
    damage(address, f"{ONE} DELETE r")
    code, faults, said = verified(address)
    assert (code, faults) == (0, [])
    assert said[0].endswith(f"changed since the last build ({built})")
    assert said[1:] == ["  Product-MADE_BY-Brand: 1 fewer than the builds wrote"]
    assert json.loads(runner.invoke(app, ["verify", address, "--json"]).stdout)["differences"] == {"Product-MADE_BY-Brand": -1}


def test_verify_says_that_values_were_changed(address):
    build(address, SHOP, EVENTS)
    damage(address, "MATCH (p:Product {id: 'p1'}) SET p.title = 'Stone'")
    code, faults, said = verified(address)
    assert (code, faults) == (0, [])
    assert "changed since the last build" in said[0]
    assert said[1:] == ["  as many of every kind as the builds wrote: what differs are values"]


def test_verify_knows_what_later_builds_added_and_removed(address):
    build(address, SHOP, EVENTS)
    build(address, {"p1": SHOP["p1"], "p4": ("Lid", "New")}, EVENTS[:1], prune=True, now=NOW + 1)
    assert verified(address)[2][0].endswith("as the last build left it")
    damage(address, "MATCH (u:User) DETACH DELETE u")
    assert verified(address)[2][1:] == [
        "  User: 1 fewer than the builds wrote",
        "  User-BOUGHT-Product: 1 fewer than the builds wrote",
    ]


def test_verify_names_a_doubled_edge(address):
    build(address, SHOP, EVENTS)
    damage(address, f"{ONE} CREATE (p)-[:MADE_BY]->(b)")
    code, faults, said = verified(address)
    assert code == 1
    assert faults == [
        "kg-builder: Product-MADE_BY-Brand: 1 keys are there more than once (or lack a part), "
        "the first is 'Product-MADE_BY-Brand p1 acme'"
    ]
    assert said[1:] == ["  Product-MADE_BY-Brand: 1 more than the builds wrote"]


@pytest.fixture
def server(neo4j_address, wipe):
    wipe()
    build(neo4j_address, SHOP, EVENTS)
    yield neo4j_address
    wipe()


@pytest.mark.neo4j
def test_verify_names_a_doubled_node(server):
    with connect(server) as store:
        (name,) = store.query("SHOW CONSTRAINTS YIELD name, labelsOrTypes WHERE labelsOrTypes = ['Brand'] RETURN name")["name"]
    damage(server, f"DROP CONSTRAINT {name}", "CREATE (:Brand {id: 'acme', name: 'Acme'})")
    code, faults, said = verified(server)
    assert code == 1
    assert faults[0].startswith("kg-builder: Brand: 1 keys are there more than once")
    assert said[1] == "  Brand: 1 more than the builds wrote"


@pytest.mark.neo4j
@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (
            "MATCH (b:Brand {id: 'zed'}) REMOVE b.id",
            "Brand: 1 keys are there more than once (or lack a part), the first is 'Brand null'",
        ),
        ("MATCH (u:User {id: 'u1'}) REMOVE u.id", "User-BOUGHT-Product: 1 edges end at no User, the first at None"),
        (
            "MATCH (b:Brand {id: 'zed'}) REMOVE b:Brand",
            "MADE_BY: 1 edges end at a node of another label than the schema's, or of none",
        ),
    ],
)
def test_verify_names_dangling_edges_and_nodes_without_an_id(statement, fault, server):
    damage(server, statement)
    code, faults, _ = verified(server)
    assert code == 1
    assert f"kg-builder: {fault}" in faults


@pytest.mark.neo4j
def test_verify_logs_what_is_wrong_and_no_id(server):
    damage(server, f"{ONE} CREATE (p)-[:MADE_BY]->(b)")
    result = runner.invoke(app, ["verify", server, "--log-json"])
    logged = [json.loads(line) for line in result.stderr.splitlines()]
    (fault,) = [one["fault"] for one in logged if one["event"] == "fault"]
    assert fault == "Product-MADE_BY-Brand: 1 keys are there more than once (or lack a part)"
    assert "acme" not in result.stderr
    assert logged[-1]["exit"] == result.exit_code == 1


def test_two_builds_in_one_second_are_both_on_record(address):
    build(address, SHOP)
    build(address, {"p9": ("Lid", "Acme")})
    with connect(address) as store:
        assert [one.added.get("Product") for one in store.info().builds] == [3, 1]


def test_a_second_builder_is_told_who_is_at_work(address):
    build(address, SHOP)
    with connect(address, create=True) as busy, busy.writing(), pytest.raises(StoreLocked, match=f"process {os.getpid()}"):
        build(address, {"p9": ("Lid", "Acme")})
    assert build(address, {"p9": ("Lid", "Acme")}).written


BUILD = """
import os, signal, sys, threading, time
import kg_builder, kg_builder.pipeline, kg_builder.stores.embedded, kg_builder.stores.neo4j

def end():
    time.sleep(float(sys.argv[3]))
    os.kill(os.getpid(), signal.SIGKILL)

threading.Thread(target=end, daemon=True).start()
started = time.monotonic()
kg_builder.build(sys.argv[1], sys.argv[2], name="shop", prune=True, now=1750000000)
print(time.monotonic() - started)
"""


def built(folder, address, seconds):
    """How long a build took in a process of its own; None where it was killed after so many seconds."""
    command = [sys.executable, "-c", BUILD, str(folder), address, str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return float(done.stdout) if done.returncode == 0 else None


def test_a_build_that_is_killed_at_any_moment_is_made_good_by_the_next(fresh_address, tmp_path):
    address = fresh_address()
    old, new = tmp_path / "old", tmp_path / "new"
    write_planted(old, users=60, products=120, seed=1)
    write_planted(new, users=60, products=140, seed=2)
    kg_builder.build(old, address, name="shop", now=NOW)
    whole, draw, hits = built(new, address, 600), random.Random(0), 0
    wanted = digest(held(address).without_derived())
    kills = int(os.environ.get("GRAPHREC_KILLS", "2"))
    while hits < kills:
        shutil.rmtree(address, ignore_errors=True)
        address = fresh_address()
        kg_builder.build(old, address, name="shop", now=NOW)
        if built(new, address, whole * draw.random()) is None:
            hits += 1
        report = kg_builder.build(new, address, name="shop", prune=True, now=NOW)
        assert report.digest == wanted == digest(held(address).without_derived())


ENDED = """
import os, sys
import kg_builder, kg_builder.pipeline

kg_builder.pipeline._Run.written = lambda *_: os._exit(9)
kg_builder.build(*sys.argv[1:], now=1750000000)
"""


def ended_before_it_writes(dump, address):
    """A build that ends at once, as if it were killed, when all is read."""
    done = subprocess.run([sys.executable, "-c", ENDED, str(dump), str(address)], check=False)  # noqa: S603 - our own words
    assert done.returncode == 9


def test_a_build_that_was_killed_while_it_wrote_goes_on_without_reading_again(fresh_address, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    dump, address = tmp_path / "dump", fresh_address()
    write_planted(dump, users=30, products=40, seed=1)
    ended_before_it_writes(dump, address)
    with monkeypatch.context() as patch:
        patch.setattr("kg_builder.pipeline.take_in", None)
        report = kg_builder.build(dump, address, now=NOW)
    assert "broke off" in report.notes[-1]
    whole = kg_builder.build(dump, tmp_path / "whole.graph", now=NOW)
    assert (report.digest, report.rejected, report.faults) == (whole.digest, whole.rejected, whole.faults)
    assert report.digest == digest(held(address).without_derived())
    assert not [*tmp_path.glob("cache/kg-builder/*")]
    assert kg_builder.build(dump, address, now=NOW).unchanged


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """A dump, the store of a build of it that ended before it wrote, and the hash of one that did not."""
    folder = tmp_path_factory.mktemp("ended")
    write_planted(folder / "dump", users=30, products=40, seed=1)
    ended_before_it_writes(folder / "dump", folder / "shop.graph")
    whole = kg_builder.build(folder / "dump", folder / "whole.graph", now=NOW)
    return folder / "dump", folder / "shop.graph", whole.digest


@pytest.mark.parametrize(
    ("file", "harm"),
    [
        ("checkpoint.json", "garbage"),
        ("checkpoint.json", "gone"),
        ("rejects.parquet", "truncated"),
        ("tables/nodes/Product.parquet", "garbage"),
        ("tables/schema.json", "gone"),
    ],
)
def test_a_damaged_checkpoint_is_told_of_and_the_dump_read_again(ended, tmp_path, file, harm):
    dump, kept, whole = ended
    address = shutil.copytree(kept, tmp_path / "shop.graph")
    path = address / "checkpoint" / file
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(b"garbage" if harm == "garbage" else path.read_bytes()[:-40])
    report = kg_builder.build(dump, address, now=NOW)
    assert any("damaged" in note for note in report.notes) == (harm != "gone" or file != "checkpoint.json")
    assert report.digest == whole
    assert not (address / "checkpoint").exists()


def test_a_dump_of_an_earlier_day_fills_gaps_and_changes_nothing_that_a_later_one_said(address):
    kg_builder.build(frames({"p1": ("Tea", None), "p2": ("Cup", "Acme")}), address, name="tuesday", as_of=NOW, now=NOW)
    monday = frames({"p1": ("Te", "Acme"), "p3": ("Pan", None)})
    report = kg_builder.build(monday, address, name="monday", as_of=NOW - 86_400, now=NOW)
    names = dict(held(address).nodes["Product"].select("id", "title").collect().iter_rows())
    assert names == {"p1": "Tea", "p2": "Cup", "p3": "Pan"}
    assert report.changed == {}
    assert report.added == {"Product": 1, "Product-MADE_BY-Brand": 1}
    kg_builder.build(monday, address, name="monday", as_of=NOW + 86_400, now=NOW)
    assert held(address).nodes["Product"].filter(pl.col("id") == "p1").collect()["title"].item() == "Te"


def priced(**values):
    """A shop of one product, with these properties."""
    return {"products": pl.DataFrame({"id": ["p1"], **{name: [value] for name, value in values.items()}})}


DAYS = {
    "monday": {"title": "Te", "price": 1.0, "variant": "red"},
    "tuesday": {"price": 2.0},
    "wednesday": {"title": "Tea"},
}


@pytest.mark.parametrize("order", list(itertools.permutations(DAYS)), ids="-".join)
@pytest.mark.parametrize("one_source", [True, False], ids=["one-source", "three-sources"])
def test_a_later_value_wins_by_source_time_in_whatever_order_the_dumps_come(tmp_path, order, one_source):
    moments = {day: NOW + number * 86_400 for number, day in enumerate(DAYS)}
    for day in order:
        name = "shop" if one_source else day
        kg_builder.build(priced(**DAYS[day]), tmp_path / "s.graph", name=name, as_of=moments[day], now=NOW + 9 * 86_400)
    row = held(tmp_path / "s.graph").nodes["Product"].collect().row(0, named=True)
    assert (row["title"], row["price"], row["variant"]) == ("Tea", 2.0, "red")


def test_a_value_said_again_is_of_the_later_moment(address):
    for moment, price in ((NOW, 1.0), (NOW + 20, 1.0)):
        kg_builder.build(priced(price=price), address, name="shop", as_of=moment, now=NOW + 99)
    kg_builder.build(priced(price=3.0), address, name="other", as_of=NOW + 10, now=NOW + 99)
    assert held(address).nodes["Product"].collect()["price"].item() == 1.0


def test_a_late_dump_does_not_bring_back_what_a_later_one_of_its_source_took_away(address):
    kg_builder.build(frames(SHOP, EVENTS), address, name="shop", as_of=NOW, now=NOW + 99)
    newer = {one: SHOP[one] for one in ("p1", "p2")}
    kg_builder.build(frames(newer, EVENTS[:1]), address, name="shop", as_of=NOW + 20, prune=True, now=NOW + 99)
    before = digest(held(address))
    late = frames({**SHOP, "p4": ("Pot", None)}, EVENTS)
    report = kg_builder.build(late, address, name="shop", as_of=NOW + 10, now=NOW + 99)
    assert (report.added, report.changed, digest(held(address))) == ({}, {}, before)
    elsewhere = kg_builder.build(late, address, name="market", as_of=NOW + 10, now=NOW + 99)
    assert elsewhere.added["Product"] == 2


def test_a_late_dump_changes_no_value_of_what_was_merged(address):
    kettles = {"products": pl.DataFrame({"id": ["p1", "p2"], "title": "Travel Kettle X200", "brand": "Acme", "price": 9.0})}
    kg_builder.build(kettles, address, name="shop", as_of=NOW + 20, now=NOW + 99)
    (merge,) = kg_builder.resolve(address, now=NOW).merges
    late = {"products": pl.DataFrame({"id": [merge.one], "price": 5.0, "variant": "red"})}
    kg_builder.build(late, address, name="market", as_of=NOW, now=NOW + 99)
    row = held(address).nodes["Product"].collect().row(0, named=True)
    assert (row["id"], row["price"], row["variant"]) == (merge.other, 9.0, "red")


def test_an_earlier_dump_cannot_say_what_is_gone(address):
    kg_builder.build(frames(SHOP), address, name="shop", as_of=NOW, now=NOW)
    with pytest.raises(BadRequest, match="a later dump was built as shop"):
        kg_builder.build(frames({}), address, name="shop", as_of=NOW - 1, prune=True, now=NOW)


def test_rows_of_tomorrow_are_read_again_the_day_after(tmp_path):
    dump, address = tmp_path / "events.csv", tmp_path / "shop.graph"
    dump.write_text(f"user,product,event,at\nu1,p1,bought,{NOW}\nu1,p2,bought,{NOW + 3 * 86_400}\n")
    assert kg_builder.build(dump, address, now=NOW).faults == 1
    report = kg_builder.build(dump, address, now=NOW + 3 * 86_400)
    assert (report.faults, report.added["User-BOUGHT-Product"]) == (0, 1)


def weighed(folder, *rows):
    """A dump of products with a weight, the file's own words for it."""
    folder.mkdir(exist_ok=True)
    (folder / "products.csv").write_text(
        "id,title,weight\n" + "".join(f"{one},{title},{weight}\n" for one, title, weight in rows)
    )
    return folder


@pytest.mark.parametrize(
    ("first", "then", "held_then"),
    [
        (["5", "7"], ["", ""], [5, 7]),
        (["", ""], ["5", "7"], [5, 7]),
        (["100", "7"], ["100.5", "7"], [100.5, 7.0]),
        (["100.5", "7"], ["100", "7"], [100.0, 7.0]),
        (["100", "7"], ["heavy", "7"], ["heavy", "7"]),
        (["heavy", "7"], ["100", "7"], ["100", "7"]),
        (["true", "true"], ["1", "1"], ["1", "1"]),
    ],
)
def test_a_column_whose_type_changes_gets_the_type_that_holds_both(address, tmp_path, first, then, held_then):
    ids = ["p1", "p2"]
    kg_builder.build(weighed(tmp_path / "n1", *zip(ids, "ab", first, strict=True)), address, name="shop", now=NOW)
    dump = weighed(tmp_path / "n2", *zip(ids, "ab", then, strict=True))
    report = kg_builder.build(dump, address, name="shop", now=NOW)
    products = held(address).nodes["Product"].sort("id").collect()
    assert products["weight"].to_list() == held_then
    assert report.digest == digest(held(address).without_derived())
    again = kg_builder.build(dump, address, name="shop", now=NOW, again=True)
    assert (again.written, again.digest) == (False, report.digest)


def two_sources(tmp_path, address):
    """Two dumps that both tell of p1."""
    kg_builder.build(weighed(tmp_path / "s1", ("p1", "Tea", 1), ("p2", "Cup", 2)), address, name="one", now=NOW)
    kg_builder.build(weighed(tmp_path / "s2", ("p1", "Tea", 1), ("p3", "Pan", 3)), address, name="two", now=NOW)
    return weighed(tmp_path / "s1b", ("p9", "Lid", 9))


def products(address):
    return sorted(held(address).nodes["Product"].collect()["id"])


def test_nothing_that_another_source_told_of_is_pruned_when_the_history_is_lost(tmp_path):
    address = tmp_path / "shop.graph"
    dump = two_sources(tmp_path, address)
    (address / "builds.json").unlink()
    with pytest.raises(BadRequest, match="nothing was built as one"):
        kg_builder.build(dump, address, name="one", prune=True, now=NOW)
    kg_builder.build(tmp_path / "s1", address, name="one", now=NOW)
    kg_builder.build(dump, address, name="one", prune=True, now=NOW)
    assert products(address) == ["p1", "p3", "p9"]


def test_nothing_is_pruned_while_the_store_does_not_know_what_another_source_told_of(tmp_path):
    address = tmp_path / "shop.graph"
    dump = two_sources(tmp_path, address)
    before = set((address / "told").iterdir())
    kg_builder.build(weighed(tmp_path / "s3", ("p4", "Pot", 4)), address, name="three", now=NOW)
    (new,) = set((address / "told").iterdir()) - before
    new.unlink()
    with pytest.raises(StoreError, match="no longer knows what three told of"):
        kg_builder.build(dump, address, name="one", prune=True, now=NOW)
    assert not kg_builder.build(tmp_path / "s3", address, name="three", now=NOW).unchanged
    kg_builder.build(dump, address, name="one", prune=True, now=NOW)
    assert products(address) == ["p1", "p3", "p4", "p9"]


def test_records_of_a_graph_that_was_lost_say_nothing_of_the_next(tmp_path):
    address = tmp_path / "shop.graph"
    two_sources(tmp_path, address)
    (address / "database").unlink()
    (address / "schema.json").unlink()
    for name, dump in (("one", "s1"), ("two", "s2")):
        assert kg_builder.build(tmp_path / dump, address, name=name, now=NOW).written
    assert products(address) == ["p1", "p2", "p3"]


def test_a_build_that_is_killed_before_it_is_on_record_prunes_when_it_is_repeated(fresh_address, tmp_path, monkeypatch):
    address = fresh_address()
    dump = two_sources(tmp_path, address)
    kind = Neo4jStore if "://" in address else EmbeddedStore
    for step in ("remember", "write"):  # the second of each: when all is written, and when all but the record is
        calls, real = [], getattr(kind, step)

        def breaks_off(*args, calls=calls, real=real, **options):
            calls.append(args)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return real(*args, **options)

        with monkeypatch.context() as patch:
            patch.setattr(kind, step, breaks_off)
            with pytest.raises(KeyboardInterrupt):
                kg_builder.build(dump, address, name="one", prune=True, now=NOW)
        kg_builder.build(dump, address, name="one", prune=True, now=NOW)
        assert products(address) == ["p1", "p3", "p9"]
        with connect(address) as store:
            assert set(store.remembered("one").filter(pl.col("kind") == "Product").collect()["source"]) == {"p9"}
        kg_builder.build(tmp_path / "s1", address, name="one", now=NOW, again=True)


def test_what_was_never_built_cannot_be_pruned(address):
    with connect(address, create=True) as store:
        kg_builder.build(frames(SHOP), store, name="shop", now=NOW)
        tables = store.read()
    other = {"p9": ("Lid", "Acme")}
    with pytest.raises(BadRequest, match="nothing was built as stranger"):
        kg_builder.build(frames(other), address, name="stranger", prune=True, now=NOW)
    assert held(address).without_derived() == tables


def test_verify_as_built_fails_where_somebody_changed_the_graph(tmp_path):
    address = str(tmp_path / "shop.graph")
    build(address, SHOP)
    assert runner.invoke(app, ["verify", address, "--as-built"]).exit_code == 0
    with connect(address) as store:
        store.write(kg_builder.GraphTables.of(kg_builder.RETAIL, {"User": pl.DataFrame({"id": ["stranger"]})}, {}))
    assert runner.invoke(app, ["verify", address]).exit_code == 0
    assert runner.invoke(app, ["verify", address, "--as-built"]).exit_code == 1


def test_what_a_killed_build_left_in_the_temporary_folder_is_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "tmp").mkdir()
    dump = weighed(tmp_path / "dump", ("p1", "Tea", 1))
    ended_before_it_writes(dump, tmp_path / "a.graph")
    assert list((tmp_path / "tmp").glob("kg-builder-*"))
    kg_builder.build(dump, tmp_path / "a.graph", now=NOW)
    assert not list((tmp_path / "tmp").glob("kg-builder-*"))
