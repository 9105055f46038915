"""Head: poses and the moves between them, nods, beats and jolts."""

import numpy as np
from numpy.typing import NDArray

from openlpm.core.rig import State
from openlpm.synth.act.gestures import FloatArray, drift, glide, onsets, pulses, window_of

_ACTIVITY = {State.IDLE: 0.9, State.LISTEN: 0.75, State.SPEAK: 1.15, State.BOTH: 1.15}
_POSE_STD = np.array([0.135, 0.045, 0.05, 0.24, 0.12, 0.30])  # yaw, pitch, roll, shift x, shift y, lean
_DRIFT_STD = np.array([0.022, 0.014, 0.018, 0.05, 0.035, 0.06])
_NUM_POSE = 6
_NOD_PERIOD_S, _SLOW_NOD_PERIOD_S = (0.36, 0.52), (0.75, 1.0)


def move_head(
    rng: np.random.Generator, times_F: FloatArray, state_F: NDArray[np.int8], energy_F: FloatArray
) -> FloatArray:
    """Yaw, pitch, roll, shift x, shift y and lean: poses held for a while, moves between them, and a little drift.

    Poses are drawn about straight ahead, so the head never wanders off. ``energy_F`` scales all movement.
    """
    duration_s = float(times_F[-1]) + 0.05
    start_K = np.concatenate([[-2.0], onsets(rng, duration_s, median_s=1.15, spread=0.45, least_s=0.5)])
    at_K = np.clip(start_K * 24, 0, len(times_F) - 1).astype(np.int64)
    activity = np.array([_ACTIVITY[State(value)] for value in range(4)])
    pose_KC = rng.standard_normal((start_K.shape[0], _NUM_POSE)).clip(-2.2, 2.2) * _POSE_STD
    pose_KC[:, 2] += 0.25 * pose_KC[:, 0]
    pose_KC[:, 3] += 0.6 * pose_KC[:, 0]
    pose_KC *= (activity[state_F[at_K]] * energy_F[at_K])[:, None]
    duration_K = rng.uniform(0.45, 0.95, size=start_K.shape[0])
    head_FC = glide(times_F, pose_KC[0], pose_KC, start_K, duration_K)
    head_FC += drift(rng, times_F, _NUM_POSE, low_hz=0.08, high_hz=0.55) * _DRIFT_STD * energy_F[:, None]
    return head_FC


def nod_shape(
    rng: np.random.Generator, times_F: FloatArray, onset_K: FloatArray, *, slow: bool = False
) -> tuple[FloatArray, FloatArray]:
    """Listener's nods: one to three dips of the head that die down. Returns pitch (negative) and durations."""
    pitch_F = np.zeros_like(times_F)
    length_K = np.zeros_like(onset_K)
    for index, onset in enumerate(onset_K.tolist()):
        num_dips = int(rng.integers(1, 3 if slow else 4))
        period_s = float(rng.uniform(*(_SLOW_NOD_PERIOD_S if slow else _NOD_PERIOD_S)))
        size = float(rng.uniform(0.11, 0.19))
        window = window_of(times_F, onset, onset + num_dips * period_s)
        phase_W = (times_F[window] - onset) / period_s
        pitch_F[window] -= size * 0.72 ** np.floor(phase_W) * (0.5 - 0.5 * np.cos(2 * np.pi * phase_W))
        length_K[index] = num_dips * period_s
    return pitch_F, length_K


def beat_shape(rng: np.random.Generator, times_F: FloatArray, beat_K: FloatArray, *, energy: float) -> FloatArray:
    """Speaker's beats: a short dip of the head on each stressed syllable of ``beat_K``; pitch in radians."""
    size_K = -rng.uniform(0.035, 0.105, size=beat_K.shape[0]) * energy
    return pulses(times_F, beat_K - 0.12, size_K, attack_s=0.15, hold_s=0.02, release_s=0.26)


def jolt_shape(times_F: FloatArray, onset_K: FloatArray, size_K: FloatArray) -> FloatArray:
    """A start, 0 to ``size_K``: up at once, back slowly. The head and shoulders share it."""
    return pulses(times_F, onset_K, size_K, attack_s=0.14, hold_s=0.25, release_s=0.75)


def tilt_shape(rng: np.random.Generator, times_F: FloatArray, onset_K: FloatArray) -> FloatArray:
    """Tilts of the head to either side; roll in radians."""
    size_K = rng.uniform(0.08, 0.15, size=onset_K.shape[0]) * rng.choice([-1.0, 1.0], size=onset_K.shape[0])
    return pulses(times_F, onset_K, size_K, attack_s=0.4, hold_s=0.7, release_s=0.6)
