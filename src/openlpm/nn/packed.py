"""Linear layers in float32 whose weights lie as oneDNN reads them, for CPUs on which MKL is slow; no gradient."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn


def is_supported() -> bool:
    """Whether this PyTorch has the kernels."""
    names = ("_linear_pointwise", "_reorder_linear_weight")
    return torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in names)


@final
class PackedLinear(nn.Module):
    """``nn.Linear``."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        # The kernel has no other name than a private one.
        self._weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach())  # noqa: SLF001
        self._bias_O = layer.bias.detach()

    def forward(self, x_I: Float[Tensor, "*lead I"]) -> Float[Tensor, "*lead O"]:
        return torch.ops.mkldnn._linear_pointwise(x_I, self._weight, self._bias_O, "none", [], "")  # noqa: SLF001


def pack(module: nn.Module) -> None:
    """Let all linear layers in a float32 module on a CPU compute so from now on; it can be stored no more."""
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, PackedLinear(child))
        else:
            pack(child)
