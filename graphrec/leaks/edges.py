"""Edges of the graph that know the answer: from after the cut, or between a user and what is asked for."""

from collections.abc import Iterator

import numpy as np
import polars as pl
import scipy.sparse as sp
from scipy.special import gammainc

from graphrec.leaks.findings import Case, Finding, moment
from graphrec.tensors import Ids, Relation

_TURNS = 20
_BY_LUCK = 1e-4


def find(case: Case) -> Iterator[Finding]:
    """Everything that the edges give away."""
    yield from _later(case)
    for relation, matrix in case.cut.known.relations.items():
        yield from _answers(case, relation, matrix)
        yield from _namesakes(case, relation, matrix)


def dated(case: Case, kind: tuple[str, str, str]) -> bool:
    """Whether edges of this kind can carry a time."""
    return case.tables is not None and "at" in case.tables.schema.edge(kind).properties


def _later(case: Case) -> Iterator[Finding]:
    """Edges dated after the cut, or after the first row of a given test that carries a time."""
    since = case.cut.moment
    if case.given is not None and len(case.held.at) and not np.isnan(case.held.at).all():
        since = float(np.nanmin(case.held.at)) - 1
    if case.tables is None or since is None:
        return
    tables = case.tables.without_derived()
    for kind, edges in sorted(tables.edges.items()):
        if tables.schema.edge(kind).interaction or not dated(case, kind) or "Review" in (kind[0], kind[2]):
            continue
        late = edges.filter(pl.col("at") > since).sort("at", "source", "target").select("source", "target", "at").collect()
        if late.height:
            source, target, at = late.row(0)
            example = f"{source} {kind[1]} {target} at {moment(at)}"
            remedy = f"fit on the graph until {moment(since)}: evaluate(tables.until({int(since)}), test=what came later)"
            yield Finding("leak", f"{kind[1]} edges from the future", late.height, example, remedy)


def _answers(case: Case, relation: Relation, matrix: sp.csr_matrix) -> Iterator[Finding]:
    """Edges of another kind between a user and a product that is asked for."""
    source, name, target = relation
    if {source, target} != {"User", "Product"}:
        return
    between = matrix if source == "User" else matrix.T.tocsr()
    both = between[case.cut.users].multiply(case.asked).tocoo()
    if both.nnz:
        yield _repeated(case, name, both, f"or make {name} an interaction in the schema")


def _namesakes(case: Case, relation: Relation, matrix: sp.csr_matrix) -> Iterator[Finding]:
    """Edges between a product and a node with a user's id, where they repeat more test pairs than they would by luck.

    Outside triples make entities of what no product is called. By luck: numbers may be users' ids and categories' ids alike.
    """
    source, name, target = relation
    other = target if source == "Product" else source
    if "Product" not in (source, target) or other in ("User", "Product"):
        return
    of_users = _of_users(case, case.cut.known.ids[other], matrix if target == "Product" else matrix.T.tocsr())
    both = of_users.multiply(case.asked).tocoo()
    if not both.nnz:
        return
    there = np.flatnonzero(np.diff(of_users.indptr))
    turns = sorted({int(turn) for turn in np.linspace(1, len(there) - 1, _TURNS)} - {0})
    strange = [of_users[np.roll(there, turn)].multiply(case.asked[there]).nnz for turn in turns]
    expected = (sum(strange) + 1) / (len(strange) + 1)
    if strange and gammainc(both.nnz, expected) < _BY_LUCK:
        yield _repeated(case, name, both, "or leave users out of the outside graph")


def _of_users(case: Case, ids: Ids, edges: sp.csr_matrix) -> sp.csr_matrix:
    """[u, products] the edges of the nodes that are called as the test users are. edges: [nodes, products]."""
    rows = np.array([ids.row_of.get(name, -1) for name in case.cut.known.users.names[case.cut.users]], dtype=np.int64)
    there = np.flatnonzero(rows >= 0)
    shape = (len(rows), edges.shape[0])
    called = sp.csr_matrix((np.ones(len(there), dtype=np.float32), (there, rows[there])), shape=shape)
    theirs: sp.csr_matrix = (called @ edges).tocsr()
    return theirs


def _repeated(case: Case, name: str, both: sp.coo_matrix, otherwise: str) -> Finding:
    example = case.pair(case.cut.users[both.row[0]], both.col[0])
    remedy = f"leave {name} edges of held-out pairs out of the graph, {otherwise}"
    return Finding("leak", f"{name} edges that repeat test pairs", both.nnz, example, remedy)
