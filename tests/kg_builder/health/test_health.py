"""What a check finds: faults that are planted one by one, with the answer they must give."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kg_builder
from kg_builder.errors import BadRequest
from kg_builder.health import HARD_RULES, Threshold, check
from kg_builder.health.measures import Example, Measure
from kg_builder.planted import plant
from kg_builder.schema import RETAIL, GraphSchema, NodeSpec
from kg_builder.tables import GraphTables
from kg_builder.tabulation import tabulate
from kg_builder.values import DAY

NOW = 1_700_000_000
BOUGHT = ("User", "BOUGHT", "Product")
PARENT = ("Category", "CHILD_OF", "Category")


def bought(*rows):
    """Edges (user, product, at), each with a key of its own."""
    columns = {"source": pl.String, "target": pl.String, "at": pl.Int64}
    return pl.DataFrame(rows, schema=columns, orient="row").with_row_index("key").cast({"key": pl.String})


def ids(*names, **columns):
    return pl.DataFrame({"id": list(names), **columns}, schema_overrides={"id": pl.String})


def edges(*pairs):
    return pl.DataFrame(pairs, schema={"source": pl.String, "target": pl.String}, orient="row")


def report(nodes=None, links=None, *thresholds, schema=RETAIL):
    return check(GraphTables.of(schema, nodes or {}, links or {}), thresholds, now=NOW)


def examples(measure):
    return [one.id for one in measure.examples]


@pytest.fixture(scope="module")
def planted():
    shop = plant()
    return tabulate(shop.dump, now=NOW), shop.truth


def test_a_node_that_no_edge_touches_is_an_orphan_whatever_its_label():
    nodes = {"User": ids("u1", "u2"), "Product": ids("p1", "p2", "p3"), "Brand": ids("b1")}
    found = report(nodes, {BOUGHT: bought(("u1", "p2", 5))})
    assert (found["orphans.User"].value, examples(found["orphans.User"])) == (1, ["u2"])
    assert (found["orphans.Product"].share, examples(found["orphans.Product"])) == (pytest.approx(2 / 3), ["p1", "p3"])
    assert (found["orphans.Brand"].value, found["orphans.Category"].of) == (1, 0)


def test_an_edge_of_any_type_and_either_end_saves_a_node_from_being_an_orphan():
    found = report({"Category": ids("a", "b", "c")}, {PARENT: edges(("a", "b"))})
    assert examples(found["orphans.Category"]) == ["c"]


def test_nodes_that_share_an_id_and_nodes_without_one_are_duplicates():
    found = report({"User": ids("u1", "u1", "u1", "u2"), "Product": ids("u1", None)})
    assert (found["duplicate_nodes"].value, found["duplicate_nodes"].of) == (4, 6)
    assert found["duplicate_nodes"].examples == (Example("User u1", 3), Example("Product null", 1))
    assert [one.measure.name for one in found.violations] == ["duplicate_nodes"]


def test_edges_are_duplicates_where_ends_and_key_are_equal():
    twice = pl.concat([bought(("u1", "p1", 1)), bought(("u1", "p1", 2), ("u1", "p1", 2))])
    found = report({"User": ids("u1"), "Product": ids("p1")}, {BOUGHT: twice})
    assert found["duplicate_edges"].examples == (Example("User-BOUGHT-Product u1 p1 0", 2),)
    assert (found["duplicate_edges"].value, found["duplicate_edges"].of) == (2, 3)


def test_an_edge_dangles_where_one_end_or_both_are_no_nodes_of_its_labels():
    nodes = {"User": ids("u1", "p9"), "Product": ids("p1")}
    links = bought(("u1", "p1", 1), ("u1", "p9", 1), ("u9", "p1", 1), ("u9", "p9", 1))
    found = report(nodes, {BOUGHT: links})
    assert (found["dangling_edges"].value, found["dangling_edges"].of) == (3, 4)
    assert examples(found["dangling_edges"]) == ["u1-[BOUGHT]->p9", "u9-[BOUGHT]->p1", "u9-[BOUGHT]->p9"]
    assert not found.ok


def test_products_that_are_not_listed_are_bare_and_not_asked_for_text():
    products = ids("p1", "p2", "p3", listed=[True, None, True], title=["Tea", None, "  "])
    found = report({"Product": products})
    assert (found["bare_products"].value, examples(found["bare_products"])) == (1, ["p2"])
    assert (found["products_with_text"].value, found["products_with_text"].of) == (1, 2)
    assert examples(found["products_with_text"]) == ["p3"]
    assert examples(found["has.Product.title"]) == ["p3"]


def test_every_property_of_the_schema_has_the_share_of_nodes_that_have_it():
    schema = RETAIL.with_properties("User", {"age": "integer", "tags": "strings", "city": "string"})
    users = ids("a", "b", "c", "d", age=[0, None, 7, 8], tags=[["x"], [], None, ["y"]], city=["Oslo", "", " ", None])
    found = report({"User": users}, schema=schema)
    assert [found[f"has.User.{name}"].share for name in ("age", "tags", "city")] == [0.75, 0.5, 0.25]
    assert examples(found["has.User.tags"]) == ["b", "c"]


def test_a_property_that_nobody_has_is_measured_as_well():
    found = report({"Product": ids("p1", "p2", title=["Tea", None], listed=[True, True]), "Brand": ids("b")})
    shares = {
        name: found[f"has.{name}"].share for name in ("Product.title", "Product.price", "Product.description", "Brand.name")
    }
    assert shares == {"Product.title": 0.5, "Product.price": 0, "Product.description": 0, "Brand.name": 0}
    assert found["has.Review.text"].of == 0
    assert not any("Alias" in name for name in found.by_name())


def test_what_a_model_wrote_back_is_no_property_and_no_edge():
    nodes = {"User": ids("u1", graph_embedding=[[1.0]]), "Product": ids("p1")}
    found = report(nodes, {("User", "RECOMMENDED", "Product"): edges(("u1", "p1")).with_columns(model=pl.lit("m"))})
    assert found["orphans.User"].value == 1
    assert "has.User.graph_embedding" not in found.by_name()


def test_a_bot_is_far_out_and_a_heavy_buyer_is_not():
    few = [(f"u{user}", f"p{nth}", 1) for user in range(40) for nth in range(10 + user % 5)]
    heavy = [("heavy", f"p{nth}", 1) for nth in range(99)]
    bot = [("bot", f"p{nth}", 1) for nth in range(130)]
    people = ids(*(f"u{user}" for user in range(40)), "heavy", "bot")
    found = report({"User": people, "Product": ids(*(f"p{nth}" for nth in range(130)))}, {BOUGHT: bought(*few, *heavy, *bot)})
    assert found["degree_outliers.User"].examples == (Example("bot", 130),)
    assert found["degree_outliers.Product"].value == 0


def test_a_hundred_edges_are_nothing_odd_where_everybody_has_so_many():
    links = bought(*((f"u{user}", f"p{nth}", 1) for user in range(5) for nth in range(100 + 60 * user)))
    nodes = {"User": ids(*(f"u{user}" for user in range(5))), "Product": ids(*(f"p{nth}" for nth in range(340)))}
    assert report(nodes, {BOUGHT: links})["degree_outliers.User"].value == 0


def test_a_little_more_than_what_everybody_has_is_not_far_out():
    links = bought(*((f"u{user}", f"p{nth}", 1) for user in range(5) for nth in range(110 + 30 * (user == 0))))
    nodes = {"User": ids(*(f"u{user}" for user in range(5))), "Product": ids(*(f"p{nth}" for nth in range(140)))}
    assert report(nodes, {BOUGHT: links})["degree_outliers.User"].value == 0


def test_bare_products_do_not_make_described_ones_look_far_out():
    described = [f"p{nth}" for nth in range(5)]
    bare = [f"x{nth}" for nth in range(600)]
    products = ids(*described, *bare, listed=[True] * 5 + [None] * 600)
    pairs = [(described[nth % 5], other) for nth, other in enumerate(bare)]
    found = report({"Product": products}, {("Product", "ALSO_BOUGHT", "Product"): edges(*pairs)})
    assert found["degree_outliers.Product"].value == 0


@pytest.mark.parametrize("length", [1, 2, 3, 40])
def test_a_cycle_of_categories_is_found_without_what_hangs_on_it(length):
    ring = [(f"c{nth:02}", f"c{(nth + 1) % length:02}") for nth in range(length)]
    tree = [("top", "c00"), ("leaf", "top"), ("other", "root")]
    names = {name for pair in (*ring, *tree) for name in pair}
    found = report({"Category": ids(*names)}, {PARENT: edges(*ring, *tree)})
    assert found["category_cycles"].value == length
    assert examples(found["category_cycles"]) == sorted(f"c{nth:02}" for nth in range(length))[:5]
    assert [one.measure.name for one in found.violations] == ["category_cycles"]


def test_a_diamond_is_no_cycle_but_its_foot_has_several_parents():
    found = report(
        {"Category": ids("a", "b", "c", "d")}, {PARENT: edges(("b", "a"), ("c", "a"), ("d", "b"), ("d", "c"), ("d", "b"))}
    )
    assert found["category_cycles"].value == 0
    assert found["category_parents"].examples == (Example("d", 2),)
    assert found["category_depth"].value == 3


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 30))
def test_the_depth_of_a_chain_is_its_length(length):
    chain = edges(*((f"c{nth}", f"c{nth + 1}") for nth in range(length - 1)))
    found = report({"Category": ids(*(f"c{nth}" for nth in range(length)))}, {PARENT: chain})
    assert found["category_depth"].value == length


def test_times_are_counted_and_a_day_after_now_the_future_begins():
    links = bought(("u1", "p1", 5 * DAY), ("u1", "p1", None), ("u1", "p1", NOW + DAY), ("u2", "p2", NOW + DAY + 1))
    found = report({"User": ids("u1", "u2"), "Product": ids("p1", "p2")}, {BOUGHT: links})
    assert (found["interactions_with_time"].value, found["interactions_with_time"].share) == (3, 0.75)
    assert (found["first_interaction"].value, found["last_interaction"].value) == (5 * DAY, NOW + DAY)
    assert examples(found["interactions_in_future"]) == ["u2 BOUGHT p2"]
    assert [one.measure.name for one in found.violations] == ["interactions_in_future"]


def test_a_gap_is_longer_than_a_week_and_than_five_usual_distances():
    days = [*range(10), *range(16, 30), *range(40, 50)]  # 6 and 10 days without anything, else daily
    found = report({}, {BOUGHT: bought(*(("u", "p", day * DAY) for day in days))})
    assert found["time_gaps"].examples == (Example("1970-01-31 to 1970-02-09", 10),)
    assert (found["longest_gap"].value, found["longest_gap"].unit) == (10, "days")


def test_interactions_in_the_future_stretch_no_gap():
    days = [*range(10), (NOW + 900 * DAY) // DAY]
    found = report({}, {BOUGHT: bought(*(("u", "p", day * DAY) for day in days))})
    assert (found["longest_gap"].value, found["time_gaps"].value) == (0, 0)
    assert found["last_interaction"].value == 9 * DAY
    assert found["interactions_in_future"].value == 1


def test_a_shop_that_sells_once_a_fortnight_has_no_gaps():
    found = report({}, {BOUGHT: bought(*(("u", "p", 14 * nth * DAY) for nth in range(20)))})
    assert (found["time_gaps"].value, found["longest_gap"].value) == (0, 13)


def test_a_shop_that_sells_once_a_fortnight_may_pause_for_six_weeks():
    days = [*range(0, 140, 14), *range(168, 280, 14)]
    found = report({}, {BOUGHT: bought(*(("u", "p", day * DAY) for day in days))})
    assert (found["time_gaps"].value, found["longest_gap"].value) == (0, 41)


def test_a_graph_without_times_has_no_first_and_no_longest():
    found = report({}, {BOUGHT: bought(("u", "p", None))})
    assert [found[name].value for name in ("first_interaction", "last_interaction", "longest_gap", "time_gaps")] == [None] * 4


def test_coverage_counts_listed_products_and_active_users():
    nodes = {
        "User": ids("u1", "u2", "u3"),
        "Product": ids("p1", "p2", "p3", "p4", "bare", price=[1.0, None, 0.0, None, 9.0], listed=[True] * 4 + [None]),
        "Review": ids("r1", text=["good"]),
        "Brand": ids("b"),
        "Category": ids("c"),
    }
    links = {
        BOUGHT: bought(*(("u1", "p1", nth) for nth in range(5)), ("u2", "p2", 1)),
        ("User", "WROTE", "Review"): edges(("u2", "r1")),
        ("Review", "ABOUT", "Product"): edges(("r1", "p3")),
        ("Product", "MADE_BY", "Brand"): edges(("p1", "b"), ("bare", "b")),
        ("Product", "IN_CATEGORY", "Category"): edges(("p1", "c"), ("p2", "c"), ("p3", "c")),
    }
    found = report(nodes, links)
    shares = {
        "price": 0.5,
        "brand": 0.25,
        "category": 0.75,
        "reviews": 0.25,
        "interactions": 0.75,
        "text": 0,
    }
    assert {name: found[f"products_with_{name}"].share for name in shares} == shares
    assert (found["users_with_2_interactions"].value, found["users_with_5_interactions"].value) == (2, 1)
    assert examples(found["users_with_5_interactions"]) == ["u2", "u3"]


def test_interactions_repeat_where_user_product_and_kind_are_the_same():
    links = {
        BOUGHT: bought(("u", "p", 1), ("u", "p", 2), ("u", "p", 3), ("u", "q", 4)),
        ("User", "VIEWED", "Product"): bought(("u", "p", 0)),
    }
    found = report({}, links)
    assert (found["repeated_interactions"].value, found["repeated_interactions"].of) == (2, 5)
    assert found["repeated_interactions"].examples == (Example("u BOUGHT p", 3),)


def test_brands_of_one_name_are_worth_a_look_whatever_their_case():
    found = report({"Brand": ids("a", "b", "c", "d", name=["Acme", "ACME", "Other", None])})
    assert found["brands_with_shared_name"].value == 2
    assert found["brands_with_shared_name"].examples == (Example("acme", 2),)


def test_a_title_of_five_products_is_worth_a_look_and_one_of_four_is_not():
    titles = ["Tea"] * 5 + ["Cup"] * 4
    found = report({"Product": ids(*(f"p{nth}" for nth in range(9)), title=titles, listed=[True] * 9)})
    assert (found["products_with_shared_title"].value, found["products_with_shared_title"].of) == (5, 9)
    assert found["products_with_shared_title"].examples == (Example("tea", 5),)


def test_reviews_that_say_nothing_are_counted():
    found = report({"Review": ids("r1", "r2", "r3", text=["fine", "  ", None])})
    assert examples(found["reviews_without_text"]) == ["r2", "r3"]


def test_ratings_that_are_all_equal_are_all_alike():
    nodes = {"User": ids("u"), "Product": ids("p"), "Review": ids("r1", "r2", "r3", "r4", rating=[5.0, 5.0, 1.0, None])}
    links = {
        ("User", "WROTE", "Review"): edges(*(("u", f"r{nth}") for nth in range(1, 5))),
        ("Review", "ABOUT", "Product"): edges(*((f"r{nth}", "p") for nth in range(1, 5))),
    }
    found = report(nodes, links)["ratings_alike"]
    assert (found.value, found.of, found.examples) == (2, 3, (Example("5.0", 2),))


def test_an_empty_graph_and_a_schema_without_products_can_be_checked():
    assert report().ok
    assert report({"Person": ids("a")}, schema=GraphSchema.of([NodeSpec("Person")], []))["orphans.Person"].value == 1


def test_the_planted_shop_is_sound_and_shows_what_is_planted(planted):
    tables, truth = planted
    found = check(tables, now=NOW)
    assert found.ok
    assert found["bare_products"].examples == (Example("x-unlisted"),)
    assert found["products_with_interactions"].value == 120 - len(truth.cold)
    assert examples(found["products_with_interactions"]) == sorted(truth.cold)[:5]
    assert found["has.Product.color"].share == 1
    assert found["category_depth"].value == 2


def test_both_stores_and_the_tables_give_equal_reports(store, planted):
    tables, _ = planted
    store.write(tables)
    assert check(store, ["products_with_brand=99%"], now=NOW) == check(tables, ["products_with_brand=99%"], now=NOW)


def test_check_takes_an_address_and_is_what_the_package_gives(tmp_path, planted):
    with kg_builder.connect(tmp_path / "shop.graph", create=True) as store:
        store.write(planted[0])
    assert kg_builder.check(str(tmp_path / "shop.graph"), now=NOW) == check(planted[0], now=NOW)


def test_the_order_of_the_rows_changes_nothing(planted):
    tables, _ = planted
    turned = GraphTables.of(
        tables.schema,
        {label: table.reverse() for label, table in tables.nodes.items()},
        {kind: table.reverse() for kind, table in tables.edges.items()},
    )
    assert check(turned, now=NOW) == check(tables, now=NOW)


HIGH = Measure("text", "g", "w", 79, 100, "high", examples=(Example("p1"),))
LOW = Measure("orphans", "g", "w", 6, 100)
BARE = Measure("depth", "g", "w", 6, better="neither")


@pytest.mark.parametrize(
    ("said", "measure", "message"),
    [
        ("text=80%", HIGH, "text must be at least 80% (got 79.0%): p1"),
        ("text=79%", HIGH, None),
        ("text>=80%", HIGH, "text must be at least 80% (got 79.0%): p1"),
        ("text<=50%", HIGH, "text must be at most 50% (got 79.0%): p1"),
        ("orphans=5%", LOW, "orphans must be at most 5% (got 6.0%)"),
        ("orphans=6", LOW, None),
        ("orphans<=5", LOW, "orphans must be at most 5 (got 6)"),
        ("orphans >= 7", LOW, "orphans must be at least 7 (got 6)"),
        ("depth>=7", BARE, "depth must be at least 7 (got 6)"),
    ],
)
def test_equals_means_at_least_for_high_and_at_most_for_low(said, measure, message):
    assert Threshold.parse(said).violation(measure) == message


def test_nothing_to_measure_keeps_an_upper_bound_and_no_lower_one():
    empty = Measure("text", "g", "w", 0, 0, "high")
    assert Threshold.parse("text<=10%").violation(empty) is None
    assert Threshold.parse("text=10%").violation(empty) == "text must be at least 10% (there is nothing to measure)"


def test_a_share_just_below_its_limit_is_not_written_like_it():
    assert "got 79.996%" in Threshold.parse("text=80%").violation(Measure("text", "g", "w", 79_996, 100_000, "high"))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("prodcts_with_text=80%", "did you mean 'products_with_text'?"),
        ("products_with_text", "must be of the form NAME=80%"),
        ("products_with_text=many", "must be of the form NAME=80%"),
        ("products_with_text==3", "must be of the form NAME=80%"),
        ("products_with_text=-1", "must be of the form NAME=80%"),
        ("products_with_text=150%", "a share is at most 100% (got products_with_text=150%)"),
        ("products_with_text=80", "products_with_text is held to a share: say products_with_text=80% (got 80)"),
        ("users_with_5_interactions>=1000", "say users_with_5_interactions>=80% (got 1000)"),
        ("products_with_text>=0.8", "a share needs a %: say products_with_text>=80% (got products_with_text>=0.8)"),
        ("orphans.User=2.5", "a number must be whole, and a share needs a %: say orphans.User=2.5%"),
        ("category_depth=3", "say category_depth>=… or category_depth<=…"),
        ("category_depth<=30%", "category_depth is no share of anything"),
    ],
)
def test_a_threshold_that_cannot_be_is_refused_with_what_to_write(said, words):
    with pytest.raises(BadRequest) as caught:
        report({"Product": ids("p1")}, {}, said)
    assert words in str(caught.value)


def test_a_given_threshold_replaces_the_hard_rule_of_its_measure():
    nodes = {"User": ids("u1", "u1", "u2", "u2")}
    assert report(nodes, {}, "duplicate_nodes=4").ok
    assert not report(nodes, {}, "orphans.User=4").ok


def test_every_hard_rule_names_a_measure():
    names = report().by_name()
    assert {Threshold.parse(rule).name for rule in HARD_RULES} <= names.keys()


def test_a_report_says_where_a_name_is_unknown():
    with pytest.raises(BadRequest, match="did you mean 'bare_products'"):
        report()["bare_product"]
