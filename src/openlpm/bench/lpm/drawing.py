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
    """The renderer of the cast on one device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._piece = _PIECE if device.type == "cpu" else _PIECE_THERE

    def parameters(self, identity: Identity) -> Tensor:
        """What the renderer knows of somebody, (V,)."""
        return Cast([identity], device=self.device).parameters_BV[0]

    def frames(self, parameters: Tensor, rig_FR: NDArray[np.float32]) -> Iterator[Tensor]:
        """Blocks of pictures in [0, 1] of one look (V,), or of a look a frame (F, V)."""
        looks_FV = parameters.expand(rig_FR.shape[0], -1) if parameters.ndim == 1 else parameters
        poses_FR = torch.from_numpy(np.ascontiguousarray(rig_FR, dtype=np.float32)).to(self.device)
        with torch.no_grad():
            for first in range(0, rig_FR.shape[0], self._piece):
                piece = slice(first, first + self._piece)
                yield render_frames(looks_FV[piece], poses_FR[piece])
