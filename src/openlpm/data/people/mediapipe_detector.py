"""The detector for filmed people: mediapipe's mesh, in a process with an environment of its own."""

from pathlib import Path
from types import TracebackType
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from openlpm.data.people.faces import POINT, POINTS, Face, box_of
from openlpm.data.people.landmark_link import LandmarkProcess
from openlpm.data.people.landmark_process import EVERY_FACE

_MESH_POINTS = {
    "mouth_left": 61, "mouth_right": 291, "lip_top": 0, "lip_bottom": 17, "gap_top": 13, "gap_bottom": 14,
    "eye_left_outer": 33, "eye_left_inner": 133, "eye_right_inner": 362, "eye_right_outer": 263,
    "lid_left_top": 159, "lid_left_bottom": 145, "lid_right_top": 386, "lid_right_bottom": 374,
    "brow_left_outer": 70, "brow_left_inner": 107, "brow_right_inner": 336, "brow_right_outer": 300,
    "nose_tip": 1, "chin": 152, "cheek_left": 234, "cheek_right": 454,
}  # fmt: skip
"""Mediapipe's number of each of our points."""
_CHOSEN = [_MESH_POINTS[name] for name in POINTS]
_YAW_GAIN, _LEVEL_NOSE, _PITCH_GAIN = 1.1, 0.5, 2.2


@final
class MediapipeDetector:
    """Finds the faces of people; its process lives until ``close`` (a context manager).

    Raises:
        InputError: when faces are looked for and the interpreter has no mediapipe.
    """

    def __init__(self, python: Path) -> None:
        self._process = LandmarkProcess(python)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._process.close()

    def find(self, frames_FHWC: NDArray[np.uint8]) -> list[list[Face]]:
        """The faces of each picture, surest first."""
        found: list[list[Face]] = []
        for picture_HWC in frames_FHWC:
            seen = self._process.look(picture_HWC, EVERY_FACE)
            points = [(face.score, face.points_P2[_CHOSEN]) for face in seen]
            found.append(
                [
                    Face(box_4=box_of(points_P2), score=score, points_P2=points_P2, turn_3=turn_of(points_P2))
                    for score, points_P2 in points
                ]
            )
        return found


def turn_of(points_P2: NDArray[np.float32]) -> NDArray[np.float32]:
    """Yaw, pitch and roll from landmarks alone, to about a tenth of a radian: where the nose stands in the face."""
    at = {name: points_P2[index].astype(np.float64) for name, index in POINT.items()}
    across_2 = at["eye_right_outer"] - at["eye_left_outer"]
    roll = float(np.arctan2(across_2[1], across_2[0]))
    along_2 = np.array([np.cos(roll), np.sin(roll)])
    down_2 = np.array([-along_2[1], along_2[0]])
    cheeks_2 = (at["cheek_left"] + at["cheek_right"]) / 2
    half_width = max(float((at["cheek_right"] - at["cheek_left"]) @ along_2) / 2, 1e-3)
    yaw = np.arcsin(np.clip(_YAW_GAIN * 0.6 * float((at["nose_tip"] - cheeks_2) @ along_2) / half_width, -1, 1))
    eyes_2 = (at["eye_left_outer"] + at["eye_right_outer"]) / 2
    height = max(float((at["chin"] - eyes_2) @ down_2), 1e-3)
    nose = float((at["nose_tip"] - eyes_2) @ down_2) / height
    pitch = _PITCH_GAIN * (_LEVEL_NOSE - nose) - 0.35
    return np.array([yaw, np.clip(pitch, -1, 1), roll], dtype=np.float32)
