"""Rendering any number of frames through one shape of graph."""

from typing import final

import torch
from torch import Tensor
from torch.nn import functional

from openlpm.synth.look.render import Render


@final
class PiecewiseRenderer:
    """Renders in pieces of ``frames_at_once``: memory is bounded and a compiled renderer sees one shape for ever."""

    def __init__(self, render: Render, frames_at_once: int) -> None:
        self._render, self._frames_at_once = render, frames_at_once

    @torch.no_grad()
    def __call__(self, parameters_NV: Tensor, rig_NR: Tensor) -> Tensor:
        """Frames of all rows; the last piece is filled up with zeros, which are thrown away."""
        size, pieces = self._frames_at_once, []
        for first in range(0, rig_NR.shape[0], size):
            rows = slice(first, first + size)
            missing = size - rig_NR[rows].shape[0]
            looks, poses = (functional.pad(x[rows], (0, 0, 0, missing)) for x in (parameters_NV, rig_NR))
            pieces.append(self._render(looks, poses)[: size - missing])
        return torch.cat(pieces)


def render_clips(parameters_BV: Tensor, rig_BFR: Tensor, render: Render) -> Tensor:
    """Clips (B, 3, F, H, W) in [-1, 1], one look a clip."""
    batch, frames = rig_BFR.shape[:2]
    parameters_NV = parameters_BV[:, None].expand(-1, frames, -1).flatten(0, 1)
    frames_NCHW = render(parameters_NV, rig_BFR.flatten(0, 1))
    return frames_NCHW.unflatten(0, (batch, frames)).transpose(1, 2) * 2 - 1
