"""Two linear layers with a GELU between them."""

import math
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from openlpm.nn.precision import widened

_STRETCH = 2 * math.sqrt(2 / math.pi)
_CUBE = 0.044715


@final
class Mlp(nn.Module):
    """``down(gelu(up(x)))`` with the tanh form of GELU, as in Wan's text embedding and feed-forward."""

    def __init__(self, width_in: int, hidden: int, width_out: int) -> None:
        super().__init__()
        self.up = nn.Linear(width_in, hidden)
        self.down = nn.Linear(hidden, width_out)

    def forward(self, x_I: Float[Tensor, "*lead I"]) -> Float[Tensor, "*lead O"]:
        return self.down(_gelu(self.up(x_I)))


def _gelu(x: Tensor) -> Tensor:
    """``F.gelu`` in its tanh form, x times the sigmoid of twice what the tanh is taken of."""
    narrow = widened(x) is not x
    if narrow or x.device.type != "cpu" or torch.is_grad_enabled() or torch.compiler.is_compiling():
        return F.gelu(x, approximate="tanh")
    # PyTorch's tanh is five times slower than its sigmoid on a CPU.
    return (x * x).mul_(_CUBE * _STRETCH).add_(_STRETCH).mul_(x).sigmoid_().mul_(x)
