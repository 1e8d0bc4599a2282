"""kg-builder enrich: the table, the JSON, the exit codes."""

import json

import pytest
from typer.testing import CliRunner

from kg_builder.cli import app
from kg_builder.planted import planted_shop
from kg_builder.stores import connect
from kg_builder.tabulation import tabulate

runner = CliRunner()


def run(*arguments):
    return runner.invoke(app, ["enrich", *(str(argument) for argument in arguments)])


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "shop.graph"
    with connect(path, create=True) as store:
        store.write(tabulate(planted_shop(users=24, products=48)))
    return path


@pytest.fixture
def triples(tmp_path):
    path = tmp_path / "kg.tsv"
    path.write_text("head\trelation\ttail\np0001\tsoil\tsandy\np0002\tsoil\tclay\nx\tfar\ty\n")
    return path


def test_attributes_are_shown_with_their_most_frequent_values(shop):
    result = run(shop, "--attributes", "colour, pack")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["colour", "48", "100.0%", "3", "values", "blue", "(16),", "green", "(16),", "red", "(16)"] in lines
    assert "3 entities and 48 edges written to" in result.stdout


def test_the_second_time_nothing_is_new(shop):
    run(shop)
    assert "  0 entities, 0 edges (" in run(shop).stdout


def test_a_dry_run_says_what_would_be_written(shop):
    assert "48 edges would be written to" in run(shop, "--attributes", "colour", "--dry-run").stdout
    assert "  3 entities, 48 edges (" in run(shop, "--attributes", "colour", "--dry-run").stdout


def test_an_outside_graph_ends_with_its_verdict(shop, triples):
    result = run(shop, "--triples", triples)
    assert result.exit_code == 0, result.output
    assert "2 of 48 products (4.2%) have outside knowledge: 2 of 3 triples kept, 1 relation" in result.stdout
    assert "attributes of products" not in result.stdout
    assert any("farther than 1 hop from a linked product" in line for line in result.stdout.splitlines())


def test_all_keeps_what_no_hop_reaches(shop, triples):
    assert "3 of 3 triples kept" in run(shop, "--triples", triples, "--all").stdout


def test_a_faulty_line_is_named_ends_with_1_and_costs_no_good_one(shop, triples, tmp_path):
    triples.write_text(triples.read_text() + "p0003\tsoil\n" * 7)
    result = run(shop, "--triples", triples, "--rejects", tmp_path / "r.jsonl")
    assert result.exit_code == 1
    lines = [line for line in result.stderr.splitlines() if line.startswith("kg-builder: ")]
    assert lines[0] == "kg-builder: kg.tsv line 5: a line must hold a head, a relation and a tail (got p0003 soil)"
    assert lines[-1] == f"kg-builder: 2 further lines are in {tmp_path / 'r.jsonl'}; all sound ones were used"
    assert len(lines) == 6
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 7
    assert "2 of 48 products" in result.stdout


def test_as_many_faulty_lines_as_are_allowed_end_with_0_and_more_write_nothing(shop, triples, tmp_path):
    triples.write_text(triples.read_text() + "p0003\tsoil\n")
    (tmp_path / "shop.link").write_text("item\tentity\np0001\tp0001\np0002\tp0002\np0003\tp0003\np0004\tp0004\n")
    files = ("--triples", triples, "--link", tmp_path / "shop.link")  # one line of eight is faulty
    refused = run(shop, *files, "--max-rejects", "12.4%", "--rejects", tmp_path / "r.jsonl")
    assert refused.exit_code == 1
    assert "1 of 8 rows are faulty, 0 may be; nothing was written; the first is kg.tsv line 5" in refused.stderr
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 1
    allowed = run(shop, *files, "--max-rejects", "12.5%")
    assert (allowed.exit_code, allowed.stderr) == (0, "")
    assert "2 entities, 2 edges (" in allowed.stdout


def test_json_is_one_document(shop, triples):
    result = run(shop, "--triples", triples, "--attributes", "colour", "--json")
    record = json.loads(result.stdout)
    assert record["attributes"][0]["name"] == "colour"
    assert (record["coverage"]["kept"], record["coverage"]["verdict"][:16]) == (2, "2 of 48 products")
    assert (record["new_edges"], record["written"]) == (50, True)
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["--attributes", "color"], "no attribute 'color'; did you mean 'colour'?", 2),
        (["--triples", "none.tsv"], "there is no file none.tsv", 1),
        (["--triples", "none.tsv", "--max-rejects", "some"], "a share such as 1% (got 'some')", 2),
        (["--link", "none.link"], "a link file needs a file of triples", 2),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(shop, arguments, words, code):
    result = run(shop, *arguments)
    assert result.exit_code == code
    assert words in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.output
