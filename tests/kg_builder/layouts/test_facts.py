"""What lines tell of their products, and what type their values have."""

import polars as pl
import pytest

from kg_builder.layouts.facts import commonest, products_told_of, told_of_products, whole
from kg_builder.reading.columns import typed


@pytest.mark.parametrize(
    ("said", "kept"), [("17850.0", "17850"), ("17850.", "17850"), ("17850", "17850"), ("1.5", "1.5"), ("A1.0", "A1.0")]
)
def test_an_id_that_became_a_float_is_whole_again(said, kept):
    assert pl.DataFrame({"id": [said]}).select(whole("id")).item() == kept


def test_the_commonest_is_decided_by_weight_then_rows_then_alphabet():
    table = pl.LazyFrame({"p": ["a"] * 4 + ["b"] * 2, "t": ["X", "X", "X", "Y", "N", "M"], "w": [0, 0, 0, 1, 0, 0]})
    assert sorted(commonest(table, "p", "t").collect().rows()) == [("a", "X"), ("b", "M")]
    assert ("a", "Y") in commonest(table, "p", "t", by=pl.col("w")).collect().rows()


def test_a_name_alone_is_no_title():
    assert told_of_products(["name", "label", "item_name"]) == {"item_name": "title"}


def test_categories_are_paths_of_arrows_or_dots():
    said = {"product": ["a", "b", "c", "d"], "category": ["Home > Tea", "home.tea", "Dr. Tea", None]}
    lines = pl.LazyFrame({**said, "file": ["x.csv"] * 4, "line": [1, 2, 3, 4]})
    products = products_told_of(lines, {"category": "categories"}).collect()
    found = {row["id"]: [path for path in row["categories"] or [] if path] for row in products.to_dicts()}
    assert found == {"a": [["Home", "Tea"]], "b": [["home", "tea"]], "c": [["Dr. Tea"]], "d": []}


def test_a_column_of_one_type_throughout_has_that_type():
    table = pl.LazyFrame(
        {"n": ["1", "NaN"], "x": ["nan", "1e3"], "b": ["TRUE", "false"], "t": ["NaN", "one"], "empty": ["NaN", None]},
        schema=dict.fromkeys(("n", "x", "b", "t", "empty"), pl.String()),
    )
    found = typed(table, ["n", "x", "b", "t", "empty"]).collect()
    assert found.rows() == [(1, None, True, "NaN", "NaN"), (None, 1000.0, False, "one", None)]
    assert list(found.schema.values()) == [
        pl.Int64,
        pl.Float64,
        pl.Boolean,
        pl.String,
        pl.String,
    ]
