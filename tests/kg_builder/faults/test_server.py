"""A Neo4j server that is gone, slow, restarted, dead-locked, read-only, old or not ours: one line, and nothing doubled."""

import os
import socket
import threading
import time

import neo4j
import polars as pl
import pytest

from kg_builder.digests import digest
from kg_builder.errors import StoreLocked, StoreUnreachable
from kg_builder.pipeline import build
from kg_builder.planted import write_planted
from kg_builder.schema import RETAIL
from kg_builder.stores import connect
from kg_builder.tables import GraphTables
from kg_builder.verification import verify
from tests.kg_builder.faults.conftest import in_process, refusal

pytestmark = pytest.mark.neo4j
NOW = 1_750_000_000


@pytest.fixture(scope="module")
def dump(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dumps") / "shop"
    write_planted(folder, users=60, products=120)
    return folder


@pytest.fixture(scope="module")
def undisturbed(dump, tmp_path_factory):
    """The hash of a graph that nothing went wrong with."""
    return build(dump, tmp_path_factory.mktemp("stores") / "undisturbed.graph", now=NOW).digest


@pytest.fixture
def small_batches(monkeypatch):
    """Many transactions, so that something can happen between them, and short pauses before they are tried again."""
    monkeypatch.setattr("kg_builder.neo4j_tables._ROWS", 50)
    monkeypatch.setattr("kg_builder.neo4j_sessions._FIRST", 0.1)
    monkeypatch.setattr("kg_builder.neo4j_sessions._LONGEST", 1.0)


def held(address):
    with connect(address) as store:
        return store.read()


def test_a_server_that_is_gone_before_the_start_is_one_line(dump, free_port):
    line = refusal(in_process("build", dump, "--into", f"bolt://127.0.0.1:{free_port}"))
    assert line.startswith(f"no Neo4j server answers at bolt://127.0.0.1:{free_port}; start one")


def test_a_server_that_is_gone_for_good_in_the_middle_is_one_line_after_the_retries(
    dump, proxy, wipe, undisturbed, monkeypatch, small_batches, caplog
):
    wipe()
    monkeypatch.setenv("NEO4J_PATIENCE", "2")

    def leaves(what, done, total):
        if what == "write" and done > total // 2:
            proxy.leave()

    started = time.monotonic()
    with pytest.raises(StoreUnreachable, match=r"does not answer any more \(asked again for 2 s\); .* repeat the command"):
        build(dump, proxy.address, now=NOW, progress=leaves)
    assert time.monotonic() - started < 30
    assert [one for one in caplog.messages if "does not answer; trying again for 2 s more" in one]
    proxy.come_back()
    assert build(dump, proxy.address, now=NOW).digest == undisturbed == digest(held(proxy.address))


def test_a_server_that_is_slow_only_takes_longer(dump, proxy, wipe, undisturbed):
    wipe()
    proxy.delay = 0.01
    assert build(dump, proxy.address, now=NOW).digest == undisturbed == digest(held(proxy.address))


def test_connections_that_break_are_made_again_and_nothing_is_doubled(dump, proxy, wipe, undisturbed, small_batches, caplog):
    wipe()
    proxy.cuts = [20_000, 60_000, 61_000, 100_000]
    assert build(dump, proxy.address, now=NOW).digest == undisturbed == digest(held(proxy.address))
    assert proxy.broken == 4
    assert sum("does not answer; trying again" in one for one in caplog.messages) >= 3
    assert verify(proxy.address).ok


def test_a_commit_that_nobody_is_told_of_doubles_nothing(dump, proxy, wipe, undisturbed, small_batches):
    wipe()
    proxy.losses = [4, 9, 30, 31]
    assert build(dump, proxy.address, now=NOW).digest == undisturbed == digest(held(proxy.address))
    assert proxy.broken == 4
    assert verify(proxy.address).ok


def test_a_server_that_is_restarted_in_the_middle_of_a_build(
    dump, server_to_stop, undisturbed, monkeypatch, small_batches, caplog
):
    start, stop, environment = server_to_stop
    address = start().uri
    monkeypatch.setattr(os, "environ", environment)
    with neo4j.GraphDatabase.driver(address, auth=(environment["NEO4J_USERNAME"], environment["NEO4J_PASSWORD"])) as driver:
        driver.execute_query("MATCH (n) DETACH DELETE n")
    restarts = []

    def restart(what, done, total):
        if what == "write" and done > total // 2 and not restarts:
            stop()
            restarts.append(threading.Timer(1, start))
            restarts[0].start()

    report = build(dump, address, now=NOW, progress=restart)
    restarts[0].join()
    assert report.digest == undisturbed == digest(held(address))
    assert any(f"{address} does not answer; trying again for" in one for one in caplog.messages)
    assert verify(address).ok


def test_a_read_only_server_is_one_line(dump, server_to_stop, monkeypatch):
    start, stop, environment = server_to_stop
    monkeypatch.setattr(os, "environ", environment)
    start()
    stop(30)
    address = start(server__databases__default_to_read_only="true").uri
    line = refusal(in_process("build", dump, "--into", address))
    assert line.startswith(f"{address} takes no writes, its database is read-only; name another server")
    stop()


def test_dead_locks_are_tried_again(neo4j_address, wipe, caplog, monkeypatch):
    """The write waits for another transaction, which waits for the write; Neo4j ends the one that holds fewer locks."""
    wipe()
    monkeypatch.setattr("kg_builder.neo4j_tables._ROWS", 3)
    auth = (os.environ["NEO4J_USERNAME"], os.environ["NEO4J_PASSWORD"])
    ids, others = ["o1", "o2", "o3", "p1", "p2"], [f"q{number}" for number in range(200)]
    with (
        connect(neo4j_address) as store,
        neo4j.GraphDatabase.driver(neo4j_address, auth=auth) as driver,
        driver.session() as session,
    ):
        store.write(_products(*ids, *others))
        other = session.begin_transaction()
        later = threading.Timer(1, lambda: (_lock(other, ["p1"]), other.rollback()))

        def locks(what, done, total):
            if done == 3:
                _lock(other, ["p2", *others])
                later.start()

        store.write(_products(*ids, title="new"), progress=locks)
        later.join()
        assert any("says DeadlockDetected; trying again" in one for one in caplog.messages)
        assert store.read() == _products(*ids, title="new").merge(_products(*others))


def _lock(transaction, products):
    transaction.run("UNWIND $ids AS id MATCH (p:Product {id: id}) SET p.title = 'locked'", ids=products).consume()


def _products(*ids, title="old"):
    return GraphTables.of(RETAIL, {"Product": pl.DataFrame({"id": ids, "title": [title] * len(ids)})}, {})


def test_a_server_of_an_old_version_is_named(dump, proxy):
    with connect(proxy.address) as store, store._driver.session() as session:
        agent = session.run("CALL dbms.components() YIELD versions RETURN versions[0]").single()[0]
    proxy.rewrites = {f"Neo4j/{agent}".encode(): b"Neo4j/5.14.300"[: len(agent) + 6].ljust(len(agent) + 6, b"0")}
    line = refusal(in_process("build", dump, "--into", proxy.address))
    assert line.startswith(f"{proxy.address} is Neo4j/5.14.30")
    assert line.endswith("expected Neo4j 5.15 or newer: upgrade the server or name another one")


@pytest.mark.parametrize("answer", [b"\0\0\0\0", b"HTTP", b""], ids=["a protocol that is too old", "a web server", "nothing"])
def test_what_speaks_no_bolt_of_ours_is_one_line(dump, answer):
    with socket.create_server(("127.0.0.1", 0)) as ear:

        def speak():
            while True:
                try:
                    client, _ = ear.accept()
                except OSError:
                    return
                with client:
                    client.recv(1024)
                    client.sendall(answer)

        threading.Thread(target=speak, daemon=True).start()
        address = f"bolt://127.0.0.1:{ear.getsockname()[1]}"
        assert address in refusal(in_process("build", dump, "--into", address))
        ear.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "wrong", [{"NEO4J_PASSWORD": "not-the-password"}, {"NEO4J_USERNAME": "nobody"}], ids=["password", "user"]
)
def test_a_wrong_password_or_user_is_one_line_without_the_password(dump, neo4j_address, wrong, monkeypatch):
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    line = refusal(in_process("build", dump, "--into", neo4j_address))
    assert "set NEO4J_USERNAME and NEO4J_PASSWORD" in line
    assert "not-the-password" not in line


def test_a_patience_that_is_no_number_is_refused(dump, neo4j_address, monkeypatch):
    monkeypatch.setenv("NEO4J_PATIENCE", "long")
    assert (
        refusal(in_process("build", dump, "--into", neo4j_address), code=2)
        == "NEO4J_PATIENCE must be a number of seconds (got 'long')"
    )


def test_who_was_away_for_longer_than_the_lease_does_not_write_beside_another(neo4j_address, wipe):
    wipe()
    with connect(neo4j_address) as one, one.writing(), connect(neo4j_address) as other:
        one._lease.over.set()
        one._lease.renewed -= 100
        with other._session(writes=True) as session:
            session.execute_write(lambda tx: tx.run("MATCH (l:Build {id: 'writer'}) SET l.until = 0").consume())
        with other.writing(), pytest.raises(StoreLocked, match=f"process {os.getpid()}"):
            one.write(_products("p9"))
