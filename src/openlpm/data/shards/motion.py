"""How much a face moves, and where it is in the picture that training sees."""

import numpy as np
from numpy.typing import NDArray

from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.pairing.part import Unit
from openlpm.data.people.part import Person

_CALM_FRAMES = 3
"""Landmarks are averaged over so many frames first: detectors tremble."""


def tracks_of(unit: Unit, person: Person, size: int) -> dict[str, NDArray[np.float32]]:
    """``points_FP2`` and ``boxes_F4`` of a unit in pixels of its own pictures, and ``turns_F3``.

    NaN where no face is seen.
    """
    square_F3 = unit.crops.unpack()
    corner_F2, scale_F = square_F3[:, :2], size / square_F3[:, 2]
    points_FP2, boxes_F4, turns_F3 = (
        _within(track.unpack(), unit.first_frame - person.first_frame, unit.num_frames)
        for track in (person.points, person.boxes, person.turns)
    )
    return {
        "points_FP2": ((points_FP2 - corner_F2[:, None]) * scale_F[:, None, None]).astype(np.float32),
        "boxes_F4": ((boxes_F4 - np.tile(corner_F2, 2)) * scale_F[:, None]).astype(np.float32),
        "turns_F3": turns_F3,
    }


def _within(track_FX: NDArray[np.float32], first: int, count: int) -> NDArray[np.float32]:
    """Rows of a track, NaN where it has not begun or has ended."""
    found_FX = np.full((count, *track_FX.shape[1:]), np.nan, np.float32)
    rows_FX = track_FX[max(first, 0) : max(first + count, 0)]
    found_FX[max(-first, 0) : max(-first, 0) + len(rows_FX)] = rows_FX
    return found_FX


def motion_energy(points_FP2: NDArray[np.float32], boxes_F4: NDArray[np.float32]) -> float:
    """Mean speed of the landmarks, in lengths of the face a second; 0 where too little is seen."""
    seen_F = np.isfinite(points_FP2).all(axis=(1, 2))
    if seen_F.sum() < _CALM_FRAMES + 1:
        return 0.0
    length = float(np.nanmedian((boxes_F4[:, 2:] - boxes_F4[:, :2]).max(axis=1)))
    windows = np.lib.stride_tricks.sliding_window_view(points_FP2, _CALM_FRAMES, axis=0)
    calm_FP2 = windows.mean(axis=-1)
    speed_F = np.linalg.norm(np.diff(calm_FP2, axis=0), axis=2).mean(axis=1)
    speed_F = speed_F[np.isfinite(speed_F)]
    return float(speed_F.mean() / max(length, 1.0) * FRAME_RATE_HZ) if speed_F.size else 0.0
