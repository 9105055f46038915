"""The tags that there are, in their order. Which of them can be told is a matter of ``telling.thresholds``."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

from openlpm.core.emotion import EMOTIONS
from openlpm.core.rig import Rig
from openlpm.synth.act.actions import ACTION_NAMES


class Group(StrEnum):
    """What a tag is about."""

    EMOTION = "emotion"
    EXPRESSION = "expression"
    GAZE = "gaze"
    """Where the eyes look, seen from the camera: turned heads are taken into account."""
    HEAD = "head"
    """How the head stands."""
    BODY = "body"
    ACTION = "action"
    """A motion with a name: those of ``synth.act.actions``."""
    SHOT = "shot"
    VOICE = "voice"


@final
@dataclass(frozen=True, slots=True)
class TagKind:
    """A tag that there may be; left and right are the viewer's."""

    group: Group
    name: str


FACE_CHANNELS: Final = (
    Rig.JAW, Rig.WIDTH, Rig.ROUNDING, Rig.PRESS, Rig.TEETH, Rig.SMILE, Rig.BLINK_LEFT, Rig.BLINK_RIGHT, Rig.SQUINT,
    Rig.WIDEN, Rig.GAZE_X, Rig.GAZE_Y, Rig.BROW_LEFT, Rig.BROW_RIGHT, Rig.FURROW, Rig.YAW, Rig.PITCH, Rig.ROLL,
    Rig.BLUSH,
)  # fmt: skip
"""What the reader reads."""

FELT: Final = EMOTIONS[1:]
"""Emotions that are tags of their own; ``neutral`` is what they leave."""
_EXPRESSIONS = (
    "smile", "mouth corners down", "open mouth", "eyes closed", "blink", "wide eyes", "squint", "raised brows",
    "lowered brows", "furrowed brow", "worried brow", "blush",
)  # fmt: skip
_GAZES = ("at the camera", "left", "right", "up", "down")
_HEADS = ("turned left", "turned right", "raised", "lowered", "tilted left", "tilted right")
_BODIES = ("left hand raised", "right hand raised", "shoulders raised", "leaning in", "leaning back")

TAGS: Final = tuple(
    TagKind(group, name)
    for group, names in (
        (Group.EMOTION, FELT),
        (Group.EXPRESSION, _EXPRESSIONS),
        (Group.GAZE, _GAZES),
        (Group.HEAD, _HEADS),
        (Group.BODY, _BODIES),
        (Group.ACTION, ACTION_NAMES),
    )
    for name in names
)
"""What the network of ``telling`` answers, in the order of its answers."""
INDEX: Final = {(tag.group, tag.name): index for index, tag in enumerate(TAGS)}
