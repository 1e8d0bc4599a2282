"""What tests share: a Neo4j server of their own, and a fresh store of either kind."""

import importlib.util
import itertools
import os
import sys
from pathlib import Path

import neo4j
import pytest

from kg_builder.engines import running
from kg_builder.errors import EngineError
from kg_builder.stores import connect

_SPEC = importlib.util.spec_from_file_location("neo4j_server", Path(__file__).parents[1] / "deploy" / "neo4j" / "server.py")
server = importlib.util.module_from_spec(_SPEC)
sys.modules["neo4j_server"] = server
_SPEC.loader.exec_module(server)

_SKIPPED = "TESTS DID NOT RUN"


@pytest.fixture(scope="session")
def neo4j_server(tmp_path_factory):
    """A server with `uri` and `password` (user neo4j), started for this run on a free port in a fresh folder.

    The one that NEO4J_URI names is never touched.
    """
    home = tmp_path_factory.mktemp("neo4j") / "home"
    try:
        # A short life: quick to compile beats quick when compiled.
        started = server.start(home, port=server.free_port(), java_options=("-XX:TieredStopAtLevel=1",))
    except server.CannotStart as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must run Neo4j's tests: {error}")
        pytest.skip(f"NEO4J'S {_SKIPPED}: {error}")
    yield started
    server.stop(home, seconds=0)


@pytest.fixture(scope="session")
def server_to_stop(tmp_path_factory, neo4j_server):
    """A Neo4j server that a test may stop and start: `(start, stop, environment)`. It may hold a graph."""
    home, port = tmp_path_factory.mktemp("to_stop") / "home", server.free_port()

    def start(**settings):
        named = {name.replace("__", "."): value for name, value in settings.items()}
        return server.start(home, port=port, java_options=("-XX:TieredStopAtLevel=1",), settings=named)

    environment = {**os.environ, "NEO4J_USERNAME": "neo4j", "NEO4J_PASSWORD": start().password}
    yield start, lambda seconds=0: server.stop(home, seconds=seconds), environment
    server.stop(home, seconds=0)


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """The engine on two cores, each task tried twice, in one session for this run; set up for many jobs of a few rows."""
    folder = tmp_path_factory.mktemp("spark")
    settings = {
        "spark.sql.shuffle.partitions": 2,
        "spark.sql.autoBroadcastJoinThreshold": -1,
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "spark.local.dir": folder,
    }
    (folder / "spark-defaults.conf").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CONF_DIR", str(folder))
        works = running("spark", master="local[2,2]")
        try:
            started = works.__enter__()
        except EngineError as error:
            if os.environ.get("CI") == "true":
                pytest.fail(f"CI must run Spark's tests: {error}")
            pytest.skip(f"SPARK'S {_SKIPPED}: {error}")
        yield started
        works.__exit__(None, None, None)


def pytest_terminal_summary(terminalreporter):
    """One loud line where Neo4j's tests could not run, and where Spark's could not."""
    reasons = {report.longrepr[2] for report in terminalreporter.stats.get("skipped", [])}
    for reason in sorted(reason for reason in reasons if _SKIPPED in reason):
        terminalreporter.write_line(reason.removeprefix("Skipped: "), red=True, bold=True)


@pytest.fixture
def neo4j_program():
    """The module deploy/neo4j/server.py."""
    return server


@pytest.fixture
def free_port():
    """A port that nobody listens on."""
    return server.free_port()


@pytest.fixture(scope="session")
def neo4j_address(neo4j_server):
    """The server's address, with user and password where `connect` looks for them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEO4J_USERNAME", server.USER)
        patch.setenv("NEO4J_PASSWORD", neo4j_server.password)
        yield neo4j_server.uri


@pytest.fixture(scope="session")
def wipe(neo4j_server):
    """A function that empties the server."""
    with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=(server.USER, neo4j_server.password)) as driver:

        def everything():
            driver.execute_query("MATCH (n) DETACH DELETE n")

        yield everything


@pytest.fixture(scope="session", params=["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def fresh_address(request, tmp_path_factory):
    """A function that gives the address of an empty store; embedded, then Neo4j."""
    if request.param == "embedded":
        folder, numbers = tmp_path_factory.mktemp("stores"), itertools.count()
        return lambda: str(folder / f"{next(numbers)}.graph")
    address, empty = request.getfixturevalue("neo4j_address"), request.getfixturevalue("wipe")

    def emptied():
        empty()
        return address

    return emptied


@pytest.fixture
def store(fresh_address):
    """An empty store to write to; embedded, then Neo4j."""
    with connect(fresh_address(), create=True) as opened:
        yield opened
