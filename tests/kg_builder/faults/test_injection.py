"""Cypher in what a dump says: the graph holds it letter by letter, and nothing else happens."""

import json
import subprocess

import polars as pl
import pytest

import kg_builder
from kg_builder.digests import digest
from kg_builder.errors import DumpError, SchemaError
from kg_builder.exports import export
from kg_builder.neighbours import neighbourhood
from kg_builder.schema import EdgeSpec, GraphSchema, NodeSpec
from kg_builder.stores import connect
from tests.kg_builder.faults.conftest import in_process as command

NOW = 1_750_000_000
HOSTILE = [
    "x'}) DETACH DELETE n //",
    'x"}) DETACH DELETE n //',
    "x`}) MATCH (n) DETACH DELETE n //",
    "\\u0060}) MATCH (n) DETACH DELETE n //",
    "\\u0027 OR 1=1 //",
    "\\' OR true RETURN n //",
    "$rows",
    "${HOME} $(touch /tmp/owned) `touch /tmp/owned`",
    "a; MATCH (n) DETACH DELETE n;",
    "/* */ // --",
    "=cmd|' /C calc'!A0",
    "{id: 1}",
]
CATEGORY = "Tea'}) DETACH DELETE n // > `Cups`"


def hostile():
    """A shop where every text is Cypher: ids, brands, categories, names of properties, of relations and of orders."""
    products = {
        "id": HOSTILE,
        "title": HOSTILE[::-1],
        "brand": HOSTILE[1:] + HOSTILE[:1],
        "categories": [[[CATEGORY, text]] for text in HOSTILE],
        "x` = 1}) DETACH DELETE n //": HOSTILE,
        "\\u0060y": HOSTILE,
    }
    events = {"user": HOSTILE, "product": HOSTILE[::-1], "event": ["bought"] * 12, "at": [NOW - 9] * 12, "key": HOSTILE}
    triples = {"head": HOSTILE, "relation": HOSTILE[::-1], "tail": HOSTILE[2:] + HOSTILE[:2]}
    return {"products": pl.DataFrame(products), "events": pl.DataFrame(events), "triples": pl.DataFrame(triples)}


def ids(tables, label):
    return set(tables.nodes[label].collect()["id"])


@pytest.fixture
def bystander(fresh_address):
    """The address of a store that holds one product more, which must survive."""
    address = fresh_address()
    shop = {"products": pl.DataFrame({"id": ["bystander"], "title": ["Tea"]})}
    kg_builder.build(shop | {"events": pl.DataFrame({"user": ["u"], "product": ["bystander"]})}, address, name="first", now=NOW)
    return address


def test_a_hostile_dump_is_held_letter_by_letter(bystander, tmp_path):
    kg_builder.build(hostile(), bystander, name="hostile", now=NOW)
    with connect(bystander) as store:
        held = store.read()
    assert ids(held, "Product") == {*HOSTILE, "bystander"}
    assert ids(held, "User") == {*HOSTILE, "u"}
    titles = held.nodes["Product"].filter(pl.col("id") != "bystander").select("id", "title").collect()
    assert dict(titles.iter_rows()) == dict(zip(HOSTILE, HOSTILE[::-1], strict=True))
    bought = held.edges["User", "BOUGHT", "Product"].collect()
    assert set(bought["key"]) >= set(HOSTILE)
    related = held.edges["Product", "RELATED", "Product"].collect()
    said = set(related.select("source", "relation", "target").iter_rows())
    assert said == set(zip(HOSTILE, HOSTILE[::-1], HOSTILE[2:] + HOSTILE[:2], strict=True))
    assert all(name.replace("_", "").isalnum() for name in held.nodes["Product"].collect_schema())
    report = kg_builder.build(hostile(), tmp_path / "other.graph", name="hostile", now=NOW)
    with connect(tmp_path / "other.graph") as other:
        assert digest(other.read()) == report.digest


def test_pruning_and_merging_touch_nothing_but_what_they_name(bystander):
    kg_builder.build(hostile(), bystander, name="hostile", now=NOW)
    fewer = {name: frame.filter(pl.nth(0) != HOSTILE[2]) for name, frame in hostile().items()}
    kg_builder.build(fewer, bystander, name="hostile", prune=True, now=NOW)
    kg_builder.resolve(bystander, now=NOW)
    kg_builder.enrich(bystander)
    with connect(bystander) as store:
        assert ids(store.read(), "User") == {*HOSTILE, "u"} - {HOSTILE[2]}
        assert "bystander" in ids(store.read(), "Product")


def test_what_lies_around_a_hostile_id_is_found_and_exported(bystander, tmp_path):
    kg_builder.build(hostile(), bystander, name="hostile", now=NOW)
    with connect(bystander) as store:
        for text in HOSTILE:
            assert text in ids(neighbourhood(store.read(), f"Product/{text}", hops=0), "Product")
            assert store.query("MATCH (p:Product {id: $id}) RETURN p.id AS id", {"id": text})["id"].to_list() == [text]
    done = command("export", bystander, tmp_path / "o.graphml", "--for", "graphml", "--around", f"Product/{HOSTILE[0]}")
    assert done.returncode == 0, done.stderr
    asked = command("query", bystander, "MATCH (p:Product {id: $id}) RETURN p.id AS id", "--param", f"id={HOSTILE[2]}", "--json")
    assert json.loads(asked.stdout) == [{"id": HOSTILE[2]}]


@pytest.mark.parametrize(
    "query", ["MATCH (n) DETACH DELETE n", "MATCH (n:Product) SET n.title = 'x'", "CREATE (:Product {id: 'x'})"]
)
def test_a_query_that_writes_is_refused(bystander, query):
    with connect(bystander) as store:
        before = store.read()
        done = command("query", bystander, query)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert store.read() == before


@pytest.mark.parametrize("sign", ["\x00", "\n", "\r", "\x1b"])
def test_ids_with_control_characters_are_refused_by_row(fresh_address, sign):
    events = {"user": [f"u{sign}DETACH DELETE n", "u"], "product": ["p", f"p{sign}q"]}
    address = fresh_address()
    report = kg_builder.build(
        {"events": pl.DataFrame(events | {"event": ["bought"] * 2, "at": [NOW] * 2}), **ONE}, address, now=NOW
    )
    assert set(report.rejected) == {f"{what} id must have no control characters" for what in ("user", "product")}
    with connect(address) as store:
        assert ids(store.read(), "User") == {"u"}
        assert ids(store.read(), "Product") == {"c"}


ONE = {"reviews": pl.DataFrame({"user": ["u"], "product": ["c"], "rating": [5.0], "at": [NOW]})}

BAD = ["Store`) DETACH DELETE n //", "Store\\u0060", "Store\n", "Størе", "", "S x", "Store {id: 1}"]


@pytest.mark.parametrize("name", BAD)
def test_a_label_type_or_property_that_is_no_plain_name_is_refused(name):
    with pytest.raises(SchemaError):
        NodeSpec(name)
    with pytest.raises(SchemaError):
        EdgeSpec("User", name.upper(), "Product")
    with pytest.raises(SchemaError):
        NodeSpec("Store", {name.lower(): "string"})
    kept = {"nodes": [{"label": name, "properties": {}, "derived": {}, "text": [], "record": False}], "edges": []}
    with pytest.raises(SchemaError):
        GraphSchema.from_json(json.dumps(kept))


@pytest.mark.parametrize("name", BAD)
def test_a_mapping_with_such_a_label_or_type_is_refused_and_nothing_is_written(tmp_path, name):
    (tmp_path / "dump").mkdir()
    (tmp_path / "dump" / "stores.csv").write_text("nr,city\n1,Oslo\n")
    for what in (f"node = {json.dumps(name)}", f'edge = ["User", {json.dumps(name.upper())}, "Product"]'):
        text = f'[[source]]\nfile = "stores.csv"\n{what}\n[source.columns]\nnr = "id"\ncity = "target"\n'
        (tmp_path / "dump" / "mapping.toml").write_text(text, encoding="utf-8")
        with pytest.raises((DumpError, SchemaError)):
            kg_builder.build(tmp_path / "dump", tmp_path / "shop.graph", now=NOW)
        assert not (tmp_path / "shop.graph").exists()


def test_the_importers_script_names_nothing_from_the_dump(tmp_path):
    kg_builder.build(hostile(), tmp_path / "shop.graph", name="hostile", now=NOW)
    with connect(tmp_path / "shop.graph") as store:
        export(store, tmp_path / "csv", format="neo4j-admin")
    script = (tmp_path / "csv" / "import.sh").read_text()
    assert not any(word in script for word in ("DETACH", "touch", "HOME}"))
    checked = subprocess.run(["sh", "-n", str(tmp_path / "csv" / "import.sh")], check=False)  # noqa: S603, S607
    assert checked.returncode == 0
    products = pl.read_csv(tmp_path / "csv" / "nodes" / "Product.csv", has_header=False, infer_schema=False)
    assert set(products["column_1"]) == set(HOSTILE)
