"""What one picture says about its quality. Pictures are BGR or grey, 8 bits; scores are plain numbers."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openlpm.data.pixels import Grey, grey_of, means_of

Scores = NDArray[np.float64]

_TILES: Final = 6
_LEAST_GRADIENT: Final = 1.5
"""Grey levels a pixel under which a tile is a wall, which is sharp or not alike."""
_SHARPEST: Final = 25.0
"""Percentile of the tiles that counts: what is behind a person may be out of focus."""
_BLOCK: Final = 8
_DARK, _BRIGHT = 16, 250


def blur_of(grey_HW: Grey) -> float:
    """0 (crisp) to 1 (no detail is left to lose): how little a further blur changes.

    After Crete, Dolmiere, Ladret and Nicolas, "The blur effect" (2007), tile by tile.
    """
    image_HW = grey_HW.astype(np.float32)
    worst = np.zeros((_TILES, _TILES))
    strength = np.zeros((_TILES, _TILES))
    for axis, size in ((1, (9, 1)), (0, (1, 9))):
        smooth_HW = cv2.blur(image_HW, size)
        sharp, soft = (np.abs(np.diff(each_HW, axis=axis)) for each_HW in (image_HW, smooth_HW))
        lost = np.maximum(0.0, sharp - soft)
        total, kept = _tile_means(sharp), _tile_means(sharp) - _tile_means(lost)
        worst = np.maximum(worst, kept / np.maximum(total, 1e-6))
        strength += _tile_means(sharp)
    told = worst[strength / 2 > _LEAST_GRADIENT]
    if told.size < 3:
        told = worst.ravel()
    return float(np.percentile(told, _SHARPEST))


def exposure_of(picture_HWC: Grey) -> tuple[float, float, float]:
    """Mean brightness (0 to 1), share of pixels as good as black, and as good as white."""
    grey_HW = grey_of(picture_HWC)
    return (
        float(grey_HW.mean()) / 255,
        float((grey_HW < _DARK).mean()),
        float((grey_HW > _BRIGHT).mean()),
    )


def contrast_of(grey_HW: Grey) -> float:
    """Grey levels between the darkest and the brightest twentieth, 0 to 1."""
    low, high = np.percentile(grey_HW, (5, 95))
    return float(high - low) / 255


def cast_of(picture_HWC: Grey) -> float:
    """How far the picture as a whole leans to one colour, against how much its colours differ; 2 and more is a cast.

    The distance of the mean from grey over the spread around it, in Lab (Li, Jin and others, 2006).
    """
    small_HWC = cv2.resize(picture_HWC, (64, 64), interpolation=cv2.INTER_AREA)
    ab_X2 = cv2.cvtColor(small_HWC, cv2.COLOR_BGR2LAB)[..., 1:].reshape(-1, 2).astype(np.float64) - 128
    mean_2 = ab_X2.mean(axis=0)
    spread = float(np.linalg.norm(np.abs(ab_X2 - mean_2).mean(axis=0)))
    return max(0.0, float(np.linalg.norm(mean_2)) - spread) / max(spread, 4.0)


def blocking_of(grey_HW: Grey) -> float:
    """Steps at the borders of 8 by 8 blocks over steps elsewhere; 1 where there are none. At the coded size only."""
    image_HW = grey_HW.astype(np.float32)
    found: list[float] = []
    for axis in (0, 1):
        steps = np.abs(np.diff(image_HW, axis=axis)).mean(axis=1 - axis)
        phases = np.array([np.median(steps[phase::_BLOCK]) for phase in range(_BLOCK)])
        border = phases[_BLOCK - 1]
        found.append(float(border / max(float(np.median(np.delete(phases, _BLOCK - 1))), 0.25)))
    return float(np.mean(found))


def _tile_means(values_HW: NDArray[np.float32]) -> Scores:
    return means_of(values_HW, _TILES)
