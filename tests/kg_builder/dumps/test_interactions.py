"""The folder of an interaction data set: what is read, how times and relations are understood, and what is never opened."""

import json
import os
import threading

import pytest

from kg_builder.dumps import read_dump
from kg_builder.errors import DamagedDump
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

NOW = 1_600_000_000


def folder(path, train, *, valid=None, items=None, kg=None, header="user\titem\ttimestamp\trating"):
    def table(name, first, rows):
        (path / name).write_text("\n".join([first, *("\t".join(map(str, row)) for row in rows)]) + "\n")

    table("train.tsv", header, train)
    if valid is not None:
        table("valid.tsv", header, valid)
    if kg is not None:
        table("kg.tsv", "head\trelation\ttail", kg)
    if items is not None:
        (path / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    return path


def build(path, rejects=None):
    rejects = Rejects() if rejects is None else rejects
    tables = tabulate(read_dump(path, reading=Reading(rejects)), rejects=rejects, now=NOW)
    tables.check()
    return tables


def edges(tables, *kind):
    return sorted(tables.edges[kind].select("source", "target").collect().rows()) if kind in tables.edges else []


def interactions(tables, *columns):
    return sorted(tables.edges["User", "INTERACTED", "Product"].select(columns).collect().rows())


def test_train_and_valid_are_interactions(tmp_path):
    tables = build(folder(tmp_path, [("u1", "i1", 0, 1)], valid=[("u2", "i2", 0, 1)]))
    assert edges(tables, "User", "INTERACTED", "Product") == [("u1", "i1"), ("u2", "i2")]


def test_test_tsv_is_never_opened(tmp_path):
    """A pipe lets a writer through only once somebody opens it for reading, be it Python or Rust."""
    folder(tmp_path, [("u1", "i1", 0, 1)], items=[{"item": "i1"}], kg=[("i1", "brand", "brand:Acme")])
    pipe, opened = tmp_path / "test.tsv", threading.Event()
    os.mkfifo(pipe)

    def wait_for_a_reader():
        with pipe.open("w") as file:
            opened.set()
            file.write("user\titem\ttimestamp\trating\ncanary\tcanary\t0\t1\n")

    writer = threading.Thread(target=wait_for_a_reader)
    writer.start()
    try:
        tables = build(tmp_path)
        was_opened = opened.is_set()
    finally:
        with pipe.open() as file:
            file.read()
        writer.join()
    assert not was_opened
    assert tables.nodes["User"].collect()["id"].to_list() == ["u1"]


def test_the_proof_above_notices_a_reader(tmp_path):
    pipe, opened = tmp_path / "test.tsv", threading.Event()
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: (pipe.open("w").close(), opened.set()))
    writer.start()
    pipe.read_text()
    writer.join()
    assert opened.is_set()


def test_a_canary_in_test_tsv_is_nowhere_in_the_graph(tmp_path):
    folder(tmp_path, [("u1", "i1", 0, 1)])
    (tmp_path / "test.tsv").write_text("user\titem\ttimestamp\trating\ncanary\tcanary\t0\t1\n")
    nodes, _ = build(tmp_path).counts()
    assert nodes == {"User": 1, "Product": 1}


def test_small_timestamps_are_positions(tmp_path):
    tables = build(folder(tmp_path, [("u1", "i1", 0, 1), ("u1", "i2", 788918399, 1)]))
    assert interactions(tables, "target", "position", "at") == [("i1", 0, None), ("i2", 788918399, None)]


def test_large_timestamps_are_times_and_0_among_them_is_unknown(tmp_path):
    tables = build(folder(tmp_path, [("u1", "i1", 0, 1), ("u1", "i2", 788918400, 1)]))
    assert interactions(tables, "target", "position", "at", "day") == [
        ("i1", None, None, None),
        ("i2", None, 788918400, "1995-01-01"),
    ]


def test_the_largest_timestamp_of_train_and_valid_together_decides(tmp_path):
    rejects = Rejects()
    small, large = [("u1", "i1", 0, 1), ("u1", "i3", 7, 1)], [("u1", "i2", 1000000000, 1)]
    tables = build(folder(tmp_path, small, valid=large), rejects)
    assert interactions(tables, "target", "at", "position") == [("i1", None, None), ("i2", 1000000000, None)]
    assert rejects.counts() == {"time must lie between 1995-01-01 and tomorrow": 1}


def test_all_timestamps_0_means_that_nothing_is_known(tmp_path):
    tables = build(folder(tmp_path, [("u1", "i1", 0, 1), ("u1", "i2", 0, 1)]))
    assert interactions(tables, "position", "at") == [(None, None), (None, None)]


def test_without_timestamp_and_rating_users_and_items_are_enough(tmp_path):
    tables = build(folder(tmp_path, [("u1", "i1")], header="user\titem"))
    assert interactions(tables, "source", "target", "key", "rating") == [("u1", "i1", "0", None)]


def test_repeated_interactions_keep_apart_by_their_second_and_a_counter(tmp_path):
    rows = [("u1", "i1", 900000000), ("u1", "i1", 900000000), ("u1", "i1", 900000001)]
    tables = build(folder(tmp_path, rows, header="user\titem\ttimestamp"))
    assert interactions(tables, "key", "at") == [("900000000", 900000000), ("900000000.1", 900000000), ("900000001", 900000001)]


def test_a_user_rates_an_item_once_in_a_second(tmp_path):
    rejects = Rejects()
    rows = [("u1", "i1", 900000000, 1), ("u1", "i1", 900000000, 5), ("u1", "i1", 900000001, 3)]
    tables = build(folder(tmp_path, rows), rejects)
    assert interactions(tables, "key", "rating") == [("900000000", 1.0), ("900000001", 3.0)]
    assert rejects.counts() == {"the rating is there more than once, with other values": 1}


def test_ratings_may_be_any_finite_number(tmp_path):
    rejects = Rejects()
    rows = [("u1", "i1", 0, -3.5), ("u1", "i2", 0, 100), ("u1", "i3", 0, "nan"), ("u1", "i4", 0, "much")]
    tables = build(folder(tmp_path, rows), rejects)
    assert interactions(tables, "target", "rating") == [("i1", -3.5), ("i2", 100.0)]
    assert rejects.counts() == {"rating must be a number": 2}


def test_brand_and_category_triples_merge_with_items_jsonl(tmp_path):
    items = [{"item": "i1", "brand": "Conair", "categories": ["Beauty"]}, {"item": "i2", "brand": "CONAIR"}]
    kg = [("i1", "brand", "brand:Conair"), ("i2", "category", "category:Beauty"), ("i1", "category", "category:Beauty")]
    tables = build(folder(tmp_path, [("u1", "i1", 0, 1)], items=items, kg=kg))
    assert tables.nodes["Brand"].collect().rows() == [("conair", "Conair")]
    assert tables.nodes["Category"].collect().rows() == [("Beauty", "Beauty")]
    assert edges(tables, "Product", "MADE_BY", "Brand") == [("i1", "conair"), ("i2", "conair")]
    assert edges(tables, "Product", "IN_CATEGORY", "Category") == [("i1", "Beauty"), ("i2", "Beauty")]
    assert "Entity" not in tables.nodes


def test_co_purchase_triples_are_edge_types_and_their_strangers_bare_products(tmp_path):
    kg = [("i1", "also_bought", "x1"), ("i1", "also_viewed", "i2"), ("i2", "bought_together", "i1"), ("i1", "also_bought", "i1")]
    rejects = Rejects()
    tables = build(folder(tmp_path, [("u1", "i1", 0, 1), ("u1", "i2", 0, 1)], kg=kg), rejects)
    assert edges(tables, "Product", "ALSO_BOUGHT", "Product") == [("i1", "x1")]
    assert edges(tables, "Product", "ALSO_VIEWED", "Product") == [("i1", "i2")]
    assert edges(tables, "Product", "BOUGHT_TOGETHER", "Product") == [("i2", "i1")]
    assert dict(tables.nodes["Product"].select("id", "listed").collect().rows()) == {"i1": True, "i2": True, "x1": None}
    assert [row["message"] for row in rejects.rows()] == ["kg.tsv line 5: a triple cannot lead from a thing to itself (got i1)"]


def test_other_relations_are_related_between_products_and_entities(tmp_path):
    kg = [
        ("i1", "film.director", "m.1"),
        ("m.1", "directed", "i2"),
        ("m.1", "knows", "m.2"),
        ("i1", "sequel", "i3"),
        ("i1", "prequel", "i3"),
        ("m.1", "category", "m.3"),
    ]
    tables = build(folder(tmp_path, [("u1", "i1", 0, 1)], valid=[("u1", "i2", 0, 1)], items=[{"item": "i3"}], kg=kg))
    assert edges(tables, "Product", "RELATED", "Entity") == [("i1", "m.1")]
    assert edges(tables, "Entity", "RELATED", "Product") == [("m.1", "i2")]
    assert edges(tables, "Entity", "RELATED", "Entity") == [("m.1", "m.2"), ("m.1", "m.3")]
    assert edges(tables, "Product", "RELATED", "Product") == [("i1", "i3"), ("i1", "i3")]
    assert sorted(tables.nodes["Entity"].collect()["id"]) == ["m.1", "m.2", "m.3"]


def test_an_entity_with_its_relation_before_its_name_goes_by_the_name(tmp_path):
    kg = [("i1", "department", "department:GROCERY"), ("i1", "made_in", "m.1")]
    tables = build(folder(tmp_path, [("u1", "i1", 0, 1)], kg=kg))
    assert dict(tables.nodes["Entity"].collect().iter_rows()) == {"department:GROCERY": "GROCERY", "m.1": None}


def test_lines_of_kg_and_items_that_say_nothing_are_refused_and_the_rest_stays(tmp_path):
    folder(tmp_path, [("u1", "i1", 0, 1)], items=[{"item": "i1", "brand": "Acme"}, {"title": "whose?"}], kg=[("i1", "likes")])
    with (tmp_path / "items.jsonl").open("a") as file:
        file.write("{broken\n")
    rejects = Rejects()
    tables = build(tmp_path, rejects)
    assert rejects.counts() == {"the line must be sound JSON": 1, "product id is missing": 1, "tail is missing": 1}
    assert edges(tables, "Product", "MADE_BY", "Brand") == [("i1", "acme")]


def test_a_field_whose_name_is_taken_still_counts_as_text(tmp_path):
    tables = build(folder(tmp_path, [("u1", "i1", 0, 1)], items=[{"item": "i1", "Title": "Tea", "id": "x", "line": "y"}]))
    assert tables.schema.node("Product").text == ("title", "description", "title_", "id_", "line_")


def test_a_triple_said_twice_is_one_edge(tmp_path):
    tables = build(folder(tmp_path, [("u1", "i1", 0, 1)], kg=[("i1", "made_in", "m.1")] * 3))
    assert edges(tables, "Product", "RELATED", "Entity") == [("i1", "m.1")]


def test_unknown_fields_of_items_become_properties_and_text(tmp_path):
    items = [
        {"item": "i1", "Director Name": "Ann", "year": 1995, "score": 7.5, "adult": False, "genres": ["Drama", "War"], "at": "x"},
        {"item": 2, "Director Name": "Bob", "year": 1996, "score": 8, "link": "https://example.org/2", "cast": {"lead": "Cy"}},
    ]
    tables = build(folder(tmp_path, [("u1", "i1", 0, 1)], items=items))
    spec = tables.schema.node("Product")
    kinds = {name: spec.properties[name] for name in ("director_name", "year", "score", "adult", "genres", "link")}
    assert kinds == {
        "director_name": "string",
        "year": "integer",
        "score": "float",
        "adult": "boolean",
        "genres": "strings",
        "link": "string",
    }
    assert spec.text == ("title", "description", "director_name", "genres", "at")
    assert tables.nodes["Product"].collect().filter(id="i1").select("year", "genres").row(0) == (1995, ["Drama", "War"])
    assert sorted(tables.nodes["Product"].collect()["id"]) == ["2", "i1"]


def test_a_field_of_mixed_types_becomes_text_and_loses_nothing(tmp_path):
    items = [{"item": "i1", "size": 12}, {"item": "i2", "size": "XL"}, {"item": "i3", "size": ["S", "M"]}, {"item": "i4"}]
    tables = build(folder(tmp_path, [("u1", "i1", 0, 1)], items=items))
    sizes = dict(tables.nodes["Product"].select("id", "size").collect().rows())
    assert sizes == {"i1": "12", "i2": "XL", "i3": '["S", "M"]', "i4": None}


def test_nested_fields_become_text(tmp_path):
    item = {
        "item": "i1",
        "cast": [{"name": "Ann"}],
        "tracks": [[1, 2], [3]],
        "size": {"w": 1},
        "empty": [],
        "null": None,
        "scores": [1.5],
    }
    (row,) = build(folder(tmp_path, [("u1", "i1", 0, 1)], items=[item])).nodes["Product"].collect().to_dicts()
    assert (row["cast"], row["tracks"], row["size"], row["scores"]) == (['{"name":"Ann"}'], ["1 2", "3"], '{"w":1}', ["1.5"])


def test_categories_may_be_a_name_flat_names_or_paths(tmp_path):
    flat = folder(tmp_path, [("u1", "i1", 0, 1)], items=[{"item": "i1", "categories": ["A", "B"]}])
    assert edges(build(flat), "Category", "CHILD_OF", "Category") == []
    paths = folder(tmp_path, [("u1", "i1", 0, 1)], items=[{"item": "i1", "categories": [["A", "B"], ["C"]]}])
    assert edges(build(paths), "Category", "CHILD_OF", "Category") == [("A > B", "A")]
    assert edges(build(paths), "Product", "IN_CATEGORY", "Category") == [("i1", "A > B"), ("i1", "C")]
    name = folder(tmp_path, [("u1", "i1", 0, 1)], items=[{"item": "i1", "categories": "A"}])
    assert edges(build(name), "Product", "IN_CATEGORY", "Category") == [("i1", "A")]


def test_a_quote_in_an_id_is_part_of_the_id(tmp_path):
    tables = build(folder(tmp_path, [('"u1', "i1", 0, 1), ("u2", "i1", 0, 1)]))
    assert sorted(tables.nodes["User"].collect()["id"]) == ['"u1', "u2"]


def test_a_header_without_item_is_refused(tmp_path):
    with pytest.raises(DamagedDump, match=r"train\.tsv needs the column 'item'; did you mean 'itm'"):
        read_dump(folder(tmp_path, [("u1", "i1")], header="user\titm"))
