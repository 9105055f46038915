"""What voices sound like while a unit runs: cepstra, pitch and voicing, on the mel grid (four columns a frame)."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final, final

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.data.packed import Packed
from openlpm.encoders.mel import COLUMNS_PER_FRAME, NUM_MELS, column_start, log_mel, samples_for_columns

COLUMN_RATE_HZ: Final = 96
NUM_CEPSTRA: Final = 16
"""The first of them is loudness."""
PITCH, VOICING, NUM_TIMBRE = NUM_CEPSTRA, NUM_CEPSTRA + 1, NUM_CEPSTRA + 2
TIMBRE_STEP: Final = 0.1
_BANDS: Final = 32
_MEL_SPREAD: Final = 3.0
"""Undoes the scale of the mel grid: natural logarithms of power."""
_BLOCK: Final = 960
_WINDOW, _FFT = 640, 1024
"""Samples; the transform has room for the longest lag behind a window."""
_HIGHEST_HZ, _LOWEST_HZ, _REFERENCE_HZ = 400, 65, 100.0
_SHORT_FIRST: Final = 5e-4
"""So much a sample of lag a longer period has to fit better: twice a period is one, too."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Timbre:
    """What ``work`` hears of a unit and ``settle`` learns voices from; it does not stay in the manifest."""

    NAME: ClassVar[str] = "timbre"
    columns: Packed
    """(4F, ``NUM_TIMBRE``): cepstra, octaves above 100 Hz, and how periodic the sound is (0 to 1)."""
    who: Packed
    """int8 (F,), ``apart.Who``: of whom labels are sure that they speak."""


def timbre_of(sound_A: NDArray[np.float32], num_frames: int) -> NDArray[np.float32]:
    """(4F, ``NUM_TIMBRE``) of a sound (mono, 16 kHz) that begins with the first frame."""
    count = num_frames * COLUMNS_PER_FRAME
    padded_A = np.zeros(column_start(count) + _WINDOW, np.float32)
    given = min(sound_A.shape[0], padded_A.shape[0])
    padded_A[:given] = np.nan_to_num(sound_A[:given])
    timbre_LX = np.zeros((count, NUM_TIMBRE), np.float32)
    for first in range(0, count, _BLOCK):
        block = slice(first, min(first + _BLOCK, count))
        start, length = samples_for_columns(first, block.stop - first)
        piece_1A = torch.from_numpy(padded_A[None, start : start + length])
        mel_ML = log_mel(piece_1A, first, block.stop - first)[0].numpy() * _MEL_SPREAD
        bands_LB = mel_ML.reshape(_BANDS, NUM_MELS // _BANDS, -1).mean(axis=1).T
        timbre_LX[block, :NUM_CEPSTRA] = bands_LB @ _cosines().T
        timbre_LX[block, PITCH:] = _pitch(padded_A, np.arange(first, block.stop))
    return timbre_LX


def loudness_of(timbre_LX: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean log power of the bands in each column, against what is loud in this sound (0 there)."""
    level_L = timbre_LX[:, 0] / np.float32(np.sqrt(_BANDS))
    return (level_L - np.quantile(level_L, 0.95)).astype(np.float32)


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float32]:
    """The orthonormal cosine transform of the bands, (``NUM_CEPSTRA``, bands)."""
    angle_CB = np.pi / _BANDS * np.arange(NUM_CEPSTRA)[:, None] * (np.arange(_BANDS) + 0.5)
    scale_C = np.where(np.arange(NUM_CEPSTRA) == 0, np.sqrt(1 / _BANDS), np.sqrt(2 / _BANDS))
    return (scale_C[:, None] * np.cos(angle_CB)).astype(np.float32)


def _pitch(sound_A: NDArray[np.float32], columns_L: NDArray[np.int64]) -> NDArray[np.float32]:
    """Octaves above 100 Hz and height of the best peak of the autocorrelation, (L, 2); windows of 40 ms."""
    starts_L = columns_L * 500 // 3 - _WINDOW // 2
    index_LA = np.clip(starts_L[:, None] + np.arange(_WINDOW), 0, sound_A.shape[0] - 1)
    window_A = np.hanning(_WINDOW)
    piece_LA = sound_A[index_LA].astype(np.float64)
    piece_LA = (piece_LA - piece_LA.mean(axis=1, keepdims=True)) * window_A
    likeness_LA = _autocorrelation(piece_LA) / _autocorrelation(window_A)
    likeness_LA = likeness_LA / np.maximum(likeness_LA[:, :1], 1e-9)
    shortest, longest = AUDIO_RATE_HZ // _HIGHEST_HZ, AUDIO_RATE_HZ // _LOWEST_HZ
    judged_LK = likeness_LA[:, shortest:longest] - _SHORT_FIRST * np.arange(longest - shortest)
    best_L = judged_LK.argmax(axis=1)
    octaves_L = np.log2(AUDIO_RATE_HZ / (best_L + shortest) / _REFERENCE_HZ)
    return np.stack([octaves_L, np.clip(judged_LK.max(axis=1), 0, 1)], axis=1).astype(np.float32)


def _autocorrelation(piece_LA: NDArray[np.float64]) -> NDArray[np.float64]:
    power = np.abs(np.fft.rfft(piece_LA, _FFT)) ** 2
    return np.fft.irfft(power)[..., : AUDIO_RATE_HZ // _LOWEST_HZ]
