"""Two small networks: a reader of single pictures, and a teller that makes tags of what was read in time."""

from typing import Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from openlpm.data.captions.tags import BODY_CHANNELS, FACE_CHANNELS, TAGS

FACE_SIDE: Final = 96
"""Rows and columns of the cut-out of a face."""
BODY_SIDE: Final = 64
NUM_FEATURES: Final = len(FACE_CHANNELS) + len(BODY_CHANNELS) + 5
"""What the teller hears of a frame: channels, where the head is (3), whether the person speaks or listens."""
_GROUPS = 8
_WIDTH = 56


class _Residual(nn.Module):
    """Two normalised convolutions around which the input passes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(_GROUPS, width)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return functional.silu(x_NCHW + self.second(functional.silu(self.norm(self.first(x_NCHW)))))


def _halving(width: int, wider: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, wider, 3, stride=2, padding=1, bias=False), nn.GroupNorm(_GROUPS, wider), nn.SiLU()
    )


@final
class Reader(nn.Module):
    """Cut-outs (N, 3, side, side) in [0, 1] to channels of the rig (N, R)."""

    def __init__(self, side: int, num_channels: int, width: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            _halving(3, width), _halving(width, 2 * width), _Residual(2 * width), _halving(2 * width, 3 * width),
            _Residual(3 * width), _halving(3 * width, 2 * width),
        )  # fmt: skip
        self.head = nn.Sequential(nn.Linear(2 * width * (side // 16) ** 2, 48), nn.SiLU())
        self.answer = nn.Linear(48, num_channels)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return self.answer(self.head(self.trunk((x_NCHW - 0.5) * 4.0).flatten(1)))


def face_reader() -> Reader:
    """The reader of faces."""
    return Reader(FACE_SIDE, len(FACE_CHANNELS), 16)


def body_reader() -> Reader:
    """The reader of bodies."""
    return Reader(BODY_SIDE, len(BODY_CHANNELS), 8)


@final
class _Moment(nn.Module):
    """A dilated convolution over time around which the input passes; each frame is normalised by itself."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(_WIDTH)
        self.first = nn.Conv1d(_WIDTH, _WIDTH, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv1d(_WIDTH, _WIDTH, 1)

    def forward(self, x_NCT: Tensor) -> Tensor:
        normal_NCT = self.norm(x_NCT.transpose(1, 2)).transpose(1, 2)
        return x_NCT + self.second(functional.silu(self.first(normal_NCT)))


@final
class Teller(nn.Module):
    """Features (N, ``NUM_FEATURES``, T) at 24 fps to a logit for every tag of ``tags.TAGS`` (N, tags, T)."""

    def __init__(self) -> None:
        super().__init__()
        self.begin = nn.Conv1d(NUM_FEATURES, _WIDTH, 5, padding=2)
        self.moments = nn.Sequential(*(_Moment(dilation) for dilation in (1, 2, 4, 8, 16, 1)))
        self.norm = nn.LayerNorm(_WIDTH)
        self.answer = nn.Conv1d(_WIDTH, len(TAGS), 1)
        nn.init.constant_(self.answer.bias, -2.0)  # type: ignore[arg-type]

    def forward(self, x_NXT: Tensor) -> Tensor:
        x_NCT = self.moments(functional.silu(self.begin(x_NXT)))
        return self.answer(functional.silu(self.norm(x_NCT.transpose(1, 2)).transpose(1, 2)))


def as_batch(pictures: list[Tensor]) -> Tensor:
    """8-bit pictures (H, W, 3) as a batch."""
    return torch.stack(pictures).float().div(255.0).permute(0, 3, 1, 2)
