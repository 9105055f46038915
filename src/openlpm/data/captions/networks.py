"""Two small networks: a reader of faces, and a teller that makes tags of what was read in time."""

from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from openlpm.data.captions.tags import FACE_CHANNELS, TAGS
from openlpm.data.people.faces import NUM_POINTS

FACE_SIDE, EYE_SIDE, MOUTH_SIDE = 48, 32, 32
"""Rows and columns of the cut-outs of a face, of each eye and of the mouth."""
NUM_FEATURES: Final = 2 * len(FACE_CHANNELS) + 5
"""What the teller hears of a frame: channels twice, where the head is (3), whether the person speaks or listens."""
_GROUPS = 4
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


def _near(channels: int) -> nn.Sequential:
    """What sees a part of the face from near."""
    return nn.Sequential(_halving(channels, 16), _halving(16, 32), _Residual(32), _halving(32, 32))


@final
class Reader(nn.Module):
    """What a face shows: cut-outs of it, of both eyes and of the mouth, and its landmarks, to channels of the rig."""

    def __init__(self) -> None:
        super().__init__()
        self.face = nn.Sequential(_halving(3, 16), _halving(16, 32), _Residual(32), _halving(32, 16))
        self.eyes, self.mouth = _near(6), _near(3)
        cells = 16 * (FACE_SIDE // 8) ** 2 + 32 * (EYE_SIDE // 8) ** 2 + 32 * (MOUTH_SIDE // 8) ** 2
        self.first = nn.Linear(cells + 2 * NUM_POINTS, 80)
        self.second = nn.Linear(80, 80)
        self.answer = nn.Linear(80, len(FACE_CHANNELS))

    def forward(self, face_NCHW: Tensor, eyes_NCHW: Tensor, mouth_NCHW: Tensor, points_NP2: Tensor) -> Tensor:
        """(N, channels) of faces (N, 3, 48, 48), eyes (N, 6, 32, 32) and mouths (N, 3, 32, 32), and points.

        Pictures are in [0, 1], points as ``features.points_within`` gives them.
        """
        looks = ((self.face, face_NCHW), (self.eyes, eyes_NCHW), (self.mouth, mouth_NCHW))
        seen_ND = [network((pictures - 0.5) * 4.0).flatten(1) for network, pictures in looks]
        x_ND = functional.silu(self.first(torch.cat([*seen_ND, points_NP2.flatten(1)], dim=1)))
        return self.answer(functional.silu(self.second(x_ND)))


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


def as_batch(pictures_NHWC: NDArray[np.uint8]) -> Tensor:
    """8-bit pictures as networks take them."""
    return torch.from_numpy(pictures_NHWC).float().div(255.0).permute(0, 3, 1, 2).contiguous()
