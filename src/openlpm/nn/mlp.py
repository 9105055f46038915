"""Two linear layers with a GELU between them."""

from typing import final

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


@final
class Mlp(nn.Module):
    """``down(gelu(up(x)))`` with the tanh form of GELU, as in Wan's text embedding and feed-forward."""

    def __init__(self, width_in: int, hidden: int, width_out: int) -> None:
        super().__init__()
        self.up = nn.Linear(width_in, hidden)
        self.down = nn.Linear(hidden, width_out)

    def forward(self, x_I: Float[Tensor, "*lead I"]) -> Float[Tensor, "*lead O"]:
        return self.down(F.gelu(self.up(x_I), approximate="tanh"))
