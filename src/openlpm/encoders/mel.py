"""Log-mel spectrogram on a grid that fits the video exactly: four columns a frame, 96 a second."""

import math
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ

COLUMNS_PER_FRAME = 4
NUM_MELS = 64
WINDOW_SAMPLES = 400
_FFT = 512
_LOWEST_HZ = 60.0
_HIGHEST_HZ = 7_600.0
_FLOOR = 1e-5
_CENTRE = -5.0
_SPREAD = 3.0


def column_start(column: int) -> int:
    """Audio sample at which mel column ``column`` begins: floor(column * 500 / 3), exact for ever."""
    return column * AUDIO_RATE_HZ // (FRAME_RATE_HZ * COLUMNS_PER_FRAME)


def samples_for_columns(first_column: int, num_columns: int) -> tuple[int, int]:
    """First sample and number of samples that columns ``first_column ...`` are computed from."""
    start = column_start(first_column)
    return start, column_start(first_column + num_columns - 1) + WINDOW_SAMPLES - start


def _hz_to_mel(hz: float) -> float:
    return 2595.0 * math.log10(1.0 + hz / 700.0)


@lru_cache(maxsize=8)
def _filters(device: torch.device) -> tuple[Tensor, Tensor]:
    """Hann window and triangular mel filters (HTK scale) on a device."""
    edges = torch.linspace(_hz_to_mel(_LOWEST_HZ), _hz_to_mel(_HIGHEST_HZ), NUM_MELS + 2, dtype=torch.float64)
    edges_hz = 700.0 * (10.0 ** (edges / 2595.0) - 1.0)
    bins_hz = torch.linspace(0, AUDIO_RATE_HZ / 2, _FFT // 2 + 1, dtype=torch.float64)
    rise = (bins_hz - edges_hz[:-2, None]) / (edges_hz[1:-1] - edges_hz[:-2])[:, None]
    fall = (edges_hz[2:, None] - bins_hz) / (edges_hz[2:] - edges_hz[1:-1])[:, None]
    bank = torch.minimum(rise, fall).clamp_min(0).float()
    return torch.hann_window(WINDOW_SAMPLES).to(device), bank.to(device)


PERIOD_COLUMNS = 3
"""Columns after which the grid falls on whole samples again."""


@lru_cache(maxsize=32)
def _windows(phase: int, num_columns: int, device: torch.device) -> Tensor:
    """Where each sample of each column's window lies in the samples given, (columns, WINDOW_SAMPLES)."""
    start = column_start(phase)
    starts_L = torch.tensor([column_start(column) - start for column in range(phase, phase + num_columns)])
    return (starts_L[:, None] + torch.arange(WINDOW_SAMPLES)).to(device)


def log_mel(audio_BA: Float[Tensor, "B A"], first_column: int, num_columns: int) -> Float[Tensor, "B M L"]:
    """Log-mel columns ``first_column`` to ``first_column + num_columns - 1``, about zero mean and unit spread.

    ``audio_BA`` is mono 16 kHz in [-1, 1] and begins at the sample ``samples_for_columns`` names; it has at
    least the number of samples given there. Computing a column here or as part of a longer call is the same.
    """
    window, bank = _filters(audio_BA.device)
    frames_BLA = audio_BA.float()[:, _windows(first_column % PERIOD_COLUMNS, num_columns, audio_BA.device)] * window
    power_BLQ = torch.fft.rfft(frames_BLA, n=_FFT).abs().square()
    mel_BLM = torch.log(power_BLQ @ bank.T + _FLOOR)
    return ((mel_BLM - _CENTRE) / _SPREAD).transpose(1, 2)
