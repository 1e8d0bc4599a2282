"""A model takes up what came after its fit, without training."""

import numpy as np
import polars as pl
import pytest

import graphrec
from graphrec import NotEnoughMemory, Ranker, UnknownId
from kg_builder.schema import RETAIL
from kg_builder.tables import GraphTables

SCORERS = ["content", "graph", "linear", "paths", "popularity"]
NEW, TWIN = "zz-new", "p0001"


@pytest.fixture(scope="module")
def full(shop):
    return graphrec.fit(shop, scorers=SCORERS, text_model="none")


@pytest.fixture(scope="module")
def later(shop):
    """The shop with one more product, described and branded like a known one, and one more user who chose two."""
    twin = shop.nodes["Product"].filter(pl.col("id") == TWIN)
    brand = shop.edges["Product", "MADE_BY", "Brand"].filter(pl.col("source") == TWIN)
    category = shop.edges["Product", "IN_CATEGORY", "Category"].filter(pl.col("source") == TWIN)
    bought = pl.DataFrame({"source": ["zz-user"] * 2, "target": ["p0002", "p0003"], "key": ["1", "2"], "at": [1, 2]})
    new = GraphTables.of(
        shop.schema,
        {"Product": twin.with_columns(id=pl.lit(NEW)), "User": pl.DataFrame({"id": ["zz-user"]})},
        {
            ("Product", "MADE_BY", "Brand"): brand.with_columns(source=pl.lit(NEW)),
            ("Product", "IN_CATEGORY", "Category"): category.with_columns(source=pl.lit(NEW)),
            ("User", "BOUGHT", "Product"): bought,
        },
    )
    return shop.merge(new)


@pytest.fixture(scope="module")
def refreshed(full, later):
    return graphrec.refresh(full, later)


def test_a_refresh_on_the_same_graph_ranks_as_before(full, shop):
    again = graphrec.refresh(full, shop)
    users = list(full.model.known.users.names)
    before, after = (one.rank(users, k=5).to_pandas() for one in (full, again))
    assert (before["item"] == after["item"]).mean() > 0.98
    np.testing.assert_allclose(before["score"], after["score"], rtol=1e-3, atol=1e-3)


def test_nothing_is_weighed_or_trained_anew(full, refreshed):
    one, other = full.model.blend, refreshed.model.blend
    assert (one.weights, one.cold_weights, one.parts) == (other.weights, other.cold_weights, other.parts)
    assert full.summary.parts == refreshed.summary.parts
    assert refreshed.summary.notes[-1] == "refreshed without training: 1 new users, 1 new products"
    assert refreshed.model.name == full.model.name


def test_a_new_product_is_ranked_explained_and_similar_to_what_is_described_alike(full, refreshed):
    with pytest.raises(UnknownId):
        full.explain("u0001", NEW)
    assert list(refreshed.rank("u0001", candidates=[NEW], k=1).items) == [NEW]
    found = refreshed.explain("u0001", NEW)
    line = next(iter(refreshed.rank("u0001", candidates=[NEW], k=1)))
    assert sum(reason.amount for reason in found) + found.baseline == pytest.approx(line.score, rel=1e-3, abs=1e-4)
    brand = refreshed.model.known.relations["Product", "MADE_BY", "Brand"]
    row = refreshed.model.known.products.row
    alike = [row(item) for item in refreshed.similar(NEW, k=5).items]
    assert np.mean([(brand[one] != brand[row(TWIN)]).nnz == 0 for one in alike]) >= 0.6


def test_a_new_user_is_known_by_what_they_chose(full, refreshed):
    assert not full.knows("zz-user")
    known = refreshed.rank("zz-user", k=10)
    stranger = refreshed.rank(history=["p0002", "p0003"], k=10)
    assert list(known.items) == list(stranger.items)


def test_a_refreshed_model_is_saved_and_refreshed_again(refreshed, later, tmp_path):
    refreshed.save(tmp_path / "model")
    loaded = Ranker.load(tmp_path / "model")
    assert loaded.model.text_model == "none"
    again = graphrec.refresh(loaded, later)
    notes = [note for note in again.summary.notes if note.startswith("refreshed")]
    assert notes == ["refreshed without training: 0 new users, 0 new products"]
    assert again.rank("u0001", k=5).to_pandas()["item"].tolist() == refreshed.rank("u0001", k=5).to_pandas()["item"].tolist()


def test_a_graph_without_choices_cannot_be_taken_up(full):
    nobody = GraphTables.of(RETAIL, {"Product": pl.DataFrame({"id": ["p1"]}), "User": pl.DataFrame({"id": ["u1"]})}, {})
    with pytest.raises(graphrec.NothingToLearn):
        graphrec.refresh(full, nobody)


def test_the_graph_of_another_shop_is_refused(full):
    edges = {("User", "BOUGHT", "Product"): pl.DataFrame({"source": ["x"], "target": ["y"], "key": ["1"]})}
    other = GraphTables.of(RETAIL, {"Product": pl.DataFrame({"id": ["y"]}), "User": pl.DataFrame({"id": ["x"]})}, edges)
    with pytest.raises(graphrec.BadRequest, match="lacks 120 of the model's 120 users, so it is another shop's"):
        graphrec.refresh(full, other)


def test_a_refresh_that_surely_does_not_fit_into_memory_is_refused(full, later, monkeypatch):
    monkeypatch.setattr("graphrec.memory.available", lambda: 1_000_000)
    with pytest.raises(NotEnoughMemory, match=r"the scorers of this model take about .* of memory, and 1 MB are free"):
        graphrec.refresh(full, later)
