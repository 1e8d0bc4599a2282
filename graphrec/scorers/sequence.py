"""A self-attention model as a scorer: what comes next, given what was chosen and in which order."""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch

from graphrec.attention import Attention, AttentionConfig, Choices, places
from graphrec.nextchoice import AskingConfig, NextChoices, Pieces, foretold, start
from graphrec.scorers import FitContext, State
from graphrec.tensors import Floats, Histories, KnownGraph, Rows
from graphrec.training import TrainConfig, train

_NOTHING = "sequence: nothing says who chose what first, so nothing was learnt of the order"
_LOOKS = 8
_WARMUP = 0.05
_WITHHELD = 0.05
_CHECKED = 20_000_000
"""Choices × products that a look at the withheld users scores."""
_FEWEST = 20
_SPEED = 1.2e10
"""Multiply-adds in a processor second, about."""
_STEP = 0.01
"""Processor seconds of a step whatever its size."""
_LEARNT = "learnt/"
_SIZES = ("dim", "layers", "heads", "length", "temperature")


@dataclass(frozen=True)
class SequenceConfig:
    """Everything that can be set about the self-attention."""

    attention: AttentionConfig = field(default_factory=AttentionConfig)
    """The body."""
    asking: AskingConfig = field(default_factory=AskingConfig)
    """The questions it is trained on."""
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(learning_rate=0.006, final_rate=0.05, steps=100_000, work=3e11, patience=4)
    )
    """How long and how fast; `warmup` and `check_every` follow the number of steps."""
    again: float = 3e10
    """Multiply-adds up to which a training that held something out is run once more on everything."""
    passes: int = 5
    """Times that every history is read at most; larger fits longer."""


@dataclass(frozen=True)
class Sequence:
    """score(user, i) = cos(h, e_i) / T + a · log(1 + n_i), h from self-attention over the user's latest choices in their order.

    Trained by softmax over what comes next (Kang and McAuley, "Self-attentive sequential recommendation", ICDM 2018; that softmax
    and not binary cross-entropy makes it good: Klenitskiy and Vasilev, "Turning dross into gold loss", RecSys 2023; Petrov and
    Macdonald, "gSASRec", RecSys 2023). A stranger is one pass over the history; somebody without one gets what is popular.
    Products nobody chose are not scored (-inf), and none is where nothing says what came first.
    """

    name: ClassVar[str] = "sequence"
    model: Attention | None
    """None where nothing says what came first."""
    warm: npt.NDArray[np.bool_]
    """[products] True where somebody chose the product."""
    steps: int
    """Training steps behind the model."""
    config: SequenceConfig = SequenceConfig()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out."""
        return (_NOTHING,) if self.model is None else ()

    @classmethod
    def fit(cls, known: KnownGraph, context: FitContext) -> Self:
        """The model after the number of steps that foretold the choices of withheld users best.

        Where training is cheap it is then trained for as many steps on everybody.
        """
        return cls.fit_with(known, context, SequenceConfig())

    @classmethod
    def fit_with(cls, known: KnownGraph, context: FitContext, config: SequenceConfig) -> Self:
        """As `fit`, with another configuration."""
        return cls._fitted(known, context, config, None)

    def refit(self, known: KnownGraph, context: FitContext) -> Self:
        """The model trained for as many steps on this graph; tried anew where nothing had been learnt."""
        return self._fitted(known, context, self.config, self.steps if self.model is not None else None)

    @classmethod
    def cost(cls, known: KnownGraph) -> float:
        """Processor seconds of a fit, about."""
        config = SequenceConfig()
        pieces = _pieces(known, config)
        if not len(pieces):
            return 0.0
        questions = NextChoices(pieces, len(known.products), config.asking, 0)
        return _planned(questions, config) * (questions.work(config.attention) / _SPEED + _STEP)

    @classmethod
    def memory(cls, known: KnownGraph) -> float:
        """Bytes of a fit at its height, roughly: the vectors of the products, and a step's scores."""
        if not known.interactions.ordered:
            return 1.5e8
        checked = min(_CHECKED, len(known.interactions) * len(known.products) // 10)
        return 2.5e8 + 12 * checked + 2_000 * len(known.products) + 60 * len(known.interactions)

    @classmethod
    def _fitted(cls, known: KnownGraph, context: FitContext, config: SequenceConfig, stop: int | None) -> Self:
        pieces = _pieces(known, config)
        if not len(pieces):
            return cls(None, known.warm, 0, config)
        torch.manual_seed(context.seed)
        text = context.text.get("Product")
        chosen = np.bincount(known.interactions.product, minlength=len(known.products)).astype(np.float32)
        first = start(known, text, config.attention.dim, context.seed)
        model = Attention(first, chosen, config.attention).to(context.device)
        seen = np.ones(len(known.users), dtype=bool)
        if stop is None:
            seen[_withheld(pieces, len(known.products), context.seed)] = False
        questions = NextChoices(pieces.of_users(seen), len(known.products), config.asking, context.seed)
        withheld = pieces.of_users(~seen)
        test = withheld.at(np.arange(len(withheld)))
        work = questions.work(config.attention)
        training, planned = config.training, _planned(questions, config)
        tell = context.progress
        trained = train(
            model,
            lambda: questions.loss(model),
            replace(training, warmup=int(_WARMUP * planned), check_every=max(1, planned // _LOOKS)),
            planned=planned,
            stop=stop,
            validate=(lambda: foretold(model, test)) if len(withheld) else None,
            progress=None if tell is None else lambda _, done, total: tell("training the sequence model", done, total),
        )
        if len(withheld) and planned * work <= config.again:
            return cls._fitted(known, context, config, trained.steps)
        model.eval()
        return cls(model, known.warm, trained.steps, config)

    @torch.no_grad()
    def score(self, histories: Histories) -> Floats:
        """[b, products]; -inf for products nobody chose."""
        if self.model is None:
            return np.full((len(histories), len(self.warm)), -np.inf, dtype=np.float32)
        device = self.model.products.device
        starts = np.maximum(histories.indptr[:-1], histories.indptr[1:] - self.config.attention.length)
        choices = Choices.of(starts, histories.indptr[1:], histories.product, places(histories.indptr, histories.at))
        latest = choices.there & (choices.place == np.where(choices.there, choices.place, -1).max(axis=1, initial=-1)[:, None])
        sight = choices.sight()
        states = (self.model(choices, sight) * torch.from_numpy(latest[:, :, None]).to(device)).sum(dim=1)  # [b, dim]
        scores: Floats = (self.model.asking(states) @ self.model.answers().T).cpu().numpy()
        if len(histories) and len(histories.product):
            last = choices.there.sum(axis=1) - 1
            user, then = np.nonzero(sight.seen[np.arange(len(histories)), last])
            scores[user, choices.product[user, then]] += self.model.again.cpu().numpy()[sight.ago[user, last[user], then]]
        scores[:, ~self.warm] = -np.inf
        return scores

    def state(self) -> State:
        """The parameters of the model and its size."""
        learnt = {} if self.model is None else self.model.state_dict()
        arrays = {f"{_LEARNT}{name}": value.cpu().numpy() for name, value in learnt.items()}
        sizes: dict[str, Any] = {name: getattr(self.config.attention, name) for name in _SIZES}
        return State({"warm": self.warm.astype(np.uint8), **arrays}, {"steps": self.steps, **sizes})

    @classmethod
    def restore(cls, state: State) -> Self:
        """The scorer that `state` came from; a refit of it trains under the default configuration."""
        settings = state.settings
        config = SequenceConfig(AttentionConfig(**{name: settings[name] for name in _SIZES}))
        learnt = {name.removeprefix(_LEARNT): np.array(one) for name, one in state.arrays.items() if name.startswith(_LEARNT)}
        warm = np.asarray(state.arrays["warm"]).astype(bool)
        if not learnt:
            return cls(None, warm, 0, config)
        model = Attention(learnt["products"], learnt["chosen"], config.attention)
        model.load_state_dict({name: torch.from_numpy(one) for name, one in learnt.items()})
        return cls(model.eval(), warm, int(settings["steps"]), config)


def _pieces(known: KnownGraph, config: SequenceConfig) -> Pieces:
    """The histories in pieces; none where nothing says what came first."""
    chosen = known.interactions
    return Pieces.of(known if chosen.ordered else known.take(np.zeros(len(chosen), dtype=bool)), config.attention.length)


def _planned(questions: NextChoices, config: SequenceConfig) -> int:
    return min(config.training.planned(questions.work(config.attention)), questions.steps(config.passes))


def _withheld(pieces: Pieces, products: int, seed: int) -> Rows:
    """Some of the users, whom training shall not see; none where there are too few to judge by."""
    users = np.unique(pieces.user)
    affordable = _CHECKED / products / (pieces.choices / len(users))
    size = int(min(_WITHHELD * len(users), affordable))
    return np.random.default_rng(seed).choice(users, size, replace=False) if size >= _FEWEST else np.zeros(0, dtype=np.int64)
