"""Exponential moving average of the weights (the ones that are shipped)."""

from typing import final

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor


@final
class WeightAverage:
    """Keeps, for every trainable parameter, an average with the memory of about ``1 / (1 - decay)`` steps.

    The decay warms up with the steps taken, so that early weights are forgotten quickly.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.shadow: dict[str, Tensor] = {
            name: p.detach().clone() for name, p in module.named_parameters() if p.requires_grad
        }

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Take in the weights after update number ``step``."""
        current = {name: p.detach() for name, p in module.named_parameters() if p.requires_grad}
        decay = min(self.decay, (1 + step) / (10 + step))
        averages = [_local(self.shadow[name]) for name in current]
        torch._foreach_lerp_(averages, [_local(value) for value in current.values()], 1 - decay)

    @torch.no_grad()
    def swap(self, module: nn.Module) -> None:
        """Exchange the module's weights with the averages; call it twice to be back."""
        for name, p in module.named_parameters():
            if name in self.shadow:
                average, live = _local(self.shadow[name]), _local(p.data)
                kept = live.clone()
                live.copy_(average)
                average.copy_(kept)


def _local(tensor: Tensor) -> Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
