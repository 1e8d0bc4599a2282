import dataclasses

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from graphrec import BadRequest, Ranker
from graphrec.attributes import Attributes
from graphrec.tensors import Ids, KnownGraph
from kg_builder.schema import RETAIL
from kg_builder.tables import GraphTables
from tests.graphrec.graphs import known_graph


@pytest.fixture
def grown():
    """Six users; three live in Graz and chose 0 and 1, three in Oslo and chose 1 and 2; ages 20, 21 … 25."""
    known = known_graph([[0, 1], [0, 1], [0], [1, 2], [2], [2]], 4, labels={"City": 2})
    lives = sp.csr_matrix((np.ones(6, dtype=np.float32), (np.arange(6), [0, 0, 0, 1, 1, 1])), shape=(6, 2))
    about = {
        "sex": ["f", "m", "f", None, "m", "m"],
        "age": [20, 21, 22, 23, 24, None],
        "member": [True, True, None, False, False, False],
    }
    relations = {("User", "LIVES_IN", "City"): lives}
    names = {"City": np.array(["Graz", "Oslo"], dtype=object)}
    return Attributes.of(dataclasses.replace(known, attributes=about, relations=relations), names)


def expected(known, mask):
    """p(i) · ratio, a product at a time."""
    pairs = list(zip(known.interactions.user.tolist(), known.interactions.product.tolist(), strict=True))
    found = []
    for product in range(len(known.products)):
        share = sum(one == product for _, one in pairs) / len(pairs)
        theirs = sum(mask[user] for user, _ in pairs)
        alike = sum(mask[user] for user, one in pairs if one == product)
        found.append(np.log((alike + 100 * share) / (theirs + 100)) if share else -np.inf)
    return found


def test_a_single_attribute_is_the_shrunk_popularity_among_people_alike(grown):
    for about, mask in (
        ({"city": "Graz"}, [1, 1, 1, 0, 0, 0]),
        ({"sex": "m"}, [0, 1, 0, 0, 1, 1]),
        ({"member": True}, [1, 1, 0, 0, 0, 0]),
    ):
        np.testing.assert_allclose(grown.score(about), expected(grown.known, mask), rtol=1e-5)
    assert grown.score({"city": "Graz"})[0] > grown.score({"city": "Oslo"})[0]


def test_attributes_add_up(grown):
    one, other, both = (grown.score(about) for about in ({"city": "Graz"}, {"sex": "m"}, {"city": "Graz", "sex": "m"}))
    base = np.log(np.asarray(grown.known.matrix.sum(axis=0)).ravel()[:3] / 9)
    np.testing.assert_allclose(one[:3] + other[:3] - base, both[:3], rtol=1e-5)
    assert both[3] == -np.inf


def test_by_a_number_the_nearest_are_alike(grown, monkeypatch):
    monkeypatch.setattr("graphrec.attributes._ALIKE", (0.0, 2))
    np.testing.assert_allclose(grown.score({"age": 19}), expected(grown.known, [1, 1, 0, 0, 0, 0]), rtol=1e-5)
    np.testing.assert_allclose(grown.score({"age": "22"}), expected(grown.known, [0, 1, 1, 1, 0, 0]), rtol=1e-5)


def test_what_nobody_has_is_refused_with_what_there_is(grown):
    with pytest.raises(BadRequest, match="no attribute 'ctiy'; did you mean 'city'\\? known: age, city, member, sex"):
        grown.score({"ctiy": "Graz"})
    with pytest.raises(BadRequest, match="no user's city is 'Gratz'; did you mean 'Graz'\\? known: Graz, Oslo"):
        grown.score({"city": "Gratz"})
    for wrong in ("young", None, float("nan")):
        with pytest.raises(BadRequest, match="a user's age is a number"):
            grown.score({"age": wrong})
    for nothing in ({}, "Graz"):
        with pytest.raises(BadRequest, match="about is what is known of somebody, such as"):
            grown.score(nothing)
    bare = Attributes.of(known_graph([[0]], 2), {})
    with pytest.raises(BadRequest, match="the graph says nothing of its users: give a history or a text instead"):
        bare.score({"city": "Graz"})


def test_a_property_that_tells_users_apart_is_no_attribute():
    schema = RETAIL.with_properties("User", {"name": "string", "city": "string", "age": "integer", "empty": "string"})
    users = {"id": ["a", "b", "c", "d"], "name": ["A", "B", "C", "D"], "city": ["x", "x", None, "y"], "age": [3, 3, 4, 4]}
    chose = {"source": ["a", "b"], "target": ["p", "p"], "key": ["1", "2"]}
    tables = {"User": users | {"empty": [None] * 4}, "Product": {"id": ["p"]}}
    nodes = {label: pl.DataFrame(table) for label, table in tables.items()}
    known = KnownGraph.of(GraphTables.of(schema, nodes, {("User", "BOUGHT", "Product"): pl.DataFrame(chose)}))
    assert known.attributes == {"city": ["x", "x", None, "y"], "age": [3, 3, 4, 4]}


def test_somebody_gets_what_people_alike_choose_saved_and_updated_too(ranker, tmp_path):
    about = {"city": "Graz", "newsletter": True}
    found = ranker.rank(about=about, k=5)
    assert set(found.users) == {"stranger"}
    assert list(found.items) != list(ranker.rank(history=[], k=5).items)
    assert not set(found.items) & set(ranker.rank(about=about, exclude=found.items, k=5).items)
    later = ranker.update([("new", "p0002", 1_800_000_000)])
    assert later.model.known.attributes["city"][-1] is None
    later.save(tmp_path / "m")
    again = Ranker.load(tmp_path / "m").rank(about=about, k=5)
    assert again.to_pandas().equals(later.rank(about=about, k=5).to_pandas())
    with pytest.raises(BadRequest, match="for somebody of whom no choices are known"):
        ranker.rank("u0001", about=about)


def test_ids_name_the_nodes_that_have_no_name():
    known = known_graph([[0], [1]], 2, labels={"City": 2})
    lives = sp.csr_matrix(np.eye(2, dtype=np.float32))
    found = Attributes.of(dataclasses.replace(known, relations={("User", "LIVES_IN", "City"): lives}), {})
    assert found.names == ["city"]
    assert isinstance(known.ids["City"], Ids)
    assert found.score({"city": "c00000"})[0] > found.score({"city": "c00001"})[0]
