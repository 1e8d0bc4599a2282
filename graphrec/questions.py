"""What the graph encoder is asked in a training step: half of the choices are hidden, to be ranked high given the other half."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import embedding_bag, pad

from graphrec.encoder import Block, Encoder, EncoderConfig, parts
from graphrec.tensors import Floats, KnownGraph
from graphrec.training import softmax_loss

TEMPERATURES = (0.22, 0.15, 0.1)
"""Those that are tried, the middle one where nothing can be tried."""
_ASKED = 256
_DENSE = 0.1
_PARAMETER = 10.0


@dataclass(frozen=True, slots=True)
class RankingConfig:
    """The questions of a training step."""

    keep: float = 0.7
    """Share of the choices that stay in the graph of a step; larger asks fewer, easier questions."""
    temperature: float | None = None
    """Cosines are divided by it; smaller minds close rivals more, as large catalogues need. None: what ranks a cut best."""
    unknown: float = 0.1
    """Largest share of the described products that a step treats as never chosen, so that text and relations learn to stand
    alone; it is as large as the share of them that nobody chose. Larger helps cold products and costs warm ones."""
    scores: int = 1 << 23
    """Scores a step may compute, users × products: beyond, users are drawn and products are drawn under a correction."""
    users: int = 4096
    """Most users that a seed asks in a step; larger is steadier and dearer."""
    share: float = 0.3
    """Share of the users that a seed asks in a step where they are many; larger is steadier and dearer."""
    busy: float = 0.5
    """A user with n hidden choices weighs n to the power of this: 1 minds every choice alike, 0 every user."""

    def size(self, users: int, products: int) -> tuple[int, int]:
        """How many users a seed asks in a step, and how many products are drawn for them."""
        asked = min(users, self.users, max(_ASKED, round(self.share * users)))
        return asked, max(1, min(products, self.scores // asked))

    def work(self, encoder: EncoderConfig, known: KnownGraph, *, described: bool) -> float:
        """Multiply-adds of one step of one seed, those of dense products counted a tenth, since they run that much faster."""
        asked, drawn = self.size(len(known.users), len(known.products))
        edges = sum(matrix.nnz for matrix in known.relations.values()) if described else 0
        nodes = sum(map(len, known.ids.values())) if described else len(known.users) + len(known.products)
        sparse = 2 * (known.matrix.nnz * self.keep + edges) * (2 * encoder.layers + 2)
        return float(encoder.dim * (sparse + 3 * asked * drawn * _DENSE + _PARAMETER * nodes))


class Questions:
    """Draws a step's questions and says how well an encoder answers them. Same seed, same questions, on every device."""

    def __init__(self, block: Block, described: np.ndarray, config: RankingConfig, seed: int) -> None:
        self.block, self.config = block, config
        self.random = np.random.default_rng(seed)
        self.user, self.product = block.pairs.cpu().numpy()
        self.described = described
        self.popularity = popularity = np.bincount(self.product, minlength=block.products)
        self.cold = popularity == 0
        self.competing = np.flatnonzero(~self.cold | described)
        self.unknown = min(config.unknown, float((popularity[described] == 0).mean()) if described.any() else 0.0)
        self.asked, drawn = config.size(block.users, len(self.competing))
        share = np.sqrt(np.maximum(popularity[self.competing], 1))
        self.inclusion = _inclusion(share, drawn)
        """[competing] the chance of each product to be among a step's candidates; 1 where all fit."""

    @classmethod
    def of(cls, block: Block, text: Floats | None, config: RankingConfig, seed: int) -> "Questions":
        """Questions over this graph; products with text or relations are the ones that a step may treat as unknown."""
        described = block.described().cpu().numpy()
        return cls(block, described if text is None else described | text.any(axis=1), config, seed)

    def loss(self, encoder: Encoder) -> Tensor:
        """The loss of one drawn step, the sum of all seeds': they share the graph and the rivals, but not the users asked."""
        block, device = self.block, self.block.pairs.device
        unknown = self.described & (self.random.random(block.products) < self.unknown)
        kept = (self.random.random(len(self.user)) < self.config.keep) & ~unknown[self.product]
        candidates = self._drawn_candidates()
        known = torch.from_numpy(~unknown).to(device)[:, None]
        encoded = encoder(block, block.adjacency(torch.from_numpy(kept).to(device)), known=known)
        chosen = torch.from_numpy(np.where(unknown, 0, self.popularity).astype(np.float32)).to(device)
        products = self._comparable(encoder, encoded.products, chosen)
        users = parts(encoded.users, encoder.seeds).unbind(dim=1)
        total = encoder.popularity.new_zeros(())
        for vectors, rivals in zip(users, products, strict=True):
            total = total + self._of_seed(vectors, rivals, candidates, kept)
        return total

    def _of_seed(self, vectors: Tensor, products: Tensor, candidates: np.ndarray, kept: np.ndarray) -> Tensor:
        """The loss of one seed. vectors: [users, d]; products: [products, d + 1]; candidates: places among the competing."""
        users = self._drawn_users(kept)
        rows, asked = (torch.from_numpy(one).to(vectors.device) for one in (self.competing[candidates], users))
        wanted, counts = self._wanted(products, users, ~kept)
        return softmax_loss(
            pad(vectors.index_select(0, asked), (0, 1), value=1.0) / (self.config.temperature or TEMPERATURES[1]),
            products.index_select(0, rows),
            wanted,
            counts,
            correction=torch.from_numpy(np.log(self.inclusion[candidates]).astype(np.float32)).to(vectors.device),
            known=self._places(users, self.competing[candidates], kept),
        )

    def _comparable(self, encoder: Encoder, products: Tensor, chosen: Tensor) -> tuple[Tensor, ...]:
        """By seed, [products, d + 1] unit vectors, and beside them what is added to the cosine. chosen: [products] by how many.

        Products that really were never chosen compete, or they would top every list, but teach the novelty alone: as
        rivals who never win they would teach their text and relations to be disliked.
        """
        cold = torch.from_numpy(self.cold).to(products.device)[:, None]
        offsets = encoder.offsets(chosen)[:, None]
        vectors = parts(products, encoder.seeds).unbind(dim=1)
        return tuple(torch.cat([torch.where(cold, one.detach(), one), offsets], dim=1) for one in vectors)

    def _drawn_users(self, kept: np.ndarray) -> np.ndarray:
        """[b] rising rows of users with something kept and something hidden."""
        both = np.bincount(self.user[kept], minlength=self.block.users) > 0
        both &= np.bincount(self.user[~kept], minlength=self.block.users) > 0
        users = np.flatnonzero(both)
        return users if len(users) <= self.asked else np.sort(self.random.choice(users, self.asked, replace=False))

    def _drawn_candidates(self) -> np.ndarray:
        """[m] rising places among the competing products."""
        return np.flatnonzero(self.random.random(len(self.inclusion)) < self.inclusion)

    def _wanted(self, products: Tensor, users: np.ndarray, hidden: np.ndarray) -> tuple[Tensor, Tensor]:
        """[b, d] the weighted sum of the vectors of each user's hidden products, and [b] the sum of those weights."""
        of_user = np.bincount(self.user[hidden], minlength=self.block.users)
        asked = np.zeros(self.block.users, dtype=bool)
        asked[users] = True
        rows = self.product[hidden & asked[self.user]]
        counts = of_user[users]
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]]) if len(users) else np.zeros(0, dtype=np.int64)
        indices, offsets = (torch.from_numpy(part.astype(np.int64)).to(products.device) for part in (rows, starts))
        weight = np.maximum(counts, 1).astype(np.float32) ** (self.config.busy - 1)
        weights, total = (torch.from_numpy(one).to(products.device) for one in (weight, weight * counts.astype(np.float32)))
        return embedding_bag(indices, products, offsets, mode="sum") * weights[:, None], total  # [b, d], [b]

    def _places(self, users: np.ndarray, products: np.ndarray, kept: np.ndarray) -> tuple[Tensor, Tensor]:
        """(user, candidate) places of the choices that stayed in the graph."""
        row = np.full(self.block.users, -1)
        row[users] = np.arange(len(users))
        column = np.full(self.block.products, -1)
        column[products] = np.arange(len(products))
        places = np.stack([row[self.user[kept]], column[self.product[kept]]])
        inside = torch.from_numpy(places[:, (places >= 0).all(axis=0)]).to(self.block.pairs.device)
        return inside[0], inside[1]


def _inclusion(share: np.ndarray, drawn: int) -> np.ndarray:
    """Chances in proportion to the shares, none above 1, that add up to `drawn`."""
    chance = np.ones(len(share))
    if drawn >= len(share):
        return chance
    free = np.ones(len(share), dtype=bool)
    while True:
        chance[free] = share[free] * (drawn - (~free).sum()) / share[free].sum()
        over = free & (chance > 1)
        if not over.any():
            return chance
        chance[over], free[over] = 1, False
