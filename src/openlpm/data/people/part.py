"""What the stage ``people`` knows of a clip: who is in it and where, frame by frame at 24 a second.

Frame 0 is at the beginning of the record's ``Span``; frame f is shown at ``span.start_s + f / 24``, whatever rate the
source has.
"""

from dataclasses import dataclass
from typing import ClassVar, final

from openlpm.data.packed import Packed


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """One track: one person from the first to the last frame in which the face was found."""

    first_frame: int
    num_frames: int
    points: Packed
    """Landmarks (F, 22, 2) in pixels of the source as it is shown, in the order of ``people.faces.POINTS``; NaN where
    the face was not found."""
    turns: Packed
    """Yaw, pitch and roll (F, 3) in radians; NaN likewise."""
    boxes: Packed
    """x0, y0, x1, y1 of the face (F, 4) in pixels; NaN likewise."""
    crops: Packed
    """Left, top and side (F, 3) of the square in which this person is shown alone; never NaN."""
    looks: Packed
    """Mean appearance of the track (X,): colours of head and shoulders on a coarse grid, 0 to 1."""
    score: float
    """Mean certainty of the detector, 0 to 1."""
    face_share: float
    """Longer side of the face over the shorter side of the picture, median."""
    cut_off_share: float
    """Of the frames in which the face is seen, those in which its box leaves the picture."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class People:
    """Everybody in a clip, by when they come and then from left to right."""

    NAME: ClassVar[str] = "people"
    detector: str
    """``cast`` for drawn characters, ``mediapipe`` for filmed people, or another one's name."""
    num_frames: int
    """Length of the clip at 24 frames a second."""
    persons: tuple[Person, ...]
