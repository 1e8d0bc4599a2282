"""What a text says of a product, and what it must not be taken to say."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg_builder.enrichment.amounts import pack, size
from kg_builder.enrichment.attributes import colour, material, material_of_description, price_band


def read(attribute, *texts):
    frame = pl.DataFrame({"text": list(texts)}, schema={"text": pl.String})
    return frame.select(attribute(pl.col("text"))).to_series().to_list()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Vase BLACK large", "black"),
        ("Vase, gray", "grey"),
        ("Vase schwarz", "black"),
        ("Vase weiß", "white"),
        ("Jarrón rojo", "red"),
        ("Robe noire", "black"),
        ("红色连衣裙", "red"),
        ("Vase, Orange", "orange"),
        ("Vase - Navy Blue - tall", "blue"),
        ("Lamp (Gold)", "gold"),
        ("Lamp colour: silver", "silver"),
        ("Red and blue ball", "red"),
        ("Orange County Magazine", None),
        ("Silver Spoon", None),
        ("Rose Water", None),
        ("Bouquet (Non-Rose)", None),
        ("Green Tea Lemon", None),
        ("Black Sabbath T-shirt", None),
        ("Black beans", None),
        ("Redwood", None),
        ("Microphone Blue Yeti, Silver", "silver"),
        ("Slides White/Black", "white"),
        ("Schwarze Jacke", "black"),
        ("Inferno by Dan Brown", None),
        ("Jane D. White: Essays", None),
        ("Gordon Blue Ltd spade", None),
        ("Black & Decker drill", None),
        ("The Red Tent", None),
        ("White Wolf by Jane Doe", None),
        ("Black and Blue CD", None),
        ("Fifty Shades of Grey", None),
        ("Woman in White", None),
        ("Pretty Pink, a Novel", None),
        ("Red Rider - PlayStation 4", None),
        ("Black Friday Card", None),
        ("Cream for brown skin", None),
        ("Juice, Orange, 20 oz", None),
        ("White Peach Wash 22 fl oz", None),
        ("Mug 11 oz White", "white"),
        ("Paint gloss black 12 oz", "black"),
        ("Tabelle rot", None),
        ("Dark Chocolate, Chocolate", None),
        (None, None),
    ],
)
def test_a_colour_is_a_word_for_one_that_means_nothing_else_there(text, value):
    assert read(colour, text) == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Stainless Steel Kettle", "stainless steel"),
        ("Cast-Iron Pan", "cast iron"),
        ("Faux Leather Bag", "faux leather"),
        ("Hemd Baumwolle", "cotton"),
        ("Camisa de algodón", "cotton"),
        ("Chaise en bois", "wood"),
        ("Löffel aus Edelstahl", "stainless steel"),
        ("不锈钢水壶", "stainless steel"),
        ("Shirt 100% Linen", "linen"),
        ("Vase, Glass", "glass"),
        ("Glass Cleaner", None),
        ("Iron Man", None),
        ("Woodstock", None),
        ("Glass Storage Containers", "glass"),
        ("14k White Gold Ring", "gold"),
        ("Ring, Silver", None),
        ("Wood Glue", None),
        ("Leather Cleaner", None),
        ("Stainless Steel Cleaner", None),
        ("Bits for wood and steel", None),
        ("Faux Wood Blinds", None),
        ("Cotton Candy", None),
        ("Danielle Steel", None),
        ("Man of Steel", None),
        ("Silk Almond Drink 1/2 gal", None),
        ("Powder, Porcelain", None),
        ("Bottle 32 oz Stainless Steel", "stainless steel"),
        ("Ceramic Hair Dryer", "ceramic"),
        ("Powder Coated Steel Shelf", "steel"),
        ("Cream Velvet Sofa", "velvet"),
        (None, None),
    ],
)
def test_a_material_is_what_the_thing_is_made_of(text, value):
    assert read(material, text) == [value]


def test_a_description_must_say_that_the_thing_is_made_of_it():
    said = read(material_of_description, "Goes with leather shoes.", "Made of soft leather.", "100 % wool", "made from glass")
    assert said == [None, "leather", "wool", "glass"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=20)), max_size=5))
def test_any_text_can_be_read(texts):
    for attribute in (size, colour, material, material_of_description, pack):
        assert len(read(attribute, *texts)) == len(texts)


def bands(*rows, least=4):
    table = pl.DataFrame(rows, schema={"id": pl.String, "price": pl.Float64, "category": pl.String}, orient="row")
    found = price_band(table.lazy(), least=least).collect()
    assert found["id"].is_unique().all()
    return dict(found.rows())


def test_a_price_is_dear_or_cheap_within_its_category():
    tea = [(f"t{price}", float(price), "tea") for price in (1, 2, 3, 4, 5)]
    cars = [(f"c{price}", 1000.0 * price, "cars") for price in (1, 2, 3, 4, 5)]
    found = bands(*tea, *cars)
    assert [found[f"t{price}"] for price in (1, 2, 3, 4, 5)] == ["budget", "mid", "mid", "mid", "premium"]
    assert [found[f"c{price}"] for price in (1, 2, 3, 4, 5)] == ["budget", "mid", "mid", "mid", "premium"]


def test_a_category_with_few_prices_is_measured_among_all_products():
    few = [("x1", 100.0, "few"), ("x2", 1.0, "few"), ("y", 100.0, None)]
    found = bands(*few, *((f"t{price}", float(price), "tea") for price in range(10, 20)))
    assert (found["x1"], found["x2"], found["y"]) == ("premium", "budget", "premium")


def test_the_smallest_category_that_is_large_enough_decides():
    wide = [(f"w{price}", float(price), "all") for price in range(1, 30)]
    narrow = [(f"n{price}", float(price), category) for price in (100, 110, 120, 130, 140) for category in ("all", "narrow")]
    found = bands(*wide, *narrow, *[("n100", 100.0, "tiny")])
    assert (found["n100"], found["n120"], found["n140"]) == ("budget", "mid", "premium")


def test_equal_prices_are_all_in_the_middle_and_no_price_is_in_none():
    found = bands(*((f"p{n}", 5.0, "tea") for n in range(6)), ("free", 0.0, "tea"), ("none", None, "tea"))
    assert found == {f"p{n}": "mid" for n in range(6)}
