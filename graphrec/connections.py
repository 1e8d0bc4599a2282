"""How two products hang together in the graph: the edges between them and a sentence that says so."""

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
_WAYS = (" reversed", " to the same", " from the same")
_ORDERS = {" next": "often chosen next", " soon after": "often chosen soon after", " soon before": "often chosen soon before"}
_ANYTHING = ("graph", "content")
"""Scorers that see all relations at once: whatever joins the two products is shown."""
_PLAIN = {
    "text": "their texts are alike",
    "content": "texts, brand and category are alike",
    "graph": "close to each other in the graph",
    "popularity": "many chose it",
    "novelty": "nobody chose it yet",
    "prior": "new here, given a chance",
    "INTERACTED": "the same kind of people choose both",
}
_AGAINST = {"popularity": "few chose it", "prior": "new here, not yet trusted", "novelty": "nobody chose it yet"}


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
        """How the product row `one`, chosen before, leads to `other` along this path.

        path: as in `Term.path`: a relationship type (between products: an edge there; else: a neighbour they share), the same
        with ` reversed`, ` to the same` or ` from the same`, two types with ` > ` between them, or something without edges.
        """
        way = next((way for way in _WAYS if path.endswith(way)), "")
        first, _, second = path.removesuffix(way).partition(" > ")
        found = [
            walked
            for relation in self.known.relations
            if path in _ANYTHING or _means(first, relation)
            for walked in self._walk(relation, one, other, way.strip(), second)
        ]
        if found:
            sentences, links = zip(*found, strict=True)
            return Connection("; ".join(dict.fromkeys(sentences)), tuple(dict.fromkeys(link for some in links for link in some)))
        return self._chosen(one, other, path)

    @staticmethod
    def plain(path: str, amount: float = 1.0) -> Connection:
        """What is said of a path that no edge of the graph shows. amount: below 0 it speaks against the product."""
        return Connection(_AGAINST.get(path, path) if amount < 0 and path in _AGAINST else _PLAIN.get(path, path))

    def _chosen(self, one: int, other: int, path: str) -> Connection:
        silent = path in _PLAIN and path not in ("INTERACTED", "graph")
        both = 0 if silent else len(np.intersect1d(_row(self._buyers, one), _row(self._buyers, other)))
        if not both:
            return self.plain(path)
        counted = f"{both} {'others' if both > 1 else 'other'} chose both"
        order = next((said for end, said in _ORDERS.items() if path.endswith(end)), "")
        return Connection(f"{order} ({counted})" if order else counted)

    def _walk(self, relation: Relation, one: int, other: int, way: str, second: str) -> Iterator[tuple[str, list[Link]]]:
        """(sentence, edges) of the walks of this form that lead from one product to the other."""
        source, name, target = relation
        if source != target:
            up = self._step_up(relation, one, other, second)
            yield from up if second else self._same_end(relation, one, other, forward=source == "Product")
        elif source != "Product":
            return
        elif second:
            yield from self._two_steps(relation, one, other)
        elif way in ("to the same", "from the same"):
            yield from self._same_end(relation, one, other, forward=way == "to the same")
        else:
            start, end, words = (other, one, "from here to it") if way else (one, other, "from it here")
            if end in _row(self.known.relations[relation], start):
                yield f"{name} leads {words}", [Link(self.node("Product", start), name, self.node("Product", end))]

    def _same_end(self, relation: Relation, one: int, other: int, *, forward: bool) -> Iterator[tuple[str, list[Link]]]:
        """A node that both lead to, or (not `forward`) that leads to both: a brand, a director."""
        source, name, target = relation
        matrix = self.known.relations[relation] if forward else self._backward(relation)
        shared = [self.node(target if forward else source, row) for row in _rarest(matrix, one, other)]
        ends = [self.node("Product", row) for row in (one, other)]
        if shared:
            said = ", ".join(node.name for node in shared)
            links = [Link(end, name, node) if forward else Link(node, name, end) for node in shared for end in ends]
            yield (f"both {name} {said}" if forward else f"{said} {name} both"), links

    def _two_steps(self, relation: Relation, one: int, other: int) -> Iterator[tuple[str, list[Link]]]:
        """one → x → other."""
        name, ends = relation[1], (self.node("Product", one), self.node("Product", other))
        middle = np.intersect1d(_row(self.known.relations[relation], one), _row(self._backward(relation), other))[:_MOST]
        for node in (self.node("Product", int(row)) for row in middle):
            yield f"{name} leads here by way of {node.name}", [Link(ends[0], name, node), Link(node, name, ends[1])]

    def _step_up(self, relation: Relation, one: int, other: int, second: str) -> Iterator[tuple[str, list[Link]]]:
        """one → x ↗ z ↖ y ← other: neighbours that differ but hang on the same one, such as categories of one parent."""
        _, name, middle = relation
        for upper, matrix in self.known.relations.items():
            if upper[0] == upper[2] == middle and upper[1] == second:
                for top in _rarest((self.known.relations[relation] @ matrix).tocsr(), one, other)[:1]:
                    above, links = self.node(middle, top), []
                    for product in (one, other):
                        below = [row for row in _row(self.known.relations[relation], product) if top in _row(matrix, row)]
                        node = self.node(middle, int(below[0]))
                        links += [Link(self.node("Product", product), name, node), Link(node, second, above)]
                    yield f"both {name} under {above.name}", links

    def _backward(self, relation: Relation) -> sp.csr_matrix:
        if relation not in self._transposed:
            self._transposed[relation] = self.known.relations[relation].T.tocsr()
        return self._transposed[relation]

    @cached_property
    def _buyers(self) -> sp.csr_matrix:
        """[products, users]."""
        return self.known.matrix.T.tocsr()

    @cached_property
    def _transposed(self) -> dict[Relation, sp.csr_matrix]:
        return {}


def _means(word: str, relation: Relation) -> bool:
    """Whether a path's word names this relation: by its name, its name and other end, or RELATED for all outside ones."""
    source, name, target = relation
    ends = {f"{name} of {label}" for label in (source, target)}
    return word == name or word in ends or (word == "RELATED" and name.startswith("RELATED:"))


def _row(matrix: sp.csr_matrix, row: int) -> Rows:
    return matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]].astype(np.int64)


def _rarest(matrix: sp.csr_matrix, one: int, other: int) -> list[int]:
    """The columns that both rows have, at most a few, the rarest first."""
    shared = np.intersect1d(_row(matrix, one), _row(matrix, other))
    if len(shared) > _MOST:
        rarity = np.bincount(matrix.indices, minlength=matrix.shape[1])[shared]
        shared = shared[np.argsort(rarity, kind="stable")]
    return [int(row) for row in shared[:_MOST]]
