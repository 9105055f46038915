"""What of a face's landmarks tells whether it speaks, at the same scale for every face, drawn or filmed."""

from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.data.people.faces import NUM_POINTS, POINT

NUM_MOTION = 16
"""Numbers a frame that ``motion_features`` gives."""
_SMOOTH_FRAMES = 12
_LEAST_SPREAD = 0.02
"""In eye distances: less than this is the detector's noise, not a mouth that moves."""
_MOST = 6.0


@final
class _Points:
    def __init__(self, points_FP2: NDArray[np.float64]) -> None:
        self._points = points_FP2

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return self._points[:, POINT[name]]

    def middle(self, *names: str) -> NDArray[np.float64]:
        """The mean of some points, (F, 2)."""
        return np.mean([self[name] for name in names], axis=0)


def motion_features(points_FP2: NDArray[np.float32], turn_F3: NDArray[np.float32]) -> NDArray[np.float32]:
    """Opening, width and height of lips and jaw, their speed, and head motion: (F, ``NUM_MOTION``).

    ``points_FP2`` are the landmarks of one track at 24 fps in the order of ``faces.POINTS``, NaN where the face was not
    seen. Mouths differ in size by a factor of ten between the cast's styles, so each measure comes twice: in distances
    of the eyes, and in its own spread over the track.
    """
    if points_FP2.shape[1:] != (NUM_POINTS, 2) or turn_F3.shape != (points_FP2.shape[0], 3):
        raise ValueError(f"points {points_FP2.shape}, turns {turn_F3.shape}: give (F, {NUM_POINTS}, 2) and (F, 3)")
    seen_F = seen_frames(points_FP2)
    num_frames = points_FP2.shape[0]
    if not seen_F.any():
        return np.zeros((num_frames, NUM_MOTION), np.float32)
    points = _Points(_bridged(points_FP2.reshape(num_frames, -1), seen_F).reshape(points_FP2.shape))
    turn_F3 = _bridged(turn_F3, seen_F).astype(np.float32)
    left, right = points.middle("eye_left_outer", "eye_left_inner"), points.middle("eye_right_inner", "eye_right_outer")
    across_F2 = right - left
    size_F = np.linalg.norm(across_F2, axis=1) / np.clip(np.cos(0.7 * turn_F3[:, 0]), 0.6, 1.0)
    size_F = np.maximum(_smoothed(size_F[:, None])[:, 0], 1e-3)
    along_F2 = across_F2 / np.maximum(np.linalg.norm(across_F2, axis=1, keepdims=True), 1e-6)
    down_F2 = np.stack([-along_F2[:, 1], along_F2[:, 0]], axis=1)

    def below(upper: NDArray[np.float64], lower: NDArray[np.float64]) -> NDArray[np.float64]:
        return ((lower - upper) * down_F2).sum(axis=1) / size_F

    gap_F = below(points["gap_top"], points["gap_bottom"])
    lips_F = below(points["lip_top"], points["lip_bottom"])
    wide_F = np.linalg.norm(points["mouth_right"] - points["mouth_left"], axis=1) / size_F
    jaw_F = below(points["nose_tip"], points["chin"])
    corner_F = below(points.middle("mouth_left", "mouth_right"), points.middle("gap_top", "gap_bottom"))
    shapes_F5 = np.stack([gap_F, lips_F, wide_F, jaw_F, corner_F], axis=1)
    low_5, usual_5, high_5 = np.quantile(shapes_F5[seen_F], (0.1, 0.5, 0.9), axis=0)
    spread_5 = np.maximum(high_5 - low_5, _LEAST_SPREAD)
    head_F2 = (left + right) / 2 / size_F[:, None]
    columns = [
        (shapes_F5 - low_5) / spread_5,
        (shapes_F5[:, :3] - usual_5[:3]) * 8.0,
        _speed(shapes_F5[:, :3]) * 15.0,
        _speed(head_F2) * 10.0,
        _speed(turn_F3.astype(np.float64)[:, :2]) * 10.0,
        seen_F[:, None].astype(np.float64),
    ]
    return np.clip(np.concatenate(columns, axis=1), -_MOST, _MOST).astype(np.float32)


def seen_frames(points_FP2: NDArray[np.float32]) -> NDArray[np.bool_]:
    """In which frames there is a face."""
    return np.isfinite(points_FP2.reshape(points_FP2.shape[0], -1)).min(axis=1, initial=True)  # pyright: ignore[reportReturnType]


def _bridged(values_FX: NDArray[np.floating], seen_F: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Frames that were not seen by the line between those that were."""
    frames = np.arange(values_FX.shape[0])
    columns = [np.interp(frames, frames[seen_F], column_F) for column_F in values_FX[seen_F].T.astype(np.float64)]
    return np.stack(columns, axis=1)


def _smoothed(values_FX: NDArray[np.float64]) -> NDArray[np.float64]:
    reach = min(_SMOOTH_FRAMES, values_FX.shape[0])
    padded = np.pad(values_FX, ((reach, reach), (0, 0)), mode="edge")
    sums = np.cumsum(np.pad(padded, ((1, 0), (0, 0))), axis=0)
    width = 2 * reach + 1
    return (sums[width:] - sums[:-width]) / width


def _speed(values_FX: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.diff(values_FX, axis=0, prepend=values_FX[:1])
