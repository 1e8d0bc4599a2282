import dataclasses

import numpy as np
import pytest

from graphrec import BadRequest, Ranker
from graphrec.search import Search, described
from tests.graphrec.test_updates import chosen


def titles(found):
    return [title or "" for title in found.titles]


def test_what_was_asked_for_comes_first(ranker):
    found = titles(ranker.rank(text="trail sneaker", k=3))
    assert all({"trail", "sneaker"} <= set(title.split()) for title in found[:2])
    assert all({"trail", "sneaker"} & set(title.split()) for title in found)


def test_what_is_chosen_with_the_matches_follows(ranker, planted):
    everything = ranker.rank(text="carabiner belay", k=500)
    others = [
        line.item
        for line, title in zip(everything, titles(everything), strict=True)
        if not {"carabiner", "belay"} & set(title.split())
    ]
    tastes = planted.truth.products
    assert np.mean([tastes[item][0].endswith("Climbing") for item in others[:8]]) > 0.7


def test_brands_and_categories_are_words_too(ranker, planted):
    found = ranker.rank(text="borealis running", k=5)
    assert [planted.truth.products[line.item] for line in found] == [("Sports > Running", "borealis")] * 5


def test_who_asks_matters_a_little_and_what_they_have_is_left_out(ranker):
    one, other = (list(ranker.rank(user, text="sneaker", k=12).items) for user in ("u0001", "u0004"))
    assert one != other
    assert not set(one) & set(chosen(ranker, "u0001"))
    assert list(ranker.rank(history=[], text="sneaker").items) == list(ranker.rank(text="sneaker").items)
    assert list(ranker.rank(about={"city": "Graz"}, text="sneaker", k=3).items)


def test_closeness_is_the_mean_of_words_and_squared_vectors(ranker, monkeypatch):
    vectors = np.zeros((len(ranker.model.known.products), 2), dtype=np.float16)
    vectors[7] = [0.6, 0.8]
    model = dataclasses.replace(ranker.model, text={"Product": vectors})
    monkeypatch.setattr("graphrec.search.embed", lambda _texts, **_: np.array([[1.0, 0.0]], dtype=np.float32))
    with_text, words = Search.of(model), Search.of(ranker.model)
    expected = words.closeness("sneaker") / 2
    expected[7] += 0.6**2 / 2
    np.testing.assert_allclose(with_text.closeness("sneaker"), expected, atol=1e-3)
    assert with_text.closeness("zzzz").argmax() == 7


def test_text_that_finds_nothing_is_refused_with_the_nearest_word(ranker):
    with pytest.raises(BadRequest, match="has a word of 'a snaeker'; did you mean 'sneaker'"):
        ranker.rank(text="a snaeker")
    with pytest.raises(BadRequest, match="text is blank"):
        ranker.rank(text=" ")


def test_a_graph_without_names_has_no_words(ranker):
    nameless = Ranker(dataclasses.replace(ranker.model, names={}))
    assert set(described(nameless.model)) == {""}
    with pytest.raises(BadRequest, match="no product's title, category or brand has a word of 'sneaker'"):
        nameless.rank(text="sneaker")


def test_an_updated_ranker_need_not_read_the_titles_again(ranker):
    ranker.rank(text="sneaker")
    assert ranker.update([("new", "p0002")])._search is ranker._search
