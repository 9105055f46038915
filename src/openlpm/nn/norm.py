"""Norms. Statistics are taken in float32 at least, whatever the type of the input."""

from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from openlpm.nn.precision import widened


@final
class RMSNorm(nn.Module):
    """Root-mean-square norm over the last dimension with a learned scale (Zhang and Sennrich, 2019)."""

    def __init__(self, width: int, *, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x_D: Float[Tensor, "*lead D"]) -> Float[Tensor, "*lead D"]:
        wide_D, weight_D = widened(x_D), widened(self.weight)
        if x_D.device.type == "cpu" and not torch.compiler.is_compiling():
            # PyTorch has no kernel of its own for it on a CPU, and would take twice as many passes.
            power_1 = torch.linalg.vector_norm(wide_D, dim=-1, keepdim=True).square() / x_D.shape[-1]
            return (wide_D * torch.rsqrt(power_1 + self.eps) * weight_D).to(x_D.dtype)
        return F.rms_norm(wide_D, self.weight.shape, weight_D, self.eps).to(x_D.dtype)


@final
class LayerNorm(nn.Module):
    """Layer norm over the last dimension with a learned scale and shift."""

    def __init__(self, width: int, *, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.eps = eps

    def forward(self, x_D: Float[Tensor, "*lead D"]) -> Float[Tensor, "*lead D"]:
        normed_D = F.layer_norm(widened(x_D), self.weight.shape, widened(self.weight), widened(self.bias), self.eps)
        return normed_D.to(x_D.dtype)
