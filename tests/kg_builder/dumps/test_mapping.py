"""Files of any make, read as a mapping says."""

import gzip
import json

import polars as pl
import pytest

from kg_builder.dumps import mapping, read_dump
from kg_builder.errors import DamagedDump, MissingSource, SchemaError
from kg_builder.planted import planted_shop, write_planted
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

NOW = 1_750_000_000
USERS = '[[source]]\nfile = "{}"\ntable = "users"\ncolumns = {{ {}nr = "id" }}\n'


def dump_of(folder, files, text, **reading):
    """The dump of these files by this mapping."""
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "mapping.toml").write_text(text)
    return read_dump(folder, reading=Reading(**reading))


def users_of(folder, content, columns, more="", file="u.csv", **reading):
    dump = dump_of(folder, {file: content}, USERS.format(file, columns and f"{columns}, ") + more, **reading)
    return dump.users.drop("file", "line").collect().to_dicts()


def test_a_mapping_beside_the_files_or_named_or_itself_the_source_is_recognised(tmp_path):
    (tmp_path / "u.csv").write_text("nr\nk1\n")
    assert not mapping.recognises(tmp_path)
    (tmp_path / "mapping.toml").write_text(USERS.format("u.csv", ""))
    assert mapping.recognises(tmp_path)
    assert mapping.recognises(tmp_path / "mapping.toml")
    assert not mapping.recognises({"users": pl.DataFrame()})
    for source in (tmp_path, tmp_path / "mapping.toml"):
        assert read_dump(source).users.collect()["id"].to_list() == ["k1"]


def test_a_named_mapping_reads_a_folder_without_one_and_a_lone_file(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "u-1.csv").write_text("nr\nk1\n")
    (data / "u-2.csv").write_text("nr\nk2\n")
    named = tmp_path / "other.toml"
    named.write_text(USERS.format("u-*.csv", "") + '[[source]]\nfile = "g.csv"\ntable = "products"\ncolumns = { nr = "id" }')
    lone, rejects = Reading(mapping=named), Rejects()
    assert read_dump(data / "u-1.csv", reading=lone).users.collect()["id"].to_list() == ["k1"]
    assert lone.rejects.notes == ["u-1.csv alone is read; other.toml also describes g.csv"]
    with pytest.raises(MissingSource, match=r"source 2 \(g.csv\): no such file in .* \(saw u-1.csv, u-2.csv\)"):
        read_dump(data, reading=Reading(rejects, mapping=named))
    (data / "x.csv").write_text("nr\n")
    with pytest.raises(MissingSource, match=r"does not describe x.csv; it describes u-\*.csv, g.csv"):
        read_dump(data / "x.csv", reading=Reading(mapping=named))


def test_a_column_that_the_file_lacks_is_asked_about(tmp_path):
    with pytest.raises(SchemaError, match=r"source 1 \(u.csv\): u.csv has no column 'stadt'; did you mean 'Stadt'"):
        users_of(tmp_path, "nr,Stadt\nk1,Graz\n", 'stadt = "city"')


def test_columns_that_are_not_named_are_left_out_or_kept_as_properties(tmp_path):
    text = "nr,title,file,id,plz\nk1,Dr,f,x,0815\n"
    assert users_of(tmp_path, text, "") == [{"id": "k1"}]
    kept = users_of(tmp_path, text, 'title = "salutation"', 'rest = "properties"')
    assert kept == [{"id": "k1", "salutation": "Dr", "file_": "f", "id_": "x", "plz": "0815"}]


def test_properties_are_typed_by_all_their_values(tmp_path):
    text = "nr,age,vip,zip,weight\nk1,30,true,0815,1.5\nk2,31,FALSE,4711,2\n"
    (first, _) = users_of(tmp_path, text, "", 'rest = "properties"')
    assert first == {"id": "k1", "age": 30, "vip": True, "zip": "0815", "weight": 1.5}


@pytest.mark.parametrize(("said", "meant"), [(("12,50", "1.299,00"), (12.5, 1299.0)), (("1,5", "2"), (1.5, 2.0))])
def test_decimal_commas_are_found_out(tmp_path, said, meant):
    rows = users_of(tmp_path, f"nr;w\nk1;{said[0]}\nk2;{said[1]}\n", 'w = "weight"')
    assert tuple(row["weight"] for row in rows) == meant


def test_thousands_are_no_decimals_unless_the_mapping_says_so(tmp_path):
    text = "nr;w\nk1;1.500\nk2;2.250\n"
    assert [row["w"] for row in users_of(tmp_path, text, "", 'rest = "properties"')] == [1.5, 2.25]
    assert [row["w"] for row in users_of(tmp_path, text, "", 'rest = "properties"\ndecimal = ","')] == [1500, 2250]
    text = "nr;w\nk1;1,500\nk2;2,250\n"
    assert [row["w"] for row in users_of(tmp_path, text, "", 'rest = "properties"')] == ["1,500", "2,250"]


def test_fields_of_objects_are_named_with_dots_in_lines_that_all_have_them_and_that_do_not(tmp_path):
    rows = [{"nr": 1, "a": {"city": "Graz", "geo": {"lat": 4.5}}, "tags": [{"n": "x"}, {"n": "y"}]}]
    columns = '"a.city" = "city", "a.geo.lat" = "lat", "tags.n" = "tags"'
    wanted = {"id": "1", "city": "Graz", "lat": 4.5, "tags": ["x", "y"]}
    assert users_of(tmp_path, "".join(map(json.dumps, rows)), columns, file="u.jsonl") == [wanted]
    mixed = "\n".join(map(json.dumps, [*rows, {"nr": 2, "a": "none", "tags": []}]))
    assert users_of(tmp_path, mixed, columns, file="u.jsonl")[0] == {**wanted, "tags": '["x", "y"]'}
    pl.DataFrame(rows).write_parquet(tmp_path / "u.parquet")
    assert users_of(tmp_path, (tmp_path / "u.parquet").read_bytes(), columns, file="u.parquet") == [wanted]
    with pytest.raises(SchemaError, match=r"'a.town': there is no field 'town' \(got city, geo\)"):
        users_of(tmp_path, json.dumps(rows[0]), '"a.town" = "city"', file="u.jsonl")


def test_values_formats_and_constants_change_what_a_row_says(tmp_path):
    text = "wer;was;typ;tag;uhr\nk1;p1;KAUF;03.02.2017;10:15\nk1;p2; ;4.2.2017;23:59\nk1;p3;NIX;soon;\n"
    dump = dump_of(
        tmp_path,
        {"e.csv": text},
        """
        [[source]]
        file = "e.csv"
        table = "events"
        columns = { wer = "user", was = "product", typ = "event", tag = "at.1", uhr = "at.2" }
        constants = { quantity = 2, shop = "Graz" }
        values.typ = { KAUF = "bought", NIX = "" }
        formats = { tag = "%d.%m.%Y", uhr = "%H:%M" }
        """,
    )
    rows = dump.events.collect()
    assert rows["at"].to_list() == ["2017-02-03T10:15:00", "2017-02-04T23:59:00", "soon"]
    assert rows["event"].to_list() == ["bought", None, None]
    assert rows["quantity"].to_list() == [2, 2, 2]
    assert rows["shop"].to_list() == ["Graz"] * 3
    assert rows["line"].to_list() == [2, 3, 4]


def test_values_of_lists_are_changed_one_by_one(tmp_path):
    text = '{"nr": 1, "t": ["rot", "x"]}\n{"nr": 2, "t": null}\n'
    rows = users_of(tmp_path, text, 't = "tags"', 'values.t = { rot = "red", x = "" }', file="u.jsonl")
    assert rows == [{"id": "1", "tags": ["red", None]}, {"id": "2", "tags": None}]


def test_a_format_with_a_zone_gives_utc_and_one_without_a_clock_a_day(tmp_path):
    text = "nr,seen,born\nk1,03/Feb/2017:10:15:00 +0200,2/3/1990\n"
    rows = users_of(
        tmp_path, text, 'seen = "seen", born = "born"', 'formats = { seen = "%d/%b/%Y:%H:%M:%S %z", born = "%m/%d/%Y" }'
    )
    assert rows == [{"id": "k1", "seen": "2017-02-03T08:15:00", "born": "1990-02-03"}]


def test_categories_are_split_as_the_mapping_says(tmp_path):
    head = '[[source]]\nfile = "p.csv"\ntable = "products"\n'

    def paths(text, more, file="p.csv"):
        products = dump_of(tmp_path, {file: text}, head.replace("p.csv", file) + more).products.collect()
        return products["categories"].to_list()

    one = 'columns = { nr = "id", c = "categories" }\n'
    assert paths("nr\tc\n1\tA > B|C\n", one) == [[["A", "B"], ["C"]]]
    assert paths("nr,c\n1,A/B;C\n2,\n", one + 'split.c = { path = "/", list = ";" }') == [[["A", "B"], ["C"]], None]
    levels = 'columns = { nr = "id", top = "categories.1", sub = "categories.2" }'
    assert paths("nr,sub,top\n1,B,A\n2,,A\n3,,\n", levels) == [[["A", "B"]], [["A"]], None]
    assert paths('{"nr": 1, "c": ["A > B", "C"]}', one, "p.jsonl") == [[["A", "B"], ["C"]]]
    assert paths('{"nr": 1, "c": [["A", "B"], ["C"]]}', one, "p.jsonl") == [[["A", "B"], ["C"]]]
    assert paths('{"nr": 1, "c": ["A", "B"]}', one + "split.c = { levels = true }", "p.jsonl") == [[["A", "B"]]]
    assert paths("nr,c\n1,A|B\n2,\n", one + "split.c = { levels = true }") == [[["A", "B"]], None]


def test_lists_of_products_and_of_own_words_are_split(tmp_path):
    text = "nr,also,farben\n1,2|3,rot;blau\n2,,\n"
    more = 'columns = { nr = "id", also = "also_bought", farben = "colors" }\nsplit.farben = { list = ";" }'
    dump = dump_of(tmp_path, {"p.csv": text}, f'[[source]]\nfile = "p.csv"\ntable = "products"\n{more}')
    rows = dump.products.collect()
    assert rows["also_bought"].to_list() == [["2", "3"], None]
    assert rows["colors"].to_list() == [["rot", "blau"], None]
    assert dump.text_properties["Product"] == ("colors",)


def test_addresses_are_no_text_of_products(tmp_path):
    text = "nr,img,stuff\n1,https://x.example/1.png,oak\n2,,elm\n"
    dump = dump_of(
        tmp_path, {"p.csv": text}, '[[source]]\nfile = "p.csv"\ntable = "products"\ncolumns = { nr = "id" }\nrest = "properties"'
    )
    assert dump.text_properties["Product"] == ("stuff",)


def test_one_file_may_hold_rows_of_several_kinds(tmp_path):
    text = "kind,id,name\np,1,Cup\nu,7,Ann\nu,8,Bob\n"
    blocks = "".join(
        f'[[source]]\nfile = "all.csv"\ntable = "{table}"\ncolumns = {{ id = "id", name = "{name}" }}\nonly.kind = ["{kind}"]\n'
        for table, name, kind in (("products", "title", "p"), ("users", "name", "u"))
    )
    rejects = Rejects()
    dump = dump_of(tmp_path, {"all.csv": text}, blocks, rejects=rejects)
    assert dump.products.collect()["title"].to_list() == ["Cup"]
    assert dump.users.collect()["name"].to_list() == ["Ann", "Bob"]
    assert len(rejects.notes) == 2
    assert "all.csv: 2 of 3 rows are not meant" in rejects.notes[0]


JOINED = """
[[source]]
file = "lines.csv"
table = "events"
columns = { order = "key", sku = "product", "buyer.id" = "user", when = "at" }
join = { file = "orders*.jsonl", on = "order", there = "nr" }
"""


def test_a_line_of_an_order_gets_what_the_order_says(tmp_path):
    orders = [
        {"nr": 1, "buyer": {"id": "k1"}, "when": "2020-01-01", "sku": "x"},
        {"nr": 1, "buyer": {"id": "k9"}, "when": "2021-01-01"},
    ]
    files = {
        "lines.csv": "order,sku\n1,p1\n1,p2\n2,p3\n3,p4\n",
        "orders-1.jsonl": "\n".join(map(json.dumps, orders)),
        "orders-2.jsonl": '{"nr": 2, "buyer": {"id": "k2"}, "when": "2020-01-02"}',
    }
    rows = dump_of(tmp_path, files, JOINED).events.sort("line").collect()
    assert rows["user"].to_list() == ["k1", "k1", "k2", None]
    assert rows["product"].to_list() == ["p1", "p2", "p3", "p4"]
    assert set(rows["file"]) == {"lines.csv"}
    with pytest.raises(SchemaError, match=r"orders\*.jsonl has no column 'nr'"):
        dump_of(tmp_path, {"orders-1.jsonl": "{}", "orders-2.jsonl": '{"n": 1}'}, JOINED)


def test_gaps_are_filled_from_the_rows_of_the_same_id_where_a_file_is_joined_with_itself(tmp_path):
    text = "handle,sku,title,size\ncup,c1,Cup,S\ncup,c2,,\npot,p1,,L\npot,p2,Pot,M\n"
    block = """
    [[source]]
    file = "p.csv"
    table = "products"
    columns = { sku = "id", title = "title", size = "size" }
    join = { file = "p.csv", on = "handle" }
    """
    rows = dump_of(tmp_path, {"p.csv": text}, block).products.sort("line").select("id", "title", "size", "line").collect().rows()
    assert rows == [("c1", "Cup", "S", 2), ("c2", "Cup", "S", 3), ("p1", "Pot", "L", 4), ("p2", "Pot", "M", 5)]


def test_things_that_are_told_of_in_the_rows_of_something_else_are_told_of_once(tmp_path):
    text = "wer,was,name\nk1,p1,Cup\nk2,p1,Cup\nk2,p2,Pot\nk3,p2,Big pot\n"
    blocks = """
    [[source]]
    file = "e.csv"
    table = "events"
    columns = { wer = "user", was = "product" }
    [[source]]
    file = "e.csv"
    table = "products"
    columns = { was = "id", name = "title" }
    """
    dump = dump_of(tmp_path, {"e.csv": text}, blocks)
    assert dump.events.collect().height == 4
    rows = dump.products.select("id", "title", "line").collect().sort("line").rows()
    assert rows == [("p1", "Cup", 2), ("p2", "Pot", 4), ("p2", "Big pot", 5)]


def test_own_nodes_and_edges_are_handed_over_with_text_ids_and_typed_properties(tmp_path):
    dump = dump_of(
        tmp_path,
        {
            "s.jsonl": '{"nr": 1, "city": "Graz", "area": 120.5, "open": true}\n'
            '{"nr": 2, "city": "Wien", "area": 80, "open": false}',
            "v.csv": "kunde;filiale;wann;beleg;summe\nk1;1;03.02.2017;7;12,50\n",
            "f.csv": "von,zu\n1,e1\n",
        },
        """
        [[source]]
        file = "s.jsonl"
        node = "Store"
        columns = { nr = "id" }
        rest = "properties"
        [[source]]
        file = "v.csv"
        edge = ["User", "VISITED", "Store"]
        columns = { kunde = "source", filiale = "target", wann = "at", beleg = "key", summe = "spent" }
        formats.wann = "%d.%m.%Y"
        [[source]]
        file = "f.csv"
        edge = ["Store", "HELD", "Fair"]
        columns = { von = "source", zu = "target" }
        """,
    )
    store = dump.nodes["Store"].collect()
    assert store.drop("file", "line").rows() == [("1", "Graz", 120.5, True), ("2", "Wien", 80.0, False)]
    visit = dump.edges["User", "VISITED", "Store"].collect()
    assert visit.drop("line").to_dicts() == [
        {"source": "k1", "target": "1", "at": "2017-02-03", "key": "7", "spent": 12.5, "file": "v.csv"}
    ]
    assert dump.nodes["Fair"].collect()["id"].to_list() == ["e1"]
    assert dump.text_properties["Store"] == ("city",)
    assert list(dump.nodes) == ["Store", "Fair"]


def test_a_name_that_is_nearly_one_of_ours_becomes_a_property_and_is_told(tmp_path):
    rejects = Rejects()
    text = '[[source]]\nfile = "p.csv"\ntable = "products"\ncolumns = { nr = "id", n = "titel" }'
    dump_of(tmp_path, {"p.csv": "nr,n\n1,Cup\n"}, text, rejects=rejects)
    assert "'titel' is no column of products, so it becomes a property; did you mean 'title'?" in rejects.notes[0]


def test_a_file_in_another_encoding_and_one_without_a_header_are_read(tmp_path):
    assert users_of(tmp_path, "nr,城\n1,北京\n".encode("gb18030"), '"城" = "city"', 'encoding = "gb18030"') == [
        {"id": "1", "city": "北京"}
    ]
    assert users_of(tmp_path, "1::Graz\n", 'city = "city"', 'header = ["nr", "city"]\nseparator = "::"') == [
        {"id": "1", "city": "Graz"}
    ]
    assert users_of(tmp_path, "﻿nr;city\r\n1;Köln\r\n".encode(), 'city = "city"') == [{"id": "1", "city": "Köln"}]
    assert users_of(tmp_path, "nr;city\n1;Köln\n".encode("latin-1"), 'city = "city"') == [{"id": "1", "city": "Köln"}]


def test_a_file_that_breaks_off_is_damaged(tmp_path):
    packed = gzip.compress("".join(f"k{n},{n * 7919 % 10007}\n" for n in range(20_000)).encode())
    with pytest.raises(DamagedDump, match=r"u.csv.gz: the gzip file breaks off"):
        users_of(tmp_path, packed[: len(packed) // 2], "", file="u.csv.gz")


def test_the_planted_shop_by_a_mapping_is_the_planted_shop(tmp_path):
    write_planted(tmp_path)
    (tmp_path / "mapping.toml").write_text(
        """
        [[source]]
        file = "products.csv"
        table = "products"
        rest = "properties"
        columns = { id = "id", title = "title", description = "description", price = "price", brand = "brand",
                    categories = "categories", also_bought = "also_bought" }
        [[source]]
        file = "users.parquet"
        table = "users"
        rest = "properties"
        columns = { id = "id" }
        [[source]]
        file = "reviews.csv"
        table = "reviews"
        columns = { user = "user", product = "product", rating = "rating", title = "title", text = "text", at = "at",
                    helpful = "helpful" }
        [[source]]
        file = "events.parquet"
        table = "events"
        columns = { user = "user", product = "product", event = "event", key = "key", at = "at", quantity = "quantity" }
        """.replace(",\n                   ", ",")
    )
    assert tabulate(read_dump(tmp_path), now=NOW) == tabulate(planted_shop(), now=NOW)


def test_a_file_that_the_mapping_says_nothing_of_is_told_of(tmp_path):
    rejects = Rejects()
    dump_of(tmp_path, {"u.csv": "nr\nk1\n", "clicks.jsonl": "{}\n", "photo.jpg": ""}, USERS.format("u.csv", ""), rejects=rejects)
    assert rejects.notes == ["mapping.toml says nothing of clicks.jsonl, so that was not read"]
