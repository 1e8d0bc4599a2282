"""One node a thing: spellings of a brand, paths of categories."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg_builder.resolution import brand_id, brands, categories, category_id

names = st.text(alphabet=st.characters(exclude_characters="\x1f", exclude_categories=("Cs",)), min_size=1, max_size=6)


def resolve(*spellings):
    return dict(brands(pl.LazyFrame({"spelling": list(spellings)})).select("spelling", "brand").iter_rows())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme", "ACME"),
        ("Acme", " acme. "),
        ("L'Oréal", "L’ORÉAL"),
        ("Dr. Oetker", "dr oetker"),
        ("ＡＣＭＥ", "acme"),
        ("Straße", "STRASSE"),
    ],
)
def test_brands_that_differ_by_case_spaces_or_punctuation_are_one(one, other):
    assert brand_id(one) == brand_id(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Acme", "Acmé"), ("华为", "小米"), ("Disney", "Disney+"), ("...", "---"), ("3M", "4M")]
)
def test_brands_that_differ_otherwise_are_two(one, other):
    assert brand_id(one) != brand_id(other)


@given(names)
def test_a_brand_has_an_id_that_is_its_own_id(name):
    if name.strip():
        assert brand_id(name)
        assert brand_id(brand_id(name)) == brand_id(name)


def test_the_most_frequent_spelling_names_the_brand_and_a_tie_goes_by_the_alphabet():
    found = brands(pl.LazyFrame({"spelling": ["ACME", "Acme", "Acme", "Zed", "zed", None]}))
    assert sorted(set(found.select("brand", "name").iter_rows())) == [("acme", "Acme"), ("zed", "Zed")]


@given(st.lists(names, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_no_brand(spellings, random):
    shuffled = random.sample(spellings, len(spellings))
    schema = {"spelling": pl.String}
    one, other = (brands(pl.LazyFrame({"spelling": rows}, schema=schema)) for rows in (spellings, shuffled))
    assert one.equals(other)


def test_every_level_of_a_path_is_a_category_below_the_one_above():
    leaves, every = categories(pl.LazyFrame({"path": ["A\x1fB\x1fC", "A\x1fD", "E", None]}))
    assert dict(leaves.iter_rows()) == {"A\x1fB\x1fC": "A > B > C", "A\x1fD": "A > D", "E": "E"}
    assert sorted(every.iter_rows()) == [
        ("A", "A", None),
        ("A > B", "B", "A"),
        ("A > B > C", "C", "A > B"),
        ("A > D", "D", "A"),
        ("E", "E", None),
    ]


def test_names_on_a_path_are_cleaned_and_empty_ones_left_out():
    leaves, every = categories(pl.LazyFrame({"path": ["Tea &amp; Coffee\x1f\x1f <b>Green</b>", "\x1f "]}))
    assert leaves["id"].to_list() == ["Tea & Coffee > Green"]
    assert every.height == 2


def test_a_separator_within_a_name_does_not_make_a_level():
    assert category_id(["A > B"]) != category_id(["A", "B"])
    assert brands(pl.LazyFrame(schema={"spelling": pl.String})).height == 0


@given(st.lists(st.lists(names, min_size=1, max_size=3), max_size=6))
def test_parents_are_always_there(paths):
    _, every = categories(pl.LazyFrame({"path": ["\x1f".join(path) for path in paths]}, schema={"path": pl.String}))
    ids = set(every["id"])
    assert len(ids) == every.height
    assert set(every["parent"].drop_nulls()) <= ids
