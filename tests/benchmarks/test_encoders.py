"""The variants of the graph encoder that the benchmark compares."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from graphrec.encoder import Block, EncoderConfig
from graphrec.metrics import counts
from graphrec.questions import RankingConfig
from graphrec.splits import inner_cut
from graphrec.training import TrainConfig
from tests.graphrec.graphs import tastes

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import encoders

KNOWN = tastes(users=60, groups=3, size=8)


@pytest.mark.parametrize("variant", encoders.VARIANTS, ids=lambda variant: variant.name)
def test_every_variant_learns_planted_tastes(variant: encoders.Variant) -> None:
    cut = inner_cut(KNOWN, 0)
    asked = encoders.Asked(cut.known, cut.users, cut.truth)
    found = encoders.measured(
        variant, asked, TrainConfig(steps=20), RankingConfig(temperature=0.15), EncoderConfig(dim=8, seeds=1)
    )
    random = np.random.default_rng(0).random(cut.truth.shape, dtype=np.float32)
    random[cut.known.matrix[cut.users].nonzero()] = -np.inf
    chance = encoders.ndcg(encoders.hits(encoders.top(random, 20), cut.truth), counts(cut.truth))
    assert found.mean() > 1.2 * chance.mean()


def test_attention_over_neighbours_that_are_all_alike_is_the_mean_over_them() -> None:
    block = Block.of(KNOWN)
    model = encoders.Attentive(block, KNOWN, EncoderConfig(dim=4, seeds=1))
    with torch.no_grad():
        for table in (model.target, model.context, model.others):
            table.fill_(1.0)
    adjacency = block.adjacency(torch.ones(block.pairs.shape[1], dtype=torch.bool))
    torch.testing.assert_close(model.attention(block, adjacency), adjacency.norm)


def test_views_are_told_apart_best_where_they_agree() -> None:
    one = torch.eye(6)
    assert encoders.told_apart(one, one, 0.2) < encoders.told_apart(one, one.flip(0), 0.2)
