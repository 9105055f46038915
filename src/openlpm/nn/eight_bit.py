"""Linear layers in 8-bit integers, for CPUs that multiply these faster (VNNI, AMX).

The kernels are those that PyTorch's own compiler uses (oneDNN); they pass no gradient.
"""

from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from openlpm.nn.mlp import Mlp

_MIDDLE = 128
_LARGEST = 127


def is_supported() -> bool:
    """Whether this PyTorch has the kernels."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.onednn, "qlinear_pointwise")


def is_exact() -> bool:
    """Whether this processor adds products of 8-bit integers without rounding; those without VNNI halve the weights."""
    if not is_supported():
        return False
    made = torch.Generator().manual_seed(0)
    given_SI = torch.randint(0, 256, (16, 64), dtype=torch.uint8, generator=made)
    weight_OI = torch.randint(-_LARGEST, _LARGEST + 1, (32, 64), dtype=torch.int8, generator=made)
    got_SO = _product(given_SI, 0, torch.ops.onednn.qlinear_prepack(weight_OI, None), torch.ones(32))
    return torch.equal(got_SO.long(), given_SI.long() @ weight_OI.long().T)


@final
class EightBitLinear(nn.Module):
    """Linear layers of one input, side by side, whose weights have a scale a row and whose input gets one a token.

    So nothing need be known of the input beforehand, and a token's result is its own.
    """

    def __init__(self, *layers: nn.Linear) -> None:
        super().__init__()
        weight_OI = torch.cat([layer.weight.detach() for layer in layers])
        self._rows_O = (weight_OI.abs().amax(dim=1) / _LARGEST).clamp_min(1e-12)
        whole_OI = (weight_OI / self._rows_O[:, None]).round().to(torch.int8)
        self._weight = torch.ops.onednn.qlinear_prepack(whole_OI, None)
        self._bias_O = torch.cat([layer.bias.detach() for layer in layers])

    def forward(self, x_I: Float[Tensor, "*lead I"]) -> Float[Tensor, "*lead O"]:
        scale_1 = x_I.abs().amax(dim=-1, keepdim=True).clamp_min_(1e-12).div_(_LARGEST)
        # Rounding to signed integers is vectorised, to unsigned ones it is not; the top bit is the difference.
        whole_I = (x_I * scale_1.reciprocal()).round_().to(torch.int8).view(torch.uint8).bitwise_xor_(_MIDDLE)
        return torch.addcmul(self._bias_O, _product(whole_I, _MIDDLE, self._weight, self._rows_O), scale_1)


def shrunk(layer: nn.Linear | EightBitLinear) -> EightBitLinear:
    """A linear layer in 8 bits, if it is not yet."""
    return layer if isinstance(layer, EightBitLinear) else EightBitLinear(layer)


@final
class EightBitMlp(nn.Module):
    """``nn.mlp.Mlp``."""

    def __init__(self, mlp: Mlp) -> None:
        super().__init__()
        self.up, self.down = EightBitLinear(mlp.up), EightBitLinear(mlp.down)

    def forward(self, x_I: Float[Tensor, "*lead I"]) -> Float[Tensor, "*lead O"]:
        # Not the tanh form: it takes three times as long on a CPU and differs by less than a tenth of a step of 8 bits.
        return self.down(F.gelu(self.up(x_I)))


def _product(given_I: Tensor, zero: int, weight: Tensor, rows_O: Tensor) -> Tensor:
    zeros_O = torch.zeros_like(rows_O, dtype=torch.int32)
    return torch.ops.onednn.qlinear_pointwise(
        given_I, 1.0, zero, weight, rows_O, zeros_O, None, 1.0, 0, torch.float32, "none", [], ""
    )
