"""Eyes: fixations and the saccades between them, and blinks."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.rig import State
from openlpm.synth.act.gestures import FloatArray, blocks, glide, onsets

_CAMERA_PROBABILITY = {State.IDLE: 0.4, State.LISTEN: 0.88, State.SPEAK: 0.74, State.BOTH: 0.8}
_BLINKS = {State.IDLE: 1.0, State.LISTEN: 0.9, State.SPEAK: 1.3, State.BOTH: 1.2}
_AVERTED_STD = (0.5, 0.28)
_CAMERA_STD = (0.035, 0.03)
_SACCADE_S = 0.045
_CLOSING_S, _CLOSED_S, _OPENING_S = 0.085, 0.05, 0.15
BLINK_S = _CLOSING_S + _CLOSED_S + _OPENING_S
_BLINK_MEDIAN_S, _BLINK_SPREAD, _BLINK_LEAST_S = 3.2, 0.45, 1.2
_BLINK_APART_S = 0.6
_LARGE_SACCADE = 0.45


@final
@dataclass(frozen=True, slots=True)
class Eyes:
    """Where the eyes look and how far they are shut (``blink_F``, 0 to 1); ``blink_K`` are the onsets in seconds."""

    gaze_F2: FloatArray
    blink_F: FloatArray
    blink_K: FloatArray


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Looking:
    """What moves the eyes."""

    state_F: NDArray[np.int8]
    camera_F: FloatArray
    """Scale of the chance to look at the camera."""
    blinks_F: FloatArray
    """Scale of the rate of blinking."""
    averted_K: FloatArray
    """Times at which the eyes leave the camera for sure, such as to think."""
    met_K: FloatArray
    """Times at which they come to it for sure."""
    startled_K: FloatArray
    """Times of blinks that are reflexes."""
    unblinking: tuple[tuple[float, float], ...]
    """Times during which something else moves the lids."""


def move_eyes(rng: np.random.Generator, times_F: FloatArray, looking: Looking) -> Eyes:
    """Eyes for a clip: mostly at the camera while listening, elsewhere more often while idle or speaking."""
    duration_s = float(times_F[-1]) + 0.05
    free_K = onsets(rng, duration_s, median_s=0.9, spread=0.6, least_s=0.25)
    start_K = np.concatenate([[-1.0], free_K, looking.averted_K, looking.met_K])
    at_K = np.clip(start_K * 24, 0, len(times_F) - 1).astype(np.int64)
    table = np.array([_CAMERA_PROBABILITY[State(value)] for value in range(4)])
    chance_K = np.minimum(table[looking.state_F[at_K]] * looking.camera_F[at_K], 0.96)
    to_camera_K = rng.random(start_K.shape[0]) < chance_K
    num_free = 1 + free_K.shape[0]
    to_camera_K[num_free : num_free + looking.averted_K.shape[0]] = False
    to_camera_K[num_free + looking.averted_K.shape[0] :] = True
    noise_K2 = rng.standard_normal((start_K.shape[0], 2))
    target_K2 = np.where(to_camera_K[:, None], noise_K2 * _CAMERA_STD, noise_K2 * _AVERTED_STD).clip(-0.9, 0.9)
    order = np.argsort(start_K, kind="stable")
    start_K, target_K2 = start_K[order], target_K2[order]
    gaze_F2 = glide(times_F, target_K2[0], target_K2, start_K, np.full(start_K.shape, _SACCADE_S))
    size_K = np.abs(np.diff(target_K2[:, 0], prepend=target_K2[0, 0]))
    with_gaze_K = start_K[(size_K > _LARGE_SACCADE) & (rng.random(size_K.shape) < 0.5)] - 0.03
    blink_K = _apart(np.concatenate([_rhythm(rng, looking), with_gaze_K, looking.startled_K]))
    for start_s, end_s in looking.unblinking:
        blink_K = blink_K[(blink_K < start_s - BLINK_S) | (blink_K > end_s)]
    return Eyes(gaze_F2, blink_shape(times_F, blink_K), blink_K)


def _rhythm(rng: np.random.Generator, looking: Looking) -> FloatArray:
    """Blinks that recur faster or slower with what one does and feels."""
    table = np.array([_BLINKS[State(value)] for value in range(4)])
    clock_F = np.cumsum(table[looking.state_F] * looking.blinks_F) / 24
    blink_K = onsets(rng, float(clock_F[-1]), median_s=_BLINK_MEDIAN_S, spread=_BLINK_SPREAD, least_s=_BLINK_LEAST_S)
    return np.interp(blink_K, clock_F, np.arange(clock_F.shape[0]) / 24)


def _apart(time_K: FloatArray) -> FloatArray:
    """Sorted times, without those that follow their predecessor too soon."""
    ordered = np.sort(time_K[time_K > -0.2])
    kept: list[float] = []
    for time in ordered.tolist():
        if not kept or time - kept[-1] >= _BLINK_APART_S:
            kept.append(time)
    return np.array(kept)


def blink_shape(times_F: FloatArray, onset_K: FloatArray) -> FloatArray:
    """Lids closing fast, shut for at least one whole frame, opening slower: four to seven frames a blink."""
    lids_F = np.zeros_like(times_F)
    for block in blocks(times_F):
        now_K = (onset_K < times_F[block][-1]) & (onset_K + BLINK_S > times_F[block][0])
        if now_K.any():
            since_FK = times_F[block, None] - onset_K[now_K]
            linear_FK = np.minimum(since_FK / _CLOSING_S, (BLINK_S - since_FK) / _OPENING_S)
            lids_F[block] = 0.5 - 0.5 * np.cos(np.pi * np.clip(linear_FK, 0.0, 1.0).max(axis=1))
    return lids_F
