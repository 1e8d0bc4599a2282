"""Bad input: each case has its test, and nothing that was good is lost with a bad row."""

import gzip
import json
import re

import polars as pl
import pytest

from kg_builder.dumps import read_dump
from kg_builder.errors import BadRequest, DamagedDump, EmptyDump, MissingSource, SchemaError, UnknownFormat
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

NOW = 1_600_000_000


def review(**changes):
    return {"reviewerID": "u1", "asin": "p1", "overall": 5.0, "unixReviewTime": 1393372800, "reviewText": "good", **changes}


def lines(*objects):
    return "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in objects).encode()


def amazon(folder, *objects):
    (folder / "Tea_5.json.gz").write_bytes(gzip.compress(lines(*objects)))
    return folder


def build(folder):
    rejects = Rejects()
    tables = tabulate(read_dump(folder, reading=Reading(rejects)), rejects=rejects, now=NOW)
    tables.check()
    return tables, rejects


def test_truncated_gzip(tmp_path):
    whole = gzip.compress(lines(*(review(reviewerID=f"u{number * 7919}") for number in range(3000))))
    (tmp_path / "Tea_5.json.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedDump, match=r"Tea_5\.json\.gz: the gzip file breaks off \(\d+ lines could be read before\)"):
        read_dump(tmp_path)


def test_text_under_the_name_of_a_gzip(tmp_path):
    (tmp_path / "Tea_5.json.gz").write_bytes(lines(review()))
    with pytest.raises(DamagedDump, match="not a sound gzip file"):
        read_dump(tmp_path)


def test_gzip_with_a_damaged_middle(tmp_path):
    whole = bytearray(gzip.compress(lines(*(review(reviewerID=f"u{number * 7919}") for number in range(3000)))))
    whole[len(whole) // 2 : len(whole) // 2 + 40] = b"\xff" * 40
    (tmp_path / "Tea_5.json.gz").write_bytes(bytes(whole))
    with pytest.raises(DamagedDump, match="not a sound gzip file"):
        read_dump(tmp_path)


def test_line_that_is_no_json(tmp_path):
    tables, rejects = build(amazon(tmp_path, review(), '{"reviewerID": "u2", "asi', "", "[1, 2]", review(reviewerID="u3")))
    assert sorted(tables.nodes["User"].collect()["id"]) == ["u1", "u3"]
    assert [row["message"] for row in rejects.rows()] == [
        "Tea_5.json.gz line 2: the line must be sound JSON"
        ' (got unterminated string starting at column 22: {"reviewerID": "u2", "asi)',
        "Tea_5.json.gz line 4: the line must be a JSON object (got [1, 2])",
    ]


@pytest.mark.parametrize(
    ("line", "got"),
    [
        ('{"reviewerID": "u2", "overall": 5, "asin"', 'expecting \':\' delimiter at column 42: …"overall": 5, "asin"'),
        ("{'a': 1}", "expecting a name in double quotes at column 2: {'a': 1}"),
        ('{"a": 1} {"b": 2}', 'extra data at column 10: {"a": 1} {"b": 2}'),
        ('{"a": ' + "1" * 5000 + "}", 'a number too long to be read: {"a": 1111111111111111111111111111111111'),
    ],
)
def test_a_line_that_is_no_json_is_refused_with_what_is_wrong_and_where(line, got, tmp_path):
    _, rejects = build(amazon(tmp_path, review(), line))
    assert messages(rejects) == [f"Tea_5.json.gz line 2: the line must be sound JSON (got {got})"]


def test_line_that_is_no_json_beyond_the_first_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr("kg_builder.reading.files.CHUNK", 64)
    users = [f"u{number}" for number in range(100)]
    objects = [review(reviewerID=user) for user in users]
    tables, rejects = build(amazon(tmp_path, *objects[:70], "oops", *objects[70:]))
    assert sorted(tables.nodes["User"].collect()["id"]) == sorted(users)
    assert [(row["line"], row["row"]) for row in rejects.rows()] == [(71, "oops")]


def test_rating_of_9(tmp_path):
    tables, rejects = build(amazon(tmp_path, review(), review(reviewerID="u2", overall=9)))
    assert [row["message"] for row in rejects.rows()] == ["Tea_5.json.gz line 2: rating must lie in 1..5 (got 9)"]
    assert rejects.rows()[0]["row"]["user"] == "u2"
    assert tables.nodes["User"].collect()["id"].to_list() == ["u1"]


@pytest.mark.parametrize("rating", ["five", "NaN", "inf", [5]])
def test_rating_that_is_no_number(rating, tmp_path):
    _, rejects = build(amazon(tmp_path, review(), review(reviewerID="u2", overall=rating)))
    assert rejects.counts() == {"rating must lie in 1..5": 1}


def test_rating_that_is_missing_is_no_fault(tmp_path):
    tables, rejects = build(amazon(tmp_path, review(overall=None)))
    assert (len(rejects), tables.nodes["Review"].collect()["rating"].to_list()) == (0, [None])


def test_date_in_2090(tmp_path):
    tables, rejects = build(amazon(tmp_path, review(), review(reviewerID="u2", unixReviewTime=3_800_000_000)))
    assert [row["message"] for row in rejects.rows()] == [
        "Tea_5.json.gz line 2: time must lie between 1995-01-01 and tomorrow (got 3800000000)"
    ]
    assert tables.counts()[0]["Review"] == 1


def test_tomorrow_is_still_possible_and_the_day_after_is_not(tmp_path):
    day = 86400
    folder = amazon(tmp_path, review(unixReviewTime=NOW + day), review(asin="p2", unixReviewTime=NOW + day + 1))
    tables, rejects = build(folder)
    assert (tables.counts()[0]["Review"], len(rejects)) == (1, 1)


def test_empty_dump(tmp_path):
    with pytest.raises(EmptyDump, match=r"holds nothing to build a graph of$"):
        build(amazon(tmp_path))


def test_dump_of_which_every_row_is_refused(tmp_path):
    with pytest.raises(EmptyDump, match=r"2 rows were refused, most often because rating must lie in 1\.\.5 \(2\)"):
        build(amazon(tmp_path, review(overall=9), review(overall=0)))


def test_dump_with_users_only(tmp_path):
    (tmp_path / "users.csv").write_text("id,city\nu1,Oslo\nu2,Graz\n")
    with pytest.raises(EmptyDump, match="holds 2 users but no product and nothing that anybody chose"):
        build(tmp_path)


def test_unknown_folder_format_says_what_was_looked_for_and_what_was_seen(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"\xff\xd8")
    with pytest.raises(UnknownFormat) as refusal:
        read_dump(tmp_path)
    message = str(refusal.value)
    assert all(name in message for name in ("amazon-2018", "complete-journey", "interactions", "tables", "train.tsv"))
    assert message.endswith("Saw: holiday.jpg")


def test_an_empty_folder_is_said_to_be_empty_in_one_short_line(tmp_path):
    with pytest.raises(EmptyDump, match=r"is an empty folder; expected the files of a dump in it$"):
        read_dump(tmp_path)


@pytest.mark.parametrize("source", [None, 5, ["products.csv"]])
def test_what_is_no_source_is_refused(source):
    with pytest.raises(UnknownFormat, match="expected a path, a name or a mapping of frames"):
        read_dump(source)


def test_frames_for_a_format_that_reads_files_are_refused():
    with pytest.raises(UnknownFormat, match="interactions does not read frames"):
        read_dump({"products": pl.DataFrame({"id": ["p1"]})}, format="interactions")


def test_misspelt_format_is_asked_about(tmp_path):
    with pytest.raises(BadRequest, match=r"no format 'amazon-2081'; did you mean 'amazon-2018'\? known: mapping"):
        read_dump(tmp_path, format="amazon-2081")


def test_missing_file(tmp_path):
    with pytest.raises(MissingSource, match=r"there is nothing at .*nowhere"):
        read_dump(tmp_path / "nowhere")


@pytest.mark.parametrize("format_", ["interactions", "amazon-2014", "amazon-2018", "amazon-2023", "complete-journey", "tables"])
def test_missing_file_of_a_named_format(format_, tmp_path):
    with pytest.raises(MissingSource):
        read_dump(tmp_path / "nowhere", format=format_)


def test_misspelt_column_is_asked_about(tmp_path):
    (tmp_path / "events.csv").write_text("usr,product\nu1,p1\n")
    with pytest.raises(SchemaError, match="events needs the column 'user'; did you mean 'usr'"):
        read_dump(tmp_path)


def test_missing_ids_are_refused(tmp_path):
    tables, rejects = build(amazon(tmp_path, review(), review(reviewerID=" "), review(asin=None)))
    assert rejects.counts() == {"user id is missing": 1, "product id is missing": 1}
    assert tables.counts()[0]["Review"] == 1


def tables(folder, name, data):
    """The folder with a file of these bytes, beside one event so that there is a graph."""
    (folder / "events.csv").write_bytes(b"user,product,at\nu1,p1,1500000000\n")
    (folder / name).write_bytes(data)
    return build(folder)


def messages(rejects):
    return [row["message"] for row in rejects.rows()]


def products(tables, *columns):
    return sorted(tables.nodes["Product"].select(columns).collect().rows())


def test_latin_1_bytes_are_read_and_told_of(tmp_path):
    data = "id,title\np1,Café\np2,Tea\np3,5 €\n".encode("cp1252")
    found, rejects = tables(tmp_path, "products.csv", data)
    assert products(found, "id", "title") == [("p1", "Café"), ("p2", "Tea"), ("p3", "5 €")]
    assert rejects.notes == ["products.csv: 2 lines are no UTF-8 and read as Windows-1252, the first is line 2"]
    assert len(rejects) == 0


def test_lines_of_two_encodings_are_each_read_in_their_own(tmp_path):
    data = b"id,title\n" + "p1,Café\n".encode("latin-1") + "p2,Café\n".encode()
    found, _ = tables(tmp_path, "products.csv", data)
    assert products(found, "title") == [("Café",), ("Café",)]


def test_text_that_was_encoded_twice_is_decoded_twice(tmp_path):
    data = "id,title\np1,CafÃ© crÃ¨me\np2,Itâ€™s tea\np3,Ã la carte\n".encode()
    found, _ = tables(tmp_path, "products.csv", data)
    assert products(found, "title") == [("Café crème",), ("It’s tea",), ("Ã la carte",)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_byte_order_mark_and_utf_16_are_no_part_of_the_text(encoding, tmp_path):
    found, rejects = tables(tmp_path, "products.csv", "id,title\np1,Café\np2,茶\n".encode(encoding))
    assert products(found, "id", "title") == [("p1", "Café"), ("p2", "茶")]
    assert (len(rejects), rejects.notes) == (0, [])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_json_lines_may_start_with_a_byte_order_mark(encoding, tmp_path):
    (tmp_path / "Tea_5.json").write_bytes(lines(review(), review(reviewerID="u2")).decode().encode(encoding))
    found, rejects = build(tmp_path)
    assert (found.counts()[0]["User"], len(rejects)) == (2, 0)


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_lines_may_end_in_cr_crlf_or_lf(end, tmp_path):
    text = end.join(["id,title,colour", "p1,Cup,red", 'p2,"Pot, large",', "p3,Lid,blue", ""])
    found, rejects = tables(tmp_path, "products.csv", text.encode())
    assert products(found, "id", "title", "colour") == [("p1", "Cup", "red"), ("p2", "Pot, large", None), ("p3", "Lid", "blue")]
    assert len(rejects) == 0


def test_json_lines_may_end_in_cr(tmp_path):
    (tmp_path / "Tea_5.json").write_bytes(lines(review(), review(reviewerID="u2"), "oops").replace(b"\n", b"\r"))
    found, rejects = build(tmp_path)
    assert found.counts()[0]["User"] == 2
    assert messages(rejects) == ["Tea_5.json line 3: the line must be sound JSON (got expecting value at column 1: oops)"]


def test_nul_bytes_are_no_part_of_a_csv(tmp_path):
    found, _ = tables(tmp_path, "products.csv", b"id,title\np1,Cup\x00\n\x00p2,Pot\n")
    assert products(found, "id", "title") == [("p1", "Cup"), ("p2", "Pot")]


def test_nul_bytes_in_json_cost_the_line_and_escaped_ones_in_an_id_the_row(tmp_path):
    nul = lines(review(reviewerID="u2")).decode().strip().replace("good", "go\x00od")
    found, rejects = build(amazon(tmp_path, review(), nul, review(reviewerID="u\x003")))
    assert found.nodes["User"].collect()["id"].to_list() == ["u1"]
    assert messages(rejects)[0].startswith(
        "Tea_5.json.gz line 2: the line must be sound JSON (got invalid control character at column "
    )
    assert messages(rejects)[1].startswith("Tea_5.json.gz line 3: user id must have no control characters (got u")


def test_a_review_of_10_megabytes_is_read_whole(tmp_path):
    text = "so good " * 1_310_720
    found, rejects = build(amazon(tmp_path, review(), review(reviewerID="u2", reviewText=text)))
    assert found.nodes["Review"].select(pl.col("text").str.len_chars().max()).collect().item() == len(text) - 1
    assert len(rejects) == 0


def test_a_csv_field_of_10_megabytes_is_read_whole(tmp_path):
    text = "so, good " * 1_200_000
    found, rejects = tables(tmp_path, "products.csv", f'id,description\np1,"{text}"\n'.encode())
    assert found.nodes["Product"].select(pl.col("description").str.len_chars().max()).collect().item() == len(text) - 1
    assert len(rejects) == 0


def test_a_line_without_end_is_refused_before_memory_runs_out(tmp_path, monkeypatch):
    monkeypatch.setattr("kg_builder.reading.files.LONGEST_LINE", 1 << 20)
    monkeypatch.setattr("kg_builder.reading.files.CHUNK", 1 << 18)
    (tmp_path / "Tea_5.json.gz").write_bytes(gzip.compress(lines(review()) + b"x" * (1 << 22)))
    with pytest.raises(DamagedDump, match=r"Tea_5\.json\.gz line 2 does not end within 1 MiB; expected lines of text"):
        read_dump(tmp_path)


@pytest.mark.parametrize("deep", ["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000])
def test_deep_json_costs_its_line(deep, tmp_path):
    line = lines(review(reviewerID="u2")).decode().strip()[:-1] + f', "style": {deep}}}'
    found, rejects = build(amazon(tmp_path, review(), line, review(reviewerID="u3")))
    assert sorted(found.nodes["User"].collect()["id"]) == ["u1", "u3"]
    assert [row["line"] for row in rejects.rows()] == [2]
    assert messages(rejects)[0].startswith("Tea_5.json.gz line 2: the line's JSON must be nested less deeply (got {")


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("chunk", [1 << 25, 200])
def test_a_json_array_is_read_like_lines(indent, chunk, tmp_path, monkeypatch):
    monkeypatch.setattr("kg_builder.reading.files.CHUNK", chunk)
    objects = [review(reviewerID=f"u{number}", style=[{"a": "]"}]) for number in range(30)]
    (tmp_path / "Tea_5.json").write_text(json.dumps([*objects, 7], indent=indent))
    found, rejects = build(tmp_path)
    assert found.counts()[0]["User"] == 30
    assert [row["message"].partition(": ")[2] for row in rejects.rows()] == ["an item of the array must be a JSON object (got 7)"]


def test_a_json_array_that_breaks_off_says_where(tmp_path):
    whole = json.dumps([review(reviewerID=f"u{number}") for number in range(3)], indent=1)
    (tmp_path / "Tea_5.json").write_text(whole[: len(whole) - 20])
    with pytest.raises(DamagedDump, match=r"Tea_5\.json line 16: expected a JSON object \(got"):
        read_dump(tmp_path)


def test_an_all_null_column_is_no_fault(tmp_path):
    found, rejects = tables(tmp_path, "products.csv", b"id,title,price,colour\np1,Cup,,\np2,Pot,,\n")
    assert products(found, "id", "price") == [("p1", None), ("p2", None)]
    assert len(rejects) == 0


@pytest.mark.parametrize("price", ["NaN", "inf", "-inf", "free", "12 or 13"])
def test_a_price_that_is_no_amount_is_told_of_and_its_product_stays(price, tmp_path):
    found, rejects = tables(tmp_path, "products.csv", f"id,title,price\np1,Cup,{price}\np2,Pot,3\n".encode())
    assert products(found, "id", "price") == [("p1", None), ("p2", 3.0)]
    expected = f"products.csv line 2: price must be an amount of money; the row went in without it (got {price})"
    assert messages(rejects) == [expected]
    assert rejects.faults == 1


def test_markup_around_a_price_or_instead_of_one_is_no_fault(tmp_path):
    found, rejects = tables(tmp_path, "products.csv", "id,price\np1,<b>$5</b>\np2,<script\np3,None\np4,—\n".encode())
    prices = [("p1", 5.0), ("p2", None), ("p3", None), ("p4", None)]
    assert (products(found, "id", "price"), len(rejects)) == (prices, 0)


def test_a_negative_price_is_told_of_and_its_product_stays(tmp_path):
    found, rejects = tables(tmp_path, "products.csv", b"id,title,price\np1,Cup,-3.50\n")
    assert products(found, "id", "price") == [("p1", None)]
    assert messages(rejects) == ["products.csv line 2: price must not be negative; the row went in without it (got -3.50)"]


def test_a_negative_price_or_quantity_of_an_event_is_refused(tmp_path):
    (tmp_path / "events.csv").write_text("user,product,price,quantity\nu1,p1,-2,1\nu1,p2,2,-1\nu1,p3,2,1\n")
    _, rejects = build(tmp_path)
    assert messages(rejects) == [
        "events.csv line 2: price must not be negative (got -2)",
        "events.csv line 3: quantity must not be negative (got -1)",
    ]


@pytest.mark.parametrize("value", ["NaN", "inf", "many"])
def test_text_nan_and_infinity_are_no_quantity(value, tmp_path):
    (tmp_path / "events.csv").write_text(f"user,product,quantity\nu1,p1,{value}\nu1,p2,1\n")
    _, rejects = build(tmp_path)
    assert messages(rejects) == [f"events.csv line 2: quantity must be a number (got {value})"]


def test_nan_in_a_frame_is_a_missing_number(tmp_path):
    frame = pl.DataFrame({"id": ["p1", "p2"], "price": [float("nan"), 2.0]})
    events = pl.DataFrame({"user": ["u1"], "product": ["p1"]})
    found, rejects = build({"products": frame, "events": events})
    assert (products(found, "id", "price"), len(rejects)) == ([("p1", None), ("p2", 2.0)], 0)


def test_duplicate_keys_with_the_same_values_and_with_others_are_told_apart(tmp_path):
    data = b"id,title,price\np1,Cup,3\np1,Cup,\np2,Pot,4\np2,Kettle,\n"
    found, rejects = tables(tmp_path, "products.csv", data)
    assert products(found, "id", "title", "price") == [("p1", "Cup", 3.0), ("p2", "Pot", 4.0)]
    assert messages(rejects) == [
        "products.csv line 3: the product is described more than once (got p1)",
        "products.csv line 5: the product is described more than once, with other values (got p2)",
    ]
    assert rejects.faults == 0


def test_a_link_to_itself_is_left_out(tmp_path):
    found, rejects = tables(tmp_path, "products.csv", b"id,also_bought\np1,p1|p2\np2,\n")
    assert found.edges["Product", "ALSO_BOUGHT", "Product"].collect().rows() == [("p1", "p2")]
    assert messages(rejects) == ["products.csv line 2: a product cannot be also_bought with itself (got p1)"]


@pytest.mark.parametrize(("dangling", "links", "count"), [("keep", 2, 3), ("drop", 1, 2)])
def test_a_dangling_link_makes_a_bare_product_or_nothing(dangling, links, count, tmp_path):
    (tmp_path / "products.csv").write_text("id,also_bought\np1,p2|gone\np2,\n")
    tables = tabulate(read_dump(tmp_path), now=NOW, dangling=dangling)
    tables.check()
    assert tables.counts()[1]["Product", "ALSO_BOUGHT", "Product"] == links
    assert tables.counts()[0]["Product"] == count


def test_a_circle_of_categories_is_cut_and_told_of(tmp_path):
    data = b"id,name,parent\na,A,b\nb,B,c\nc,C,a\nd,D,a\n"
    found, rejects = tables(tmp_path, "categories.csv", data)
    assert sorted(found.edges["Category", "CHILD_OF", "Category"].collect().rows()) == [("b", "c"), ("c", "a"), ("d", "a")]
    assert messages(rejects) == [
        "categories.csv line 2: a category must not lie under itself; the row went in without its parent (got a > c > b > a)"
    ]


def test_a_category_that_is_its_own_parent_is_a_top_one(tmp_path):
    found, rejects = tables(tmp_path, "categories.csv", b"id,name,parent\na,A,a\n")
    assert found.counts()[0]["Category"] == 1
    assert rejects.counts() == {"a category cannot be its own parent": 1}


@pytest.mark.parametrize("at", [788918399, "1994-12-31T23:59:59Z", "631152000", 5])
def test_a_date_before_1995_is_refused(at, tmp_path):
    _, rejects = build(amazon(tmp_path, review(), review(reviewerID="u2", unixReviewTime=at)))
    assert messages(rejects) == [f"Tea_5.json.gz line 2: time must lie between 1995-01-01 and tomorrow (got {at})"]


def test_an_unknown_time_is_no_fault(tmp_path):
    found, rejects = build(amazon(tmp_path, review(unixReviewTime=None)))
    assert (found.nodes["Review"].collect()["at"].to_list(), len(rejects)) == ([None], 0)


def test_a_quote_that_nobody_closes_costs_its_row(tmp_path):
    data = b'id,title\np1,"Cup\np2,Pot\np3,"Lid, small"\np4,5" nail\n'
    found, rejects = tables(tmp_path, "products.csv", data)
    assert products(found, "id", "title") == [("p1", None), ("p2", "Pot"), ("p3", "Lid, small"), ("p4", '5" nail')]
    assert messages(rejects) == ['products.csv line 2: the row must close the quote that it opens (got p1,"Cup)']


def test_a_quoted_text_of_several_lines_keeps_the_numbers_of_the_lines_after_it(tmp_path):
    data = b'id,title,price\np1,"Cup\nwith\nhandle",1\np2,Pot,free\n'
    found, rejects = tables(tmp_path, "products.csv", data)
    assert products(found, "id", "title") == [("p1", "Cup with handle"), ("p2", "Pot")]
    assert messages(rejects)[0].startswith("products.csv line 5: price must be")


def test_an_id_as_long_as_a_text_is_refused(tmp_path):
    _, rejects = build(amazon(tmp_path, review(), review(reviewerID="u" * 5000)))
    assert messages(rejects)[0].startswith("Tea_5.json.gz line 2: user id must have at most 1000 characters (got uuu")


def test_a_damaged_parquet_file_is_named(tmp_path):
    (tmp_path / "events.parquet").write_bytes(b"PAR1 no such thing")
    with pytest.raises(DamagedDump, match=r"events\.parquet: not a sound Parquet file"):
        read_dump(tmp_path)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    outside = tmp_path / "secret.csv"
    outside.write_text("id,title\np1,Secret\n")
    folder = tmp_path / "dump"
    folder.mkdir()
    (folder / "products.csv").symlink_to(outside)
    with pytest.raises(MissingSource, match=r"products\.csv is a link to .*secret\.csv, outside of its folder"):
        read_dump(folder)


def test_a_linked_folder_and_a_linked_mapping_are_not_followed(tmp_path):
    outside, folder = tmp_path / "outside", tmp_path / "dump"
    outside.mkdir()
    (folder / "raw").mkdir(parents=True)
    (outside / "Tea.jsonl").write_text(
        '{"user_id": "u1", "parent_asin": "p1", "asin": "p1", "rating": 5, "timestamp": 1600000000000}\n'
    )
    (folder / "raw" / "review_categories").symlink_to(outside)
    with pytest.raises(MissingSource, match=r"Tea\.jsonl is a link to .*outside of its folder"):
        read_dump(folder)
    (outside / "mapping.toml").write_text("secret = 1\n")
    (folder / "mapping.toml").symlink_to(outside / "mapping.toml")
    with pytest.raises(MissingSource, match=r"mapping\.toml is a link to .*outside of its folder"):
        read_dump(folder)


def test_a_lone_file_that_is_a_link_is_followed_for_it_was_named(tmp_path):
    (tmp_path / "there.csv").write_text("user,item\nu1,p1\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "clicks.csv").symlink_to(tmp_path / "there.csv")
    assert read_dump(tmp_path / "folder" / "clicks.csv").format == "events"


@pytest.mark.parametrize("nobody", ["nan", "None", "NULL", "\\N"])
def test_what_programs_write_for_no_id_is_no_user(nobody, tmp_path):
    (tmp_path / "clicks.csv").write_text(f"user,item\nu1,p1\n{nobody},p1\n")
    found, rejects = build(tmp_path)
    assert found.nodes["User"].collect()["id"].to_list() == ["u1"]
    assert messages(rejects) == [f"clicks.csv line 3: user id is missing (got {nobody})"]


def test_days_without_separators_are_times_and_no_positions(tmp_path):
    (tmp_path / "clicks.csv").write_text("user,item,date\nu1,p1,20190115\nu1,p2,20191231\nu1,p3,0\n")
    found, _ = build(tmp_path)
    rows = found.edges["User", "INTERACTED", "Product"].select("target", "day", "position").collect().rows()
    assert sorted(rows) == [("p1", "2019-01-15", None), ("p2", "2019-12-31", None), ("p3", None, None)]


def test_times_as_postgresql_writes_them_are_read(tmp_path):
    (tmp_path / "events.csv").write_text("user,product,at\nu1,p1,2017-07-14 02:40:00+00\nu1,p2,2017-07-14 04:40:00.5+02\n")
    found, rejects = build(tmp_path)
    assert found.edges["User", "INTERACTED", "Product"].collect()["at"].to_list() == [1500000000, 1500000000]
    assert len(rejects) == 0


def test_a_link_within_the_folder_is_followed(tmp_path):
    (tmp_path / "latest.csv").write_text("id,title\np1,Cup\n")
    (tmp_path / "products.csv").symlink_to(tmp_path / "latest.csv")
    found, _ = build(tmp_path)
    assert products(found, "title") == [("Cup",)]


def test_a_zip_bomb_stops_at_max_bytes(tmp_path):
    bomb = gzip.compress(lines(review()) * 20_000)
    (tmp_path / "Tea_5.json.gz").write_bytes(bomb)
    with pytest.raises(
        DamagedDump, match=r"Tea_5\.json\.gz holds more than 100,000 bytes of text; --max-bytes says how many it may"
    ):
        read_dump(tmp_path, reading=Reading(Rejects(), max_bytes=100_000))
    assert read_dump(tmp_path, reading=Reading(Rejects(), max_bytes=10_000_000)).format


def test_a_zip_bomb_stops_without_being_told_to(tmp_path, monkeypatch):
    monkeypatch.setattr("kg_builder.reading.files.UNPACKED", 1000)
    (tmp_path / "Tea_5.json.gz").write_bytes(gzip.compress(lines(review()) * 200_000))
    with pytest.raises(DamagedDump, match="which no honest dump does"):
        read_dump(tmp_path)


def test_bytes_that_are_no_utf8_do_not_stop_the_reading(tmp_path):
    (tmp_path / "train.tsv").write_bytes(b"user\titem\ttimestamp\trating\nu\xff1\ti1\t0\t1\nu2\ti1\t0\t1\n")
    tables, _ = build(tmp_path)
    assert tables.nodes["User"].select(pl.len()).collect().item() == 2


@pytest.mark.parametrize("escape", ["\\ud83d", "\\ude00 \\ud83d"])
def test_half_a_character_escaped_in_json_costs_a_sign_and_no_row(escape, tmp_path):
    line = lines(review(reviewerID="u2")).decode().strip().replace("good", f"good {escape}")
    found, rejects = build(amazon(tmp_path, review(), line, "oops"))
    assert found.counts()[0]["User"] == 2
    assert [row["line"] for row in rejects.rows()] == [3]


def test_a_quoted_text_of_many_thousand_lines_is_read_whole(tmp_path):
    text = "so good,\n" * 25_000
    found, rejects = tables(tmp_path, "products.csv", f'id,title,description\np1,Cup,"{text}"\np2,"Pot",\n'.encode())
    assert products(found, "id", "title") == [("p1", "Cup"), ("p2", "Pot")]
    assert found.nodes["Product"].select(pl.col("description").str.len_chars().max()).collect().item() == len(text) - 1
    assert len(rejects) == 0


def test_an_unclosed_quote_before_thousands_of_rows_costs_its_row_alone(tmp_path):
    rows = "".join(f"p{number},Cup\n" for number in range(2, 15_000))
    found, rejects = tables(tmp_path, "products.csv", f'id,title\np1,"Cup\n{rows}'.encode())
    assert found.counts()[0]["Product"] == 14_999
    assert messages(rejects) == ['products.csv line 2: the row must close the quote that it opens (got p1,"Cup)']


def test_a_value_500_levels_deep_is_kept_as_text(tmp_path):
    deep = '{"a":' * 500 + "1" + "}" * 500
    (tmp_path / "clicks.jsonl").write_text(f'{{"user": "u1", "item": "p1", "x": {deep}}}\n{{"user": "u2", "item": "p1"}}\n')
    found, rejects = build(tmp_path)
    assert (found.counts()[0]["User"], len(rejects)) == (2, 0)
    assert found.edges["User", "INTERACTED", "Product"].collect()["x"].drop_nulls().str.len_chars().to_list() == [3501]


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_of_events_is_recognised_by_its_first_object(indent, tmp_path):
    objects = [{"user": f"u{number}", "item": "p1", "event": "view"} for number in range(3)]
    (tmp_path / "clicks.json").write_text(json.dumps([*objects, 3], indent=indent))
    found, rejects = build(tmp_path)
    assert found.counts()[1] == {("User", "VIEWED", "Product"): 3}
    assert len(rejects) == 1


@pytest.mark.parametrize("name", ["clicks.csv.gz", "clicks.jsonl.gz"])
def test_text_under_the_name_of_a_gzip_is_named_in_any_format(name, tmp_path):
    (tmp_path / name).write_text("user,item\nu1,p1\n")
    with pytest.raises(DamagedDump, match=rf"{re.escape(name)}: not a sound gzip file"):
        read_dump(tmp_path)


def test_a_lone_file_without_a_byte_is_said_to_be_empty(tmp_path):
    (tmp_path / "clicks.csv").write_bytes(b"")
    with pytest.raises(EmptyDump, match=r"clicks\.csv is empty"):
        read_dump(tmp_path / "clicks.csv")


@pytest.mark.parametrize(
    ("name", "row", "key", "expected"),
    [
        ("reviews_Tea.json", {"overall": 5.0, "helpful": [0, 0]}, {"reviewerID": "u1"}, "'asin'"),
        ("reviews_Tea.json", {"overall": 5.0, "helpful": [0, 0]}, {"asin": "p1"}, "'reviewerID'"),
        ("meta_Tea.json", {"title": "Cup", "imUrl": "x"}, {}, "'asin'"),
        ("Tea_5.json", {"overall": 5.0, "vote": "1"}, {"reviewerID": "u1"}, "'asin'"),
        ("Tea_5.json", {"overall": 5.0, "vote": "1"}, {"asin": "p1"}, "'reviewerID'"),
        ("meta_Tea.json", {"title": "Cup", "also_buy": ["b2"]}, {}, "'asin'"),
        ("Tea.jsonl", {"rating": 5.0, "timestamp": 1588687728923}, {"parent_asin": "p1"}, "'user_id'"),
        ("meta_Tea.jsonl", {"title": "Cup", "store": "Acme"}, {}, "'parent_asin' or 'asin'"),
    ],
)
@pytest.mark.parametrize("null", [True, False])
def test_amazon_lines_that_all_lack_an_id_are_refused_by_file_line_and_field(name, row, key, expected, null, tmp_path):
    absent = dict.fromkeys(re.findall(r"'(\w+)'", expected)) if null else {}
    lack = "is empty in every row" if null else "no row of the file has"
    (tmp_path / name).write_bytes(lines({**absent, **row, **key}, {**absent, **row, **key}))
    message = rf"{re.escape(name)} line 1: expected {expected}, which {lack} \(got [^\n]*{next(iter(row))}"
    with pytest.raises(SchemaError, match=message):
        build(tmp_path)


def test_ratings_of_amazon_that_all_lack_a_user_are_refused_by_file_line_and_column(tmp_path):
    (tmp_path / "Tea.csv").write_text("user_id,parent_asin,rating,timestamp\n,p1,5,1588687728923\n,p2,5,1588687728923\n")
    with pytest.raises(SchemaError, match=r"Tea\.csv line 2: expected 'user_id', which is empty in every row \(got user_id, par"):
        build(tmp_path)


def test_reviews_of_2023_without_a_rating_are_no_products(tmp_path):
    (tmp_path / "Tea.jsonl").write_bytes(lines({"user_id": "u1", "parent_asin": "p1", "timestamp": 1588687728923}))
    assert build(tmp_path)[0].counts()[0]["Review"] == 1


def test_one_number_too_small_for_a_time_costs_its_row_and_no_date(tmp_path):
    (tmp_path / "clicks.csv").write_text("user,item,date\nu1,p1,2019-05-01\nu2,p1,2019-05-02\nu3,p1,631152000\n")
    found, rejects = build(tmp_path)
    assert found.nodes["User"].select(pl.col("id").sort()).collect()["id"].to_list() == ["u1", "u2"]
    assert messages(rejects) == ["clicks.csv line 4: time must lie between 1995-01-01 and tomorrow (got 631152000)"]


def test_a_value_of_several_lines_is_told_of_in_one(tmp_path):
    _, rejects = tables(tmp_path, "products.csv", b'id,price\np1,"free\n\x07or\x1b not"\n')
    assert messages(rejects) == [
        "products.csv line 2: price must be an amount of money; the row went in without it (got free or not)"
    ]


def test_an_empty_file_beside_events_is_no_reason_to_know_no_format(tmp_path):
    (tmp_path / "clicks_1.csv").write_text("user,item\nu1,p1\n")
    (tmp_path / "clicks_2.csv").write_bytes(b"")
    found, rejects = build(tmp_path)
    assert found.counts()[0]["User"] == 1
    assert rejects.notes == ["clicks_2.csv holds no rows"]


def test_a_folder_of_empty_files_says_so_in_one_line(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"\n\n"))
    with pytest.raises(
        EmptyDump, match=r"every file in .* \(a\.csv, b\.csv\.gz\) is empty; expected a dump in one of the formats"
    ):
        read_dump(tmp_path)


@pytest.mark.parametrize("name", ["holiday.gz", "u.data"])
def test_a_damaged_gzip_of_any_name_is_named_where_no_format_is_known(name, tmp_path):
    (tmp_path / name).write_bytes(gzip.compress(b"a;b;c\n" * 999)[:-9])
    with pytest.raises(DamagedDump, match=rf"{re.escape(name)}: the gzip file breaks off"):
        read_dump(tmp_path)


def test_a_damaged_parquet_file_of_any_name_is_named_where_no_format_is_known(tmp_path):
    pl.DataFrame({"user": ["u1"], "product": ["p1"]}).write_parquet(tmp_path / "clicks.parquet")
    (tmp_path / "clicks.parquet").write_bytes((tmp_path / "clicks.parquet").read_bytes()[:-40])
    for source in (tmp_path, tmp_path / "clicks.parquet"):
        with pytest.raises(DamagedDump, match=r"clicks\.parquet: not a sound Parquet file"):
            read_dump(source)


def test_a_column_that_is_missing_is_told_of_with_its_file(tmp_path):
    (tmp_path / "products.csv").write_text("code,title\np1,Cup\n")
    with pytest.raises(SchemaError, match=r"/products\.csv: products needs the column 'id' \(got code, title\)"):
        read_dump(tmp_path)
