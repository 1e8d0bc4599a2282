"""A store that a newer graphrec made, an older one, or whose files are damaged: one line that names the file and what to do."""

import json
import os
import re
import shutil

import neo4j
import pytest

from kg_builder.digests import digest
from kg_builder.pipeline import build
from kg_builder.planted import write_planted
from kg_builder.stores import connect
from tests.kg_builder.faults.conftest import in_process, kg_builder, refusal

NOW = 1_750_000_000


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A dump, and the embedded store that was built of it."""
    folder = tmp_path_factory.mktemp("shop")
    write_planted(folder / "dump", users=24, products=48)
    build(folder / "dump", folder / "shop.graph", name="shop", now=NOW)
    return folder / "dump", folder / "shop.graph"


@pytest.fixture
def path(shop, tmp_path):
    """A copy of the store, to be damaged."""
    return shutil.copytree(shop[1], tmp_path / "shop.graph")


@pytest.fixture
def server(shop, neo4j_address, wipe):
    """A function that runs Cypher on the server that holds the shop."""
    wipe()
    build(shop[0], neo4j_address, name="shop", now=NOW)
    auth = (os.environ["NEO4J_USERNAME"], os.environ["NEO4J_PASSWORD"])
    with neo4j.GraphDatabase.driver(neo4j_address, auth=auth) as driver:
        yield driver.execute_query
    wipe()


COMMANDS = [("info",), ("hash",), ("verify",), ("query", "MATCH (p:Product) RETURN p.id"), ("export",), ("build",)]


def every(command, dump, address, out):
    """The arguments of each command on the store."""
    if command[0] == "build":
        return ["build", dump, "--into", address]
    return ["export", address, out, "--for", "graphml"] if command[0] == "export" else [command[0], address, *command[1:]]


@pytest.mark.parametrize("command", COMMANDS, ids=[command[0] for command in COMMANDS])
def test_a_store_of_a_newer_graphrec_is_refused_and_names_it(shop, path, tmp_path, command):
    kept = json.loads((path / "schema.json").read_text())
    assert kept["form"] == 2
    newer = json.dumps({"form": 3, "by": "9.1.0", "tables": "something new"})
    (path / "schema.json").write_text(newer)
    line = refusal(in_process(*every(command, shop[0], path, tmp_path / "out")))
    assert line.startswith(f"{path} was made by graphrec 9.1.0 in a newer form (3; this one knows 2): install graphrec 9.1.0")
    assert (path / "schema.json").read_text() == newer


@pytest.mark.neo4j
@pytest.mark.parametrize("command", COMMANDS[:1] + COMMANDS[-1:], ids=["info", "build"])
def test_a_server_of_a_newer_graphrec_is_refused_and_names_it(shop, neo4j_address, server, tmp_path, command):
    server("MATCH (b:Build {id: 'schema'}) SET b.form = 3, b.by = '9.1.0', b.schema = 'something new'")
    line = refusal(in_process(*every(command, shop[0], neo4j_address, tmp_path / "out")))
    assert line.startswith(f"{neo4j_address} was made by graphrec 9.1.0 in a newer form (3; this one knows 2): install")


def test_a_store_from_before_there_were_stamps_opens_and_is_built_on(shop, path):
    kept = json.loads((path / "schema.json").read_text())
    (path / "schema.json").write_text(json.dumps({name: kept[name] for name in ("nodes", "edges")}))
    assert not build(shop[0], path, name="shop", now=NOW, prune=True).removed
    with connect(path) as store, connect(shop[1]) as wanted:
        assert store.read() == wanted.read()


@pytest.mark.neo4j
def test_a_server_from_before_there_were_stamps_opens_and_is_built_on(shop, neo4j_address, server):
    server("MATCH (b:Build {id: 'schema'}) REMOVE b.form, b.by")
    report = build(shop[0], neo4j_address, name="shop", now=NOW, prune=True)
    with connect(shop[1]) as wanted:
        assert report.digest == digest(wanted.read())


DAMAGES = {"empty": b"", "garbage": b"\xff\x00garbage" * 999}


@pytest.mark.parametrize("damage", ["empty", "garbage", "cut"])
@pytest.mark.parametrize(
    "name, remedy",
    [
        ("schema.json", "restore {path} from a backup, or remove it and build it again"),
        ("builds.json", "remove it: the next build starts a new history of the graph"),
        ("told", "remove it, and build every source again without prune"),
        ("database", "restore {path} from a backup, or remove it and build it again"),
    ],
)
def test_a_damaged_file_is_one_line_that_names_it_and_the_remedy(shop, path, name, remedy, damage):
    file = next((path / name).iterdir()) if name == "told" else path / name
    data = file.read_bytes()
    file.write_bytes(DAMAGES.get(damage, data[: len(data) // 2]))
    more = _more(shop)
    run = kg_builder if name == "database" else in_process
    line = refusal(run("build", more, "--into", path, "--name", "shop"))
    assert str(file) in line
    assert remedy.format(path=path) in line
    if name in ("builds.json", "told"):
        file.unlink()
        assert in_process("build", more, "--into", path, "--name", "shop").returncode == 0


@pytest.mark.parametrize("name", ["database", "told", "builds.json"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_flipped_byte_is_found_wherever_it_is(path, name, part):
    file = next((path / name).iterdir()) if name == "told" else path / name
    data = bytearray(file.read_bytes())
    assert in_process("verify", path).returncode == 0
    data[int(len(data) * part)] ^= 1
    file.write_bytes(data)
    done = kg_builder("verify", path, "--as-built")
    assert done.returncode == 1
    assert str(file) in done.stderr
    assert "Traceback" not in done.stderr


def test_sums_that_were_lost_are_told_of_and_made_anew_by_the_next_build(shop, path):
    (path / "sums.json").unlink()
    assert f"{path / 'sums.json'} is missing" in refusal(in_process("verify", path))
    assert in_process("build", _more(shop), "--into", path, "--name", "more").returncode == 0
    assert in_process("verify", path).returncode == 0
    assert set(json.loads((path / "sums.json").read_text())) >= {"database", "builds.json"}


def test_what_a_source_told_of_is_missed_when_it_is_lost(shop, path):
    shutil.rmtree(path / "told")
    assert "what shop told of is not known any more" in refusal(in_process("verify", path))
    late = ["build", _more(shop), "--into", path, "--name", "more", "--as-of", "2001-01-01"]
    assert f"{path} no longer knows what shop told of" in refusal(in_process(*late))
    assert in_process("build", shop[0], "--into", path, "--name", "shop", *late[-2:], "--max-rejects", "100%").returncode == 0
    assert in_process("verify", path).returncode == 0


@pytest.mark.neo4j
@pytest.mark.parametrize("damage", ["REMOVE b.sum", "REMOVE b.current", "DELETE b"])
def test_a_server_misses_what_a_source_told_of(shop, neo4j_address, server, damage):
    server(f"MATCH (b:Build {{id: 'told:shop'}}) {damage}")
    assert "what shop told of is" in refusal(in_process("verify", neo4j_address))


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_database_that_is_cut_anywhere_is_never_a_crash(path, tenth):
    whole = (path / "database").read_bytes()
    (path / "database").write_bytes(whole[: len(whole) * tenth // 10])
    done = kg_builder("verify", path)
    assert f"kg-builder: {path / 'database'} " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_without_its_schema_is_not_built_over(shop, path):
    (path / "schema.json").unlink()
    before = (path / "database").read_bytes()
    assert f"{path / 'schema.json'} is missing beside the database" in refusal(in_process("build", shop[0], "--into", path))
    assert (path / "database").read_bytes() == before


@pytest.mark.neo4j
@pytest.mark.parametrize(
    "damage, said",
    [
        ("DELETE b", "0 of 1 parts are there"),
        ("REMOVE b.data", "0 of 1 parts are there"),
        ("SET b.data = $garbage", "not what was written"),
    ],
)
def test_what_a_source_told_a_server_of_is_damaged(shop, neo4j_address, server, damage, said):
    server(f"MATCH (b:Build {{told: 'told:shop'}}) {damage}", garbage=b"garbage" * 99)
    command = ["build", _more(shop), "--into", neo4j_address, "--name", "shop"]
    line = refusal(in_process(*command))
    assert line.startswith(f"{neo4j_address}: what shop told of is damaged (")
    assert said in line
    assert line in kg_builder("verify", neo4j_address).stderr
    server(re.search(r"remove it \((.*? DELETE b)\)", line)[1])
    assert in_process(*command).returncode == 0


def _more(shop):
    """A small dump of something new."""
    folder = shop[0].parent / "more"
    folder.mkdir(exist_ok=True)
    (folder / "products.csv").write_text("id,title\np9,Tea\n")
    (folder / "events.csv").write_text("user,product,event,at\nu1,p9,bought,1600000000\n")
    return folder
