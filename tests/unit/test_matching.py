"""Distribution matching: the difference of two scores moves a generator onto the data, and nowhere else."""

import pytest
import torch
from torch import Tensor

from openlpm.flow.matching import matching_gradient, matching_times, pulled
from openlpm.flow.path import interpolate

pytestmark = pytest.mark.unit


def gaussian_x0(noisy: Tensor, time_B: Tensor, mean: float, spread: float) -> Tensor:
    """E[x_0 | x_t] where x_0 is normal: the perfect denoiser of that distribution."""
    t = time_B[:, None, None, None, None]
    variance = (1 - t).square() * spread**2 + t.square()
    return mean + (1 - t) * spread**2 / variance * (noisy - (1 - t) * mean)


def test_a_loss_has_the_gradient_that_it_was_given() -> None:
    made = torch.randn(2, 3, 4, 2, 2, requires_grad=True)
    gradient = torch.randn(2, 3, 4, 2, 2)
    pulled(made, gradient).sum().backward()
    torch.testing.assert_close(made.grad, gradient)


def test_equal_scores_pull_nowhere_and_every_row_has_its_own_size() -> None:
    made, real = torch.randn(2, 3, 4, 2, 2), torch.randn(2, 3, 4, 2, 2)
    assert not matching_gradient(made, real, real).any()
    fake = real + 1.0
    near, far = made.clone(), made.clone()
    far[1] = real[1] + 100.0
    gradients = matching_gradient(near, real, fake), matching_gradient(far, real, fake)
    torch.testing.assert_close(gradients[0][0], gradients[1][0])
    assert float(gradients[1][1].abs().max()) < 0.1 * float(gradients[0][1].abs().min())
    assert torch.isfinite(matching_gradient(real, real, fake)).all()


@pytest.mark.parametrize("goal", [-1.5, 2.0])
def test_a_generator_moves_onto_the_distribution_of_the_data(goal: float) -> None:
    torch.manual_seed(0)
    mean, spread = torch.zeros((), requires_grad=True), torch.tensor(0.2, requires_grad=True)
    optimiser = torch.optim.Adam([mean, spread], lr=0.05)
    for _ in range(250):
        made = mean + spread * torch.randn(64, 2, 3, 2, 2)
        time_B = matching_times(64, least=0.02, most=0.98, shift=1.0)
        still = made.detach()
        noisy = interpolate(still, torch.randn_like(still), time_B)
        real = gaussian_x0(noisy, time_B, goal, 0.5)
        fake = gaussian_x0(noisy, time_B, mean.item(), abs(spread.item()))
        optimiser.zero_grad()
        pulled(made, matching_gradient(still, real, fake)).mean().backward()
        optimiser.step()
    assert mean.item() == pytest.approx(goal, abs=0.15)
    assert abs(spread.item()) == pytest.approx(0.5, abs=0.15)


def test_times_of_comparison_stay_inside_their_bounds() -> None:
    torch.manual_seed(0)
    time_B = matching_times(4000, least=0.1, most=0.9, shift=1.0)
    assert float(time_B.min()) >= 0.1
    assert float(time_B.max()) <= 0.9
    later_B = matching_times(4000, least=0.1, most=0.9, shift=3.0)
    assert float(later_B.mean()) > float(time_B.mean()) + 0.1
    assert float(later_B.max()) < 1
