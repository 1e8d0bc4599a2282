"""What a blend weighs for itself where people come back to what they chose."""

import numpy as np
import pytest

from graphrec import blend, splits
from graphrec.blend import Blend
from graphrec.scorers import FitContext
from graphrec.tensors import KnownGraph
from tests.graphrec.graphs import known_graph

PRODUCTS = 30


def shop(*, coming_back: bool) -> KnownGraph:
    """Everybody goes on to the next product of a circle; some then go back to where they were."""
    random = np.random.default_rng(1)
    lists = []
    for _ in range(900):
        first = int(random.integers(PRODUCTS))
        walked = [(first + step) % PRODUCTS for step in range(3)]
        lists.append([*walked, walked[0] if coming_back and random.random() < 0.6 else (first + 3) % PRODUCTS])
    return known_graph(lists, PRODUCTS)


def learnt(known: KnownGraph) -> Blend:
    return blend.learn(known, FitContext(seed=0), scorers=["popularity", "neighbours"])


def test_repeats_are_weighed_where_people_come_back_and_there_alone() -> None:
    coming, going = learnt(shop(coming_back=True)), learnt(shop(coming_back=False))
    assert sum(coming.again.values()) == pytest.approx(1)
    assert any("repeats" in note for note in coming.notes)
    assert not going.again
    assert going.with_repeats() is going


def test_a_saved_blend_keeps_the_weights_of_lists_with_repeats() -> None:
    made = learnt(shop(coming_back=True))
    assert Blend.restore(made.state()).again == made.again


def test_following_holds_the_users_whose_held_out_choices_come_last() -> None:
    known = known_graph([[0, 1, 2], [3, 4, 3], [0, 1, 2], [5, 6]], 7)
    later = np.array([0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1], dtype=bool)
    cut = splits.split(known, later, reason="drawn")
    found = splits.following(known, cut)
    assert found.users.tolist() == [0, 1, 3]
    assert [row.indices.tolist() for row in found.truth] == [[2], [3], [6]]
