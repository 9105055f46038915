"""What the body does with one's own sounds without words: laughter shakes, a sigh lifts the shoulders, a gasp jolts."""

from dataclasses import dataclass, field
from typing import final

import numpy as np

from openlpm.core.rig import Rig
from openlpm.synth.act.cues import Said
from openlpm.synth.act.gestures import FloatArray, min_jerk, window_of
from openlpm.synth.sound.vocal_kinds import VocalKind

_RISE_S, _FALL_S = 0.22, 0.45


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class _Companion:
    """Offsets that hold as long as the sound, and a shaking of the shoulders."""

    holds: dict[Rig, float] = field(default_factory=dict[Rig, float])
    shake: float = 0.0
    shake_hz: float = 4.2


_COMPANIONS = {
    VocalKind.LAUGH: _Companion(holds={Rig.PITCH: 0.12, Rig.SQUINT: 0.35, Rig.SMILE: 0.2}, shake=0.5),
    VocalKind.CHUCKLE: _Companion(holds={Rig.PITCH: -0.05, Rig.SQUINT: 0.2, Rig.SMILE: 0.15}, shake=0.3),
    VocalKind.CRY: _Companion(holds={Rig.PITCH: -0.1, Rig.SQUINT: 0.3, Rig.FURROW: -0.2}, shake=0.35, shake_hz=2.3),
    VocalKind.SIGH: _Companion(holds={Rig.SHOULDER: 0.3, Rig.PITCH: -0.06, Rig.GAZE_Y: -0.25}),
    VocalKind.GASP: _Companion(holds={Rig.SHOULDER: 0.4, Rig.LEAN: -0.4, Rig.WIDEN: 0.5, Rig.PITCH: 0.05}),
    VocalKind.YAWN: _Companion(
        holds={Rig.PITCH: 0.12, Rig.SQUINT: 0.5, Rig.BLINK_LEFT: 0.85, Rig.BLINK_RIGHT: 0.85, Rig.SHOULDER: 0.2}
    ),
}
"""Kinds that are not here move only the mouth."""


def move_with_voice(rig_FR: FloatArray, times_F: FloatArray, said: tuple[Said, ...]) -> None:
    """Add to ``rig_FR`` what goes with the performer's own sounds."""
    for sound in said:
        companion = _COMPANIONS.get(sound.kind)
        if companion is None:
            continue
        start_s = sound.start_s - 0.5 * _RISE_S
        window = window_of(times_F, start_s, sound.end_s + _FALL_S)
        since_W, left_W = times_F[window] - start_s, sound.end_s + _FALL_S - times_F[window]
        held_W = min_jerk(since_W / _RISE_S) * min_jerk(left_W / _FALL_S)
        for channel, size in companion.holds.items():
            rig_FR[window, channel] += size * held_W
        shaken_W = held_W * (0.5 - 0.5 * np.cos(2 * np.pi * companion.shake_hz * since_W))
        rig_FR[window, Rig.SHOULDER] += companion.shake * shaken_W
        rig_FR[window, Rig.SHIFT_Y] += 0.15 * companion.shake * shaken_W
