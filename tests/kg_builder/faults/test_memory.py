"""Memory that will not do: foreseen before anything is written, and where it ends all the same the store is as before."""

import gzip
import json
import os
import re
import resource
import shutil

import pytest

from kg_builder import memory
from kg_builder.errors import TooLarge
from kg_builder.pipeline import build
from kg_builder.planted import write_planted
from kg_builder.stores import connect
from tests.kg_builder.faults.conftest import kg_builder, refusal

NOW = 1_750_000_000


@pytest.fixture(scope="module")
def dump(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dumps") / "shop"
    write_planted(folder, users=100, products=200)
    return folder


def test_a_graph_that_does_not_fit_is_refused_before_anything_is_written(dump, tmp_path):
    address = tmp_path / "shop.graph"
    line = refusal(kg_builder("build", dump, "--into", address, "--max-memory", "100kB"))
    assert "nodes and edges need at least" in line
    assert "1MB are free; nothing was written: build a part of the dump" in line
    assert not address.exists()
    done = kg_builder("build", dump, "--into", address, "--max-memory", "64GB", "--max-rejects", "1%")
    assert done.returncode == 0, done.stderr


@pytest.fixture
def reviews(tmp_path):
    """A function that writes a gzipped file of so many reviews, all alike but for their ids."""

    def write(count):
        (tmp_path / "tea").mkdir()
        with gzip.open(tmp_path / "tea" / "Tea_5.json.gz", "wt", compresslevel=1) as file:
            for number in range(count):
                row = {"reviewerID": f"u{number}", "asin": f"p{number % 99}", "overall": 4.0, "reviewText": f"tea {number} " * 40}
                file.write(json.dumps(row) + "\n")
        return tmp_path / "tea"

    return write


def test_rows_that_cannot_be_cleaned_are_refused_before_all_are_read(reviews, tmp_path):
    folder = reviews(120_000)
    address, steps = tmp_path / "shop.graph", []
    with pytest.raises(TooLarge, match=r"seem to hold [\d,]+ rows .* nothing was read to its end or written") as caught:
        build(folder, address, now=NOW, max_memory=20_000 * memory.CLEANED_BYTES, progress=lambda *step: steps.append(step))
    assert not steps
    assert not address.exists()
    foreseen = int(re.search(r"hold ([\d,]+) rows", str(caught.value))[1].replace(",", ""))
    assert 20_000 < foreseen <= 120_000


def test_rows_that_may_fit_are_read(reviews, tmp_path):
    folder = reviews(120_000)
    with pytest.raises(TooLarge, match="nodes and edges need"):
        build(folder, tmp_path / "shop.graph", now=NOW, max_memory=120_000 * memory.CLEANED_BYTES)


def test_rows_are_foreseen_by_their_own_files_alone(reviews, tmp_path):
    """A file beside the dump, however large, says nothing of its rows."""
    folder = reviews(21_000)
    with (folder / "film.mp4").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(TooLarge, match="nodes and edges need"):
        build(folder, tmp_path / "shop.graph", now=NOW, max_memory=21_000 * memory.CLEANED_BYTES)


def test_what_the_store_holds_counts_as_well(dump, tmp_path, fresh_address):
    address = fresh_address()
    report = build(dump, address, name="first", now=NOW)
    write_planted(tmp_path / "small", users=24, products=48)
    rows = sum(report.nodes.values()) + sum(report.edges.values())
    with pytest.raises(TooLarge):
        build(tmp_path / "small", address, name="second", now=NOW, max_memory=rows * memory.ROW_BYTES)


def test_free_memory_is_what_the_machine_and_the_process_have_left(monkeypatch):
    free = memory.available()
    assert 0 < free <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1 << 20, 1 << 20))
    assert memory.available() == 0


@pytest.mark.parametrize(
    "files, free",
    [
        ({"memory.max": "1000\n", "memory.current": "700\n", "memory.stat": "anon 5\ninactive_file 100\n"}, [400]),
        ({"memory.max": "max\n", "memory.current": "700\n"}, []),
        ({"memory/memory.limit_in_bytes": "1000\n", "memory/memory.usage_in_bytes": "1200\n"}, [0]),
        ({}, []),
    ],
    ids=["version 2", "no limit", "version 1", "no group"],
)
def test_what_a_container_allows_is_read_from_its_group(tmp_path, files, free):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert list(memory._container(tmp_path)) == free


def test_a_build_that_runs_out_of_memory_leaves_the_store_as_it_was(dump, tmp_path):
    """The limit is on addresses, of which the engines set aside many: some limits let it end well, others end it somewhere."""
    write_planted(tmp_path / "old", users=24, products=48)
    build(tmp_path / "old", tmp_path / "shop.graph", name="shop", now=NOW)
    with connect(tmp_path / "shop.graph") as store:
        before = store.read()
    undisturbed = shutil.copytree(tmp_path / "shop.graph", tmp_path / "undisturbed.graph")
    failures = 0
    for megabytes in (1200, 1600, 2400):
        limited = ("sh", "-c", f'ulimit -v {megabytes * 1024} && exec "$@"', "sh")
        environment = {**os.environ, "RUST_BACKTRACE": "0"}
        done = kg_builder("build", dump, "--into", tmp_path / "shop.graph", "--name", "shop", before=limited, env=environment)
        if "all sound rows were written" in done.stderr:
            continue
        failures += 1
        assert done.returncode
        with connect(tmp_path / "shop.graph") as store:
            assert store.read() == before
    assert failures
    again = build(dump, tmp_path / "shop.graph", name="shop", now=NOW)
    assert again.digest == build(dump, undisturbed, name="shop", now=NOW).digest
