"""Events of any columns: which column is which, what happened, and which sources other formats keep."""

import gzip
import json
from datetime import UTC, datetime

import polars as pl
import pytest

from kg_builder.dumps import events, read_dump
from kg_builder.errors import DamagedDump, EmptyDump, MissingSource, SchemaError, UnknownFormat
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

NOW = 1_600_000_000


def file(path, header, *lines, name="clicks_2023.csv"):
    (path / name).write_text("\n".join([header, *lines, ""]))
    return path / name


def build(source, rejects=None):
    rejects = Rejects() if rejects is None else rejects
    dump = read_dump(source, reading=Reading(rejects))
    assert dump.format == "events"
    tables = tabulate(dump, rejects=rejects, now=NOW)
    tables.check()
    return tables


def edges(tables, kind, *columns):
    return sorted(tables.edges["User", kind, "Product"].select("source", "target", *columns).collect().rows())


def test_a_file_of_any_name_is_read_by_its_columns(tmp_path):
    path = file(tmp_path, "visitor_id,SKU,action,when", "u1,p1,view,2019-05-01 10:00:00", "u1,p1,addtocart,1556704809")
    tables = build(path)
    assert edges(tables, "VIEWED", "at") == [("u1", "p1", 1556704800)]
    assert edges(tables, "CARTED", "at") == [("u1", "p1", 1556704809)]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_csv_tsv_json_lines_and_parquet_say_the_same(kind, packed, tmp_path):
    rows = [
        {"user": "u1", "item": 7, "event": "view", "time": 1556704800, "page": 3},
        {"user": "u2", "item": 8, "event": "buy", "time": 0, "page": 1},
    ]
    path = tmp_path / f"log.{kind}"
    if kind == "parquet":
        pl.DataFrame(rows).write_parquet(path)
    else:
        separator = "\t" if kind == "tsv" else ","
        lines = [separator.join(rows[0]), *(separator.join(map(str, row.values())) for row in rows)]
        path.write_text("\n".join(map(json.dumps, rows) if kind == "jsonl" else lines) + "\n")
        if packed:
            path.write_bytes(gzip.compress(path.read_bytes()))
            path = path.rename(tmp_path / f"log.{kind}.gz")
    tables = build(path)
    assert edges(tables, "VIEWED", "at", "page") == [("u1", "7", 1556704800, 3)]
    assert edges(tables, "BOUGHT", "at") == [("u2", "8", None)]


def test_parts_of_a_folder_are_one_dump_and_one_to_test_on_is_not_opened(tmp_path):
    for name, user in (("2019-05.csv", "u1"), ("2019-06.csv", "u2"), ("test.csv", "u3")):
        file(tmp_path, "user,item,time", f"{user},p1,1556704800", name=name)
    rejects = Rejects()
    assert [row[0] for row in edges(build(tmp_path, rejects), "INTERACTED")] == ["u1", "u2"]
    assert any("test.csv was not opened" in note for note in rejects.notes)


def test_without_a_column_that_says_what_happened_it_is_an_interaction_with_its_rating(tmp_path):
    tables = build(file(tmp_path, "userId,movieId,rating,timestamp", "1,2,3.5,1112486027", name="scores.csv"))
    assert edges(tables, "INTERACTED", "rating", "at") == [("1", "2", 3.5, 1112486027)]


@pytest.mark.parametrize("column", ["order_id", "quantity"])
def test_rows_of_orders_or_quantities_are_purchases_and_a_note_says_so(column, tmp_path):
    rejects = Rejects()
    tables = build(file(tmp_path, f"user,item,{column}", "u1,p1,3"), rejects)
    assert edges(tables, "BOUGHT") == [("u1", "p1")]
    assert any("taken for a purchase" in note for note in rejects.notes)


def test_small_numbers_are_positions_and_no_times(tmp_path):
    tables = build(file(tmp_path, "user,item,timestamp", "u1,p1,1", "u1,p2,2"))
    assert edges(tables, "INTERACTED", "position", "at") == [("u1", "p1", 1, None), ("u1", "p2", 2, None)]


def test_dates_of_parquet_are_times(tmp_path):
    at = [datetime(2019, 5, 1, 10, tzinfo=UTC)]
    pl.DataFrame({"user": ["u1"], "item": ["p1"], "date": at}).write_parquet(tmp_path / "log.parquet")
    assert edges(build(tmp_path / "log.parquet"), "INTERACTED", "at") == [("u1", "p1", 1556704800)]


def test_dates_with_the_day_or_the_month_first_are_times(tmp_path):
    tables = build(file(tmp_path, "user,item,date", "u1,p1,5/1/2019 10:00", "u1,p2,5/31/2019"))
    assert edges(tables, "INTERACTED", "at") == [("u1", "p1", 1556704800), ("u1", "p2", 1559260800)]


def test_brand_category_and_title_belong_to_the_product(tmp_path):
    """The columns of REES46's multi-category store, the largest public event file of a shop."""
    header = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
    lines = [
        "2019-10-01 00:00:00,view,44600062,2103807459595387724,electronics.smartphone,shiseido,35.79,541312140,72d7",
        "2019-10-01 00:00:00,purchase,3900821,2053013552326770905,,,33.20,554748717,9333",
    ]
    tables = build(file(tmp_path, header, *lines, name="2019-Oct.csv"))
    assert edges(tables, "BOUGHT", "price", "user_session") == [("554748717", "3900821", 33.2, "9333")]
    assert tables.edges["Product", "MADE_BY", "Brand"].select("source", "target").collect().rows() == [("44600062", "shiseido")]
    assert tables.edges["Product", "IN_CATEGORY", "Category"].collect()["target"].to_list() == ["electronics > smartphone"]


def test_a_file_with_a_text_holds_reviews(tmp_path):
    """The columns of Amazon's customer reviews of 2015."""
    header = "customer_id review_id product_id product_title star_rating helpful_votes verified_purchase review_headline"
    line = "u1\tR1\tp1\tKettle\t4\t2\tY\tGood\tBoils water\t2015-08-31"
    path = file(tmp_path, "\t".join([*header.split(), "review_body", "review_date"]), line, name="amazon_reviews_us_Kitchen.tsv")
    tables = build(path)
    review = tables.nodes["Review"].select("id", "rating", "title", "text", "at", "helpful", "verified").collect().row(0)
    assert review == ("R1", 4.0, "Good", "Boils water", 1440979200, 2, True)
    assert tables.nodes["Product"].select("id", "title").collect().rows() == [("p1", "Kettle")]


@pytest.mark.parametrize("alone", [True, False])
def test_columns_that_cannot_be_matched_are_told_with_what_was_found(alone, tmp_path):
    path = file(tmp_path, "usr,sku,when", "u1,p1,1556704800")
    with pytest.raises(SchemaError) as refusal:
        read_dump(path if alone else tmp_path)
    message = str(refusal.value)
    assert "found product (sku), at (when); not found: user; did you mean 'usr'? its columns are: usr, sku, when" in message
    assert "kg-builder infer" in message


def test_a_dirty_row_is_a_fault_and_the_rest_stays(tmp_path):
    rejects = Rejects()
    tables = build(
        file(tmp_path, "user,item,event,time", "u1,p1,view,1556704800", "u1,p2,teleported,1556704800", ",p2,view,"), rejects
    )
    assert edges(tables, "VIEWED") == [("u1", "p1")]
    assert rejects.faults == 2


def test_ids_that_became_floats_are_whole_again(tmp_path):
    tables = build(file(tmp_path, "user,item,event,order_id", "17.0,23.0,buy,5.0"))
    assert edges(tables, "BOUGHT", "key") == [("17", "23", "5")]


def test_a_truncated_gzip_is_refused(tmp_path):
    whole = gzip.compress("\n".join(["user,item", *(f"u{n * 7919},p{n}" for n in range(3000))]).encode())
    (tmp_path / "log.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedDump, match="breaks off"):
        read_dump(tmp_path / "log.csv.gz")


def test_an_empty_file_is_said_to_be_empty_and_a_missing_one_is_told(tmp_path):
    (tmp_path / "log.csv").write_bytes(b"")
    with pytest.raises(EmptyDump, match=r"log\.csv is empty"):
        read_dump(tmp_path / "log.csv")
    with pytest.raises(MissingSource):
        read_dump(tmp_path / "nowhere.csv", format="events")


@pytest.mark.parametrize("name", ["events.csv", "reviews.csv", "products.csv", "triples.csv"])
def test_a_file_named_after_a_table_belongs_to_tables(name, tmp_path):
    path = file(tmp_path, "user,item", "u1,p1", name=name)
    assert not events.recognises(path)
    file(tmp_path, "user,item", "u1,p1")
    assert not events.recognises(tmp_path)


def test_json_lines_named_events_are_read_all_the_same(tmp_path):
    (tmp_path / "events.jsonl").write_text('{"user": "u1", "item": "p1", "event": "view"}\n')
    assert edges(build(tmp_path), "VIEWED") == [("u1", "p1")]


@pytest.mark.parametrize("header", ["head,relation,tail", "id,title,brand", "a,b,c"])
def test_a_file_without_user_and_item_is_not_taken(header, tmp_path):
    assert not events.recognises(file(tmp_path, header))


def test_a_folder_of_files_that_differ_is_not_taken(tmp_path):
    file(tmp_path, "user,item", "u1,p1")
    file(tmp_path, "sku,title", "p1,Tea", name="catalogue.csv")
    assert not events.recognises(tmp_path)


@pytest.mark.parametrize("source", [{"events": pl.DataFrame()}, "complete-journey", 5])
def test_what_is_no_file_is_not_taken(source):
    assert not events.recognises(source)


def test_a_file_that_lacks_the_column_of_its_neighbours_is_named(tmp_path):
    (tmp_path / "clicks_1.csv").write_text("user,item,event,at\nu1,p1,view,1500000000\n")
    (tmp_path / "clicks_2.csv").write_text("item,event,at\np1,view,1500000000\n")
    with pytest.raises(SchemaError, match=r"clicks_2\.csv needs columns for user and product: .* not found: user"):
        read_dump(tmp_path)


def test_users_beside_events_are_no_events(tmp_path):
    (tmp_path / "clicks.csv").write_text("user,item\nu1,p1\n")
    (tmp_path / "people.csv").write_text("user,city\nu1,Oslo\n")
    with pytest.raises(UnknownFormat):
        read_dump(tmp_path)


@pytest.mark.parametrize("name", ["clicks.jsonl", "events.jsonl", "clicks.parquet", "events.parquet"])
@pytest.mark.parametrize(("user", "got"), [({"a": 1}, "objects"), (["p", "q"], "lists"), (True, "true and false")])
def test_objects_lists_and_truth_values_are_no_ids(user, got, name, tmp_path):
    rows = pl.DataFrame({"buyer": [user, user], "product": ["p1", "p2"]})
    if name.endswith("jsonl"):
        rows.write_ndjson(tmp_path / name)
    else:
        rows.write_parquet(tmp_path / name)
    with pytest.raises(SchemaError, match=rf"{name}: expected one text or number a row in 'buyer', the user \(got {got}\)"):
        build(tmp_path)
