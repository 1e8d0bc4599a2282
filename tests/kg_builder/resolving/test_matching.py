"""Which names are one thing, and above all which are not."""

import pytest

from kg_builder.errors import BadRequest
from kg_builder.planted import plant
from kg_builder.planted.names import planted_names
from kg_builder.resolution import brand_id
from kg_builder.resolving.matching import Named, find
from kg_builder.tabulation import tabulate

SHOES, TOYS, REST = frozenset({"Sports", "Shoes"}), frozenset({"Kids", "Toys"}), frozenset({"Garden"})
OTHERS = [Named(f"other{number}", f"Something Else {letter}", 5, REST) for number, letter in enumerate("KLMNOP")]


def brands(*named):
    """(rule) of the pairs found among these (name, uses, categories), by their names."""
    known = [Named(brand_id(name), name, uses, categories) for name, uses, categories in named]
    names = {one.id: one.name for one in known}
    return {tuple(sorted((names[match.one_id], names[match.other_id]))): match.rule for match in find("Brand", [*known, *OTHERS])}


@pytest.mark.parametrize(
    "one, other, rule",
    [
        ("Velora Sports", "Velora Sports, Inc.", "legal form"),
        ("Velora & Sons", "Velora and Sons Ltd", "legal form"),
        ("Nestlanda", "Nestlandá", "accents"),
        ("Borealis", "Borealsi", "misspelt"),
        ("International Velora", "Intl Velora", "abbreviated"),
        ("Velora Geographic", "Velora Geog.", "abbreviated"),
        ("Velora Running Shoes", "VRS", "initials"),
    ],
)
def test_one_brand_in_two_spellings_is_found_where_its_categories_are_shared(one, other, rule):
    assert brands((one, 9, SHOES), (other, 1, SHOES)) == {tuple(sorted((one, other))): rule}


@pytest.mark.parametrize("other", ["Nestlandá", "Nestlanba", "Nestl."])
def test_a_likely_pair_in_other_categories_is_not_one_brand(other):
    assert brands(("Nestlanda", 9, SHOES), (other, 1, TOYS)) == {}


@pytest.mark.parametrize(
    "one, other",
    [
        ("Acme", "Acmé"),
        ("Puma", "Pumo"),
        ("Studio 54", "Studio 55"),
        ("Rocket II", "Rocket III"),
        ("Brand A", "Brand B"),
        ("Disney", "Disney+"),
        ("Hearst Magazines", "Hearst Magazines UK"),
        ("Idp Publications", "Ic Publications"),
        ("Harris Publications", "Harris Publishing"),
    ],
)
def test_look_alikes_are_two_brands_though_their_categories_are_shared(one, other):
    assert brands((one, 9, SHOES), (other, 8, SHOES)) == {}


@pytest.mark.parametrize("one, other", [("Studio 1.5", "Studio 15"), ("Studio 1 5", "Studio 15"), ("Web 2.0", "Web 20")])
def test_brands_that_differ_by_a_number_are_two_to_the_build_and_to_matching(one, other):
    assert brand_id(one) != brand_id(other)
    assert brands((one, 40, SHOES), (other, 1, SHOES)) == {}


@pytest.mark.parametrize(
    "one, other", [("Kingston", "Kingstone"), ("Marshall", "Marshal"), ("Columbia", "Colombia"), ("Hansen", "Hanson")]
)
def test_a_name_in_use_is_no_misspelling_of_one_three_times_as_frequent(one, other):
    assert brands((one, 40, SHOES), (other, 12, SHOES)) == {}


@pytest.mark.parametrize(
    "one, other",
    [
        ("Compact Speaker BT 5.0", "Compact Speaker BT 50"),
        ("Fine Grit Paper 1.5", "Fine Grit Paper 15"),
        ("Fine Grit Lens f/1.4", "Fine Grit Lens f/14"),
        ("Adapter Cable USB to HDMI", "Adapter Cable HDMI to USB"),
        ("Adapter Cable Male to Female", "Adapter Cable Female to Male"),
        ("Laptop 8GB RAM 16GB SSD", "Laptop 16GB RAM 8GB SSD"),
        ("Terminal Block X100 Y200", "Terminal Block Y100 X200"),
        ("Fast C# Primer", "Fast C Primer"),
        ("Pure Sodium Sulfite Powder", "Pure Sodium Sulfate Powder"),
        ("Paper Sheets Gloss", "Paper Sheets Glossy"),
    ],
)
def test_titles_that_differ_by_a_point_a_place_or_one_real_word_are_two_products(one, other):
    assert products(one, other) == []


def test_two_names_that_are_both_in_use_are_no_misspelling():
    assert brands(("Marlona", 9, SHOES), ("Marlone", 8, SHOES)) == {}


@pytest.mark.parametrize("uses", [(1, 1), (2, 2), (5, 3), (9, 4), (12, 8)])
def test_brands_that_are_used_about_as_often_are_two(uses):
    assert brands(("Borealis", uses[0], SHOES), ("Borealsi", uses[1], SHOES)) == {}


@pytest.mark.parametrize(
    "one, other",
    [("Anderson", "Andersen"), ("Valentino", "Valentina"), ("Green Mountain", "Green Mountains"), ("Highland", "Highlander")],
)
def test_another_vowel_or_ending_is_another_brand_unless_it_is_rare(one, other):
    assert brands((one, 9, SHOES), (other, 2, SHOES)) == {}


@pytest.mark.parametrize("one, other", [("Vortex", "Cortex"), ("Polaris", "Solaris"), ("Stone Bridge", "Stone Ridge")])
def test_another_first_letter_is_another_brand(one, other):
    assert brands((one, 20, SHOES), (other, 4, SHOES)) == {}


def test_titles_say_whether_a_brand_is_misspelt():
    def pairs(*titles):
        known = [
            Named("borealis", "Borealis", 9, SHOES, titles=("Borealis Boot",) * 9),
            Named("boreolis", "Boreolis", 3, SHOES, titles=titles),
        ]
        return [match.rule for match in find("Brand", [*known, *OTHERS])]

    assert pairs("Borealis Winter Boot", "Summer Boot", "Boot") == ["misspelt"]
    assert pairs("Boreolis Winter Boot", "Summer Boot", "Boot") == []
    assert pairs("Winter Boot", "Summer Boot", "Boot") == []


def test_a_short_form_of_two_brands_is_neither():
    known = [("General Foods", 6, SHOES), ("Genesis Foods", 6, SHOES), ("Gen. Foods", 2, SHOES)]
    assert brands(*known) == {}
    assert brands(known[0], known[2]) == {("Gen. Foods", "General Foods"): "abbreviated"}


@pytest.mark.parametrize(
    "one, other", [("Bay Gear", "Bailey Gear"), ("Star Kitchen", "Stellar Kitchen"), ("VRS", "Velora Red Sun")]
)
def test_a_short_form_that_is_about_as_frequent_is_another_brand(one, other):
    assert brands((one, 30, SHOES), (other, 30, SHOES)) == {}


def test_a_misspelling_belongs_to_the_nearest_brand_or_to_none():
    near, far = ("Vertvox House", 2, SHOES), ("Vertexa House", 38, SHOES)
    assert brands(far, ("Vertexo House", 1, SHOES)) == {("Vertexa House", "Vertexo House"): "misspelt"}
    assert brands(near, far, ("Vertvxo House", 1, SHOES)) == {}


@pytest.mark.parametrize("one, other", [("Size: M", "Size: L"), ("In black.", "In red."), ("For men.", "For women.")])
def test_descriptions_tell_products_of_one_title_apart(one, other):
    known = [Named(f"p{at}", "Garden Hose", price=1.0, brand="acme", text=text) for at, text in enumerate((one, other))]
    assert find("Product", known) == []


@pytest.mark.parametrize("name", ["variant", "weight_g", "length_m", "color", "part_number"])
def test_own_properties_tell_products_of_one_title_apart(name):
    known = [Named(f"p{at}", "Garden Hose", price=1.0, brand="acme", facts={name: str(at)}) for at in (1, 2)]
    assert find("Product", known) == []
    page = [Named(f"p{at}", "Garden Hose", price=1.0, brand="acme", facts={"image_url": str(at)}) for at in (1, 2)]
    assert len(find("Product", page)) == 1


def test_a_legal_form_after_the_brand_of_a_title_says_nothing():
    known = [
        Named(f"p{at}", title, price=1.0, brand="a", brand_name="Acme Company")
        for at, title in enumerate(("Acme Company Hose Reel", "Hose Reel"))
    ]
    assert len(find("Product", known)) == 1


def test_a_first_name_may_be_a_letter_where_one_name_alone_fits():
    assert brands(("Calvin Velora", 9, SHOES), ("C. Velora", 1, SHOES)) == {("C. Velora", "Calvin Velora"): "initials"}
    assert brands(("Calvin Velora", 9, SHOES), ("Carla Velora", 9, SHOES), ("C. Velora", 1, SHOES)) == {}


def test_initials_of_two_brands_say_which_of_neither():
    assert brands(("Velora Running Shoes", 9, SHOES), ("Vast Red Socks", 9, SHOES), ("VRS", 1, SHOES)) == {}


def products(*titles, prices=None, **further):
    known = [
        Named(f"p{place}", title, price=(prices or [10.0] * len(titles))[place], brand="acme", brand_name="Acme", **further)
        for place, title in enumerate(titles)
    ]
    return [(match.one_id, match.other_id) for match in find("Product", known)]


@pytest.mark.parametrize(
    "other",
    [
        "TRAVEL KETTLE X-200 500ML RED",
        "Red Travel Kettle X200, .5 l",
        "Acme Travel Kettle X200 (500 ml, red)",
    ],
)
def test_one_product_under_two_titles_is_found(other):
    assert products("Travel Kettle X200 500 ml Red", other) == [("p0", "p1")]


KETTLES = ("Travel Kettle X200", "Travel Ketttle X200")


def test_a_misspelt_title_is_found_where_other_titles_have_the_right_word():
    assert products(*KETTLES, "Garden Kettle X7", "Kettle Cleaner X8") == [("p0", "p1")]
    assert products(*KETTLES, "Garden Kettle X7", "Ketttle Cleaner X8") == []


def test_a_misspelt_title_is_found_where_its_description_has_the_right_word():
    assert products(*KETTLES) == []
    assert products(*KETTLES, text="A kettle for the road.") == [("p0", "p1")]
    assert products(*KETTLES, text="A kettle for the road, a ketttle for the town.") == []


@pytest.mark.parametrize("one, other", [("Diner Serving Plate", "Dinner Serving Plate"), ("Angle Bracket", "Angel Bracket")])
def test_two_words_that_both_are_words_are_no_misspelling(one, other):
    known = [f"{word} {number} Extra" for word in (one.split()[0], other.split()[0]) for number in ("Lamp", "Mug", "Rug")]
    assert products(one, other) == products(one, other, *known) == []


@pytest.mark.parametrize(
    "one, other",
    [
        ("Drill P88A Cordless", "Drill P88 Cordless"),
        ("Bra Underwire 34A", "Bra Underwire 34"),
        ("Vitamin A Capsules", "Vitamin Capsules"),
        ("Fuse 10A Glass", "Fuse 10 Glass"),
        ("The Who Live Album", "Who Live Album"),
        ("Temperature Probe -20 Degree", "Temperature Probe 20 Degree"),
        ("Tee Shirt ♂ Basic", "Tee Shirt ♀ Basic"),
        ("English Spanish Dictionary", "Spanish English Dictionary"),
        ("Milk Chocolate Drink Powder", "Chocolate Milk Drink Powder"),
        ("Converter Kilometers Miles", "Converter Miles Kilometers"),
        ("House Boat", "Boat House"),
    ],
)
def test_a_letter_a_sign_or_another_order_makes_another_product(one, other):
    assert products(one, other) == []


def test_parts_of_a_title_may_change_places():
    assert products("Folding Travel Kettle X200", "Kettle, Folding, Travel X200") == [("p0", "p1")]
    assert products("Folding Travel Kettle X200", "Kettle X200 Folding Travel") == [("p0", "p1")]


def test_one_title_over_descriptions_with_other_measures_is_two_products():
    known = [Named(f"p{m}", "Garden Hose", price=1.0, brand="acme", text=f"Length {m} m. Green.") for m in (10, 20)]
    assert find("Product", known) == []


def test_vectors_join_products_of_one_description_alone_and_never_one_with_a_word_more():
    alike = lambda texts: [[1.0, 0.0] for _ in texts]  # noqa: E731
    text = "A kettle for the road that boils half a litre of water in a minute."

    def pairs(one, other, *texts):
        known = [
            Named(f"p{at}", title, price=1.0, brand="acme", text=said)
            for at, (title, said) in enumerate(zip((one, other), texts, strict=True))
        ]
        return [(match.one_id, match.other_id) for match in find("Product", known, vectors=alike)]

    assert pairs("Travel Kettle", "Journey Boiler", text, text) == [("p0", "p1")]
    assert pairs("Travel Kettle", "Journey Boiler", text, text + " Cordless.") == []
    assert pairs("Travel Kettle", "Travel Kettle Supreme", text, text) == []


@pytest.mark.parametrize(
    "other",
    [
        "Travel Kettle X201 500 ml Red",
        "Travel Kettle Y200 500 ml Red",
        "Travel Kettle X200 750 ml Red",
        "Travel Kettle X200 500 ml Blue",
        "Travel Kettle X200 500 ml Red 2-Pack",
        "Travel Kettle X200 500 ml Red 2019",
        "Travel Kettle Pro X200 500 ml Red",
        "Travel Basket X200 500 ml Red",
        "Travel Kettles X200 500 ml Red",
        "Women's Travel Kettle X200 500 ml Red",
    ],
)
def test_look_alikes_are_two_products(other):
    assert products("Travel Kettle X200 500 ml Red", other) == []


@pytest.mark.parametrize(
    "one, other",
    [
        ("Cooking Light Print Magazine", "Cooking Light Kindle Edition"),
        ("Cooking Light (1-year)", "Cooking Light (2-year)"),
        ("Cooking Light Vol. 1", "Cooking Light Vol. 2"),
        ("Cooking Light Part II", "Cooking Light Part III"),
        ("Cap S Left", "Cap M Left"),
        ("Cap Left", "Cap Right"),
        ("Black on White Shirt", "White on Black Shirt"),
        ("Model 12 Grip 34", "Model 34 Grip 12"),
    ],
)
def test_editions_and_variants_are_two_products(one, other):
    assert products(one, other) == []


def test_one_title_at_two_prices_is_two_products():
    assert products("Travel Kettle", "Travel Kettle", prices=[10.0, 14.0]) == []


def test_a_title_without_a_price_is_one_product_only_under_one_description():
    text = "A kettle for the road that boils half a litre of water in a minute."
    assert products("Travel Kettle", "Travel Kettle", prices=[None, None]) == []
    assert products("Travel Kettle", "Travel Kettle", prices=[None, None], text=text) == [("p0", "p1")]


def test_a_title_that_many_products_carry_says_not_which():
    assert products(*["Travel Kettle"] * 4) == []


def test_products_that_a_property_tells_apart_are_two():
    known = [
        Named(f"p{place}", "Travel Kettle", price=1.0, brand="acme", facts={"item_size": size})
        for place, size in enumerate(["5 l", "6 l"])
    ]
    assert find("Product", known) == []


def test_products_bought_together_are_two():
    known = [
        Named("p0", "Travel Kettle", price=1.0, brand="acme", linked=frozenset({"p1"})),
        Named("p1", "Travel Kettle", price=1.0, brand="acme"),
    ]
    assert find("Product", known) == []


def test_categories_of_one_name_are_one_under_one_parent_only():
    known = [
        Named("a", "Bed & Bath", parent="home"),
        Named("b", "Bath and Bed", parent="home"),
        Named("c", "Bed & Bath", parent="sale"),
        Named("d", "Size 4", parent="home"),
        Named("e", "Size 5", parent="home"),
    ]
    assert [(match.one_id, match.other_id) for match in find("Category", known)] == [("a", "b")]


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("Watering Equipment", "Watering Equipement", True),
        ("Accessories", "Acessories", True),
        ("Antihypertensives", "Antihypotensives", False),
        ("Hyperglycemics", "Hypoglycemics", False),
        ("Sheepwear", "Sleepwear", False),
    ],
)
def test_a_misspelt_category_is_found_and_an_opposite_is_none(one, other, same):
    known = [Named(name, name, parent="home") for name in (one, other)]
    assert bool(find("Category", known)) == same


def test_vectors_join_what_no_letter_joins_but_not_what_a_number_tells_apart():
    known = [Named(name, name, 5, SHOES) for name in ("Quick Feet", "Fast Soles", "Fast Soles 2")]
    alike = lambda texts: [[1.0, 0.0] for _ in texts]  # noqa: E731
    assert find("Brand", [*known, *OTHERS]) == []
    found = find("Brand", [*known, *OTHERS], vectors=alike)
    pairs = {(match.one_id, match.other_id, match.rule) for match in found if "other" not in match.one_id}
    assert pairs == {("Fast Soles", "Quick Feet", "vectors")}


def test_a_label_or_threshold_that_cannot_be_is_refused():
    with pytest.raises(BadRequest, match="Brand, Category, Product"):
        find("User", [])
    with pytest.raises(BadRequest, match=r"0\.\.1"):
        find("Brand", [], threshold=1.5)


def resolved(dump):
    """From label and id to the id that stands for it."""
    from kg_builder.merging.clusters import clusters
    from kg_builder.resolving import matches

    tables = tabulate(dump, now=1_750_000_000).collect()
    found = clusters(tables, [], matches(tables))
    return {(cluster.label, node): cluster.canonical for cluster in found for node in cluster.found}


def test_nothing_of_the_planted_shop_is_merged():
    assert resolved(plant().dump) == {}


@pytest.mark.parametrize("seed", [200, 201])
def test_planted_spellings_are_found_and_look_alikes_are_not_merged(seed):
    names = planted_names(300, seed)
    to = resolved(names.dump)
    brands = names.brands.judge({one: to.get(("Brand", brand_id(one)), brand_id(one)) for one in names.brands.means})
    goods = names.products.judge({one: to.get(("Product", one), one) for one in names.products.means})
    assert brands.precision >= 0.99
    assert brands.recall >= 0.9
    spelt = {kind: counts for kind, counts in brands.found.items() if kind != "re-cased"}  # those, building has merged
    assert sum(found for found, _ in spelt.values()) >= 0.9 * sum(of for _, of in spelt.values())
    assert goods.wrong == ()
    assert goods.recall >= 0.9


def test_a_slip_beside_two_brands_does_not_join_them():
    assert brands(("Velorana", 20, SHOES), ("Veloruna", 15, SHOES), ("Velorana Ltd", 2, SHOES), ("Velorona", 1, SHOES)) == {
        ("Velorana", "Velorana Ltd"): "legal form"
    }


def test_look_alike_brands_on_one_shelf_are_seldom_merged():
    names = planted_names(300, 202, same_shelf=True)
    to = resolved(names.dump)
    brands = names.brands.judge({one: to.get(("Brand", brand_id(one)), brand_id(one)) for one in names.brands.means})
    assert brands.precision >= 0.99
    assert brands.recall >= 0.9


def test_leaving_all_as_it_was_built_misses_the_recall_asked_for():
    names = planted_names(300, 200)
    assert names.brands.judge({one: brand_id(one) for one in names.brands.means}).recall < 0.4


def test_the_same_seed_gives_the_same_names():
    assert planted_names(20, 3).brands == planted_names(20, 3).brands
    assert planted_names(20, 3).brands != planted_names(20, 4).brands
