"""Rectangles whose edges stand still to the pixel and run with rows and columns: pictures in the picture."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

_SIDE: Final = 240
_EDGE: Final = 7.0
"""Levels of a step of any colour that counts, in all but a few frames."""
_SHORTEST: Final = 0.12
"""Of the picture's side."""
_LARGEST: Final = 0.6
"""Of the picture's area."""
_MOVES: Final = 0.8
"""Levels by which the livelier quarter of what is inside changes over time."""
_MOST_LINES: Final = 40
_NEAR: Final = 3
_WHOLE: Final = 0.95
"""An edge along so much of the picture's side is where two pictures meet side by side, not the outline of one in the
other."""


def inset_of(pictures: Sequence[NDArray[np.uint8]]) -> float:
    """How much of its outline bears out the best rectangle that has a life of its own, 0 to 1."""
    if len(pictures) < 3:
        return 0.0
    height, width = pictures[0].shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    shape = (max(2, round(width * scale)), max(2, round(height * scale)))
    stack = np.stack([cv2.resize(each, shape, interpolation=cv2.INTER_AREA) for each in pictures]).astype(np.float32)
    rows_HW = _still(np.abs(np.diff(stack, axis=1)).max(axis=-1))
    columns_HW = _still(np.abs(np.diff(stack, axis=2)).max(axis=-1))
    moves_HW = stack.std(axis=0).max(axis=-1)
    seams = np.flatnonzero(columns_HW.mean(axis=0) > _WHOLE)
    lines = [line for line in _runs(rows_HW, round(_SHORTEST * shape[0])) if line[2] - line[1] < _WHOLE * shape[0]]
    best = 0.0
    for index, (y0, left0, right0) in enumerate(lines):
        for y1, left1, right1 in lines[index + 1 :]:
            left, right = max(left0, left1), min(right0, right1)
            wide = max(right0, right1) - min(left0, left1)
            if abs(y1 - y0) >= _SHORTEST * shape[1] and right - left >= 0.75 * wide:
                box = (min(y0, y1), max(y0, y1), left, right)
                best = max(best, _borne_out(columns_HW, moves_HW, box, seams))
    return best


def _still(steps_FHW: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Edges that are there in three of four frames at least."""
    return np.percentile(steps_FHW, 25, axis=0) > _EDGE


def _borne_out(
    columns_HW: NDArray[np.bool_],
    moves_HW: NDArray[np.float32],
    box: tuple[int, int, int, int],
    seams: NDArray[np.intp],
) -> float:
    upper, lower, left, right = box
    height, width = moves_HW.shape
    if (lower - upper) * (right - left) > _LARGEST * height * width:
        return 0.0
    sides = [
        float(columns_HW[upper:lower, max(0, at - _NEAR) : at + _NEAR].max(axis=1).mean())
        for at in (left, right)
        if _NEAR < at < columns_HW.shape[1] - _NEAR and not (np.abs(seams - at) <= _NEAR).any()
    ]
    inside_HW = moves_HW[upper + 2 : lower - 1, left + 2 : right - 1]
    if not sides or inside_HW.size == 0 or float(np.percentile(inside_HW, 75)) < _MOVES:
        return 0.0
    return min(sides)


def _runs(edges_HW: NDArray[np.bool_], shortest: int) -> list[tuple[int, int, int]]:
    """The longest runs (row, first column, end) of edges along rows; gaps of a few pixels are bridged."""
    closed = cv2.morphologyEx(edges_HW.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, 9), np.uint8))
    found: list[tuple[int, int, int]] = []
    for row in range(closed.shape[0]):
        changes = np.flatnonzero(np.diff(np.concatenate(([0], closed[row], [0])).astype(np.int8)))
        found += [(row, int(a), int(b)) for a, b in zip(changes[::2], changes[1::2], strict=True) if b - a >= shortest]
    return sorted(found, key=lambda run: run[1] - run[2])[:_MOST_LINES]
