"""A model takes events that came after its fit."""

import dataclasses

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

import graphrec
from graphrec import BadRequest, Ranker, UnknownId, pipeline
from graphrec.scorers import FitContext
from graphrec.tensors import Ids
from tests.graphrec.graphs import tastes

LATE = 1_800_000_000


@pytest.fixture(scope="module")
def full(shop):
    return graphrec.fit(shop, scorers=["content", "linear", "paths"], text_model="none")


def chosen(ranker, user):
    known = ranker.model.known
    history = known.histories(np.array([known.users.row(user)]))
    return [known.products.names[row] for row in history.product]


def same(one, other):
    assert list(one.items) == list(other.items)
    np.testing.assert_allclose(one.scores, other.scores, rtol=1e-4, atol=1e-5)


def test_answers_are_those_of_the_whole_history(full, planted):
    cold = planted.truth.cold[0]
    later = full.update([("u0001", "p0040", LATE), ("u0001", cold, LATE + 1), ("new", "p0002", LATE), ("new", "p0005", LATE + 9)])
    history = [*chosen(full, "u0001"), "p0040", cold]
    assert chosen(later, "u0001") == list(dict.fromkeys(reversed(history)))[::-1]
    same(later.rank("u0001", k=30), full.rank(history=history, k=30))
    same(later.rank("new", k=30), full.rank(history=["p0002", "p0005"], k=30))
    assert list(later.rank("new").items) != list(full.rank("new", strangers=True).items)
    same(later.rank("u0002", k=30), full.rank("u0002", k=30))


def test_what_came_of_it_is_said_and_what_waits(full, planted):
    cold = planted.truth.cold[0]
    taken = full.update([("u0001", cold, LATE), ("new", "p0002", LATE), ("new", "p00O1", LATE), ("other", "zz", LATE)]).taken
    assert (taken.events, taken.new_users, taken.grown_users, taken.first_chosen) == (2, ("new",), 1, (cold,))
    assert taken.unknown_products == {"p00O1": 1, "zz": 1}
    assert "did you mean 'p0" in str(taken)
    assert "then refresh" in str(taken)
    assert "popularity" in str(taken)


def test_the_ranker_before_is_as_it_was(ranker):
    before = ranker.rank("u0001", k=20).to_pandas()
    ranker.update([("u0001", "p0040", LATE), ("new", "p0002")])
    assert ranker.rank("u0001", k=20).to_pandas().equals(before)
    assert not ranker.knows("new")


def test_what_is_large_is_shared(ranker):
    later = ranker.update([("new", "p0002")])
    assert later.model.blend is ranker.model.blend
    assert later.model.known.products is ranker.model.known.products


def test_an_event_delivered_twice_counts_once(ranker):
    once = ranker.update([("u0001", "p0040", LATE), ("u0001", "p0040", LATE)])
    assert (once.taken.events, once.taken.repeated) == (1, 1)
    twice = once.update([("u0001", "p0040", LATE)])
    assert (twice.taken.events, twice.taken.repeated) == (0, 1)
    assert len(twice.model.known.interactions) == len(ranker.model.known.interactions) + 1


def test_a_late_event_takes_its_place_in_time(ranker):
    first = [("new", "p0002", LATE + 50), ("new", "p0003", LATE + 10)]
    later = ranker.update(first).update([("new", "p0004", LATE + 30), ("new", "p0005")])
    assert chosen(later, "new") == ["p0003", "p0004", "p0002", "p0005"]
    assert chosen(later.update([("new", "p0006", LATE + 40)]), "new") == ["p0003", "p0004", "p0006", "p0002", "p0005"]


def test_interactions_are_ordered_as_if_the_graph_had_been_read_with_them(ranker):
    random = np.random.default_rng(0)
    users = [*ranker.model.known.users.names[:50], "n1", "n2"]
    events = [
        (str(random.choice(users)), f"p{random.integers(1, 200):04d}", int(random.integers(LATE - 10**8, LATE)))
        for _ in range(300)
    ]
    ranked = ranker
    for piece in (events[:100], events[100:101], events[101:]):
        ranked = ranked.update(piece)
    after, before = (one.model.known for one in (ranked, ranker))
    told = [(after.users.row(user), at, order, after.products.row(product)) for order, (user, product, at) in enumerate(events)]
    old = before.interactions
    first = [(int(u), a, -1, int(p)) for u, a, p in zip(old.user, old.at, old.product, strict=True)]
    expected = sorted([*first, *told], key=lambda one: one[:3])
    found = after.interactions
    for mine, anew in zip(after._latest, dataclasses.replace(after)._latest, strict=True):
        np.testing.assert_array_equal(mine, anew)
    assert [(int(u), a, int(p)) for u, a, p in zip(found.user, found.at, found.product, strict=True)] == [
        (user, at, product) for user, at, _, product in expected
    ]


def test_a_saved_model_keeps_the_events(full, tmp_path):
    later = full.update([("u0001", "p0040", LATE), ("new", "p0002", LATE)]).update([("new", "p0005", LATE)])
    later.save(tmp_path / "m")
    loaded = Ranker.load(tmp_path / "m")
    for user in ("u0001", "new", "u0002"):
        assert loaded.rank(user).to_pandas().equals(later.rank(user).to_pandas())
    assert loaded.summary.updates == {"events": 3, "new users": 1, "products chosen for the first time": 0}
    assert "taken since: 3 events" in str(loaded.summary)
    assert loaded.update([("new", "p0005", LATE)]).taken.repeated == 1


def test_every_user_goes_back_into_the_graph_with_a_vector():
    known = tastes(users=60, timed=True)
    fitted = pipeline.learn(known, {}, FitContext(), scorers=["graph"])
    later = fitted.update([("new", "p00002", LATE), ("u00001", "p00040", LATE)])
    vectors = later.model.graph_vectors()["User"]
    assert len(vectors) == len(later.model.known.users) == 61
    encoder, rows = fitted.model.blend.scorers["graph"], np.array([later.model.known.users.row("new"), 1])
    np.testing.assert_allclose(vectors[rows], encoder.vectors_of(later.model.known.histories(rows)), atol=1e-6)
    np.testing.assert_array_equal(vectors[2:60], encoder.vectors()["User"][2:])
    assert "new" in later.to_graph(["new"], k=3).nodes["User"].collect()["id"].to_list()


def test_a_refresh_forgets_what_the_store_does_not_hold(full, shop):
    later = graphrec.refresh(full.update([("new", "p0002", LATE)]), shop)
    assert not later.knows("new")
    assert later.summary.updates == {}
    assert not len(later.model.grown)


@pytest.mark.parametrize(
    "events",
    [
        pd.DataFrame({"user": ["new"], "item": ["p0002"], "timestamp": [pd.Timestamp("2027-01-15", tz="UTC")], "rating": [4]}),
        pl.DataFrame({"user": ["new"], "product": ["p0002"], "at": [LATE]}),
        pl.LazyFrame({"user": ["new"], "product": ["p0002"], "at": ["2027-01-15T08:00:00"]}),
        [{"user": "new", "product": "p0002"}],
        [("new", "p0002")],
        (one for one in [("new", "p0002", "1800000000", 3.5)]),
        [("new", "p0002", LATE * 1000), ("new", "p0002", np.datetime64("NaT")), ("new", "p0002", pd.NaT, pd.NA)],
    ],
)
def test_events_come_in_any_of_these_forms(ranker, events):
    assert chosen(ranker.update(events), "new") == ["p0002"]


def test_faulty_events_are_named_and_nothing_good_is_lost(ranker):
    events = [("new", "p0002"), ("new", "p0003", "yesterday"), ("", "p0003"), ("new", "p0004", 7), ("new", "p5", LATE, "x")]
    with pytest.raises(BadRequest) as caught:
        ranker.update(events)
    said = str(caught.value)
    assert "events[1].at: expected epoch seconds or a date such as 2025-01-31 (got 'yesterday')" in said
    assert "events[2].user: expected an id (got '')" in said
    assert "events[3].at: time must lie between 1995 and 2100 (got 7)" in said
    assert "and 1 more. Nothing was taken: mend these, or take the other 1 events with skip_faulty=True" in said
    later = ranker.update(events, skip_faulty=True)
    assert chosen(later, "new") == ["p0002"]
    assert [fault.row for fault in later.taken.faults] == [1, 2, 3, 4]


def test_what_is_no_events_is_refused_with_an_example(ranker):
    for wrong in ("u1", {"user": "u1"}, 3, [3]):
        with pytest.raises(BadRequest, match=r"\[\{'user': 'u1', 'product': 'p7'"):
            ranker.update(wrong)
    with pytest.raises(BadRequest, match="no column 'usr'; did you mean 'user'"):
        ranker.update([{"usr": "a", "product": "p0001"}])
    with pytest.raises(BadRequest, match="need a column 'product' or 'item' \\(got user, sku\\)"):
        ranker.update(pd.DataFrame({"user": ["a"], "sku": ["p0001"]}))


def test_columns_that_say_nothing_are_named(ranker):
    taken = ranker.update([{"user": "new", "product": "p0002", "quantity": 3}]).taken
    assert taken.ignored == ("quantity",)
    assert "columns not read: quantity" in str(taken)


def test_no_events_change_nothing(ranker):
    later = ranker.update([])
    assert later.model is ranker.model
    assert str(later.taken) == "0 events taken: 0 new users, 0 known ones"


def test_relations_and_names_of_users_grow_with_them(ranker):
    known = ranker.model.known
    lives = sp.csr_matrix(np.eye(len(known.users), 3, dtype=np.float32))
    wider = dataclasses.replace(
        known,
        ids={**known.ids, "City": Ids("City", np.array(["a", "b", "c"], dtype=object))},
        relations={**known.relations, ("User", "LIVES_IN", "City"): lives},
    )
    names = {**ranker.model.names, "User": np.array([f"Mr {one}" for one in known.users.names], dtype=object)}
    later = Ranker(dataclasses.replace(ranker.model, known=wider, names=names)).update([("new", "p0002")])
    assert later.model.known.relations["User", "LIVES_IN", "City"].shape == (len(known.users) + 1, 3)
    assert later.model.names["User"][-1] is None
    assert later.explain("new", "p0003").user == "new"
    with pytest.raises(UnknownId):
        later.rank("newer")
