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
    vectors, squared, so that close counts more), `ties` (cosine of the neighbours along all relations that lead to or from
    something else than products, each weighted by how rare it is). K is symmetric, positive semi-definite, at most 1.
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
        profile, first = _profiles(texts, text, ties)
        distinct = [texts[row] for row in first] if len(texts) else []
        views: dict[str, sp.csr_matrix | Floats] = {}
        if any(distinct):
            views["words"] = Tfidf.fit(distinct, "word", max_share=1 / _WORD_SHARE).transform(distinct)
            titles = [one[:_CHARACTERS] for one in distinct]
            views["characters"] = Tfidf.fit(titles, "char", max_share=1 / _WORD_SHARE).transform(titles)
        if text is not None and text.any():
            views["text"] = text[first]
        if ties.nnz:
            views["ties"] = ties[first]
        return cls(profile, {name: view for name, view in views.items() if weights.get(name)}, dict(weights))

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


def _profiles(texts: tuple[str, ...], text: Floats | None, ties: sp.csr_matrix) -> tuple[Rows, Rows]:
    """[products] profile of each product, [profiles] its first product: equal text and equal ties make one profile."""
    seen: dict[tuple[str, bytes, bytes], int] = {}
    profile = np.zeros(ties.shape[0], dtype=np.int64)
    for row in range(len(profile)):
        span = slice(ties.indptr[row], ties.indptr[row + 1])
        vector = text[row].tobytes() if text is not None else b""
        key = (texts[row] if texts else "", ties.indices[span].tobytes(), vector)
        profile[row] = seen.setdefault(key, len(seen))
    return profile, np.unique(profile, return_index=True)[1].astype(np.int64)


def _ties(known: KnownGraph) -> sp.csr_matrix:
    """[products, neighbours] unit rows: every brand, category, entity … a product is tied to, log(1 + n / its products)."""
    parts = []
    for (source, _, target), edges in known.relations.items():
        if (source == "Product") != (target == "Product"):
            parts.append(sp.csr_matrix(edges if source == "Product" else edges.T, dtype=np.float32))
    if not parts:
        return sp.csr_matrix(np.zeros((len(known.products), 0), dtype=np.float32))
    ties = sp.csr_matrix(sp.hstack(parts, format="csr"))
    shared = np.bincount(ties.indices, minlength=ties.shape[1])
    rare = np.where(shared > 1, np.log1p(ties.shape[0] / np.maximum(shared, 1)), 0).astype(np.float32)
    weighted = sp.csr_matrix(ties @ sp.diags(rare, format="csr"))
    weighted.eliminate_zeros()
    weighted.sort_indices()
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return sp.csr_matrix(sp.diags(1 / np.maximum(length, 1e-12)).astype(np.float32) @ weighted)
