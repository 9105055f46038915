"""The sound of a stretch of a source, on the same clock as its pictures: mono float32 at 16 kHz."""

from collections.abc import Iterator
from fractions import Fraction
from math import gcd
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, final

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.data.footage import opened
from openlpm.data.parts import Media

if TYPE_CHECKING:
    from av.container import InputContainer

_EARLY_S = Fraction(1)
"""Decoding begins so much earlier: the first packets after a jump are not yet whole."""
_APART_S = Fraction(3, 50)
"""Sound that is further than this from where it should be is put there: a gap, or a clock that jumped. Less is the
rounding of a container."""
_MOST_PLAIN_CHANNELS = 2


def read_sound(path: Path, media: Media, start_s: Fraction, count: int) -> NDArray[np.float32]:
    """``count`` samples from ``start_s`` on the clock of the file; silence where the source has none.

    Raises:
        InputError: the file cannot be opened any more.
    """
    sound_A = np.zeros(count, np.float32)
    if media.sound is None or count < 1:
        return sound_A
    for seek in (True, False):
        first: int | None = None
        for position, block_A in _blocks(path, media.sound.stream, start_s, start_s + Fraction(count, AUDIO_RATE_HZ),
                                         seek=seek):  # fmt: skip
            first = position if first is None else first
            # A jump that lands behind its goal has lost sound: then there is only the long way.
            if seek and first > 0:
                break
            begin, end = max(position, 0), min(position + block_A.shape[0], count)
            if end > begin:
                sound_A[begin:end] = block_A[begin - position : end - position]
        if first is not None and (first <= 0 or not seek):
            break
    return np.nan_to_num(sound_A).clip(-1.0, 1.0).astype(np.float32)


def _blocks(
    path: Path, stream: int, start_s: Fraction, end_s: Fraction, *, seek: bool
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Samples with their place, counted from ``start_s``; a little before it and behind ``end_s`` too."""
    with opened(path) as container:
        track = container.streams[stream]
        if not isinstance(track, av.AudioStream):
            raise InputError(f"{path} has changed since it was ingested; build the dataset again")
        time_base = Fraction(track.time_base or Fraction(1, AUDIO_RATE_HZ))
        if seek:
            try:
                wanted = int((start_s - _EARLY_S) / time_base)
                container.seek(wanted, stream=track, backward=True, any_frame=False)
            except av.error.FFmpegError:
                return
        mixer = _Mixer(start_s)
        for frame in _decoded(container, track):
            at_s = None if frame.pts is None else frame.pts * Fraction(frame.time_base or time_base)
            if at_s is not None and at_s > end_s + _EARLY_S:
                break
            yield from mixer.push(frame, at_s)
        yield from mixer.flush()


def _decoded(container: "InputContainer", track: av.AudioStream) -> Iterator[av.AudioFrame]:
    packets = container.demux(track)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            frames = packet.decode()
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            continue  # one damaged packet costs its own few milliseconds
        yield from frames


@final
class _Mixer:
    """Frames of any kind to one channel at 16 kHz, each where its time stamp says.

    The resampler always begins on a sample of the source that is one of ours too, counted from time zero: so a sound is
    the same, sample by sample, wherever decoding began.
    """

    def __init__(self, start_s: Fraction) -> None:
        self._start = round(start_s * AUDIO_RATE_HZ)
        self._resampler: av.AudioResampler | None = None
        self._plain: av.AudioResampler | None = None
        self._kind: tuple[Any, ...] = ()
        self._next_s = Fraction(0)
        """When the next frame should come."""
        self._position = 0

    def push(self, frame: av.AudioFrame, at_s: Fraction | None) -> Iterator[tuple[int, NDArray[np.float32]]]:
        rate = frame.sample_rate
        kind = (frame.format.name, frame.layout.name, rate)
        at_s = self._next_s if at_s is None else at_s
        silent = 0
        if self._resampler is None or kind != self._kind or abs(at_s - self._next_s) > _APART_S:
            yield from self.flush()
            # Mono is made by averaging afterwards: a resampler's own downmix makes equal channels louder than either.
            layout = frame.layout.name if frame.layout.nb_channels <= _MOST_PLAIN_CHANNELS else "stereo"
            self._plain = av.AudioResampler("fltp", layout, rate)
            self._resampler, self._kind = av.AudioResampler("fltp", "mono", AUDIO_RATE_HZ), kind
            self._next_s = at_s
            first = round(at_s * rate)
            silent = first % (rate // gcd(rate, AUDIO_RATE_HZ))
            self._position = (first - silent) * AUDIO_RATE_HZ // rate - self._start
        self._next_s += Fraction(frame.samples, rate)
        frame.pts = None
        assert self._plain is not None
        for plain in self._plain.resample(frame):
            mono_A = cast("NDArray[np.float32]", plain.to_ndarray()).mean(axis=0, dtype=np.float32)
            yield from self._placed(np.pad(mono_A, (silent, 0)), rate)
            silent = 0

    def flush(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        if self._resampler is not None:
            yield from self._out(self._resampler.resample(None))
            self._resampler = None

    def _placed(self, mono_A: NDArray[np.float32], rate: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(mono_A[None]), format="fltp", layout="mono")
        frame.sample_rate = rate
        assert self._resampler is not None
        yield from self._out(self._resampler.resample(frame))

    def _out(self, frames: list[av.AudioFrame]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        for frame in frames:
            samples_A = cast("NDArray[np.float32]", frame.to_ndarray())[0]
            yield self._position, samples_A
            self._position += samples_A.shape[0]
