"""Lines of letters, found by what all of them have: strokes of one strength, heights that agree, a common baseline."""

from typing import Final, cast

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
_STROKES_ENOUGH: Final = 14.0
"""Strokes that a row of a line of letters crosses."""
_TALLEST, _FLATTEST = 26, 4
"""Rows of a line of letters."""


def subtitle_in(grey_HW: Grey) -> float:
    """How sure it is that there is a line of letters in the lowest third, 0 to 1 and more."""
    small_HW = _scaled(grey_HW)
    best = 0.0
    for strokes_HW in _strokes(small_HW):
        letters = _letters(strokes_HW)
        best = max(best, _longest_line(letters[letters[:, 1] > 0.62 * _HEIGHT]) / _ENOUGH)
        best = max(best, _band(strokes_HW[round(0.62 * _HEIGHT) :] > _CONTRAST) / _STROKES_ENOUGH)
    return best


def _scaled(grey_HW: Grey) -> Grey:
    height, width = grey_HW.shape
    return shrunk(grey_HW, max(2, round(width * _HEIGHT / height)), _HEIGHT)


def _strokes(small_HW: Grey) -> list[Grey]:
    """Bright strokes and dark ones, by how much they stand out."""
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (_STROKE, _STROKE))
    return [cast("Grey", cv2.morphologyEx(small_HW, how, kernel)) for how in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)]


def _letters(strokes_HW: Grey) -> NDArray[np.float64]:
    _, binary_HW = cv2.threshold(strokes_HW, _CONTRAST, 255, cv2.THRESH_BINARY)
    count, _, stats, _ = cv2.connectedComponentsWithStats(binary_HW, connectivity=8)
    boxes = stats[1:count].astype(np.float64)
    left, top, width, height, area = boxes.T if boxes.size else np.zeros((5, 0))
    fits = (height >= 5) & (height <= 30) & (width <= 2.2 * height) & (area >= 0.15 * width * height) & (area >= 8)
    return np.stack([left[fits], top[fits], width[fits], height[fits]], axis=1)


def _band(strokes_HW: NDArray[np.bool_]) -> float:
    """Strokes that the rows of a band cross, if there are few above and below it: letters too small to tell apart."""
    crossed = np.diff(strokes_HW.astype(np.int8), axis=1) == 1
    counts = crossed.sum(axis=1).astype(np.float64)
    best = 0.0
    busy = counts >= 5
    changes = np.flatnonzero(np.diff(np.concatenate(([0], busy.astype(np.int8), [0]))))
    for first, end in zip(changes[::2], changes[1::2], strict=True):
        tall = int(end - first)
        if not _FLATTEST <= tall <= _TALLEST:
            continue
        around = np.concatenate((counts[max(0, first - tall // 2 - 1) : first], counts[end : end + tall // 2 + 1]))
        if around.size and float(around.mean()) < 0.3 * float(np.median(counts[first:end])):
            best = max(best, float(np.median(counts[first:end])))
    return best


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
