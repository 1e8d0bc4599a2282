"""The optimiser and the ranking loss against torch's own arithmetic."""

import pytest
import torch
from torch import nn

from graphrec.training import Adam, softmax_loss


def random(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_adam_moves_as_the_one_of_torch_and_leaves_alone_what_has_no_gradient() -> None:
    mine, theirs = (nn.Parameter(random(0, 4, 3)) for _ in range(2))
    still = nn.Parameter(random(1, 2))
    optimiser, oracle = Adam([mine, still]), torch.optim.Adam([theirs], lr=0.1)
    for step in range(5):
        for parameter in (mine, theirs):
            parameter.grad = random(step, 4, 3)
        optimiser.step(0.1)
        oracle.step()
    torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(still.detach(), random(1, 2))


@pytest.mark.parametrize("corrected", [True, False])
def test_the_loss_and_its_gradients_are_those_of_the_softmax_written_out(corrected: bool) -> None:
    hidden = torch.tensor([[1, 0, 0, 1, 0], [0, 1, 0, 0, 0], [0, 0, 1, 1, 1]], dtype=torch.float64)
    known = (torch.tensor([0, 1]), torch.tensor([2, 4]))
    correction = random(2, 5) if corrected else None
    mine = [random(3, 3, 4).requires_grad_(), random(4, 5, 4).requires_grad_()]
    theirs = [one.detach().double().requires_grad_() for one in mine]
    wanted = hidden.float() @ mine[1]
    loss = softmax_loss(*mine, wanted, hidden.sum(dim=1).float(), correction=correction, known=known)
    scores = theirs[0] @ theirs[1].T
    rivals = (scores - correction.double() if correction is not None else scores).index_put(known, torch.tensor(-1e9).double())
    oracle = ((rivals.logsumexp(dim=1, keepdim=True) - scores) * hidden).sum() / hidden.sum()
    torch.testing.assert_close(loss.double(), oracle, rtol=1e-5, atol=1e-6)
    loss.backward()
    oracle.backward()
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one.grad.double(), other.grad, rtol=1e-4, atol=1e-5)
