"""One network in several roles: fixed weights that all share, and a few components of change for each (LoRA).

Distribution matching needs a generator, a fake score and the real one. At seventeen billion three networks do not fit
beside one another; as roles they cost one network and two adapters. A role's change is never multiplied out, so a layer
costs what it cost, and a little more.
"""

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from openlpm.core.errors import ConfigError

_LEAST_SIDE = 4
"""A matrix whose sides are not so many times the rank is not worth taking apart."""


@final
class RoleLinear(nn.Linear):
    """A fixed layer, and what each role adds to it; ``role`` says which speaks, None: the layer as it is."""

    def __init__(self, layer: nn.Linear, roles: Sequence[str], rank: int) -> None:
        """Take the place of ``layer``; at first no role changes anything."""
        super().__init__(layer.in_features, layer.out_features, bias=_has_bias(layer), device="meta")
        self.weight, self.bias = layer.weight, layer.bias
        self.requires_grad_(requires_grad=False)
        self.role: str | None = None
        rows, columns, device = layer.out_features, layer.in_features, layer.weight.device
        self.left = nn.ParameterDict({role: torch.zeros(rows, rank, device=device) for role in roles})
        self.right = nn.ParameterDict({role: torch.empty(rank, columns, device=device) for role in roles})
        for role in roles:
            nn.init.normal_(self.right[role], std=rank**-0.5)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        out = functional.linear(input, self.weight, self.bias)
        if self.role is None:
            return out
        return out + functional.linear(functional.linear(input, self.right[self.role]), self.left[self.role])


def take_roles(network: nn.Module, roles: Sequence[str], rank: int) -> int:
    """Fix all weights of a network and let roles change its larger matrices; returns how many numbers learn.

    Raises:
        ConfigError: a rank below 1, no role, or no matrix that is worth it.
    """
    if rank < 1 or not roles:
        raise ConfigError(f"rank={rank}, roles={list(roles)}: give 1 or more components, and a role")
    network.requires_grad_(requires_grad=False)
    found = [
        (name, layer)
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Linear) and min(layer.weight.shape) >= _LEAST_SIDE * rank
    ]
    if not found:
        raise ConfigError(f"rank={rank}: no matrix is larger than {_LEAST_SIDE} times so many components; give less")
    for name, layer in found:
        network.set_submodule(name, RoleLinear(layer, roles, rank))
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


@contextmanager
def as_role(network: nn.Module, role: str | None) -> Generator[None]:
    """Let a network play a role; what is computed again in a backward pass has to be computed in it too."""
    layers = list(_layers(network))
    before = [layer.role for layer in layers]
    for layer in layers:
        layer.role = role
    try:
        yield
    finally:
        for layer, was in zip(layers, before, strict=True):
            layer.role = was


def _layers(network: nn.Module) -> Iterable[RoleLinear]:
    return (layer for layer in network.modules() if isinstance(layer, RoleLinear))


def _has_bias(layer: nn.Linear) -> bool:
    return "bias" in dict(layer.named_parameters(recurse=False))
