"""Retailrocket's dump: events in milliseconds, properties that change, hashed words, a tree of categories."""

import gzip

import pytest

from kg_builder.dumps import read_dump, retailrocket
from kg_builder.errors import DamagedDump, MissingSource, SchemaError
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

NOW = 1_600_000_000
EVENTS = [
    "timestamp,visitorid,event,itemid,transactionid",
    "1433221332117,257597,view,355908,",
    "1433224214164,992329,addtocart,248676,",
    "1433224214999,992329,transaction,248676,4000",
]
PROPERTIES = [
    "timestamp,itemid,property,value",
    "1442113200000,355908,categoryid,1016",
    "1435460400000,355908,categoryid,1338",
    "1435460400000,355908,790,n10200.000",
    "1442113200000,355908,790,n9800.000",
    "1435460400000,355908,available,1",
    "1442113200000,355908,available,0",
    "1435460400000,355908,888,1116713 960601 n277.200",
]
TREE = ["categoryid,parentid", "1016,213", "213,", "1338,1016", "99,"]


def folder(path, events=EVENTS, properties=PROPERTIES, tree=TREE):
    files = {"events.csv": events, "item_properties_part1.csv": properties, "category_tree.csv": tree}
    for name, lines in files.items():
        if lines is not None:
            (path / name).write_text("\n".join(lines) + "\n")
    return path


def build(path, rejects=None):
    rejects = Rejects() if rejects is None else rejects
    dump = read_dump(path, reading=Reading(rejects))
    assert dump.format == "retailrocket"
    tables = tabulate(dump, rejects=rejects, now=NOW)
    tables.check()
    return tables


def edges(tables, *kind):
    return sorted(tables.edges[kind].select("source", "target").collect().rows())


def test_views_carts_and_transactions_are_events_in_seconds(tmp_path):
    tables = build(folder(tmp_path))
    assert edges(tables, "User", "VIEWED", "Product") == [("257597", "355908")]
    assert edges(tables, "User", "CARTED", "Product") == [("992329", "248676")]
    assert tables.edges["User", "BOUGHT", "Product"].select("key", "at").collect().rows() == [("4000", 1433224214)]


def test_the_latest_category_price_and_availability_count(tmp_path):
    tables = build(folder(tmp_path))
    assert tables.nodes["Product"].filter(id="355908").select("price", "available").collect().rows() == [(9800.0, False)]
    assert edges(tables, "Product", "IN_CATEGORY", "Category") == [("355908", "213 > 1016")]


def test_the_order_of_the_lines_and_of_the_parts_does_not_count(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    folder(two, properties=[PROPERTIES[0], *PROPERTIES[:4:-1]])
    (two / "item_properties_part2.csv").write_text("\n".join([PROPERTIES[0], *PROPERTIES[4:0:-1]]))
    assert build(two) == build(folder(one))


def test_the_whole_tree_is_there_and_a_circle_is_cut(tmp_path):
    tables = build(folder(tmp_path))
    assert sorted(tables.nodes["Category"].collect()["id"]) == ["213", "213 > 1016", "213 > 1016 > 1338", "99"]
    assert edges(tables, "Category", "CHILD_OF", "Category") == [("213 > 1016", "213"), ("213 > 1016 > 1338", "213 > 1016")]
    rejects = Rejects()
    tables = build(folder(tmp_path, tree=["categoryid,parentid", "1016,213", "213,1016"]), rejects)
    assert edges(tables, "Category", "CHILD_OF", "Category") == [("1016 > 213", "1016")]
    assert [row["message"].partition(";")[0] for row in rejects.rows() if row["fault"]] == [
        "category_tree.csv line 2: a category must not lie under itself"
    ]


def test_a_category_outside_of_the_tree_is_one_of_its_own(tmp_path):
    tables = build(folder(tmp_path, tree=None))
    assert edges(tables, "Product", "IN_CATEGORY", "Category") == [("355908", "1016")]


def test_hashed_words_are_left_out_and_a_note_says_so(tmp_path):
    rejects = Rejects()
    tables = build(folder(tmp_path), rejects)
    assert any("hashed words" in note for note in rejects.notes)
    assert tables.schema.node("Category").text == ()


def test_events_alone_are_a_dump(tmp_path):
    tables = build(folder(tmp_path, properties=None, tree=None) / "events.csv")
    assert sorted(tables.nodes["Product"].collect()["id"]) == ["248676", "355908"]


def test_infinity_is_no_price(tmp_path):
    tables = build(folder(tmp_path, properties=[PROPERTIES[0], "1435460400000,355908,790,nInfinity"]))
    assert tables.nodes["Product"].filter(id="355908").select("price").collect().item() is None


def test_a_dirty_row_is_a_fault_and_the_rest_stays(tmp_path):
    rejects = Rejects()
    tables = build(folder(tmp_path, events=[*EVENTS, "soon,1,view,2,", "1433221332117,,view,2,"]), rejects)
    assert rejects.counts() == {"time must be epoch seconds or an ISO 8601 date": 1, "user id is missing": 1}
    assert edges(tables, "User", "VIEWED", "Product") == [("257597", "355908")]


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(SchemaError, match=r"item_properties_part1\.csv needs the column 'itemid'; did you mean 'itmid'"):
        read_dump(folder(tmp_path, properties=["timestamp,itmid,property,value", "1,2,3,4"]))


def test_a_truncated_gzip_is_refused(tmp_path):
    whole = gzip.compress("\n".join([EVENTS[0], *(f"14332213{n:05},{n * 7919},view,{n}," for n in range(3000))]).encode())
    (tmp_path / "events.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedDump, match="breaks off"):
        read_dump(tmp_path)


def test_an_empty_folder_and_another_shops_events_are_not_taken(tmp_path):
    with pytest.raises(MissingSource):
        read_dump(tmp_path, format="retailrocket")
    (tmp_path / "events.csv").write_text("user,product,event\nu1,p1,view\n")
    assert not retailrocket.recognises(tmp_path)


def test_properties_and_categories_that_cannot_be_read_are_told_of_by_file_and_line(tmp_path):
    rejects = Rejects()
    bad = ["soon,355908,categoryid,213", "1442113200000,,categoryid,213"]
    tables = build(folder(tmp_path, properties=[*PROPERTIES, *bad], tree=[*TREE, ",213", "NaN,213"]), rejects)
    assert ("355908", "213 > 1016") in edges(tables, "Product", "IN_CATEGORY", "Category")
    assert sorted(row["message"] for row in rejects.rows()) == [
        "category_tree.csv line 6: category id is missing",
        "category_tree.csv line 7: category id is missing (got NaN)",
        "item_properties_part1.csv line 10: product id is missing",
        "item_properties_part1.csv line 9: timestamp must be a whole number of milliseconds (got soon)",
    ]


def test_without_events_the_items_are_still_read(tmp_path):
    assert build(folder(tmp_path, events=[])).counts()[0]["Product"] == 1
