"""Head, shoulders and breath."""

import numpy as np
from numpy.typing import NDArray

from openlpm.core.rig import State
from openlpm.synth.gestures import FloatArray, drift, glide, min_jerk, onsets, pulses
from openlpm.synth.reactions import Phrase

_ACTIVITY = {State.IDLE: 0.9, State.LISTEN: 0.75, State.SPEAK: 1.1, State.BOTH: 1.1}
_POSE_STD = np.array([0.135, 0.045, 0.05, 0.24, 0.12, 0.30])  # yaw, pitch, roll, shift x, shift y, lean
_DRIFT_STD = np.array([0.022, 0.014, 0.018, 0.05, 0.035, 0.06])
_NUM_POSE = 6


def move_head(
    rng: np.random.Generator, times_F: FloatArray, state_F: NDArray[np.int8], *, energy: float, pitch: float
) -> FloatArray:
    """Yaw, pitch, roll, shift x, shift y and lean: poses held for a while, moves between them, and a little drift.

    Poses are drawn about ``pitch`` and straight ahead, so the head never wanders off.
    """
    duration_s = float(times_F[-1]) + 0.05
    start_K = np.concatenate([[-2.0], onsets(rng, duration_s, median_s=1.15, spread=0.45, least_s=0.5)])
    at_K = np.clip(start_K * 24, 0, len(times_F) - 1).astype(np.int64)
    activity = np.array([_ACTIVITY[State(value)] for value in range(4)])
    pose_KC = rng.standard_normal((start_K.shape[0], _NUM_POSE)).clip(-2.2, 2.2) * _POSE_STD
    pose_KC[:, 2] += 0.25 * pose_KC[:, 0]
    pose_KC[:, 3] += 0.6 * pose_KC[:, 0]
    pose_KC *= (activity[state_F[at_K]] * energy)[:, None]
    duration_K = rng.uniform(0.45, 0.95, size=start_K.shape[0])
    head_FC = glide(times_F, pose_KC[0], pose_KC, start_K, duration_K)
    head_FC += drift(rng, times_F, _NUM_POSE, low_hz=0.08, high_hz=0.55) * _DRIFT_STD * energy
    head_FC[:, 1] += pitch
    return head_FC


def nod_shape(rng: np.random.Generator, times_F: FloatArray, onset_K: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Listener's nods: one to three dips of the head that die down. Returns pitch (negative) and durations."""
    pitch_F = np.zeros_like(times_F)
    length_K = np.zeros_like(onset_K)
    for index, onset in enumerate(onset_K.tolist()):
        num_dips = int(rng.integers(1, 4))
        period_s = float(rng.uniform(0.36, 0.52))
        size = float(rng.uniform(0.11, 0.19))
        phase_F = (times_F - onset) / period_s
        inside_F = (phase_F > 0) & (phase_F < num_dips)
        fade_F = 0.72 ** np.floor(np.clip(phase_F, 0, num_dips))
        pitch_F -= np.where(inside_F, size * fade_F * (0.5 - 0.5 * np.cos(2 * np.pi * phase_F)), 0.0)
        length_K[index] = num_dips * period_s
    return pitch_F, length_K


def beat_shape(rng: np.random.Generator, times_F: FloatArray, beat_K: FloatArray, *, energy: float) -> FloatArray:
    """Speaker's beats: a short dip of the head on each stressed syllable of ``beat_K``; pitch in radians."""
    size_K = -rng.uniform(0.035, 0.105, size=beat_K.shape[0]) * energy
    return pulses(times_F, beat_K - 0.12, size_K, attack_s=0.15, hold_s=0.02, release_s=0.26)


def breathe(rng: np.random.Generator, times_F: FloatArray, spoken: tuple[Phrase, ...]) -> FloatArray:
    """Breath, 0 to 1: a calm cycle of 0.2 to 0.3 Hz, an in-breath before speaking and a long way out during it."""
    rate_hz = rng.uniform(0.2, 0.3)
    phase_F = times_F * rate_hz + rng.uniform()
    # In-breath takes two fifths of the cycle.
    within_F = phase_F % 1.0
    calm_F = np.where(within_F < 0.4, min_jerk(within_F / 0.4), 1.0 - min_jerk((within_F - 0.4) / 0.6))
    if not spoken:
        return calm_F
    speech_F, weight_F = np.zeros_like(times_F), np.zeros_like(times_F)
    for phrase in spoken:
        length_s = max(phrase.end_s - phrase.start_s, 0.3)
        up_F = min_jerk((times_F - phrase.start_s + 0.5) / 0.5)
        down_F = min_jerk((times_F - phrase.start_s) / (length_s + 0.2))
        near_F = min_jerk((times_F - phrase.start_s + 0.7) / 0.3) * (1.0 - min_jerk((times_F - phrase.end_s) / 0.7))
        speech_F = np.maximum(speech_F, up_F * (1.0 - down_F))
        weight_F = np.maximum(weight_F, near_F)
    return calm_F * (1.0 - weight_F) + speech_F * weight_F
