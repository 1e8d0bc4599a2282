"""Invoice lines as in UCI's Online Retail and Online Retail II, and as other shops write them."""

import gzip
from datetime import datetime

import polars as pl
import pytest
from xlsxwriter import Workbook

from kg_builder.dumps import orders, read_dump
from kg_builder.errors import DamagedDump, DumpError, MissingSource, SchemaError
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

NOW = 1_600_000_000
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
HEART = "536365,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,12/1/2010 8:26,2.55,17850,United Kingdom"


def folder(path, *lines, header=HEADER, name="data.csv", end="\n", encoding="utf-8"):
    (path / name).write_bytes(end.join([header, *lines, ""]).encode(encoding))
    return path


def build(path, rejects=None):
    rejects = Rejects() if rejects is None else rejects
    dump = read_dump(path, reading=Reading(rejects))
    assert dump.format == "orders"
    tables = tabulate(dump, rejects=rejects, now=NOW)
    tables.check()
    return tables


def line(
    invoice="536365",
    code="71053",
    title="WHITE METAL LANTERN",
    many=6,
    at="12/13/2010 8:26",
    price=3.39,
    customer="17850",
    country="France",
):
    return f"{invoice},{code},{title},{many},{at},{price},{customer},{country}"


def bought(tables, *columns):
    return sorted(tables.edges["User", "BOUGHT", "Product"].select(*columns).collect().rows())


def products(tables, *columns):
    return {row[0]: row[1:] for row in tables.nodes["Product"].select("id", *columns).collect().rows()}


def test_a_line_is_bought_with_its_invoice_quantity_price_and_time(tmp_path):
    tables = build(folder(tmp_path, HEART))
    assert bought(tables, "source", "target", "key", "quantity", "price", "at", "day") == [
        ("17850", "85123A", "536365", 6.0, 2.55, 1291191960, "2010-12-01")
    ]
    assert products(tables, "title", "price") == {"85123A": ("WHITE HANGING HEART T-LIGHT HOLDER", 2.55)}
    assert tables.nodes["User"].select("id", "country").collect().rows() == [("17850", "United Kingdom")]


def test_online_retail_ii_has_other_names_for_the_same(tmp_path):
    header = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country"
    said = '489434,85048,"15CM CHRISTMAS GLASS BALL, 20 LIGHTS",12,2009-12-01 07:45:00,6.95,13085.0,United Kingdom'
    tables = build(folder(tmp_path, said, header=header, name="online_retail_II.csv"))
    assert bought(tables, "source", "target", "key", "at") == [("13085", "85048", "489434", 1259653500)]


def test_semicolons_decimal_commas_latin_1_crlf_and_a_byte_order_mark(tmp_path):
    latin = "536365;21733;DOTCOMGIFTSHOP £5 VOUCHER;6;01-12-2010 08:26;2,55;17850;EIRE"
    tables = build(folder(tmp_path, latin, header=HEADER.replace(",", ";"), end="\r\n", encoding="latin-1"))
    assert products(tables, "title", "price") == {"21733": ("DOTCOMGIFTSHOP £5 VOUCHER", 2.55)}
    marked = build(folder(tmp_path, HEART, header="\ufeff" + HEADER, end="\r\n"))
    assert bought(marked, "key") == [("536365",)]


def test_a_gzipped_file_alone_is_enough(tmp_path):
    (tmp_path / "Online Retail.csv.gz").write_bytes(gzip.compress(f"{HEADER}\n{HEART}\n".encode()))
    assert bought(build(tmp_path / "Online Retail.csv.gz"), "key") == [("536365",)]


def test_a_cancellation_is_netted_and_a_wholly_cancelled_purchase_is_none(tmp_path):
    rejects = Rejects()
    lines = [
        line("1", many=6, at="12/13/2010 8:26"),
        line("2", many=4, at="12/14/2010 8:26"),
        line("C3", many=-5, at="12/15/2010 8:26"),
        line("C4", "22000", many=-1, at="12/15/2010 8:26"),
    ]
    assert bought(build(folder(tmp_path, *lines), rejects), "key", "quantity") == [("1", 5.0)]
    assert rejects.counts() == {"the purchase was cancelled later": 1, "the cancellation has no earlier purchase": 1}
    assert rejects.faults == 0
    gone = next(row for row in rejects.rows() if row["reason"] == "the purchase was cancelled later")
    assert (gone["file"], gone["line"], gone["row"]["quantity"]) == ("data.csv", 3, "4")


def test_what_only_was_cancelled_is_no_product_and_its_customer_no_user(tmp_path):
    tables = build(folder(tmp_path, line(), line("C9", "22000", many=-1, customer="1")))
    assert list(products(tables)) == ["71053"]
    assert tables.nodes["User"].collect()["id"].to_list() == ["17850"]


def test_a_sale_without_a_customer_is_no_fault_and_its_product_is_one(tmp_path):
    rejects = Rejects()
    anonymous = line("2", "22139", "RETROSPOT TEA SET", customer="", price=4.25)
    tables = build(folder(tmp_path, line(), anonymous, line("3", "22145", "found", customer="", price=0)), rejects)
    assert products(tables, "title") == {"71053": ("WHITE METAL LANTERN",), "22139": ("RETROSPOT TEA SET",)}
    assert (rejects.counts(), rejects.faults) == ({"the sale has no customer": 2}, 0)


@pytest.mark.parametrize("code", ["POST", "D", "DOT", "M", "m", "S", "B", "C2", "CRUK", "PADS", "BANK CHARGES", "AMAZONFEE"])
def test_postage_and_fees_are_no_products_and_no_fault(code, tmp_path):
    rejects = Rejects()
    tables = build(folder(tmp_path, line(), line(code=code, title="POSTAGE")), rejects)
    assert list(products(tables)) == ["71053"]
    assert (rejects.counts(), rejects.faults) == ({"postage, fees, samples and corrections are no products": 1}, 0)


def test_such_a_code_is_a_product_of_any_other_shop(tmp_path):
    tables = build(folder(tmp_path, "1,M,2,9.5,u1", header="order_id,sku,qty,price,customer_id", name="lines.csv"))
    assert list(products(tables)) == ["M"]


def test_codes_that_differ_in_case_are_one_product(tmp_path):
    tables = build(folder(tmp_path, line("1", "15056BL"), line("C2", "15056bl", many=-2, at="12/14/2010 8:26")))
    assert bought(tables, "target", "quantity") == [("15056BL", 4.0)]


def test_the_title_is_the_commonest_description_and_no_remark(tmp_path):
    remarks = [
        line(f"{n}", title=remark, price=0, customer="")
        for n, remark in enumerate(["damaged", "damaged", "?", "check", "check", "check"])
    ]
    told = [line("91", title="METAL LANTERN"), line("92"), line("93")]
    assert products(build(folder(tmp_path, *remarks, *told)), "title") == {"71053": ("WHITE METAL LANTERN",)}


def test_a_remark_is_no_title_even_where_there_is_no_other(tmp_path):
    tables = build(folder(tmp_path, line(title="damaged", price=0), line("2", "22", "?", price=0)))
    assert products(tables, "title", "price") == {"71053": (None, None), "22": (None, None)}


def test_the_price_is_the_median_of_what_was_paid(tmp_path):
    prices = [1, 1, 2, 50, 0]
    lines = [line(f"{n}", price=price) for n, price in enumerate(prices)]
    assert products(build(folder(tmp_path, *lines)), "price") == {"71053": (1.0,)}


def test_a_customer_lives_where_most_lines_say(tmp_path):
    lines = [line("1", country="EIRE"), line("2"), line("3")]
    assert build(folder(tmp_path, *lines)).nodes["User"].select("country").collect().item() == "France"


def test_ambiguous_dates_are_noted(tmp_path):
    rejects = Rejects()
    assert bought(build(folder(tmp_path, HEART), rejects), "day") == [("2010-12-01",)]
    assert any("read as month/day/year" in note for note in rejects.notes)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (line(at="yesterday"), "time must be epoch seconds or an ISO 8601 date"),
        (line(many="six"), "quantity must be a number"),
        (line(code=""), "product id is missing"),
    ],
)
def test_a_dirty_line_is_a_fault_and_the_rest_stays(bad, reason, tmp_path):
    rejects = Rejects()
    assert bought(build(folder(tmp_path, line("1"), bad), rejects), "key") == [("1",)]
    assert (rejects.counts(), rejects.faults) == ({reason: 1}, 1)


def test_lines_of_another_shop_have_other_names_and_further_columns(tmp_path):
    header = "order_id\tsku\tproduct_name\tbrand\tqty\tunit_price\tcustomer\tdate\tchannel"
    lines = ["1\t007\tTea\tAcme\t2\t$1,299.00\tu1\t2020-02-29\tweb", "C2\t007\tTea\tAcme\t1\t3\tu1\t2020-03-01\tapp"]
    tables = build(folder(tmp_path, *lines, header=header, name="sales.tsv"))
    assert bought(tables, "key", "quantity", "price", "channel") == [("1", 2.0, 1299.0, "web"), ("C2", 1.0, 3.0, "app")]
    assert products(tables, "title") == {"007": ("Tea",)}
    assert tables.edges["Product", "MADE_BY", "Brand"].collect()["target"].to_list() == ["acme"]


def test_monthly_parts_are_one_dump(tmp_path):
    folder(tmp_path, line("1"), name="2010-12.csv")
    folder(tmp_path, line("C2", many=-6, at="1/13/2011 8:00"), line("3", at="1/14/2011 8:00"), name="2011-01.csv")
    assert bought(build(tmp_path), "key") == [("3",)]


def test_a_truncated_gzip_is_refused(tmp_path):
    whole = gzip.compress("\n".join([HEADER, *(line(f"{n * 7919}") for n in range(3000))]).encode())
    (tmp_path / "data.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedDump, match="breaks off"):
        read_dump(tmp_path)


def test_a_missing_column_is_named_with_what_was_found(tmp_path):
    with pytest.raises(SchemaError, match=r"user \(CustomerID\); not found: quantity, price; its columns are: InvoiceNo"):
        read_dump(folder(tmp_path, "1,2,3", header="InvoiceNo,StockCode,CustomerID"), format="orders")


def test_a_missing_file_and_an_empty_folder_are_refused(tmp_path):
    for source in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(MissingSource):
            read_dump(source, format="orders")


@pytest.mark.parametrize(
    "header",
    [
        "user,item,event,time,order_id,quantity,price",
        "user,item,rating,time",
        "order_id,sku,price,qty",
        "id,title,price,brand,quantity",
    ],
)
def test_what_is_no_invoice_line_is_not_taken(header, tmp_path):
    assert not orders.recognises(folder(tmp_path, header=header, name="a.csv"))


def test_a_folder_of_a_shops_own_tables_is_not_taken(tmp_path):
    folder(tmp_path, HEART)
    folder(tmp_path, header="id,title", name="products.csv")
    assert not orders.recognises(tmp_path)


def test_a_workbook_is_read_sheet_by_sheet(tmp_path):
    header = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
    first = ["489434", "85048", "GLASS BALL", 12, datetime.fromisoformat("2009-12-01T07:45"), 6.95, 13085, "UK"]
    given_back = ["C489435", "85048", "GLASS BALL", -2, datetime.fromisoformat("2009-12-02T07:45"), 6.95, 13085, "UK"]
    later = ["589434", "22041", "RECORD FRAME", 3, datetime.fromisoformat("2010-12-01T07:45"), 2.2, 13086, "UK"]
    with Workbook(tmp_path / "online_retail_II.xlsx") as book:
        for sheet, rows in {"Year 2009-2010": [first, given_back], "Year 2010-2011": [later]}.items():
            pl.DataFrame(rows, schema=header, orient="row").write_excel(book, worksheet=sheet)
    assert bought(build(tmp_path), "source", "target", "key", "quantity") == [
        ("13085", "85048", "489434", 10.0),
        ("13086", "22041", "589434", 3.0),
    ]


def test_a_workbook_without_its_package_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(orders, "find_spec", lambda _name: None)
    (tmp_path / "Online Retail.xlsx").write_bytes(b"PK")
    for source in (tmp_path, tmp_path / "Online Retail.xlsx"):
        with pytest.raises(DumpError, match="save its sheets as CSV, or pip install 'graphrec\\[excel\\]'"):
            read_dump(source)


def test_a_workbook_beside_its_csv_is_not_read(tmp_path):
    (tmp_path / "Online Retail.xlsx").write_bytes(b"PK")
    rejects = Rejects()
    assert bought(build(folder(tmp_path, HEART), rejects), "key") == [("536365",)]
    assert any("Online Retail.xlsx was not read" in note for note in rejects.notes)


@pytest.mark.parametrize("many", ["many", "NaN"])
def test_a_quantity_that_cannot_be_read_takes_no_part_in_what_others_give_back(many, tmp_path):
    rejects = Rejects()
    tables = build(
        folder(tmp_path, line(), line("536366", many=many, at="12/14/2010 8:26"), line("C1", many=-2, at="12/15/2010")), rejects
    )
    assert bought(tables, "key", "quantity") == [("536365", 4.0)]
    assert [row["message"] for row in rejects.rows()] == [f"data.csv line 3: quantity must be a number (got {many})"]
