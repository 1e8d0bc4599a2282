import dataclasses

import numpy as np
import pytest

from graphrec import BadRequest, NotEnoughMemory, Ranker, UnknownId
from graphrec.tensors import Histories
from tests import oracles


@pytest.fixture(scope="module", params=["kept", "dropped"])
def by_popularity(request, ranker, shop):
    """Rankers whose blend kept popularity, and whose blend dropped it."""
    from graphrec import fit

    return fit(shop, scorers=["popularity"] if request.param == "kept" else ["linear"], text_model="none")


def chosen(ranker, user):
    known = ranker.model.known
    history = known.histories(np.array([known.users.row(user)]))
    return [known.products.names[row] for row in history.product]


def test_a_list_is_the_sorted_scores_without_what_was_seen(ranker):
    known = ranker.model.known
    for user in known.users.names[:20]:
        scores = ranker.model.score(known.histories(np.array([known.users.row(user)])))[0]
        seen = set(chosen(ranker, user))
        allowed = {name for name, listed in zip(known.products.names, known.listed, strict=True) if listed and name not in seen}
        expected = oracles.best(dict(zip(known.products.names, scores.tolist(), strict=True)), allowed, 15)
        assert list(ranker.rank(user, k=15).items) == expected


def test_lists_are_of_the_users_category_and_mostly_of_their_brand(ranker, planted):
    def shares(lists):
        pairs = [(planted.truth.products[line.item], planted.truth.tastes[line.user]) for line in lists]
        return np.mean([one[0] == other[0] for one, other in pairs]), np.mean([one == other for one, other in pairs])

    users = list(planted.truth.tastes)
    constant = Ranker(dataclasses.replace(ranker.model, blend=_Constant(ranker.model.blend)))
    category, brand = shares(ranker.rank(users, k=5))
    assert category > 0.8
    assert brand > 0.5
    assert shares(constant.rank(users, k=5))[0] < 0.4


class _Constant:
    """A blend that says the same to everybody."""

    def __init__(self, blend):
        self.scorers, self.warm = blend.scorers, blend.warm

    def score(self, histories, *, said=None):  # noqa: ARG002
        return np.tile(np.arange(len(self.warm), dtype=np.float32), (len(histories), 1))


def test_many_users_get_what_each_gets_alone_in_the_order_asked_for(ranker):
    users = ["u0009", "u0001", "u0005"]
    together = ranker.rank(users, k=4).to_pandas()
    assert list(together.columns) == ["user", "item", "rank", "score"]
    assert together["user"].tolist() == [user for user in users for _ in range(4)]
    assert together["rank"].tolist() == [1, 2, 3, 4] * 3
    for user in users:
        assert together[together["user"] == user]["item"].tolist() == list(ranker.rank(user, k=4).items)


def test_a_stranger_with_the_history_of_a_user_gets_that_users_list(ranker):
    for user in ("u0001", "u0002", "u0003"):
        assert list(ranker.rank(history=chosen(ranker, user)).items) == list(ranker.rank(user).items)


def test_several_histories_are_several_strangers(ranker):
    both = ranker.rank(history=[["p0001"], ["p0002", "p0003"]], k=3)
    assert list(dict.fromkeys(both.users)) == ["stranger 1", "stranger 2"]
    assert list(both.items[3:]) == list(ranker.rank(history=["p0002", "p0003"], k=3).items)


def test_nobody_is_shown_what_they_chose_unless_asked(ranker):
    seen = set(chosen(ranker, "u0001"))
    assert not seen & set(ranker.rank("u0001", k=500).items)
    assert seen <= set(ranker.rank("u0001", k=500, exclude_seen=False).items)


def test_only_listed_products_are_shown_unless_named(ranker):
    unlisted = set(ranker.model.known.products.names[~ranker.model.known.listed])
    assert unlisted == {"x-unlisted"}
    assert not unlisted & set(ranker.rank("u0001", k=500).items)


def test_candidates_are_ranked_alone_and_keep_their_order(ranker):
    everything = list(ranker.rank("u0001", k=500).items)
    some = everything[5:50:7]
    assert list(ranker.rank("u0001", candidates=reversed(some)).items) == some


def test_an_excluded_product_is_shown_to_nobody_and_an_excluded_pair_to_that_user(ranker):
    first, second = ranker.rank(["u0001", "u0013"], k=1).items
    kept = ranker.rank(["u0001", "u0013"], exclude=[first, ("u0013", second), ("nobody", "nothing")], k=500)
    lists = {user: {line.item for line in kept if line.user == user} for user in ("u0001", "u0013")}
    assert first not in lists["u0001"] | lists["u0013"]
    assert second not in lists["u0013"]
    assert first == second or second in lists["u0001"] | set(chosen(ranker, "u0001"))


def test_the_same_question_has_the_same_answer_whatever_the_batch(ranker, monkeypatch):
    users = list(ranker.model.known.users.names)
    whole = ranker.rank(users, k=7).to_pandas()
    monkeypatch.setattr("graphrec.batches.CELLS", 5 * len(ranker.model.known.products))
    assert ranker.rank(users, k=7).to_pandas().equals(whole)


def test_somebody_without_a_history_gets_what_is_popular(by_popularity):
    counts = np.asarray(by_popularity.model.known.matrix.sum(axis=0)).ravel()
    ids = by_popularity.model.known.products.names
    common = {ids[row] for row in np.argsort(-counts)[:40]}
    shown = set(by_popularity.rank(history=[], k=10).items)
    assert len(shown & common) >= 8
    assert list(by_popularity.rank("nobody", strangers=True).items) == list(by_popularity.rank(history=[]).items)


def test_a_list_is_short_where_few_products_are_left(ranker):
    assert len(ranker.rank("u0001", candidates=["p0001", "p0002"], exclude_seen=False, k=10)) == 2


def test_no_users_make_an_empty_ranking(ranker):
    empty = ranker.rank([])
    assert len(empty) == 0
    assert list(empty.to_pandas().columns) == ["user", "item", "rank", "score"]


def test_similar_products_are_of_the_same_taste(ranker, planted):
    tastes, same = planted.truth.products, []
    for product in list(tastes)[:60]:
        found = ranker.similar(product, k=5)
        assert product not in found.items
        same += [tastes[line.item] == tastes[product] for line in found]
    assert np.mean(same) > 0.6


def test_a_ranking_shows_titles_to_people(ranker):
    found = ranker.rank("u0001", k=12)
    title = found.titles[0]
    assert title
    assert title in repr(found)
    assert title in found._repr_html_()
    assert "2 more" in repr(found)


def test_an_unknown_user_is_refused_with_the_closest(ranker):
    with pytest.raises(UnknownId, match=r"no user 'u00O1' among 120; did you mean 'u0\d+'\?"):
        ranker.rank("u00O1")
    with pytest.raises(UnknownId, match="did you mean"):
        ranker.explain("u00O1", "p0001")
    with pytest.raises(UnknownId, match="did you mean"):
        ranker.to_graph(["u00O1"])


def test_an_unknown_product_is_refused_with_the_closest_wherever_it_stands(ranker):
    for ask in (
        lambda: ranker.rank(history=["p00O1"]),
        lambda: ranker.rank("u0001", candidates=["p00O1"]),
        lambda: ranker.explain("u0001", "p00O1"),
        lambda: ranker.explain(["p00O1"], "p0001"),
        lambda: ranker.similar("p00O1"),
    ):
        with pytest.raises(UnknownId, match=r"no product 'p00O1' among 241; did you mean 'p0\d+'\?"):
            ask()


@pytest.mark.parametrize("k", [0, -3])
def test_k_below_one_is_refused(ranker, k):
    for ask in (lambda: ranker.rank("u0001", k=k), lambda: ranker.similar("p0001", k=k), lambda: ranker.to_graph(k=k)):
        with pytest.raises(BadRequest, match=rf"k must be at least 1 \(got {k}\)"):
            ask()


def test_a_question_that_asks_nothing_or_two_things_is_refused(ranker):
    with pytest.raises(BadRequest, match="candidates is empty"):
        ranker.rank("u0001", candidates=[])
    with pytest.raises(BadRequest, match="give a user"):
        ranker.rank()
    with pytest.raises(BadRequest, match="not both"):
        ranker.rank("u0001", history=["p0001"])
    with pytest.raises(BadRequest, match="not both"):
        ranker.rank("u0001", users=["u0002"])
    with pytest.raises(BadRequest, match="history is a list"):
        ranker.rank(history="p0001")
    with pytest.raises(BadRequest, match="candidates is a list"):
        ranker.rank("u0001", candidates="p0001")


def test_contributions_add_up_to_the_score(ranker):
    batch = Histories.of([[1, 2, 3], [], [40]])
    rows = np.arange(len(ranker.model.known.products))
    total = sum(ranker.model.contributions(batch, rows).values())
    scores = ranker.model.score(batch)
    assert np.allclose(total[np.isfinite(scores)], scores[np.isfinite(scores)], atol=1e-4)


@pytest.mark.parametrize("k", [2.5, "3", True])
def test_a_k_that_is_no_whole_number_is_refused(ranker, k):
    with pytest.raises(BadRequest, match="k must be a whole number"):
        ranker.rank("u0001", k=k)


def test_ids_without_quotes_are_refused(ranker):
    with pytest.raises(BadRequest, match="id in quotes"):
        ranker.rank(123)
    with pytest.raises(BadRequest, match="ids in quotes"):
        ranker.rank(history=[123])


def test_a_k_beyond_the_catalogue_gives_what_there_is_and_costs_no_more(ranker):
    products = int(ranker.model.known.listed.sum())
    assert len(ranker.rank("u0001", k=10**12, exclude_seen=False)) == products
    assert len(ranker.similar("p0001", k=10**12)) < products


def test_knobs_at_0_change_nothing(ranker):
    users = list(ranker.model.known.users.names)
    plain = ranker.rank(users, k=7).to_pandas()
    for knobs in ({}, {"diversity": 0}, {"popularity": 0.0, "producers": 0}):
        assert ranker.rank(users, k=7, rerank=knobs).to_pandas().equals(plain)


def test_a_re_ranked_list_is_chosen_from_the_models_best_hundred_and_keeps_its_scores(ranker):
    for user in ("u0001", "u0002", "u0003"):
        own = {line.item: line.score for line in ranker.rank(user, k=100)}
        found = ranker.rank(user, k=10, rerank={"diversity": 0.5, "popularity": 0.2})
        assert {line.item: line.score for line in found}.items() <= own.items()
        assert list(found.items) != list(ranker.rank(user, k=10).items)


def test_re_ranking_for_producers_shows_every_brand_where_the_model_shows_few(ranker, planted):
    brands = {product: taste[1] for product, taste in planted.truth.products.items()}
    users = list(planted.truth.tastes)[:30]

    def shown(ranking):
        return [len({brands[line.item] for line in ranking if line.user == user}) for user in users]

    assert min(shown(ranker.rank(users, k=6, rerank={"producers": 1}))) == len(set(brands.values()))
    assert np.mean(shown(ranker.rank(users, k=6))) < len(set(brands.values())) - 1


def test_re_ranking_keeps_to_what_may_be_shown(ranker):
    allowed = ["p0001", "p0002", "p0003", "p0013"]
    found = ranker.rank("u0009", k=10, candidates=allowed, exclude=["p0002"], exclude_seen=False, rerank={"diversity": 1})
    assert sorted(found.items) == ["p0001", "p0003", "p0013"]
    assert not set(chosen(ranker, "u0001")) & set(ranker.rank("u0001", k=500, rerank={"popularity": 1}).items)


def test_re_ranked_lists_are_the_same_whatever_the_batch(ranker, monkeypatch):
    users = list(ranker.model.known.users.names)
    knobs = {"diversity": 0.3, "popularity": 0.1, "producers": 0.2}
    whole = ranker.rank(users, k=7, rerank=knobs).to_pandas()
    monkeypatch.setattr("graphrec.batches.CELLS", 5 * len(ranker.model.known.products))
    assert ranker.rank(users, k=7, rerank=knobs).to_pandas().equals(whole)


def test_a_loaded_model_re_ranks_without_its_store(ranker, tmp_path):
    ranker.save(tmp_path / "m")
    knobs = {"diversity": 0.3, "popularity": 0.1, "producers": 0.2}
    found = Ranker.load(tmp_path / "m").rank(["u0001", "u0002"], rerank=knobs)
    assert found.to_pandas().equals(ranker.rank(["u0001", "u0002"], rerank=knobs).to_pandas())


def test_a_wrong_knob_is_refused(ranker):
    with pytest.raises(BadRequest, match="did you mean 'diversity'"):
        ranker.rank("u0001", rerank={"divresity": 0.3})
    with pytest.raises(BadRequest, match=r"popularity must be a number between 0, the model's own order, and 1 \(got 2\)"):
        ranker.rank("u0001", rerank={"popularity": 2})
    bare = dataclasses.replace(ranker.model, known=dataclasses.replace(ranker.model.known, relations={}))
    with pytest.raises(BadRequest, match="cannot re-rank for producers: the graph has fewer than two brands"):
        Ranker(bare).rank("u0001", rerank={"producers": 0.1})


def test_lists_that_surely_do_not_fit_into_memory_are_refused_before_anything_is_ranked(ranker, monkeypatch):
    monkeypatch.setattr("graphrec.memory.available", lambda: 1_000_000)
    everybody = list(ranker.model.known.users.names)
    with pytest.raises(
        NotEnoughMemory,
        match=r"lists of 20 products for 1,\d+ users take about 2 MB of memory, and 1 MB are free; ask for some at a time",
    ):
        ranker.rank(history=[[]] * 1_600, k=20)
    assert len(ranker.rank(everybody[:2], k=5)) == 10
