"""Breath, shoulders, and arms that go with the words."""

from dataclasses import dataclass
from typing import final

import numpy as np

from openlpm.core.rig import Rig
from openlpm.synth.act.cues import Phrase
from openlpm.synth.act.gestures import FloatArray, blocks, drift, min_jerk, pulses, window_of

_JOINED_S = 0.9  # arms stay up through shorter pauses
_SHRUG_PROBABILITY = 0.03
_ARM_RISE_S, _ARM_FALL_S = 0.45, 0.55
_LAUGH_HZ = 4.2
_LEFT = (Rig.ARM_LEFT, Rig.REACH_LEFT, Rig.SWING_LEFT, Rig.HAND_LEFT)
_RIGHT = (Rig.ARM_RIGHT, Rig.REACH_RIGHT, Rig.SWING_RIGHT, Rig.HAND_RIGHT)


def breathe(rng: np.random.Generator, times_F: FloatArray, spoken: tuple[Phrase, ...]) -> FloatArray:
    """Breath, 0 to 1: a calm cycle of 0.2 to 0.3 Hz, an in-breath before speaking and a long way out during it."""
    rate_hz = rng.uniform(0.2, 0.3)
    phase_F = times_F * rate_hz + rng.uniform()
    # In-breath takes two fifths of the cycle.
    within_F = phase_F % 1.0
    calm_F = np.where(within_F < 0.4, min_jerk(within_F / 0.4), 1.0 - min_jerk((within_F - 0.4) / 0.6))
    if not spoken:
        return calm_F
    start_K = np.array([phrase.start_s for phrase in spoken])
    end_K = np.array([phrase.end_s for phrase in spoken])
    length_K = np.maximum(end_K - start_K, 0.3)
    breath_F = calm_F.copy()
    for block in blocks(times_F):
        now_K = (start_K - 0.7 < times_F[block][-1]) & (end_K + 0.7 > times_F[block][0])
        if now_K.any():
            since_FK, after_FK = times_F[block, None] - start_K[now_K], times_F[block, None] - end_K[now_K]
            up_FK = min_jerk((since_FK + 0.5) / 0.5) * (1.0 - min_jerk(since_FK / (length_K[now_K] + 0.2)))
            near_FK = min_jerk((since_FK + 0.7) / 0.3) * (1.0 - min_jerk(after_FK / 0.7))
            weight_F = near_FK.max(axis=1)
            breath_F[block] = calm_F[block] * (1.0 - weight_F) + up_FK.max(axis=1) * weight_F
    return breath_F


def raise_shoulders(
    rng: np.random.Generator, times_F: FloatArray, stress_K: FloatArray, breath_F: FloatArray
) -> FloatArray:
    """Shoulders that rise with the breath, wander, and now and then shrug with a word."""
    shrug_K = stress_K[rng.random(stress_K.shape[0]) < _SHRUG_PROBABILITY]
    size_K = rng.uniform(0.4, 0.8, size=shrug_K.shape[0])
    shrugs_F = pulses(times_F, shrug_K - 0.15, size_K, attack_s=0.25, hold_s=0.15, release_s=0.45)
    return 0.08 * breath_F + shrugs_F + np.abs(0.03 * drift(rng, times_F, 1, low_hz=0.05, high_hz=0.3)[:, 0])


def shake_shape(times_F: FloatArray, onset_K: FloatArray, length_s: float) -> FloatArray:
    """Shoulders shaken by laughter, 0 to 1."""
    shake_F = np.zeros_like(times_F)
    for onset in onset_K.tolist():
        window = window_of(times_F, onset, onset + length_s)
        since_W = times_F[window] - onset
        inside_W = min_jerk(since_W / 0.3) * (1.0 - min_jerk((since_W - length_s + 0.8) / 0.8))
        shake_F[window] += inside_W * (0.5 - 0.5 * np.cos(2 * np.pi * _LAUGH_HZ * since_W))
    return shake_F


@final
@dataclass(frozen=True, slots=True)
class Stretch:
    """A time during which the hands are up."""

    start_s: float
    end_s: float


def gesture(
    rng: np.random.Generator, rig_FR: FloatArray, times_F: FloatArray, own: tuple[Phrase, ...], stress_K: FloatArray
) -> tuple[Stretch, ...]:
    """Hands that come up in some stretches of speech and beat on its stressed syllables, written into ``rig_FR``."""
    found: list[Stretch] = []
    for stretch in _stretches(own):
        if rng.random() < 0.25 or stretch.end_s - stretch.start_s < 0.8:
            continue
        beat_K = stress_K[(stress_K > stretch.start_s + 0.2) & (stress_K < stretch.end_s)]
        draw = rng.random()
        for side in (_LEFT,) if draw < 0.25 else (_RIGHT,) if draw < 0.6 else (_LEFT, _RIGHT):
            _raise_arm(rng, rig_FR, times_F, stretch, beat_K, side)
        found.append(stretch)
    return tuple(found)


def _stretches(own: tuple[Phrase, ...]) -> list[Stretch]:
    joined: list[Stretch] = []
    for phrase in own:
        start_s, end_s = phrase.start_s - 0.25, phrase.end_s - 0.15
        if joined and start_s - joined[-1].end_s < _JOINED_S:
            joined[-1] = Stretch(joined[-1].start_s, end_s)
        else:
            joined.append(Stretch(start_s, end_s))
    return joined


def _raise_arm(
    rng: np.random.Generator,
    rig_FR: FloatArray,
    times_F: FloatArray,
    stretch: Stretch,
    beat_K: FloatArray,
    side: tuple[Rig, Rig, Rig, Rig],
) -> None:
    arm, reach, swing, hand = side
    window = window_of(times_F, stretch.start_s, stretch.end_s + _ARM_FALL_S)
    times_W = times_F[window]
    up_W = min_jerk((times_W - stretch.start_s) / _ARM_RISE_S)
    up_W *= 1.0 - min_jerk((times_W - stretch.end_s) / _ARM_FALL_S)
    beat_size_K = rng.uniform(0.5, 1.0, size=beat_K.shape[0])
    beats_W = pulses(times_W, beat_K - 0.14, beat_size_K, attack_s=0.16, hold_s=0.02, release_s=0.3)
    sway_W2 = drift(rng, times_W, 2, low_hz=0.1, high_hz=0.5)
    rig_FR[window, arm] += up_W * (rng.uniform(0.42, 0.72) + 0.16 * beats_W)
    rig_FR[window, reach] += up_W * (rng.uniform(-0.45, 0.55) + 0.12 * sway_W2[:, 0])
    rig_FR[window, swing] += up_W * (0.5 * beats_W * rng.choice([-1.0, 1.0]) + 0.15 * sway_W2[:, 1])
    rig_FR[window, hand] += up_W * float(rng.choice([0.0, 0.1, 0.3, 0.5]))
