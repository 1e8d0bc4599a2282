"""Amazon's dump of 2014: products as Python dictionaries, votes as two numbers, lists within lists."""

import gzip
import json
import os
from pathlib import Path

import pytest

from kg_builder.dumps import read_dump
from kg_builder.errors import DamagedDump, MissingSource
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

NOW = 1_600_000_000


def dump(folder, reviews=(), metas=(), *, meta="meta_Tea.json.gz", written=repr):
    for name, rows, say in (("reviews_Tea_5.json.gz", reviews, json.dumps), (meta, metas, written)):
        text = "".join((row if isinstance(row, str) else say(row)) + "\n" for row in rows).encode()
        if rows:
            (folder / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return folder


def review(**changes):
    return {"reviewerID": "u1", "asin": "b1", "helpful": [0, 0], "overall": 5.0, "unixReviewTime": 1393545600, **changes}


def meta(**changes):
    return {"asin": "b1", "title": "Tea", "categories": [["Grocery"]], **changes}


def build(folder, rejects=None):
    dumped = read_dump(folder, reading=Reading(Rejects() if rejects is None else rejects))
    assert dumped.format == "amazon-2014"
    tables = tabulate(dumped, rejects=rejects, now=NOW)
    tables.check()
    return tables


def only(tables, label, **where):
    (row,) = tables.nodes[label].collect().filter(**where).to_dicts()
    return row


def links(tables, kind):
    return sorted(tables.edges["Product", kind, "Product"].select("source", "target").collect().rows())


def test_a_review_carries_what_amazon_says_of_it(tmp_path):
    said = review(
        helpful=[13, 14], summary="Good &amp; hot", reviewText="Two<br />lines", reviewerName="Jo", reviewTime="02 28, 2014"
    )
    found = only(build(dump(tmp_path, [said])), "Review")
    assert {name: value for name, value in found.items() if value is not None} == {
        "id": "u1|b1|1393545600",
        "rating": 5.0,
        "title": "Good & hot",
        "text": "Two lines",
        "at": 1393545600,
        "day": "2014-02-28",
        "helpful": 13,
    }


@pytest.mark.parametrize(
    ("name", "written"), [("meta_Tea.json.gz", repr), ("meta_Tea.json", ascii), ("metadata.json", json.dumps)]
)
def test_a_product_is_read_from_python_and_from_json(name, written, tmp_path):
    said = meta(title='Tea\'s "best"', price=9.5, brand="Acmé", description="Hot &amp; <b>good</b>", imUrl="http://x/y.jpg")
    tables = build(dump(tmp_path, [review()], [said], meta=name, written=written))
    found = only(tables, "Product")
    assert (found["title"], found["price"], found["description"]) == ('Tea\'s "best"', 9.5, "Hot & good")
    assert tables.edges["Product", "MADE_BY", "Brand"].collect()["source"].to_list() == ["b1"]


def test_a_sales_rank_and_a_picture_are_left_out(tmp_path):
    tables = build(dump(tmp_path, [], [meta(salesRank={"Grocery": 7}, imUrl="http://x/y.jpg")]))
    assert not {name for name in tables.nodes["Product"].collect_schema() if "rank" in name or "im" in name}


def test_a_product_lies_in_every_one_of_its_paths(tmp_path):
    paths = [["CDs & Vinyl", "Pop"], ["CDs & Vinyl", "Rock"], ["Digital Music"]]
    tables = build(dump(tmp_path, [], [meta(categories=paths)]))
    assert sorted(tables.edges["Product", "IN_CATEGORY", "Category"].collect()["target"]) == [
        "CDs & Vinyl > Pop",
        "CDs & Vinyl > Rock",
        "Digital Music",
    ]


def test_what_was_bought_after_viewing_was_viewed(tmp_path):
    related = {"also_bought": ["b2"], "also_viewed": ["b3", "b4"], "buy_after_viewing": ["b4", "b5"], "bought_together": ["b6"]}
    tables = build(dump(tmp_path, [], [meta(related=related), meta(asin="b2", related={"buy_after_viewing": ["b1"]})]))
    assert links(tables, "ALSO_VIEWED") == [("b1", "b3"), ("b1", "b4"), ("b1", "b5"), ("b2", "b1")]
    assert links(tables, "ALSO_BOUGHT") == [("b1", "b2")]
    assert links(tables, "BOUGHT_TOGETHER") == [("b1", "b6")]


@pytest.mark.parametrize("related", ["", {}, [], {"also_bought": None}, {"also_viewed": "b1"}, 7])
def test_odd_relations_make_no_link_and_no_fault(related, tmp_path):
    rejects = Rejects()
    tables = build(dump(tmp_path, [], [meta(related=related)]), rejects)
    assert not tables.edges.keys() & {("Product", kind, "Product") for kind in ("ALSO_BOUGHT", "ALSO_VIEWED")}
    assert not rejects.faults


def test_a_line_that_calls_a_function_is_refused_and_never_evaluated(tmp_path):
    made = tmp_path / "made"
    call = f"{{'asin': 'b9', 'title': open({str(made)!r}, 'w')}}"
    rejects = Rejects()
    tables = build(dump(tmp_path, [], [meta(), call, "__import__('os').abort()", meta(asin="b2")]), rejects)
    assert not made.exists()
    assert sorted(tables.nodes["Product"].collect()["id"]) == ["b1", "b2"]
    assert rejects.counts() == {"the line must be a dictionary of plain values, of which nothing is evaluated": 2}
    assert {(row["file"], row["line"]) for row in rejects.rows()} == {("meta_Tea.json.gz", 2), ("meta_Tea.json.gz", 3)}


def test_products_without_reviews_are_a_graph(tmp_path):
    assert build(dump(tmp_path, [], [meta()])).counts()[0] == {"Product": 1, "Category": 1}


def test_one_file_alone_is_read(tmp_path):
    dump(tmp_path, [review()], [meta()])
    assert build(tmp_path / "reviews_Tea_5.json.gz").counts()[0]["Review"] == 1


def test_a_product_without_an_asin_is_refused(tmp_path):
    rejects = Rejects()
    build(dump(tmp_path, [], [meta(), meta(asin=None)]), rejects)
    assert rejects.counts() == {"product id is missing": 1}


def test_a_truncated_file_of_products_says_so(tmp_path):
    dump(tmp_path, [review()], [meta(asin=f"b{number}") for number in range(3000)])
    path = tmp_path / "meta_Tea.json.gz"
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DamagedDump, match=r"meta_Tea\.json\.gz: the gzip file breaks off"):
        build(tmp_path)


def test_line_ends_and_bytes_of_windows_are_read(tmp_path):
    text = "\r\n".join(repr(meta(asin=f"b{number}", title="Café")) for number in range(3))
    (tmp_path / "meta_Tea.json").write_bytes(text.encode("latin-1"))
    assert build(tmp_path).nodes["Product"].collect()["title"].to_list() == ["Café"] * 3


def test_the_format_asked_for_must_be_there(tmp_path):
    (tmp_path / "Tea_5.json").write_text(json.dumps({"reviewerID": "u", "asin": "b", "verified": True}) + "\n")
    with pytest.raises(MissingSource, match="no file of reviews or products; amazon-2014 looks for"):
        read_dump(tmp_path, format="amazon-2014")


@pytest.mark.real_data
@pytest.mark.skipif("GRAPHREC_DATA" not in os.environ, reason="GRAPHREC_DATA names no folder of real data")
def test_the_instruments_dump_as_amazon_left_it():
    rejects = Rejects()
    tables = build(Path(os.environ["GRAPHREC_DATA"]) / "dumps" / "amazon-instruments", rejects)
    assert tables.counts()[0] == {"User": 1429, "Review": 10261, "Product": 900}
    assert not len(rejects)
