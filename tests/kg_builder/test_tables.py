"""Laws of GraphTables: cutting, merging, saving and comparing."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg_builder.errors import SchemaError
from kg_builder.schema import RETAIL
from kg_builder.tables import GraphTables

USERS, PRODUCTS = ["u1", "u2", "u3"], ["p1", "p2", "p3"]
times = st.one_of(st.none(), st.integers(0, 20))
events = st.lists(st.tuples(st.sampled_from(USERS), st.sampled_from(PRODUCTS), times), max_size=12)
titles = st.one_of(st.none(), st.text(max_size=5))


def shop(bought, reviewed=(), titles_of=(None, None, None)):
    """The graph of bought and reviewed (user, product, at) triples."""
    review_ids = [f"r{number}" for number in range(len(reviewed))]
    return GraphTables.of(
        RETAIL,
        {
            "User": pl.DataFrame({"id": USERS}),
            "Product": pl.DataFrame({"id": PRODUCTS, "title": list(titles_of)}, schema={"id": pl.String, "title": pl.String}),
            "Review": pl.DataFrame(
                {"id": review_ids, "at": [at for *_, at in reviewed]}, schema={"id": pl.String, "at": pl.Int64}
            ),
        },
        {
            ("User", "BOUGHT", "Product"): pl.DataFrame(
                [(user, product, str(number), at) for number, (user, product, at) in enumerate(bought)],
                schema={"source": pl.String, "target": pl.String, "key": pl.String, "at": pl.Int64},
                orient="row",
            ),
            ("User", "WROTE", "Review"): pl.DataFrame(
                {"source": [user for user, *_ in reviewed], "target": review_ids},
                schema={"source": pl.String, "target": pl.String},
            ),
            ("Review", "ABOUT", "Product"): pl.DataFrame(
                {"source": review_ids, "target": [product for _, product, _ in reviewed]},
                schema={"source": pl.String, "target": pl.String},
            ),
        },
    )


@given(events, events, st.integers(0, 20), st.integers(0, 20))
def test_cutting_twice_is_cutting_at_the_earlier_moment(bought, reviewed, first, second):
    tables = shop(bought, reviewed)
    assert tables.until(first).until(second) == tables.until(min(first, second))


@given(events, events, st.integers(0, 20))
def test_what_is_cut_holds_together_and_has_no_future(bought, reviewed, at):
    cut = shop(bought, reviewed).until(at)
    cut.check()
    seen = cut.interactions().collect()["at"].drop_nulls()
    assert seen.is_empty() or seen.max() <= at


@given(events, events, events, st.integers(0, 20))
def test_changing_the_future_does_not_change_what_was_known(bought, reviewed, later, at):
    future = [(user, product, at + 1 + (moment or 0)) for user, product, moment in later]
    assert shop(bought, reviewed).until(at) == shop(bought + future, reviewed).until(at)


def test_until_keeps_what_happened_in_the_same_second():
    tables = shop([("u1", "p1", 7)], [("u2", "p2", 7)])
    assert tables.until(7).interactions().collect().height == 2
    assert tables.until(6).interactions().collect().height == 0


@given(events, events)
def test_interactions_are_the_events_and_the_reviews(bought, reviewed):
    chosen = shop(bought, reviewed).interactions().select("user", "product", "at").collect().rows()
    assert sorted(chosen, key=str) == sorted([*bought, *reviewed], key=str)


@given(events, events)
def test_merging_with_itself_changes_nothing(bought, reviewed):
    tables = shop(bought, reviewed)
    assert tables.merge(tables) == tables


@given(titles, titles)
def test_in_a_merge_the_later_title_wins_unless_it_is_unknown(before, after):
    merged = shop([], titles_of=(before, None, None)).merge(shop([], titles_of=(after, None, None)))
    title = merged.nodes["Product"].filter(pl.col("id") == "p1").collect()["title"].item()
    assert title == (before if after is None else after)


@given(events, st.randoms(use_true_random=False))
def test_equality_does_not_see_the_order_of_rows(bought, random):
    tables = shop(bought)
    mixed = list(range(len(bought)))
    random.shuffle(mixed)
    kind = ("User", "BOUGHT", "Product")
    shuffled = GraphTables.of(RETAIL, tables.nodes, {**tables.edges, kind: tables.edges[kind].collect()[mixed]})
    assert shuffled == tables


@given(events, st.integers(1, 20))
def test_equality_sees_one_changed_value(bought, at):
    one, other = shop([*bought, ("u1", "p1", 0)]), shop([*bought, ("u1", "p1", at)])
    assert one != other


def test_what_was_saved_is_loaded_and_an_older_table_is_gone(tmp_path):
    full, fewer = shop([("u1", "p1", 1)], [("u1", "p2", None)]), shop([("u2", "p2", 2)])
    full.save(tmp_path)
    assert GraphTables.load(tmp_path) == full
    fewer.save(tmp_path)
    assert GraphTables.load(tmp_path) == fewer


def test_derived_parts_are_left_out_and_the_rest_stays():
    tables = shop([("u1", "p1", 1)])
    vectors = pl.DataFrame({"id": PRODUCTS, "text_embedding": [[1.0, 0.0], None, None]})
    recommended = pl.DataFrame({"source": ["u1"], "target": ["p2"], "model": ["m"], "rank": [1]})
    written = tables.merge(GraphTables.of(RETAIL, {"Product": vectors}, {("User", "RECOMMENDED", "Product"): recommended}))
    assert written != tables
    assert written.without_derived() == tables


def test_a_misspelt_column_says_which_was_meant():
    with pytest.raises(SchemaError, match="Product has no property 'titel'; did you mean 'title'"):
        GraphTables.of(RETAIL, {"Product": pl.DataFrame({"id": ["p1"], "titel": ["x"]})}, {})


def test_a_table_without_ids_says_so():
    with pytest.raises(SchemaError, match="Product needs the column 'id'"):
        GraphTables.of(RETAIL, {"Product": pl.DataFrame({"title": ["x"]})}, {})


def test_an_edge_to_a_node_that_is_not_there_is_found():
    tables = shop([("u1", "p1", 1)])
    loose = GraphTables.of(RETAIL, {"User": tables.nodes["User"]}, tables.edges)
    with pytest.raises(SchemaError, match="'p1' is no Product"):
        loose.check()


def test_a_doubled_node_is_found():
    with pytest.raises(SchemaError, match="must be unique"):
        GraphTables.of(RETAIL, {"User": pl.DataFrame({"id": ["u1", "u1"]})}, {}).check()


def test_a_null_key_is_found():
    bought = pl.DataFrame({"source": ["u1"], "target": ["p1"], "key": [None]}, schema_overrides={"key": pl.String})
    tables = GraphTables.of(RETAIL, shop([]).nodes, {("User", "BOUGHT", "Product"): bought})
    with pytest.raises(SchemaError, match="must never be null"):
        tables.check()
