"""Training a network as a few components of change to fixed weights (LoRA, Hu et al. 2021), to store it so later.

What ``weights.difference`` would cut when the network is packaged is never learnt: with ``rank`` components nothing is
lost but rounding. Only matrices of linear layers that are worth it are taken apart; everything else is trained whole.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from openlpm.core.errors import ConfigError
from openlpm.weights.difference import components, worth_factoring

_NOTHING = 1e-6
"""Components smaller than this share of a matrix's largest singular value are noise of rounding."""


class LowRankChange(nn.Module):
    """Adds what two factors make to a weight."""

    def __init__(self, left_RP: Tensor, right_RQ: Tensor) -> None:
        super().__init__()
        self.left_RP = nn.Parameter(left_RP)
        self.right_RQ = nn.Parameter(right_RQ)

    def forward(self, weight_PQ: Tensor) -> Tensor:
        """The changed weight, as exact as the weight itself."""
        with torch.autocast(weight_PQ.device.type, enabled=False):
            return weight_PQ + self.left_RP.mT @ self.right_RQ


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
        change = LowRankChange(*_begin((layer.weight.detach() - fixed_PQ).cpu(), fixed_PQ.cpu(), rank, generator))
        layer.weight.data.copy_(fixed_PQ)
        parametrize.register_parametrization(layer, "weight", change.to(layer.weight.device))
        _original(layer).requires_grad = False


def detach(network: nn.Module) -> None:
    """Leave plain weights, as they are with their change."""
    for _, layer in _linears(network):
        if parametrize.is_parametrized(layer):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)


def _begin(change_PQ: Tensor, fixed_PQ: Tensor, rank: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Factors of the largest components there are; new ones are 0 on one side, so that they change nothing yet."""
    rows, columns = change_PQ.shape
    parts = components(change_PQ)
    left_RP, right_RQ = parts.factors(rank).split([rows, columns], dim=1)
    size_of_base = torch.linalg.matrix_norm(fixed_PQ.double(), 2).clamp_min(torch.finfo(torch.float32).tiny)
    fresh_R1 = (parts.size_R[:rank, None] <= _NOTHING * size_of_base).expand(-1, 1)
    # A step of the other side then moves a weight about as far as a step of the weight itself would.
    drawn_RQ = torch.randn(rank, columns, generator=generator) / rank**0.5
    return torch.where(fresh_R1, 0.0, left_RP).contiguous(), torch.where(fresh_R1, drawn_RQ, right_RQ).contiguous()


def _linears(network: nn.Module) -> Iterator[tuple[str, nn.Linear]]:
    return ((name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Linear))


def _original(layer: nn.Linear) -> nn.Parameter:
    original = layer.get_parameter("parametrizations.weight.original")
    assert isinstance(original, nn.Parameter)
    return original
