"""How somebody speaks, as a voice tells: loudness, pitch and rate, measured within what the person says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.data.captions.part import Tag
from openlpm.data.captions.tags import Group
from openlpm.data.pairing.part import Stretch

_FRAME, _HOP = AUDIO_RATE_HZ // 25, AUDIO_RATE_HZ // 100
"""40 ms of sound every 10 ms."""
_LOWEST_HZ, _HIGHEST_HZ = 65.0, 420.0
_VOICED = 0.5
_SILENT_DB = -35.0
"""Below the loudest moment: not counted."""
_LEAST_S: Final = 0.5
"""Of a shorter stretch nothing is said."""
_QUIET_DB, _LOUD_DB = -34.0, -17.0
_LOW_HZ, _HIGH_HZ = 120.0, 225.0
_SLOW_HZ, _FAST_HZ = 2.9, 5.2
_DIP_DB = 2.0
"""Between two syllables the voice falls by so much."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """A voice for a while."""

    loudness_db: float
    """Of full scale, where there is sound."""
    pitch_hz: float
    """Median of what is voiced; 0 if nothing is."""
    syllables_hz: float
    """Syllables a second, as peaks of loudness."""


def voice_tags(own_A: NDArray[np.float32], stretches: Sequence[Stretch]) -> tuple[Tag, ...]:
    """What stands out in each stretch that a person says, ``own_A`` being that voice alone."""
    found: list[Tag] = []
    for stretch in stretches:
        piece_A = own_A[max(stretch.first_sample, 0) : stretch.end_sample]
        if piece_A.shape[0] < _LEAST_S * AUDIO_RATE_HZ:
            continue
        found += [
            Tag(
                group=Group.VOICE,
                name=name,
                start_s=round(max(stretch.first_sample, 0) / AUDIO_RATE_HZ, 3),
                end_s=round(stretch.end_sample / AUDIO_RATE_HZ, 3),
                certainty=1.0,
            )
            for name in _words_for(manner_of(piece_A))
        ]
    return tuple(found)


def manner_of(samples_A: NDArray[np.float32]) -> Manner:
    """Loudness, pitch and rate of half a second of speech and more."""
    frames_KA = np.lib.stride_tricks.sliding_window_view(samples_A, _FRAME)[::_HOP].astype(np.float64)
    power_K = (frames_KA**2).mean(axis=1)
    decibel_K = 10 * np.log10(power_K + 1e-10)
    heard_K = decibel_K > decibel_K.max() + _SILENT_DB
    loudness_db = float(10 * np.log10(power_K[heard_K].mean() + 1e-10))
    pitch_K = _pitch(frames_KA[heard_K])
    voiced_K = pitch_K[pitch_K > 0]
    return Manner(
        loudness_db=loudness_db,
        pitch_hz=float(np.median(voiced_K)) if voiced_K.size else 0.0,
        syllables_hz=_peaks(decibel_K) / max(float(heard_K.sum()) * _HOP / AUDIO_RATE_HZ, 0.1),
    )


def _words_for(manner: Manner) -> list[str]:
    said = [
        ("quiet", manner.loudness_db < _QUIET_DB), ("loud", manner.loudness_db > _LOUD_DB),
        ("low", 0 < manner.pitch_hz < _LOW_HZ), ("high", manner.pitch_hz > _HIGH_HZ),
        ("slow", manner.syllables_hz < _SLOW_HZ), ("fast", manner.syllables_hz > _FAST_HZ),
    ]  # fmt: skip
    return [name for name, holds in said if holds]


def _pitch(frames_KA: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fundamental of every frame by its autocorrelation, 0 where there is none."""
    frames_KA = frames_KA - frames_KA.mean(axis=1, keepdims=True)
    size = 2 * _FRAME
    spectrum_KQ = np.fft.rfft(frames_KA, size, axis=1)
    alike_KL = np.fft.irfft(np.abs(spectrum_KQ) ** 2, size, axis=1)[:, :_FRAME]
    alike_KL = alike_KL / np.maximum(alike_KL[:, :1], 1e-12) / (1 - np.arange(_FRAME) / _FRAME * 0.9)
    first, last = int(AUDIO_RATE_HZ / _HIGHEST_HZ), int(AUDIO_RATE_HZ / _LOWEST_HZ)
    part_KL = alike_KL[:, first:last]
    best_K = part_KL.argmax(axis=1)
    # The shortest lag that is nearly as good: twice the period fits as well as the period.
    nearly_KL = part_KL >= 0.93 * part_KL.max(axis=1, keepdims=True)
    peak_KL = np.zeros_like(nearly_KL)
    peak_KL[:, 1:-1] = (part_KL[:, 1:-1] >= part_KL[:, :-2]) & (part_KL[:, 1:-1] >= part_KL[:, 2:])
    both_KL = nearly_KL & peak_KL
    lag_K = np.where(both_KL.any(axis=1), both_KL.argmax(axis=1), best_K) + first
    return np.where(part_KL.max(axis=1) > _VOICED, AUDIO_RATE_HZ / lag_K, 0.0)


def _peaks(decibel_K: NDArray[np.float64]) -> int:
    """How often the loudness rises and falls again by ``_DIP_DB``."""
    window_W = np.hanning(9)[1:-1]
    padded_K = np.pad(np.maximum(decibel_K, decibel_K.max() + _SILENT_DB), 3, mode="edge")
    smooth_K = np.convolve(padded_K, window_W / window_W.sum(), mode="valid")
    count, rising, turn = 0, True, smooth_K[0]
    for value in smooth_K.tolist():
        if rising:
            turn = max(turn, value)
            if value < turn - _DIP_DB:
                count, rising, turn = count + 1, False, value
        else:
            turn = min(turn, value)
            if value > turn + _DIP_DB:
                rising, turn = True, value
    return count + int(rising)
