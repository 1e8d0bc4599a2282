"""How large a product is and how many are in its pack, in the spellings of many shops."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg_builder.enrichment.amounts import pack, size, size_amount, size_unit


def read(attribute, *texts):
    frame = pl.DataFrame({"text": list(texts)}, schema={"text": pl.String})
    return frame.select(attribute(pl.col("text"))).to_series().to_list()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Crushed ice 22 LB", "22 lb"),
        ("Tea 12oz", "12 oz"),
        ("Soda, 12 fl. oz. can", "12 fl oz"),
        ("Soda 33.810 Fluid Ounces", "33.81 fl oz"),
        ("Wine 750Ml", "750 ml"),
        ("Milch 1,5 Liter", "1.5 l"),
        ("Water 1,000 ml", "1000 ml"),
        ("Cream 1/2 gal", "1/2 gal"),
        ("Board 1 1/2 inch", "1 1/2 in"),
        ("Screws .5 inch", "0.5 in"),
        ("Cans 12 PK/16 OZ", "16 oz"),
        ("Cable 5 m", "5 m"),
        ("Kitchen Knife 8 in.", "8 in"),
        ("Pan (10 in)", "10 in"),
        ("Sheet 9 in x 13 in", "9 x 13 in"),
        ("Frame 12 x 18 in black", "12 x 18 in"),
        ("Table 55x55 cm", "55 x 55 cm"),
        ("Box 10 × 20 × 5.5 cm", "10 x 20 x 5.5 cm"),
        ("Rug 5' x 8'", "5 x 8 ft"),
        ('Notebook 5" x 8.25"', "5 x 8.25 in"),
        ("Pipe 1/2 inch x 10 ft", "1/2 in x 10 ft"),
        ("Cube 3 x 3", None),
        ("Cola 6 x 330ml", "330 ml"),
        ("Cola 6x0,33 l", "0.33 l"),
        ("Reis 1.000 g", "1000 g"),
        ("Tank 1,500 ml", "1500 ml"),
        ("Saft 0,330 l", "0.33 l"),
        ("Wasser 1 000 ml", "1000 ml"),
        ("Screws 1-1/4 inch", "1 1/4 in"),
        ("Valve ½ inch", "1/2 in"),
        ("Pipe 1½ inch", "1 1/2 in"),
        ("Soda 12 fl oz", "12 fl oz"),
        ("Soda 12-fl Ounce", "12 fl oz"),
        ("Soda 12 Fluid Oz", "12 fl oz"),
        ("Brad nails 18 GA", None),
        ("Rack holds 40 lbs", None),
        ("Sheets, Twin XL", None),
        ("Powder, Medium", None),
        ("Phone 5g 128GB", None),
        ("Bar, 20 g protein, 2 oz", "2 oz"),
        ("Dress (Small)", "S"),
        ("Kleid Größe M", "M"),
        ('Monitor 27" black', "27 in"),
        ("Flour 10 oz and 20 oz", "10 oz"),
        ("Shirt 2XL", "XXL"),
        ("Shirt XS", "XS"),
        ("Shirt, size m", "M"),
        ("Shirt (Size: X-Large)", "XL"),
        ("2-in-1 shampoo", None),
        ("Best of 5 in the world", None),
        ("5G phone", None),
        ("Over 3 M sold", None),
        ("$5 l", None),
        ("iPhone 12", None),
        ('The "Top 10" songs', None),
        ("L. Ron Hubbard", None),
        ("The 39 Steps", None),
        ("", None),
        (None, None),
    ],
)
def test_a_size_is_an_amount_with_its_unit_or_a_clothing_size(text, value):
    assert read(size, text) == [value]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9999), st.sampled_from(["oz", "ml", "lb", "kg", "cm", "fl oz"]))
def test_amount_and_unit_of_a_size_are_those_it_was_made_of(amount, unit):
    (found,) = read(size, f"Thing {amount} {unit}")
    assert read(size_amount, found) == [amount]
    assert read(size_unit, found) == [unit]


def test_a_clothing_size_has_no_amount_and_no_unit():
    assert read(size_amount, "XL", "1 1/2 in", "1/4 gal", None) == [None, 1.5, 0.25, None]
    assert read(size_unit, "XL", "1 1/2 in", "12 fl oz", None) == [None, "in", "fl oz", None]


def test_an_odd_size_has_amount_and_unit_or_neither():
    odd = ["9 x 13", "12 x 18 in", "1/2 in x 10 ft", "6/500 ml", "32 loads", "3 x", "one size", "100 sq ft", ""]
    amounts, units = read(size_amount, *odd), read(size_unit, *odd)
    assert amounts == [None, None, None, None, 32.0, 3.0, None, 100.0, None]
    assert units == [None, None, None, None, "loads", "x", None, "sq ft", None]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Tea, pack of 6", 6),
        ("Cups Set Of Four", 4),
        ("6-Pack Socks", 6),
        ("Tea 20 CT", 20),
        ("Tea bags 100 count", 100),
        ("Six pack of beer", 6),
        ("12 Pk cans", 12),
        ("Socken 3er-Pack", 3),
        ("Puzzle, 500 Pieces", None),
        ("1000 Piece Puzzle", None),
        ("Two-Piece Swimsuit", None),
        ("Screws, 100 Pieces", 100),
        ("Cola 6 x 330ml", 6),
        ("Cola 500 ml x 12", 12),
        ("Frame 12 x 18 in", None),
        ("4 x 6 x 330 ml", None),
        ("60 capsules", 60),
        ("Fish oil 1,000 mg, 250 Softgels", 250),
        ("1,200 Tablets", 1200),
        ("500 mg tablets", None),
        ("Omega 3 Capsules", None),
        ("Paper, 12 Mega Rolls, 110 sheets per roll", 12),
        ("Size 4 Diapers, 150 Count", 150),
        ("Sweets full size 6 ct", 6),
        ("Rack holds 12 bottles", None),
        ("9 ct gold ring", None),
        ("Juego de 4 platos", 4),
        ("毛巾 10件装", 10),
        ("pack of 1", None),
        ("1 ct", None),
        ("Soft drinks 12/18&15Pk", None),
        ("Route 66 pack", None),
        ("Backpack 30", None),
        ("A fact of 7", None),
        ("1.5 ct diamond", None),
        (None, None),
    ],
)
def test_a_pack_counts_what_is_in_it_and_one_is_no_pack(text, count):
    assert read(pack, text) == [count]
