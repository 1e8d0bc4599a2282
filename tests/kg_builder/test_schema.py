"""The schema refuses what a store could not hold, and survives its own JSON."""

import pytest

from kg_builder.errors import SchemaError
from kg_builder.schema import RETAIL, EdgeSpec, GraphSchema, NodeSpec


def test_json_brings_the_whole_schema_back():
    assert GraphSchema.from_json(RETAIL.to_json()) == RETAIL


@pytest.mark.parametrize("label", ["product", "Pro duct", "P`) DETACH DELETE n //", "", "1Product"])
def test_a_label_that_could_carry_cypher_is_refused(label):
    with pytest.raises(SchemaError, match="CamelCase"):
        NodeSpec(label)


@pytest.mark.parametrize("name", ["bought", "BOUGHT]->() DELETE", "ALSO-BOUGHT", ""])
def test_a_relationship_type_that_could_carry_cypher_is_refused(name):
    with pytest.raises(SchemaError, match="UPPER_SNAKE"):
        EdgeSpec("User", name, "Product")


@pytest.mark.parametrize("name", ["Title", "list price", "id", "source", "x` : 1"])
def test_a_property_name_that_is_taken_or_could_carry_cypher_is_refused(name):
    with pytest.raises(SchemaError):
        NodeSpec("Product", {name: "string"})


def test_an_unknown_property_type_names_the_known_ones():
    with pytest.raises(SchemaError, match="known: string, integer, float"):
        NodeSpec("Product", {"title": "text"})  # type: ignore[dict-item]


def test_an_edge_to_a_label_nobody_described_says_which_was_meant():
    with pytest.raises(SchemaError, match="did you mean 'Product'"):
        GraphSchema.of([NodeSpec("User"), NodeSpec("Product")], [EdgeSpec("User", "BOUGHT", "Produkt")])


def test_a_key_must_be_a_string_property():
    with pytest.raises(SchemaError, match="key"):
        EdgeSpec("User", "BOUGHT", "Product", {"key": "integer"}, key="key")


def test_an_unknown_label_says_which_was_meant():
    with pytest.raises(SchemaError, match="did you mean 'Category'"):
        RETAIL.node("Categroy")


def test_merging_adds_what_only_one_knows():
    coloured = RETAIL.with_properties("Product", {"colour": "string"}, text=["colour"])
    sized = RETAIL.with_properties("Product", {"size": "string"})
    merged = coloured.merge(sized)
    assert {"colour", "size"} <= set(merged.node("Product").properties)
    assert merged.node("Product").text == ("title", "description", "colour")


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [("string", "float", "string"), ("integer", "float", "float"), ("boolean", "integer", "string"), ("float", "float", "float")],
)
def test_merging_takes_the_type_that_holds_both(one, other, both):
    mine, theirs = (RETAIL.with_properties("Product", {"size": kind}) for kind in (one, other))
    assert mine.merge(theirs).node("Product").properties["size"] == both
    assert theirs.merge(mine).node("Product").properties["size"] == both


def test_merging_refuses_types_of_which_none_holds_both():
    several = RETAIL.with_properties("Product", {"size": "strings"})
    single = RETAIL.with_properties("Product", {"size": "float"})
    with pytest.raises(SchemaError, match=r"Product\.size is strings here and float there"):
        several.merge(single)


def test_merging_keeps_the_types_that_every_shop_has():
    with pytest.raises(SchemaError, match=r"Product\.price is float here and string there"):
        RETAIL.merge(RETAIL.with_properties("Product", {"price": "string"}))


def test_merging_refuses_an_edge_that_is_keyed_in_two_ways():
    keyless = GraphSchema.of([NodeSpec("User"), NodeSpec("Product")], [EdgeSpec("User", "BOUGHT", "Product")])
    with pytest.raises(SchemaError, match="two ways"):
        RETAIL.merge(keyless)
