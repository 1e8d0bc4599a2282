from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from graphrec.contentweights import SAME, TOGETHER, Behaviour, company, learn
from graphrec.lessons import Lessons
from graphrec.likeness import Likeness
from tests.graphrec.graphs import known_graph, tastes

WEIGHTS = {"words": 2.0, "characters": 1.0, "text": 1.0, "ties": 1.0}


def test_company_is_the_cosine_of_who_chose_what_where_long_histories_count_less():
    matrix = sp.csr_matrix(np.array([[1, 1, 0], [1, 0, 1], [1, 1, 0], [0, 0, 1]], dtype=np.float32))
    dense = matrix.toarray().astype(np.float64)
    count, lengths = dense.sum(axis=0), dense.sum(axis=1)
    expected = np.zeros((3, 3))
    for user, row in enumerate(dense):
        expected += np.outer(row, row) / lengths[user]
    assert company(sp.csc_matrix(matrix), matrix).toarray() == pytest.approx(expected / np.sqrt(np.outer(count, count)), abs=1e-6)


def test_weights_learn_that_choices_follow_those_of_the_same_taste():
    known = tastes(users=400, size=40)
    likeness = Likeness.of(known, None, WEIGHTS)
    lessons = Lessons.of(likeness, np.arange(likeness.profiles), 1.0)
    behaviour = Behaviour.of(known, likeness.profile, lessons.teachers)
    weights = learn(known, lessons, behaviour, seed=0)
    assert set(weights) == {SAME, TOGETHER}
    assert weights[TOGETHER] + weights[SAME] > 0
    assert weights == learn(known, lessons, behaviour, seed=0)


def test_where_too_few_can_be_hidden_who_chose_what_counts_alone():
    known = known_graph([[0, 1], [1, 2], [0, 2]], 3, texts=["red shoe", "blue shoe", "red hat"])
    likeness = Likeness.of(known, None, WEIGHTS)
    lessons = Lessons.of(likeness, np.arange(3), 1.0)
    weights = learn(known, lessons, Behaviour.of(known, likeness.profile, lessons.teachers), seed=0)
    assert weights == {SAME: 0.0, TOGETHER: 1.0}


def test_where_nobody_chose_both_a_hidden_product_and_another_who_chose_what_counts_alone():
    known = known_graph([[row] for row in range(200)], 200, texts=[f"shoe {row % 7}" for row in range(200)])
    likeness = Likeness.of(known, None, WEIGHTS)
    views = {name: view[likeness.profile] for name, view in likeness.views.items()}
    likeness = replace(likeness, profile=np.arange(200), views=views)  # each its own profile, although described alike
    lessons = Lessons.of(likeness, np.arange(200), 1.0)
    weights = learn(known, lessons, Behaviour.of(known, likeness.profile, lessons.teachers), seed=0)
    assert weights == {SAME: 0.0, TOGETHER: 1.0}
