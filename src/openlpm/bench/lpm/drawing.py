"""Draws performances frame by frame: the truth, and what the baselines and controls do instead."""

from collections.abc import Iterator
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.synth.look.identity import Identity
from openlpm.synth.look.render import Cast, render_frames

_PIECE, _PIECE_THERE = 8, 192
"""Pictures drawn at once by a processor and by a GPU."""


@final
class Drawing:
    """The renderer of the cast; compiled it begins minutes later and is then several times faster on a processor."""

    def __init__(self, device: torch.device, *, compiled: bool = False) -> None:
        self.device = device
        self._piece = _PIECE if device.type == "cpu" else _PIECE_THERE
        self._render = torch.compile(render_frames, dynamic=False) if compiled else render_frames

    def parameters(self, identity: Identity) -> Tensor:
        """What the renderer knows of somebody, (V,)."""
        return Cast([identity], device=self.device).parameters_BV[0]

    def frames(self, parameters: Tensor, rig_FR: NDArray[np.float32]) -> Iterator[Tensor]:
        """Blocks of pictures in [0, 1] of one look (V,), or of a look a frame (F, V)."""
        looks_FV = parameters.expand(rig_FR.shape[0], -1) if parameters.ndim == 1 else parameters
        poses_FR = torch.from_numpy(np.ascontiguousarray(rig_FR, dtype=np.float32)).to(self.device)
        for first in range(0, rig_FR.shape[0], self._piece):
            yield self._drawn(looks_FV[first : first + self._piece], poses_FR[first : first + self._piece])

    @torch.no_grad()
    def _drawn(self, looks_NV: Tensor, poses_NR: Tensor) -> Tensor:
        """A piece filled up to the one size that a compiled renderer has seen."""
        missing = self._piece - poses_NR.shape[0]
        if missing:
            looks_NV = torch.cat([looks_NV, looks_NV[-1:].expand(missing, -1)])
            poses_NR = torch.cat([poses_NR, poses_NR[-1:].expand(missing, -1)])
        return self._render(looks_NV, poses_NR)[: self._piece - missing]
