"""The one training loop of the repository, its configuration, and the ranking loss."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

Progress = Callable[[str, int, int], None]
_MEAN, _SQUARE, _EPSILON = 0.9, 0.999, 1e-8
_NEVER = -1e9


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How long and how fast to train."""

    learning_rate: float = 0.02
    """Adam's step size at its highest; larger learns faster and settles worse."""
    warmup: int = 5
    """Steps over which the rate rises to its highest; larger is gentler at the start."""
    final_rate: float = 0.1
    """The share of the learning rate that is left at the last step, reached in a straight line."""
    clip: float = 1.0
    """Longest gradient (L2 norm over all parameters); larger lets rare large steps through."""
    steps: int = 75
    """Most steps taken; larger fits longer."""
    fewest_steps: int = 10
    """Steps taken even where `work` is spent."""
    work: float = 3.6e10
    """Multiply-adds a training may cost; fewer steps where one is dear. Counted, not timed: the same on every machine."""
    check_every: int = 10
    """Steps between two looks at the validation; smaller stops closer to the best moment and costs more."""
    patience: int = 2
    """Looks in a row that are clearly worse than the best after which training ends; larger is more forgiving of noise."""
    tolerance: float = 0.02
    """Share of the best score by which a later look may fall short and still be kept, since later steps are steadier; larger
    stops less often."""

    def planned(self, work_per_step: float) -> int:
        """How many steps of this work (multiply-adds) are taken.

        Example:
            >>> TrainConfig(work=1e9).planned(2e7)
            50
        """
        affordable = int(self.work // max(work_per_step, 1))
        return max(1, min(self.steps, max(self.fewest_steps, affordable)))


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training came to."""

    steps: int
    """After how many steps the parameters that were kept stood; the last one without a validation; 0 is the start."""
    losses: tuple[float, ...]
    """Of every step taken."""
    checks: tuple[tuple[int, float], ...]
    """(step, validation score) of every look."""


def train(
    model: nn.Module,
    loss: Callable[[], Tensor],
    config: TrainConfig,
    *,
    planned: int,
    stop: int | None = None,
    validate: Callable[[], float] | None = None,
    progress: Progress | None = None,
) -> Trained:
    """The model's parameters are the latest that validated as well as the best, or the last ones where nothing validates.

    loss: draws a batch and returns its loss, a scalar; on a GPU it runs under mixed precision.
    planned: steps that the learning rate's schedule spans. stop: the step to end at, at most `planned`. validate: 0 or more,
    higher is better.
    """
    device = next(model.parameters()).device.type
    optimiser = Adam(model.parameters())
    losses: list[Tensor] = []
    checks: list[tuple[int, float]] = []
    best, kept = 0.0, None
    if validate is not None:
        checks.append((0, best := validate()))
        kept = (0, deepcopy(model.state_dict()))
    for step in range(1, (planned if stop is None else min(stop, planned)) + 1):
        rate = config.learning_rate * _rate(step - 1, planned, config)
        losses.append(_step(model, loss, optimiser, rate, config.clip, device))
        if progress is not None:
            progress("training the graph encoder", step, planned)
        if validate is None or (step % config.check_every and step != planned):
            continue
        checks.append((step, validate()))
        if checks[-1][1] >= best * (1 - config.tolerance):
            best, kept = max(best, checks[-1][1]), (step, deepcopy(model.state_dict()))
        elif step - (kept[0] if kept else 0) >= config.patience * config.check_every:
            break
    if kept is not None:
        model.load_state_dict(kept[1])
    values = tuple(torch.stack(losses).tolist()) if losses else ()
    return Trained(len(values) if kept is None else kept[0], values, tuple(checks))


def _rate(step: int, planned: int, config: TrainConfig) -> float:
    return min(1.0, (step + 1) / max(config.warmup, 1)) * (1 - (1 - config.final_rate) * step / max(planned, 1))


def _step(model: nn.Module, loss: Callable[[], Tensor], optimiser: "Adam", rate: float, clip: float, device: str) -> Tensor:
    """The loss before one step of the optimiser; the only place where parameters move."""
    with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
        value = loss()
    model.zero_grad(set_to_none=True)
    value.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimiser.step(rate)
    return value.detach()


class Adam:
    """p ← p − rate · m̂ / (√v̂ + ε), with m and v the decaying means of the gradient and of its square.

    torch has the same, but takes longer to import its compiler for it than most trainings here take.
    Source: Kingma & Ba, "Adam", ICLR 2015 (arXiv:1412.6980), algorithm 1.
    """

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self.moved = [(one, torch.zeros_like(one), torch.zeros_like(one)) for one in parameters]
        self.steps = 0

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Every parameter that has a gradient has moved."""
        self.steps += 1
        rate, root = rate / (1 - _MEAN**self.steps), (1 - _SQUARE**self.steps) ** 0.5
        for parameter, mean, square in self.moved:
            if parameter.grad is not None:
                mean.lerp_(parameter.grad, 1 - _MEAN)
                square.mul_(_SQUARE).addcmul_(parameter.grad, parameter.grad, value=1 - _SQUARE)
                parameter.addcdiv_(mean, square.sqrt().div_(root).add_(_EPSILON), value=-rate)


def softmax_loss(
    users: Tensor,
    candidates: Tensor,
    wanted: Tensor,
    counts: Tensor,
    *,
    correction: Tensor | None = None,
    known: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Mean over the wanted pairs (u, i) of log Σ_c exp(s_uc − correction_c) − s_ui, a scalar.

    users: [b, d] and candidates: [m, d], scaled so that their product is the score s. wanted: [b, d] the sum of the vectors of
    the products that the user is to rank high; counts: [b] how many those are, or both weighted alike. correction: [m] log of
    the chance of a candidate to be drawn (logQ), none where all products are candidates: then this is the full softmax. known:
    (user, candidate) places that do not compete, since they are never recommended.
    Source: Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019.
    """
    bias = users.new_zeros(len(candidates)) if correction is None else -correction
    total: Tensor = _LogSum.apply(users.float(), candidates.float(), bias.float(), counts, known)
    return (total - (users.float() * wanted.float()).sum()) / counts.sum().clamp(min=1e-6)


class _LogSum(Function):
    """Σ_u counts_u · log Σ_c exp(⟨u, c⟩ + bias_c), whose gradient reuses the one [b, m] matrix that it needs."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 (torch gives ctx no type)
        users: Tensor,
        candidates: Tensor,
        bias: Tensor,
        counts: Tensor,
        known: tuple[Tensor, Tensor] | None,
    ) -> Tensor:
        with torch.autocast(users.device.type, enabled=False):
            scores = torch.addmm(bias[None], users, candidates.T)  # [b, m]
        if known is not None:
            scores[known] = _NEVER
        highest = scores.amax(dim=1, keepdim=True)
        sums = scores.sub_(highest).exp_().sum(dim=1)  # [b]
        scores.mul_((counts / sums)[:, None])
        ctx.save_for_backward(scores, users, candidates)
        return ((sums.log() + highest[:, 0]) * counts).sum()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 (torch gives ctx no type)
        shares, users, candidates = ctx.saved_tensors
        return gradients[0] * (shares @ candidates), gradients[0] * (shares.T @ users), None, None, None
