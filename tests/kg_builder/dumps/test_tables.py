"""A shop's own tables, as files and as frames from Python."""

import gzip
import json

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from kg_builder.dumps import read_dump
from kg_builder.errors import DumpError
from kg_builder.planted import plant, write_planted
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

NOW = 1_750_000_000


def build(source):
    tables = tabulate(read_dump(source), now=NOW)
    tables.check()
    return tables


def edges(tables, *kind):
    return sorted(tables.edges[kind].select("source", "target").collect().rows())


def products(text, folder):
    (folder / "products.csv").write_text(text)
    return build(folder)


def test_frames_of_pandas_polars_and_pyarrow_give_the_same_graph():
    goods = {"id": ["p1", "p2"], "title": ["Kettle", "Cup"], "price": [9.5, 2.0]}
    events = {"user": ["u1"], "product": ["p1"], "event": ["bought"], "at": [1500000000]}
    built = [
        build({"products": make(goods), "events": make(events)}) for make in (pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.table)
    ]
    assert all(one == built[0] for one in built)
    assert dict(built[0].nodes["Product"].select("id", "price").collect().rows()) == {"p1": 9.5, "p2": 2.0}


def test_a_frame_of_an_unknown_name_is_asked_about():
    with pytest.raises(DumpError, match="no table is called 'product'; did you mean 'products'"):
        read_dump({"product": pd.DataFrame({"id": ["p1"]})})


def test_what_is_no_frame_is_refused():
    with pytest.raises(DumpError, match="products: expected a data frame"):
        read_dump({"products": [1, 2, 3]})


def test_numbers_are_ids_even_where_pandas_made_them_floats():
    events = pd.DataFrame({"user": [1.0, 2.0, None], "product": [7, 7, 7]})
    assert edges(build({"events": events}), "User", "INTERACTED", "Product") == [("1", "7"), ("2", "7")]


def test_times_may_be_datetimes_dates_or_texts():
    at = pd.to_datetime(["2017-07-14 02:40:00"])
    texts = ["1500000000", "2017-07-14 02:40:00", "2017-07-14T02:40:00Z", "2017-07-14T04:40:00+02:00", "1500000000000"]
    for said in (at, *([text] for text in texts)):
        tables = build({"events": pd.DataFrame({"user": ["u1"], "product": ["p1"], "at": said})})
        assert tables.interactions().collect()["at"].to_list() == [1500000000]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("view", "VIEWED"),
        ("addtocart", "CARTED"),
        ("transaction", "BOUGHT"),
        ("Purchase", "BOUGHT"),
        ("interacted", "INTERACTED"),
        (None, "INTERACTED"),
    ],
)
def test_events_go_by_their_common_names(said, kind):
    event = {"user": ["u1"], "product": ["p1"]} | ({"event": [said]} if said else {})
    assert edges(build({"events": pl.DataFrame(event)}), "User", kind, "Product") == [("u1", "p1")]


def test_categories_are_paths_separated_by_bars(tmp_path):
    tables = products("id,categories\np1,Kitchen > Tea|Gifts\np2,\n", tmp_path)
    assert edges(tables, "Product", "IN_CATEGORY", "Category") == [("p1", "Gifts"), ("p1", "Kitchen > Tea")]
    assert edges(tables, "Category", "CHILD_OF", "Category") == [("Kitchen > Tea", "Kitchen")]


@pytest.mark.parametrize("cell", ['"[[""Kitchen"", ""Tea""], [""Gifts""]]"', '"[""Kitchen > Tea"", ""Gifts""]"'])
def test_categories_may_be_json(cell, tmp_path):
    tables = products(f"id,categories\np1,{cell}\np2,[sic\n", tmp_path)
    assert sorted(tables.nodes["Category"].collect()["id"]) == ["Gifts", "Kitchen", "Kitchen > Tea", "[sic"]


def test_links_may_be_json_or_separated_by_bars(tmp_path):
    tables = products('id,also_bought\np1,p2|p3\np2,"[""p1"", ""p3""]"\np3,\n', tmp_path)
    assert tables.counts()[1]["Product", "ALSO_BOUGHT", "Product"] == 4


def test_a_table_of_triples_becomes_relations(tmp_path):
    (tmp_path / "triples.csv").write_text("head,relation,tail\np1,designed_by,Ada\np1,brand,Acme\n")
    tables = products("id,title\np1,Tea\n", tmp_path)
    assert tables.counts()[1] == {("Product", "RELATED", "Entity"): 1, ("Product", "MADE_BY", "Brand"): 1}


def test_categories_may_be_a_list_of_paths():
    goods = pl.DataFrame({"id": ["p1"], "categories": [["Kitchen > Tea", "Gifts"]]})
    assert edges(build({"products": goods}), "Product", "IN_CATEGORY", "Category") == [("p1", "Gifts"), ("p1", "Kitchen > Tea")]


def test_a_table_of_categories_gives_names_and_parents(tmp_path):
    (tmp_path / "categories.csv").write_text("id,name,parent\n12,Tea,3\n3,Kitchen,\n")
    tables = products("id,categories\np1,12\n", tmp_path)
    assert dict(tables.nodes["Category"].select("id", "name").collect().rows()) == {"12": "Tea", "3": "Kitchen"}
    assert edges(tables, "Category", "CHILD_OF", "Category") == [("12", "3")]
    assert edges(tables, "Product", "IN_CATEGORY", "Category") == [("p1", "12")]


def test_unknown_columns_become_properties_of_the_type_that_all_values_have(tmp_path):
    tables = products("id,Shelf Life,weight,zip,vegan,source\np1,12,1.5,0123,true,farm\np2,,2,4567,false,\n", tmp_path)
    spec = tables.schema.node("Product")
    found = {name: spec.properties[name] for name in ("shelf_life", "weight", "zip", "vegan", "source_")}
    assert found == {"shelf_life": "integer", "weight": "float", "zip": "string", "vegan": "boolean", "source_": "string"}
    assert tables.nodes["Product"].collect().filter(id="p1").select("shelf_life", "zip", "vegan").row(0) == (12, "0123", True)
    assert spec.text == ("title", "description", "zip", "source_")


def test_common_names_of_columns_are_understood(tmp_path):
    (tmp_path / "events.csv").write_text("user_id,product_id,timestamp,order_id,event\nu1,p1,1500000000,o1,buy\n")
    (edge,) = build(tmp_path).edges["User", "BOUGHT", "Product"].collect().to_dicts()
    assert (edge["source"], edge["target"], edge["at"], edge["key"]) == ("u1", "p1", 1500000000, "o1")


def test_semicolons_separate_too(tmp_path):
    tables = products("id;title\np1;Kettle, red\n", tmp_path)
    assert tables.nodes["Product"].collect()["title"].to_list() == ["Kettle, red"]


def test_a_byte_order_mark_quotes_and_line_breaks_are_read_as_excel_writes_them(tmp_path):
    (tmp_path / "products.csv").write_bytes(b'\xef\xbb\xbfid,title\r\np1,"Kettle, ""red""\r\nlarge"\r\np2,Cup\r\n')
    titles = dict(build(tmp_path).nodes["Product"].select("id", "title").collect().iter_rows())
    assert titles == {"p1": 'Kettle, "red" large', "p2": "Cup"}


def test_columns_called_file_and_line_are_the_shops_own(tmp_path):
    found = [
        products("id,line,file\np1,summer,a.jpg\n", tmp_path),
        build({"products": pl.DataFrame({"id": ["p1"], "line": ["summer"]})}),
    ]
    assert [tables.nodes["Product"].collect()["line_"].item() for tables in found] == ["summer", "summer"]


def test_a_file_named_after_a_table_stands_for_itself(tmp_path):
    (tmp_path / "events.csv").write_text("user,product\nu1,p1\n")
    assert edges(build(tmp_path / "events.csv"), "User", "INTERACTED", "Product") == [("u1", "p1")]


def test_lists_where_one_value_is_wanted_are_read_all_the_same():
    goods = {"id": ["p1"], "title": [["Red", "kettle"]], "brand": [["Acme", "Zed"]], "tags": [["x", "y"]], "size": [{"w": 1}]}
    tables = build({"products": pl.DataFrame(goods)})
    assert tables.nodes["Product"].select("title", "tags", "size").collect().row(0) == ("Red kettle", ["x", "y"], '{"w":1}')
    assert edges(tables, "Product", "MADE_BY", "Brand") == [("p1", "acme")]


def test_repeated_events_with_lists_are_merged_and_told_apart():
    events = {"user": ["u1"] * 4, "product": ["p1"] * 4, "key": ["k", "k", None, None], "tags": [["x"], ["y"], ["x"], ["y"]]}
    found = build({"events": pl.DataFrame(events)}).edges["User", "INTERACTED", "Product"].collect()
    assert dict(found.select("key", "tags").iter_rows()) == {"k": ["x"], "0": ["x"], "1": ["y"]}


def test_amounts_of_events_may_carry_a_currency(tmp_path):
    (tmp_path / "events.csv").write_text('user,product,event,price,quantity\nu1,p1,bought,"$1,299.50",2\n')
    assert build(tmp_path).interactions().collect().select("price", "quantity").row(0) == (1299.5, 2.0)


def test_further_columns_of_events_become_properties_of_the_edges():
    events = pl.DataFrame({"user": ["u1"], "product": ["p1"], "event": ["view"], "device": ["phone"]})
    tables = build({"events": events})
    assert tables.edges["User", "VIEWED", "Product"].collect()["device"].to_list() == ["phone"]
    assert tables.schema.edge(("User", "VIEWED", "Product")).properties["device"] == "string"


def test_the_planted_shop_reads_back_from_its_files(tmp_path):
    write_planted(tmp_path)
    rejects = Rejects()
    planted = plant()
    assert tabulate(read_dump(tmp_path, reading=Reading(rejects)), rejects=rejects, now=NOW) == tabulate(planted.dump, now=NOW)
    assert rejects.counts() == dict(planted.truth.rejected)


def test_a_row_with_more_fields_than_the_header_is_refused_and_not_shifted(tmp_path):
    (tmp_path / "products.csv").write_text('id,title,colour\np1,Lamp, warm,red\np2,"a, b",blue\np3,c\np4,c,4,5,6\np5,d,e,\n')
    rejects = Rejects()
    tables = tabulate(read_dump(tmp_path, reading=Reading(rejects)), rejects=rejects, now=NOW)
    assert sorted(tables.nodes["Product"].select("id", "title", "colour").collect().rows()) == [
        ("p2", "a, b", "blue"),
        ("p3", "c", None),
        ("p5", "d", "e"),
    ]
    said = "the row must have 3 fields; put texts that hold the separator in quotes"
    assert [row["message"] for row in rejects.rows()] == [
        f"products.csv line 2: {said} (got p1 · Lamp ·  warm and more)",
        f"products.csv line 5: {said} (got p4 · c · 4 and more)",
    ]
    assert rejects.faults == 2


def test_a_header_may_name_a_column_twice(tmp_path):
    (tmp_path / "products.csv").write_text("id,title,note,note\np1,Lamp,a,b\n")
    assert tabulate(read_dump(tmp_path), now=NOW).nodes["Product"].collect()["title"].to_list() == ["Lamp"]


def test_json_lines_are_tables_too(tmp_path):
    goods = [
        {"id": "p1", "title": "Kettle", "categories": [["Kitchen", "Tea"], ["Gifts"]], "also_bought": ["p2"], "size": 1.5},
        {"id": "p2", "title": "Cup", "categories": ["Kitchen > Cups"], "tags": ["blue", "small"]},
    ]
    (tmp_path / "products.jsonl").write_text("".join(json.dumps(one) + "\n" for one in goods))
    (tmp_path / "events.json").write_text('{"userId": 7, "sku": "p1", "type": "view", "ts": 1500000000000}\n')
    tables = build(tmp_path)
    viewed = tables.edges["User", "VIEWED", "Product"].select("source", "target", "at").collect().rows()
    assert viewed == [("7", "p1", 1500000000)]
    assert sorted(tables.edges["Product", "IN_CATEGORY", "Category"].collect().rows()) == [
        ("p1", "Gifts"),
        ("p1", "Kitchen > Tea"),
        ("p2", "Kitchen > Cups"),
    ]
    assert tables.edges["Product", "ALSO_BOUGHT", "Product"].collect().rows() == [("p1", "p2")]
    assert sorted(tables.nodes["Product"].select("id", "size", "tags").collect().rows()) == [
        ("p1", 1.5, None),
        ("p2", None, ["blue", "small"]),
    ]


def test_files_of_other_names_beside_the_tables_are_told_of(tmp_path):
    (tmp_path / "products.csv").write_text("id\np1\n")
    (tmp_path / "orders.csv").write_text("user,product\nu1,p1\n")
    rejects = Rejects()
    tabulate(read_dump(tmp_path, format="tables", reading=Reading(rejects)), rejects=rejects, now=NOW)
    assert rejects.notes == ["not read, for they are named after none of the tables: orders.csv; a mapping says what they are"]


@pytest.mark.parametrize("column", ["ean", "sku", "gtin", "asin", "item_id"])
@pytest.mark.parametrize("name", ["products.jsonl", "products.json.gz"])
def test_products_with_another_number_of_theirs_are_still_products(column, name, tmp_path):
    line = json.dumps({"id": "p1", "title": "Lamp", "brand": "Acme", "price": 9.5, column: "4006381333931"}) + "\n"
    (tmp_path / name).write_bytes(gzip.compress(line.encode()) if name.endswith(".gz") else line.encode())
    dump = read_dump(tmp_path)
    assert dump.format == "tables"
    assert tabulate(dump, now=NOW).nodes["Product"].collect()["title"].to_list() == ["Lamp"]
