"""The one shared body: id embedding + projected text, carried over the edges under a learned weight a relation.

A user has no embedding of their own: a user is what they chose. So somebody the training never saw is encoded as everybody else,
and a product nobody chose is what its text and its neighbours in the graph say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from sklearn.utils.extmath import randomized_svd
from torch import Tensor, nn
from torch.nn.functional import normalize

from graphrec.propagation import Adjacency, normalised, propagate
from graphrec.tensors import Floats, KnownGraph, Relation, Rows

_START = 0.1
_NOISE = 0.5
_FIRST_RELATION_WEIGHT = 0.3
_TEXT_RIDGE = 10.0
_FIRST_POPULARITY = 0.1


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """The size of the body."""

    dim: int = 128
    """Width of the vectors of one seed; larger fits finer tastes and costs time and memory in proportion."""
    seeds: int = 2
    """Most encoders that start apart and are trained side by side, whose cosines are averaged; larger is steadier and dearer."""
    layers: int = 2
    """Hops a vector travels; larger sees further and blurs more."""

    @property
    def width(self) -> int:
        """Width of the tables: the vectors of all seeds side by side."""
        return self.dim * self.seeds


@dataclass(frozen=True)
class Block:
    """The whole graph as one symmetric matrix: users first, then products, then everything that joins two products or more.

    Entries of interactions carry the place of their interaction in `pairs`, all others -1.
    """

    users: int
    products: int
    nodes: int
    """All nodes of the matrix, n."""
    offsets: Mapping[str, Tensor]
    """By label other than User and Product, [rows] the place of each node in the matrix, -1 for nodes that join nothing."""
    relations: tuple[str, ...]
    """Names of the kinds of entries; kind 0 is the interactions."""
    pairs: Tensor
    """[2, m] distinct (user, product) rows."""
    row: Tensor
    column: Tensor
    norm: Tensor
    kind: Tensor
    pair: Tensor
    """row, column, norm, kind, pair: [entries], ordered by row."""

    @classmethod
    def of(cls, known: KnownGraph, *, described: bool = True, device: str = "cpu") -> "Block":
        """The block matrix of a user-item-entity graph; relations of users to anything but products are left out.

        Brands, categories and entities that a single edge reaches carry nothing from product to product and are left out too.
        described: False leaves out all but the interactions.
        """
        users, products = len(known.users), len(known.products)
        pairs = np.stack(known.matrix.nonzero()).astype(np.int64)
        parts = {
            kind: np.stack(matrix.nonzero()).astype(np.int64)
            for kind, matrix in known.relations.items()
            if described and "User" not in (kind[0], kind[2])
        }
        places, nodes = _places({label: len(ids) for label, ids in known.ids.items()}, parts)
        names = ["INTERACTED"]
        ends = [(pairs[0], pairs[1] + users, np.ones(pairs.shape[1], dtype=np.float32))]  # renormalised at every draw
        for (source, name, target), edges in parts.items():
            kept = _relation(places[source][edges[0]], places[target][edges[1]], nodes)
            if len(kept[0]):
                ends.append(kept)
                names.append(name)
        columns = _both_ways(ends, nodes)
        tensors = [torch.from_numpy(column).to(device) for column in (pairs, *columns)]
        offsets = {
            label: torch.from_numpy(place).to(device) for label, place in places.items() if label not in ("User", "Product")
        }
        return cls(users, products, nodes, offsets, tuple(names), *tensors)

    def adjacency(self, kept: Tensor) -> Adjacency:
        """The matrix in which only the interactions under the mask have happened, normalised anew. kept: [m] bool."""
        mask = (self.pair < 0) | kept[self.pair.clamp(min=0)]
        row, column, norm, kind = self.row[mask], self.column[mask], self.norm[mask], self.kind[mask]
        chosen = kind == 0
        scale = torch.bincount(row[chosen], minlength=self.nodes).clamp(min=1).rsqrt()  # [n]
        norm = torch.where(chosen, scale[row] * scale[column], norm)
        return Adjacency.of(row, column, norm, kind, self.nodes)

    def described(self) -> Tensor:
        """[products] True where a product has an edge besides those to users."""
        reached = torch.bincount(self.row[self.kind > 0], minlength=self.nodes) > 0
        return reached[self.users : self.users + self.products]


def _places(sizes: Mapping[str, int], parts: Mapping[Relation, Rows]) -> tuple[dict[str, Rows], int]:
    """By label the place of each row in the matrix (-1: left out), and the number of places."""
    places = {"User": np.arange(sizes["User"]), "Product": sizes["User"] + np.arange(sizes["Product"])}
    nodes = sizes["User"] + sizes["Product"]
    for label, size in sizes.items():
        if label in places:
            continue
        ends = [edges[which] for kind, edges in parts.items() for which in (0, 1) if kind[2 * which] == label]
        joins = sum((np.bincount(one, minlength=size) for one in ends), np.zeros(size, dtype=np.int64)) > 1
        places[label] = np.where(joins, nodes + np.cumsum(joins) - 1, -1)
        nodes += int(joins.sum())
    return places, nodes


def _relation(source: Rows, target: Rows, nodes: int) -> tuple[Rows, Rows, Floats]:
    """Ends and normalised values of one relation's edges between places; both directions and doubles are one edge."""
    inside = (source >= 0) & (target >= 0) & (source != target)
    low, high = np.minimum(source, target)[inside], np.maximum(source, target)[inside]
    low, high = np.divmod(np.unique(low * nodes + high), nodes)
    degree = np.bincount(low, minlength=nodes) + np.bincount(high, minlength=nodes)
    return low, high, (1 / np.sqrt(degree[low] * degree[high])).astype(np.float32)


def _both_ways(ends: list[tuple[Rows, Rows, Floats]], nodes: int) -> list[npt.NDArray[Any]]:
    """row, column, norm, kind, pair of the entries (i, j) and (j, i) of all edges, ordered by row and column."""
    kind = np.repeat(np.arange(len(ends)), [len(one[0]) for one in ends])
    left, right, norm = (np.concatenate([one[part] for one in ends]) for part in range(3))
    pair = np.where(kind == 0, np.arange(len(kind)), -1)
    row, column = np.concatenate([left, right]), np.concatenate([right, left])
    order = np.argsort(row * nodes + column, kind="stable")
    doubled = [np.concatenate([part, part])[order] for part in (norm, kind, pair)]
    return [row[order], column[order], *doubled]


@dataclass(frozen=True, slots=True)
class Parameters:
    """What an encoder learnt, by node and by relation instead of by place, so that another graph can take it up."""

    tables: Mapping[str, Floats]
    """`target` and `context` [products, d], and by label the others' [rows, d]; zeros for what was not learnt."""
    projection: Floats
    """[text, d]; no rows without text."""
    relations: Mapping[str, float]
    """Weights by relation; that of the interactions is 1."""
    popularity: float
    novelty: float


@dataclass(frozen=True, slots=True)
class Encoded:
    """What one pass over the graph gives, not yet of unit length; d is the width of all seeds together."""

    users: Tensor
    """[users, d]"""
    products: Tensor
    """[products, d]"""
    history: Tensor
    """[products, d]: a user is the sum of these over what they chose, divided by √|history|."""


class Encoder(nn.Module):
    """u = Σ_l h_u^l, p = Σ_l h_p^l, h^(l+1) = A h^l, with the relations of A weighted and a user's h^0 summed over the history.

    A product has two id embeddings, as LightGCN's users and products have one each: `target`, what it is when recommended, and
    `context`, what it says about the user who chose it.
    Source: He et al., "LightGCN", SIGIR 2020 (arXiv:2002.02126); the user as a sum over products after Kabbur et al., "FISM", KDD
    2013.
    """

    def __init__(self, block: Block, text: Tensor | None, config: EncoderConfig) -> None:
        super().__init__()
        self.layers, self.seeds = config.layers, config.seeds
        self.target = nn.Parameter(torch.zeros(block.products, config.width))
        self.context = nn.Parameter(torch.zeros(block.products, config.width))
        self.others = nn.Parameter(torch.zeros(block.nodes - block.users - block.products, config.width))
        self.projection = nn.Parameter(torch.zeros(0 if text is None else text.shape[1], config.width))
        relations = len(block.relations) - 1
        self.strength = nn.Parameter(torch.full((relations,), float(np.log(_FIRST_RELATION_WEIGHT / max(relations, 1) ** 0.5))))
        self.popularity = nn.Parameter(torch.tensor(_FIRST_POPULARITY))
        self.novelty = nn.Parameter(torch.zeros(()))
        self.text = text

    def forward(self, block: Block, adjacency: Adjacency, *, known: Tensor | None = None) -> Encoded:
        """Vectors of all users and products. known: [products, 1] 0 where the id embeddings are withheld, default all 1."""
        target, context = (table if known is None else table * known for table in (self.target, self.context))
        if self.text is not None:
            read = self.text @ self.projection.to(self.text.dtype)
            target, context = target + read, context + read
        weights = self.relation_weights()
        nobody = context.new_zeros(block.users, context.shape[1])
        says = torch.cat([nobody, context, torch.zeros_like(self.others)])
        hop = torch.cat([propagate(adjacency, says, weights, rows=block.users), target, self.others])  # [n, d]
        total, sent = hop, context
        for _ in range(self.layers):
            sent = sent + hop[block.users : block.users + block.products]
            hop = propagate(adjacency, hop, weights)
            total = total + hop
        degree = adjacency_degrees(block, adjacency)
        return Encoded(
            total[: block.users], total[block.users : block.users + block.products], sent * degree.clamp(min=1).rsqrt()[:, None]
        )

    def offsets(self, chosen: Tensor) -> Tensor:
        """[products] what is added to a cosine for popularity or novelty. chosen: [products] by how many users."""
        return self.popularity * chosen.log1p() + self.novelty * (chosen == 0)

    def relation_weights(self) -> Tensor:
        """[kinds] positive weights; that of the interactions is 1."""
        chosen = self.strength.new_ones(1)
        return torch.cat([chosen, self.strength.exp()]) if len(self.strength) else chosen

    @torch.no_grad()
    def learnt(self, block: Block) -> Parameters:
        """The parameters as they are now; `take` puts them into an encoder of this or another block."""
        tables: dict[str, Tensor] = {"target": self.target, "context": self.context}
        others = torch.cat([self.others, self.others.new_zeros(1, self.others.shape[1])])
        for label, place in block.offsets.items():
            tables[label] = others[torch.where(place < 0, -1, place - block.users - block.products)]
        arrays = {name: table.float().cpu().numpy().copy() for name, table in tables.items()}
        weights = dict(zip(block.relations, self.relation_weights().tolist(), strict=True))
        projection = self.projection.float().cpu().numpy().copy()
        return Parameters(arrays, projection, weights, float(self.popularity), float(self.novelty))

    @torch.no_grad()
    def take(self, block: Block, learnt: Parameters) -> None:
        """The parameters become these, given in the rows of this block's graph; a relation that is new keeps its first weight."""
        self.target.copy_(torch.from_numpy(learnt.tables["target"]))
        self.context.copy_(torch.from_numpy(learnt.tables["context"]))
        for label, place in block.offsets.items():
            joins = place >= 0
            table = torch.from_numpy(learnt.tables[label]).to(self.others.device)
            self.others[place[joins] - block.users - block.products] = table[joins]
        self.projection.copy_(torch.from_numpy(learnt.projection))
        for number, name in enumerate(block.relations[1:]):
            if name in learnt.relations:
                self.strength[number] = float(np.log(learnt.relations[name]))
        self.popularity.fill_(learnt.popularity)
        self.novelty.fill_(learnt.novelty)

    @torch.no_grad()
    def start(self, chosen: sp.csr_matrix, seed: int) -> None:
        """Id embeddings start as the leading singular vectors of the normalised interactions, the projection as their regression.

        Source: the closed form that LightGCN tends to, Shen et al., "How Powerful is Graph Convolution for Recommendation?", CIKM
        2021 (arXiv:2108.07567).
        """
        generator = torch.Generator().manual_seed(seed)
        dim = self.target.shape[1] // self.seeds
        width = min(dim, *chosen.shape)
        _, values, vectors = randomized_svd(normalised(chosen), n_components=width, n_iter=3, random_state=seed)
        start = torch.zeros(chosen.shape[1], dim)
        start[:, :width] = torch.from_numpy((vectors.T * np.sqrt(values)).astype(np.float32))
        start *= _START / start.std().clamp(min=1e-6)
        warm = torch.from_numpy(np.diff(chosen.tocsc().indptr) > 0)[:, None]
        start = torch.where(warm, start, 0).repeat(1, self.seeds)  # [products, d]
        if self.text is not None:
            text = self.text.float().cpu()
            read = text[warm[:, 0]]
            gram = read.T @ read + _TEXT_RIDGE * torch.eye(text.shape[1])
            self.projection.copy_(torch.linalg.solve(gram, read.T @ start[warm[:, 0]]))
            start -= torch.where(warm, text @ self.projection.cpu(), 0)
        for table in (self.target, self.context):
            table.copy_(start + torch.where(warm, torch.randn(start.shape, generator=generator) * _START * _NOISE, 0))


def adjacency_degrees(block: Block, adjacency: Adjacency) -> Tensor:
    """[products] how many users chose each product in this matrix."""
    chosen = adjacency.kind == 0
    degrees = torch.bincount(adjacency.row[chosen].long(), minlength=block.nodes)
    return degrees[block.users : block.users + block.products]


def parts(vectors: Tensor, seeds: int) -> Tensor:
    """[n, seeds, d / seeds] float32, each seed's part of unit length; zeros stay zero. vectors: [n, d]."""
    return normalize(vectors.float().view(len(vectors), seeds, vectors.shape[1] // seeds), dim=-1)


def unit(vectors: Tensor, seeds: int = 1) -> Tensor:
    """[n, d] whose products are the mean over the seeds of the cosines of their parts; zeros stay zero."""
    return parts(vectors, seeds).reshape(vectors.shape) / float(np.sqrt(seeds))
