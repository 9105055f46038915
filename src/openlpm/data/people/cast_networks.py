"""Two small networks for drawn faces: one finds them in a picture, one finds the landmarks of a face that was found."""

from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from openlpm.data.people.faces import NUM_POINTS

FINDER_SIDE = 160
"""Rows and columns of the (letterboxed) picture in which faces are looked for."""
CELL = 8
"""Rows of such a picture for which the finder answers once."""
MESH_SIDE = 96
"""Rows and columns of the cut-out in which landmarks are read."""
MESH_MARGIN = 1.35
"""Side of that cut-out over the longer side of the face's box."""
_GROUPS = 8


def _halving(width: int, wider: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, wider, 3, stride=2, padding=1, bias=False), nn.GroupNorm(_GROUPS, wider), nn.SiLU()
    )


@final
class _Residual(nn.Module):
    """Two normalised convolutions around which the input passes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(_GROUPS, width)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return functional.silu(x_NCHW + self.second(functional.silu(self.norm(self.first(x_NCHW)))))


class Found(NamedTuple):
    """What the finder says of every cell of N pictures."""

    logit_NHW: Tensor
    """Whether the middle of a face lies in the cell."""
    box_N4HW: Tensor
    """Where the middle is from the cell's own middle, in cells, and logarithms of width and height in cells."""


@final
class Finder(nn.Module):
    """Pictures (N, 3, 160, 160) in [0, 1] to one answer for every eight rows and columns."""

    def __init__(self) -> None:
        super().__init__()
        self.at8 = nn.Sequential(_halving(3, 16), _halving(16, 24), _halving(24, 40), _Residual(40))
        self.at16 = nn.Sequential(_halving(40, 56), _Residual(56))
        self.at32 = nn.Sequential(_halving(56, 64), _Residual(64), _Residual(64))
        self.down32 = nn.Conv2d(64, 56, 1)
        self.down16 = nn.Conv2d(56, 40, 1)
        self.mix = _Residual(40)
        self.answer = nn.Conv2d(40, 5, 1)
        nn.init.constant_(self.answer.bias[:1], -4.0)  # type: ignore[index]

    def forward(self, x_NCHW: Tensor) -> Found:
        at8 = self.at8((x_NCHW - 0.5) * 4.0)
        at16 = self.at16(at8)
        at32 = self.at32(at16)
        at16 = at16 + functional.interpolate(self.down32(at32), scale_factor=2.0, mode="nearest")
        at8 = self.mix(at8 + functional.interpolate(self.down16(at16), scale_factor=2.0, mode="nearest"))
        answer = self.answer(at8)
        return Found(logit_NHW=answer[:, 0], box_N4HW=answer[:, 1:])


class Meshed(NamedTuple):
    """What the mesh says of N cut-outs."""

    points_NP2: Tensor
    """x, y from -1 to 1 across the cut-out."""
    turn_N3: Tensor
    """Yaw, pitch, roll in radians."""
    logit_N: Tensor
    """Whether this is a face at all."""


@final
class Mesh(nn.Module):
    """Cut-outs (N, 3, 96, 96) in [0, 1] to landmarks: a soft-argmax map for each, and a small correction."""

    def __init__(self) -> None:
        super().__init__()
        self.at4 = nn.Sequential(_halving(3, 24), _halving(24, 40), _Residual(40))
        self.at8 = nn.Sequential(_halving(40, 56), _Residual(56))
        self.at16 = nn.Sequential(_halving(56, 72), _Residual(72))
        self.down16 = nn.Conv2d(72, 56, 1)
        self.down8 = nn.Conv2d(56, 40, 1)
        self.mix = _Residual(40)
        self.maps = nn.Conv2d(40, NUM_POINTS, 1)
        rows = MESH_SIDE // 4
        self.correct = nn.Sequential(nn.Linear(72 * (MESH_SIDE // 16) ** 2, 64), nn.SiLU())
        self.shift = nn.Linear(64, 2 * NUM_POINTS)
        self.turn = nn.Linear(64, 3)
        self.is_face = nn.Linear(64, 1)
        nn.init.zeros_(self.shift.weight)
        nn.init.zeros_(self.shift.bias)
        place = (torch.arange(rows) + 0.5) / rows * 2.0 - 1.0
        y, x = torch.meshgrid(place, place, indexing="ij")
        self.register_buffer("place_S2", torch.stack([x.flatten(), y.flatten()], dim=-1), persistent=False)

    def forward(self, x_NCHW: Tensor) -> Meshed:
        at4 = self.at4((x_NCHW - 0.5) * 4.0)
        at8 = self.at8(at4)
        at16 = self.at16(at8)
        at8 = at8 + functional.interpolate(self.down16(at16), scale_factor=2.0, mode="nearest")
        at4 = self.mix(at4 + functional.interpolate(self.down8(at8), scale_factor=2.0, mode="nearest"))
        weight_NPS = (2.0 * self.maps(at4)).flatten(2).float().softmax(dim=-1)
        overview_ND = self.correct(at16.flatten(1))
        shift_NP2 = self.shift(overview_ND).unflatten(1, (NUM_POINTS, 2))
        place_S2 = self.get_buffer("place_S2")
        return Meshed(
            points_NP2=weight_NPS @ place_S2 + 0.1 * shift_NP2,
            turn_N3=self.turn(overview_ND),
            logit_N=self.is_face(overview_ND)[:, 0],
        )
