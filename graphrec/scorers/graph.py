"""The graph encoder as a scorer: trained to rank what users chose, scores everybody by their history through the graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import torch

from graphrec import splits
from graphrec.encoder import Block, Encoder, EncoderConfig, Parameters, unit
from graphrec.errors import NothingToLearn
from graphrec.metrics import counts, hits, ndcg, top
from graphrec.questions import TEMPERATURES, Questions, RankingConfig
from graphrec.scorers import FitContext, State, Term
from graphrec.tensors import Floats, Histories, KnownGraph
from graphrec.training import TrainConfig, train

_TEXT_DIM = 128
_CHECKED = 30_000_000
"""Users × products that a look at the validation scores: 250 to 1,000 users."""
_CUTOFF = 20
_WRITTEN = 64
_OVERHEAD, _SPEED = 0.3, 3e9
"""Seconds that a fit takes at least, and multiply-adds a second."""
_TRIAL = 0.04
"""The share of the work that a trial on the cut may cost."""
_NARROW = 64
"""Width of the vectors of a trial, and of those that a graph gets for which no wider ones are affordable."""
_FEW = 200
"""Users of a cut below which it is too small to choose anything by."""
_COLD = 0.1
"""Share of products without interactions from which text and relations stay: nothing else speaks for those."""
_MARGIN = 1.02
"""How many times better a cut must be ranked with text and relations for them to be worth their time, in which more seeds fit."""
_ARRAYS = ("products", "history", "users", "stranger", "offsets", "directions")
_LEARNT = "learnt/"
_ENDS = ("User", "Product")


@dataclass(frozen=True)
class GraphConfig:
    """Everything that can be set about the graph encoder."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """The body."""
    ranking: RankingConfig = field(default_factory=RankingConfig)
    """The questions it is trained on."""
    training: TrainConfig = field(default_factory=TrainConfig)
    """How long and how fast."""

    def sized(self, known: KnownGraph, *, described: bool) -> Self:
        """The same with vectors as wide as all planned steps can be taken with: large graphs need the steps more."""
        affordable = self.training.work >= self.training.steps * self.ranking.work(self.encoder, known, described=described)
        return self if affordable else self.narrow()

    def narrow(self) -> Self:
        """The same with vectors of at most 64 numbers."""
        return replace(self, encoder=replace(self.encoder, dim=min(self.encoder.dim, _NARROW)))

    def affordable(self, known: KnownGraph, *, described: bool) -> tuple[int, int]:
        """How many steps are taken, and by how many seeds."""
        work = self.ranking.work(self.encoder, known, described=described)
        planned = self.training.planned(work)
        return planned, int(np.clip(self.training.work // (planned * work), 1, self.encoder.seeds))


@dataclass(frozen=True)
class Graph:
    """score(user, i) = mean over seeds of cos(Σ over the history h of s_h, p_i) + a · log(1 + users of i) + b · [nobody chose i].

    s, p, a and b come from the trained `Encoder`, whose seeds start apart and see the same graph. Whether it reads text and
    relations at all is decided on an inner cut, where there are users enough to tell.
    Source: He et al., "LightGCN", SIGIR 2020 (arXiv:2002.02126); the full softmax in place of its pairwise loss.

    A known user and a stranger with the same history score alike. Somebody without a history is the mean of all users.
    """

    name: ClassVar[str] = "graph"
    products: Floats
    """[products, d] unit vectors p, the seeds' side by side; a zero row where nothing is known: not scored (-inf)."""
    history: Floats
    """[products, d] what each product says about the user who chose it, s."""
    users: Floats
    """[users, d] unit vectors of the known users, by the histories that they were fitted with."""
    stranger: Floats
    """[d] the mean of `users`: somebody without a history."""
    offsets: Floats
    """[products] what is added to the cosine for popularity and novelty."""
    learnt: Parameters
    """What the encoder learnt: with it the vectors of a newer graph are worked out without training."""
    directions: Floats
    """[text, 128] the leading directions of the text vectors; no rows where the encoder reads them as they are, or none."""
    steps: int
    """Training steps behind the vectors."""
    described: bool
    """Whether text and relations are read, or the interactions alone."""
    config: GraphConfig = GraphConfig()
    """As asked for, with the temperature that was chosen and as many seeds as were affordable."""

    @classmethod
    def fit(cls, known: KnownGraph, context: FitContext) -> Self:
        """The encoder trained on everything, reading what ranked an inner cut best, for as many steps."""
        return cls.fit_with(known, context, GraphConfig())

    @classmethod
    def cost(cls, known: KnownGraph) -> float:
        """Processor seconds that a fit takes, roughly."""
        config = GraphConfig().sized(known, described=True)
        planned, seeds = config.affordable(known, described=True)
        work = planned * config.ranking.work(config.encoder, known, described=True)
        return _OVERHEAD + (seeds * work + 4 * _TRIAL * min(work, config.training.work)) / _SPEED

    @classmethod
    def memory(cls, known: KnownGraph) -> float:
        """Bytes of a fit at its height, roughly: the vectors of users and products under all seeds, and what edges carry."""
        edges = known.matrix.nnz + sum(matrix.nnz for matrix in known.relations.values())
        return 2.5e8 + 8_000 * (len(known.users) + len(known.products)) + 200 * edges

    @classmethod
    def fit_with(cls, known: KnownGraph, context: FitContext, config: GraphConfig) -> Self:
        """As `fit`, with another configuration."""
        described, chosen, stop = cls._tried(known, context, config)
        return cls._trained(known, context, chosen.sized(known, described=described), described=described, stop=stop)[0]

    @classmethod
    def _tried(cls, known: KnownGraph, context: FitContext, config: GraphConfig) -> tuple[bool, GraphConfig, int | None]:
        """Whether text and relations are to be read, at which temperature, and the step to stop at: by one seed on an inner cut.

        None: all steps that are planned, where no cut is large enough to tell or the trial could not afford so many.
        """
        try:
            users = int(np.clip(_CHECKED // len(known.products), 250, 1_000))
            cut = splits.inner_cut(known, context.seed).sample(users, context.seed)
        except NothingToLearn:
            return True, config, None
        if len(cut.users) < _FEW:
            return True, config, None
        narrow = config.narrow()
        short = replace(config.training, work=config.training.work * _TRIAL)
        steps = short.planned(config.ranking.work(narrow.encoder, known, described=False))
        single = replace(
            narrow, encoder=replace(narrow.encoder, seeds=1), training=replace(short, steps=steps, fewest_steps=steps)
        )
        temperatures = TEMPERATURES if config.ranking.temperature is None else (config.ranking.temperature,)

        def trial(temperature: float, described: bool) -> tuple[float, float, int]:
            chosen = replace(single, ranking=replace(config.ranking, temperature=temperature))
            found, quality = cls._trained(cut.known, context, chosen, described=described, cut=cut)
            return quality, temperature, found.steps

        best = trial(temperatures[0], False)
        for one in temperatures[1:]:
            found = trial(one, False)
            if found < best:
                break  # quality has one peak over the temperature
            best = found
        bare, temperature, stop = best
        chosen = replace(config, ranking=replace(config.ranking, temperature=temperature))
        described = not cls._may_go_without(known, context)
        if not described:
            quality, _, other = trial(temperature, True)
            described = quality > bare * _MARGIN
            stop = other if described else stop
        return described, chosen, stop if steps == config.training.steps else None

    @staticmethod
    def _may_go_without(known: KnownGraph, context: FitContext) -> bool:
        """Whether there are text or relations, and few products of which nothing else speaks."""
        sources = bool(known.relations) or "Product" in context.text
        return sources and bool((known.listed & ~known.warm).sum() <= _COLD * known.listed.sum())

    def refit(self, known: KnownGraph, context: FitContext) -> Self:
        """The encoder trained for as many steps on the whole of this graph."""
        return self._trained(known, context, self.config, described=self.described, stop=self.steps)[0]

    @classmethod
    def _trained(
        cls,
        known: KnownGraph,
        context: FitContext,
        config: GraphConfig,
        *,
        described: bool,
        cut: splits.Split | None = None,
        stop: int | None = None,
    ) -> tuple[Self, float]:
        """The trained encoder and how well it ranked the cut. described: whether text and relations are read."""
        torch.manual_seed(context.seed)
        block = Block.of(known, described=described, device=context.device)
        directions = _directions(context) if described else np.zeros((0, _TEXT_DIM), dtype=np.float32)
        text = _text(context, directions) if described else None
        questions = Questions.of(block, text, config.ranking, context.seed)
        planned, seeds = config.affordable(known, described=described)
        config = replace(config, encoder=replace(config.encoder, seeds=seeds))
        encoder = Encoder(block, None if text is None else torch.from_numpy(text), config.encoder)
        encoder.start(known.matrix, context.seed)
        encoder.to(context.device)

        trained = train(
            encoder,
            lambda: questions.loss(encoder),
            config.training,
            planned=planned,
            stop=stop,
            validate=None
            if cut is None
            else lambda: _validated(cls._of(encoder, block, known, directions, 0, described, config), cut),
            progress=context.progress,
        )
        made = cls._of(encoder, block, known, directions, trained.steps, described, config)
        return made, max((score for _, score in trained.checks), default=0.0)

    def refresh(self, before: KnownGraph, known: KnownGraph, context: FitContext) -> Self:
        """The same encoder over a newer graph: new products are what their text and their edges say of them."""
        block = Block.of(known, described=self.described, device=context.device)
        width = len(self.learnt.projection)
        read = _text(context, self.directions) if width else None
        text = np.zeros((len(known.products), width), dtype=np.float32) if width and read is None else read
        encoder = Encoder(block, None if text is None else torch.from_numpy(text), self.config.encoder)
        encoder.take(block, replace(self.learnt, tables=_carried(self.learnt.tables, before, known)))
        encoder.to(context.device)
        return self._of(encoder, block, known, self.directions, self.steps, self.described, self.config)

    @classmethod
    @torch.no_grad()
    def _of(
        cls,
        encoder: Encoder,
        block: Block,
        known: KnownGraph,
        directions: Floats,
        steps: int,
        described: bool,
        config: GraphConfig,
    ) -> Self:
        everything = torch.ones(block.pairs.shape[1], dtype=torch.bool, device=block.pairs.device)
        encoded = encoder(block, block.adjacency(everything))
        products, history = (
            np.ascontiguousarray(part.float().cpu().numpy()) for part in (unit(encoded.products, encoder.seeds), encoded.history)
        )
        users = _unit(known.matrix @ history, encoder.seeds)
        chosen = torch.from_numpy(np.diff(known.matrix.tocsc().indptr).astype(np.float32)).to(block.pairs.device)
        offsets = encoder.offsets(chosen).cpu().numpy()
        stranger, learnt = users.mean(axis=0), encoder.learnt(block)
        return cls(products, history, users, stranger, offsets, learnt, directions, steps, described, config)

    @property
    def relation_weights(self) -> Mapping[str, float]:
        """By relation; that of the interactions is 1."""
        return self.learnt.relations

    def score(self, histories: Histories) -> Floats:
        """[b, products] cosines and novelties; -inf for products about which nothing is known."""
        scores: Floats = self.user_vectors(histories) @ self.products.T + self.offsets
        scores[:, ~self.products.any(axis=1)] = -np.inf
        return scores

    def user_vectors(self, histories: Histories) -> Floats:
        """[b, d] one vector a user, of unit length unless the history is empty."""
        vectors = _unit(histories.matrix(len(self.history)) @ self.history, self.config.encoder.seeds)
        vectors[~vectors.any(axis=1)] = self.stranger
        return vectors

    def terms(self, history: Histories, product: int) -> Sequence[Term]:
        """What the vector of every product of the history adds to the cosine, and popularity; nothing for what is not scored."""
        if not self.products[product].any():
            return ()
        chosen = self.history[history.product]
        user, seeds = chosen.sum(axis=0), self.config.encoder.seeds
        lengths = np.linalg.norm(user.reshape(seeds, -1), axis=1) * seeds**0.5  # [seeds]
        popularity = [Term(-1, "popularity", float(self.offsets[product]))] if self.offsets[product] else []
        if not user.any():
            return [Term(-1, self.name, float(self.stranger @ self.products[product])), *popularity]
        shares = (self.products[product].reshape(seeds, -1) / np.where(lengths > 0, lengths, 1)[:, None]).ravel()
        amounts = chosen @ shares
        found = [Term(int(row), self.name, float(amount)) for row, amount in zip(history.product, amounts, strict=True)]
        return found + popularity

    def product_vectors(self) -> Floats:
        """[products, d] unit vectors; products whose vectors are close are chosen by the same people."""
        return self.products

    def vectors(self) -> Mapping[str, Floats]:
        """By label, [rows, at most 64] the vectors to be written back as `graph_embedding`, along their main directions."""
        return {"Product": self.products @ self._main, "User": self.users @ self._main}

    def vectors_of(self, histories: Histories) -> Floats:
        """[b, at most 64] the vectors of these users beside those of `vectors`."""
        return self.user_vectors(histories) @ self._main

    @cached_property
    def _main(self) -> Floats:
        """[d, at most 64] the main directions of the products' vectors."""
        if self.products.shape[1] <= _WRITTEN:
            return np.eye(self.products.shape[1], dtype=np.float32)
        _, directions = np.linalg.eigh(self.products.T @ self.products)
        return np.ascontiguousarray(directions[:, -_WRITTEN:], dtype=np.float32)

    def state(self) -> State:
        """The vectors, and what was learnt and chosen on the way."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        learnt = {f"{_LEARNT}{name}": table for name, table in self.learnt.tables.items()}
        settings = {
            "steps": self.steps,
            "layers": self.config.encoder.layers,
            "seeds": self.config.encoder.seeds,
            "described": self.described,
            "temperature": self.config.ranking.temperature,
            "relations": dict(self.learnt.relations),
            "popularity": self.learnt.popularity,
            "novelty": self.learnt.novelty,
        }
        return State({**arrays, **learnt, "projection": self.learnt.projection}, settings)

    @classmethod
    def restore(cls, state: State) -> Self:
        """The scorer that `state` came from; a refit of it trains under the default configuration."""
        arrays, settings = state.arrays, state.settings
        products, history, users, stranger, offsets, directions = (np.asarray(arrays[name]) for name in _ARRAYS)
        tables = {name.removeprefix(_LEARNT): np.asarray(table) for name, table in arrays.items() if name.startswith(_LEARNT)}
        weights, popularity, novelty = dict(settings["relations"]), float(settings["popularity"]), float(settings["novelty"])
        learnt = Parameters(tables, np.asarray(arrays["projection"]), weights, popularity, novelty)
        seeds, described = int(settings["seeds"]), bool(settings["described"])
        encoder = EncoderConfig(dim=products.shape[1] // seeds, seeds=seeds, layers=int(settings["layers"]))
        config = GraphConfig(encoder, RankingConfig(temperature=settings["temperature"]))
        steps = int(settings["steps"])
        return cls(products, history, users, stranger, offsets, learnt, directions, steps, described, config)


def _unit(vectors: Floats, seeds: int) -> Floats:
    parts = vectors.reshape(len(vectors), seeds, vectors.shape[1] // seeds)
    lengths = np.linalg.norm(parts, axis=2, keepdims=True) * seeds**0.5
    return np.asarray(parts / np.where(lengths > 0, lengths, 1), dtype=np.float32).reshape(vectors.shape)


def _directions(context: FitContext) -> Floats:
    """[text dim, 128] the leading directions of the text vectors; no rows where they are no wider, or there is no text."""
    text = context.text.get("Product")
    if text is None or text.shape[1] <= _TEXT_DIM:
        return np.zeros((0, _TEXT_DIM), dtype=np.float32)
    _, directions = np.linalg.eigh(text.T @ text)
    return np.ascontiguousarray(directions[:, -_TEXT_DIM:], dtype=np.float32)


def _text(context: FitContext, directions: Floats) -> Floats | None:
    """[products, at most 128] the text vectors along the directions, or None where there is no text."""
    if "Product" not in context.text:
        return None
    text = np.asarray(context.text["Product"], dtype=np.float32)
    return np.ascontiguousarray(text @ directions) if len(directions) else text


def _carried(tables: Mapping[str, Floats], before: KnownGraph, known: KnownGraph) -> dict[str, Floats]:
    """The tables in the rows of the newer graph; zeros for nodes that are new."""
    labels = {"target": "Product", "context": "Product", **{name: name for name in known.ids if name not in _ENDS}}
    dim, carried = tables["target"].shape[1], {}
    for name, label in labels.items():
        carried[name] = np.zeros((len(known.ids[label]), dim), dtype=np.float32)
        row_of = before.ids[label].row_of if name in tables else {}
        rows = np.array([row_of.get(one, -1) for one in known.ids[label].names], dtype=np.int64)
        if row_of:
            carried[name][rows >= 0] = tables[name][rows[rows >= 0]]
    return carried


def _validated(scorer: Graph, cut: splits.Split) -> float:
    """Mean NDCG@20 over the users of the cut, what they already chose left out."""
    histories = cut.known.histories(cut.users)
    scores = scorer.score(histories)
    scores[histories.matrix(scores.shape[1]).nonzero()] = -np.inf
    return float(ndcg(hits(top(scores, _CUTOFF), cut.truth), counts(cut.truth)).mean())
