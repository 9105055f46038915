"""Shapes of movement in time, evaluated at any set of times at once."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def min_jerk(progress: FloatArray) -> FloatArray:
    """From 0 to 1 the way limbs move: speed and acceleration are zero at both ends (Flash and Hogan, 1985)."""
    x = np.clip(progress, 0.0, 1.0)
    return x * x * x * (10.0 + x * (6.0 * x - 15.0))


def glide(
    times_F: FloatArray, initial_C: FloatArray, targets_KC: FloatArray, start_K: FloatArray, duration_K: FloatArray
) -> FloatArray:
    """C values that rest at ``initial_C`` and move to each row of targets in turn; moves may run into each other.

    ``start_K`` and ``duration_K`` are in seconds.
    """
    steps_KC = np.diff(targets_KC, axis=0, prepend=initial_C[None, :])
    progress_FK = min_jerk((times_F[:, None] - start_K[None, :]) / duration_K[None, :])
    return initial_C[None, :] + progress_FK @ steps_KC


def pulses(
    times_F: FloatArray, onset_K: FloatArray, size_K: FloatArray, *, attack_s: float, hold_s: float, release_s: float
) -> FloatArray:
    """Rise from 0 at each onset, hold at its size, return to 0; where pulses meet, the larger one counts."""
    if onset_K.shape[0] == 0:
        return np.zeros_like(times_F)
    since_FK = times_F[:, None] - onset_K[None, :]
    up_FK = min_jerk(since_FK / attack_s)
    down_FK = 1.0 - min_jerk((since_FK - attack_s - hold_s) / release_s)
    shape_FK = np.minimum(up_FK, down_FK) * size_K[None, :]
    chosen_F = np.abs(shape_FK).argmax(axis=1)
    return np.take_along_axis(shape_FK, chosen_F[:, None], axis=1)[:, 0]


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
