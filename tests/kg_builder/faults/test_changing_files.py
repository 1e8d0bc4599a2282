"""A file of the dump that changes while it is read."""

import shutil

import pytest

from kg_builder.errors import DamagedDump
from kg_builder.intake import take_in
from kg_builder.pipeline import build
from kg_builder.planted import write_planted
from kg_builder.tabulation import tabulate

NOW = 1_750_000_000


@pytest.fixture
def dump(tmp_path):
    folder = tmp_path / "shop"
    write_planted(folder, users=24, products=48)
    return folder


def grows(path):
    with path.open("a") as file:
        file.write("\n")


def is_cut(path):
    path.write_bytes(path.read_bytes()[:700])


def is_written_over(path):
    path.write_bytes(path.read_bytes())


def is_replaced(path):
    shutil.copy2(path, path.with_suffix(".new")).replace(path)


def disappears(path):
    path.unlink()


@pytest.mark.parametrize(
    "happens, said",
    [
        (grows, r"changed \([\d,]+ bytes before, [\d,]+ now\)"),
        (is_cut, r"changed \([\d,]+ bytes before, 700 now\)"),
        (is_written_over, r"changed \(somebody wrote to it\)"),
        (is_replaced, r"changed \(another file took its place\)"),
        (disappears, "disappeared"),
    ],
)
@pytest.mark.parametrize("name", ["reviews.csv", "events.parquet"])
def test_a_file_that_changes_while_it_is_read_is_refused_and_nothing_is_written(dump, tmp_path, monkeypatch, happens, said, name):
    def interferes(*args, **options):
        """The files are opened, and not yet worked through."""
        happens(dump / name)
        return tabulate(*args, **options)

    address = tmp_path / "shop.graph"
    with monkeypatch.context() as patch:
        patch.setattr("kg_builder.intake.tabulate", interferes)
        with pytest.raises(DamagedDump, match=rf"{name} {said} while it was read; nothing was written: build again when"):
            build(dump, address, now=NOW)
    assert not address.exists()
    if name == "reviews.csv":  # half a Parquet file is none
        assert build(dump, address, now=NOW).written


def test_a_file_that_grows_while_its_lines_are_read_is_refused(dump, tmp_path):
    def interferes(what, done, total):
        if what == "reviews.csv":
            grows(dump / what)

    with pytest.raises(DamagedDump, match=r"reviews.csv changed .* while it was read"):
        build(dump, tmp_path / "shop.graph", now=NOW, progress=interferes)


def test_a_file_that_changed_since_the_last_build_is_read_again(dump, tmp_path):
    build(dump, tmp_path / "shop.graph", now=NOW)
    is_written_over(dump / "reviews.csv")
    assert build(dump, tmp_path / "shop.graph", now=NOW).unchanged
    grows(dump / "reviews.csv")
    assert not build(dump, tmp_path / "shop.graph", now=NOW).unchanged


def test_a_file_that_changes_after_the_first_look_at_it_is_refused(dump, tmp_path, monkeypatch):
    def interferes(*args, **options):
        """The files are known by their contents, and not yet opened to be read."""
        grows(dump / "reviews.csv")
        return take_in(*args, **options)

    monkeypatch.setattr("kg_builder.pipeline.take_in", interferes)
    with pytest.raises(DamagedDump, match=r"reviews.csv changed"):
        build(dump, tmp_path / "shop.graph", now=NOW)
    assert not (tmp_path / "shop.graph").exists()
