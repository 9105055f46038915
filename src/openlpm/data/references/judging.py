"""Which reference a frame could be: by how the head is turned and by what the face shows."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.rig import Rig
from openlpm.data.captions.tags import FACE_CHANNELS
from openlpm.dit.condition import ReferenceKind

_AT: Final = {channel: index for index, channel in enumerate(FACE_CHANNELS)}
_YAW, _PITCH, _ROLL = 0.24, 0.15, 0.2
"""Radians from which a turned head is a view, and beyond which a tilted one is none."""
_FULL_YAW, _FULL_PITCH = 0.5, 0.32
_SMILE, _OPEN, _SHUT, _WIDE, _SAD = 0.5, 0.5, 0.85, 0.45, 0.4
"""From which reading on an expression is one."""
_FAR = 0.3
"""An expression is shown by a head that is not turned further, radians."""

Values = NDArray[np.float64]
Fits = dict[tuple[ReferenceKind, str], NDArray[np.float32]]


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class _Face:
    """Channels by name."""

    face_FR: NDArray[np.float32]

    def of(self, channel: Rig) -> Values:
        return self.face_FR[:, _AT[channel]].astype(np.float64)

    def both(self, left: Rig, right: Rig) -> Values:
        return (self.of(left) + self.of(right)) / 2


def fits_of(face_FR: NDArray[np.float32]) -> Fits:
    """How much each frame is each reference, 0 (not at all) to 1; NaN frames are none."""
    face = _Face(face_FR=np.nan_to_num(face_FR, nan=9.0))
    yaw_F, pitch_F, roll_F = face.of(Rig.YAW), face.of(Rig.PITCH), face.of(Rig.ROLL)
    shut_F, jaw_F, smile_F = face.both(Rig.BLINK_LEFT, Rig.BLINK_RIGHT), face.of(Rig.JAW), face.of(Rig.SMILE)
    brows_F = face.both(Rig.BROW_LEFT, Rig.BROW_RIGHT)
    wide_F = (face.of(Rig.WIDEN) + brows_F) / 2
    down_F = (-smile_F - face.of(Rig.FURROW)) / 2
    seen_F = np.isfinite(face_FR[:, 0])
    open_F = (shut_F < 0.45) & (np.abs(roll_F) < _ROLL) & seen_F
    calm_F = np.abs(smile_F) / 2 + jaw_F + wide_F.clip(0) + down_F.clip(0)
    turned_F = np.maximum(np.abs(yaw_F) / _YAW, np.abs(pitch_F) / _PITCH)
    ahead_F = (np.abs(yaw_F) < _FAR) & (np.abs(pitch_F) < _FAR) & (np.abs(roll_F) < _ROLL) & seen_F
    aside_F = open_F & (np.abs(yaw_F) / _FULL_YAW > np.abs(pitch_F) / _FULL_PITCH)
    nodded_F = open_F & ~aside_F
    view, shows = ReferenceKind.VIEW, ReferenceKind.EXPRESSION
    return {
        (ReferenceKind.GLOBAL, "frontal"): _fit(
            1.0 - (turned_F + calm_F) / 2, open_F & (turned_F < 1) & (calm_F < 0.8)
        ),
        (view, "left"): _fit(-yaw_F / _FULL_YAW, aside_F & (yaw_F < -_YAW)),
        (view, "right"): _fit(yaw_F / _FULL_YAW, aside_F & (yaw_F > _YAW)),
        (view, "up"): _fit(pitch_F / _FULL_PITCH, nodded_F & (pitch_F > _PITCH)),
        (view, "down"): _fit(-pitch_F / _FULL_PITCH, nodded_F & (pitch_F < -_PITCH)),
        (shows, "smile"): _fit(
            smile_F - jaw_F.clip(0) / 2, ahead_F & (smile_F > _SMILE) & (shut_F < 0.6) & (jaw_F < 0.45)
        ),
        (shows, "open mouth"): _fit(jaw_F, ahead_F & (jaw_F > _OPEN)),
        (shows, "eyes closed"): _fit(shut_F, ahead_F & (shut_F > _SHUT) & (jaw_F < 0.5)),
        (shows, "surprise"): _fit(wide_F, ahead_F & (wide_F > _WIDE) & (shut_F < 0.45)),
        (shows, "sad"): _fit(down_F, ahead_F & (down_F > _SAD) & (shut_F < 0.6)),
    }


def _fit(value_F: Values, holds_F: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(holds_F, np.clip(value_F, 0.05, 1.0), 0.0).astype(np.float32)
