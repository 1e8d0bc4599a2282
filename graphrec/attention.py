"""Self-attention over the order of choices: what somebody is likely to choose next, given what they chose and in which order."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, gelu, normalize, pad

from graphrec.tensors import Floats, Rows

_NEVER = 1 << 30
_FIRST_POPULARITY = 0.1
_QUIET = 0.3


@dataclass(frozen=True, slots=True)
class AttentionConfig:
    """The size of the model and how it is kept from learning by heart."""

    dim: int = 64
    """Width of every vector; larger tells products better apart and costs time and memory in proportion."""
    layers: int = 1
    """Times that the choices look back at each other; more sees longer patterns and costs time in proportion."""
    heads: int = 2
    """Ways of looking back in one layer; more are finer and narrower."""
    length: int = 50
    """Latest choices of a history that are read; more remember longer."""
    dropout: float = 0.3
    """Share of the numbers between layers that a training step leaves out; larger learns less by heart."""
    temperature: float = 0.1
    """Cosines are divided by it; smaller minds the closest rivals more."""


@dataclass(frozen=True, slots=True)
class Choices:
    """Histories, oldest choice first, as one rectangle; those that are shorter are filled up behind."""

    product: Rows
    """[b, l] product rows, 0 where there is none."""
    place: Rows
    """[b, l] which moment of the history it was, counted from its first; what was chosen in the same second shares one."""
    there: npt.NDArray[np.bool_]
    """[b, l] False where the history is filled up."""

    @classmethod
    def of(cls, starts: Rows, stops: Rows, product: Rows, place: Rows) -> Self:
        """Those of product[starts[i]:stops[i]], i < b; product, place: [n]."""
        column = np.arange(max(1, int((stops - starts).max(initial=0))))
        there = column < (stops - starts)[:, None]
        source = np.where(there, starts[:, None] + column, 0)
        if not len(product):
            return cls(np.zeros_like(source), np.zeros_like(source), there)
        return cls(np.where(there, product[source], 0), np.where(there, place[source], _NEVER), there)

    def sight(self) -> "Sight":
        """What was known when each choice was made."""
        now, then = self.place[:, :, None], self.place[:, None, :]
        seen = (then <= now) & (now < _again(self)[:, None, :]) & self.there[:, None, :] & self.there[:, :, None]
        later = np.zeros((*seen.shape[:2], seen.shape[2] + 1), dtype=np.int64)
        later[:, :, :-1] = seen[:, :, ::-1].cumsum(axis=2)[:, :, ::-1]
        end = (then <= now).sum(axis=2)  # [b, l] where the next moment begins
        return Sight(seen, np.take_along_axis(later, np.broadcast_to(end[:, None, :], seen.shape), axis=2))


@dataclass(frozen=True, slots=True)
class Sight:
    """What was known when each choice was made: the choices no later, of a product chosen several times the latest alone."""

    seen: npt.NDArray[np.bool_]
    """[b, l, l] True where the choice (second) sees another (third)."""
    ago: Rows
    """[b, l, l] how many choices that it sees came later than the other."""


def places(indptr: Rows, at: npt.NDArray[np.float64]) -> Rows:
    """[n] which moment of its history each choice was, from 0; equal times share one, unknown ones (NaN) share none.

    Example:
        >>> places(np.array([0, 3, 4]), np.array([1.0, 1.0, 2.0, 2.0])).tolist()
        [0, 0, 1, 0]
    """
    fresh = np.ones(len(at), dtype=bool)
    fresh[1:] = at[1:] != at[:-1]
    lengths = np.diff(indptr)
    first = indptr[:-1][lengths > 0]
    fresh[first] = True
    moment = np.cumsum(fresh)
    return np.asarray(moment - np.repeat(moment[first], lengths[lengths > 0]), dtype=np.int64)


def _again(choices: Choices) -> Rows:
    """[b, l] the moment at which the same product is chosen again, far off where it never is."""
    product = np.where(choices.there, choices.product, -1)
    order = np.argsort(product, axis=1, kind="stable")  # within a product, in the order of the history
    sorted_product = np.take_along_axis(product, order, axis=1)
    sorted_place = np.take_along_axis(choices.place, order, axis=1)
    again = np.full(product.shape, _NEVER, dtype=np.int64)
    same = sorted_product[:, 1:] == sorted_product[:, :-1]
    following = np.full(product.shape, _NEVER, dtype=np.int64)
    following[:, :-1] = np.where(same, sorted_place[:, 1:], _NEVER)
    np.put_along_axis(again, order, following, axis=1)
    return again


class Attention(nn.Module):
    """score = cos(h, e_i) / T + a · log(1 + n_i) + r(steps back to i, where it was chosen); h is from self-attention.

    e_i is the vector of product i, the same where it was chosen and where it is recommended, and n_i by how many it was chosen.
    A choice looks at itself and at those no later, more or less by how many choices lie between (a learned bias each): positions
    count from the end, and choices of the same second share one.

    Sources: Kang and McAuley, "Self-attentive sequential recommendation" (SASRec), ICDM 2018 (arXiv:1808.09781); the bias by
    distance after Raffel et al., "Exploring the limits of transfer learning" (T5), JMLR 2020 (arXiv:1910.10683).
    """

    def __init__(self, start: Floats, chosen: Floats, config: AttentionConfig) -> None:
        """start: [products, dim] the first vectors. chosen: [products] by how many each was chosen."""
        super().__init__()
        self.config = config
        self.products = nn.Parameter(torch.from_numpy(start))
        self.entry = nn.Linear(config.dim, config.dim)
        nn.init.eye_(self.entry.weight)
        nn.init.zeros_(self.entry.bias)
        self.layers = nn.ModuleList([_Layer(config) for _ in range(config.layers)])
        self.exit = nn.LayerNorm(config.dim)
        self.popularity = nn.Parameter(torch.tensor(_FIRST_POPULARITY))
        self.again = nn.Parameter(torch.zeros(config.length))
        self.chosen: Tensor
        self.register_buffer("chosen", torch.from_numpy(chosen))

    def forward(self, choices: Choices, sight: Sight) -> Tensor:
        """[b, l, dim] what each choice and those before it say of the next one."""
        device = self.products.device
        vectors = normalize(self.products[torch.from_numpy(choices.product).to(device)], dim=-1) * math.sqrt(self.config.dim)
        found = dropout(self.entry(vectors), self.config.dropout, self.training)
        hidden = torch.from_numpy(~sight.seen).to(device)[:, None]  # [b, 1, l, l]
        distance = torch.from_numpy(sight.ago).to(device)
        for layer in self.layers:
            found = layer(found, distance, hidden)
        said: Tensor = self.exit(found)
        return said

    def asking(self, states: Tensor) -> Tensor:
        """[s, dim + 1] whose product with `answers` is the score; states: [s, dim], zeros ask for what is popular."""
        return pad(normalize(states.float(), dim=-1) / self.config.temperature, (0, 1), value=1.0)

    def answers(self, rows: Tensor | None = None) -> Tensor:
        """[m, dim + 1] of these products (default: all)."""
        table, chosen = (self.products, self.chosen) if rows is None else (self.products[rows], self.chosen[rows])
        return torch.cat([normalize(table.float(), dim=-1), (self.popularity * chosen.log1p())[:, None]], dim=1)


class _Layer(nn.Module):
    """x + attention(norm(x)), then x + feed-forward(norm(x))."""

    def __init__(self, config: AttentionConfig) -> None:
        super().__init__()
        dim = config.dim
        self.config = config
        self.before, self.between = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.project, self.merge = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.up, self.down = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.distance = nn.Parameter(torch.zeros(config.heads, config.length))
        with torch.no_grad():  # at first a layer says little, and a history is what its latest choice is
            self.merge.weight.mul_(_QUIET)
            self.down.weight.mul_(_QUIET)

    def forward(self, given: Tensor, distance: Tensor, hidden: Tensor) -> Tensor:
        """[b, l, dim]; distance: [b, l, l] rows of the bias; hidden: [b, 1, l, l] what may not be looked at."""
        users, length, dim = given.shape
        heads, share = self.config.heads, self.config.dropout
        split = self.project(self.before(given)).view(users, length, 3, heads, dim // heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each [b, heads, l, dim / heads]
        weights = query @ key.transpose(2, 3) / math.sqrt(dim // heads) + self.distance[:, distance].transpose(0, 1)
        weights = weights.masked_fill(hidden, -1e9).softmax(dim=3)  # [b, heads, l, l]
        looked = (weights @ value).transpose(1, 2).reshape(users, length, dim)
        given = given + dropout(self.merge(looked), share, self.training)
        return given + dropout(self.down(gelu(self.up(self.between(given)))), share, self.training)
