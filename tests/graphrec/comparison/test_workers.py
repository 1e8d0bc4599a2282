import sys
import time

import pytest

from graphrec.comparison import workers
from graphrec.comparison.systems import system
from graphrec.comparison.workers import Failed, OutOfTime, Worker

ECHO = """
import json, os, sys, time
for line in sys.stdin:
    order = json.loads(line)
    time.sleep(order.get("starting", 0) if order.get("ready") else 0)
    time.sleep(order.get("sleep", 0))
    if "exit" in order:
        print("the sky fell", file=sys.stderr)
        sys.exit(order["exit"])
    if "kill" in order:
        os.kill(os.getpid(), 9)
    print(json.dumps(order.get("say", {"process": os.getpid()})), flush=True)
"""


@pytest.fixture
def worker(tmp_path):
    with Worker([sys.executable, "-c", ECHO], log=tmp_path / "log", threads=1) as worker:
        yield worker


def test_one_process_does_one_order_after_the_other(worker):
    assert worker.ask({}, 30)["process"] == worker.ask({}, 30)["process"]


def test_what_takes_too_long_is_ended_and_the_next_order_is_done(worker):
    first = worker.ask({}, 30)["process"]
    started = time.monotonic()
    with pytest.raises(OutOfTime, match="not done within"):
        worker.ask({"sleep": 600}, 0.2)
    assert time.monotonic() - started < 30
    assert worker.ask({}, 30)["process"] != first


def test_starting_a_process_costs_an_order_no_time(worker):
    before, started = worker.clock(), time.monotonic()
    assert worker.ask({"starting": 1.5}, 1)
    assert time.monotonic() - started > 1.5
    assert worker.clock() - before < 1


def test_a_process_that_does_not_start_is_ended_at_no_cost_of_time(worker, monkeypatch):
    monkeypatch.setattr(workers, "START", 1.0)
    before = worker.clock()
    with pytest.raises(OutOfTime, match="not started within 1 s"):
        worker.ask({"starting": 600}, 30)
    assert worker.clock() - before < 0.9
    assert worker.ask({}, 30)


def test_a_process_that_ends_says_its_last_words_and_the_next_order_is_done(worker):
    with pytest.raises(Failed, match="ended with code 3: the sky fell"):
        worker.ask({"exit": 3}, 30)
    with pytest.raises(Failed, match="SIGKILL; out of memory"):
        worker.ask({"kill": True}, 30)
    assert worker.ask({}, 30)


def test_a_missing_package_is_named_with_a_remedy(worker):
    with pytest.raises(Failed, match=r"implicit is not installed here; pip install 'graphrec\[peers\]'.*by --python"):
        worker.ask({"say": {"missing": "implicit"}}, 30)
    with pytest.raises(Failed, match=r"benchmarks/peers.sh"):
        worker.ask({"say": {"missing": "lenskit"}}, 30)
    with pytest.raises(Failed, match=r"^ValueError: no$"):
        worker.ask({"say": {"error": "ValueError: no"}}, 30)


def test_a_peers_interpreter_is_its_own_before_its_familys_before_this_one():
    pythons = {"lenskit": "family", "lenskit-ease": "own"}
    assert workers.command(system("lenskit-ease"), pythons)[0] == "own"
    assert workers.command(system("lenskit-als"), pythons)[0] == "family"
    assert workers.command(system("implicit-als"), pythons)[0] == sys.executable
    assert workers.command(system("linear"), {"graphrec": "never"})[0] == sys.executable
