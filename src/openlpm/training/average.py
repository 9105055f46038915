"""Exponential moving average of the weights (the ones that are shipped)."""

from typing import final

import torch
from torch import Tensor, nn

from openlpm.parallel.scale import local


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
        self._share = torch.ones((), device=self._weights[0].device)

    def aim(self, step: int) -> None:
        """Set how much ``update`` takes in after update number ``step``."""
        self._share.fill_(1 - min(self.decay, (1 + step) / (10 + step)))

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights; can be recorded."""
        changes = torch._foreach_sub(self._weights, self._averages)  # noqa: SLF001 (has no public name)
        torch._foreach_mul_(changes, self._share)
        torch._foreach_add_(self._averages, changes)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the module's weights with the averages; call it twice to be back."""
        for average, live in zip(self._averages, self._weights, strict=True):
            kept = live.clone()
            live.copy_(average)
            average.copy_(kept)
