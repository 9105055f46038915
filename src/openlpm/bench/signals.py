"""Small maths on tracks that the metrics share: correlation, smoothing, runs, events."""

import numpy as np
from numpy.typing import NDArray

FloatTrack = NDArray[np.floating]
Mask = NDArray[np.bool_]


def correlation(a_F: FloatTrack, b_F: FloatTrack) -> float:
    """Pearson correlation; 0 where either track is constant, so that stillness is never dropped from a mean.

    Non-finite values count as a failure (0), not as missing.
    """
    if a_F.size < 2 or not (np.all(np.isfinite(a_F)) and np.all(np.isfinite(b_F))):
        return 0.0
    a_F, b_F = a_F.astype(np.float64), b_F.astype(np.float64)
    a_F, b_F = a_F - a_F.mean(), b_F - b_F.mean()
    spread = float(np.sqrt((a_F**2).sum() * (b_F**2).sum()))
    # Below this, what is left is rounding of float32 tracks.
    return float((a_F * b_F).sum()) / spread if spread > 1e-9 * a_F.size else 0.0


def smooth(track_FX: FloatTrack, window: int) -> NDArray[np.float64]:
    """Centred moving average along the first axis; only whole windows are kept (F - window + 1 rows)."""
    sums_FX = np.cumsum(np.concatenate([np.zeros_like(track_FX[:1]), track_FX]), axis=0, dtype=np.float64)
    return (sums_FX[window:] - sums_FX[:-window]) / window


def runs(mask_F: Mask) -> list[tuple[int, int]]:
    """Start and end (exclusive) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask_F, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def shrink(mask_F: Mask, frames: int) -> Mask:
    """Take ``frames`` off both ends of every run of True, except at the ends of the clip."""
    shrunk_F = mask_F.copy()
    for step in range(1, frames + 1):
        shrunk_F[step:] &= mask_F[:-step]
        shrunk_F[:-step] &= mask_F[step:]
    return shrunk_F


def count_pulses(track_F: FloatTrack, *, enter: float, leave: float) -> int:
    """How often the track rises over ``enter`` after having been under ``leave`` (hysteresis against flutter)."""
    count, inside = 0, False
    for value in track_F:
        if not inside and value > enter:
            count, inside = count + 1, True
        elif inside and value < leave:
            inside = False
    return count
