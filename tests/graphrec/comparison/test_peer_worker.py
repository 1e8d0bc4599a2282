import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from graphrec import splits
from graphrec.comparison import frozen, peer_worker
from graphrec.comparison.systems import names, system
from graphrec.tensors import KnownGraph

IMPLICIT = [name for name in names() if name.startswith("implicit-")]
LEARNT = {"implicit-bpr": {"factors": 16, "iterations": 200, "learning_rate": 0.1}}


@pytest.fixture(scope="module")
def cut(shop):
    return splits.inner_cut(KnownGraph.of(shop), 0)


@pytest.fixture(scope="module")
def data(cut, tmp_path_factory):
    folder = tmp_path_factory.mktemp("peers") / "data"
    frozen.save_choices(cut, folder)
    return folder


@pytest.fixture
def ask(data, tmp_path):
    """Starts a worker as any interpreter would, gives it orders, and returns its answers."""

    def ask(*orders):
        told = {"data": str(data), "lists": str(tmp_path / "lists.npy"), "k": 10, "seed": 3, "settings": {}}
        text = "".join(json.dumps(told | one) + "\n" for one in orders)
        start = [sys.executable, "-c", f"import runpy; runpy.run_path({peer_worker.__file__!r}, run_name='__main__')"]
        done = subprocess.run(start, input=text, capture_output=True, text=True, check=True)  # noqa: S603
        return [json.loads(line) for line in done.stdout.splitlines()]

    return ask


def test_the_worker_imports_nothing_of_graphrec():
    source = Path(peer_worker.__file__).read_text()
    assert "import graphrec" not in source
    assert "from graphrec" not in source


@pytest.mark.parametrize("name", IMPLICIT)
def test_a_peer_lists_new_products_for_sale_and_better_than_by_chance(name, ask, cut, tmp_path):
    pytest.importorskip("implicit")
    settings = {**system(name).defaults, **LEARNT.get(name, {})}
    (answer,) = ask({"system": name, "settings": settings})
    assert answer["version"].startswith("implicit ")
    assert answer["fit_seconds"] > 0
    lists = np.load(tmp_path / "lists.npy")
    assert lists.shape == (len(cut.users), 10)
    seen = cut.known.matrix[cut.users].toarray() > 0
    truth = cut.truth.toarray() > 0
    hits = chance = 0.0
    for row, listed in enumerate(lists):
        kept = listed[listed >= 0]
        assert len(set(kept)) == len(kept)
        assert not seen[row, kept].any()
        assert cut.known.listed[kept].all()
        hits += truth[row, kept].sum()
        chance += truth[row].sum() * 10 / (cut.known.listed & ~seen[row]).sum()
    assert hits > 1.5 * chance


def test_a_package_that_is_not_there_is_named_and_the_next_order_is_done(ask):
    pytest.importorskip("implicit")
    answers = ask({"system": "recbole-lightgcn"}, {"system": "implicit-cosine", "settings": {"K": 5}})
    assert answers[0] == {"missing": "recbole"}
    assert "fit_seconds" in answers[1]


def test_what_a_peer_raises_is_one_line(ask):
    pytest.importorskip("implicit")
    (answer,) = ask({"system": "implicit-als", "settings": {"factors": 8, "wings": 2}})
    assert answer.keys() == {"error"}
    assert "wings" in answer["error"]
    assert "\n" not in answer["error"]


def test_a_worker_ends_soon_after_who_started_it(tmp_path):
    slow = f"import runpy, time; runpy.run_path({peer_worker.__file__!r})['serve'](lambda order: time.sleep(600))"
    start = (
        "import os, subprocess, sys, time\n"
        f"worker = subprocess.Popen([sys.executable, '-c', {slow!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)\n"
        "worker.stdin.write('{}\\n'); worker.stdin.flush(); print(worker.pid, flush=True)\n"
        "time.sleep(5); os._exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", start], stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    process = int(done.stdout)
    ended = time.monotonic() + 20
    while time.monotonic() < ended and alive(process):
        time.sleep(0.2)
    assert not alive(process)


def alive(process):
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_lists_end_where_nothing_is_left_to_list():
    scores = np.array([[0.5, -np.inf, 0.9], [-np.inf, -np.inf, -np.inf]], dtype=np.float32)
    assert peer_worker.best(scores, 4).tolist() == [[2, 0, -1, -1], [-1, -1, -1, -1]]


def test_memory_is_the_workers_own_and_not_that_of_who_started_it():
    ballast = np.ones(150_000_000)  # 1.2 GB in this process
    said = f"import runpy; print(runpy.run_path({peer_worker.__file__!r})['peak_bytes']())"
    answer = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)  # noqa: S603
    assert 1e6 < int(answer.stdout) < 0.5e9 < ballast.nbytes
