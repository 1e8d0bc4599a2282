"""No near pair is missed, and none is made up: compared with comparing all with all."""

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from kg_builder.resolving.nearness import near_pairs

names = st.lists(st.text("abc", max_size=10), max_size=25)


def all_with_all(words, slips):
    pairs = ((one, other, OSA.distance(words[one], words[other])) for one, other in combinations(range(len(words)), 2))
    return [pair for pair in pairs if pair[2] <= slips]


@settings(max_examples=150, deadline=None)
@given(names, st.integers(0, 2))
def test_the_near_pairs_are_those_of_comparing_all_with_all(words, slips):
    assert sorted(near_pairs(words, slips=slips)) == all_with_all(words, slips)


def test_crowded_blocks_lose_nothing():
    draw = np.random.default_rng(0)
    words = ["american" + "".join(draw.choice(list("abcd"), size=4)) + "publishing" for _ in range(150)]
    words += ["american" + "".join(draw.choice(list("abcdefghij"), size=9)) for _ in range(150)]
    found = sorted(near_pairs(words))
    assert found == all_with_all(words, 2)
    assert found
