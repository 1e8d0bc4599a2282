"""Products that a text asks for: by its words, and by its meaning where the model has text vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrec.errors import BadRequest
from graphrec.model import Model
from graphrec.tensors import Floats, Histories
from graphrec.text import Tfidf, embed
from graphrec.weighing import standardise
from kg_builder.errors import did_you_mean

_WITH, _WHO = 0.15, 0.05
"""What is chosen together with the best matches, and what suits whoever asks, beside the match itself: it was asked for."""
_BEST = 10
"""Matches that speak for what is chosen with them."""
_TOLD = ("Category", "Brand")


@dataclass(frozen=True)
class Search:
    """closeness(q, i) = the mean over the views there are of cos(words of q, words of i) and max(cos(q, i), 0)² of text vectors.

    The words of a product are those of its title, categories and brands, singly and in pairs, by TF-IDF.
    """

    words: Tfidf
    said: sp.csr_matrix
    """[products, terms] unit or zero rows."""
    vectors: npt.NDArray[np.float16] | None
    """[products, dim] unit or zero rows; None where the model reads no texts."""
    text_model: str | None

    @classmethod
    def of(cls, model: Model) -> Self:
        """The search among the products of this model."""
        texts = described(model)
        words = Tfidf.fit([*texts, *texts], "word")  # twice, so that a word of a single product is a word
        return cls(words, words.transform(texts), model.text.get("Product"), model.text_model)

    def closeness(self, text: str) -> Floats:
        """[products] from 0 to 1.

        Raises:
            BadRequest: the text is blank, or the model reads no texts and no product has any of its words.
        """
        if not text.strip():
            raise BadRequest(f"text is blank (got {text!r}); say what is looked for")
        asked = self.words.transform([text])
        if self.vectors is None and not asked.nnz:
            single = [term for term in self.words.terms if " " not in term]
            close = did_you_mean(text.split()[-1].lower(), single, alike=0.75)
            raise BadRequest(
                f"no product's title, category or brand has a word of {text!r}{close or ';'} "
                "a model fitted with a text model would know words alike"
            )
        views = [(self.said @ asked.T).toarray().ravel()] if asked.nnz else []
        if self.vectors is not None:
            query = embed([text], model=self.text_model)[0]
            views.append(np.maximum(self.vectors.astype(np.float32) @ query, 0) ** 2)
        closeness: Floats = np.mean(views, axis=0, dtype=np.float32)
        return closeness

    def matches(self, model: Model, text: str) -> Floats:
        """[products] the closest matches first, then what is chosen with the ten best of them; at most 1.15."""
        close = self.closeness(text)
        best = np.argsort(-close, kind="stable")[:_BEST]
        best = best[close[best] > 0]
        rises = standardise(model.rises(Histories.of([[int(row)] for row in best])), model.blend.warm)
        together = close[best] @ np.maximum(rises, 0)
        found: Floats = _share(close[None, :])[0] + _WITH * _share(together[None, :])[0]
        return found


def suited(matches: Floats, suits: Floats, warm: npt.NDArray[np.bool_]) -> Floats:
    """[b, products] the matches, and a little of what suits those who ask. suits: [b, products] scores, -inf for no opinion."""
    found: Floats = matches + _WHO * _share(standardise(suits, warm))
    return found


def described(model: Model) -> list[str]:
    """[products] title, categories and brands of each product, as far as the model knows what they are called."""
    titles: Sequence[str | None] = model.names.get("Product", np.full(len(model.known.products), None, dtype=object)).tolist()
    parts = [[title] if title else [] for title in titles]
    for (source, _, target), edges in model.known.relations.items():
        if source != "Product" or target not in _TOLD or target not in model.names:
            continue
        coordinates = edges.tocoo()
        for row, column in zip(coordinates.row.tolist(), coordinates.col.tolist(), strict=True):
            if name := model.names[target][column]:
                parts[row].append(name)
    return [". ".join(part) for part in parts]


def _share(scores: Floats) -> Floats:
    """[b, n] each row by its largest value, -1 at least."""
    largest = np.maximum(scores.max(axis=1, keepdims=True, initial=0), 1e-12)
    return np.asarray(np.maximum(scores / largest, -1), dtype=np.float32)
