"""kg-builder infer: what it prints and writes, and that build takes it."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

import kg_builder
from kg_builder.cli import app
from kg_builder.planted import write_planted

NAMES = {
    "products": ["Artikelnr", "Bezeichnung", "Beschreibung", "Preis", "Marke", "Warengruppe", "auch_gekauft", "Farbe"],
    "reviews": ["Kunde", "Artikel", "Sterne", "Titel", "Kommentar", "Datum", "hilfreich"],
    "users": ["Kundennr", "Ort", "newsletter"],
    "events": ["Kunde", "Artikel", "Typ", "Beleg", "Datum", "Menge"],
}
FILES = {"products": "artikel.csv", "reviews": "bewertungen.csv", "users": "kunden.csv", "events": "ereignisse.csv"}


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The planted shop, small and in German, and as it was written."""
    plain, german = tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("laden")
    write_planted(plain, users=24, products=48)
    for table, names in NAMES.items():
        path = plain / f"{table}.csv"
        frame = pl.read_csv(path, infer_schema=False) if path.exists() else pl.read_parquet(plain / f"{table}.parquet")
        frame.rename(dict(zip(frame.columns, names, strict=True))).write_csv(german / FILES[table], separator=";")
    return plain, german


def test_what_infer_writes_build_takes_on_either_store(shop, store, tmp_path):
    plain, german = shop
    mapping = tmp_path / "mapping.toml"
    result = run("infer", german, "--out", mapping)
    assert result.exit_code == 0, result.output
    assert f"wrote {mapping}; next: kg-builder build {german} --mapping {mapping}" in result.stdout
    assert f"#   kg-builder build {german} --mapping {mapping} --into shop.graph" in mapping.read_text().splitlines()
    report = kg_builder.build(german, store, mapping=mapping)
    other = kg_builder.build(plain, tmp_path / "plain.graph")
    assert report.format == "mapping"
    assert (report.nodes, report.edges) == (other.nodes, other.edges)
    assert {label: count for label, count in store.info().nodes.items() if count} == dict(other.nodes)


def test_without_a_terminal_the_mapping_itself_is_printed(shop):
    result = run("infer", shop[1])
    assert result.exit_code == 0
    assert result.stdout == kg_builder.infer(shop[1]).to_toml()


def test_json_holds_every_column_with_how_sure_it_is_and_why(shop):
    record = json.loads(run("infer", shop[1], "--json").stdout)
    goods = next(one for one in record["files"] if one["file"] == "artikel.csv")
    number = goods["columns"][0]
    assert (goods["is"], number["column"], number["is"]) == ("products", "Artikelnr", "id")
    assert 0.8 < number["sure"] <= 1
    assert "is called Artikelnr" in number["reason"]
    assert number["examples"][0] == "p0000"
    assert record["mapping"].startswith("# Proposed by kg-builder infer")


def test_a_mapping_that_is_there_is_not_overwritten(shop, tmp_path):
    mapping = tmp_path / "mapping.toml"
    mapping.write_text("mine")
    result = run("infer", shop[1], "--out", mapping)
    assert result.exit_code == 1
    assert f"{mapping} is there already" in result.stderr
    assert mapping.read_text() == "mine"


def test_a_mapping_with_a_mistake_is_one_line_and_no_store(shop, tmp_path):
    mapping = tmp_path / "m.toml"
    mapping.write_text('[[source]]\nfile = "artikel.csv"\ntable = "produkts"\n')
    result = run("build", shop[1], "--mapping", mapping, "--into", tmp_path / "x.graph")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"kg-builder: {mapping}, source 1 (artikel.csv): no table is called 'produkts'; did you mean 'products'? "
        "known: products, users, reviews, events, categories, triples; or node, or edge"
    ]
    assert not (tmp_path / "x.graph").exists()
