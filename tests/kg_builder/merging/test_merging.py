"""Laws of merging: undone is never done, and a second build changes nothing."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg_builder.errors import BadRequest
from kg_builder.merging import contract, rewired, undo
from kg_builder.merging.aliases import aliases
from kg_builder.merging.clusters import Match
from kg_builder.schema import RETAIL
from kg_builder.tables import GraphTables

IDS = {"Brand": ["a", "b", "c"], "Category": ["k", "l", "m"], "Product": ["p", "q", "r", "s"], "User": ["u", "v"]}
KINDS = [
    ("Product", "MADE_BY", "Brand"),
    ("Product", "IN_CATEGORY", "Category"),
    ("Category", "CHILD_OF", "Category"),
    ("Product", "ALSO_BOUGHT", "Product"),
    ("User", "BOUGHT", "Product"),
    ("User", "RECOMMENDED", "Product"),
]
VALUES = {
    "string": st.sampled_from(["x", "y", ""]),
    "float": st.sampled_from([0.5, 1.0, float("nan")]),
    "integer": st.integers(0, 2),
    "boolean": st.booleans(),
    "vector": st.just([0.5, 0.25]),
}
thorough = settings(max_examples=25, deadline=None)


@st.composite
def graphs(draw, derived=True, partial=False):
    nodes, edges = {}, {}
    for label, ids in IDS.items():
        spec = RETAIL.node(label)
        chosen = draw(st.lists(st.sampled_from(ids), unique=True)) if partial else ids
        columns = {"id": chosen}
        for name, kind in {**spec.properties, **(spec.derived if derived else {})}.items():
            columns[name] = [draw(st.none() | VALUES[kind]) for _ in chosen]
        nodes[label] = columns
    for kind in KINDS:
        spec = RETAIL.edge(kind)
        if (spec.derived and not derived) or not nodes[kind[0]]["id"] or not nodes[kind[2]]["id"]:
            continue
        ends = st.tuples(st.sampled_from(nodes[kind[0]]["id"]), st.sampled_from(nodes[kind[2]]["id"]))
        keyed = st.tuples(ends, st.sampled_from(["1", "2"])).map(lambda one: (*one[0], one[1])) if spec.key else ends
        found = draw(st.lists(keyed, unique=True, max_size=6))
        columns = {name: [one[place] for one in found] for place, name in enumerate(spec.identity)}
        for name, value in spec.properties.items():
            if name != spec.key and name in ("price", "rank", "at"):
                columns[name] = [draw(st.none() | VALUES[value]) for _ in found]
        edges[kind] = pl.DataFrame(columns, schema_overrides=dict.fromkeys(spec.identity, pl.String))
    frames = {label: pl.DataFrame(columns, schema_overrides={"id": pl.String}) for label, columns in nodes.items()}
    return GraphTables.of(RETAIL, frames, edges)


@st.composite
def matches(draw):
    pairs = [(label, one, other) for label in ("Brand", "Category", "Product") for one in IDS[label] for other in IDS[label]]
    chosen = draw(st.lists(st.sampled_from([pair for pair in pairs if pair[1] < pair[2]]), unique=True, max_size=6))
    return [Match(label, one, other, draw(st.sampled_from([0.8, 0.9, 1.0])), "misspelt") for label, one, other in chosen]


def bare(tables):
    """Without what is remembered of merges."""
    nodes = {label: table for label, table in tables.nodes.items() if label != "Alias"}
    return GraphTables(tables.schema, nodes, {kind: table for kind, table in tables.edges.items() if kind[1] != "SAME_AS"})


def live(tables):
    return [alias.id for alias in aliases(tables).values() if alias.canonical is not None]


@thorough
@given(graphs(), matches())
def test_undoing_all_merges_gives_the_graph_there_was(graph, pairs):
    merged = contract(graph, pairs)
    merged.check()
    assert bare(undo(merged, live(merged))) == graph


@thorough
@given(graphs(), matches(), st.data())
def test_merges_undone_one_by_one_in_any_order_give_the_graph_there_was(graph, pairs, data):
    merged = contract(graph, pairs)
    while left := live(merged):
        merged = undo(merged, [data.draw(st.sampled_from(left))])
        merged.check()
    assert bare(merged) == graph


@thorough
@given(graphs(), matches(), matches())
def test_merging_in_two_steps_can_be_undone_in_one(graph, first, second):
    merged = contract(contract(graph, first), second)
    assert bare(undo(merged, live(merged))) == graph


@thorough
@given(graphs(), matches())
def test_merging_again_changes_nothing(graph, pairs):
    merged = contract(graph, pairs)
    assert contract(merged, pairs) == merged


@thorough
@given(graphs(), matches())
def test_what_was_told_apart_is_not_merged_again(graph, pairs):
    merged = contract(graph, pairs)
    apart = undo(merged, live(merged))
    assert contract(apart, pairs) == apart


@thorough
@given(graphs(derived=False), matches())
def test_a_second_build_of_the_same_dump_changes_nothing(graph, pairs):
    merged = contract(graph, pairs)
    assert merged.merge(rewired(graph, merged)) == merged


@thorough
@given(graphs(), matches(), graphs(derived=False, partial=True))
def test_merges_undone_after_another_build_leave_what_both_builds_say(graph, pairs, later):
    merged = contract(graph, pairs)
    built = merged.merge(rewired(later, merged))
    built.check()
    assert bare(undo(built, live(built))) == graph.merge(later)


@thorough
@given(graphs(), matches(), graphs(derived=False, partial=True))
def test_merging_after_a_build_is_building_after_a_merge(graph, pairs, later):
    merged = contract(graph, pairs)
    to = {alias.id for alias in aliases(merged).values()}
    built = merged.merge(rewired(later, merged))
    assert set(aliases(built)) == to
    for kind, table in bare(built).edges.items():
        ends = table.select("source", "target").collect()
        gone = {alias.node for alias in aliases(merged).values() if alias.label in (kind[0], kind[2])}
        assert not gone & {*ends["source"], *ends["target"]}


def shop():
    return GraphTables.of(
        RETAIL,
        {
            "Brand": pl.DataFrame({"id": ["acme", "acmee", "acmme"], "name": ["Acme", "Acmee", "Acmme"]}),
            "Product": pl.DataFrame({"id": ["p", "q", "r"]}),
        },
        {("Product", "MADE_BY", "Brand"): pl.DataFrame({"source": ["p", "q", "r"], "target": ["acme", "acme", "acmee"]})},
    )


PAIR = Match("Brand", "acme", "acmee", 0.9, "misspelt")


def test_the_node_with_most_edges_stands_for_the_cluster():
    merged = contract(shop(), [Match("Brand", "acmee", "acme", 0.9, "misspelt")], at=7)
    assert merged.nodes["Brand"].collect()["id"].sort().to_list() == ["acme", "acmme"]
    alias = aliases(merged)["Brand/acmee"]
    assert (alias.name, alias.canonical, alias.score, alias.rule, alias.via, alias.at) == (
        "Acmee",
        "acme",
        0.9,
        "misspelt",
        "acme",
        7,
    )


def test_what_came_by_way_of_an_undone_merge_follows_it():
    merged = contract(shop(), [PAIR, Match("Brand", "acmee", "acmme", 0.95, "misspelt")])
    apart = undo(merged, ["Brand/acmee"])
    known = aliases(apart)
    assert (known["Brand/acmee"].canonical, known["Brand/acmme"].canonical) == (None, "acmee")
    assert known["Brand/acmee"].differs_from == ("acme",)


def test_an_unknown_alias_is_refused_with_the_closest():
    with pytest.raises(BadRequest, match="did you mean 'Brand/acmee'"):
        undo(contract(shop(), [PAIR]), ["Brand/acme"])


def test_an_alias_that_was_told_apart_is_refused():
    apart = undo(contract(shop(), [PAIR]), ["Brand/acmee"])
    with pytest.raises(BadRequest, match="told apart before"):
        undo(apart, ["Brand/acmee"])


def test_what_a_model_said_of_others_stays_when_a_product_it_recommends_is_merged():
    advised = pl.DataFrame({"source": ["u"] * 3, "target": ["p", "q", "r"], "rank": [1, 2, 3], "model": ["m"] * 3})
    graph = GraphTables.of(
        RETAIL,
        {"Product": pl.DataFrame({"id": ["p", "q", "r"]}), "User": pl.DataFrame({"id": ["u"]})},
        {("User", "RECOMMENDED", "Product"): advised},
    )
    merged = contract(graph, [Match("Product", "p", "q", 1.0, "same title")])
    rows = merged.edges["User", "RECOMMENDED", "Product"].sort("target").select("target", "rank").collect().rows()
    assert rows == [("p", 1), ("r", 3)]


def test_a_merge_that_broke_off_between_writing_and_deleting_is_completed():
    from kg_builder.merging import Step, contraction

    graph = shop()
    step = contraction(graph, [PAIR])
    half = Step(step.written, GraphTables.of(RETAIL, {}, {})).applied_to(graph)
    assert contraction(half, []).applied_to(half) == step.applied_to(graph)
