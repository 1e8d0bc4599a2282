"""How two products hang together in the graph: the edges between them and a sentence that says so."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrec.tensors import KnownGraph, Relation, Rows

Names = npt.NDArray[np.object_]
_MOST = 3
_PLAIN = {"text": "their texts are alike", "popularity": "many chose it", "content": "their contents are alike"}


class Node(NamedTuple):
    """A node of the graph."""

    label: str
    id: str
    name: str
    """What people call it; its id where it has no name."""


class Link(NamedTuple):
    """An edge of the graph."""

    source: Node
    type: str
    """The relationship type, or `RELATED:directed_by` for outside relations."""
    target: Node


@dataclass(frozen=True, slots=True)
class Connection:
    """What stands between a product of the history and a recommended one."""

    sentence: str
    """For people: `both MADE_BY Acme`, `12 others chose both`."""
    links: tuple[Link, ...] = ()
    """The edges, at most a few, the ones through the rarest nodes first."""


@dataclass(frozen=True)
class Connections:
    """Finds connections in a known graph."""

    known: KnownGraph
    names: Mapping[str, Names] = field(default_factory=dict)
    """By label, what each row is called, for people; None or empty where it has no name."""

    def node(self, label: str, row: int) -> Node:
        """The node of this label and row."""
        name = self.names[label][row] if label in self.names else None
        return Node(label, self.known.ids[label].names[row], name or self.known.ids[label].names[row])

    def between(self, one: int, other: int, path: str) -> Connection:
        """How the product row `one`, chosen before, leads to `other` along this path, named as in `Term.path`."""
        sentences: list[str] = []
        links: list[Link] = []
        for relation in self.known.relations:
            if _speaks_of(path, relation[1]):
                for sentence, edges in self._along(relation, one, other):
                    sentences.append(sentence)
                    links += edges
        if sentences:
            return Connection("; ".join(dict.fromkeys(sentences)), tuple(dict.fromkeys(links)))
        both = self._chose_both(one, other)
        if both and path not in _PLAIN:
            return Connection(f"{both} {'others' if both > 1 else 'other'} chose both")
        return self.plain(path)

    @staticmethod
    def plain(path: str) -> Connection:
        """What is said of a path that no edge of the graph shows."""
        return Connection(_PLAIN.get(path, path))

    def _along(self, relation: Relation, one: int, other: int) -> Iterator[tuple[str, list[Link]]]:
        source, name, target = relation
        here, there = self.node("Product", one), self.node("Product", other)
        if source == target == "Product":
            if other in _row(self.known.relations[relation], one):
                yield f"{name} leads from it here", [Link(here, name, there)]
            if one in _row(self.known.relations[relation], other):
                yield f"{name} leads from here to it", [Link(there, name, here)]
        if source == "Product":
            shared = [self.node(target, row) for row in _shared(self.known.relations[relation], one, other)]
            if shared:
                links = [Link(end, name, node) for node in shared for end in (here, there)]
                yield f"both {name} {', '.join(node.name for node in shared)}", links
        if target == "Product":
            shared = [self.node(source, row) for row in _shared(self._backward(relation), one, other)]
            if shared:
                links = [Link(node, name, end) for node in shared for end in (here, there)]
                yield f"{', '.join(node.name for node in shared)} {name} both", links

    def _backward(self, relation: Relation) -> sp.csr_matrix:
        if relation not in self._transposed:
            self._transposed[relation] = self.known.relations[relation].T.tocsr()
        return self._transposed[relation]

    def _chose_both(self, one: int, other: int) -> int:
        return len(np.intersect1d(_row(self._buyers, one), _row(self._buyers, other)))

    @cached_property
    def _buyers(self) -> sp.csr_matrix:
        """[products, users]."""
        return self.known.matrix.T.tocsr()

    @cached_property
    def _transposed(self) -> dict[Relation, sp.csr_matrix]:
        return {}


def _speaks_of(path: str, relation: str) -> bool:
    """Whether this path's name holds the relation's name as a word of its own: `ALSO_BOUGHT reversed` does not mean BOUGHT."""
    return re.search(rf"(?<![\w:]){re.escape(relation)}(?![\w:])", path) is not None


def _row(matrix: sp.csr_matrix, row: int) -> Rows:
    return matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]].astype(np.int64)


def _shared(matrix: sp.csr_matrix, one: int, other: int) -> list[int]:
    """The columns that both rows have, at most a few, the rarest first."""
    shared = np.intersect1d(_row(matrix, one), _row(matrix, other))
    if len(shared) > _MOST:
        rarity = np.bincount(matrix.indices, minlength=matrix.shape[1])[shared]
        shared = shared[np.argsort(rarity, kind="stable")]
    return [int(row) for row in shared[:_MOST]]
