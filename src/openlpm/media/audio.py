"""Any sound file as an ``AudioSource``: decoded as it is read, mono float32 at 16 kHz, in bounded memory."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, final

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.media.probe import open_container

if TYPE_CHECKING:
    from av.container import InputContainer

KEPT_SAMPLES = 30 * AUDIO_RATE_HZ
"""What stays readable behind the furthest read."""

_MAX_PLAIN_CHANNELS = 2


def open_audio(path: Path) -> "AudioFile":
    """Open the first sound track of a file (any container, codec, rate; mono or more channels).

    The file is decoded once, in passing, before this returns: containers lie about their length and hide damage, and
    a user wants to hear of it before a video is half made.

    Raises:
        InputError: no such file, nothing to decode, no samples, or samples that are not finite numbers.
    """
    num_samples = 0
    for block_A in _decoded(path):
        num_samples += block_A.shape[0]
    if num_samples == 0:
        raise InputError(f"{path} holds no sound: it has a sound track, but not one sample could be decoded from it")
    return AudioFile(path, num_samples)


@final
class AudioFile:
    """An ``AudioSource`` over a file; made by ``open_audio``.

    Forward reads decode on; the last 30 s stay in memory. A read from before that starts the decoder again from the
    beginning of the file, which is right but slow.
    """

    def __init__(self, path: Path, num_samples: int) -> None:
        self.path = path
        self._num_samples = num_samples
        self._restart()

    @property
    def num_samples(self) -> int:
        return self._num_samples

    @property
    def held_samples(self) -> int:
        """Samples in memory now."""
        return self._end - self._start

    def reader(self) -> "AudioFile":
        """The same file with a place of its own to read from (and without counting it again)."""
        return AudioFile(self.path, self._num_samples)

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """``count`` samples from ``start``; silence outside the file. See ``core.audio.AudioSource``.

        A read that starts more than 30 s after the end closes the file and frees its samples.
        """
        read_A = np.zeros(count, dtype=np.float32)
        if start > self._num_samples + KEPT_SAMPLES:
            self._restart()
        first, end = max(start, 0), min(start + count, self._num_samples)
        if end <= first:
            return read_A
        if first < self._start:
            self._restart()
        filled = first
        while filled < end:
            self._decode_past(filled)
            filled = self._copy_held(read_A, filled, end, origin=start)
        return read_A

    def _restart(self) -> None:
        self._blocks: deque[NDArray[np.float32]] = deque()
        self._start = 0
        self._end = 0
        self._decoder = _decoded(self.path)

    def _decode_past(self, position: int) -> None:
        """Decode until ``position`` is held, dropping what lies more than the kept window behind it."""
        while self._end <= position:
            block_A = next(self._decoder, None)
            if block_A is None:
                raise InputError(
                    f"{self.path} became shorter while it was being read: leave the file alone and try again"
                )
            self._blocks.append(block_A)
            self._end += block_A.shape[0]
            while self._start + self._blocks[0].shape[0] <= position - KEPT_SAMPLES:
                self._start += self._blocks.popleft().shape[0]

    def _copy_held(self, read_A: NDArray[np.float32], first: int, end: int, *, origin: int) -> int:
        """Copy held samples ``first`` to ``end`` (as far as they go) into place; return where the copy ended."""
        position = self._start
        for block_A in self._blocks:
            left, right = max(first, position), min(end, position + block_A.shape[0])
            if right > left:
                read_A[left - origin : right - origin] = block_A[left - position : right - position]
            position += block_A.shape[0]
        return min(end, self._end)


def _decoded(path: Path) -> Iterator[NDArray[np.float32]]:
    """Blocks of mono samples at 16 kHz, checked; a packet that cannot be decoded is passed over."""
    with open_container(path) as container:
        if not container.streams.audio:
            raise InputError(f"{path} is not audio: it has no sound track; give a sound file or a video with sound")
        for frame in _resampled(container):
            samples_CA = cast("NDArray[np.float32]", frame.to_ndarray())
            mono_A = samples_CA.mean(axis=0, dtype=np.float32)
            if not np.isfinite(mono_A).all():
                raise InputError(f"{path} holds samples that are not finite numbers (NaN or infinity): export it again")
            if mono_A.shape[0]:
                yield np.clip(mono_A, -1.0, 1.0)


def _resampled(container: "InputContainer") -> Iterator[av.AudioFrame]:
    """Frames of planar float32 at 16 kHz with one or two channels, whatever the file changes to on the way."""
    resampler: av.AudioResampler | None = None
    made_for: tuple[Any, ...] = ()
    for frame in _frames(container):
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if resampler is None or shape != made_for:
            if resampler is not None:
                yield from resampler.resample(None)
            # Mono is made by averaging afterwards: the resampler's own downmix makes equal channels louder than either.
            layout = frame.layout.name if frame.layout.nb_channels <= _MAX_PLAIN_CHANNELS else "stereo"
            resampler = av.AudioResampler("fltp", layout, AUDIO_RATE_HZ)
            made_for = shape
        # Gaps and offsets in a file's own clock are none of the conversation's: sample after sample is what is heard.
        frame.pts = None
        yield from resampler.resample(frame)
    if resampler is not None:
        yield from resampler.resample(None)


def _frames(container: "InputContainer") -> Iterator[av.AudioFrame]:
    for packet in container.demux(container.streams.audio[0]):
        try:
            yield from packet.decode()
        except av.error.FFmpegError:
            # One damaged packet costs its own few milliseconds, as in every player; a file of nothing else is refused.
            continue
