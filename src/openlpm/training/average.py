"""Exponential moving average of the weights (the ones that are shipped)."""

from typing import final

import torch
from torch import Tensor, nn

from openlpm.training.optimiser import local


@final
class WeightAverage:
    """Keeps, for every trainable parameter, an average with the memory of about ``1 / (1 - decay)`` steps.

    The decay warms up with the steps taken, so that early weights are forgotten quickly.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        trained = {name: p for name, p in module.named_parameters() if p.requires_grad}
        self.shadow: dict[str, Tensor] = {name: p.detach().clone() for name, p in trained.items()}
        with torch.no_grad():
            self._averages = [local(average) for average in self.shadow.values()]
            self._weights = [local(p) for p in trained.values()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after update number ``step``."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._averages, self._weights, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the module's weights with the averages; call it twice to be back."""
        for average, live in zip(self._averages, self._weights, strict=True):
            kept = live.clone()
            live.copy_(average)
            average.copy_(kept)
