"""A product that the graph does not hold gets a place among those it does, by what is said of it, with nothing fitted anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrec.contentweights import start
from graphrec.lessons import nearby
from graphrec.likeness import Described, Likeness, Reader, View
from graphrec.tensors import Floats, Histories, sparse, sparse_arrays

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Placed:
    """Where n new products stand."""

    near: sp.csr_matrix
    """[n, products] what each product of a history adds to their score."""
    alike: sp.csr_matrix
    """[n, products] how alike they are (0 to 1) by what is said, to the chosen products that are nearest to them."""

    def score(self, histories: Histories) -> Floats:
        """[b, n] on the scale of the scorer `content`, so that each stands beside the products of the graph."""
        scores = (start(histories, self.near.shape[1]) @ self.near.T).toarray()
        return np.asarray(scores, dtype=np.float32)


@dataclass(frozen=True)
class Guide:
    """What places a new product: the descriptions and the behaviour of the teachers."""

    likeness: Likeness
    """Of the teachers alone; other products have profile -1."""
    behaviour: sp.csr_matrix
    """[teachers, products] what one who chose the product adds to the score of the teacher."""
    penalty: float

    def place(self, new: Described) -> Placed:
        """The places of these products; each learns from its nearest teachers."""
        views = self.likeness.reader.read(new.texts, new.vectors, new.ties)
        lessons, alike = nearby(self.likeness, views, self.penalty)
        products = np.flatnonzero(self.likeness.profile >= 0)
        ones = np.ones(len(products), dtype=np.float32)
        shape = (self.likeness.profiles, len(self.likeness.profile))
        member = sp.csr_matrix((ones, (self.likeness.profile[products], products)), shape=shape)
        near = sp.csr_matrix(lessons @ self.behaviour)
        near.data[near.data < 0] = 0
        near.eliminate_zeros()
        return Placed(near, sp.csr_matrix(alike @ member))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Everything but `settings`, as numbers."""
        found = {"profile": self.likeness.profile, **sparse_arrays("behaviour", self.behaviour)}
        found |= {f"reader/{name}": value for name, value in self.likeness.reader.arrays().items()}
        for name, view in self.likeness.views.items():
            found |= sparse_arrays(f"view/{name}", view) if sp.issparse(view) else {f"view/{name}": view}
        return found

    def settings(self) -> dict[str, Any]:
        """What JSON can hold."""
        views = {name: view.shape[1] for name, view in self.likeness.views.items()}
        ties = [[tie.name, tie.label] for tie in self.likeness.reader.ties]
        return {"penalty": self.penalty, "weights": dict(self.likeness.weights), "views": views, "ties": ties}

    @classmethod
    def restore(cls, arrays: Arrays, settings: Mapping[str, Any]) -> Self:
        """The guide whose `arrays` and `settings` these are."""
        profile = np.asarray(arrays["profile"])
        reader = Reader.restore(_below("reader/", arrays), settings["ties"])
        views = {name: _view(arrays, name, width) for name, width in settings["views"].items()}
        likeness = Likeness(profile, views, dict(settings["weights"]), reader)
        return cls(likeness, sparse(arrays, "behaviour", len(profile)), settings["penalty"])


def _view(arrays: Arrays, name: str, width: int) -> View:
    return np.asarray(arrays[f"view/{name}"]) if f"view/{name}" in arrays else sparse(arrays, f"view/{name}", width)


def _below(head: str, arrays: Arrays) -> Arrays:
    return {name.removeprefix(head): value for name, value in arrays.items() if name.startswith(head)}
