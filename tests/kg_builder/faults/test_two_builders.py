"""Two builders at once: the second is told who is at work, and gets on as soon as the first is killed."""

import os
import signal
import subprocess
import sys

import pytest

from kg_builder.digests import digest
from kg_builder.pipeline import build
from kg_builder.planted import write_planted
from kg_builder.stores import connect
from tests.kg_builder.faults.conftest import kg_builder, refusal

NOW = 1_750_000_000
# Builds, and waits in the middle of the writing.
WAITING = """
import sys
from kg_builder import neo4j_tables
from kg_builder.pipeline import build

neo4j_tables._ROWS = 50

def waits(what, done, total):
    if what == "write" and done > total // 3:
        print("writing", flush=True)
        sys.stdin.readline()

build(sys.argv[1], sys.argv[2], name="shop", now=1750000000, progress=waits)
"""


@pytest.fixture
def dump(tmp_path):
    write_planted(tmp_path / "dump", users=60, products=120)
    return tmp_path / "dump"


def test_a_second_builder_is_refused_and_gets_on_when_the_first_is_killed(fresh_address, dump, tmp_path):
    address = fresh_address()
    command = [sys.executable, "-c", WAITING, str(dump), address]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:  # noqa: S603
        assert first.stdout.readline() == "writing\n"
        line = refusal(kg_builder("build", dump, "--into", address, "--name", "shop"))
        assert f"process {first.pid}" in line
        assert f"is writing to {address}; try again when it is done" in line
        os.kill(first.pid, signal.SIGKILL)
    report = build(dump, address, name="shop", now=NOW)
    with connect(address) as store:
        assert digest(store.read()) == report.digest == build(dump, tmp_path / "other.graph", now=NOW).digest
