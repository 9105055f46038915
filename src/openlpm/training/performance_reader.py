"""A reader inside a transformer in training: from the tokens of a frame, what the performer does in it.

A generator first has to know what to do and then how to draw it. Errors of latents teach the second mostly: a nod, a
glance or a shut mouth are few cells. As features of a network that sees already teach diffusion transformers sooner
(REPA, Yu et al. 2024), here the truth itself is asked of tokens half way up: the rig of every frame. The reader is no
part of the model and is left behind with the training. Our choice; LPM 1.0 has nothing of the kind.
"""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from openlpm.core.errors import ConfigError

_LEAST_SPREAD = 0.05
"""A channel that hardly moves in the footage is not blown up to matter as much as others."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ReaderConfig:
    """Whom a reader reads, and what its error counts beside that of latents."""

    weight: float
    """0: there is no reader."""
    depth: float = 0.6
    """Behind which share of the blocks it reads."""

    def __post_init__(self) -> None:
        if self.weight < 0 or not 0 < self.depth <= 1:
            raise ConfigError(f"weight={self.weight}, depth={self.depth}: give a weight of 0 or more, a depth up to 1")

    def layer(self, num_layers: int) -> int:
        """The block whose tokens are read."""
        return max(round(self.depth * num_layers), 1) - 1


NO_READER = ReaderConfig(weight=0.0)


@final
class PerformanceReader(nn.Module):
    """One linear layer on the mean of a frame's tokens, normalised; it begins by knowing the mean performance alone."""

    mean_X: Tensor
    spread_X: Tensor

    def __init__(self, width: int, performance_NTX: Float[Tensor, "N T X"]) -> None:
        """``performance_NTX`` is that of all footage: it sets mean and spread of each number, and the device."""
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, performance_NTX.shape[2])
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        known_MX = performance_NTX.flatten(0, 1).float()
        self.register_buffer("mean_X", known_MX.mean(dim=0))
        self.register_buffer("spread_X", known_MX.std(dim=0).clamp_min(_LEAST_SPREAD))
        self.to(performance_NTX.device)

    def forward(
        self, tokens_BTSD: Float[Tensor, "B T S D"], performance_BTX: Float[Tensor, "B T X"]
    ) -> Float[Tensor, "B T"]:
        """Mean squared error of what tokens say of the performance, in units of each number's spread."""
        with torch.autocast(tokens_BTSD.device.type, enabled=False):
            said_BTX = self.head(self.norm(tokens_BTSD.float().mean(dim=2)))
        wanted_BTX = (performance_BTX.float() - self.mean_X) / self.spread_X
        return (said_BTX - wanted_BTX).square().mean(dim=2)
