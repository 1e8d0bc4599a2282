"""Laws of tabulate: the order of rows does not count, nothing good is lost, keys are never null."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg_builder.dumps import Dump
from kg_builder.errors import EmptyDump, SchemaError
from kg_builder.rejects import Rejects
from kg_builder.tabulation import Held, tabulate

NOW = 1_600_000_000
users, products = st.sampled_from(["u1", "u2", " ", None]), st.sampled_from(["p1", "p2", "p3", None])
times = st.sampled_from([None, "1000000000", "1000000001", "0", "4000000000", "soon"])
kinds = st.sampled_from(["viewed", "bought", "interacted", "sung"])
keys = st.sampled_from([None, None, "o1", "o2"])
numbers = st.sampled_from([None, "1", "2.5", "many"])
event_rows = st.lists(st.tuples(users, products, kinds, keys, times, numbers, numbers), max_size=14)
review_rows = st.lists(
    st.tuples(users, products, times, st.sampled_from(["1", "5", "9", None]), st.text(max_size=3)), max_size=10
)
goods_rows = st.lists(
    st.tuples(
        products,
        st.sampled_from(["Tea", "<b>Tea</b>", "", None]),
        st.sampled_from(["Acme", "ACME", "acme.", None]),
        st.sampled_from([None, [["A", "B"]], [["A"], ["C"]]]),
        st.sampled_from([None, ["p1", "x1"], ["p2"]]),
    ),
    max_size=6,
)
TEXT = pl.String()


def frame(rows, **schema):
    return pl.DataFrame(rows, schema=schema, orient="row").with_row_index("line", offset=2).with_columns(file=pl.lit("f")).lazy()


def dump(goods, events, reviews):
    listed = pl.List(TEXT)
    return Dump(
        "test",
        "test",
        products=frame(goods, id=TEXT, title=TEXT, brand=TEXT, categories=pl.List(listed), also_bought=listed),
        events=frame(events, user=TEXT, product=TEXT, event=TEXT, key=TEXT, at=TEXT, quantity=TEXT, price=TEXT),
        reviews=frame(reviews, user=TEXT, product=TEXT, at=TEXT, rating=TEXT, text=TEXT),
    )


def built(goods, events, reviews):
    rejects = Rejects()
    try:
        return tabulate(dump(goods, events, reviews), rejects=rejects, now=NOW), rejects
    except EmptyDump:
        return None, rejects


@settings(max_examples=60, deadline=None)
@given(goods_rows, event_rows, review_rows, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(goods, events, reviews, random):
    tables, rejects = built(goods, events, reviews)
    shuffled, others = built(*(random.sample(rows, len(rows)) for rows in (goods, events, reviews)))
    assert tables == shuffled
    assert rejects.counts() == others.counts()


@settings(max_examples=60, deadline=None)
@given(goods_rows, event_rows, review_rows)
def test_tables_pass_their_check_whatever_the_dirt(goods, events, reviews):
    tables, _ = built(goods, events, reviews)
    if tables is not None:
        tables.check()


@settings(max_examples=60, deadline=None)
@given(event_rows)
def test_every_event_is_kept_merged_by_its_key_or_refused(events):
    tables, rejects = built([("p1", "Tea", None, None, None)], events, [])
    good = [
        row
        for row in events
        if (row[0] or " ").strip()
        and row[1]
        and row[2] != "sung"
        and row[4] not in ("0", "4000000000", "soon")
        and "many" not in row[5:]
    ]
    keyless = sum(row[3] is None for row in good)
    keyed = len({row[:4] for row in good if row[3] is not None})
    assert tables.interactions().select(pl.len()).collect().item() == keyless + keyed
    assert len(rejects) == len(events) - len(good)


def events_of(*rows):
    tables = tabulate(Dump("test", "test", events=pl.DataFrame(rows, infer_schema_length=None).lazy()), now=NOW)
    tables.check()
    return tables


def test_an_event_without_a_key_has_its_second_and_a_counter():
    viewed = {"user": "u1", "product": "p1", "event": "viewed"}
    tables = events_of({**viewed, "at": 1500000000}, {**viewed, "at": 1500000000}, viewed, viewed)
    keys = tables.edges["User", "VIEWED", "Product"].collect()["key"]
    assert sorted(keys) == ["0", "1", "1500000000", "1500000000.1"]


def test_lines_of_one_key_add_up_and_their_price_is_the_mean():
    line = {"user": "u1", "product": "p1", "event": "bought", "key": "o1"}
    tables = events_of(
        {**line, "quantity": 1.0, "price": 4.0, "discount": 1.0, "at": 1500000009},
        {**line, "quantity": 3.0, "price": 2.0, "discount": None, "at": 1500000000},
    )
    (edge,) = tables.edges["User", "BOUGHT", "Product"].collect().to_dicts()
    assert {name: edge[name] for name in ("quantity", "price", "discount", "at")} == {
        "quantity": 4.0,
        "price": 2.5,
        "discount": 1.0,
        "at": 1500000000,
    }


def test_ids_lose_the_blanks_around_them():
    tables = events_of({"user": " u1 ", "product": "p1"}, {"user": "u1", "product": "p1\t"})
    assert tables.counts()[0] == {"User": 1, "Product": 1}


def test_a_frame_without_a_required_column_is_refused():
    with pytest.raises(SchemaError, match="events needs the column 'product'; did you mean 'produkt'"):
        events_of({"user": "u1", "produkt": "p1"})


def test_products_alone_are_a_graph():
    tables = tabulate(Dump("test", "test", products=pl.LazyFrame({"id": ["p1"]})), now=NOW)
    assert tables.counts() == ({"Product": 1}, {})


def test_a_loop_among_given_categories_is_cut():
    given = pl.LazyFrame({"id": ["A"], "name": [None], "parent": ["A"]}, schema=dict.fromkeys(("id", "name", "parent"), TEXT))
    tables = tabulate(Dump("test", "test", products=pl.LazyFrame({"id": ["p1"]}), categories=given), now=NOW)
    assert tables.counts() == ({"Product": 1, "Category": 1}, {})


OWN = Dump(
    "own",
    "test",
    events=pl.LazyFrame({"user": ["u1"], "product": ["p1"]}),
    nodes={
        "Store": pl.LazyFrame(
            {"id": ["s1", "s1", None, "s2"], "city": ["Oslo", None, "Graz", "Lima"], "size": [1.5, None, 2.0, 3.0]}
        )
    },
    edges={
        ("User", "VISITED", "Store"): pl.LazyFrame(
            {"source": ["u1", "u1", "u1", "u2"], "target": ["s1", "s1", "s9", None], "at": [1500000000, 1500000000, None, 1]}
        ),
        ("User", "WISHED_FOR", "Product"): pl.LazyFrame({"source": ["u3"], "target": ["p7"], "note": ["for <b>Mia</b>"]}),
        ("Store", "SELLS", "Product"): pl.LazyFrame({"source": ["s2"], "target": ["p8"], "key": ["k"]}),
    },
)


def test_nodes_and_edges_of_ones_own_enter_the_graph_clean():
    rejects = Rejects()
    tables = tabulate(OWN, rejects=rejects, now=NOW)
    tables.check()
    stores = sorted(tables.nodes["Store"].select("id", "city", "size").collect().rows())
    assert stores == [("s1", "Oslo", 1.5), ("s2", "Lima", 3.0), ("s9", None, None)]
    visited = tables.edges["User", "VISITED", "Store"].collect()
    assert sorted(visited.select("source", "target", "at", "day").rows()) == [
        ("u1", "s1", 1500000000, "2017-07-14"),
        ("u1", "s9", None, None),
    ]
    assert sorted(visited["key"]) == ["0", "1500000000"]
    assert tables.edges["User", "WISHED_FOR", "Product"].collect()["note"].to_list() == ["for Mia"]
    assert rejects.counts() == {
        "Store id is missing": 1,
        "the Store is described more than once": 1,
        "target is missing": 1,
        "the edge User-VISITED-Store is there more than once": 1,
    }


def test_an_own_edge_from_user_to_product_is_an_interaction_and_no_other():
    tables = tabulate(OWN, now=NOW)
    assert sorted(tables.interactions().collect()["kind"]) == ["INTERACTED", "WISHED_FOR"]
    listed = dict(tables.nodes["Product"].select("id", "listed").collect().rows())
    assert listed == {"p1": True, "p7": True, "p8": True}


def test_dangling_drop_leaves_out_own_edges_to_what_nothing_describes():
    tables = tabulate(OWN, now=NOW, dangling="drop")
    tables.check()
    assert tables.edges["User", "VISITED", "Store"].collect()["target"].to_list() == ["s1"]


def test_an_own_edge_with_the_name_of_one_of_ours_is_refused():
    edges = {("User", "BOUGHT", "Product"): pl.LazyFrame({"source": ["u1"], "target": ["p1"]})}
    with pytest.raises(SchemaError, match="User-BOUGHT-Product is an edge of every shop's graph"):
        tabulate(Dump("own", "test", edges=edges), now=NOW)


def test_more_about_nodes_of_ours_fills_their_properties():
    brands = {"Brand": pl.LazyFrame({"id": ["acme"], "country": ["NO"]})}
    products = pl.LazyFrame({"id": ["p1"], "brand": ["Acme"]})
    tables = tabulate(Dump("own", "test", products=products, nodes=brands), now=NOW)
    assert tables.nodes["Brand"].select("id", "name", "country").collect().rows() == [("acme", "Acme", "NO")]


def test_triples_alone_are_a_graph_and_may_speak_of_products_that_a_store_holds():
    triples = pl.LazyFrame({"head": ["p1", "m.1"], "relation": ["made_in", "borders"], "tail": ["m.1", "m.2"]})
    alone = tabulate(Dump("kg", "test", triples=triples), now=NOW)
    assert alone.counts()[0] == {"Entity": 3}
    beside = tabulate(Dump("kg", "test", triples=triples), now=NOW, held=Held(pl.LazyFrame({"id": ["p1"]})))
    assert beside.counts()[1] == {("Product", "RELATED", "Entity"): 1, ("Entity", "RELATED", "Entity"): 1}


def test_visits_at_several_times_are_several_edges_though_they_have_no_key():
    visits = pl.LazyFrame({"source": ["u1"] * 3, "target": ["s1"] * 3, "at": [1500000000, 1500000001, 1500000001]})
    tables = tabulate(Dump("own", "test", edges={("User", "VISITED", "Store"): visits}), now=NOW)
    assert sorted(tables.edges["User", "VISITED", "Store"].collect()["at"]) == [1500000000, 1500000001]
