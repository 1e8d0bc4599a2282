import numpy as np
import scipy.sparse as sp

from graphrec.aspects import brands, described
from tests.graphrec.graphs import known_graph

MADE_BY, ALSO = ("Product", "MADE_BY", "Brand"), ("Product", "ALSO_BOUGHT", "Product")
DIRECTED = ("Entity", "RELATED:directed", "Product")


def ones(rows):
    return sp.csr_matrix(np.array(rows, dtype=np.float32))


def graph(relations):
    return known_graph([[0]], 3, relations=relations, labels={"Brand": 3, "Entity": 1})


def test_what_is_said_of_products_is_neither_a_product_nor_a_user():
    made, also = ones([[1, 0, 0], [1, 0, 0], [0, 0, 1]]), ones(np.eye(3))
    bought = ones([[1, 1, 1]])
    known = graph({MADE_BY: made, ALSO: also, ("User", "WISHED", "Product"): bought})
    assert described(known).toarray().tolist() == made.toarray().tolist()
    assert described(graph({})).nnz == 0


def test_what_points_at_products_describes_them_too():
    assert described(graph({DIRECTED: ones([[0, 1, 1]])})).toarray().tolist() == [[0], [1], [1]]


def test_brands_are_those_that_make_something_and_fewer_than_two_are_none():
    found = brands(graph({MADE_BY: ones([[1, 0, 0], [1, 0, 0], [0, 0, 1]])}))
    assert found.names.tolist() == ["b00000", "b00002"]
    assert found.made.toarray().tolist() == [[1, 0], [1, 0], [0, 1]]
    assert brands(graph({MADE_BY: ones([[1, 0, 0], [1, 0, 0], [0, 0, 0]])})) is None
    assert brands(graph({ALSO: ones(np.eye(3))})) is None
