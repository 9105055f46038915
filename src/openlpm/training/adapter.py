"""Training a network as a few components of change to fixed weights (LoRA, Hu et al. 2021), to store it so later.

What ``weights.difference`` would cut when the network is packaged is never learnt: with ``rank`` components nothing is
lost but rounding. Only matrices of linear layers that are worth it are taken apart; everything else is trained whole.
"""

from collections.abc import Iterator, Mapping
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from openlpm.core.errors import ConfigError
from openlpm.weights.difference import components, worth_factoring

_NOTHING = 1e-6
"""Components smaller than this share of a matrix's norm are noise of rounding."""


@final
class AdaptedLinear(nn.Linear):
    """A layer whose weight is fixed, and changed by what two factors make.

    One class for all layers: a parametrization would give each layer a class of its own, and with it to each block of
    a compiled network a graph of its own.
    """

    def __init__(self, layer: nn.Linear, left_RP: Tensor, right_RQ: Tensor) -> None:
        super().__init__(layer.in_features, layer.out_features, bias=_has_bias(layer), device="meta")
        self.weight, self.bias = layer.weight, layer.bias
        self.weight.requires_grad = False
        self.left_RP, self.right_RQ = nn.Parameter(left_RP), nn.Parameter(right_RQ)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        return functional.linear(input, self.changed(), self.bias)

    def changed(self) -> Tensor:
        """The changed weight, as exact as the weight itself."""
        with torch.autocast(self.weight.device.type, enabled=False):
            return self.weight + self.left_RP.mT @ self.right_RQ


def attach(network: nn.Module, base: Mapping[str, Tensor], rank: int) -> None:
    """Make ``network`` learn ``rank`` components a matrix of change to ``base``.

    It begins with the largest components by which it differs already; the rest of that difference is given up.

    Raises:
        ConfigError: a rank below 1, or no matrix is worth taking apart.
    """
    if rank < 1:
        raise ConfigError(f"rank={rank}: give 1 or more components, or 0 for training all weights")
    found = [(name, layer) for name, layer in _linears(network) if worth_factoring(tuple(layer.weight.shape), rank)]
    if not found:
        raise ConfigError(f"rank={rank}: no matrix is larger than so many components; give less, or 0")
    generator = torch.Generator().manual_seed(0)
    for name, layer in found:
        fixed_PQ = base[f"{name}.weight"].to(layer.weight)
        factors = _begin((layer.weight.detach() - fixed_PQ).cpu(), fixed_PQ.cpu(), rank, generator)
        layer.weight.data.copy_(fixed_PQ)
        network.set_submodule(name, AdaptedLinear(layer, *(each.to(layer.weight) for each in factors)))


def detach(network: nn.Module) -> None:
    """Leave plain weights, as they are with their change."""
    for name, layer in list(_linears(network)):
        if isinstance(layer, AdaptedLinear):
            plain = nn.Linear(layer.in_features, layer.out_features, bias=_has_bias(layer), device="meta")
            plain.weight, plain.bias = nn.Parameter(layer.changed().detach()), layer.bias
            network.set_submodule(name, plain)


def _begin(change_PQ: Tensor, fixed_PQ: Tensor, rank: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Factors of the largest components there are; new ones are 0 on one side, so that they change nothing yet."""
    rows, columns = change_PQ.shape
    left_RP, right_RQ = torch.zeros(rank, rows), torch.zeros(rank, columns)
    fresh_R1 = torch.ones(rank, 1, dtype=torch.bool)
    if change_PQ.any():
        parts = components(change_PQ)
        left_RP, right_RQ = parts.factors(rank).split([rows, columns], dim=1)
        size_of_base = torch.linalg.matrix_norm(fixed_PQ).clamp_min(torch.finfo(torch.float32).tiny)
        fresh_R1 = parts.size_R[:rank, None] <= _NOTHING * size_of_base
    # A step of the other side then moves a weight about as far as a step of the weight itself would.
    drawn_RQ = torch.randn(rank, columns, generator=generator) / rank**0.5
    return torch.where(fresh_R1, 0.0, left_RP).contiguous(), torch.where(fresh_R1, drawn_RQ, right_RQ).contiguous()


def _linears(network: nn.Module) -> Iterator[tuple[str, nn.Linear]]:
    return ((name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Linear))


def _has_bias(layer: nn.Linear) -> bool:
    return "bias" in dict(layer.named_parameters(recurse=False))
