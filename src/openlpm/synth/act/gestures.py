"""Shapes of movement in time, evaluated at any set of times at once."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_BLOCK_FRAMES = 480


def min_jerk(progress: FloatArray) -> FloatArray:
    """From 0 to 1 the way limbs move: speed and acceleration are zero at both ends (Flash and Hogan, 1985)."""
    x = np.minimum(np.maximum(progress, 0.0), 1.0)  # quicker than clip on short arrays
    return x * x * x * (10.0 + x * (6.0 * x - 15.0))


def blocks(times_F: FloatArray) -> Iterator[slice]:
    """Frames in pieces of 20 s: what is short lived is looked at where it lives, so that an hour fits into memory."""
    for first in range(0, times_F.shape[0], _BLOCK_FRAMES):
        yield slice(first, min(first + _BLOCK_FRAMES, times_F.shape[0]))


def window_of(times_F: FloatArray, start_s: float, end_s: float) -> slice:
    """The frames from ``start_s`` to ``end_s``."""
    first, end = np.searchsorted(times_F, [start_s, end_s]).tolist()
    return slice(first, end)


def glide(
    times_F: FloatArray, initial_C: FloatArray, targets_KC: FloatArray, start_K: FloatArray, duration_K: FloatArray
) -> FloatArray:
    """C values that rest at ``initial_C`` and move to each row of targets in turn; moves may run into each other.

    ``start_K`` and ``duration_K`` are in seconds.
    """
    steps_KC = np.diff(targets_KC, axis=0, prepend=initial_C[None, :])
    values_FC = np.empty((times_F.shape[0], initial_C.shape[0]))
    for block in blocks(times_F):
        done_K = start_K + duration_K <= times_F[block][0]
        now_K = ~done_K & (start_K < times_F[block][-1])
        progress_FK = min_jerk((times_F[block, None] - start_K[now_K]) / duration_K[now_K])
        values_FC[block] = initial_C + steps_KC[done_K].sum(axis=0) + progress_FK @ steps_KC[now_K]
    return values_FC


def pulses(
    times_F: FloatArray, onset_K: FloatArray, size_K: FloatArray, *, attack_s: float, hold_s: float, release_s: float
) -> FloatArray:
    """Rise from 0 at each onset, hold at its size, return to 0; where pulses meet, the larger one counts."""
    values_F = np.zeros_like(times_F)
    if onset_K.shape[0] == 0:
        return values_F
    for block in blocks(times_F):
        now_K = (onset_K < times_F[block][-1]) & (onset_K + attack_s + hold_s + release_s > times_F[block][0])
        if not now_K.any():
            continue
        since_FK = times_F[block, None] - onset_K[now_K]
        up_FK = min_jerk(since_FK / attack_s)
        down_FK = 1.0 - min_jerk((since_FK - attack_s - hold_s) / release_s)
        shape_FK = np.minimum(up_FK, down_FK) * size_K[now_K]
        chosen_F = np.abs(shape_FK).argmax(axis=1)
        values_F[block] = np.take_along_axis(shape_FK, chosen_F[:, None], axis=1)[:, 0]
    return values_F


def drift(
    rng: np.random.Generator, times_F: FloatArray, num_channels: int, *, low_hz: float, high_hz: float
) -> FloatArray:
    """Smooth wandering of unit variance without a frequency above ``high_hz``, independent in each channel."""
    num_waves = 6
    rate_WC = 2 * np.pi * rng.uniform(low_hz, high_hz, size=(num_waves, num_channels))
    phase_WC = rng.uniform(0, 2 * np.pi, size=(num_waves, num_channels))
    waves_FWC = np.sin(times_F[:, None, None] * rate_WC[None] + phase_WC[None])
    return waves_FWC.sum(axis=1) * np.sqrt(2.0 / num_waves)


def onsets(
    rng: np.random.Generator, duration_s: float, *, median_s: float, spread: float, least_s: float
) -> FloatArray:
    """Times of something that recurs at log-normal intervals, from a random point of its rhythm."""
    expected = int(duration_s / median_s * 2) + 8
    gap_K = np.maximum(median_s * np.exp(spread * rng.standard_normal(expected)), least_s)
    time_K = np.cumsum(gap_K) - rng.uniform(0.3, 1.0) * gap_K[0]
    return time_K[time_K < duration_s]
