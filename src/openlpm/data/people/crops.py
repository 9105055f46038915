"""From a track to what a single-person clip shows: a square that follows calmly and never leaves the picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError, InputError
from openlpm.data.people.tracking import Track


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class CropConfig:
    """How a person is framed."""

    margin: float = 2.6
    """Side of the square over the longer side of the face: hair, shoulders and hands belong to the picture."""
    least_margin: float = 1.5
    """What is left where somebody else is near: closer than this they stay in the picture."""
    face_at: float = 0.42
    """How far down the square the middle of the face is."""
    smooth_frames: float = 12.0
    """Standard deviation of the smoothing in time."""

    def __post_init__(self) -> None:
        if not 1 <= self.least_margin <= self.margin:
            raise ConfigError(
                f"margin={self.margin}, least_margin={self.least_margin}: give 1 <= least_margin <= margin"
            )
        if self.smooth_frames <= 0 or not 0 < self.face_at < 1:
            raise ConfigError(
                f"smooth_frames={self.smooth_frames}, face_at={self.face_at}: give a positive time and a share"
            )


def crop_squares(
    track: Track,
    size: tuple[int, int],
    *,
    others: Sequence[Track] = (),
    config: CropConfig | None = None,
) -> NDArray[np.float32]:
    """Left, top and side of the square of every picture from the track's first to its last, (F, 3), in pixels.

    ``size`` is (rows, columns). The side stays the same, so that nobody is zoomed; ``others`` are the tracks of people
    who should not be seen.

    Raises:
        InputError: the picture has no pixels.
    """
    config = config or CropConfig()
    rows, columns = size
    if min(rows, columns) < 1:
        raise InputError(f"size={size}: a picture needs at least one row and one column")
    first, end = track.frames[0], track.frames[-1] + 1
    box_F4 = _bridged(track.boxes(end)[first:])
    length = float(np.quantile((box_F4[:, 2:] - box_F4[:, :2]).max(axis=1), 0.9))
    side = min(length * _margin(track, others, box_F4, length, config), float(rows), float(columns))
    middle_F2 = _smoothed((box_F4[:, :2] + box_F4[:, 2:]) / 2, config.smooth_frames)
    left_F = np.clip(middle_F2[:, 0] - side / 2, 0, columns - side)
    top_F = np.clip(middle_F2[:, 1] - side * config.face_at, 0, rows - side)
    return np.stack([left_F, top_F, np.full(end - first, side)], axis=1).astype(np.float32)


def _margin(
    track: Track, others: Sequence[Track], box_F4: NDArray[np.float64], length: float, config: CropConfig
) -> float:
    """The margin that keeps other faces out, as far as ``least_margin`` allows."""
    first, end = track.frames[0], track.frames[-1] + 1
    reach = config.margin / 2 * length
    middle_F = (box_F4[:, 0] + box_F4[:, 2]) / 2
    for other in others:
        theirs_F4 = other.boxes(max(end, other.frames[-1] + 1))[first:end]
        seen_F = np.isfinite(theirs_F4[:, 0])
        if other is track or not seen_F.any():
            continue
        right_of_F = theirs_F4[:, 0] - middle_F
        left_of_F = middle_F - theirs_F4[:, 2]
        reach = min(reach, max(float(np.nanmin(np.fmax(right_of_F, left_of_F)[seen_F])), 0.0))
    return max(2 * reach / length, config.least_margin)


def _bridged(box_F4: NDArray[np.float32]) -> NDArray[np.float64]:
    seen_F = np.isfinite(box_F4[:, 0])
    frames = np.arange(box_F4.shape[0])
    return np.stack([np.interp(frames, frames[seen_F], box_F4[seen_F, k].astype(np.float64)) for k in range(4)], axis=1)


def _smoothed(values_FX: NDArray[np.float64], spread_frames: float) -> NDArray[np.float64]:
    reach = round(3 * spread_frames)
    weight = np.exp(-0.5 * (np.arange(-reach, reach + 1) / spread_frames) ** 2)
    padded = np.pad(values_FX, ((reach, reach), (0, 0)), mode="edge")
    columns = [np.convolve(padded[:, k], weight / weight.sum(), mode="valid") for k in range(values_FX.shape[1])]
    return np.stack(columns, axis=1).real
