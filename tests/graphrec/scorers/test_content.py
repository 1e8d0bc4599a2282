import numpy as np
import pytest

from graphrec.likeness import Likeness
from graphrec.scorers import FitContext
from graphrec.scorers import content as content_module
from graphrec.scorers.content import Content
from graphrec.tensors import Floats, Histories, KnownGraph
from graphrec.text import embed
from tests.graphrec.graphs import known_graph, tastes

GROUPS, SIZE, COLD = 4, 15, 4
THINGS = ("running shoe", "kitchen toaster", "lipstick", "garden hose")
COLOURS = (
    "red",
    "blue",
    "green",
    "black",
    "white",
    "grey",
    "pink",
    "brown",
    "gold",
    "silver",
    "teal",
    "lime",
    "navy",
    "plum",
    "sand",
)
WEIGHTS = {"words": 1.0, "characters": 1.0, "text": 1.0, "ties": 1.0}


def shop(*, texts: bool = True, relations: bool = True) -> KnownGraph:
    known = tastes(users=120, groups=GROUPS, size=SIZE, length=6, cold=COLD)
    titles = [f"{COLOURS[row % SIZE]} {THINGS[row // SIZE]}" for row in range(GROUPS * SIZE)]
    return KnownGraph(
        known.ids,
        known.interactions,
        known.relations if relations else {},
        known.listed,
        {"Product": tuple(titles)} if texts else {},
    )


def cold_recall(scores: Floats, known: KnownGraph) -> float:
    """Of each user's `COLD` best products that nobody chose, the share that is of the user's taste."""
    cold = np.flatnonzero(~known.warm)
    best = cold[np.argsort(-scores[:, cold], axis=1, kind="stable")[:, :COLD]]
    return float((best // SIZE == (np.arange(len(scores)) % GROUPS)[:, None]).mean())


@pytest.mark.parametrize("texts, relations, vectors", [(True, True, True), (True, False, False), (False, True, False)])
def test_cold_products_that_their_words_or_brand_give_away_are_found_and_a_constant_predictor_finds_few(
    texts, relations, vectors, tmp_path
):
    known = shop(texts=texts, relations=relations)
    text = {"Product": embed(known.texts["Product"], cache=tmp_path)} if vectors else {}
    scores = Content.fit(known, FitContext(text=text)).score(known.histories())
    assert cold_recall(scores, known) > 0.9
    assert cold_recall(np.ones_like(scores), known) < 0.3


def test_vectors_alone_are_enough(tmp_path):
    known = shop(texts=False, relations=False)
    vectors = embed(shop().texts["Product"], cache=tmp_path)
    scores = Content.fit(known, FitContext(text={"Product": vectors})).score(known.histories())
    assert cold_recall(scores, known) > 0.9


def test_vectors_that_are_no_numbers_say_nothing(tmp_path):
    known = shop()
    vectors = embed(known.texts["Product"], cache=tmp_path)
    vectors[0], vectors[COLD], vectors[-1] = np.nan, np.inf, 0
    scores = Content.fit(known, FitContext(text={"Product": vectors})).score(known.histories())
    assert np.isfinite(scores).all()
    assert cold_recall(scores, known) > 0.9


def test_a_stranger_with_the_same_history_gets_the_same_scores():
    known = shop()
    scorer = Content.fit(known, FitContext())
    one = known.histories(np.array([3]))
    np.testing.assert_array_equal(scorer.score(Histories.of([one.product.tolist()])), scorer.score(one))


def test_an_empty_history_and_a_graph_of_which_nothing_is_said_score_zero():
    assert not Content.fit(shop(), FitContext()).score(Histories.of([[]])).any()
    bare = shop(texts=False, relations=False)
    scorer = Content.fit(bare, FitContext())
    assert not scorer.score(bare.histories()).any()
    assert scorer.notes
    assert not Content.fit(known_graph([[0], [1]], 3, texts=["", "", ""]), FitContext()).score(Histories.of([[0]])).any()


def test_a_new_product_that_is_described_like_a_chosen_one_learns_from_it():
    known = known_graph([[0, 1], [0, 1], [2, 3], [2, 3]], 5, texts=["shoe", "lace", "hat", "band", "shoe"])
    scores = Content.fit(known, FitContext()).score(Histories.of([[1], [3]]))
    assert scores[0, 4] > scores[1, 4] == 0


def test_products_described_alike_have_one_profile_and_equal_scores():
    known = known_graph(
        [[0, 1], [0, 1], [2, 3], [2, 3]], 6, texts=["red shoe", "blue shoe", "red hat", "blue hat", "red shoe", "hat"]
    )
    scorer = Content.fit(known, FitContext())
    assert scorer.profile[4] == scorer.profile[0]
    scores = scorer.score(Histories.of([[1], [3]]))
    assert (scores[:, 4] == scores[:, 0]).all()
    assert scores[1, 5] > scores[0, 5]


def test_the_kernel_is_symmetric_positive_and_at_most_one(tmp_path):
    known = shop()
    likeness = Likeness.of(known, embed(known.texts["Product"], cache=tmp_path), WEIGHTS)
    rows = np.arange(likeness.profiles)
    kernel = likeness.kernel(rows, rows)
    assert set(likeness.views) == {"words", "characters", "text", "Brand"}
    assert kernel == pytest.approx(kernel.T, abs=1e-5)
    assert np.linalg.eigvalsh(kernel.astype(np.float64)).min() > -1e-5
    assert kernel.max() <= 1 + 1e-5


def test_beyond_the_limit_the_most_chosen_teach_and_the_rest_is_said(monkeypatch):
    monkeypatch.setattr(content_module, "EXACT", 20)
    monkeypatch.setattr(content_module, "TEACHERS", 16)
    known = shop()
    scorer = Content.fit(known, FitContext())
    assert "16 most-chosen" in scorer.notes[0]
    assert cold_recall(scorer.score(known.histories()), known) > 0.8


def test_terms_name_the_products_of_the_history_that_brought_the_score():
    known = shop()
    scorer = Content.fit(known, FitContext())
    terms = scorer.terms(Histories.of([[0, SIZE]]), SIZE - 1)
    assert max(terms, key=lambda term: term.amount).product == 0
