"""Edges of the graph that know the answer: from after the cut, between a user and what is asked for, or made from the test."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from graphrec.leaks.findings import Case, Finding, moment
from graphrec.tensors import Relation, Rows

_LOOKED_AT = 5_000
"""Edges a relation that are compared with choices, drawn at random where there are more."""
_AT_ONCE = 500
_FEWEST = 10
_TIMES = 2.0
_DEVIATIONS = 5.0


def find(case: Case) -> Iterator[Finding]:
    """Everything that the edges give away."""
    yield from _later(case)
    for relation, matrix in case.cut.known.relations.items():
        yield from _answers(case, relation, matrix)
        yield from _made_from_test(case, relation, matrix)


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
        example = case.pair(case.cut.users[both.row[0]], both.col[0])
        remedy = f"leave {name} edges of held-out pairs out of the graph, or make {name} an interaction in the schema"
        yield Finding("leak", f"{name} edges that repeat test pairs", both.nnz, example, remedy)


def _made_from_test(case: Case, relation: Relation, matrix: sp.csr_matrix) -> Iterator[Finding]:
    """Edges between products that the test completes far more often than what training completes of them lets expect.

    An edge is completed where one user chose both ends. Training completes Σc of the edges' pairs where chance, by how often each
    end was chosen, would complete Σe: so the edges are worth L = Σc / Σe, 1 at least. Of the edges that nothing before completes
    the test should then complete Σ (1 − exp(−L · e′)), e′ chance on the test side. Edges made from the test are completed by it
    nearly all. The bound is generous: those that training left open are worth less than L.
    """
    source, name, target = relation
    if (source, target) != ("Product", "Product") or not case.asked.nnz:
        return
    one, other = _ends(matrix)
    train, told, whole = (side.T.tocsr() for side in (case.cut.known.matrix, case.told, case.told + case.asked))
    worth = max(float(_together(train, one, other).sum()) / max(float(_chance(train, one, other).sum()), 1e-9), 1.0)
    known = _together(told, one, other)
    chance = _chance(whole, one, other) - _chance(told, one, other)
    left = (_together(train, one, other) == 0) & (known == 0) & (chance > 0)
    completed = left & (_together(whole, one, other) > known)
    expected = float((1 - np.exp(-worth * chance))[left].sum())
    found = int(completed.sum())
    if not _far_above(found, expected, int(left.sum())):
        return
    place = np.flatnonzero(completed)[0]
    products = case.cut.known.products.names
    asked = "" if len(one) == matrix.nnz else f" of {len(one):,} looked at"
    example = f"{products[one[place]]} {name} {products[other[place]]}; {expected:,.0f} were to be expected{asked}"
    remedy = f"make {name} edges from training alone, or leave them out"
    yield Finding("leak", f"{name} edges that the test alone explains", found, example, remedy)


def _far_above(found: int, expected: float, edges: int) -> bool:
    """Whether chance is no excuse: twice as many as expected, or next to all where about all were expected."""
    beyond = found - expected
    if found < _FEWEST or beyond < max(_FEWEST, _DEVIATIONS * np.sqrt(expected)):
        return False
    return found >= _TIMES * expected or edges - found <= (edges - expected) / _FEWEST


def _ends(matrix: sp.csr_matrix) -> tuple[Rows, Rows]:
    """Both ends of the edges, each pair once; a sample of fixed seed where there are many."""
    ends = matrix.tocoo()
    low, high = np.minimum(ends.row, ends.col).astype(np.int64), np.maximum(ends.row, ends.col).astype(np.int64)
    pairs = np.unique((low * matrix.shape[0] + high)[low != high])
    if len(pairs) > _LOOKED_AT:
        pairs = np.sort(np.random.default_rng(0).choice(pairs, _LOOKED_AT, replace=False))
    return pairs // matrix.shape[0], pairs % matrix.shape[0]


def _together(chosen: sp.csr_matrix, one: Rows, other: Rows) -> npt.NDArray[np.float64]:
    """[edges] how many users chose both ends. chosen: [products, users]."""
    parts = [np.zeros(0)]
    for start in range(0, len(one), _AT_ONCE):
        place = slice(start, start + _AT_ONCE)
        parts.append(np.asarray(chosen[one[place]].multiply(chosen[other[place]]).sum(axis=1), dtype=np.float64).ravel())
    return np.concatenate(parts)


def _chance(chosen: sp.csr_matrix, one: Rows, other: Rows) -> npt.NDArray[np.float64]:
    """[edges] how many users would choose both ends if each end were chosen as often, by anybody. chosen: [products, users]."""
    often = np.diff(chosen.indptr).astype(np.float64)
    users = max(len(np.unique(chosen.indices)), 1)
    return np.asarray(often[one] * often[other] / users)
