"""A small network that sees letters where they are faint, few, or touch each other."""

from functools import cache
from pathlib import Path
from typing import Final, final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from openlpm.weights.store import load_into

WEIGHTS: Final = Path(__file__).parent / "weights"
"""The folder of the package that holds the weights, made by ``runs/train_letters.py``."""
ROWS: Final = 192
"""Rows to which a picture is brought before letters are looked for."""
CELL: Final = 4
"""Rows and columns for which the network answers once."""
_AROUND: Final = 17
_NOISE: Final = 1.5
"""Levels of contrast that a coder leaves in an even place: so little is not amplified."""
_MOST: Final = 4.0


@final
class Letters(nn.Module):
    """Evened pictures (N, 3, H, W) to logits (N, H / 4, W / 4): whether a cell lies on a word."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 5, stride=2, padding=2), nn.SiLU(),
            nn.Conv2d(16, 24, 3, padding=1), nn.SiLU(),
            nn.Conv2d(24, 32, 3, stride=2, padding=1), nn.SiLU(),
            nn.Conv2d(32, 32, 3, padding=1), nn.SiLU(),
            nn.Conv2d(32, 32, 3, padding=2, dilation=2), nn.SiLU(),
            nn.Conv2d(32, 1, 1),
        )  # fmt: skip

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return self.layers(x_NCHW)[:, 0]


def evened(picture_HWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Differences from what is around, over the contrast that is around: white on cream looks like white on black."""
    image_HWC = picture_HWC.astype(np.float32)
    off_HWC = image_HWC - cv2.blur(image_HWC, (_AROUND, _AROUND))
    power_HW = cv2.blur(np.square(off_HWC).mean(axis=-1), (_AROUND, _AROUND))
    contrast_HW = np.sqrt(np.maximum(power_HW, 0.0))
    return np.clip(off_HWC / (contrast_HW + _NOISE)[..., None], -_MOST, _MOST).astype(np.float32)


@torch.no_grad()
def letters_in(picture_HWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How sure it is that there are letters, 0 to 1, for every four rows and columns of the picture at 192 rows.

    Raises:
        WeightsError: the weights are missing or damaged.
    """
    height, width = picture_HWC.shape[:2]
    columns = max(CELL, round(width * ROWS / height / CELL) * CELL)
    small_HWC = cv2.resize(picture_HWC, (columns, ROWS), interpolation=cv2.INTER_AREA).astype(np.uint8)
    x_1CHW = torch.from_numpy(evened(small_HWC).transpose(2, 0, 1)[None].copy())
    return torch.sigmoid(_network()(x_1CHW))[0].numpy()


@cache
def _network() -> Letters:
    network = Letters().eval()
    load_into(network, WEIGHTS)
    return network
