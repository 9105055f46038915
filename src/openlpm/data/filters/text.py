"""Lines of letters, found by what all of them have: strokes of one strength, heights that agree, a common baseline."""

from dataclasses import dataclass
from typing import Final, cast, final

import cv2
import numpy as np
from numpy.typing import NDArray

from openlpm.data.pixels import Grey, shrunk

_HEIGHT: Final = 288
_STROKE: Final = 9
"""Strokes are thinner than so many of 288 rows."""
_CONTRAST: Final = 45
_ENOUGH: Final = 8.0
"""Letters on one line that leave no doubt."""
_MARK_ENOUGH: Final = 4.0


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Lines:
    """How sure it is that there are letters, 0 to 1 and more."""

    below: float
    """In the lowest third, across the middle."""
    corners: float
    """In one of the corners."""


def lines_of(grey_HW: Grey) -> Lines:
    """Look for letters in a picture."""
    height, width = grey_HW.shape
    scale = _HEIGHT / height
    small_HW = shrunk(grey_HW, max(2, round(width * scale)), _HEIGHT)
    best_below = best_corner = 0.0
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (_STROKE, _STROKE))
    for operation in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
        strokes_HW = cast("Grey", cv2.morphologyEx(small_HW, operation, kernel))
        letters = _letters(strokes_HW)
        below = letters[letters[:, 1] > 0.62 * _HEIGHT]
        best_below = max(best_below, _longest_line(below) / _ENOUGH)
        for left in (True, False):
            for top in (True, False):
                column = letters[:, 0] + letters[:, 2] / 2
                row = letters[:, 1] + letters[:, 3] / 2
                near = (column < 0.34 * small_HW.shape[1]) if left else (column > 0.66 * small_HW.shape[1])
                near &= (row < 0.22 * _HEIGHT) if top else (row > 0.78 * _HEIGHT)
                best_corner = max(best_corner, _longest_line(letters[near]) / _MARK_ENOUGH)
    return Lines(below=best_below, corners=best_corner)


def _letters(strokes_HW: Grey) -> NDArray[np.float64]:
    """Boxes (left, top, width, height) of what could be a letter."""
    _, binary_HW = cv2.threshold(strokes_HW, _CONTRAST, 255, cv2.THRESH_BINARY)
    count, _, stats, _ = cv2.connectedComponentsWithStats(binary_HW, connectivity=8)
    boxes = stats[1:count].astype(np.float64)
    left, top, width, height, area = boxes.T if boxes.size else np.zeros((5, 0))
    fits = (height >= 5) & (height <= 30) & (width <= 2.2 * height) & (area >= 0.15 * width * height) & (area >= 8)
    return np.stack([left[fits], top[fits], width[fits], height[fits]], axis=1)


def _longest_line(boxes: NDArray[np.float64]) -> float:
    """Most letters that stand on one line, alike in height, none far from the next."""
    best = 0
    for _left, top, _width, height in boxes:
        bottom = top + height
        alike = (
            (np.abs(boxes[:, 1] + boxes[:, 3] - bottom) <= max(1.5, 0.15 * height))
            & (boxes[:, 3] > 0.6 * height)
            & (boxes[:, 3] < 1.5 * height)
        )
        row = boxes[alike]
        row = row[np.argsort(row[:, 0])]
        gaps = row[1:, 0] - (row[:-1, 0] + row[:-1, 2])
        breaks = np.flatnonzero((gaps > 2.0 * height) | (gaps < -1))
        runs = np.diff(np.concatenate(([-1], breaks, [len(row) - 1])))
        best = max(best, int(runs.max()))
    return float(best)
