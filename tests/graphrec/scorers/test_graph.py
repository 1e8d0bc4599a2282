"""The trained encoder on planted tastes."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from graphrec import splits
from graphrec.encoder import Block, Encoder, EncoderConfig
from graphrec.metrics import counts, hits, ndcg, top
from graphrec.questions import RankingConfig, _inclusion
from graphrec.scorers import FitContext
from graphrec.scorers.graph import Graph, GraphConfig
from graphrec.tensors import Floats, Histories, Ids, KnownGraph
from graphrec.training import TrainConfig, train
from tests.graphrec.graphs import known_graph, tastes

GROUPS, SIZE = 4, 15
QUICK = GraphConfig(EncoderConfig(dim=16, seeds=2), training=TrainConfig(steps=40))


@cache
def shop() -> KnownGraph:
    return tastes(users=200, groups=GROUPS, size=SIZE, cold=3)


def text(known: KnownGraph) -> dict[str, Floats]:
    """Text vectors that tell the taste, with noise."""
    taste = np.arange(len(known.products)) // SIZE
    noise = np.random.default_rng(1).normal(0, 0.3, (len(taste), 8))
    vectors = np.eye(8)[taste] + noise
    return {"Product": (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)}


@cache
def fitted() -> Graph:
    return Graph.fit_with(shop(), FitContext(), QUICK)


def quality(scores: Floats, cut: splits.Split) -> float:
    scores[cut.known.matrix[cut.users].nonzero()] = -np.inf
    return float(ndcg(hits(top(scores, 10), cut.truth), counts(cut.truth)).mean())


def test_planted_tastes_are_learnt_and_a_constant_predictor_fails() -> None:
    cut = splits.inner_cut(shop(), 1)
    scorer = Graph.fit_with(cut.known, FitContext(), QUICK)
    popularity = np.tile(np.asarray(cut.known.matrix.sum(axis=0), dtype=np.float32), (len(cut.users), 1))
    assert quality(scorer.score(cut.known.histories(cut.users)), cut) > 0.25 > 0.15 > quality(popularity, cut)


def test_training_lowers_the_loss_of_an_untrained_start() -> None:
    model = torch.nn.Linear(3, 1)
    x = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    trained = train(model, lambda: (model(x) - x.sum(dim=1, keepdim=True)).square().mean(), TrainConfig(), planned=80)
    losses = trained.losses
    assert trained.steps == len(losses) == 80
    assert losses[-1] < 0.1 * losses[0]


def test_training_keeps_the_parameters_that_validated_well_and_stops() -> None:
    model = torch.nn.Linear(1, 1)
    scores = iter([0.2, 0.5, 0.9, 0.1, 0.1, 0.1, 0.1])
    seen: list[float] = []

    def validate() -> float:
        seen.append(model.weight.item())
        return next(scores)

    trained = train(
        model, lambda: model(torch.ones(1, 1)).square().sum(), TrainConfig(check_every=5), planned=80, validate=validate
    )
    assert (trained.steps, len(trained.losses), len(trained.checks)) == (10, 20, 5)
    assert model.weight.item() == seen[2] != seen[-1]


def test_work_that_is_dear_gets_fewer_steps_but_some() -> None:
    config = TrainConfig(work=1e6, steps=50, fewest_steps=4)
    assert [config.planned(work) for work in (1.0, 1e5, 1e9)] == [50, 10, 4]


def test_another_seed_gives_other_vectors_and_the_same_seed_the_same() -> None:
    again, other = (Graph.fit_with(shop(), FitContext(seed=seed), QUICK) for seed in (0, 1))
    np.testing.assert_array_equal(again.products, fitted().products)
    assert not np.array_equal(other.products, fitted().products)


def test_a_stranger_scores_like_the_user_who_chose_the_same() -> None:
    known = shop().histories(np.arange(3))
    np.testing.assert_array_equal(fitted().score(known), fitted().score(replace(known, user=np.full(3, -1))))


def test_a_stranger_is_recommended_products_of_the_taste_of_the_history() -> None:
    for taste in range(GROUPS):
        row = taste * SIZE
        scores = fitted().score(Histories.of([[row, row + 1]]))[0]
        assert (top(scores[None], 8) // SIZE == taste).mean() > 0.9


def test_the_score_is_the_mean_of_the_cosines_of_the_seeds_and_popularity() -> None:
    scorer, history = fitted(), [3, 7, 31]
    cosines = []
    for seed in (slice(0, 16), slice(16, 32)):
        user, products = scorer.history[history, seed].sum(axis=0), scorer.products[:, seed]
        lengths = np.linalg.norm(user) * np.linalg.norm(products, axis=1)
        cosines.append(products @ user / np.maximum(lengths, 1e-12))
    np.testing.assert_allclose(scorer.score(Histories.of([history]))[0], np.mean(cosines, axis=0) + scorer.offsets, atol=1e-5)
    assert not np.allclose(*cosines, atol=1e-2)


def test_as_many_seeds_are_trained_as_the_work_allows() -> None:
    work = QUICK.ranking.work(QUICK.encoder, shop(), described=True) * 40
    allowed = [replace(QUICK, training=TrainConfig(steps=40, work=work * times)) for times in (0.51, 1.5, 2.5, 9.0)]
    assert [config.affordable(shop(), described=True) for config in allowed] == [(20, 1), (40, 1), (40, 2), (40, 2)]


def test_relations_that_say_nothing_of_tastes_are_not_read_where_a_cut_can_tell() -> None:
    random, products = np.random.default_rng(0), GROUPS * SIZE
    noise = sp.csr_matrix((random.random((products, 40)) < 0.3).astype(np.float32))
    warm = tastes(users=400, groups=GROUPS, size=SIZE)
    ids = {**warm.ids, "Entity": Ids("Entity", np.array([f"e{row}" for row in range(40)], dtype=object))}
    known = replace(warm, ids=ids, relations={("Product", "RELATED:noise", "Entity"): noise})
    assert not Graph.fit_with(known, FitContext(), QUICK).described
    assert fitted().described  # a fifth of those products nobody chose


def test_the_chosen_temperature_outlives_saving() -> None:
    again = Graph.restore(fitted().state())
    assert again.config.ranking.temperature == fitted().config.ranking.temperature is not None


def test_what_is_written_back_is_narrow_and_as_near_as_the_vectors() -> None:
    wide = Graph.fit_with(shop(), FitContext(), replace(QUICK, encoder=EncoderConfig(dim=40, seeds=2)))
    written = wide.vectors()
    assert written["Product"].shape == (len(shop().products), 64)
    np.testing.assert_allclose(written["User"] @ written["Product"].T, wide.users @ wide.products.T, atol=1e-3)


def test_somebody_without_a_history_is_the_mean_of_all_users() -> None:
    np.testing.assert_allclose(fitted().user_vectors(Histories.of([[]]))[0], fitted().users.mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("what", ["relations", "text"])
def test_products_nobody_chose_are_recommended_for_what_is_said_of_them(what: str) -> None:
    known = shop() if what == "relations" else replace(shop(), relations={})
    scorer = Graph.fit_with(known, FitContext(text=text(known) if what == "text" else {}), QUICK)
    cold = np.flatnonzero(~known.warm)
    right = [
        (cold[top(scorer.score(Histories.of([[taste * SIZE, taste * SIZE + 1]]))[:, cold], 3)] // SIZE == taste).mean()
        for taste in range(GROUPS)
    ]
    assert np.mean(right) > 0.8  # 0.25 by chance


def test_products_of_which_nothing_is_known_are_not_scored() -> None:
    bare = replace(shop(), relations={})
    scores = Graph.fit_with(bare, FitContext(), QUICK).score(Histories.of([[0]]))[0]
    np.testing.assert_array_equal(np.isneginf(scores), ~bare.warm)


def test_a_relation_of_noise_weighs_less_than_one_that_tells_the_taste() -> None:
    random = np.random.default_rng(5)
    ends = (np.arange(GROUPS * SIZE), random.integers(0, GROUPS, GROUPS * SIZE))
    noise = sp.csr_matrix((np.ones(GROUPS * SIZE, dtype=np.float32), ends))
    labels = {**shop().ids, "Entity": replace(shop().ids["Brand"], label="Entity")}
    known = replace(shop(), ids=labels, relations={**shop().relations, ("Product", "RELATED:noise", "Entity"): noise})
    weights = Graph.fit_with(known, FitContext(), QUICK).relation_weights
    assert weights["RELATED:noise"] < weights["MADE_BY"]


def test_few_scores_a_step_mean_drawn_users_and_products_and_still_learn() -> None:
    ranking = RankingConfig(scores=64 * 20, users=64)
    scorer = Graph.fit_with(shop(), FitContext(), replace(QUICK, ranking=ranking))
    scores = scorer.score(Histories.of([[0, 1]]))[0]
    assert (top(scores[None], 8) // SIZE == 0).mean() > 0.8


def test_chances_of_candidates_add_up_and_never_pass_one() -> None:
    chances = _inclusion(np.array([100.0, 1.0, 1.0, 2.0]), 3)
    assert chances.sum() == pytest.approx(3)
    assert chances.max() == 1
    assert chances[3] == pytest.approx(2 * chances[1])


def test_users_of_the_encoder_are_the_sum_over_their_history() -> None:
    block = Block.of(shop())
    encoder = Encoder(block, None, EncoderConfig(dim=8))
    encoder.start(shop().matrix, 0)
    with torch.no_grad():
        encoded = encoder(block, block.adjacency(torch.ones(block.pairs.shape[1], dtype=torch.bool)))
    lengths = np.sqrt(np.asarray(shop().matrix.sum(axis=1)))
    oracle = shop().matrix @ encoded.history.numpy() / lengths
    np.testing.assert_allclose(encoded.users.numpy(), oracle, rtol=1e-3, atol=1e-5)


def test_the_block_matrix_of_a_step_is_the_symmetric_normalisation_of_what_was_kept() -> None:
    known = known_graph([[0, 1], [1, 2], [0]], 3)
    block = Block.of(known)
    kept = torch.tensor([True, False, True, True, True])
    adjacency = block.adjacency(kept)
    dense = np.zeros((6, 6))
    dense[block.pairs[0][kept], block.pairs[1][kept] + 3] = 1
    dense += dense.T
    degrees = np.maximum(dense.sum(axis=1), 1)
    mine = adjacency.times(adjacency.norm, torch.eye(6), 6).numpy()
    np.testing.assert_allclose(mine, dense / np.sqrt(np.outer(degrees, degrees)), rtol=1e-6)


def test_entities_that_join_nothing_are_left_out_of_the_matrix() -> None:
    edges = sp.csr_matrix(np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0]], dtype=np.float32))
    known = known_graph([[0, 1], [1, 2]], 3, relations={("Product", "RELATED:by", "Entity"): edges}, labels={"Entity": 3})
    block = Block.of(known)
    assert block.nodes == 2 + 3 + 1
    assert block.offsets["Entity"].tolist() == [5, -1, -1]


def grown(known: KnownGraph) -> KnownGraph:
    """The same shop some time later: a new brand and, before all others, a new product of the first taste."""
    products = len(known.products)
    ids = {
        "User": known.users,
        "Product": Ids("Product", np.array(["a new one", *known.products.names], dtype=object)),
        "Brand": Ids("Brand", np.array(["a new brand", *known.ids["Brand"].names], dtype=object)),
    }
    made = known.relations["Product", "MADE_BY", "Brand"].tocoo()
    ends = (np.concatenate([[0], made.row + 1]), np.concatenate([[1], made.col + 1]))
    brands = sp.csr_matrix((np.ones(products + 1, dtype=np.float32), ends), shape=(products + 1, len(ids["Brand"])))
    chosen = replace(known.interactions, product=known.interactions.product + 1)
    listed = np.ones(products + 1, dtype=bool)
    return KnownGraph(ids, chosen, {("Product", "MADE_BY", "Brand"): brands}, listed)


@pytest.mark.parametrize("read", [True, False], ids=["with text", "without text"])
def test_a_product_that_came_after_training_is_what_its_edges_and_its_text_say(read: bool) -> None:
    vectors = text(shop()) if read else {}
    scorer = Graph.fit_with(shop(), FitContext(text=vectors), QUICK)
    later = {label: np.concatenate([vector[:1], vector]) for label, vector in vectors.items()}
    found = scorer.refresh(shop(), grown(shop()), FitContext(text=later))
    assert found.learnt.tables["target"][0].tolist() == [0] * 32  # nothing was trained for it …
    np.testing.assert_array_equal(found.learnt.tables["target"][1:], scorer.learnt.tables["target"])  # … nor for the others
    near = found.products[1:] @ found.products[0]
    assert near[:SIZE].mean() > near[SIZE:].max()
    np.testing.assert_allclose(np.sum(found.products[1:] * scorer.products, axis=1), 1, atol=0.02)


def test_a_relation_and_a_label_that_came_after_training_are_taken_up() -> None:
    later = grown(shop())
    kind = sp.csr_matrix(np.ones((len(later.products), 1), dtype=np.float32))
    ids = {**later.ids, "Category": Ids("Category", np.array(["c1"], dtype=object))}
    wider = replace(later, ids=ids, relations={**later.relations, ("Product", "IN_CATEGORY", "Category"): kind})
    found = fitted().refresh(shop(), wider, FitContext())
    assert set(found.relation_weights) == {"INTERACTED", "MADE_BY", "IN_CATEGORY"}
    assert np.isfinite(found.products).all()
    assert found.relation_weights["MADE_BY"] == pytest.approx(fitted().relation_weights["MADE_BY"])
