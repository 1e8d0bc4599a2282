import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from kg_builder.planted import planted_shop
from kg_builder.tabulation import tabulate

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
REFEREE = f"""
import argparse, json, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from oracles import metrics

def pairs(path):
    return [line.split("\\t")[:2] for line in open(path).read().splitlines()[1:]]

parser = argparse.ArgumentParser()
parser.add_argument("test"), parser.add_argument("lists"), parser.add_argument("--train", nargs=2)
parser.add_argument("-k", type=int), parser.add_argument("--items"), parser.add_argument("--json", action="store_true")
options = parser.parse_args()
asked = open(options.items).read().split() if options.items else None
wanted, listed = {{}}, {{}}
for user, item in pairs(options.test):
    if asked is None or item in asked:
        wanted.setdefault(user, set()).add(item)
for user, item in pairs(options.lists):
    listed.setdefault(user, []).append(item)
values = [metrics(items, listed.get(user, []), options.k) for user, items in wanted.items()]
names = values[0]
print(json.dumps({{f"{{name}}@{{options.k}}": sum(one[name] for one in values) / len(values) + MORE for name in names}}))
"""


def provenance():
    spec = importlib.util.spec_from_file_location("provenance", BENCHMARKS / "provenance.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measure(*options):
    command = [sys.executable, BENCHMARKS / "accuracy.py", "--text-model", "none", *options]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)  # noqa: S603


def write_split(folder, chosen, cold=()):
    """The last choice of each user is test, the last but one valid; choices of cold products are all test."""
    folder.mkdir(parents=True)
    later = pl.col("item").is_in(cold)
    place = pl.col("timestamp").rank("ordinal", descending=True).over("user")
    placed = chosen.with_columns(part=pl.when(later | (place == 1)).then(1).when(place == 2).then(2).otherwise(3))
    for part, name in ((1, "test"), (2, "valid"), (3, "train")):
        placed.filter(part=part).drop("part").write_csv(folder / f"{name}.tsv", separator="\t")
    (folder / "cold_items.txt").write_text("\n".join(cold))


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    """A planted shop as a folder of splits, under the names of two that the script knows."""
    folder, shop = tmp_path_factory.mktemp("splits"), tabulate(planted_shop(users=60, products=150), now=1735689600).collect()
    chosen = shop.interactions().collect()
    chosen = chosen.group_by("user", "product", maintain_order=True).agg(pl.col("at").max())
    chosen = chosen.select("user", item="product", timestamp="at", rating=pl.lit(1)).sort("user", "timestamp", "item")
    cold = chosen["item"].unique().sort().gather_every(3).to_list()
    write_split(folder / "ml100k-kg", chosen)
    write_split(folder / "beauty-cold", chosen, cold)
    titles = shop.nodes["Product"].select(item="id", title="title").collect()
    for name in ("ml100k-kg", "beauty-cold"):
        titles.write_ndjson(folder / name / "items.jsonl")
    return folder


@pytest.mark.slow
def test_a_second_run_with_the_same_seed_is_held_to_the_figures_and_the_data_of_the_first(splits, tmp_path):
    referee, out = tmp_path / "referee.py", tmp_path / "out"
    referee.write_text(REFEREE.replace("MORE", "0"))
    asked = ("--data", splits, "--out", out)
    first = measure(*asked, "--rows", "ml100k-linear,beauty-cold-words", "--referee", referee)
    assert first.returncode == 0, first.stderr
    rows = json.loads((out / "accuracy.json").read_text())
    assert list(rows) == ["ml100k-linear", "beauty-cold-words"]
    for row in rows.values():
        assert 0 < row["interval"][0] < row["value"] < row["interval"][1] <= 1
        assert row["peak_bytes"] > 50e6
        assert row["referee"]
    cold = set((splits / "beauty-cold" / "cold_items.txt").read_text().split())
    lists = pl.read_csv(out / "lists" / "beauty-cold-words.tsv", separator="\t")
    assert set(lists["item"]) <= cold
    assert "| ml100k-linear |" in (out / "accuracy.md").read_text()

    again = measure(*asked, "--rows", "ml100k-linear", "--check")
    assert (again.returncode, again.stdout.splitlines()[1:]) == (0, ["  as recorded"]), again.stdout + again.stderr

    rows["ml100k-linear"]["metrics"]["ndcg@20"] += 1e-9
    rows["ml100k-linear"]["data"] = "of other files"
    (out / "accuracy.json").write_text(json.dumps(rows))
    differs = measure(*asked, "--rows", "ml100k-linear", "--check")
    assert differs.returncode == 1, differs.stderr
    assert [line.split(":")[0].strip() for line in differs.stdout.splitlines()[1:3]] == ["data", "metrics"]
    assert json.loads((out / "accuracy.json").read_text()) == rows


@pytest.mark.slow
def test_a_referee_who_says_otherwise_ends_the_run(splits, tmp_path):
    referee = tmp_path / "referee.py"
    referee.write_text(REFEREE.replace("MORE", "0.0001"))
    ended = measure("--data", splits, "--out", tmp_path / "out", "--rows", "ml100k-linear", "--referee", referee)
    assert ended.returncode == 1
    assert "by the referee" in ended.stderr.splitlines()[-1]
    assert not (tmp_path / "out" / "accuracy.json").exists()


def test_the_data_hash_is_of_every_byte_and_the_split_hash_of_the_pairs_alone(splits, tmp_path):
    hashes = provenance()
    folder = tmp_path / "split"
    folder.mkdir()
    for path in (splits / "ml100k-kg").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    data, split = hashes.data_hash(folder), hashes.split_hash(folder)
    assert (data, split) == (hashes.data_hash(splits / "ml100k-kg"), hashes.split_hash(splits / "ml100k-kg"))
    items = folder / "items.jsonl"
    items.write_text(items.read_text().replace("a", "b", 1))
    assert (hashes.data_hash(folder) != data, hashes.split_hash(folder)) == (True, split)
    head, *lines = (folder / "train.tsv").read_text().splitlines()
    (folder / "train.tsv").write_text("\n".join([head, *reversed(lines)]))
    assert hashes.split_hash(folder) == split
    (folder / "train.tsv").write_text("\n".join([head, *lines[1:]]))
    assert hashes.split_hash(folder) != split


def test_rows_whose_split_is_not_there_are_named(tmp_path):
    ended = measure("--data", tmp_path, "--out", tmp_path / "out")
    assert ended.returncode == 2
    assert "lacks the splits beauty, beauty-cold, beauty-pgpr, complete-journey, gowalla, ml100k-kg" in ended.stderr
