"""The time of the flow as a vector."""

import math
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

TIME_SCALE = 1000.0
"""Frequencies were designed for a thousand diffusion steps; t in [0, 1] is stretched to that range."""


def time_sinusoid(time: Float[Tensor, "*lead"], width: int) -> Float[Tensor, "*lead D"]:
    """Cosines, then sines, of ``1000 * time`` at ``width / 2`` frequencies from 1 down to 1/10000 (Wan's order)."""
    half = width // 2
    exponents = torch.arange(half, dtype=torch.float32, device=time.device) / half
    angles = (TIME_SCALE * time.float())[..., None] * torch.exp(-math.log(10_000.0) * exponents)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


@final
class TimeEmbedding(nn.Module):
    """Sinusoid, then two linear layers with a SiLU between them."""

    def __init__(self, frequency_width: int, width: int) -> None:
        super().__init__()
        self.frequency_width = frequency_width
        self.up = nn.Linear(frequency_width, width)
        self.down = nn.Linear(width, width)

    def forward(self, time: Float[Tensor, "*lead"]) -> Float[Tensor, "*lead D"]:
        """``time`` in [0, 1]; t = 1 is noise."""
        sinusoid = time_sinusoid(time, self.frequency_width)
        return self.down(F.silu(self.up(sinusoid.to(self.up.weight.dtype))))
