"""What can be measured of a voice: pitch, its range, rate, energy and brightness."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.sound.espeak import Utterance
from openlpm.synth.sound.visemes import shares_of

_WINDOW, _HOP = 1024, 256
_LOW_HZ, _HIGH_HZ = 60.0, 500.0
_PERIODIC = 0.5  # least autocorrelation at the period of a voiced window
_FIRST_VOWEL = 10  # visemes from "aa" on are vowels


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Acoustics:
    """Of one utterance; silence does not count."""

    pitch_hz: float
    """Median of the fundamental frequency, NaN where nothing is voiced."""
    range_semitones: float
    """From the tenth to the ninetieth percentile of the pitch."""
    rate_hz: float
    """Vowels a second of speaking."""
    energy_db: float
    """Of the voiced windows, against a full-scale square wave."""
    tilt_db: float
    """Energy above 1.5 kHz against that below."""
    voiced_share: float
    """Voiced windows among those that are heard."""


def measured(utterance: Utterance) -> Acoustics:
    """Measure an utterance."""
    pitch_K, heard = pitch_track(utterance.samples_A)
    power_KH = _powers(utterance.samples_A)
    voiced_K = pitch_K > 0
    voiced_power = power_KH[voiced_K] if np.any(voiced_K) else power_KH
    hertz = np.fft.rfftfreq(_WINDOW, 1 / AUDIO_RATE_HZ)
    low, high = voiced_power[:, hertz < 1500].sum(), voiced_power[:, hertz >= 1500].sum()
    logs = 12 * np.log2(pitch_K[voiced_K]) if np.any(voiced_K) else np.array([np.nan])
    spoken = [phone for phone in utterance.phones if phone.ipa]
    seconds = sum(phone.end_sample - phone.start_sample for phone in spoken) / AUDIO_RATE_HZ
    vowels = sum(any(share.viseme >= _FIRST_VOWEL for share in shares_of(phone.ipa)) for phone in spoken)
    return Acoustics(
        pitch_hz=float(2 ** (np.median(logs) / 12)),
        range_semitones=float(np.percentile(logs, 90) - np.percentile(logs, 10)),
        rate_hz=vowels / max(seconds, 1e-3),
        energy_db=float(10 * np.log10(voiced_power.sum(axis=1).mean() + 1e-12)),
        tilt_db=float(10 * np.log10((high + 1e-12) / (low + 1e-12))),
        voiced_share=float(voiced_K.sum() / max(heard, 1)),
    )


def pitch_track(samples_A: NDArray[np.float32]) -> tuple[NDArray[np.float64], int]:
    """Fundamental frequency in hertz every 16 ms (0 where unvoiced), and how many windows are heard at all.

    The first high peak of the autocorrelation, corrected for the window's own (Boersma, 1993).
    """
    window = np.hanning(_WINDOW)
    windows_KW = _windows(samples_A) * window
    spectrum = np.fft.rfft(windows_KW, 2 * _WINDOW)
    correlation_KW = np.fft.irfft(np.square(np.abs(spectrum)))[:, :_WINDOW]
    own_W = np.fft.irfft(np.square(np.abs(np.fft.rfft(window, 2 * _WINDOW))))[:_WINDOW]
    energy_K = correlation_KW[:, 0]
    first, end = int(AUDIO_RATE_HZ / _HIGH_HZ), int(AUDIO_RATE_HZ / _LOW_HZ)
    part = correlation_KW[:, first : end + 1] / (energy_K[:, None] + 1e-9) / (own_W / own_W[0])[first : end + 1]
    # Shorter periods are preferred a little, or half the pitch would often win.
    lag_K = np.argmax(part - 0.02 * np.log2(np.arange(first, end + 1) / first), axis=1)
    heard_K = energy_K > 1e-3 * energy_K.max() + 1e-9
    voiced_K = heard_K & (part[np.arange(part.shape[0]), lag_K] > _PERIODIC)
    return np.where(voiced_K, AUDIO_RATE_HZ / (lag_K + first), 0.0), int(heard_K.sum())


def _windows(samples_A: NDArray[np.float32]) -> NDArray[np.float64]:
    padded_A = np.concatenate([samples_A, np.zeros(max(_WINDOW - samples_A.shape[0], 0) + _HOP)])
    windows = np.lib.stride_tricks.sliding_window_view(padded_A, _WINDOW)[::_HOP]
    return windows - windows.mean(axis=1, keepdims=True)


def _powers(samples_A: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.square(np.abs(np.fft.rfft(_windows(samples_A) * np.hanning(_WINDOW)))) / (0.1875 * _WINDOW**2)
