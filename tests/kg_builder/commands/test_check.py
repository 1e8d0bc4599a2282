"""kg-builder check: the table, the JSON, the exit codes."""

import json
import re

import polars as pl
import pytest
from typer.testing import CliRunner

from kg_builder.cli import app
from kg_builder.planted import planted_shop
from kg_builder.schema import RETAIL
from kg_builder.stores import connect
from kg_builder.tables import GraphTables
from kg_builder.tabulation import tabulate

runner = CliRunner()


def run(*arguments):
    return runner.invoke(app, ["check", *(str(argument) for argument in arguments)])


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    path = tmp_path_factory.mktemp("stores") / "shop.graph"
    with connect(path, create=True) as store:
        store.write(tabulate(planted_shop(users=24, products=48)))
    return path


def test_a_sound_shop_ends_with_0_and_shows_its_measures_in_groups(shop):
    result = run(shop)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert [line for line in lines if line[0] not in " ✗"] == [
        str(shop),
        "soundness",
        "category tree",
        "time",
        "coverage",
        "properties",
        "worth a look",
        "every threshold is kept",
    ]
    assert ["bare_products", "1", "2.0%", "x-unlisted"] in [line.split() for line in lines]
    assert any(
        line.startswith("  none: duplicate_nodes, duplicate_edges, dangling_edges, orphans (User, Product") for line in lines
    )


def test_the_table_is_aligned(shop):
    lines = [line for line in run(shop).stdout.splitlines() if "%" in line]
    assert len({line.index("%") for line in lines}) == 1


def test_a_violated_threshold_ends_with_1_and_says_so_in_a_line(shop):
    result = run(shop, "--require", "products_with_interactions=80%", "--require", "bare_products=0")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "kg-builder: products_with_interactions must be at least 80% (got 75.0%): p0036, p0037, p0038, p0039, p0040",
        "kg-builder: bare_products must be at most 0 (got 1): x-unlisted",
    ]
    assert "✗ products_with_interactions" in result.stdout
    assert "2 thresholds are violated" in result.stdout


def test_json_is_one_document_with_every_measure(shop):
    result = run(shop, "--json", "--require", "bare_products=0")
    assert result.exit_code == 1
    record = json.loads(result.stdout)
    assert (record["store"], record["ok"]) == (str(shop), False)
    assert record["violations"] == [
        {"name": "bare_products", "message": "bare_products must be at most 0 (got 1): x-unlisted"},
    ]
    bare = next(measure for measure in record["measures"] if measure["name"] == "bare_products")
    assert (bare["value"], bare["of"], bare["examples"]) == (1, 49, [{"id": "x-unlisted", "value": None}])


ASKED_FOR = """
    duplicate_nodes duplicate_edges dangling_edges orphans.Product bare_products degree_outliers.Product category_cycles
    time_gaps longest_gap products_with_text products_with_brand products_with_category products_with_price
    products_with_reviews has.Product.title has.Product.description has.Product.price has.Brand.name
"""


def test_what_a_shop_asks_first_is_in_the_table_and_in_the_json(tmp_path):
    nodes = {label: pl.DataFrame({"id": [label]}) for label in ("User", "Category", "Brand")}
    nodes["Product"] = pl.DataFrame({"id": ["p1", "p2"], "title": ["Tea", "Cup"], "listed": [True, True]})
    bought = pl.DataFrame({"source": ["User", "User"], "target": ["p1", "p2"], "key": ["1", "2"], "at": [10**9, 10**9]})
    with connect(tmp_path / "bare.graph", create=True) as store:
        store.write(GraphTables.of(RETAIL, nodes, {("User", "BOUGHT", "Product"): bought}))
    told = run(tmp_path / "bare.graph").stdout
    told = re.sub(r"(\w+) \(([\w, ]+)\)", lambda found: " ".join(f"{found[1]}.{one}" for one in found[2].split(", ")), told)
    measures = {one["name"]: one for one in json.loads(run(tmp_path / "bare.graph", "--json").stdout)["measures"]}
    assert [name for name in ASKED_FOR.split() if name not in re.findall(r"[\w.]+\w", told)] == []
    assert [name for name in ASKED_FOR.split() if name not in measures] == []
    assert re.search(r"has\.Product\.price +0 +0\.0%", told)
    assert measures["has.Product.price"]["share"] == 0


def test_list_names_every_measure(shop):
    result = run(shop, "--list")
    names = [line.split("\t")[0] for line in result.stdout.splitlines()[1:]]
    assert names == [measure["name"] for measure in json.loads(run(shop, "--json").stdout)["measures"]]
    assert result.exit_code == 0
    assert [one["measure"] for one in json.loads(run(shop, "--list", "--json").stdout)["measures"]] == names


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--require", "bare_prodcts=0"], "no measure 'bare_prodcts'; did you mean 'bare_products'?"),
        (["--require", "products_with_text=80"], "say products_with_text=80% (got 80)"),
        (["--require", "bare_products"], "must be of the form NAME=80%"),
    ],
)
def test_a_threshold_that_cannot_be_is_wrong_usage_in_one_line(shop, arguments, words):
    result = run(shop, *arguments)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert words in result.stderr
    assert result.stdout == ""


def test_a_store_that_is_not_there_is_said_in_one_line(tmp_path):
    result = run(tmp_path / "none.graph")
    assert result.exit_code == 1
    assert "there is no store at" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_help_says_how_a_threshold_is_written():
    result = run("--help")
    assert "NAME=80%" in result.stdout
    assert "duplicate_nodes=0" in result.stdout
