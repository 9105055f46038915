"""A face as every detector reports it: a box, landmarks of a fixed order, and how the head is turned."""

from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

POINTS = (
    "mouth_left", "mouth_right", "lip_top", "lip_bottom", "gap_top", "gap_bottom",
    "eye_left_outer", "eye_left_inner", "eye_right_inner", "eye_right_outer",
    "lid_left_top", "lid_left_bottom", "lid_right_top", "lid_right_bottom",
    "brow_left_outer", "brow_left_inner", "brow_right_inner", "brow_right_outer",
    "nose_tip", "chin", "cheek_left", "cheek_right",
)  # fmt: skip
"""Order of the landmarks; left and right are the viewer's. ``gap`` is the inner edge of the lips, ``lip`` the outer."""

NUM_POINTS = len(POINTS)
POINT = {name: index for index, name in enumerate(POINTS)}


def _other_side(name: str) -> str:
    swapped = {"left": "right", "right": "left"}
    return "_".join(swapped.get(word, word) for word in name.split("_"))


MIRRORED = tuple(POINTS.index(_other_side(name)) for name in POINTS)
"""Which point each one becomes when the picture is mirrored."""


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Face:
    """One face in one picture, in pixels of that picture."""

    box_4: NDArray[np.float32]
    """x0, y0, x1, y1 around brows, cheeks and chin."""
    score: float
    """How sure the detector is, 0 to 1."""
    points_P2: NDArray[np.float32]
    """x, y in the order of ``POINTS``."""
    turn_3: NDArray[np.float32]
    """Yaw, pitch and roll in radians, estimates; signs as those of ``core.rig``."""

    def __post_init__(self) -> None:
        if self.box_4.shape != (4,) or self.points_P2.shape != (NUM_POINTS, 2) or self.turn_3.shape != (3,):
            raise ValueError(
                f"box {self.box_4.shape}, points {self.points_P2.shape}, turn {self.turn_3.shape}: "
                f"a face has (4,), ({NUM_POINTS}, 2) and (3,)"
            )


class Detector(Protocol):
    """Finds the faces of pictures; a stronger one can be put in wherever one is asked for."""

    def find(self, frames_FHWC: NDArray[np.uint8]) -> list[list[Face]]:
        """The faces of each picture (8-bit RGB), surest first; pictures of a call follow one another in time."""
        ...


def box_of(points_P2: NDArray[np.float32]) -> NDArray[np.float32]:
    """The box around landmarks, a little wider: what ``Face.box_4`` is for a detector that finds points alone."""
    low_2, high_2 = points_P2.min(axis=0), points_P2.max(axis=0)
    margin = np.float32(0.05) * (high_2 - low_2).max()
    return np.concatenate([low_2 - margin, high_2 + margin]).astype(np.float32)


def overlap(boxes_N4: NDArray[np.float32], others_M4: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of boxes, (N, M)."""
    low_NM2 = np.maximum(boxes_N4[:, None, :2], others_M4[None, :, :2])
    high_NM2 = np.minimum(boxes_N4[:, None, 2:], others_M4[None, :, 2:])
    shared_NM = np.prod(np.clip(high_NM2 - low_NM2, 0, None), axis=-1)
    areas = [np.prod(np.clip(each[:, 2:] - each[:, :2], 0, None), axis=-1) for each in (boxes_N4, others_M4)]
    union_NM = areas[0][:, None] + areas[1][None] - shared_NM
    return np.where(union_NM > 0, shared_NM / np.maximum(union_NM, 1e-9), 0.0).astype(np.float32)
