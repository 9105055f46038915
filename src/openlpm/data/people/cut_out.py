"""Squares cut out of pictures at any place and size, smoothly shrunk."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Square = tuple[float, float, float]
"""Middle x, middle y and side, in pixels."""


def cut_out(picture_HWC: NDArray[np.uint8], square: Square, side: int) -> NDArray[np.uint8]:
    """What ``square`` shows, (side, side, 3); beyond the picture its border goes on."""
    rows, columns = picture_HWC.shape[:2]
    x0, y0 = square[0] - square[2] / 2, square[1] - square[2] / 2
    x1, y1 = x0 + square[2], y0 + square[2]
    left, top = int(max(np.ceil(-x0), 0)), int(max(np.ceil(-y0), 0))
    right, bottom = int(max(np.ceil(x1 - columns), 0)), int(max(np.ceil(y1 - rows), 0))
    # Only what is needed is copied: a face is a small part of a large picture.
    first_x, first_y = int(max(np.floor(x0), 0)), int(max(np.floor(y0), 0))
    last_x, last_y = int(min(np.ceil(x1), columns)), int(min(np.ceil(y1), rows))
    if last_x <= first_x or last_y <= first_y:
        return np.zeros((side, side, 3), np.uint8)
    part_HWC = picture_HWC[first_y:last_y, first_x:last_x]
    if left or top or right or bottom:
        part_HWC = np.pad(part_HWC, ((top, bottom), (left, right), (0, 0)), mode="edge")
    x0, y0 = x0 - first_x + left, y0 - first_y + top
    box = (max(x0, 0.0), max(y0, 0.0), min(x0 + square[2], part_HWC.shape[1]), min(y0 + square[2], part_HWC.shape[0]))
    shown = Image.fromarray(np.ascontiguousarray(part_HWC)).resize((side, side), Image.Resampling.BILINEAR, box=box)
    return np.asarray(shown)


def letterbox(picture_HWC: NDArray[np.uint8], side: int) -> tuple[NDArray[np.uint8], float]:
    """The whole picture in the upper left of a black square, and how many of its pixels one of the square's is."""
    rows, columns = picture_HWC.shape[:2]
    scale = max(rows, columns) / side
    size = (max(round(columns / scale), 1), max(round(rows / scale), 1))
    square_HWC = np.zeros((side, side, 3), np.uint8)
    shown = Image.fromarray(np.ascontiguousarray(picture_HWC)).resize(size, Image.Resampling.BILINEAR)
    square_HWC[: size[1], : size[0]] = np.asarray(shown)
    return square_HWC, scale
