"""What an enrichment brings into a store, and how well an outside graph fits it."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kg_builder
from kg_builder.enrichment import enrich
from kg_builder.enrichment.exact import exact_numbers
from kg_builder.enrichment.linking import linked
from kg_builder.enrichment.traits import values
from kg_builder.errors import BadRequest, MissingSource
from kg_builder.planted import planted_shop
from kg_builder.schema import RETAIL
from kg_builder.stores import connect
from kg_builder.tables import GraphTables
from kg_builder.tabulation import tabulate

RELATED = {(source, target): (source, "RELATED", target) for source in ("Product", "Entity") for target in ("Product", "Entity")}


def products(*rows, **columns):
    table = pl.DataFrame({"id": list(rows), "listed": [True] * len(rows), **columns})
    kinds = {pl.String: "string", pl.Int64: "integer", pl.Float64: "float", pl.List(pl.String): "strings"}
    schema = RETAIL.with_properties(
        "Product", {n: kinds[d] for n, d in table.schema.items() if n not in ("id", "listed", "title", "description", "price")}
    )
    return GraphTables.of(schema, {"Product": table}, {})


def said(attribute, **columns):
    return values(attribute, products("p", **{name: [value] for name, value in columns.items()}))["value"].item()


@pytest.mark.parametrize(
    ("attribute", "columns", "value"),
    [
        ("size", {"title": "Tea 12 oz", "package_size": "16 OZ"}, "16 oz"),
        ("size", {"title": "Tea 12 oz", "package_size": "20 CT"}, "12 oz"),
        ("size", {"title": "Tin", "size": "9 x 13"}, "9 x 13"),
        ("size", {"title": "Shirt", "size": "large"}, "L"),
        ("size", {"title": "Shirt", "size": "CTN"}, None),
        ("size", {"title": "Tea", "package_size": "1 PK"}, None),
        ("size", {"title": "Tea 12 oz", "package_size": " "}, "12 oz"),
        ("colour", {"title": "Red mug", "color": "Gold"}, "gold"),
        ("colour", {"title": "Mug", "color": "Mystic  Sunset"}, "mystic sunset"),
        ("colour", {"title": "Blue mug", "color": "x" * 40}, "blue"),
        ("colour", {"title": "Mug", "colors": ["Green", "Red"]}, "green"),
        ("material", {"title": "Mug", "material": "Glass"}, "glass"),
        ("material", {"title": "Mug", "description": "It is made of porcelain."}, "porcelain"),
        ("material", {"title": "Mug", "description": "Next to porcelain it shines."}, None),
        ("pack", {"title": "Soda 12/18&15Pk", "package_size": "12 PK/12 OZ"}, "12"),
        ("pack", {"title": "Soda", "number_of_items": 6}, "6"),
        ("pack", {"title": "Soda", "number_of_items": 1}, None),
    ],
)
def test_a_column_of_its_own_goes_before_the_title_and_the_title_before_the_description(attribute, columns, value):
    assert said(attribute, **columns) == value


def test_the_name_of_the_brand_is_no_colour_of_its_drill():
    tables = products("p", "q", title=["Steel & Black Drill", "The drill of Steel & Black, red"])
    brand = pl.DataFrame({"id": ["b"], "name": ["Steel & Black"]})
    made = pl.DataFrame({"source": ["p", "q"], "target": ["b", "b"]})
    tables = GraphTables.of(tables.schema, {**tables.nodes, "Brand": brand}, {("Product", "MADE_BY", "Brand"): made})
    assert dict(values("colour", tables).rows()) == {"p": None, "q": "red"}
    assert dict(values("material", tables).rows()) == {"p": None, "q": None}


def test_the_texts_of_books_and_films_tell_no_colour_and_no_material_by_their_category():
    said = {"title": ["Black Leather"] * 4, "description": ["Printed on 100% recycled paper."] * 4}
    tables = products("p", "q", "r", "s", **said)
    shelves = {"id": ["1", "2", "Magazines > Women", "Bookends"], "name": ["Books & Comics", "Movies & TV", "Women", "Bookends"]}
    shelved = pl.DataFrame({"source": ["p", "q", "r", "s"], "target": shelves["id"]})
    nodes = {**tables.nodes, "Category": pl.DataFrame(shelves)}
    tables = GraphTables.of(tables.schema, nodes, {("Product", "IN_CATEGORY", "Category"): shelved})
    assert dict(values("colour", tables).rows()) == {"p": None, "q": None, "r": None, "s": "black"}
    assert dict(values("material", tables).rows()) == {"p": None, "q": None, "r": None, "s": "leather"}


def test_a_product_without_a_price_is_in_the_band_of_what_was_paid_for_it():
    tables = products("a", "b", "c", "d", price=[1.0, 2.0, 3.0, None])
    paid = pl.DataFrame({"source": ["u"] * 3, "target": ["d"] * 3, "key": ["1", "2", "3"], "price": [0.1, 100.0, 90.0]})
    tables = GraphTables.of(
        tables.schema, {**tables.nodes, "User": pl.DataFrame({"id": ["u"]})}, {("User", "BOUGHT", "Product"): paid}
    )
    assert dict(values("price_band", tables).rows()) == {"a": "budget", "b": "mid", "c": "mid", "d": "premium"}


def test_exact_numbers_stand_beside_and_touch_no_property_of_another_type():
    tables = products("p", "q", "r", title=["Tea 12 oz, pack of 6", "Shirt XL", "Mug"], pack_count=["six", "one", "-"])
    assert exact_numbers({name: values(name, tables) for name in ("size", "pack")}, tables.schema).rows(named=True) == [
        {"id": "p", "size_amount": 12.0, "size_unit": "oz"}
    ]


@pytest.fixture(scope="module")
def planted():
    return tabulate(planted_shop(users=24, products=48)).without_derived()


def test_attributes_become_edges_to_entities_on_both_stores_and_twice_is_once(store, planted):
    store.write(planted)
    report = enrich(store, attributes=["colour", "price_band"])
    once = store.read()
    assert [(one.name, one.products, one.values) for one in report.attributes] == [("colour", 48, 3), ("price_band", 48, 3)]
    assert report.attributes[0].most == {"blue": 16, "green": 16, "red": 16}
    assert report.attributes[0].examples == {"p0000": "red", "p0001": "green", "p0002": "blue", "p0003": "red", "p0004": "green"}
    assert (report.new_entities, report.new_edges, report.written) == (6, 96, True)
    rows = store.query(
        "MATCH (p:Product)-[r:RELATED]->(e:Entity) WHERE r.relation = 'colour' AND p.id = 'p0002' "
        "RETURN e.id AS id, e.name AS name"
    )
    assert rows.to_dict("records") == [{"id": "colour:blue", "name": "blue"}]
    again = enrich(store, attributes=["colour", "price_band"])
    assert (again.entities, again.edges, again.new_entities, again.new_edges) == (6, 96, 0, 0)
    assert store.read() == once


def test_sizes_and_packs_are_numbers_that_cypher_compares(tmp_path):
    frame = pl.DataFrame({"id": ["p1", "p2"], "title": ["Tea 12 oz, pack of 6", "Mug"], "color": ["Red", None]})
    kg_builder.build({"products": frame}, into=tmp_path / "s.graph")
    kg_builder.enrich(tmp_path / "s.graph")
    with connect(tmp_path / "s.graph") as store:
        found = store.query("MATCH (p:Product) WHERE p.pack_count >= 6 RETURN p.id, p.size_amount, p.size_unit, p.color, p.title")
    assert found.values.tolist() == [["p1", 12.0, "oz", "Red", "Tea 12 oz, pack of 6"]]


def test_a_dry_run_writes_nothing(tmp_path, planted):
    with connect(tmp_path / "s.graph", create=True) as store:
        store.write(planted)
    report = enrich(tmp_path / "s.graph", dry_run=True)
    assert (report.written, report.new_edges > 48) == (False, True)
    with connect(tmp_path / "s.graph") as store:
        assert store.read() == planted


def test_a_shop_without_products_or_texts_gets_nothing(tmp_path):
    with connect(tmp_path / "s.graph", create=True) as store:
        store.write(GraphTables.of(RETAIL, {"User": pl.DataFrame({"id": ["u"]})}, {}))
        report = enrich(store)
    assert (report.products, report.edges, [one.products for one in report.attributes]) == (0, 0, [0] * 5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"attributes": ["foo"]}, "no attribute 'foo'; known: "),
        ({"attributes": ["color"]}, "no attribute 'color'; did you mean 'colour'?"),
        ({"attributes": []}, "nothing to do"),
        ({"link": "a.link"}, "a link file needs a file of triples"),
        ({"triples": "kg.tsv", "hops": 0}, r"hops must be at least 1 \(got 0\)"),
    ],
)
def test_what_cannot_be_done_is_refused_before_the_store_is_opened(options, words):
    with pytest.raises(BadRequest, match=words):
        enrich("nowhere.graph", **options)


SHOP = pl.DataFrame({"id": ["1", "2", "3", "bare"], "listed": [True, True, True, False]})


def outside(triples, links=None, **options):
    """What becomes of `head relation tail` texts and of `item entity` texts."""
    table = pl.LazyFrame([one.split() for one in triples], schema=["head", "relation", "tail"], orient="row")
    given = links and pl.LazyFrame([one.split() for one in links], schema=["item", "entity"], orient="row")
    return linked(table, given, SHOP.with_columns(product="id"), **options)


def edges(found, source, target):
    frame = found.edges.get((source, "RELATED", target))
    return [] if frame is None else sorted(frame.select("source", "relation", "target").rows())


def test_entities_that_are_linked_become_their_product_at_either_end():
    found = outside(["m.1 by m.x", "m.y made m.1", "m.1 like m.2", "m.9 far m.8"], ["1 m.1", "2 m.2"])
    assert edges(found, "Product", "Entity") == [("1", "by", "m.x")]
    assert edges(found, "Entity", "Product") == [("m.y", "made", "1")]
    assert edges(found, "Product", "Product") == [("1", "like", "2")]
    assert found.entities["id"].sort().to_list() == ["m.x", "m.y"]
    assert found.coverage.dropped == {"farther than 1 hop from a linked product": 1}
    assert found.coverage.relations == {"by": 1, "like": 1, "made": 1}


def test_without_links_an_entity_with_a_products_id_is_that_product_and_with_links_it_is_not():
    assert edges(outside(["1 by x"]), "Product", "Entity") == [("1", "by", "x")]
    assert edges(outside(["1 by x", "m.2 by 1"], ["2 m.2"]), "Product", "Entity") == [("2", "by", "1")]


def test_two_hops_reach_what_one_does_not():
    chain = ["1 a x", "x b y", "y c z"]
    assert [outside(chain, hops=hops).coverage.kept for hops in (1, 2, 3, None)] == [1, 2, 3, 3]
    assert edges(outside(chain, hops=2), "Entity", "Entity") == [("x", "b", "y")]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from("123abcdef")] * 3).map(" ".join), min_size=1, max_size=25), st.integers(1, 4))
def test_more_hops_keep_what_fewer_keep_and_every_triple_is_kept_or_dropped(triples, hops):
    fewer, more = outside(triples, hops=hops), outside(triples, hops=hops + 1)
    for kind, frame in fewer.edges.items():
        assert set(frame.rows()) <= set(more.edges[kind].rows())
    held = fewer.coverage
    assert held.kept + sum(held.dropped.values()) == held.triples == len(triples)
    assert sum(held.relations.values()) == held.kept


@pytest.mark.parametrize("how", ["by id", "by link"])
def test_an_id_that_was_merged_is_the_product_it_was_merged_into(store, tmp_path, how):
    frame = pl.DataFrame({"id": ["p1", "p2"], "title": ["Travel Kettle X200"] * 2, "brand": ["Acme"] * 2, "price": [9.0] * 2})
    kg_builder.build({"products": frame}, store)
    (merge,) = kg_builder.resolve(store).merges
    merged = merge.one
    triples, link = tmp_path / "kg.tsv", tmp_path / "kg.link"
    triples.write_text(f"{merged if how == 'by id' else 'm.1'}\tmade_in\tFrance\n")
    link.write_text(f"item_id:token\tentity_id:token\n{merged}\tm.1\n")
    report = enrich(store, triples=triples, link=link if how == "by link" else None)
    assert report.coverage.linked == 1
    found = store.read().edges["Product", "RELATED", "Entity"].collect()
    assert found.select("source", "target").rows() == [(merge.other, "France")]


def test_links_are_counted_by_what_is_wrong_with_them():
    found = outside(["m.1 by x"], ["1 m.1", "2 m.2", "77 m.7", "78 m.1"]).coverage
    assert (found.products, found.linked, found.covered) == (3, 1, 1)
    assert (found.unknown_products, found.unknown_product_examples) == (2, ("77", "78"))
    assert (found.silent_entities, found.silent_entity_examples) == (1, ("m.2",))


def test_an_entity_of_two_products_is_both_and_a_product_of_two_entities_has_all_they_have():
    found = outside(["m.1 by x", "m.3 by y"], ["1 m.1", "2 m.1", "1 m.3"])
    assert edges(found, "Product", "Entity") == [("1", "by", "x"), ("1", "by", "y"), ("2", "by", "x")]
    assert found.coverage.kept == 2


def test_doubles_loops_and_long_texts_are_dropped_for_their_reason():
    found = outside(["m.1 by x", "m.1 by x", "m.1 same m.2", f"m.1 abstract {'w' * 201}"], ["1 m.1", "1 m.2"]).coverage
    assert found.kept == 1
    assert found.dropped == {
        "said more than once": 1,
        "the tail is a text of more than 200 characters": 1,
        "both ends are the same product": 1,
    }


def test_a_link_may_name_an_entity_by_the_end_of_its_iri_where_only_one_has_it():
    triples = ["http://f.org/ns/m.1 by http://f.org/ns/m.2", "http://f.org/a#m.3 by http://f.org/b#m.3"]
    found = outside(triples, ["1 m.1", "2 http://f.org/ns/m.2", "3 m.3"])
    assert edges(found, "Product", "Product") == [("1", "by", "2")]
    assert found.coverage.silent_entity_examples == ("m.3",)


def test_entities_are_named_by_their_label_their_relation_or_the_end_of_their_iri():
    found = outside(
        [
            "1 by http://f.org/e/Tom_Hanks",
            "1 by http://f.org/e/q7",
            "http://f.org/e/q7 label Anna",
            "1 genre genre:jazz",
            "1 in m.7",
        ],
        names=True,
    )
    assert dict(found.entities.rows()) == {
        "http://f.org/e/Tom_Hanks": "Tom Hanks",
        "http://f.org/e/q7": "Anna",
        "genre:jazz": "jazz",
        "m.7": None,
    }
    assert found.coverage.dropped == {"names a node": 1}


def test_a_verdict_says_how_much_is_covered_or_why_nothing_is():
    assert outside(["m.1 by x"], ["1 m.1"]).coverage.verdict == (
        "1 of 3 products (33.3%) have outside knowledge: 1 of 1 triples kept, 1 relation"
    )
    assert outside(["m.1 by x"], ["B07 m.1"]).coverage.verdict == (
        "no product is linked: the ids of the outside graph are not those of the store (the link file says 'B07')"
    )
    assert outside(["m.1 by x"]).coverage.verdict.startswith("no product is linked")


def test_triples_and_links_of_files_go_into_both_stores_and_twice_is_once(store, planted, tmp_path):
    store.write(planted)
    (tmp_path / "kg.nt").write_text(
        "<http://x.org/e/1> <http://x.org/p#maker> <http://x.org/e/Rex_Ltd> .\nbroken\n"
        '<http://x.org/e/1> <http://x.org/p#year> "1994" .\n'
    )
    (tmp_path / "shop.link").write_text("item_id:token\tentity_id:token\np0003\t1\nnope\t2\n")
    report = enrich(store, triples=tmp_path / "kg.nt", link=tmp_path / "shop.link", rejects=tmp_path / "rejects.jsonl")
    once = store.read()
    assert (report.attributes, report.new_entities, report.new_edges) == ((), 2, 2)
    assert report.first_faults == ("kg.nt line 2: a line must be an N-Triples statement, ended by a point (got broken)",)
    assert "broken" in (tmp_path / "rejects.jsonl").read_text()
    assert report.coverage.unknown_product_examples == ("nope",)
    assert once.edges["Product", "RELATED", "Entity"].select("source", "target", "relation").sort("target").collect().rows() == [
        ("p0003", "1994", "year"),
        ("p0003", "http://x.org/e/Rex_Ltd", "maker"),
    ]
    once.check()
    assert enrich(store, triples=tmp_path / "kg.nt", link=tmp_path / "shop.link").new_edges == 0
    assert store.read() == once


def test_a_file_that_is_not_there_leaves_the_store_as_it_was(tmp_path, planted):
    with connect(tmp_path / "s.graph", create=True) as store:
        store.write(planted)
        with pytest.raises(MissingSource, match=r"none\.tsv"):
            enrich(store, attributes=["colour"], triples=tmp_path / "none.tsv")
        assert store.read() == planted


def test_an_attribute_that_a_changed_text_no_longer_tells_goes_and_other_outside_knowledge_stays(store):
    def shop(title, price):
        goods = {"id": ["p1", "p2"], "title": [title, "Mug, white"], "price": [price, 5.0]}
        facts = {"head": ["p1"], "relation": ["made_in"], "tail": ["m.oslo"]}
        return {"products": pl.DataFrame(goods), "triples": pl.DataFrame(facts)}

    kg_builder.build(shop("Mug, black, 500 ml", 1.0), store, now=1_800_000_000)
    enrich(store)
    kg_builder.build(shop("Mug, white, 1 l", 99.0), store, now=1_800_000_000)
    enrich(store)
    edges = store.read().edges["Product", "RELATED", "Entity"].filter(pl.col("source") == "p1").collect()
    told = dict(edges.select("relation", "target").iter_rows())
    assert edges.height == len(told)
    assert (told["colour"], told["size"], told["made_in"]) == ("colour:white", "size:1 l", "m.oslo")


def test_the_exact_numbers_of_a_size_that_a_changed_text_no_longer_tells_go_and_all_else_stays(store):
    def enriched(*titles):
        goods = {"id": ["p1", "p2", "p3"], "title": titles, "price": [1.0, 2.0, 3.0], "volume": [7, 8, 9]}
        events = pl.DataFrame({"user": ["u"], "product": ["p1"], "event": ["bought"], "at": [1_700_000_000]})
        kg_builder.build({"products": pl.DataFrame(goods), "events": events}, store, now=1_800_000_000)
        vectors = pl.DataFrame({"id": ["p1"], "text_embedding": [[1.0, 2.0]]})
        store.write(GraphTables.of(RETAIL, {"Product": vectors}, {}))
        enrich(store)
        held = store.read(derived=True)
        held.check()
        assert [*held.edges["User", "BOUGHT", "Product"].collect()["target"]] == ["p1"]
        names = ("size_amount", "size_unit", "pack_count", "price", "text_embedding")
        return held.nodes["Product"].sort("id").select(names).collect().rows()

    cups = "Cups 500 ml, pack of 6"
    assert enriched(cups, cups, cups)[0] == (500.0, "ml", 6, 1.0, [1.0, 2.0])
    assert enriched("Cups, pack of 6", "Cups XL", cups) == [
        (None, None, 6, 1.0, [1.0, 2.0]),
        (None, None, None, 2.0, None),
        (500.0, "ml", 6, 3.0, None),
    ]
