"""How alike products are by what is said of them: title, description, brand, category and everything else they are tied to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sp

from graphrec.tensors import Floats, KnownGraph, Rows
from graphrec.text import Tfidf

_CHARACTERS = 200
"""Characters of a text whose n-grams count: the title, which comes first."""
_WORD_SHARE = 5
"""A word in more than one text of so many tells nothing."""
_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Likeness:
    """A kernel over profiles; a profile is all products of which the very same is said (five sizes of one flour).

    K = Σ_v w_v K_v / Σ_v w_v over the views that there are: `words` and `characters` (TF-IDF cosine), `text` (cosine of text
    vectors, squared, so that close counts more), and for each label that products are tied to, `Brand`, `Category`, `Entity` …,
    the cosine of these neighbours, each weighted by how rare it is; all of weight `ties`. K is symmetric, positive
    semi-definite, at most 1.
    """

    profile: Rows
    """[products] which profile each product has."""
    views: Mapping[str, sp.csr_matrix | Floats]
    """By name, [profiles, features] with unit or zero rows."""
    weights: Mapping[str, float]

    @classmethod
    def of(cls, known: KnownGraph, text: Floats | None, weights: Mapping[str, float]) -> Self:
        """The likeness of this graph's products, `text` being their [products, dim] unit vectors where there are some."""
        texts = known.texts.get("Product", ())
        ties = _ties(known)
        profile, first = _profiles(texts, text, ties, len(known.products))
        distinct = [texts[row] for row in first] if len(texts) else []
        views: dict[str, sp.csr_matrix | Floats] = {label: view[first] for label, view in ties.items()}
        if any(distinct):
            # A term of one profile counts where several products have it: it tells them from the rest.
            shared = [distinct[row] for row in np.flatnonzero(np.bincount(profile) > 1)]
            views["words"] = Tfidf.fit(distinct + shared, "word", max_share=1 / _WORD_SHARE).transform(distinct)
            titles = [one[:_CHARACTERS] for one in distinct]
            seen = titles + [one[:_CHARACTERS] for one in shared]
            views["characters"] = Tfidf.fit(seen, "char", max_share=1 / _WORD_SHARE).transform(titles)
        if text is not None and text.any():
            views["text"] = text[first]
        shares = {name: weights["ties"] if name in ties else weights[name] for name in views}
        return cls(profile, {name: view for name, view in views.items() if shares[name]}, shares)

    def kernel(self, rows: Rows, columns: Rows) -> Floats:
        """[len(rows), len(columns)] K between these profiles, computed a block of rows at a time."""
        out = np.zeros((len(rows), len(columns)), dtype=np.float32)
        total = sum(self.weights[name] for name in self.views)
        for name, view in self.views.items():
            weight, others = np.float32(self.weights[name] / total), view[columns].T
            for start in range(0, len(rows), _BLOCK):
                near: Any = view[rows[start : start + _BLOCK]] @ others  # dense for vectors, sparse for the others
                out[start : start + _BLOCK] += weight * (np.maximum(near, 0) ** 2 if name == "text" else near.toarray())
        return out

    @property
    def profiles(self) -> int:
        """How many profiles there are."""
        return int(self.profile.max()) + 1 if len(self.profile) else 0


def _profiles(texts: tuple[str, ...], text: Floats | None, ties: Mapping[str, sp.csr_matrix], products: int) -> tuple[Rows, Rows]:
    """[products] profile of each product, [profiles] its first product: equal text and equal ties make one profile."""
    seen: dict[tuple[str, bytes, tuple[bytes, ...]], int] = {}
    profile = np.zeros(products, dtype=np.int64)
    for row in range(products):
        tied = tuple(view.indices[view.indptr[row] : view.indptr[row + 1]].tobytes() for view in ties.values())
        vector = text[row].tobytes() if text is not None else b""
        profile[row] = seen.setdefault((texts[row] if texts else "", vector, tied), len(seen))
    return profile, np.unique(profile, return_index=True)[1].astype(np.int64)


def _ties(known: KnownGraph) -> dict[str, sp.csr_matrix]:
    """By label, [products, neighbours] unit rows: what a product is tied to by any relation, log(1 + n / its products)."""
    parts: dict[str, list[sp.csr_matrix]] = {}
    for (source, _, target), edges in known.relations.items():
        if (source == "Product") != (target == "Product"):
            label, tied = (target, edges) if source == "Product" else (source, edges.T)
            parts.setdefault(label, []).append(sp.csr_matrix(tied, dtype=np.float32))
    views = {label: _rare(sp.csr_matrix(sp.hstack(tied, format="csr"))) for label, tied in parts.items()}
    return {label: view for label, view in views.items() if view.nnz}


def _rare(ties: sp.csr_matrix) -> sp.csr_matrix:
    """The same weighted by how few products share a neighbour, in unit rows; what a single product has says nothing."""
    shared = np.bincount(ties.indices, minlength=ties.shape[1])
    rare = np.where(shared > 1, np.log1p(ties.shape[0] / np.maximum(shared, 1)), 0).astype(np.float32)
    weighted = sp.csr_matrix(ties @ sp.diags(rare, format="csr"))
    weighted.eliminate_zeros()
    weighted.sort_indices()
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return sp.csr_matrix(sp.diags(1 / np.maximum(length, 1e-12)).astype(np.float32) @ weighted)
