"""Rectangles whose edges stand still to the pixel and run with rows and columns: pictures in the picture."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openlpm.data.pixels import Grey, shrunk

_SIDE: Final = 240
_EDGE: Final = 9.0
"""Grey levels of a step that counts, in all but a few frames."""
_SHORTEST: Final = 0.12
"""Of the picture's side."""
_MOST_LINES: Final = 24


def inset_of(greys: Sequence[Grey]) -> float:
    """Share of its outline by which the best rectangle is borne out, if what is inside moves by itself; 0 to 1."""
    if len(greys) < 3:
        return 0.0
    scale = _SIDE / max(greys[0].shape)
    shape = (max(2, round(greys[0].shape[1] * scale)), max(2, round(greys[0].shape[0] * scale)))
    stack = np.stack([shrunk(each, *shape) for each in greys]).astype(np.float32)
    rows_HW = np.percentile(np.abs(np.diff(stack, axis=1)), 25, axis=0) > _EDGE
    columns_HW = np.percentile(np.abs(np.diff(stack, axis=2)), 25, axis=0) > _EDGE
    moves_HW = stack.std(axis=0)
    height, width = stack.shape[1:]
    best = 0.0
    tops = _runs(rows_HW, round(_SHORTEST * width))
    for index, (y0, left0, right0) in enumerate(tops):
        for y1, left1, right1 in tops[index + 1 :]:
            upper, lower = sorted((y0, y1))
            if lower - upper < _SHORTEST * height:
                continue
            left, right = max(left0, left1), min(right0, right1)
            if right - left < 0.8 * max(right0 - left0, right1 - left1):
                continue
            best = max(best, _borne_out(columns_HW, moves_HW, (upper, lower, left, right)))
    return best


def _borne_out(columns_HW: NDArray[np.bool_], moves_HW: NDArray[np.float32], box: tuple[int, int, int, int]) -> float:
    upper, lower, left, right = box
    height, width = moves_HW.shape
    if (lower - upper) * (right - left) > 0.6 * height * width:
        return 0.0
    sides = [
        columns_HW[upper:lower, max(0, at - 3) : at + 3].any(axis=1).mean()
        for at in (left, right)
        if 3 < at < columns_HW.shape[1] - 3
    ]
    inside_HW = moves_HW[upper + 2 : lower - 1, left + 2 : right - 1]
    if not sides or inside_HW.size == 0 or float(np.percentile(inside_HW, 75)) < 1.5:
        return 0.0
    return float(min(sides))


def _runs(edges_HW: NDArray[np.bool_], shortest: int) -> list[tuple[int, int, int]]:
    """The longest runs (row, first column, end) of edges along rows; gaps of two pixels are bridged."""
    closed = cv2.morphologyEx(edges_HW.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, 5), np.uint8))
    found: list[tuple[int, int, int]] = []
    for row in range(closed.shape[0]):
        changes = np.flatnonzero(np.diff(np.concatenate(([0], closed[row], [0])).astype(np.int8)))
        found += [(row, int(a), int(b)) for a, b in zip(changes[::2], changes[1::2], strict=True) if b - a >= shortest]
    return sorted(found, key=lambda run: run[1] - run[2])[:_MOST_LINES]
