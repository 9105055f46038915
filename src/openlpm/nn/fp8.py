"""Linear layers in 8-bit floating point (E4M3), for GPUs that multiply it: a scale a weight row, and a scale a token.

Elsewhere the same numbers are multiplied in float32, so that the mathematics can be tested anywhere.
"""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from openlpm.core.errors import ConfigError

_LARGEST = torch.finfo(torch.float8_e4m3fn).max
_SMALLEST = 1e-12
_MULTIPLE = 16
"""Rows and columns that the kernel takes come in such numbers."""


def is_supported(device: torch.device) -> bool:
    """Whether this device multiplies it: Ada, Hopper and what came after."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 9)


def quantised(x_RI: Float[Tensor, "R I"]) -> tuple[Tensor, Tensor]:
    """Rows in E4M3 and the scale of each, (R, 1) in float32; the largest of a row becomes the largest there is."""
    wide_RI = x_RI.float()
    scale_R1 = (wide_RI.abs().amax(dim=1, keepdim=True) / _LARGEST).clamp_min(_SMALLEST)
    return (wide_RI / scale_R1).clamp(-_LARGEST, _LARGEST).to(torch.float8_e4m3fn), scale_R1


@final
class Fp8Linear(nn.Module):
    """Linear layers of one input, side by side; for inference alone, and stored no more."""

    def __init__(self, *layers: nn.Linear) -> None:
        """Take the place of ``layers``.

        Raises:
            ConfigError: a side is no multiple of 16.
        """
        super().__init__()
        weight_OI = torch.cat([layer.weight.detach() for layer in layers])
        if weight_OI.shape[0] % _MULTIPLE or weight_OI.shape[1] % _MULTIPLE:
            raise ConfigError(
                f"a layer of {tuple(weight_OI.shape)}: 8-bit floating point needs multiples of {_MULTIPLE}"
            )
        narrow_OI, scale_O1 = quantised(weight_OI)
        self.weight_OI: Tensor
        self.scale_1O: Tensor
        self.bias_O: Tensor
        self.register_buffer("weight_OI", narrow_OI, persistent=False)
        self.register_buffer("scale_1O", scale_O1.T.contiguous(), persistent=False)
        self.register_buffer("bias_O", torch.cat([layer.bias.detach() for layer in layers]), persistent=False)

    def forward(self, x_I: Float[Tensor, "*lead I"]) -> Float[Tensor, "*lead O"]:
        rows_RI = x_I.flatten(0, -2) if x_I.ndim > 1 else x_I[None]
        out_RO = self.product(*quantised(rows_RI), x_I.dtype)
        return out_RO.unflatten(0, x_I.shape[:-1]) if x_I.ndim > 1 else out_RO[0]

    def product(self, narrow_RI: Tensor, scale_R1: Tensor, dtype: torch.dtype) -> Tensor:
        """What ``forward`` does with rows that are narrow already."""
        out_RO = self.bare(narrow_RI, scale_R1, dtype)
        return (out_RO + self.bias_O.to(out_RO.dtype)).to(dtype)

    def bare(self, narrow_RI: Tensor, scale_R1: Tensor, dtype: torch.dtype) -> Tensor:
        """``product`` without the bias; on a GPU in bfloat16."""
        if narrow_RI.is_cuda:
            return torch._scaled_mm(  # noqa: SLF001 (row-wise scales have no public name yet)
                narrow_RI,
                self.weight_OI.t(),
                scale_a=scale_R1,
                scale_b=self.scale_1O,
                out_dtype=torch.bfloat16,
                use_fast_accum=True,
            )
        return ((narrow_RI.float() @ self.weight_OI.float().T) * scale_R1 * self.scale_1O).to(dtype)
