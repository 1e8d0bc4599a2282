"""Each leak is planted into a graph that has none, and found; the graph without it reports none."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from graphrec import leaks, protocols, splits
from graphrec.given import Given
from graphrec.leaks import Case, Leaks
from graphrec.leaks import pairs as ties
from graphrec.leaks.words import fold
from graphrec.tensors import Ids, Interactions, KnownGraph, Relation
from kg_builder.schema import RETAIL, EdgeSpec, GraphSchema
from kg_builder.tables import GraphTables
from tests.graphrec.graphs import known_graph, tastes

ALSO: Relation = ("Product", "ALSO_BOUGHT", "Product")


def shop(**changes: object) -> KnownGraph:
    """Timed tastes; ALSO_BOUGHT links products of one taste, whoever chose them."""
    known = tastes(timed=True, users=300, size=100, length=8)
    draw = np.random.default_rng(7)
    ends = draw.integers(0, len(known.products), (400, 2))
    ends[:, 1] = ends[:, 0] // 100 * 100 + ends[:, 1] % 100
    return replace(known, relations={**known.relations, ALSO: edges(known, ends)}, **changes)


def edges(known: KnownGraph, ends: np.ndarray) -> sp.csr_matrix:
    size = len(known.products)
    return sp.csr_matrix((np.ones(len(ends), dtype=np.float32), (ends[:, 0], ends[:, 1])), shape=(size, size))


def case(known: KnownGraph, protocol: str = "time", **more: object) -> Case:
    return Case(known.interactions, protocols.hold_out(known, protocol), promised=protocol, **more)


def given(known: KnownGraph, pairs: list[tuple[str, str]], at: list[float] | None = None, **more: object) -> Case:
    test = Given(pairs, np.array(at if at is not None else [np.nan] * len(pairs)))
    return Case(known.interactions, test.split(known), test, **more)


def names(found: Leaks) -> dict[str, int]:
    return {one.name: one.count for one in found.findings}


def with_relation(known: KnownGraph, relation: Relation, matrix: sp.csr_matrix) -> KnownGraph:
    return replace(known, relations={**known.relations, relation: matrix})


def dated_edges(at: list[int]) -> GraphTables:
    schema = RETAIL.merge(GraphSchema.of([*RETAIL.nodes.values()], [EdgeSpec("Product", "PAIRED", "Product", {"at": "integer"})]))
    paired = pl.DataFrame({"source": ["p00000"] * len(at), "target": [f"p{row + 1:05d}" for row in range(len(at))], "at": at})
    products = pl.DataFrame({"id": [f"p{row:05d}" for row in range(400)]})
    return GraphTables.of(schema, {"Product": products}, {("Product", "PAIRED", "Product"): paired})


@pytest.mark.parametrize("protocol", protocols.PROTOCOLS)
def test_a_clean_graph_has_no_leak(protocol: str) -> None:
    known = shop()
    found = leaks.find(case(known, protocol, tables=dated_edges([0])))
    assert found.found == ()
    assert leaks.find(case(replace(known, relations={}), protocol)).found == ()


def test_graphs_made_from_training_alone_are_no_leak() -> None:
    known = shop()
    train = protocols.hold_out(known).known.matrix
    together = (train.T @ train).tocsr()
    together.setdiag(0)
    together.eliminate_zeros()
    assert leaks.find(case(with_relation(known, ALSO, together))).found == ()


def test_rows_that_are_there_twice_are_noted_on_both_sides() -> None:
    known = known_graph([[0, 0, 1], [2, 3]], 4, at=[[1e9, 1e9, 1.1e9], [1e9, 1.1e9]])
    found = leaks.find(given(known, [("u00000", "p00002"), ("u00000", "p00002"), ("u00001", "p00001")]))
    assert names(found) == {"duplicate rows in training": 1, "duplicate rows in the test": 1}
    assert "u00000 → p00000 at 2001-09-09 01:46:40" in str(found.findings[0])
    assert found.found == ()


def test_buying_again_later_is_no_duplicate_row() -> None:
    known = known_graph([[0, 0, 1], [2, 3]], 4, at=[[1e9, 1.05e9, 1.1e9], [1e9, 1.1e9]])
    found = leaks.find(given(known, [("u00000", "p00002")]))
    assert found.duplicates == 1
    assert names(found) == {}


def test_a_given_test_that_training_holds_is_a_leak_unless_buying_again_is_the_point() -> None:
    known = known_graph([[0, 1], [2, 3]], 4)
    pairs = [("u00000", "p00001"), ("u00001", "p00000")]
    found = leaks.find(given(known, pairs))
    assert [(one.name, one.count) for one in found.found] == [("test in train", 1)]
    assert "u00000 → p00001" in str(found.found[0])
    again = leaks.find(given(known, pairs, seen_left_out=False))
    assert again.found == ()
    assert names(again) == {"test in train": 1}


def test_a_given_test_older_than_its_users_training_is_a_leak() -> None:
    known = known_graph([[0, 1], [2, 3]], 5, at=[[1e9, 1.2e9], [1e9, 1.1e9]])
    found = leaks.find(given(known, [("u00000", "p00004"), ("u00001", "p00004")], [1.1e9, 1.15e9]))
    assert [(one.name, one.count) for one in found.found] == [("test older than training", 1)]
    assert names(found)["interactions from the future"] == 1
    assert found.future_interactions == 1


def test_a_test_promised_to_come_after_one_moment_is_held_to_it() -> None:
    known = known_graph([[0, 1], [2, 3]], 5, at=[[1e9, 1.2e9], [1e9, 1.1e9]])
    pairs = [("u00000", "p00004"), ("u00001", "p00004")]
    found = leaks.find(given(known, pairs, [1.3e9, 1.15e9], promised="time"))
    assert [(one.name, one.count) for one in found.found] == [("interactions from the future", 1)]
    assert leaks.find(given(known, pairs, [1.3e9, 1.15e9])).found == ()
    assert names(leaks.find(given(known, pairs, [1.3e9, 1.25e9], promised="time"))) == {"products that the test alone chooses": 1}


def test_protocols_that_know_others_futures_say_so() -> None:
    found = leaks.find(case(shop(), "leave-one-out"))
    assert names(found)["interactions from the future"] == found.future_interactions
    assert found.found == ()
    assert "interactions from the future" not in names(leaks.find(case(shop(), "time")))


def test_edges_from_after_the_cut_are_a_leak() -> None:
    known = shop()
    moment = protocols.hold_out(known).moment
    assert moment is not None
    tables = dated_edges([int(moment) - 1, int(moment), int(moment) + 1, int(moment) + 60])
    found = leaks.find(case(known, tables=tables))
    assert [(one.name, one.count) for one in found.found] == [("PAIRED edges from the future", 2)]
    assert "p00000 PAIRED p00003" in str(found.found[0])
    assert f"tables.until({int(moment)})" in str(found.found[0])


def test_edges_from_after_the_first_dated_row_of_a_given_test_are_a_leak() -> None:
    known = known_graph([[0, 1], [2, 3]], 5, at=[[1e9, 1.1e9], [1e9, 1.1e9]])
    pairs = [("u00000", "p00004"), ("u00001", "p00004")]
    found = leaks.find(given(known, pairs, [1.2e9, 1.3e9], tables=dated_edges([1_150_000_000, 1_200_000_000])))
    assert [(one.name, one.count) for one in found.found] == [("PAIRED edges from the future", 1)]


@pytest.mark.parametrize("turned", [False, True])
def test_edges_of_another_kind_that_repeat_test_pairs_are_a_leak(turned: bool) -> None:
    known = shop()
    cut = protocols.hold_out(known)
    wished = sp.lil_matrix((len(known.users), len(known.products)), dtype=np.float32)
    for place in range(3):
        wished[cut.users[place], cut.truth[place].indices[0]] = 1
    wished[cut.users[4], known.interactions.product[known.interactions.user == cut.users[4]][0]] = 1
    matrix = wished.T.tocsr() if turned else wished.tocsr()
    relation = ("Product", "WISHED", "User") if turned else ("User", "WISHED", "Product")
    found = leaks.find(case(with_relation(known, relation, matrix)))
    assert [(one.name, one.count) for one in found.found] == [("WISHED edges that repeat test pairs", 3)]
    assert f"{known.users.names[cut.users[0]]} → " in str(found.found[0])


@pytest.mark.parametrize("protocol", protocols.PROTOCOLS)
def test_a_graph_made_from_training_and_test_is_a_leak(protocol: str) -> None:
    known = shop()
    together = (known.matrix.T @ known.matrix).tocsr()
    together.setdiag(0)
    together.eliminate_zeros()
    together.data[:] = 1
    found = leaks.find(case(with_relation(known, ALSO, together), protocol))
    assert [one.name for one in found.found] == ["ALSO_BOUGHT edges that the test alone explains"]


def test_a_few_edges_made_from_the_test_are_found_among_honest_ones() -> None:
    known = shop()
    cut = protocols.hold_out(known)
    ends = []
    for place in range(len(cut.users)):
        told = cut.known.matrix[cut.users[place]].indices
        ends += [(told[0], asked) for asked in cut.truth[place].indices]
    honest = known.relations[ALSO]
    planted = (honest + edges(known, np.array(ends[:80]))).tocsr()
    found = leaks.find(case(with_relation(known, ALSO, planted)))
    assert [one.name for one in found.found] == ["ALSO_BOUGHT edges that the test alone explains"]


def tied(known: KnownGraph, name: str, sets: Sequence[Sequence[int]]) -> KnownGraph:
    """The graph with an entity for each of these sets of products, which all of them lead to."""
    node = np.repeat(np.arange(len(sets)), [len(one) for one in sets])
    product = np.array([row for one in sets for row in one])
    matrix = sp.csr_matrix((np.ones(len(node), dtype=np.float32), (product, node)), shape=(len(known.products), len(sets)))
    ids = {**known.ids, "Entity": Ids("Entity", np.array([f"basket{row}" for row in range(len(sets))], dtype=object))}
    return with_relation(replace(known, ids=ids), ("Product", f"RELATED:{name}", "Entity"), matrix)


def baskets(matrix: sp.csr_matrix) -> list[list[int]]:
    return [row.indices.tolist() for row in matrix if row.nnz]


@pytest.mark.parametrize("protocol", protocols.PROTOCOLS)
def test_nodes_that_tie_together_what_a_user_chooses_before_and_after_the_cut_are_a_leak(protocol: str) -> None:
    known = shop()
    found = leaks.find(case(tied(known, "in_basket", baskets(known.matrix)), protocol))
    assert [one.name for one in found.found] == ["products with one and the same RELATED:in_basket that the test alone explains"]
    assert "leak: products with one and the same RELATED:in_basket that the test alone explains: at least " in str(found.found[0])


def test_nodes_made_from_held_out_choices_alone_are_a_leak_even_among_honest_ones() -> None:
    known = shop()
    cut = protocols.hold_out(known)
    draw = np.random.default_rng(1)
    honest = [draw.choice(100, 30, replace=False) + 100 * taste for taste in (0, 1, 2, 3) for _ in range(10)]
    made = baskets(cut.truth)
    assert leaks.find(case(tied(known, "shelf", honest))).found == ()
    for sets in (made, [*honest, *made]):
        found = leaks.find(case(tied(known, "shelf", sets)))
        assert [one.name for one in found.found] == ["products with one and the same RELATED:shelf that the test alone explains"]


def test_nodes_made_from_training_alone_and_hubs_are_no_leak() -> None:
    known = shop()
    train = baskets(protocols.hold_out(known).known.matrix)
    assert leaks.find(case(tied(known, "in_basket", train))).found == ()
    assert leaks.find(case(tied(known, "in_basket", [range(len(known.products))]))).found == ()


@pytest.mark.parametrize("seed", range(5))
def test_categories_brands_and_new_products_of_other_shops_are_no_leak(seed: int) -> None:
    known = tastes(timed=True, users=250, groups=5, size=30, length=12, cold=3, seed=seed)
    draw = np.random.default_rng(seed)
    honest = [draw.choice(30, size, replace=False) + 30 * taste for taste in range(5) for size in (2, 3, 5, 9, 20)]
    anything = [draw.choice(150, size, replace=False) for size in (2, 2, 3, 4, 6, 8, 12, 16, 30, 60)]
    known = tied(tied(known, "anything", anything), "shelf", honest)
    for protocol in protocols.PROTOCOLS:
        assert leaks.find(case(known, protocol)).found == ()


@pytest.mark.parametrize("numbers", [False, True])
def test_entities_with_users_ids_that_lead_to_what_these_choose_are_a_leak(numbers: bool) -> None:
    known = shop()
    if numbers:
        known.users.names[:] = [str(row) for row in range(len(known.users))]
    cut = protocols.hold_out(known)
    entities = Ids("Entity", known.users.names.copy())
    ends = [(cut.users[place], cut.truth[place].indices[0]) for place in range(5)]
    draw = np.random.default_rng(3)
    some = list(zip(draw.integers(0, len(known.users), 300), draw.integers(0, len(known.products), 300), strict=True))
    for edges_, count in ((some, 0), (ends, 5)):
        matrix = sp.lil_matrix((len(known.users), len(known.products)), dtype=np.float32)
        for user, product in edges_:
            matrix[user, product] = 1
        spoilt = with_relation(
            replace(known, ids={**known.ids, "Entity": entities}), ("Entity", "RELATED:liked", "Product"), matrix.tocsr()
        )
        found = leaks.find(case(spoilt)).found
        assert [(one.name, one.count) for one in found] == ([("RELATED:liked edges that repeat test pairs", 5)] if count else [])


def test_the_report_says_below_how_many_pairs_of_the_test_it_is_blind() -> None:
    known = shop()
    cut = protocols.hold_out(known)
    ends = np.array(
        [(cut.known.matrix[cut.users[u]].indices[0], asked) for u in range(len(cut.users)) for asked in cut.truth[u].indices]
    )
    honest = known.relations[ALSO]
    fewest = leaks.find(case(known)).blind_below["ALSO_BOUGHT"]
    assert fewest is not None
    for count, some in ((fewest // 3, False), (3 * fewest, True)):
        planted = (honest + edges(known, ends[:count])).tocsr()
        found = leaks.find(case(with_relation(known, ALSO, planted)))
        assert bool(found.found) is some
    line = f"found from about so many pairs on, if of as many users: ALSO_BOUGHT {fewest:,}, MADE_BY "
    assert any(line in one for one in leaks.find(case(known)).lines())


def test_products_that_only_the_test_knows_are_counted_and_those_not_ranked_named() -> None:
    known = known_graph([[0, 1], [2, 3]], 6)
    known.listed[5] = False
    found = leaks.find(given(known, [("u00000", "p00004"), ("u00001", "p00005")]))
    assert found.only_in_test == 2
    assert names(found) == {"test products that are not ranked": 1, "products that the test alone chooses": 1}
    assert ["p00005" in str(found.findings[0]), "p00004" in str(found.findings[1])] == [True, True]


def test_products_that_held_out_rows_alone_know_are_noted_under_our_own_cut() -> None:
    known = known_graph([[0, 1], [2, 3, 4]], 5, at=[[1e9, 1.1e9], [1e9, 1.1e9, 1.2e9]])
    cut = splits.split(known, known.interactions.at > 1.15e9, reason="mine", moment=1.15e9)
    everything = known.interactions
    cold = {"products that the test alone chooses": 1}
    assert names(leaks.find(Case(everything, cut))) == cold | {"products that held-out rows alone know": 1}
    described = replace(cut, known=texts(cut.known, "Product", {}))
    assert names(leaks.find(Case(everything, described))) == cold
    tied_ = replace(cut, known=with_relation(cut.known, ALSO, edges(known, np.array([[0, 4]]))))
    assert names(leaks.find(Case(everything, tied_))) == cold


def test_test_times_that_cannot_be_read_are_noted() -> None:
    known = known_graph([[0, 1], [2, 3]], 4, at=[[1e9, 1.1e9], [1e9, 1.1e9]])
    test = Given([("u00000", "p00002")] * 1, np.array([np.nan]), ["17"])
    found = leaks.find(Case(known.interactions, test.split(known), test))
    assert names(found) == {"test rows whose time is none": 1}
    assert "first '17'; " in str(found.findings[0])


@pytest.mark.parametrize("at", [[[1e9, 1e9, 1e9], [1e9, 1e9]], None])
def test_without_times_or_with_one_alone_rows_that_repeat_are_no_duplicates(at: list[list[float]] | None) -> None:
    known = known_graph([[0, 0, 1], [2, 3]], 4, at=at)
    found = leaks.find(given(known, [("u00000", "p00002")]))
    assert names(found) == {}
    assert found.lines()[0] == "repeated pairs in training: 1; without times, rows that are there twice look like buying again"


def texts(known: KnownGraph, label: str, told: Mapping[int, str]) -> KnownGraph:
    size = len(known.ids[label])
    return replace(known, texts={**known.texts, label: tuple(told.get(row, f"thing {row}") for row in range(size))})


def test_a_product_text_that_names_who_will_choose_it_is_a_leak() -> None:
    known = shop()
    cut = protocols.hold_out(known)
    user, product = known.users.names[cut.users[0]], int(cut.truth[0].indices[0])
    found = leaks.find(case(texts(known, "Product", {product: f"Loved by {user.upper()}, our customer."})))
    assert [(one.name, one.count) for one in found.found] == [("product texts that name the answer", 1)]
    assert str(user) in str(found.found[0])
    assert leaks.find(case(texts(known, "Product", {product: f"Loved by {user}7."}))).found == ()


@pytest.mark.parametrize("form", ["{:05d}", "{}", "u{}", "1{:04d}"])
def test_product_texts_that_name_many_users_of_short_ids_are_a_leak(form: str) -> None:
    known = shop()
    known.users.names[:] = [form.format(row) for row in range(len(known.users))]
    cut = protocols.hold_out(known)
    asked = cut.truth.tocoo()
    told = {
        int(product): f"Loved by {known.users.names[cut.users[row]]}." for row, product in zip(asked.row, asked.col, strict=True)
    }
    found = leaks.find(case(texts(known, "Product", told)))
    assert [(one.name, one.count > 30) for one in found.found] == [("product texts that name the answer", True)]
    clean = {row: f"{row % 300} pieces, size u{row % 40}, no. 1{row:04d}" for row in range(len(known.products))}
    honest = leaks.find(case(texts(known, "Product", clean)))
    assert honest.found == ()
    short = sum(len(name) < 4 or (name.isdigit() and name[0] != "0") for name in known.users.names[cut.users])
    assert honest.short_ids == ({"User": short} if short else {})
    said = f"ids too short to be found in texts unless many are: {short:,} users"
    assert (said in honest.lines()) is bool(short)


def test_a_user_text_that_names_a_later_choice_by_id_or_title_is_a_leak() -> None:
    known = shop()
    cut = protocols.hold_out(known)
    user, product = int(cut.users[0]), int(cut.truth[0].indices[0])
    titles = {"Product": np.array([f"Grand Piano {row}" for row in range(len(known.products))], dtype=object)}
    for word in (known.products.names[product], f"grand piano {product}"):
        found = leaks.find(case(texts(known, "User", {user: f"has wanted ({word}) for long"}), titles=titles))
        assert [(one.name, one.count) for one in found.found] == [("user texts that name the answer", 1)]


def test_texts_that_name_everybody_name_no_answer() -> None:
    known = shop()
    everybody = " ".join(known.users.names)
    assert leaks.find(case(texts(known, "Product", dict.fromkeys(range(len(known.products)), everybody)))).found == ()


def test_users_who_should_be_new_and_are_not_are_a_leak() -> None:
    known = shop()
    cut = protocols.hold_out(known, "new-users")
    chosen = cut.known.interactions
    extra = known.interactions.take(np.isin(known.interactions.user, cut.users[:2]))
    whole = Interactions(
        *(np.concatenate([getattr(chosen, name), getattr(extra, name)]) for name in ("user", "product", "at", "rating")), True
    )
    spoilt = replace(cut, known=replace(cut.known, interactions=whole))
    found = leaks.find(Case(known.interactions, spoilt, promised="new-users"))
    assert [(one.name, one.count) for one in found.found] == [("users on both sides, who should be new", 2)]
    assert leaks.find(Case(known.interactions, cut, promised="new-users")).found == ()


def test_products_that_should_be_new_and_are_not_are_a_leak() -> None:
    known = known_graph([[0, 1], [2, 3]], 6)
    found = leaks.find(given(known, [("u00000", "p00002"), ("u00001", "p00005")], promised="new-products"))
    assert [(one.name, one.count) for one in found.found] == [("products on both sides, which should be new", 1)]
    assert "p00002" in str(found.found[0])


def test_ids_in_two_spellings_are_noted_and_test_pairs_in_another_spelling_get_a_suggestion() -> None:
    known = known_graph([[0, 1], [2, 3]], 5)
    known.products.names[4] = "P 00003"
    pairs = [("u00000", "p00002"), ("U00001", "p00000 "), ("u00001", "nothing")]
    found = leaks.find(given(known, pairs))
    assert names(found) == {
        "products in two spellings": 1,
        "test pairs of users or products the graph does not know": 1,
        "test pairs in another spelling than the graph's": 1,
    }
    assert found.unknown_pairs == 2
    assert "did you mean 'u00001' → 'p00000'?" in str(found.findings[-1])
    assert fold("P 00003") == fold("p00003")


def test_interactions_without_a_time_are_noted_where_a_moment_divides() -> None:
    known = shop()
    known.interactions.at[5] = np.nan
    assert names(leaks.find(case(known)))["interactions without a time"] == 1


def test_leaks_stand_before_notes_and_each_is_one_line() -> None:
    known = known_graph([[0, 1, 1], [2, 3]], 5, at=[[1e9, 1.2e9, 1.2e9], [1e9, 1.1e9]])
    found = leaks.find(given(known, [("u00000", "p00004"), ("u00001", "nothing")], [1.1e9, 1.15e9]))
    assert [one.severity for one in found.findings] == ["leak", "note", "note", "note", "note"]
    lines = found.lines()
    assert lines[-5].startswith("leak: test older than training: 1, first u00000 → p00004 at ")
    assert not any("\n" in line for line in lines)
    assert found.to_json()["findings"][0]["name"] == "test older than training"


def test_a_split_of_ones_own_is_looked_through_too() -> None:
    known = shop()
    later = known.interactions.at > 1.509e9
    found = leaks.find(Case(known.interactions, splits.split(known, later, reason="mine", moment=1.509e9)))
    assert found.future_interactions == 0


def test_a_sample_of_many_nodes_says_which_share_of_their_pairs_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    baskets, products = 100, 200
    members = sp.csr_matrix((np.ones(200), (np.repeat(np.arange(baskets), 2), np.arange(products))), shape=(baskets, products))
    (tie,) = ties._by_neighbours("in_basket", members)
    assert (len(tie.one), tie.share) == (100, 1)
    monkeypatch.setattr(ties, "_LOOKED_AT", 5)
    (tie,) = ties._by_neighbours("in_basket", members)
    assert len(tie.one) == 5
    assert tie.share == pytest.approx(5 / 100)
