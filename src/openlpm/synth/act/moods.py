"""Moods: how each emotion rests on a face and body, and how it changes the way one moves."""

from dataclasses import dataclass, fields
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.emotion import EMOTIONS
from openlpm.core.rig import NUM_RIG, Rig
from openlpm.synth.act.gestures import FloatArray


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Mood:
    """Offsets of face, head and shoulders at full intensity, in units of the rig."""

    smile: float = 0.0
    brow: float = 0.0
    brow_skew: float = 0.0
    """The right brow rises by this much more, the left one by so much less."""
    furrow: float = 0.0
    squint: float = 0.0
    widen: float = 0.0
    lids: float = 0.0
    """Upper lids lowered this far."""
    gaze_x: float = 0.0
    """Where the eyes rest, relative to the camera."""
    gaze_y: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    """Head, radians; positive looks up."""
    roll: float = 0.0
    lean: float = 0.0
    shoulder: float = 0.0
    sway: float = 0.0
    blush: float = 0.0


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """How an emotion scales what one does anyway; 1 changes nothing."""

    energy: float = 1.0
    """Size of all movement."""
    warmth: float = 1.0
    """Chance to smile at what the partner says."""
    blinks: float = 1.0
    """Rate of blinking."""
    camera: float = 1.0
    """Chance that the eyes are on the camera."""
    gesture: float = 1.0
    """Chance that the arms go with the words."""


MOODS: dict[str, Mood] = {
    "neutral": Mood(smile=0.04),
    "happy": Mood(smile=0.66, brow=0.16, squint=0.35, pitch=0.02),
    "amused": Mood(smile=0.95, brow=0.06, squint=0.7, pitch=0.06, roll=0.07, shoulder=0.12),
    "excited": Mood(smile=0.75, brow=0.6, widen=0.65, pitch=0.05, lean=0.45, shoulder=0.1),
    "tender": Mood(smile=0.42, furrow=-0.4, squint=0.12, lids=0.16, pitch=-0.02, roll=0.15, lean=0.2),
    "proud": Mood(smile=0.36, brow=0.12, lids=0.18, pitch=0.15, lean=-0.3, shoulder=0.14),
    "sad": Mood(smile=-0.65, brow=0.05, furrow=-0.85, lids=0.26, gaze_y=-0.28, pitch=-0.13, lean=-0.2),
    "afraid": Mood(smile=-0.3, brow=0.6, furrow=-0.8, widen=0.85, pitch=-0.02, lean=-0.5, shoulder=0.6),
    "angry": Mood(smile=-0.42, brow=-0.7, furrow=0.95, squint=0.35, pitch=-0.06, lean=0.35, shoulder=0.1),
    "disgusted": Mood(smile=-0.6, brow=-0.3, furrow=0.55, squint=0.75, yaw=0.14, pitch=0.04, roll=-0.06, lean=-0.45),
    "surprised": Mood(smile=0.02, brow=0.9, widen=0.9, pitch=0.04, lean=-0.2, shoulder=0.12),
    "confused": Mood(smile=-0.16, brow=0.12, brow_skew=0.55, furrow=0.45, squint=0.2, roll=0.17, lean=0.1),
    "thoughtful": Mood(smile=-0.06, brow=-0.08, furrow=0.4, lids=0.06, gaze_x=0.4, gaze_y=0.35, roll=0.07, yaw=0.08),
    "bored": Mood(smile=-0.24, brow=-0.06, lids=0.42, gaze_x=-0.3, pitch=-0.03, roll=-0.12, lean=-0.3, sway=-0.3),
    "tired": Mood(smile=-0.1, brow=0.16, furrow=-0.2, lids=0.54, gaze_y=-0.15, pitch=-0.12, roll=0.05, lean=-0.1),
    "embarrassed": Mood(
        smile=0.3, furrow=-0.5, squint=0.1, lids=0.12, gaze_x=-0.2, gaze_y=-0.45, yaw=-0.08, pitch=-0.12, roll=-0.05,
        shoulder=0.35, blush=0.95,
    ),
}  # fmt: skip
"""One for each of ``core.emotion.EMOTIONS``."""

MANNERS: dict[str, Manner] = {
    "neutral": Manner(),
    "happy": Manner(energy=1.15, warmth=1.8, gesture=1.3),
    "amused": Manner(energy=1.25, warmth=2.2, camera=0.9, gesture=1.2),
    "excited": Manner(energy=1.5, warmth=1.6, blinks=1.35, camera=1.1, gesture=2.2),
    "tender": Manner(energy=0.7, warmth=1.5, blinks=0.9, camera=1.15, gesture=0.6),
    "proud": Manner(energy=0.85, warmth=0.9, blinks=0.8, camera=1.1),
    "sad": Manner(energy=0.6, warmth=0.15, blinks=1.15, camera=0.6, gesture=0.3),
    "afraid": Manner(energy=1.1, warmth=0.1, blinks=1.8, camera=0.85, gesture=0.6),
    "angry": Manner(energy=1.25, warmth=0.1, blinks=0.6, camera=1.2, gesture=1.6),
    "disgusted": Manner(energy=0.9, warmth=0.1, blinks=1.1, camera=0.7),
    "surprised": Manner(energy=1.1, blinks=0.5, camera=1.1),
    "confused": Manner(energy=0.9, warmth=0.6, blinks=1.3, camera=0.8),
    "thoughtful": Manner(energy=0.75, warmth=0.6, blinks=0.9, camera=0.4, gesture=0.6),
    "bored": Manner(energy=0.5, warmth=0.3, blinks=0.75, camera=0.45, gesture=0.3),
    "tired": Manner(energy=0.45, warmth=0.5, blinks=1.5, camera=0.7, gesture=0.3),
    "embarrassed": Manner(energy=0.8, warmth=1.2, blinks=1.6, camera=0.4, gesture=0.5),
}
"""The same."""

_CHANNELS = {
    "smile": Rig.SMILE, "furrow": Rig.FURROW, "squint": Rig.SQUINT, "widen": Rig.WIDEN, "gaze_x": Rig.GAZE_X,
    "gaze_y": Rig.GAZE_Y, "yaw": Rig.YAW, "pitch": Rig.PITCH, "roll": Rig.ROLL, "lean": Rig.LEAN,
    "shoulder": Rig.SHOULDER, "sway": Rig.SWAY, "blush": Rig.BLUSH,
}  # fmt: skip


def _rest() -> NDArray[np.float64]:
    rest_ER = np.zeros((len(EMOTIONS), NUM_RIG))
    for row, name in enumerate(EMOTIONS):
        mood = MOODS[name]
        for field, channel in _CHANNELS.items():
            rest_ER[row, channel] = getattr(mood, field)
        rest_ER[row, [Rig.BLINK_LEFT, Rig.BLINK_RIGHT]] = mood.lids
        rest_ER[row, Rig.BROW_LEFT] = mood.brow - mood.brow_skew
        rest_ER[row, Rig.BROW_RIGHT] = mood.brow + mood.brow_skew
    return rest_ER


REST_ER = _rest()
"""The offsets of every emotion on every channel of the rig."""

_MANNER_FIELDS = tuple(field.name for field in fields(Manner))
_MANNERS_EK = np.array([[getattr(MANNERS[name], field) for field in _MANNER_FIELDS] for name in EMOTIONS])


def manner_of(emotion_FE: NDArray[np.float32] | FloatArray) -> dict[str, FloatArray]:
    """The fields of ``Manner`` in every frame: each emotion moves them as far as it is felt."""
    scale_FK = np.maximum(1.0 + emotion_FE.astype(np.float64) @ (_MANNERS_EK - 1.0), 0.1)
    return {field: scale_FK[:, index] for index, field in enumerate(_MANNER_FIELDS)}
