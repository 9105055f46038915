"""Filmed people: what their landmarks tell in the channels of the rig.

The reader knows drawn faces only. Landmarks are the same points for both, so what moves them is measured from the
person's own rest: the median of the track.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.rig import Rig
from openlpm.data.captions.reading import Readings, UnitFace, bridged
from openlpm.data.captions.tags import FACE_CHANNELS, Group, TagKind
from openlpm.data.people.faces import POINT

FILMED_TAGS: Final = frozenset(
    {
        TagKind(Group.EXPRESSION, "blink"), TagKind(Group.EXPRESSION, "eyes closed"),
        TagKind(Group.EXPRESSION, "open mouth"), TagKind(Group.EXPRESSION, "smile"),
        TagKind(Group.EXPRESSION, "raised brows"),
        TagKind(Group.HEAD, "turned left"), TagKind(Group.HEAD, "turned right"), TagKind(Group.HEAD, "raised"),
        TagKind(Group.HEAD, "lowered"), TagKind(Group.HEAD, "tilted left"), TagKind(Group.HEAD, "tilted right"),
        TagKind(Group.ACTION, "nod"), TagKind(Group.ACTION, "nod_slowly"), TagKind(Group.ACTION, "shake_head"),
        TagKind(Group.ACTION, "shake_head_slowly"),
    }
)  # fmt: skip
"""What landmarks alone show; whether it is right on filmed faces was not measured, for nobody labelled them."""
_GAP, _CORNER, _BROW = 1.55, 5.6, 5.5
"""From shares of the eyes' distance to channels of the rig, fitted to landmarks of the cast."""
_OPEN_SHARE = 0.9
"""The lids of open eyes, as a quantile."""


def filmed_readings(face: UnitFace, readings: Readings) -> Readings:
    """The same readings with channels from landmarks, and nothing of the eyes' direction and the brows' shape."""
    seen_F = face.seen()
    points_FP2 = bridged(face.points_FP2.reshape(face.points_FP2.shape[0], -1), seen_F).reshape(face.points_FP2.shape)
    turn_F3 = bridged(face.turn_F3, seen_F)
    face_FR = np.zeros_like(readings.face_FR)
    channels = {
        Rig.JAW: _GAP * _below(points_FP2, ("gap_top",), ("gap_bottom",)),
        Rig.SMILE: _CORNER * _from_rest(_below(points_FP2, ("mouth_left", "mouth_right"), ("lip_top", "lip_bottom"))),
        Rig.BLINK_LEFT: _shut(points_FP2, "left"),
        Rig.BLINK_RIGHT: _shut(points_FP2, "right"),
        Rig.BROW_LEFT: _BROW * _from_rest(_below(points_FP2, ("brow_left_inner", "brow_left_outer"), _EYES)),
        Rig.BROW_RIGHT: _BROW * _from_rest(_below(points_FP2, ("brow_right_inner", "brow_right_outer"), _EYES)),
        Rig.YAW: turn_F3[:, 0],
        Rig.PITCH: turn_F3[:, 1],
        Rig.ROLL: turn_F3[:, 2],
    }
    for channel, value_F in channels.items():
        face_FR[:, FACE_CHANNELS.index(channel)] = value_F
    return Readings(face_FR=face_FR, box_F4=readings.box_F4, sharp_F=readings.sharp_F)


_EYES = ("eye_left_outer", "eye_left_inner", "eye_right_inner", "eye_right_outer")


def _below(points_FP2: NDArray[np.float32], upper: tuple[str, ...], lower: tuple[str, ...]) -> NDArray[np.float32]:
    """How far some points are below others, along the face, in distances of the eyes."""
    across_F2 = _mean(points_FP2, _EYES[2:]) - _mean(points_FP2, _EYES[:2])
    size_F = np.maximum(np.linalg.norm(across_F2, axis=1), 1e-3)
    down_F2 = np.stack([-across_F2[:, 1], across_F2[:, 0]], axis=1) / size_F[:, None]
    apart_F2 = _mean(points_FP2, lower) - _mean(points_FP2, upper)
    return ((apart_F2 * down_F2).sum(axis=1) / np.median(size_F)).astype(np.float32)


def _mean(points_FP2: NDArray[np.float32], names: tuple[str, ...]) -> NDArray[np.float32]:
    return points_FP2[:, [POINT[name] for name in names]].mean(axis=1)


def _from_rest(value_F: NDArray[np.float32]) -> NDArray[np.float32]:
    return value_F - np.median(value_F)


def _shut(points_FP2: NDArray[np.float32], side: str) -> NDArray[np.float32]:
    """0 for lids as far apart as they usually are, 1 for lids that meet."""
    gap_F = _below(points_FP2, (f"lid_{side}_top",), (f"lid_{side}_bottom",))
    usual = max(float(np.quantile(gap_F, _OPEN_SHARE)), 1e-3)
    return np.clip(1.0 - gap_F / usual, 0.0, 1.0).astype(np.float32)
