"""Which of Amazon's years a file is of."""

import gzip
import json
from pathlib import Path

import pytest

from kg_builder.layouts.amazon import files_in, of_year, year_of
from kg_builder.reading import Reading

REVIEWS = {
    2014: {"reviewerID": "u", "asin": "b", "helpful": [0, 0]},
    2018: {"reviewerID": "u", "asin": "b", "verified": True},
    2023: {"user_id": "u", "parent_asin": "b", "rating": 5.0},
}
PRODUCTS = {
    2014: {"asin": "b", "categories": [["Books"]]},
    2018: {"asin": "b", "category": ["Books"]},
    2023: {"parent_asin": "b", "title": "Tea"},
}


def put(path: Path, row, *, written=json.dumps) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = (written(row) + "\n").encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path.parent


@pytest.mark.parametrize("year", REVIEWS)
@pytest.mark.parametrize("name", ["mine.json", "Tea_5.json.gz", "reviews_Tea.json.gz", "Tea.jsonl"])
def test_the_first_line_says_the_year_of_reviews_whatever_the_name(year, name, tmp_path):
    assert year_of(put(tmp_path / name, REVIEWS[year])) == year


@pytest.mark.parametrize("year", PRODUCTS)
def test_products_alone_are_a_dump(year, tmp_path):
    assert year_of(put(tmp_path / "meta_Tea.json.gz", PRODUCTS[year])) == year


def test_python_literals_are_of_2014(tmp_path):
    assert year_of(put(tmp_path / "metadata.json", {"asin": "b", "title": "Tea"}, written=repr)) == 2014


@pytest.mark.parametrize(("name", "year"), [("Tea_5.json.gz", 2018), ("reviews_Tea.json.gz", 2014), ("meta_Tea.jsonl.gz", 2023)])
def test_of_a_damaged_file_the_name_says_the_year(name, year, tmp_path):
    (tmp_path / name).write_bytes(b"no gzip")
    assert year_of(tmp_path) == year


def test_a_damaged_file_of_reviews_is_known_by_the_products_beside_it(tmp_path):
    put(tmp_path / "meta_Tea.jsonl.gz", PRODUCTS[2023])
    (tmp_path / "Tea.jsonl.gz").write_bytes(b"no gzip")
    assert [(file.kind, file.path.name) for file in files_in(tmp_path)] == [
        ("reviews", "Tea.jsonl.gz"),
        ("products", "meta_Tea.jsonl.gz"),
    ]


@pytest.mark.parametrize("year", REVIEWS)
def test_the_reviews_decide_and_products_of_another_year_are_told_of(year, tmp_path):
    for other, row in PRODUCTS.items():
        put(tmp_path / f"meta_{other}.json", row)
    put(tmp_path / "mine.json", REVIEWS[year])
    reading = Reading()
    assert year_of(tmp_path) == year
    assert [path.name for path in of_year(tmp_path, year, reading)["products"]] == [f"meta_{year}.json"]
    assert sorted(reading.rejects.notes) == sorted(
        f"meta_{other}.json is of Amazon's dump of {other} and was not read with that of {year}"
        for other in PRODUCTS
        if other != year
    )


def test_of_reviews_of_several_years_the_newest_are_read(tmp_path):
    for year, row in REVIEWS.items():
        put(tmp_path / f"{year}.json", row)
    assert year_of(tmp_path) == 2023


def test_products_that_do_not_say_their_year_go_with_the_reviews(tmp_path):
    put(tmp_path / "meta_Tea.json", {"asin": "b"})
    put(tmp_path / "reviews_Tea.json", REVIEWS[2014])
    assert [path.name for path in of_year(tmp_path, 2014, Reading())["products"]] == ["meta_Tea.json"]


@pytest.mark.parametrize("name", ["raw", "."])
def test_the_folders_of_hugging_face_are_looked_into(name, tmp_path):
    put(tmp_path / "raw" / "review_categories" / "Tea.jsonl", REVIEWS[2023])
    put(tmp_path / "raw" / "meta_categories" / "meta_Tea.jsonl", PRODUCTS[2023])
    assert [file.kind for file in files_in(tmp_path / name)] == ["reviews", "products"]


@pytest.mark.parametrize("row", [{"user": "u", "item": "b"}, {"asin": "b"}, [1], "x"])
def test_other_json_lines_are_not_amazons(row, tmp_path):
    assert year_of(put(tmp_path / "mine.json", row)) is None


def test_frames_and_missing_folders_are_not_amazons(tmp_path):
    assert year_of({"products": 1}) is None
    assert year_of(tmp_path / "nowhere") is None
