"""Brands whose spellings differ by case, blanks and punctuation: joined by the build, recorded, and told apart again."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kg_builder
from kg_builder.dumps import read_dump
from kg_builder.merging import rewired, undo
from kg_builder.merging.aliases import aliases
from kg_builder.stores import connect
from kg_builder.tabulation import Held, tabulate

NOW = 1_750_000_000
MADE_BY = ("Product", "MADE_BY", "Brand")
SPELLINGS = ("Acme", "ACME", "A.C.M.E.", "acme", "Zed", "zed")


def frames(brand_of):
    return {"products": pl.DataFrame({"id": list(brand_of), "brand": list(brand_of.values())}, schema_overrides={"brand": str})}


def tables_of(brand_of, **held):
    return tabulate(read_dump(frames(brand_of)), now=NOW, held=Held(**held)).collect()


def makers(tables):
    return sorted(tables.edges[MADE_BY].collect().rows())


def live(tables):
    return [name for name, alias in aliases(tables).items() if alias.canonical is not None]


def test_one_brand_has_all_products_and_each_other_spelling_is_on_record():
    tables = tables_of({"p1": "Acme", "p2": "Acme", "p3": "A.C.M.E.", "p4": "Zed"})
    tables.check()
    assert makers(tables) == [("p1", "acme"), ("p2", "acme"), ("p3", "acme"), ("p4", "zed")]
    (record,) = aliases(tables).values()
    assert (record.id, record.name, record.canonical) == ("Brand/acme:A.C.M.E.", "A.C.M.E.", "acme")
    assert (record.score, record.rule, record.at) == (1.0, "spelling", NOW)


def test_a_spelling_told_apart_is_a_brand_with_the_products_that_are_spelt_so():
    apart = undo(tables_of({"p1": "Acme", "p2": "Acme", "p3": "A.C.M.E."}), ["Brand/acme:A.C.M.E."])
    assert makers(apart) == [("p1", "acme"), ("p2", "acme"), ("p3", "acme:A.C.M.E.")]
    names = dict(apart.nodes["Brand"].collect().select("id", "name").iter_rows())
    assert names == {"acme": "Acme", "acme:A.C.M.E.": "A.C.M.E."}


def test_a_name_that_is_spelt_as_its_own_id_is_a_spelling_like_any_other():
    apart = undo(tables_of({"p1": "Acme", "p2": "Acme", "p3": "acme"}), ["Brand/acme:acme"])
    assert makers(apart) == [("p1", "acme"), ("p2", "acme"), ("p3", "acme:acme")]


shops = st.dictionaries(st.sampled_from(["p1", "p2", "p3", "p4"]), st.sampled_from(SPELLINGS), min_size=1)


@settings(max_examples=40, deadline=None)
@given(shops)
def test_all_told_apart_is_one_brand_a_spelling(shop):
    tables = tables_of(shop)
    apart = undo(tables, live(tables))
    told = {node for _, node in makers(apart)}
    names = dict(apart.nodes["Brand"].collect().select("id", "name").iter_rows())
    assert {product: names[brand] for product, brand in makers(apart)} == shop
    assert len(told) == len(set(shop.values()))


@settings(max_examples=40, deadline=None)
@given(shops, st.randoms(use_true_random=False))
def test_the_next_build_changes_nothing_whatever_was_told_apart(shop, random):
    held = tables_of(shop)
    wanted = [name for name in live(held) if random.random() < 0.5]
    held = undo(held, wanted) if wanted else held
    arriving = tables_of(shop, brands=dict(held.nodes["Brand"].collect().select("id", "name").iter_rows()))
    assert held.merge(rewired(arriving, held)).collect() == held


@pytest.fixture
def address(fresh_address):
    where = fresh_address()
    kg_builder.build(frames({"p1": "Acme", "p2": "Acme", "p3": "A.C.M.E."}), where, now=NOW)
    return where


def held(address):
    with connect(address) as store:
        return store.read(derived=True)


def test_the_name_of_a_brand_stays_when_another_spelling_becomes_more_frequent(address):
    kg_builder.build(frames({"p3": "A.C.M.E.", "p4": "A.C.M.E.", "p5": "Acme!"}), address, now=NOW + 9)
    there = held(address)
    assert there.nodes["Brand"].collect().select("id", "name").rows() == [("acme", "Acme")]
    assert live(there) == ["Brand/acme:A.C.M.E.", "Brand/acme:Acme!"]
    kg_builder.resolve(address, undo=["Brand/acme:A.C.M.E."])
    assert makers(held(address)) == [
        ("p1", "acme"),
        ("p2", "acme"),
        ("p3", "acme:A.C.M.E."),
        ("p4", "acme:A.C.M.E."),
        ("p5", "acme"),
    ]


def test_what_was_told_apart_stays_apart_and_the_same_build_changes_nothing(address):
    kg_builder.resolve(address, undo=["Brand/acme:A.C.M.E."])
    before = held(address)
    kg_builder.build(frames({"p1": "Acme", "p2": "Acme", "p3": "A.C.M.E."}), address, now=NOW + 9)
    assert held(address) == before
    kg_builder.build(frames({"p6": "A.C.M.E."}), address, now=NOW + 9)
    assert ("p6", "acme:A.C.M.E.") in makers(held(address))
    assert kg_builder.resolve(address).merges == ()


def test_a_spelling_follows_its_brand_into_another_and_back(fresh_address):
    address = fresh_address()
    shop = {"p1": "Borealis", "p2": "Borealis", **dict.fromkeys(["q1", "q2", "q3", "q4"], "Borealis Inc")}
    kg_builder.build(frames(shop), address, now=NOW)
    before = makers(held(address))
    (merge,) = kg_builder.resolve(address, now=NOW).merges
    assert (merge.alias, merge.other) == ("Brand/borealis", "borealisinc")
    kg_builder.build(frames({"p7": "BOREALIS", "p8": "borealis"}), address, now=NOW)
    there = held(address)
    assert {brand for _, brand in makers(there)} == {"borealisinc"}
    follower = aliases(there)["Brand/borealis:BOREALIS"]
    assert (follower.canonical, follower.via, follower.rule) == ("borealisinc", "borealis", "spelling")
    kg_builder.resolve(address, undo=["Brand/borealis"])
    assert makers(held(address)) == sorted([*before, ("p7", "borealis"), ("p8", "borealis")])


def test_tables_without_brands_know_no_spellings():
    assert "Alias" not in tables_of({"p1": None}).nodes


def test_what_shops_write_for_no_brand_is_none():
    shop = {"p1": "Acme", "p2": "N/A", "p3": "unbranded", "p4": "Unknown", "p5": "None", "p6": "-"}
    assert makers(tables_of(shop)) == [("p1", "acme")]
