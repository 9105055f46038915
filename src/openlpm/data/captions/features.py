"""Where the reader looks, and what the teller hears of a frame."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.rig import State
from openlpm.data.people.cut_out import Square
from openlpm.data.people.faces import POINT

FACE_MARGIN: Final = 1.35
"""Side of the cut-out of a face over the longer side of its box."""
EYE_MARGIN: Final = 0.42
"""The same for an eye."""
MOUTH_MARGIN: Final = 0.55
"""The same for the mouth."""
_LIPS = ("mouth_left", "mouth_right", "lip_top", "lip_bottom")
_CORNERS = (("eye_left_outer", "eye_left_inner"), ("eye_right_inner", "eye_right_outer"))
_PLACE_SCALE = np.array([4.0, 4.0, 12.0])


def face_square(box_4: NDArray[np.float32]) -> Square:
    """Where the reader looks."""
    middle_2, length = _middle(box_4)
    return float(middle_2[0]), float(middle_2[1]), length * FACE_MARGIN


def eye_squares(points_P2: NDArray[np.float32], box_4: NDArray[np.float32]) -> tuple[Square, Square]:
    """Where it looks more closely: left and right eye."""
    _, length = _middle(box_4)
    corners = [points_P2[[POINT[name] for name in names]].mean(axis=0) for names in _CORNERS]
    left, right = ((float(middle_2[0]), float(middle_2[1]), length * EYE_MARGIN) for middle_2 in corners)
    return left, right


def mouth_square(points_P2: NDArray[np.float32], box_4: NDArray[np.float32]) -> Square:
    """And the mouth, which a picture of the whole face shows in few pixels."""
    _, length = _middle(box_4)
    middle_2 = points_P2[[POINT[name] for name in _LIPS]].mean(axis=0)
    return float(middle_2[0]), float(middle_2[1]), length * MOUTH_MARGIN


def points_within(points_P2: NDArray[np.float32], box_4: NDArray[np.float32]) -> NDArray[np.float32]:
    """Landmarks as the reader takes them: about the middle of the box, in half lengths of the face."""
    middle_2, length = _middle(box_4)
    return ((points_P2 - middle_2) * (2.0 / length)).astype(np.float32)


def place_of(box_F4: NDArray[np.float32]) -> NDArray[np.float32]:
    """Where a head is and how large, (F, 3): relative to the middle of the track, in lengths of the face."""
    size_F = np.maximum((box_F4[:, 2:] - box_F4[:, :2]).max(axis=1), 1.0)
    length = float(np.median(size_F))
    middle_F2 = (box_F4[:, :2] + box_F4[:, 2:]) / 2
    around_F2 = (middle_F2 - np.median(middle_F2, axis=0)) / length
    place_F3 = np.concatenate([around_F2, np.log(size_F / length)[:, None]], axis=1)
    return (place_F3 * _PLACE_SCALE).astype(np.float32)


def features_of(
    face_FR: NDArray[np.float32],
    box_F4: NDArray[np.float32],
    state_F: NDArray[np.int8],
) -> NDArray[np.float32]:
    """What the teller hears of every frame, (F, ``networks.NUM_FEATURES``).

    Channels twice, as they were read and against their median here: at rest every face looks different.
    """
    speaks_F = np.isin(state_F, (State.SPEAK, State.BOTH))
    listens_F = state_F == State.LISTEN
    moved_FR = face_FR - np.median(face_FR, axis=0)
    columns = [face_FR, moved_FR, place_of(box_F4), speaks_F[:, None], listens_F[:, None]]
    return np.concatenate(columns, axis=1).astype(np.float32)


def _middle(box_4: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    low_2, high_2 = box_4[:2], box_4[2:]
    return (low_2 + high_2) * np.float32(0.5), max(float((high_2 - low_2).max()), 4.0)
