"""Opens a video of an entry and sees it, or says in one sentence what is wrong with it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.bench.lpm.view import View, seen_frames, watch
from openlpm.bench.reading import Judges
from openlpm.core.errors import InputError
from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ

BLOCK_FRAMES = 48
_RATE_TOLERANCE = 0.01
_SOUND_SHORT_S = 0.25
LATEST_S, LATEST_STREAMED_S = 1.0, 4.0
"""By how much a voice may be late in a file, and in a stream as it was seen."""
_ENVELOPE_HZ = 200
_LEAST_LIKE = 0.4
"""Of the smoke tier's voices, mixed with their partners, none is less than .47; of wrong ones 95 % are under .35."""
_SOFT, _PAUSE_S = 0.05, 0.1
_SILENCE = 1e-4


class BrokenVideoError(InputError):
    """A video that cannot be judged; its text is what is wrong, and it scores worst."""


def watch_video(
    path: Path, judges: Judges, *, num_frames: int, speak_A: NDArray[np.float32], latest_s: float = LATEST_S
) -> View:
    """See the video of a case of so many frames, spoken by a voice that is late by ``latest_s`` at most.

    Raises:
        BrokenVideoError: it is missing or damaged, too short, of another rate or size, or has not the case's sound.
    """
    if not path.is_file():
        raise BrokenVideoError("missing: there is no video of this case")
    frame_F = seen_frames(num_frames)
    try:
        view = watch(_blocks(path, frame_F, num_frames), frame_F, judges, num_frames=num_frames)
        late_s = _sound_late_s(path, num_frames, speak_A, latest_s)
    except BrokenVideoError:
        raise
    except InputError as error:
        raise BrokenVideoError(f"corrupt: {str(error).replace(str(path), path.name)}") from error
    return replace(view, sound_late_s=late_s)


def _blocks(path: Path, frame_F: NDArray[np.int64], num_frames: int) -> Iterator[Tensor]:
    """The wanted frames in blocks; frames after the last are not decoded."""
    import av.error

    from openlpm.media.probe import open_container

    wanted = np.zeros(num_frames, np.bool_)
    wanted[frame_F] = True
    with open_container(path) as container:
        if not container.streams.video:
            raise BrokenVideoError("corrupt: there is no picture in it")
        stream = container.streams.video[0]
        rate = float(stream.average_rate or 0)
        if abs(rate - FRAME_RATE_HZ) > _RATE_TOLERANCE:
            raise BrokenVideoError(f"wrong rate: {rate:g} frames a second, {FRAME_RATE_HZ} are asked for")
        block: list[NDArray[np.uint8]] = []
        index = -1
        try:
            for index, frame in enumerate(container.decode(stream)):
                if index >= num_frames:
                    break
                if wanted[index]:
                    rgb = frame.reformat(format="rgb24", src_colorspace=frame.colorspace)
                    block.append(cast("NDArray[np.uint8]", rgb.to_ndarray()))
                if len(block) == BLOCK_FRAMES:
                    yield _tensor(block)
                    block = []
        except av.error.FFmpegError as error:
            raise BrokenVideoError(f"corrupt: it cannot be decoded after frame {index}") from error
        if index + 1 < num_frames:
            raise BrokenVideoError(f"short: {index + 1} frames of {num_frames}")
        if block:
            yield _tensor(block)


def _tensor(block: list[NDArray[np.uint8]]) -> Tensor:
    frames_FHWC = np.stack(block)
    if frames_FHWC.shape[1:] != (256, 256, 3):
        raise BrokenVideoError(f"wrong size: {frames_FHWC.shape[2]}x{frames_FHWC.shape[1]}, 256x256 is asked for")
    return torch.from_numpy(frames_FHWC).permute(0, 3, 1, 2).float() / 255


def _sound_late_s(path: Path, num_frames: int, speak_A: NDArray[np.float32], latest_s: float) -> float:
    """How late the case's own voice is in the video's sound; 0 where it has none.

    Raises:
        BrokenVideoError: there is no sound, too little of it, or not that of the case.
    """
    from openlpm.media.audio import open_audio

    try:
        sound = open_audio(path)
    except InputError as error:
        if "no sound" in str(error):
            raise BrokenVideoError("no sound: an entry needs the sound that it was made for") from error
        raise
    length_s = num_frames / FRAME_RATE_HZ
    if sound.num_samples / AUDIO_RATE_HZ < length_s - _SOUND_SHORT_S:
        raise BrokenVideoError(
            f"short: {sound.num_samples / AUDIO_RATE_HZ:.2f} s of sound, {length_s:.2f} s of picture"
        )
    if float(np.abs(speak_A).max(initial=0.0)) < _SILENCE:
        return 0.0
    return lateness_s(sound.read(0, speak_A.shape[0]), speak_A, latest_s) + _track_late_s(path)


def _track_late_s(path: Path) -> float:
    """How much later the sound track begins than the picture."""
    from openlpm.media.probe import open_container

    with open_container(path) as container:
        starts = [
            float((stream.start_time or 0) * (stream.time_base or 0))
            for stream in (container.streams.audio[0], container.streams.video[0])
        ]
    return starts[0] - starts[1]


def lateness_s(heard_A: NDArray[np.float32], voice_A: NDArray[np.float32], latest_s: float = LATEST_S) -> float:
    """By how much ``voice`` is later in ``heard``, ``latest_s`` at most, from the loudness of both.

    Only where the voice speaks: a partner who speaks at other times takes nothing away.

    Raises:
        BrokenVideoError: it is not heard in it.
    """
    heard_L, voice_L = _envelope(heard_A), _envelope(voice_A)
    near = np.ones(2 * round(_PAUSE_S * _ENVELOPE_HZ) + 1)
    speaks_L = (np.convolve(voice_L > _SOFT * voice_L.max(), near, mode="same") > 0.5).astype(np.float64)
    count = max(float(speaks_L.sum()), 1.0)
    asked_L = (voice_L - float(voice_L @ speaks_L) / count) * speaks_L
    most = round(latest_s * _ENVELOPE_HZ)
    power_L, sum_L = _at_lags(np.square(heard_L), speaks_L, most), _at_lags(heard_L, speaks_L, most)
    spread_L = np.sqrt(np.maximum(power_L - np.square(sum_L) / count, 0.0)) * float(np.linalg.norm(asked_L))
    fit_L = _at_lags(heard_L, asked_L, most) / np.maximum(spread_L, 1e-9)
    best = int(fit_L.argmax())
    if fit_L[best] < _LEAST_LIKE:
        raise BrokenVideoError("wrong sound: the voice of the case is not in it")
    return (best - most) / _ENVELOPE_HZ


def _at_lags(heard_L: NDArray[np.float64], weight_L: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """Sums of what is heard later by every lag from ``-most`` to ``most``, weighted."""
    size = heard_L.size + weight_L.size + most
    product_L = np.fft.irfft(np.fft.rfft(heard_L, size) * np.conj(np.fft.rfft(weight_L, size)), size)
    return product_L[np.arange(-most, most + 1)]


def _envelope(samples_A: NDArray[np.float32]) -> NDArray[np.float64]:
    step = AUDIO_RATE_HZ // _ENVELOPE_HZ
    count = samples_A.size // step
    return np.sqrt(np.square(samples_A[: count * step].reshape(count, step).astype(np.float64)).mean(axis=1))
