"""Amazon's dump of 2018: names, HTML scraps, prices, paths and votes as Amazon left them."""

import gzip
import json
import os
from pathlib import Path

import pytest

from kg_builder.dumps import read_dump
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

NOW = 1_600_000_000


def dump(folder, reviews, metas=(), name="Tea_5.json.gz"):
    def write(file, objects):
        text = "".join(json.dumps(one) + "\n" for one in objects).encode()
        (folder / file).write_bytes(gzip.compress(text) if file.endswith(".gz") else text)

    write(name, reviews)
    if metas:
        write("meta_Tea.json.gz", metas)
    return folder


def review(**changes):
    return {"reviewerID": "u1", "asin": "b1", "overall": 5.0, "unixReviewTime": 1393372800, **changes}


def meta(**changes):
    return {"asin": "b1", "title": "Tea", "category": [], "also_buy": [], "also_view": [], "price": "", "brand": "", **changes}


def build(folder):
    tables = tabulate(read_dump(folder), now=NOW)
    tables.check()
    return tables


def only(tables, label, **where):
    (row,) = tables.nodes[label].collect().filter(**where).to_dicts()
    return row


def test_a_review_carries_what_amazon_says_of_it(tmp_path):
    said = review(summary="Good &amp; hot", reviewText="Two<br />lines", vote="1,234", verified=True, style={"Size:": "S"})
    found = only(build(dump(tmp_path, [said])), "Review")
    assert {name: value for name, value in found.items() if value is not None} == {
        "id": "u1|b1|1393372800",
        "rating": 5.0,
        "title": "Good & hot",
        "text": "Two lines",
        "at": 1393372800,
        "day": "2014-02-26",
        "helpful": 1234,
        "verified": True,
    }


def test_a_review_there_twice_is_one_and_keeps_the_longer_text(tmp_path):
    twice = [review(reviewText="ok"), review(reviewText="much longer", vote="2"), review(reviewText="ok", summary="t")]
    found = only(build(dump(tmp_path, twice)), "Review")
    assert found["helpful"] == 2
    assert found["title"] == "t"


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ('<span class="a-size-medium a-color-secondary"', None),
        (' Magazines" />', None),
        ("var aPageStart = (new Date()).getTime();", None),
        ("", None),
        ("Arts, Music &amp; Photography", "Arts, Music & Photography"),
        ("I <3 tea", "I <3 tea"),
    ],
)
def test_scraps_of_html_are_no_titles(said, title, tmp_path):
    assert only(build(dump(tmp_path, [review()], [meta(title=said)])), "Product")["title"] == title


@pytest.mark.parametrize(
    ("said", "price"),
    [("$1,299.00", 1299.0), ("$5.00 - $7.50", 5.0), ("", None), (".a-box-inner{background-color:#fff}", None), ("$9.5", 9.5)],
)
def test_prices_are_amounts(said, price, tmp_path):
    assert only(build(dump(tmp_path, [review()], [meta(price=said)])), "Product")["price"] == price


def test_a_category_is_a_path_that_ends_at_the_page_scraps(tmp_path):
    path = ["Home", "Tea &amp; Coffee", "</span></span></span>", "Dishwasher safe"]
    tables = build(dump(tmp_path, [review()], [meta(category=path)]))
    assert sorted(tables.nodes["Category"].collect()["id"]) == ["Home", "Home > Tea & Coffee"]
    assert tables.edges["Product", "IN_CATEGORY", "Category"].collect().rows() == [("b1", "Home > Tea & Coffee")]
    assert tables.edges["Category", "CHILD_OF", "Category"].collect().rows() == [("Home > Tea & Coffee", "Home")]


def test_without_a_path_the_main_category_stands_in(tmp_path):
    tables = build(dump(tmp_path, [review()], [meta(main_cat="Grocery"), meta(asin="b2", main_cat="<img src='x'>")]))
    assert tables.edges["Product", "IN_CATEGORY", "Category"].collect().rows() == [("b1", "Grocery")]


def test_a_product_there_twice_keeps_the_richest_row_and_fills_its_gaps(tmp_path):
    metas = [meta(title="", brand="Acme"), meta(description=["Hot", "", "leaves"], also_buy=["b2"]), meta()]
    rejects = Rejects()
    tables = tabulate(read_dump(dump(tmp_path, [review()], metas)), rejects=rejects, now=NOW)
    found = only(tables, "Product", id="b1")
    assert (found["title"], found["description"]) == ("Tea", "Hot leaves")
    assert tables.edges["Product", "MADE_BY", "Brand"].collect().rows() == [("b1", "acme")]
    assert rejects.counts() == {"the product is described more than once": 2}


def test_bare_targets_are_not_listed(tmp_path):
    tables = build(dump(tmp_path, [review()], [meta(also_buy=["b2", "b1"], also_view=["b3"])]))
    listed = dict(tables.nodes["Product"].select("id", "listed").collect().rows())
    assert listed == {"b1": True, "b2": None, "b3": None}
    assert tables.edges["Product", "ALSO_BOUGHT", "Product"].collect().rows() == [("b1", "b2")]


def test_products_without_reviews_are_a_graph(tmp_path):
    folder = dump(tmp_path, [review()], [meta()])
    (folder / "Tea_5.json.gz").unlink()
    assert read_dump(folder).format == "amazon-2018"
    assert build(folder).counts()[0] == {"Product": 1}


def test_plain_json_lines_without_the_dumps_names_are_recognised(tmp_path):
    folder = dump(tmp_path, [review()], name="mine.json")
    assert read_dump(folder).format == "amazon-2018"
    assert read_dump(folder / "mine.json").format == "amazon-2018"


@pytest.mark.real_data
@pytest.mark.skipif("GRAPHREC_DATA" not in os.environ, reason="GRAPHREC_DATA names no folder of real data")
def test_the_magazines_dump_as_amazon_left_it():
    rejects = Rejects()
    folder = Path(os.environ["GRAPHREC_DATA"]) / "dumps" / "amazon-magazines"
    tables = tabulate(read_dump(folder, reading=Reading(rejects)), rejects=rejects)
    tables.check()
    nodes, edges = tables.counts()
    assert (nodes["User"], nodes["Review"]) == (348, 2328)
    assert tables.nodes["Product"].collect()["listed"].sum() == 2326  # 6 reviewed ones are described nowhere
    assert edges["Review", "ABOUT", "Product"] == 2328
    assert rejects.counts() == {"the product is described more than once": 1065, "the review is there more than once": 47}
    assert not tables.nodes["Product"].collect()["title"].drop_nulls().str.contains(r"<span|</|&amp;|/>").any()
