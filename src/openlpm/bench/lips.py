"""How far real lips part in a video of one face: landmarks found by a process in an environment of its own."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.people.landmark_link import LandmarkProcess
from openlpm.data.people.landmark_process import NUM_POINTS, ONE_FACE
from openlpm.media.probe import open_container

_MOST_ROWS = 720  # larger pictures are scaled down: the mesh looks at 192 pixels of face anyway
_INNER_PAIRS = ((82, 87), (13, 14), (312, 317))  # points of the upper and lower inner lip, about the middle
_EYE_CORNERS = (33, 263)  # the outer ones: no jaw moves them
_LEAST_FOUND = 0.9


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class RealLips:
    """The mouth of one clip, from its pictures alone."""

    opening_F: NDArray[np.float64]
    """Gap of the inner lips over the distance of the outer eye corners, at the middle of each frame (24 fps)."""
    found: float
    """Share of the file's pictures in which there was a face."""


def read_lips(path: Path, python: Path) -> RealLips:
    """The lips in a (short) video of one face.

    Raises:
        InputError: the file holds no picture, the other process failed, or a face is missing from a tenth of it.
    """
    with open_container(path) as container:
        if not container.streams.video:
            raise InputError(f"{path} has no picture in it; give a video of a face")
        stream = container.streams.video[0]
        rate = stream.average_rate
        scale = min(1.0, _MOST_ROWS / stream.height)
        height, width = round(stream.height * scale), round(stream.width * scale)
        pictures = (
            cast(
                "NDArray[np.uint8]",
                frame.reformat(width, height, "rgb24", src_colorspace=frame.colorspace).to_ndarray(),
            )
            for frame in container.decode(stream)
        )
        points_FP2 = find_points(pictures, python)
    if rate is None or points_FP2.shape[0] == 0:
        raise InputError(f"{path} has no picture that can be decoded")
    return lips_of(points_FP2, float(rate), name=path.name)


def find_points(pictures: Iterable[NDArray[np.uint8]], python: Path) -> NDArray[np.float32]:
    """Landmarks of each picture, shape (F, 478, 2) in pixels, NaN where there is no face."""
    missing_P2 = np.full((NUM_POINTS, 2), np.nan, np.float32)
    rows: list[NDArray[np.float32]] = []
    with LandmarkProcess(python) as process:
        for picture_HWC in pictures:
            faces = process.look(picture_HWC, ONE_FACE)
            rows.append(faces[0].points_P2 if faces else missing_P2)
    return np.stack(rows) if rows else np.zeros((0, NUM_POINTS, 2), np.float32)


def lips_of(points_FP2: NDArray[np.float32], rate_hz: float, *, name: str) -> RealLips:
    """From landmarks at a file's own rate to the opening at 24 fps; frames without a face are bridged.

    Raises:
        InputError: a face is missing from more than a tenth of the pictures.
    """
    seen_F = np.isfinite(points_FP2[:, 0, 0])
    found = float(seen_F.mean())
    if found < _LEAST_FOUND:
        raise InputError(f"{name} shows a face in only {100 * found:.0f} % of its pictures: give a clip of one face")
    points = points_FP2[seen_F].astype(np.float64)
    gap_F = np.mean([np.linalg.norm(points[:, up] - points[:, low], axis=1) for up, low in _INNER_PAIRS], axis=0)
    left, right = _EYE_CORNERS
    eyes_F = np.linalg.norm(points[:, left] - points[:, right], axis=1)
    times_F = (np.flatnonzero(seen_F) + 0.5) / rate_hz
    num_frames = int(points_FP2.shape[0] * FRAME_RATE_HZ / rate_hz)
    wanted_F = (np.arange(num_frames) + 0.5) / FRAME_RATE_HZ
    return RealLips(opening_F=np.interp(wanted_F, times_F, gap_F / eyes_F), found=found)
