"""The one training loop of the repository, its configuration, and the ranking loss."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Progress = Callable[[str, int, int], None]


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
    steps: int = 60
    """Most steps taken; larger fits longer."""
    fewest_steps: int = 10
    """Steps taken even where `work` is spent."""
    work: float = 1.2e10
    """Multiply-adds a training may cost; fewer steps where one is dear. Counted, not timed: the same on every machine."""
    again: float = 8e9
    """Multiply-adds up to which a training that held something out is run once more on everything."""
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
    optimiser = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, planned, config))
    losses: list[Tensor] = []
    checks: list[tuple[int, float]] = []
    best, kept = 0.0, None
    if validate is not None:
        checks.append((0, best := validate()))
        kept = (0, deepcopy(model.state_dict()))
    for step in range(1, (planned if stop is None else min(stop, planned)) + 1):
        losses.append(_step(model, loss, optimiser, config.clip, device))
        schedule.step()
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


def _step(model: nn.Module, loss: Callable[[], Tensor], optimiser: torch.optim.Optimizer, clip: float, device: str) -> Tensor:
    """The loss before one step of the optimiser; the only place where parameters move."""
    with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
        value = loss()
    optimiser.zero_grad(set_to_none=True)
    value.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimiser.step()
    return value.detach()


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
    the products that the user is to rank high; counts: [b] how many those are. correction: [m] log of the chance of a candidate
    to be drawn (logQ), none where all products are candidates: then this is the full softmax. known: (user, candidate) places
    that do not compete, since they are never recommended.
    Source: Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019.
    """
    scores = (users @ candidates.T).float()  # [b, m]
    if correction is not None:
        scores = scores - correction
    if known is not None:
        scores = scores.index_put(known, scores.new_tensor(-1e9))
    chosen = (users.float() * wanted.float()).sum()
    return ((torch.logsumexp(scores, dim=1) * counts).sum() - chosen) / counts.sum().clamp(min=1)
