import dataclasses

import numpy as np
import pytest

import graphrec
from graphrec import BadRequest, Ranker

SNEAKER = {"title": "Trail sneaker for jogging", "brand": "Borealis", "category": "Running", "price": 3.5}


@pytest.fixture(scope="module")
def full(shop):
    return graphrec.fit(shop, scorers=["content"], text_model="none")


@pytest.fixture(params=["content", "words"])
def placing(request, full):
    """A ranker with the content scorer, and one that the blend left without it."""
    if request.param == "content":
        return full
    linear = dataclasses.replace(full.model.blend, scorers={}, weights={}, cold_weights={})
    return Ranker(dataclasses.replace(full.model, blend=linear))


def test_a_new_product_stands_among_its_like_and_finds_its_users(placing, planted):
    found = placing.place(SNEAKER, k=8, users=10)
    assert len(found.similar) == 8
    assert set(found.similar.users) == {"Trail sneaker for jogging"}
    assert np.mean([planted.truth.products[item][0] == "Sports > Running" for item in found.similar.items]) > 0.8
    assert np.mean([planted.truth.tastes[user][0] == "Sports > Running" for user in found.users.users]) > 0.8
    assert set(found.users.items) == {"Trail sneaker for jogging"}
    assert found.users.ranks.tolist() == list(range(1, 11))
    assert (np.diff(found.users.scores) <= 0).all()


def test_brand_and_category_alone_place_a_product(placing, planted):
    found = placing.place({"brand": "borealis", "category": ["Running"]}, k=5)
    assert {planted.truth.products[item] for item in found.similar.items} == {("Sports > Running", "borealis")}


def test_placing_changes_nothing_and_needs_no_store(full, tmp_path):
    before = full.rank("u0001").to_pandas()
    full.save(tmp_path / "m")
    one, other = full.place(SNEAKER), Ranker.load(tmp_path / "m").place(SNEAKER)
    assert list(one.similar.items) == list(other.similar.items)
    assert list(one.users.users) == list(other.users.users)
    assert full.rank("u0001").to_pandas().equals(before)


def test_it_says_what_it_could_not_use(full):
    found = full.place({"title": "sneaker", "brand": "Acmee", "category": "Runing", "price": 2})
    assert found.notes[0] == "the price changes nothing: no scorer reads prices"
    assert "no brand 'Acmee'; did you mean 'Acme'? it counts by its words alone" in found.notes
    assert "no category 'Runing'; did you mean 'Running'? it counts by its words alone" in found.notes
    assert all(note in repr(found) for note in found.notes)
    assert "sneaker: among 10 similar products, likely wanted by 20 users" in repr(found)
    assert "<pre>" in found._repr_html_()


@pytest.mark.parametrize("product", [{}, {"title": "  "}, {"price": 3}, {"title": None, "brand": []}])
def test_nothing_said_is_refused(full, product):
    with pytest.raises(BadRequest, match=r"nothing is said of the product .* give at least a title, such as"):
        full.place(product)


def test_what_no_product_has_is_refused(full):
    with pytest.raises(BadRequest, match="a product has no 'titel'; did you mean 'title'\\?"):
        full.place({"titel": "sneaker"})
    with pytest.raises(BadRequest, match="a product's title is a text or a list of texts \\(got 3\\)"):
        full.place({"title": 3})
    for price in ("cheap", -1, float("nan"), True):
        with pytest.raises(BadRequest, match="a product's price is a number from 0 on"):
            full.place({"title": "sneaker", "price": price})
    with pytest.raises(BadRequest, match="a new product is a dict such as"):
        full.place("sneaker")
    with pytest.raises(BadRequest, match="k must be at least 1"):
        full.place(SNEAKER, k=0)


def test_words_that_nobody_uses_and_nothing_else_are_refused(full):
    with pytest.raises(BadRequest, match="no product's title, category or brand has a word of 'qqq'"):
        full.place({"title": "qqq"})


def test_with_text_vectors_words_that_no_product_has_find_and_place(shop, planted):
    reading = graphrec.fit(shop, scorers=["content"])
    products = planted.truth.products
    found = reading.rank(text="shoes for runners", k=10)
    assert np.mean([products[item][0] == "Sports > Running" for item in found.items]) > 0.5
    placed = reading.place({"title": "shoes for runners"}, k=10, users=10)
    assert np.mean([products[item][0] == "Sports > Running" for item in placed.similar.items]) > 0.5
    assert np.mean([planted.truth.tastes[user][0] == "Sports > Running" for user in placed.users.users]) > 0.5
