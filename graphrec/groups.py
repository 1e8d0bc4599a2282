"""Users and products in groups, so that one figure for all hides nobody.

Example:
    >>> import numpy as np
    >>> for group in by_activity(np.array([1, 2, 2, 5, 9, 30])):
    ...     print(group.name, group.meaning, group.mask.sum())
    few users with at most 2 choices 3
    some users with 5 choices 1
    many users with 9 choices or more 2
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrec.errors import BadRequest
from graphrec.tensors import KnownGraph, Rows

Mask = npt.NDArray[np.bool_]
_IN, _UNDER = ("Product", "IN_CATEGORY", "Category"), ("Category", "CHILD_OF", "Category")
_NEARLY_ALL = 0.95
"""A category that holds this share of the products tells nothing apart: what lies under it stands in its place."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Some of the users, or some of the products."""

    name: str
    """`few`, `head`, a category's name …"""
    meaning: str
    """Who belongs to it, in words."""
    mask: Mask
    """[users] or [products] True for those."""


def by_activity(lengths: Rows) -> tuple[Group, ...]:
    """The users in thirds by how much they chose: `few`, `some` and `many`, those that there are; equal users stay together.

    lengths: [users] how many products each chose.
    """
    if not len(lengths):
        return ()
    first, second = np.quantile(lengths, [1 / 3, 2 / 3], method="inverted_cdf")
    masks = {"few": lengths <= first, "some": (lengths > first) & (lengths <= second), "many": lengths > second}
    groups = []
    for name, mask in masks.items():
        if mask.any():
            low, high = int(lengths[mask].min()), int(lengths[mask].max())
            span = {"few": f"at most {high}", "some": f"{low} to {high}" if low < high else f"{low}", "many": f"{low}"}[name]
            groups.append(Group(name, f"users with {span} choices{' or more' if name == 'many' else ''}", mask))
    return tuple(groups)


def by_popularity(counts: Rows, *, head: float = 0.5) -> tuple[Group, ...]:
    """The products as `head`, the most popular ones that make up this share of the choices, `tail` and `cold`, that nobody chose.

    Those that there are; of equally popular products at the edge the first ones are head.

    counts: [products] how often each was chosen.

    Raises:
        BadRequest: head is not between 0 and 1.

    Example:
        >>> [(group.name, group.mask.tolist()) for group in by_popularity(np.array([1, 6, 0, 3]))]
        [('head', [False, True, False, False]), ('tail', [True, False, False, True]), ('cold', [False, False, True, False])]
    """
    if not 0 < head < 1:
        raise BadRequest(f"head must lie between 0 and 1 (got {head})")
    order = np.argsort(-counts, kind="stable")
    before = np.cumsum(counts[order]) - counts[order]  # choices of the more popular ones
    popular = np.zeros(len(counts), dtype=bool)
    popular[order] = before < head * counts.sum()
    masks = {"head": popular, "tail": (counts > 0) & ~popular, "cold": counts == 0}
    meanings = {"head": "the most popular products", "tail": "the other chosen products", "cold": "products that nobody chose"}
    return tuple(Group(name, _told(meanings[name], mask, counts), mask) for name, mask in masks.items() if mask.any())


def _told(meaning: str, mask: Mask, counts: Rows) -> str:
    share = counts[mask].sum() / max(counts.sum(), 1)
    return f"{meaning}: {int(mask.sum()):,} with {share:.0%} of the choices"


def by_category(known: KnownGraph, *, most: int = 10) -> tuple[Group, ...]:
    """The listed products by `top_categories`: the largest ones, and `other` for those in none of them; empty without categories.

    A product may belong to several. The largest come first, equal ones by name.
    """
    names, member = top_categories(known)
    if not names:
        return ()
    member = (sp.diags(known.listed.astype(np.float32)) @ member).tocsc()
    sizes = np.asarray(member.sum(axis=0)).ravel()
    largest = sorted(np.flatnonzero(sizes).tolist(), key=lambda column: (-sizes[column], names[column]))[:most]
    groups = [
        Group(names[column], f"products in {names[column]}: {int(sizes[column]):,}", _column(member, column))
        for column in largest
    ]
    other = known.listed & ~np.any([group.mask for group in groups] or [np.zeros_like(known.listed)], axis=0)
    if other.any():
        groups.append(Group("other", f"products in none of these: {int(other.sum()):,}", other))
    return tuple(groups)


def top_categories(known: KnownGraph) -> tuple[tuple[str, ...], sp.csr_matrix]:
    """The ids of the highest categories that tell products apart, and [products, categories] ones where a product lies under one.

    A category that holds nearly all products that have one gives way to its children.
    """
    if _IN not in known.relations:
        return (), _empty(len(known.products), 0)
    inside = known.relations[_IN]
    up = known.relations.get(_UNDER, _empty(inside.shape[1], inside.shape[1]))
    under = _closed(inside, up)
    described = int((np.diff(under.indptr) > 0).sum())
    sizes = np.bincount(under.indices, minlength=under.shape[1])
    too_large = sizes >= _NEARLY_ALL * described
    parents = up @ sp.diags((~too_large).astype(np.float32))
    parents.eliminate_zeros()
    top = np.flatnonzero((np.diff(parents.tocsr().indptr) == 0) & ~too_large & (sizes > 0))
    return tuple(known.ids["Category"].names[top]), under[:, top]


def _closed(inside: sp.csr_matrix, up: sp.csr_matrix) -> sp.csr_matrix:
    """[products, categories] ones: a product's categories and all above them."""
    under = _ones(inside)
    while True:
        above = _ones(under + under @ up)
        if above.nnz == under.nnz:
            return under
        under = above


def _empty(rows: int, columns: int) -> sp.csr_matrix:
    none = np.zeros(0, dtype=np.int64)
    return sp.csr_matrix((np.zeros(0, dtype=np.float32), (none, none)), shape=(rows, columns))


def _ones(matrix: sp.csr_matrix) -> sp.csr_matrix:
    found = matrix.tocsr(copy=True)
    found.sum_duplicates()
    found.data[:] = 1
    return found


def _column(matrix: sp.csc_matrix, column: int) -> Mask:
    mask = np.zeros(matrix.shape[0], dtype=bool)
    mask[matrix.indices[matrix.indptr[column] : matrix.indptr[column + 1]]] = True
    return mask
