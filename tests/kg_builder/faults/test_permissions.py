"""Files that may not be read or written: the command as a user who is held to it, root without its privilege."""

import os
import shutil

import polars as pl
import pytest

from kg_builder.pipeline import build
from kg_builder.planted import write_planted
from kg_builder.stores import connect
from tests.kg_builder.faults.conftest import in_process, kg_builder, refusal

NOW = 1_750_000_000
_HELD = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
BEFORE = _HELD if os.geteuid() == 0 else ()

pytestmark = pytest.mark.skipif(bool(BEFORE) and shutil.which("setpriv") is None, reason="root may do everything without setpriv")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a dump, and with the store that was built of it."""
    folder = tmp_path_factory.mktemp("made")
    write_planted(folder / "dump", users=24, products=48)
    build(folder / "dump", folder / "shop.graph", name="shop", now=NOW)
    return folder


@pytest.fixture
def dump(made, tmp_path):
    return shutil.copytree(made / "dump", tmp_path / "dump")


@pytest.fixture
def store(made, dump, tmp_path):
    shutil.copytree(made / "shop.graph", tmp_path / "shop.graph")
    products = pl.read_csv(dump / "products.csv", infer_schema=False)
    pl.concat([products, products.head(1).with_columns(id=pl.lit("new"))]).write_csv(dump / "products.csv")
    return tmp_path / "shop.graph"


@pytest.fixture
def denied():
    """A function that takes all rights to a path away; they are given back in the end."""
    changed = []

    def deny(path, mode=0o000):
        changed.append((path, path.stat().st_mode))
        path.chmod(mode)
        return path

    yield deny
    for path, mode in reversed(changed):
        path.chmod(mode)


def run(*arguments):
    return kg_builder(*arguments, before=BEFORE)


REMEDY = "; give this user the right to it, or name another path"


@pytest.mark.parametrize("name", ["products.csv", "events.parquet", "."])
def test_a_dump_that_may_not_be_read_is_one_line_that_names_it(dump, tmp_path, denied, name):
    path = denied(dump / name)
    line = refusal(run("build", dump, "--into", tmp_path / "shop.graph"))
    assert line.startswith(f"Permission denied: {path}")
    assert line.endswith(REMEDY)
    assert not (tmp_path / "shop.graph").exists()


def test_a_folder_that_may_not_be_written_holds_no_new_store(dump, tmp_path, denied):
    (tmp_path / "shut").mkdir()
    denied(tmp_path / "shut", 0o555)
    line = refusal(run("build", dump, "--into", tmp_path / "shut" / "shop.graph"))
    assert line == f"Permission denied: {tmp_path / 'shut' / 'shop.graph'}{REMEDY}"


@pytest.mark.parametrize(
    "name, mode",
    [
        (".", 0o555),
        (".", 0o000),
        ("writer.lock", 0o000),
        ("database", 0o000),
        ("schema.json", 0o000),
        ("builds.json", 0o000),
        ("told", 0o555),
        ("told", 0o000),
        ("rejects.jsonl", 0o000),
    ],
)
def test_a_store_that_may_not_be_written_is_one_line_and_as_before(dump, store, denied, name, mode):
    with connect(store, read_only=True) as there:
        before = there.read()
    path = denied(store / name, mode)
    line = refusal(run("build", dump, "--into", store, "--name", "shop"))
    assert str(store if path.name == "told" else path) in line
    assert "ermission denied" in line
    path.chmod(0o755)
    with connect(store, read_only=True) as there:
        assert there.read() == before
    assert "ermission" not in in_process("build", dump, "--into", store, "--name", "shop").stderr


@pytest.mark.parametrize("name", ["database", "schema.json", "builds.json"])
def test_a_store_that_may_not_be_read_is_one_line(store, denied, name):
    path = denied(store / name)
    line = refusal(run("info", store))
    assert str(path) in line
    assert "ermission denied" in line


def test_a_store_in_a_folder_that_may_only_be_read_answers(store, denied):
    denied(store, 0o555)
    assert run("hash", store).returncode == 0


def test_rejects_that_may_not_be_written_are_refused_before_anything_is_read_or_written(dump, tmp_path, denied):
    (tmp_path / "refused.jsonl").write_text("")
    path = denied(tmp_path / "refused.jsonl", 0o444)
    (dump / "products.csv").write_text("")  # would be refused as well, but later
    line = refusal(run("build", dump, "--into", tmp_path / "shop.graph", "--rejects", path))
    assert line == f"Permission denied: {path}{REMEDY}"
    assert not (tmp_path / "shop.graph").exists()


def test_rejects_in_a_folder_that_is_not_there_are_refused_before_anything_is_written(dump, tmp_path):
    path = tmp_path / "nowhere" / "refused.jsonl"
    line = refusal(run("build", dump, "--into", tmp_path / "shop.graph", "--rejects", path), code=2)
    assert line == f"rejects cannot be written to {path}: there is no folder {path.parent}; make it first"
    assert not (tmp_path / "shop.graph").exists()
