"""How alike products are by what is said of them: title, description, brand, category and everything else they are tied to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrec.tensors import Floats, KnownGraph, Rows
from graphrec.text import Tfidf

View = sp.csr_matrix | Floats
Arrays = Mapping[str, npt.NDArray[Any]]
_CHARACTERS = 200
"""Characters of a text whose n-grams count: the title, which comes first."""
_WORD_SHARE = 5
"""A word in more than one text of so many tells nothing."""
_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Described:
    """What is said of n products that the graph does not hold."""

    texts: Sequence[str]
    """[n] as `KnownGraph.texts` composes them: title, brand, category path, description."""
    vectors: Floats | None = None
    """[n, dim] unit text vectors of the model that the fit used; None where it used none."""
    ties: Mapping[str, sp.csr_matrix] = field(default_factory=dict)
    """By the relation's name (`MADE_BY`, `RELATED:directed_by`), [n, nodes of its label] ones; what is unknown may be missing."""

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, slots=True)
class Tie:
    """One relation between products and nodes of a label, its columns weighted by rarity: log(1 + n / its products)."""

    name: str
    label: str
    rare: Floats
    """[nodes]"""


@dataclass(frozen=True, slots=True)
class Reader:
    """What turns descriptions into views: vocabularies, and how rare every tie is."""

    words: Tfidf | None
    characters: Tfidf | None
    ties: tuple[Tie, ...]

    def read(self, texts: Sequence[str], vectors: Floats | None, ties: Mapping[str, sp.csr_matrix]) -> dict[str, View]:
        """By name, [n, features] with unit or zero rows. ties: by relation's name, [n, nodes]."""
        views: dict[str, View] = {}
        for label in dict.fromkeys(tie.label for tie in self.ties):
            parts = [_weighted(ties.get(tie.name), tie.rare, len(texts)) for tie in self.ties if tie.label == label]
            views[label] = _unit(sp.csr_matrix(sp.hstack(parts, format="csr")))
        if self.words is not None and self.characters is not None:
            views["words"] = self.words.transform(texts)
            views["characters"] = self.characters.transform([text[:_CHARACTERS] for text in texts])
        if vectors is not None:
            views["text"] = np.nan_to_num(vectors, nan=0.0, posinf=0.0, neginf=0.0)
        return views

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The vocabularies and rarities as numbers; `restore` reads them back."""
        found: dict[str, npt.NDArray[Any]] = {f"tie/{number}": tie.rare for number, tie in enumerate(self.ties)}
        for kind, terms in (("words", self.words), ("characters", self.characters)):
            if terms is not None:
                found |= {f"{kind}/{key}": value for key, value in terms.arrays().items()}
        return found

    @classmethod
    def restore(cls, arrays: Arrays, ties: Sequence[Sequence[str]]) -> Self:
        """The reader whose `arrays` these are. ties: name and label of each."""
        made = tuple(Tie(name, label, np.asarray(arrays[f"tie/{number}"])) for number, (name, label) in enumerate(ties))
        if "words/idf" not in arrays:
            return cls(None, None, made)
        words = Tfidf.restore("word", {key: arrays[f"words/{key}"] for key in ("terms", "idf")})
        return cls(words, Tfidf.restore("char", {key: arrays[f"characters/{key}"] for key in ("terms", "idf")}), made)


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
    views: Mapping[str, View]
    """By name, [profiles, features] with unit or zero rows."""
    weights: Mapping[str, float]
    reader: Reader

    @classmethod
    def of(cls, known: KnownGraph, text: Floats | None, weights: Mapping[str, float]) -> Self:
        """The likeness of this graph's products, `text` being their [products, dim] unit vectors where there are some."""
        texts = known.texts.get("Product", ())
        ties = _ties(known)
        profile, first = _profiles(texts, text, [edges for _, edges in ties.values()], len(known.products))
        distinct = [texts[row] for row in first] if len(texts) else [""] * len(first)
        rare = tuple(Tie(name, label, _rarity(edges)) for name, (label, edges) in ties.items())
        reader = Reader(None, None, rare)
        if any(distinct):
            # A term of one profile counts where several products have it: it tells them from the rest.
            seen = distinct + [distinct[row] for row in np.flatnonzero(np.bincount(profile) > 1)]
            words = Tfidf.fit(seen, "word", max_share=1 / _WORD_SHARE)
            characters = Tfidf.fit([one[:_CHARACTERS] for one in seen], "char", max_share=1 / _WORD_SHARE)
            reader = replace(reader, words=words, characters=characters)
        vectors = text[first] if text is not None and text.any() else None
        views = reader.read(distinct, vectors, {name: edges[first] for name, (_, edges) in ties.items()})
        shares = {name: weights.get(name, weights["ties"]) for name in views}
        return cls(profile, {name: view for name, view in views.items() if shares[name]}, shares, reader)

    def kernel(self, rows: Rows, columns: Rows) -> Floats:
        """[len(rows), len(columns)] K between these profiles."""
        return self.beside({name: view[rows] for name, view in self.views.items()}, columns)

    def beside(self, views: Mapping[str, View], columns: Rows) -> Floats:
        """[n, len(columns)] K between what these views ([n, features] each) say and these profiles, a block at a time."""
        out = np.zeros((next(iter(views.values())).shape[0], len(columns)), dtype=np.float32)
        total = sum(self.weights[name] for name in self.views)
        for name, view in self.views.items():
            if name in views:
                weight, others = np.float32(self.weights[name] / total), view[columns].T
                for start in range(0, len(out), _BLOCK):
                    near: Any = views[name][start : start + _BLOCK] @ others  # dense for vectors, sparse for the others
                    out[start : start + _BLOCK] += weight * (np.maximum(near, 0) ** 2 if name == "text" else near.toarray())
        return out

    def only(self, profiles: Rows) -> "Likeness":
        """The likeness of these profiles alone; products of others have profile -1."""
        place = np.full(self.profiles, -1, dtype=np.int64)
        place[profiles] = np.arange(len(profiles))
        return replace(self, profile=place[self.profile], views={name: view[profiles] for name, view in self.views.items()})

    @property
    def profiles(self) -> int:
        """How many profiles there are."""
        return int(self.profile.max()) + 1 if len(self.profile) else 0


def nothing(rows: int, columns: int) -> sp.csr_matrix:
    """[rows, columns] float32 without a number."""
    none = np.zeros(0, dtype=np.int64)
    return sp.csr_matrix((np.zeros(0, dtype=np.float32), (none, none)), shape=(rows, columns))


def _profiles(texts: tuple[str, ...], text: Floats | None, ties: Sequence[sp.csr_matrix], products: int) -> tuple[Rows, Rows]:
    """[products] profile of each product, [profiles] its first product: equal text and equal ties make one profile."""
    seen: dict[tuple[str, bytes, tuple[bytes, ...]], int] = {}
    profile = np.zeros(products, dtype=np.int64)
    for row in range(products):
        tied = tuple(view.indices[view.indptr[row] : view.indptr[row + 1]].tobytes() for view in ties)
        vector = text[row].tobytes() if text is not None else b""
        profile[row] = seen.setdefault((texts[row] if texts else "", vector, tied), len(seen))
    return profile, np.unique(profile, return_index=True)[1].astype(np.int64)


def _ties(known: KnownGraph) -> dict[str, tuple[str, sp.csr_matrix]]:
    """By relation's name, the label and [products, nodes] ones: what a product is tied to, where two products share any of it."""
    found: dict[str, tuple[str, sp.csr_matrix]] = {}
    for (source, name, target), edges in known.relations.items():
        if (source == "Product") != (target == "Product"):
            label, tied = (target, edges) if source == "Product" else (source, edges.T)
            tied = sp.csr_matrix(tied, dtype=np.float32)
            tied.sort_indices()
            if _rarity(tied).any():
                found[name if name not in found else f"{name} of {label}"] = (label, tied)
    return found


def _rarity(edges: sp.csr_matrix) -> Floats:
    """[nodes] log(1 + n / products with the node); 0 where a single product has it, which says nothing."""
    shared = np.bincount(edges.indices, minlength=edges.shape[1])
    return np.where(shared > 1, np.log1p(edges.shape[0] / np.maximum(shared, 1)), 0).astype(np.float32)


def _weighted(edges: sp.csr_matrix | None, rare: Floats, rows: int) -> sp.csr_matrix:
    if edges is None:
        return nothing(rows, len(rare))
    return sp.csr_matrix(edges @ sp.diags(rare, format="csr"), dtype=np.float32)


def _unit(view: sp.csr_matrix) -> sp.csr_matrix:
    view.eliminate_zeros()
    view.sort_indices()
    length = np.sqrt(np.asarray(view.multiply(view).sum(axis=1)).ravel())
    return sp.csr_matrix(sp.diags(1 / np.maximum(length, 1e-12)).astype(np.float32) @ view)
