"""Walks: sparse matrices that lead from a product of a history to other products along typed paths of the graph.

Their kinds come from the data: what users chose (and in which order), every relation that is there, the texts. A walk is one
sparse matrix, or a product of two that is never multiplied out, so that a category of ten thousand products costs ten thousand
cells and not a hundred million.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from graphrec.tensors import Floats, Histories, KnownGraph, Relation, Rows

Kind = Literal["chosen", "graph", "text"]
Counts = npt.NDArray[np.float64]
RELATIONS = 16
"""Relations that get walks of their own, those with most edges; the others are merged into one."""
_MOST_KEPT = 150
_BLOCK = 10_000_000
"""Pairs that are counted at a time."""
_CELLS = 40_000_000
"""Cells of all pruned walks together; decides how many are kept a row (20 to 150)."""
_STEPS = 60_000_000
"""Multiplications one product of two sparse matrices may take; a two-hop walk beyond is left out."""
_NEXT, _SOON, _LATER = (1.0,), (1.0, 1 / 2, 1 / 3, 1 / 4, 1 / 5), tuple(0.8**lag for lag in range(10))
"""How much a pair counts, by the places from the first to the second."""
_LATEST = 50
"""Where all pairs of all histories would be too many, the latest of a long history count: never fewer than these."""
_NEIGHBOURS = 100
_LARGEST_TEXT = 40_000
"""Distinct texts up to which nearest neighbours are sought: time grows with the square (40,000: half a minute)."""
_LARGEST_HUB = 0.5
"""A node that more than this share of the products touch says nothing."""


@dataclass(frozen=True, slots=True)
class Walk:
    """P = left, or left · right: P[h, i] says how strongly product h leads to product i."""

    name: str
    """Unique among a graph's walks."""
    path: str
    """What `Term.path` calls it: the relationship types it takes."""
    kind: Kind
    left: sp.csr_matrix
    """[products, m] float32; m is products where there is no right."""
    right: sp.csr_matrix | None = None
    """[m, products] float32."""

    def reach(self, start: sp.csr_matrix) -> sp.csr_matrix:
        """start · P, [b, products]. start: [b, products]."""
        middle: sp.csr_matrix = start @ self.left
        end: sp.csr_matrix = middle if self.right is None else middle @ self.right
        return end

    def column(self, rows: Rows, product: int) -> Floats:
        """P[rows, product], [len(rows)]."""
        part = self.left[rows]
        end = part[:, [product]] if self.right is None else part @ self.right[:, [product]]
        return np.asarray(end.toarray().ravel(), dtype=np.float32)


def walks(known: KnownGraph, text: Floats | None, *, only: Container[str] | None = None) -> list[Walk]:
    """Every walk of this graph, or those with a name in `only`. text: [products, dim] unit vectors, or None."""
    found = [*_chosen(known), *_related(known.relations)]
    if text is not None:
        found += _alike(text)
    found = [walk for walk in found if walk.left.nnz and (only is None or walk.name in only)]
    direct = sum(walk.right is None for walk in found)
    kept = int(np.clip(_CELLS // max(len(known.products) * direct, 1), 20, _MOST_KEPT))
    return [Walk(one.name, one.path, one.kind, prune(one.left, kept)) if one.right is None else one for one in found]


def add_to(scores: Floats, reach: sp.csr_matrix) -> None:
    """Adds a sparse matrix, [b, products] and no cell twice, to a dense one."""
    if reach.nnz > scores.size // 4:
        scores += reach.toarray()
        return
    rows = np.repeat(np.arange(len(scores)), np.diff(reach.indptr))
    scores[rows, reach.indices] += reach.data


def places(histories: Histories) -> Rows:
    """[sum of lengths] each product's place from the end of its history; what was chosen at the same second shares a place.

    Example:
        >>> places(Histories.of([[4, 5, 6], [7]])).tolist()
        [2, 1, 0, 0]
    """
    owner = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
    later = np.zeros(len(owner), dtype=np.int64)
    later[:-1] = (owner[1:] == owner[:-1]) & (histories.at[1:] != histories.at[:-1])  # unknown times differ
    following = np.cumsum(later[::-1])[::-1]
    ends = np.append(following, 0)[histories.indptr[1:]]
    return np.asarray(following - ends[owner])


def prune(matrix: sp.csr_matrix, kept: int) -> sp.csr_matrix:
    """The `kept` largest values of every row; values must be positive."""
    matrix = matrix.tocsr()
    lengths = np.diff(matrix.indptr)
    if lengths.max(initial=0) <= kept:
        return matrix.astype(np.float32)
    keep = np.ones(matrix.nnz, dtype=bool)
    for row in np.flatnonzero(lengths > kept):  # five times as fast as one sort of everything
        start, spare = matrix.indptr[row], lengths[row] - kept
        keep[start + np.argpartition(matrix.data[start : matrix.indptr[row + 1]], spare)[:spare]] = False
    indptr = np.concatenate([[0], np.cumsum(np.minimum(lengths, kept))])
    cut: sp.csr_matrix = sp.csr_matrix((matrix.data[keep].astype(np.float32), matrix.indices[keep], indptr), shape=matrix.shape)
    return cut


def _chosen(known: KnownGraph) -> Iterator[Walk]:
    """What the same users chose: at all, and where the order is known next and soon after or before."""
    counts = np.asarray(known.matrix.sum(axis=0), dtype=np.float64).ravel()
    yield from _together(known, counts)
    if known.interactions.ordered:
        following, soon, later = (_after(known, factors) for factors in (_NEXT, _SOON, _LATER))
        yield Walk("next, cosine", "INTERACTED next", "chosen", _scaled(following, counts, counts))
        yield Walk("next, share", "INTERACTED next", "chosen", _share(following, counts))
        yield Walk("soon after, cosine", "INTERACTED soon after", "chosen", _scaled(soon, counts, counts))
        yield Walk("soon after, share", "INTERACTED soon after", "chosen", _share(soon, counts))
        yield Walk("soon before", "INTERACTED soon before", "chosen", _scaled(soon.T.tocsr(), counts, counts))
        yield Walk("later", "INTERACTED later", "chosen", _scaled(later, counts, counts))


def _together(known: KnownGraph, counts: Counts) -> Iterator[Walk]:
    """Cosine; share of those who chose the one; cosine where a long history counts no more than a short one; log of how many."""
    chosen = _recent(known)
    lengths = np.maximum(np.asarray(chosen.sum(axis=1)).ravel(), 1)
    fair = (sp.diags((1 / np.sqrt(lengths)).astype(np.float32)) @ chosen).tocsr()
    parts: list[list[sp.csr_matrix]] = [[], [], [], []]
    size = max(1, int(_BLOCK * chosen.shape[1] / max(float((lengths**2).sum()), 1)))
    for start in range(0, chosen.shape[1], size):
        span = slice(start, start + size)
        both = _without_chance(_no_self((chosen[:, span].T @ chosen).tocsr(), start))
        gentle = _no_self((fair[:, span].T @ fair).tocsr(), start).multiply(both > 0).tocsr()
        parts[0].append(prune(_scaled(both, counts[span], counts), _MOST_KEPT))
        parts[1].append(prune(_share(both, counts[span]), _MOST_KEPT))
        parts[2].append(prune(_scaled(gentle, counts[span], counts), _MOST_KEPT))
        parts[3].append(prune(both.log1p(), _MOST_KEPT))
    for name, blocks in zip(("cosine", "share", "cosine of short histories", "number"), parts, strict=True):
        yield Walk(f"together, {name}", "INTERACTED", "chosen", sp.vstack(blocks).tocsr())


def _without_chance(both: sp.csr_matrix) -> sp.csr_matrix:
    """Where a row holds far more pairs than are kept, those that only one user chose are left out."""
    lengths = np.diff(both.indptr)
    if lengths.max(initial=0) > 4 * _MOST_KEPT:
        both.data[(both.data < 2) & np.repeat(lengths > 4 * _MOST_KEPT, lengths)] = 0
        both.eliminate_zeros()
    return both


def _recent(known: KnownGraph) -> sp.csr_matrix:
    """[users, products] ones; the latest of a history where all together would be too many pairs."""
    histories = known.histories()
    lengths = np.diff(histories.indptr).astype(np.float64)
    longest = lengths.max(initial=1)
    while (np.minimum(lengths, longest) ** 2).sum() > _STEPS and longest > _LATEST:
        longest *= 0.8
    if longest == lengths.max(initial=1):
        return known.matrix
    user = np.repeat(np.arange(len(lengths)), np.diff(histories.indptr))
    keep = histories.indptr[1:][user] - np.arange(len(user)) <= longest
    ones = np.ones(int(keep.sum()), dtype=np.float32)
    return sp.csr_matrix((ones, (user[keep], histories.product[keep])), shape=known.matrix.shape)


def _after(known: KnownGraph, factors: Sequence[float]) -> sp.csr_matrix:
    """[products, products] Σ over users and l of factors[l - 1] where the second product came l places after the first.

    Products of one place (the same second) come after those of the place before, each of them, and not after each other.
    """
    histories, products = known.histories(), len(known.products)
    owner = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
    place = places(histories)
    visit = np.cumsum((np.diff(owner, prepend=-1) != 0) | (np.diff(place, prepend=-1) != 0)) - 1
    first = np.flatnonzero(np.diff(visit, prepend=-1))
    size, user = np.bincount(visit), owner[first]
    ones = np.ones(len(visit), dtype=np.float32)
    visits = sp.csr_matrix((ones, histories.product, np.append(first, len(visit))), shape=(len(first), products))
    total, steps = sp.csr_matrix((ones[:0], (owner[:0], owner[:0])), shape=(products, products)), 0
    for lag, factor in enumerate(factors, start=1):
        same = np.flatnonzero(user[lag:] == user[:-lag])
        steps += int(size[same] @ size[same + lag])
        if steps > _STEPS:
            break
        total = total + factor * (visits[same].T @ visits[same + lag])
    return _no_self(total.tocsr(), 0)


def _scaled(matrix: sp.csr_matrix, rows: Counts, columns: Counts) -> sp.csr_matrix:
    """matrix[i, j] / √((rows[i] + 1)(columns[j] + 1)): a cosine, shrunk for the rare."""
    left = sp.diags((1 / np.sqrt(rows + 1.0)).astype(np.float32))
    right = sp.diags((1 / np.sqrt(columns + 1.0)).astype(np.float32))
    scaled: sp.csr_matrix = (left @ matrix @ right).tocsr()
    return scaled


def _share(matrix: sp.csr_matrix, rows: Counts) -> sp.csr_matrix:
    """matrix[i, j] / (rows[i] + 4): a conditional probability, shrunk for the rare."""
    share: sp.csr_matrix = (sp.diags((1 / (rows + 4.0)).astype(np.float32)) @ matrix).tocsr()
    return share


def _no_self(matrix: sp.csr_matrix, offset: int) -> sp.csr_matrix:
    """Without the cells of row r and column r + offset."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    matrix.data[matrix.indices == rows + offset] = 0
    matrix.eliminate_zeros()
    return matrix


def _related(relations: Mapping[Relation, sp.csr_matrix]) -> Iterator[Walk]:
    """Walks of every relation between products, and through what products share."""
    between = {name: matrix for (source, name, target), matrix in relations.items() if source == target == "Product"}
    for name, matrix in _merged(between).items():
        yield from _direct(name, matrix)
    through: dict[str, sp.csr_matrix] = {}
    for (source, name, target), matrix in relations.items():
        if (source == "Product") == (target == "Product"):
            continue
        features = matrix if source == "Product" else matrix.T.tocsr()
        if not any(_same(features, other) for other in through.values()):
            through[name if name not in through else f"{name} of {target if source == 'Product' else source}"] = features
    for name, matrix in _merged(through).items():
        yield _shared(name, matrix)
    yield from _upwards(relations)


def _merged(matrices: Mapping[str, sp.csr_matrix]) -> Mapping[str, sp.csr_matrix]:
    """The largest by themselves, the rest side by side (where they lead elsewhere) or on top of each other as one."""
    by_size = sorted(matrices, key=lambda name: (-matrices[name].nnz, name))
    if len(by_size) <= RELATIONS:
        return matrices
    rest = [matrices[name] for name in by_size[RELATIONS:]]
    square = all(one.shape[0] == one.shape[1] for one in rest)
    merged = sum(rest[1:], rest[0]) if square else sp.hstack(rest)
    return {**{name: matrices[name] for name in by_size[:RELATIONS]}, "RELATED": merged.tocsr()}


def _direct(name: str, matrix: sp.csr_matrix) -> Iterator[Walk]:
    """There, back, two steps on, and products that lead to or are led to by the same ones."""
    edges = _no_self(matrix.astype(np.float32).copy(), 0)
    back = edges.T.tocsr()
    out, into = np.diff(edges.indptr).astype(np.float64), np.diff(back.indptr).astype(np.float64)
    yield Walk(f"{name}", name, "graph", edges)
    yield Walk(f"{name} reversed", f"{name} reversed", "graph", back)
    there, here = _scaled(edges, out, into), _scaled(back, into, out)
    if out @ into <= _STEPS:
        yield Walk(f"{name} twice", f"{name} > {name}", "graph", _no_self((there @ there).tocsr(), 0))
    if into @ into <= _STEPS:
        yield Walk(f"{name} to the same", f"{name} to the same", "graph", _no_self((there @ here).tocsr(), 0))
    if out @ out <= _STEPS:
        yield Walk(f"{name} from the same", f"{name} from the same", "graph", _no_self((here @ there).tocsr(), 0))


def _shared(name: str, matrix: sp.csr_matrix) -> Walk:
    """Products that share a neighbour, the rarer the better: the cosine of their inverse-frequency rows."""
    touched = np.asarray((matrix > 0).sum(axis=0)).ravel()
    idf = np.log1p(matrix.shape[0] / np.maximum(touched, 1.0))
    idf[touched > max(_LARGEST_HUB * matrix.shape[0], 2)] = 0
    weighted = (matrix @ sp.diags(idf.astype(np.float32))).tocsr()
    weighted.eliminate_zeros()
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    rows = (sp.diags((1 / np.maximum(length, 1e-9)).astype(np.float32)) @ weighted).tocsr().astype(np.float32)
    used = np.flatnonzero(np.diff(rows.tocsc().indptr) > 1)
    rows = rows[:, used].tocsr()
    return Walk(name, name, "graph", rows, rows.T.tocsr())


def _upwards(relations: Mapping[Relation, sp.csr_matrix]) -> Iterator[Walk]:
    """One step further where a node's kind has a relation among itself: a category's parent."""
    for (source, name, middle), matrix in relations.items():
        steps = [(step, up) for (start, step, end), up in relations.items() if start == end == middle != "Product"]
        if source == "Product" and len(steps) == 1:
            yield _shared(f"{name} > {steps[0][0]}", (matrix @ steps[0][1]).tocsr())


def _same(one: sp.csr_matrix, other: sp.csr_matrix) -> bool:
    """Whether both make the same products share the same neighbours, whatever those are called."""
    if one.nnz != other.nnz:
        return False
    probe = np.random.default_rng(0).random(one.shape[0])
    return bool(np.allclose(one @ (one.T @ probe), other @ (other.T @ probe)))


def _alike(text: Floats) -> Iterator[Walk]:
    """The 100 products with the nearest texts; products of one text share one row of neighbours."""
    rows = np.flatnonzero(np.abs(text).max(axis=1, initial=0) > 0)
    if not len(rows):
        return
    seen: dict[bytes, int] = {}
    which = np.array([seen.setdefault(text[row].tobytes(), len(seen)) for row in rows], dtype=np.int64)
    if len(seen) > _LARGEST_TEXT:
        return
    ones = np.ones(len(rows), dtype=np.float32)
    holds = sp.csr_matrix((ones, (rows, which)), shape=(len(text), len(seen)))
    near = _nearest(text[rows[np.unique(which, return_index=True)[1]]].astype(np.float32), _NEIGHBOURS)
    yield Walk("text", "text", "text", (holds @ near.maximum(near.T)).tocsr(), holds.T.tocsr())


def _nearest(vectors: Floats, size: int) -> sp.csr_matrix:
    """[n, n] the cosines of every row's nearest `size` rows, itself included; negative ones are left out."""
    everything = torch.from_numpy(vectors)
    values, columns = [], []
    for block in torch.split(everything, 1_024):
        found = torch.topk(block @ everything.T, min(size + 1, len(vectors)), dim=1)
        values.append(found.values.numpy())
        columns.append(found.indices.numpy())
    data = np.maximum(np.concatenate(values), 0)
    indptr = np.arange(len(vectors) + 1) * data.shape[1]
    near: sp.csr_matrix = sp.csr_matrix(
        (data.ravel(), np.concatenate(columns).ravel(), indptr), shape=(len(vectors), len(vectors))
    )
    near.eliminate_zeros()
    return near
