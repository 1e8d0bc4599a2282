"""A disk that is full: scratch, store, what was told and rejects, each on a small tmpfs of its own."""

import os
import shutil
import subprocess

import pytest

from kg_builder.pipeline import build
from kg_builder.planted import write_planted
from kg_builder.stores import connect
from tests.kg_builder.faults.conftest import kg_builder, refusal

NOW = 1_750_000_000


def _can_mount():
    mounted = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    return shutil.which("unshare") and not subprocess.run(mounted, capture_output=True, check=False).returncode  # noqa: S603


pytestmark = pytest.mark.skipif(not _can_mount(), reason="a private mount of a tmpfs needs Linux and the right to it")


def on_small_disk(kilobytes, *arguments, first="true", disk="/mnt", **environment):
    """The command where `disk` is a tmpfs of so many kilobytes, after a first command there."""
    mounted = f'mount -t tmpfs -o size={kilobytes}k none {disk} && {first} && exec "$@"'
    before = ("unshare", "-m", "sh", "-c", mounted, "sh")
    return kg_builder(*arguments, before=before, env={**os.environ, "RUST_BACKTRACE": "0", **environment})


@pytest.fixture(scope="module")
def dump(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dumps") / "shop"
    write_planted(folder, users=400, products=800)
    return folder


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A store that holds an older graph."""
    folder = tmp_path_factory.mktemp("stores")
    write_planted(folder / "old", users=60, products=120, seed=1)
    build(folder / "old", folder / "shop.graph", now=NOW)
    return folder / "shop.graph"


@pytest.fixture(scope="module")
def undisturbed(dump, old, tmp_path_factory):
    """What becomes of the older graph when the disk is large enough."""
    address = shutil.copytree(old, tmp_path_factory.mktemp("stores") / "undisturbed.graph")
    build(dump, address, now=NOW)
    with connect(address) as store:
        return store.read()


@pytest.mark.parametrize("kilobytes", [8, 60, 200, 400])
def test_a_full_disk_for_scratch_is_one_line_and_nothing_is_written(dump, tmp_path, kilobytes):
    line = refusal(on_small_disk(kilobytes, "build", dump, "--into", tmp_path / "shop.graph", TMPDIR="/mnt"))
    assert line.startswith("no space left in /mnt/kg-builder-")
    assert "TMPDIR" in line
    assert not (tmp_path / "shop.graph").exists()


@pytest.mark.parametrize("command", ["verify", "hash"])
def test_a_full_disk_for_scratch_does_not_pass_for_a_damaged_store(old, command):
    line = refusal(on_small_disk(60, command, old, TMPDIR="/mnt"))
    assert line.startswith("no space left in /mnt/kg-builder-")
    assert "remove it" not in line


@pytest.mark.parametrize("kilobytes", [50, 100, 400, 1000, 4000, 8000])
def test_a_full_disk_for_a_new_store_is_one_line_and_leaves_no_store(dump, kilobytes):
    line = refusal(on_small_disk(kilobytes, "build", dump, "--into", "/mnt/shop.graph"))
    assert line.startswith("/mnt/shop.graph could not be written: ")
    assert line.endswith("free there; a write needs the room of a second database); free some and repeat the command")


@pytest.mark.parametrize("left", [0, 40, 400, 4000])
def test_a_full_disk_leaves_a_store_as_it_was_and_the_next_build_completes_it(dump, old, undisturbed, tmp_path, left):
    """The disk is grown afterwards, and the build repeated on it."""
    size = sum(file.stat().st_size for file in old.rglob("*") if file.is_file()) // 1000
    script = (
        f"mount -t tmpfs -o size={size + left}k none /mnt && cp -r {old} /mnt/shop.graph && "
        '"$@"; echo "rc $?" && rm -f /mnt/shop.graph/rejects.jsonl && '
        "mount -o remount,size=100m /mnt && cp -r /mnt/shop.graph $KEPT && "
        '"$@" --max-rejects 1%; echo "rc $?" && cp -r /mnt/shop.graph $MENDED'
    )
    environment = {**os.environ, "RUST_BACKTRACE": "0", "KEPT": str(tmp_path / "kept"), "MENDED": str(tmp_path / "mended")}
    before = ("unshare", "-m", "sh", "-c", script, "sh")
    done = kg_builder("build", dump, "--into", "/mnt/shop.graph", before=before, env=environment)
    assert [line for line in done.stdout.splitlines() if line.startswith("rc")] == ["rc 1", "rc 0"], (done.stdout, done.stderr)
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("note: ")]
    assert line.startswith("kg-builder: ")
    with connect(old) as was, connect(tmp_path / "kept") as kept, connect(tmp_path / "mended") as mended:
        assert kept.read() == was.read()
        assert mended.read() == undisturbed


def test_a_full_disk_for_the_rejects_is_one_line_that_names_the_file_and_nothing_is_written(dump, tmp_path):
    done = on_small_disk(
        4,
        "build",
        dump,
        "--into",
        tmp_path / "shop.graph",
        "--rejects",
        "/mnt/refused.jsonl",
        first="head -c 4096 /dev/zero > /mnt/full || true",
    )
    assert refusal(done) == "No space left on device: /mnt/refused.jsonl; free some space and repeat the command"
    assert not (tmp_path / "shop.graph").exists()
