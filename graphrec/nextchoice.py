"""What the self-attention is asked in a training step: the next choices after every moment of some histories."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from sklearn.utils.extmath import randomized_svd
from torch import Tensor

from graphrec.attention import Attention, AttentionConfig, Choices, places
from graphrec.tensors import Floats, KnownGraph, Rows

_CUTOFF = 20
_AT_ONCE = 500
_FEWEST = 400
_PARTS = 32
_NEAR = 3
_BLUR = 0.3


@dataclass(frozen=True, slots=True)
class AskingConfig:
    """The questions of a training step."""

    choices: int = 1_000
    """Choices that a step reads, about; more is steadier and dearer."""
    candidates: int = 2_000
    """Products that compete in a step, about: beyond, they are drawn under a correction; more is exacter and dearer."""


@dataclass(frozen=True)
class Pieces:
    """Histories with their repeats, in pieces of at most so many choices, the latest ones whole."""

    product: Rows
    place: Rows
    """product, place: [n] rows, and which moment of its user's history it was."""
    starts: Rows
    stops: Rows
    """starts, stops: [p] where each piece lies in them; every piece spans two moments or more."""
    user: Rows
    """[p] whose it is."""

    @classmethod
    def of(cls, known: KnownGraph, length: int) -> Self:
        """Those of everybody in the graph."""
        chosen, users, products = known.interactions, len(known.users), len(known.products)
        place = places(_owned(chosen.user, users), chosen.at)
        moment = np.cumsum((np.diff(chosen.user, prepend=-1) != 0) | (np.diff(place, prepend=0) != 0))
        _, once = np.unique(moment * products + chosen.product, return_index=True)
        once.sort()
        indptr = _owned(chosen.user[once], users)
        number = -(-np.diff(indptr) // length)
        user = np.repeat(np.arange(users), number)
        back = np.arange(len(user)) - np.repeat(np.cumsum(number) - number, number)
        stops = indptr[user + 1] - back * length
        starts = np.maximum(indptr[user], stops - length)
        place = place[once]
        spans = place[starts] < place[stops - 1]
        return cls(chosen.product[once], place, starts[spans], stops[spans], user[spans])

    def at(self, pieces: Rows) -> Choices:
        """These pieces as a rectangle."""
        return Choices.of(self.starts[pieces], self.stops[pieces], self.product, self.place)

    def of_users(self, inside: npt.NDArray[np.bool_]) -> "Pieces":
        """Only those of the users under the mask; inside: [users]."""
        kept = inside[self.user]
        return Pieces(self.product, self.place, self.starts[kept], self.stops[kept], self.user[kept])

    @property
    def choices(self) -> int:
        """Choices in all pieces together."""
        return int((self.stops - self.starts).sum())

    def __len__(self) -> int:
        return len(self.user)


@dataclass(frozen=True, slots=True)
class Asked:
    """The moments after which something was chosen, and what."""

    states: Tensor
    """[s, dim] what was known at the moment."""
    owner: Rows
    product: Rows
    """owner, product: [t] after which of the moments this product was chosen next."""
    held: Rows
    held_product: Rows
    ago: Rows
    """held, held_product, ago: [m] at which moment which product had been chosen, with how many choices since."""

    def repeats(self) -> tuple[Rows, Rows]:
        """Places among the next choices of those that had been chosen before, and how many choices came between."""
        span = 1 + int(max(self.product.max(initial=0), self.held_product.max(initial=0)))
        _, now, then = np.intersect1d(
            self.owner * span + self.product, self.held * span + self.held_product, assume_unique=True, return_indices=True
        )
        return now, self.ago[then]


def ask(model: Attention, choices: Choices) -> Asked:
    """All moments but the last of each history; what was chosen at one moment is asked for together."""
    sight = choices.sight()
    found = model(choices, sight)
    row, column = np.nonzero(choices.there)
    place = choices.place[row, column]
    moments, first, moment = np.unique(row * (place.max(initial=0) + 2) + place, return_index=True, return_inverse=True)
    before = np.searchsorted(moments, moments - 1)
    follows = (moments[before] == moments - 1)[moment]
    asked, owner = np.unique(before[moment[follows]], return_inverse=True)
    pooled = found.new_zeros(len(moments), found.shape[2])
    pooled = pooled.index_add(0, _on(found, moment), found[row, column])
    at = row[first[asked]], column[first[asked]]
    held, then = np.nonzero(sight.seen[at])
    return Asked(
        pooled[_on(found, asked)],
        owner,
        choices.product[row, column][follows],
        held,
        choices.product[at[0][held], then],
        sight.ago[at][held, then],
    )


@torch.no_grad()
def foretold(model: Attention, choices: Choices) -> float:
    """Mean over the next choices of 1 / log2(1 + rank), 0 … 1, and 0 beyond rank 20; rank 1 is the best of all products."""
    model.eval()
    asked = ask(model, choices)
    answers = model.answers()
    held, product, ago = (_on(answers, one) for one in (asked.held, asked.held_product, asked.ago))
    scores = (model.asking(asked.states) @ answers.T).index_put(
        (held, product), model.again[ago], accumulate=True
    )  # [s, products]
    owner = _on(scores, asked.owner)
    right = scores[owner, _on(scores, asked.product)]
    starts = range(0, len(owner), _AT_ONCE)
    better = torch.cat([(scores[owner[at : at + _AT_ONCE]] > right[at : at + _AT_ONCE, None]).sum(dim=1) for at in starts])
    return float(torch.where(better < _CUTOFF, 1 / (2.0 + better).log2(), 0.0).mean())


class NextChoices:
    """Draws a step's questions and says how well a model answers them. Same seed, same questions."""

    def __init__(self, pieces: Pieces, products: int, config: AskingConfig, seed: int) -> None:
        self.pieces, self.config = pieces, config
        self.random = np.random.default_rng(seed)
        self.lengths = pieces.stops - pieces.starts
        of_piece = np.repeat(pieces.starts - np.cumsum(self.lengths) + self.lengths, self.lengths)
        self.chosen = chosen = np.bincount(pieces.product[of_piece + np.arange(len(of_piece))], minlength=products)
        self.competing = np.flatnonzero(chosen)
        share = np.sqrt(chosen[self.competing])
        self.inclusion = np.minimum(1, config.candidates * np.maximum(share / share.sum(), 1 / len(share)))
        """[competing] the chance of each product to be among a step's candidates; 1 where all fit."""
        self.batches: list[Rows] = []

    @property
    def read(self) -> float:
        """Choices that a step reads, about: a share of all where there are few."""
        return min(self.config.choices, max(_FEWEST, self.pieces.choices / _PARTS))

    def steps(self, passes: int) -> int:
        """Steps that read every piece so many times."""
        return max(1, round(passes * self.pieces.choices / self.read))

    def work(self, config: AttentionConfig) -> float:
        """Multiply-adds of one step."""
        looked = config.layers * (6 * config.dim + 2 * float(np.mean(self.lengths)))
        return float(
            3 * self.read * config.dim * (self.inclusion.sum() + config.dim + looked) + 10 * config.dim * len(self.inclusion)
        )

    def loss(self, model: Attention) -> Tensor:
        """Mean over the next choices i of log Σ_c exp(s_c − log chance of c) − s_i, of one drawn step.

        s holds what a product of the history gains or loses by having been chosen already, which `training.softmax_loss` has no
        place for; the correction for drawn candidates is the same (Yi et al., RecSys 2019).
        """
        model.train()
        asked = ask(model, self.pieces.at(self._drawn()))
        drawn = np.flatnonzero(self.random.random(len(self.inclusion)) < self.inclusion)
        asking = model.asking(asked.states)
        place = np.full(len(self.chosen), -1)
        place[self.competing[drawn]] = np.arange(len(drawn))
        inside = place[asked.held_product] >= 0
        scores = asking @ model.answers(_on(asking, self.competing[drawn])).T  # [s, m]
        scores = scores - _on(asking, np.log(self.inclusion[drawn]).astype(np.float32))
        held = _on(asking, asked.held[inside]), _on(asking, place[asked.held_product][inside])
        scores = scores.index_put(held, model.again[_on(asking, asked.ago[inside])], accumulate=True)
        owner, repeat, ago = _on(asking, asked.owner), *(_on(asking, one) for one in asked.repeats())
        right = (asking[owner] * model.answers(_on(asking, asked.product))).sum(dim=1)  # [t]
        right = right.index_add(0, repeat, model.again[ago])
        return (torch.logsumexp(scores, dim=1)[owner] - right).mean()

    def _drawn(self) -> Rows:
        """Pieces of about the same length, each once before any comes again."""
        if not self.batches:
            order = np.argsort(self.lengths * self.random.uniform(1, 1.3, len(self.lengths)))
            ends = (np.cumsum(self.lengths[order]) - 1) // self.read
            parts = np.split(order, np.flatnonzero(np.diff(ends)) + 1)
            self.batches = [parts[place] for place in self.random.permutation(len(parts))]
        return self.batches.pop()


def start(known: KnownGraph, text: Floats | None, dim: int, seed: int) -> Floats:
    """[products, dim] first vectors: close where products are chosen close to one another, or where their texts are alike.

    Leading singular vectors of the normalised counts of who stands within three choices of whom, plus text vectors along their
    leading directions, plus a little noise.
    """
    random = np.random.default_rng(seed)
    products = len(known.products)
    found = _unit(_near(known, dim, seed))
    if text is not None:
        text = np.nan_to_num(text)
        _, directions = np.linalg.eigh(text.T @ text)
        leading = text @ directions[:, -dim:]
        turned, _ = np.linalg.qr(random.normal(size=(dim, dim)))
        found += _unit(leading @ turned[: leading.shape[1]])
    noise = random.normal(0, 1 / np.sqrt(dim), (products, dim))
    return np.asarray(_unit(found) + np.where(found.any(axis=1, keepdims=True), _BLUR, 1) * noise, dtype=np.float32)


def _near(known: KnownGraph, dim: int, seed: int) -> npt.NDArray[np.float64]:
    """[products, dim] singular vectors scaled by the roots of their values."""
    histories, products = known.histories(), len(known.products)
    owner = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
    pairs = [(step, owner[step:] == owner[:-step]) for step in range(1, _NEAR + 1)]
    left = np.concatenate([histories.product[:-step][same] for step, same in pairs])
    right = np.concatenate([histories.product[step:][same] for step, same in pairs])
    weights = np.repeat([1 / step for step, _ in pairs], [same.sum() for _, same in pairs]).astype(np.float32)
    ahead = sp.csr_matrix((weights, (left, right)), shape=(products, products))
    near = (ahead + ahead.T).tocsr()
    scale = sp.diags(1 / np.sqrt(np.maximum(np.asarray(near.sum(axis=1)).ravel(), 1e-9)))
    width = min(dim, products - 1)
    found = np.zeros((products, dim))
    if near.nnz and width:
        vectors, values, _ = randomized_svd(scale @ near @ scale, width, n_iter=3, random_state=seed)
        found[:, :width] = vectors * np.sqrt(values)
    return found


def _on(other: Tensor, array: npt.NDArray[np.generic]) -> Tensor:
    """The array as a tensor where the other one is."""
    return torch.from_numpy(array).to(other.device)


def _owned(user: Rows, users: int) -> Rows:
    return np.searchsorted(user, np.arange(users + 1)).astype(np.int64)


def _unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 1e-9, lengths, 1), dtype=np.float64)
