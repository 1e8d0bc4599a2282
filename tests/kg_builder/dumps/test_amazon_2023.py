"""Amazon's dump of 2023: variants of one product, details, milliseconds, and splits of which the test part stays closed."""

import gzip
import json

import pytest

from kg_builder.dumps import read_dump
from kg_builder.errors import DamagedDump, MissingSource
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

NOW = 1_700_000_000
HEADER = "user_id,parent_asin,rating,timestamp"
HISTORY = "user_id,parent_asin,rating,timestamp,history"


def dump(folder, reviews=(), metas=(), *, name="Tea.jsonl.gz"):
    for file, rows in ((folder / name, reviews), (folder / f"meta_{name}", metas)):
        text = "".join(json.dumps(row) + "\n" for row in rows).encode()
        if rows:
            file.write_bytes(gzip.compress(text) if file.suffix == ".gz" else text)
    return folder


def review(**changes):
    return {
        "rating": 5.0,
        "title": "Nice",
        "text": "Lovely",
        "images": [],
        "asin": "v1",
        "parent_asin": "b1",
        "user_id": "u1",
        "timestamp": 1588687728923,
        "helpful_vote": 2,
        "verified_purchase": True,
        **changes,
    }


def meta(**changes):
    return {
        "main_category": "All Beauty",
        "title": "Cream",
        "average_rating": 4.2,
        "rating_number": 15,
        "features": [],
        "description": [],
        "price": None,
        "images": [],
        "videos": [],
        "store": "Bissport",
        "categories": [],
        "details": {},
        "parent_asin": "b1",
        "bought_together": None,
        **changes,
    }


def build(folder, rejects=None):
    dumped = read_dump(folder, reading=Reading(Rejects() if rejects is None else rejects))
    assert dumped.format == "amazon-2023"
    tables = tabulate(dumped, rejects=rejects, now=NOW)
    tables.check()
    return tables


def product(folder, **changes):
    (row,) = build(dump(folder, metas=[meta(**changes)])).nodes["Product"].collect().to_dicts()
    return row


def interactions(tables):
    return sorted(tables.edges["User", "INTERACTED", "Product"].select("source", "target", "rating", "at").collect().rows())


def test_a_review_carries_what_amazon_says_of_it(tmp_path):
    (found,) = build(dump(tmp_path, [review(text="Two<br />lines")])).nodes["Review"].collect().to_dicts()
    assert found == {
        "id": "u1|b1|1588687728",
        "rating": 5.0,
        "title": "Nice",
        "text": "Two lines",
        "at": 1588687728,
        "day": "2020-05-05",
        "helpful": 2,
        "verified": True,
    }


def test_variants_of_a_product_are_one(tmp_path):
    said = [review(), review(asin="v2", user_id="u2"), review(asin="b3", parent_asin=None, user_id="u3")]
    tables = build(dump(tmp_path, said, [meta()]))
    assert sorted(tables.nodes["Product"].collect()["id"]) == ["b1", "b3"]


def test_reviews_of_one_second_are_one(tmp_path):
    rejects = Rejects()
    build(dump(tmp_path, [review(), review(timestamp=1588687728001, text="")]), rejects)
    assert rejects.counts() == {"the review is there more than once": 1}


@pytest.mark.parametrize(
    ("said", "price"),
    [(9.99, 9.99), ("9.99", 9.99), ("$1,299.00", 1299.0), ("from 14.5", 14.5), (None, None), ("None", None), ("—", None)],
)
def test_prices_are_numbers_texts_or_nothing(said, price, tmp_path):
    assert product(tmp_path, price=said)["price"] == price


@pytest.mark.parametrize(
    ("said", "brand"),
    [
        ({"details": {"Brand": "Acme", "Manufacturer": "Works"}}, "acme"),
        ({"details": {"Manufacturer": "Works"}}, "bissport"),
        ({"details": {"Manufacturer": "Works"}, "store": None}, "works"),
        ({"details": '{"Brand": "Acme"}'}, "acme"),
        ({"details": {"Brand": ""}, "store": " "}, None),
        ({"details": "no object"}, "bissport"),
    ],
)
def test_the_brand_is_the_details_brand_else_the_store_else_the_manufacturer(said, brand, tmp_path):
    edges = build(dump(tmp_path, metas=[meta(**said)])).edges
    made = edges.get(("Product", "MADE_BY", "Brand"))
    assert (None if made is None else made.collect()["target"].item()) == brand


@pytest.mark.parametrize(
    ("said", "leaf"), [(["Beauty", "Skin Care"], "Beauty > Skin Care"), ([], "All Beauty"), (None, "All Beauty")]
)
def test_categories_are_one_path_else_the_main_category(said, leaf, tmp_path):
    tables = build(dump(tmp_path, metas=[meta(categories=said)]))
    assert tables.edges["Product", "IN_CATEGORY", "Category"].collect()["target"].to_list() == [leaf]


def test_features_are_the_description_where_there_is_no_other_and_are_not_said_twice(tmp_path):
    metas = [
        meta(description=["Soft", "skin"], features=["Oily"]),
        meta(parent_asin="b2", features=["Dry", "50 ml"]),
        meta(parent_asin="b3"),
    ]
    tables = build(dump(tmp_path, metas=metas))
    found = tables.nodes["Product"].sort("id").select("description", "features").collect().rows()
    assert found == [("Soft skin", "Oily"), ("Dry 50 ml", None), (None, None)]
    assert "features" in tables.schema.node("Product").text


def test_details_become_properties_and_text_where_any_product_has_them(tmp_path):
    details = {
        "Color": "Red",
        "Material Type": "Wool",
        "Item Form": "Gel",
        "Age Range (Description)": "Adult",
        "UPC": "1",
        "Size": 4,
    }
    tables = build(dump(tmp_path, metas=[meta(details=details), meta(parent_asin="b2", details={"Best Sellers Rank": {"A": 1}})]))
    known = {"id", "title", "description", "price", "listed"}
    rows = tables.nodes["Product"].sort("id").collect().to_dicts()
    found = [{name: value for name, value in row.items() if name not in known and value is not None} for row in rows]
    assert found == [{"color": "Red", "material": "Wool", "form": "Gel", "age_range": "Adult", "size": "4"}, {}]
    assert tables.schema.node("Product").text == ("title", "description", "color", "size", "material", "form", "age_range")


def test_a_books_author_is_a_property(tmp_path):
    assert product(tmp_path, author={"avatar": "x", "name": "Jane Doe", "about": ["Born"]})["author"] == "Jane Doe"


def test_sums_over_all_reviews_are_left_out(tmp_path):
    assert not {"average_rating", "rating_number"} & product(tmp_path).keys()


def test_products_bought_together_are_linked(tmp_path):
    tables = build(dump(tmp_path, metas=[meta(bought_together=["b2"])]))
    assert tables.edges["Product", "BOUGHT_TOGETHER", "Product"].collect().rows() == [("b1", "b2")]


def test_the_folders_of_hugging_face_are_read(tmp_path):
    for folder, name, row in (("review_categories", "Tea.jsonl", review()), ("meta_categories", "meta_Tea.jsonl", meta())):
        (tmp_path / "raw" / folder).mkdir(parents=True)
        (tmp_path / "raw" / folder / name).write_text(json.dumps(row) + "\n")
    nodes = build(tmp_path).counts()[0]
    assert (nodes["Review"], nodes["Product"]) == (1, 1)
    assert nodes == build(tmp_path / "raw").counts()[0]


def test_ratings_are_interactions(tmp_path):
    (tmp_path / "Tea.csv.gz").write_bytes(gzip.compress(f"{HEADER}\nu1,b1,5.0,1588687728923\nu2,b1,1.0,1588687729923\n".encode()))
    dump(tmp_path, metas=[meta()], name="Tea.jsonl")
    tables = build(tmp_path)
    assert interactions(tables) == [("u1", "b1", 5.0, 1588687728), ("u2", "b1", 1.0, 1588687729)]
    assert tables.nodes["Product"].collect()["title"].to_list() == ["Cream"]


def test_of_a_split_train_and_valid_are_read_and_test_is_never_opened(tmp_path):
    (tmp_path / "Tea.train.csv").write_text(f"{HISTORY}\nu1,b1,5.0,1588687728923,\n")
    (tmp_path / "Tea.valid.csv").write_text(f"{HISTORY}\r\nu1,b2,4.0,1588687729923,b1\r\n")
    (tmp_path / "Tea.test.csv").mkdir()  # whoever opened it would fail
    (tmp_path / "Jam.test.csv.gz").write_bytes(b"no gzip")
    rejects = Rejects()
    assert [edge[1] for edge in interactions(build(tmp_path, rejects))] == ["b1", "b2"]
    assert rejects.notes == ["Jam.test.csv.gz was not read: it is held out"]


def test_a_file_that_holds_the_test_part_with_the_rest_is_not_read(tmp_path):
    (tmp_path / "Tea.train.csv").write_text(f"{HEADER}\nu1,b1,5.0,1588687728923\n")
    (tmp_path / "Tea.test.csv").write_text(f"{HEADER}\nu1,b9,5.0,1588687728999\n")
    (tmp_path / "Tea.csv").write_text(f"{HEADER}\nu1,b9,5.0,1588687728999\n")
    (tmp_path / "Jam.csv").write_text(f"{HEADER}\nu1,b3,5.0,1588687728999\n")
    dump(tmp_path, [review(parent_asin="b9")], [meta()], name="Tea.jsonl")
    rejects = Rejects()
    tables = build(tmp_path, rejects)
    assert {edge[1] for edge in interactions(tables)} == {"b1", "b3"}
    assert "Review" not in tables.nodes
    assert sorted(rejects.notes) == [
        "Tea.csv was not read: it holds the test part together with the rest",
        "Tea.jsonl was not read: it holds the test part together with the rest",
        "Tea.test.csv was not read: it is held out",
    ]


def test_ratings_that_repeat_reviews_are_not_read(tmp_path):
    (tmp_path / "Tea.csv").write_text(f"{HEADER}\nu1,b1,5.0,1588687728923\n")
    rejects = Rejects()
    tables = build(dump(tmp_path, [review()], name="Tea.jsonl"), rejects)
    assert tables.counts()[0]["Review"] == 1
    assert ("User", "INTERACTED", "Product") not in tables.edges
    assert rejects.notes == ["Tea.csv was not read: it repeats what the reviews say"]


def test_nothing_but_held_out_files_is_nothing_to_read(tmp_path):
    (tmp_path / "Tea.csv").write_text(f"{HEADER}\nu1,b1,5.0,1588687728923\n")
    (tmp_path / "Tea.test.csv").write_text("")
    with pytest.raises(MissingSource, match="no file of reviews or products to read"):
        read_dump(tmp_path)


def test_a_dirty_rating_goes_to_the_rejects(tmp_path):
    (tmp_path / "Tea.csv").write_text(f"{HEADER}\nu1,b1,five,1588687728923\nu1,b2,5.0,1588687728923\n,b2,5.0,1588687728923\n")
    rejects = Rejects()
    assert [edge[1] for edge in interactions(build(tmp_path, rejects))] == ["b2"]
    assert rejects.counts() == {"rating must be a number": 1, "user id is missing": 1}


@pytest.mark.parametrize("name", ["Tea.jsonl.gz", "meta_Tea.jsonl.gz"])
def test_a_file_that_is_no_gzip_says_so(name, tmp_path):
    dump(tmp_path, [review()], [meta()])
    (tmp_path / name).write_bytes(b"no gzip")
    with pytest.raises(DamagedDump, match="not a sound gzip file"):
        build(tmp_path)


def test_a_truncated_file_says_so(tmp_path):
    dump(tmp_path, [review(user_id=f"u{number}") for number in range(3000)], [meta()])
    path = tmp_path / "Tea.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DamagedDump, match="breaks off"):
        build(tmp_path)


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path):
    lines = "\r\n".join(json.dumps(review(user_id=f"u{number}")) for number in range(3))
    (tmp_path / "Tea.jsonl").write_bytes(b"\xef\xbb\xbf" + lines.encode())
    assert build(tmp_path).counts()[0]["Review"] == 3
