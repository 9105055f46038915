"""Which tags of ``data.captions.tags`` are true of a synthetic performance, frame by frame.

Between "shows it" and "does not" lies what two people would label differently: a smile that is a quarter of one, the
edge of a nod. Such frames are not counted; ``UNCOUNTED`` marks them.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.record import Truth
from openlpm.core.rig import Rig
from openlpm.data.captions.tags import FELT, INDEX, TAGS, Group
from openlpm.data.states.rule import runs_of

UNCOUNTED: Final = 2
_FELT = (0.2, 0.4)
_BLINK_FRAMES = 8
"""Lids that stay shut longer are closed eyes."""
_BLINK_EDGE, _ACTION_EDGE = 3, 5
"""Frames around an event, inside and outside, that are not counted."""
_EYES_AGAINST_HEAD = 0.9
_ALSO = {"nod": "nod", "slow_nod": "nod_slowly"}
"""Reactions that are actions under another name."""

_BANDS: dict[tuple[Group, str], tuple[dict[Rig, float], float, float]] = {
    (Group.EXPRESSION, "smile"): ({Rig.SMILE: 1.0}, 0.25, 0.45),
    (Group.EXPRESSION, "mouth corners down"): ({Rig.SMILE: -1.0}, 0.2, 0.4),
    (Group.EXPRESSION, "open mouth"): ({Rig.JAW: 1.0}, 0.3, 0.5),
    (Group.EXPRESSION, "wide eyes"): ({Rig.WIDEN: 1.0}, 0.3, 0.5),
    (Group.EXPRESSION, "squint"): ({Rig.SQUINT: 1.0}, 0.3, 0.5),
    (Group.EXPRESSION, "raised brows"): ({Rig.BROW_LEFT: 0.5, Rig.BROW_RIGHT: 0.5}, 0.3, 0.5),
    (Group.EXPRESSION, "lowered brows"): ({Rig.BROW_LEFT: -0.5, Rig.BROW_RIGHT: -0.5}, 0.2, 0.4),
    (Group.EXPRESSION, "furrowed brow"): ({Rig.FURROW: 1.0}, 0.3, 0.5),
    (Group.EXPRESSION, "worried brow"): ({Rig.FURROW: -1.0}, 0.3, 0.5),
    (Group.EXPRESSION, "blush"): ({Rig.BLUSH: 1.0}, 0.3, 0.55),
    (Group.HEAD, "turned left"): ({Rig.YAW: -1.0}, 0.15, 0.25),
    (Group.HEAD, "turned right"): ({Rig.YAW: 1.0}, 0.15, 0.25),
    (Group.HEAD, "raised"): ({Rig.PITCH: 1.0}, 0.08, 0.14),
    (Group.HEAD, "lowered"): ({Rig.PITCH: -1.0}, 0.1, 0.16),
    (Group.HEAD, "tilted left"): ({Rig.ROLL: -1.0}, 0.07, 0.13),
    (Group.HEAD, "tilted right"): ({Rig.ROLL: 1.0}, 0.07, 0.13),
    (Group.BODY, "left hand raised"): ({Rig.ARM_LEFT: 1.0}, 0.4, 0.6),
    (Group.BODY, "right hand raised"): ({Rig.ARM_RIGHT: 1.0}, 0.4, 0.6),
    (Group.BODY, "shoulders raised"): ({Rig.SHOULDER: 1.0}, 0.25, 0.45),
    (Group.BODY, "leaning in"): ({Rig.LEAN: 1.0}, 0.3, 0.55),
    (Group.BODY, "leaning back"): ({Rig.LEAN: -1.0}, 0.3, 0.55),
}
_LOOKS: dict[str, tuple[int, float, float, float]] = {
    "left": (0, -1.0, 0.25, 0.42), "right": (0, 1.0, 0.25, 0.42),
    "up": (1, 1.0, 0.22, 0.36), "down": (1, -1.0, 0.22, 0.36),
}  # fmt: skip
_AT_CAMERA, _OFF_CAMERA = 0.15, 0.3


def tag_truth(truth: Truth) -> NDArray[np.uint8]:
    """Of every frame and tag 1 if it is true, 0 if not, ``UNCOUNTED`` where nobody could say, (F, tags)."""
    rig_FR = truth.rig_FR
    assert truth.emotion_FE is not None
    found_FT = np.zeros((rig_FR.shape[0], len(TAGS)), np.uint8)
    for index in range(len(FELT)):
        found_FT[:, index] = _banded(truth.emotion_FE[:, 1 + index], *_FELT)
    for key, (weights, low, high) in _BANDS.items():
        value_F = np.sum([weight * rig_FR[:, channel] for channel, weight in weights.items()], axis=0)
        found_FT[:, INDEX[key]] = _banded(value_F, low, high)
    _lids(found_FT, rig_FR)
    _gaze(found_FT, rig_FR)
    _actions(found_FT, truth)
    return found_FT


def _banded(value_F: NDArray[np.floating], low: float, high: float) -> NDArray[np.uint8]:
    return np.where(value_F > high, 1, np.where(value_F < low, 0, UNCOUNTED)).astype(np.uint8)


def _lids(found_FT: NDArray[np.uint8], rig_FR: NDArray[np.float32]) -> None:
    shut_F = np.minimum(rig_FR[:, Rig.BLINK_LEFT], rig_FR[:, Rig.BLINK_RIGHT]) > 0.6
    blink, closed = INDEX[Group.EXPRESSION, "blink"], INDEX[Group.EXPRESSION, "eyes closed"]
    for first, end in runs_of(shut_F):
        tag = blink if end - first <= _BLINK_FRAMES else closed
        _mark(found_FT[:, tag], first, end, _BLINK_EDGE, inside=0)


def _gaze(found_FT: NDArray[np.uint8], rig_FR: NDArray[np.float32]) -> None:
    gaze_F2 = rig_FR[:, [Rig.GAZE_X, Rig.GAZE_Y]] + _EYES_AGAINST_HEAD * rig_FR[:, [Rig.YAW, Rig.PITCH]]
    unseen_F = np.maximum(rig_FR[:, Rig.BLINK_LEFT], rig_FR[:, Rig.BLINK_RIGHT]) > 0.5
    off_F = np.abs(gaze_F2).max(axis=1)
    camera_F = np.where(off_F < _AT_CAMERA, 1, np.where(off_F > _OFF_CAMERA, 0, UNCOUNTED))
    found_FT[:, INDEX[Group.GAZE, "at the camera"]] = np.where(unseen_F, UNCOUNTED, camera_F)
    for name, (axis, sign, low, high) in _LOOKS.items():
        looks_F = _banded(sign * gaze_F2[:, axis], low, high)
        found_FT[:, INDEX[Group.GAZE, name]] = np.where(unseen_F, UNCOUNTED, looks_F)


def _actions(found_FT: NDArray[np.uint8], truth: Truth) -> None:
    for event in truth.events:
        name = _ALSO.get(event.kind, event.kind.removeprefix("action:"))
        if name != event.kind or event.kind in _ALSO:
            edge = min(_ACTION_EDGE, (event.end_frame - event.start_frame) // 4)
            _mark(found_FT[:, INDEX[Group.ACTION, name]], event.start_frame, event.end_frame, edge, inside=edge)


def _mark(label_F: NDArray[np.uint8], first: int, end: int, edge: int, *, inside: int) -> None:
    """True from first to end, and nothing that counts around it."""
    around = slice(max(first - edge, 0), end + edge)
    label_F[around] = np.where(label_F[around] == 1, 1, UNCOUNTED)
    label_F[first + inside : end - inside] = 1
