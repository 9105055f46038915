"""Which times are visited, in sampling and in training. All times are in [0, 1], t = 1 is noise."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from openlpm.core.errors import ConfigError


def shifted(time: Float[Tensor, "*any"], shift: float) -> Float[Tensor, "*any"]:
    """Times pushed towards noise: ``s t / (1 + (s - 1) t)`` (Esser et al. 2024, eq. 23); a shift of 1 changes nothing.

    Raises:
        ConfigError: ``shift`` is not positive.
    """
    if shift <= 0:
        raise ConfigError(f"shift={shift}: must be positive; 1 leaves the times as they are")
    return shift * time / (1 + (shift - 1) * time)


def uniform_times(num_steps: int, *, shift: float = 1.0) -> Float[Tensor, " N"]:
    """``num_steps + 1`` times from 1 down to 0, evenly spaced before the shift."""
    _check_steps(num_steps)
    return shifted(torch.linspace(1.0, 0.0, num_steps + 1, dtype=torch.float64), shift).float()


def euler_discrete_times(num_steps: int, *, shift: float = 1.0, train_steps: int = 1000) -> Float[Tensor, " N"]:
    """The times of diffusers' ``FlowMatchEulerDiscreteScheduler``, for checkpoints that were tuned with it.

    They are evenly spaced from 1 to the smallest *shifted* training time, shifted once more, and then fall to 0.
    """
    _check_steps(num_steps)
    last = shifted(torch.tensor(1.0 / train_steps, dtype=torch.float64), shift).item()
    return torch.cat(
        [shifted(torch.linspace(1.0, last, num_steps, dtype=torch.float64), shift), torch.zeros(1)]
    ).float()


def logit_normal_times(
    *shape: int,
    mean: float = 0.0,
    std: float = 1.0,
    shift: float = 1.0,
    generator: torch.Generator | None = None,
    device: torch.device | str = "cpu",
) -> Float[Tensor, "*shape"]:
    """Random times for training: the sigmoid of a normal variable, shifted (Esser et al. 2024, section 3.1)."""
    normal = torch.randn(*shape, generator=generator, device=device)
    return shifted(torch.sigmoid(mean + std * normal), shift)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class TimeDraw:
    """How often a training visits which flow times: shifted logit-normal ones, and some of their own for the beginning.

    What a performer does is decided while almost everything is noise, at times that a logit-normal distribution hardly
    visits: with a shift of 2.5 one in ten lies above 0.9 and one in seven hundred above 0.98, where sampling begins.
    The early share is uniform before its own shift: with a shift of 4, 31 % of it lie above 0.9 and 7.5 % above 0.98.
    Our choice.
    """

    shift: float
    early_share: float = 0.0
    early_shift: float = 4.0

    def __post_init__(self) -> None:
        if self.shift <= 0 or self.early_shift <= 0 or not 0 <= self.early_share <= 1:
            raise ConfigError(
                f"shift={self.shift}, early_share={self.early_share}, early_shift={self.early_shift}: shifts are "
                "positive, the share lies between 0 and 1"
            )

    def draw(self, *shape: int, device: torch.device | str = "cpu") -> Float[Tensor, "*shape"]:
        """Independent times, by the global generator."""
        time = logit_normal_times(*shape, shift=self.shift, device=device)
        if self.early_share == 0:
            return time
        early = shifted(torch.rand(*shape, device=device), self.early_shift)
        return torch.where(torch.rand(*shape, device=device) < self.early_share, early, time)


def _check_steps(num_steps: int) -> None:
    if num_steps < 1:
        raise ConfigError(f"num_steps={num_steps}: sampling needs at least one step")
