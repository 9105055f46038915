"""How much the picture changes from frame to frame."""

from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Changes = NDArray[np.float64]
"""Mean absolute pixel difference between frame f and frame f + 1 of a clip, (F - 1,); NaN where it is unknown."""


@final
class ChangeMeter:
    """How much the picture changes from frame to frame in a clip that is fed piece by piece."""

    def __init__(self) -> None:
        self._last_FCHW: Tensor | None = None
        self._parts: list[Tensor] = []

    def add(self, frames_FCHW: Tensor) -> None:
        """The next frames of the clip."""
        if self._last_FCHW is not None:
            frames_FCHW = torch.cat([self._last_FCHW, frames_FCHW])
        self._parts.append(picture_changes(frames_FCHW))
        self._last_FCHW = frames_FCHW[-1:].clone()

    def changes(self) -> Changes:
        """Of all that was added."""
        return torch.cat(self._parts).double().cpu().numpy()


def picture_changes(frames_FCHW: Tensor) -> Tensor:
    """Mean absolute difference of successive frames, (F - 1,)."""
    return (frames_FCHW[1:] - frames_FCHW[:-1]).abs().mean(dim=(1, 2, 3))
