"""Convolution blocks of the autoencoder: no norms, residual, SiLU."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn


def conv3x3(in_channels: int, out_channels: int) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size."""
    return nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)


@final
class ResidualBlock(nn.Module):
    """x + conv(silu(conv(silu(x)))); the second convolution starts at zero, so a new block is the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_in = conv3x3(width, width)
        self.conv_out = conv3x3(width, width)
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(nn.Module.get_parameter(self.conv_out, "bias"))
        self.act = nn.SiLU()

    def forward(self, x_NCHW: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        return x_NCHW + self.conv_out(self.act(self.conv_in(self.act(x_NCHW))))


@final
class CausalBlock(nn.Module):
    """A residual block whose first convolution also sees the same features one latent frame earlier."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block = ResidualBlock(width)
        self.past = conv3x3(width, width)
        nn.init.zeros_(self.past.weight)
        nn.init.zeros_(nn.Module.get_parameter(self.past, "bias"))

    def forward(
        self, x_BTCHW: Float[Tensor, "B T C H W"], past_BCHW: Float[Tensor, "B C H W"] | None
    ) -> tuple[Float[Tensor, "B T C H W"], Float[Tensor, "B C H W"]]:
        """Features of T frames and those of the frame before them (None at the start of a stream: zeros).

        Returns the new features and the state for the next call.
        """
        batch, frames = x_BTCHW.shape[:2]
        first_B1CHW = torch.zeros_like(x_BTCHW[:, :1]) if past_BCHW is None else past_BCHW[:, None]
        earlier_BTCHW = torch.cat([first_B1CHW, x_BTCHW[:, :-1]], dim=1)
        x_NCHW = x_BTCHW.flatten(0, 1) + self.past(self.block.act(earlier_BTCHW.flatten(0, 1)))
        return self.block(x_NCHW).unflatten(0, (batch, frames)), x_BTCHW[:, -1]
