"""Titles of many shops, labelled by hand: how often what is read is right, and how much of what is there is read."""

import re

import polars as pl
import pytest

from kg_builder.enrichment.amounts import pack, size
from kg_builder.enrichment.attributes import colour, material
from kg_builder.enrichment.vocabulary import COLOURS, MATERIALS

# title | size | colour | material | pack; made up after what shops write, the hard ones over-represented.
LABELLED = [
    [None if cell == "-" else cell for cell in line.strip().split(" | ")]
    for line in """
    Coca-Cola Original Taste 6 x 330ml | 330 ml | - | - | 6
    Heinz Baked Beans in Tomato Sauce 4 x 415g | 415 g | - | - | 4
    Filippo Berio Extra Virgin Olive Oil, 16.9 fl. oz. | 16.9 fl oz | - | - | -
    Silk Unsweetened Almond Milk, 1/2 gal | 1/2 gal | - | - | -
    Bio Vollmilch 3,8 % 1 l | 1 l | - | - | -
    Cadbury Dairy Milk Chocolate Bar 180g | 180 g | - | - | -
    Green Giant Whole Green Beans, 14.5 oz Can | 14.5 oz | - | - | -
    Cotton Candy Grapes, 2 lb | 2 lb | - | - | -
    Gatorade Thirst Quencher, Orange, 20 oz, 8 Pack | 20 oz | - | - | 8
    Kellogg's Special K Red Berries 16.9 oz | 16.9 oz | - | - | -
    Monster Energy Ultra White 500ml x 12 | 500 ml | - | - | 12
    Milch 3,5% 12 x 1 Liter | 1 l | - | - | 12
    Nature Made Fish Oil 1,000 mg, 250 Softgels | 1000 mg | - | - | 250
    Solgar Vitamin D3 5000 IU, 240 Softgels | - | - | - | 240
    Olly Sleep Gummies Blackberry Zen 70 Gummies | - | - | - | 70
    Apple iPhone 12 64GB Black Unlocked | - | black | - | -
    Dell 27" Monitor S2721QS | 27 in | - | - | -
    Blue Yeti USB Microphone, Silver | - | silver | - | -
    Seagate Barracuda 3.5 Inch 2TB | 3.5 in | - | - | -
    Ray-Ban Aviator Sunglasses Gold Frame Green Lens | - | gold | - | -
    Damen Kleid Rot Größe M | M | red | - | -
    Women's Little Black Dress (Small) | S | black | - | -
    100% Linen Button Down Shirt, Olive | - | green | linen | -
    Women's Two-Piece Swimsuit Navy Blue | - | blue | - | -
    The Woman in White by Wilkie Collins | - | - | - | -
    Fifty Shades of Grey | - | - | - | -
    Green Eggs and Ham by Dr. Seuss (Hardcover) | - | - | - | -
    Black Beauty (Penguin Classics) | - | - | - | -
    Norwegian Wood by Haruki Murakami | - | - | - | -
    Orange Is the New Black: Season 1 | - | - | - | -
    Red Dead Redemption 2 - PlayStation 4 | - | - | - | -
    The Goldfinch by Donna Tartt | - | - | - | -
    Rubber Soul by The Beatles (Audio CD) | - | - | - | -
    Moleskine Classic Notebook, Hard Cover, Black, 5" x 8.25" | 5 x 8.25 in | black | - | -
    Maybelline Color Sensational Lipstick, Red Revival, 0.15 oz | 0.15 oz | - | - | -
    OPI Nail Lacquer, Big Apple Red, 0.5 fl oz | 0.5 fl oz | red | - | -
    Neutrogena Hydro Boost Water Gel 1.7 fl. oz | 1.7 fl oz | - | - | -
    Dove White Peach Body Wash 22 fl oz | 22 fl oz | - | - | -
    Fanola No Yellow Shampoo 350 ml | 350 ml | - | - | -
    Cetaphil Gentle Skin Cleanser 16 oz Pack of 2 | 16 oz | - | - | 2
    Gillette Venus Razor Blades Refills 4 Count | - | - | - | 4
    Gorilla Wood Glue, 18 oz Bottle | 18 oz | - | - | -
    Titebond III Ultimate Wood Glue 8-Ounce | 8 oz | - | - | -
    Leather Honey Leather Conditioner 8 oz | 8 oz | - | - | -
    Black & Decker 20V Cordless Drill | - | - | - | -
    BLACK+DECKER Toaster Oven, Silver | - | silver | - | -
    Minwax Wood Finish Stain, Red Oak, 1 qt | 1 qt | - | - | -
    1/2 inch x 10 ft Copper Pipe | 1/2 in x 10 ft | - | copper | -
    1-1/2 in. PVC Elbow (10-Pack) | 1 1/2 in | - | - | 10
    Wood Screws #8 x 1-1/4 Inch, 100 Pieces | 1 1/4 in | - | - | 100
    Bosch 12 pc Titanium Drill Bit Set | - | - | titanium | 12
    Nylon Zip Ties 8 Inch Black (100 Pack) | 8 in | black | nylon | 100
    Canvas Drop Cloth 9 x 12 ft | 9 x 12 ft | - | canvas | -
    Ravensburger 1000 Piece Puzzle | - | - | - | -
    LEGO Star Wars Millennium Falcon (1,351 Pieces) | - | - | - | -
    Crayola Crayons 24 Count | - | - | - | 24
    Hot Wheels 20 Car Gift Pack | - | - | - | -
    Nerf Elite Dart Refill, 30 Darts | - | - | - | 30
    Zinus 12 Inch Memory Foam Mattress, Queen | 12 in | - | - | -
    Safavieh Rug 5' x 8' Ivory/Blue | 5 x 8 ft | white | - | -
    Black Metal Bookshelf 5-Tier | - | black | - | -
    Cuisinart 12-Piece Cookware Set, Stainless Steel | - | - | stainless steel | 12
    Bamboo Cutting Board 15 x 10 Inches | 15 x 10 in | - | bamboo | -
    Hydro Flask Water Bottle 32 oz Stainless Steel - Cobalt | 32 oz | - | stainless steel | -
    Pellegrino Sparkling Water, 25.3 Fl. Oz., 12 bottles | 25.3 fl oz | - | - | 12
    Honey Nut Cheerios 10.8 oz | 10.8 oz | - | - | -
    Tilda Basmati Rice 5kg | 5 kg | - | - | -
    Kirkland Signature Organic Brown Eggs, 24 Count | - | - | - | 24
    Red Kidney Beans, Canned, 15.5 oz (8 Pack) | 15.5 oz | - | - | 8
    White Vinegar Distilled 1 Gallon | 1 gal | - | - | -
    Blue Bottle Coffee Bella Donovan 12oz | 12 oz | - | - | -
    Black Forest Gummy Bears 28.8 oz | 28.8 oz | - | - | -
    Coca-Cola Zero 24 x 0,33 l | 0.33 l | - | - | 24
    Samsung Galaxy S21 5G 128GB Phantom White | - | white | - | -
    Bose QuietComfort 45 Headphones, White Smoke | - | white | - | -
    Laptop Backpack 15.6 Inch, Water Resistant, Grey | 15.6 in | grey | - | -
    Mechanical Keyboard Red Switches RGB, Black | - | black | - | -
    Nike Men's Air Max 270 Shoes, Black/White, Size 10 | - | black | - | -
    Camiseta de algodón negra talla L | L | black | cotton | -
    The Girl with the Pearl Earring | - | - | - | -
    Clifford the Big Red Dog Paperback | - | - | - | -
    Pink Floyd - The Dark Side of the Moon [Vinyl] | - | - | - | -
    Brown Bear, Brown Bear, What Do You See? Board Book | - | - | - | -
    A Study in Scarlet by Arthur Conan Doyle | - | - | - | -
    Bioré Charcoal Pore Strips 6 Count | - | - | - | 6
    John Frieda Violet Crush Purple Shampoo 8.3 oz | 8.3 oz | - | - | -
    Gorilla Tape, Black, 1.88" x 12 yd | 1.88 in x 12 yd | black | - | -
    Steel Wool Pads, Grade 0000, 16 pads | - | - | - | 16
    Copper Pipe Cutter 1/8" to 1-1/8" | 1/8 in | - | - | -
    LED Strip Lights 32.8ft White | 32.8 ft | white | - | -
    Green Toys Dump Truck, Yellow/Red | - | yellow | - | -
    Plush Teddy Bear 12 inch Brown | 12 in | brown | - | -
    Glass Dining Table 47 x 27.5 x 30 inches, Black Legs | 47 x 27.5 x 30 in | black | - | -
    Area Rug 5x7 ft Grey Shag | 5 x 7 ft | grey | - | -
    Queen Bed Frame with Headboard, White Wood | - | white | wood | -
    Yankee Candle Black Cherry 22 oz | 22 oz | - | - | -
    Lodge Cast Iron Skillet 10.25" | 10.25 in | - | cast iron | -
    Rubbermaid Plastic Food Storage Container Set, 20-Piece, Red | - | red | plastic | 20
    Stoneware Dinnerware Set for 4, 16 Piece, Blue | - | blue | ceramic | 16
    Wine Glasses Set of 4, 15 oz | 15 oz | - | - | 4
    """.strip().splitlines()
]
TITLES = [title for title, *_ in LABELLED]


def shares(said, place):
    """Precision and recall."""
    there = [row[place] for row in LABELLED]
    right = sum(one is not None and one == other for one, other in zip(said, there, strict=True))
    return right / sum(one is not None for one in said), right / sum(one is not None for one in there)


@pytest.mark.parametrize(("place", "attribute"), [(1, size), (2, colour), (3, material), (4, pack)])
def test_what_is_read_of_titles_is_right_and_little_is_missed(place, attribute):
    said = pl.DataFrame({"title": TITLES}).select(attribute(pl.col("title")).cast(pl.String)).to_series().to_list()
    precision, recall = shares(said, place)
    assert precision >= 0.9
    assert recall >= 0.9


@pytest.mark.parametrize(("place", "words"), [(2, COLOURS), (3, MATERIALS)])
def test_a_reader_that_takes_every_word_for_what_it_means_is_right_too_rarely(place, words):
    def first(title):
        return next((name for name, pattern in words.items() if re.search(rf"\b(?:{pattern})\b", title, re.IGNORECASE)), None)

    precision, _ = shares([first(title) for title in TITLES], place)
    assert precision < 0.7
