"""A clip as a rater sees it: a submission's picture with the case's own sound.

Both sides of a trial go through the same: the same sound at the same loudness, the same height, the same coding, and
nothing of what a file says about its maker. A picture keeps its place against the sound of its own file.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast, final

import av
import av.error
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.media.audio import open_audio
from openlpm.media.mix import PARTNER_GAIN, soft_limit
from openlpm.media.probe import open_container, probe

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer

LOUDNESS_LUFS: Final = -23.0
"""Of every clip (EBU R 128)."""
_SILENCE_LUFS, _MOST_GAIN = -60.0, 30.0
_CODED_RATE_HZ = 48_000
_CLOCK = Fraction(1, 90_000)
_LEAST_HEIGHT = 16


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The part of a case that is shown."""

    start_s: float
    seconds: float


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Voices:
    """The sound of a case at 16 kHz; both as long as the window."""

    own_A: NDArray[np.float32]
    partner_A: NDArray[np.float32]

    def mixed(self) -> NDArray[np.float32]:
        """Both as they are heard, at the loudness of all clips."""
        both_A = (self.own_A + PARTNER_GAIN * self.partner_A).astype(np.float32)
        level = loudness_lufs(both_A)
        if level <= _SILENCE_LUFS:
            return both_A
        gain = 10.0 ** (min(LOUDNESS_LUFS - level, _MOST_GAIN) / 20.0)
        return soft_limit((gain * both_A).astype(np.float32))


def read_sound(path: Path | None, window: Window) -> NDArray[np.float32]:
    """A window of a sound file; silence where there is none, and after its end.

    Raises:
        InputError: a file that is no sound.
    """
    count = round(window.seconds * AUDIO_RATE_HZ)
    if path is None:
        return np.zeros(count, np.float32)
    return open_audio(path).read(round(window.start_s * AUDIO_RATE_HZ), count)


def loudness_lufs(samples_A: NDArray[np.float32]) -> float:
    """Integrated loudness (ITU-R BS.1770-4); -70 for silence."""
    if samples_A.shape[0] == 0:
        return -70.0
    graph = Graph()
    source = graph.add_abuffer(sample_rate=AUDIO_RATE_HZ, format="flt", layout="mono", time_base=Fraction(1, 16_000))
    meter, sink = graph.add("ebur128", "metadata=1"), graph.add("abuffersink")
    graph.link_nodes(source, meter, sink).configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples_A[None], np.float32), format="flt", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE_HZ, 0, Fraction(1, AUDIO_RATE_HZ)
    graph.push(frame)
    graph.push(None)
    level = -70.0
    while True:
        try:
            measured = cast("av.AudioFrame", graph.pull())
        except (av.error.EOFError, av.error.BlockingIOError):
            return level
        level = float(measured.metadata.get("lavfi.r128.I", level))


def peaks(samples_A: NDArray[np.float32], count: int) -> list[float]:
    """The loudest moment of each of ``count`` equal parts, 0 to 1 of the loudest of all; for a drawing."""
    loud = [float(np.abs(part).max(initial=0.0)) for part in np.array_split(samples_A, count)]
    top = max(loud)
    return [round(each / top, 2) if top > 0 else 0.0 for each in loud]


def height_of(path: Path) -> int:
    """Rows of a video.

    Raises:
        InputError: there is no picture in it.
    """
    height = probe(path).height
    if not height or height < _LEAST_HEIGHT:
        raise InputError(f"{path} has no picture that can be shown; give a video file")
    return height


def write_clip(
    picture: Path, sound_A: NDArray[np.float32] | None, window: Window, out: Path, *, height: int, frozen: bool = False
) -> None:
    """Write one side of a trial, whole or not at all; ``sound_A`` None leaves it without a sound track.

    Raises:
        InputError: the video cannot be read, or shows nothing in the window.
    """
    draft = out.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with open_container(picture) as source, av.open(f"file:{draft}", "w", "mp4") as target:
            _copy(source, target, picture, sound_A, (window, height, frozen))
        draft.replace(out)
    except av.error.FFmpegError as error:
        raise InputError(f"{picture} cannot be decoded: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _copy(
    source: "InputContainer",
    target: "OutputContainer",
    picture: Path,
    sound_A: NDArray[np.float32] | None,
    how: tuple[Window, int, bool],
) -> None:
    window, height, frozen = how
    if not source.streams.video:
        raise InputError(f"{picture} has no picture in it; give a video file")
    coded = target.add_stream(
        "libx264",
        rate=source.streams.video[0].average_rate or 24,
        options={"crf": "14", "preset": "veryfast", "bf": "0"},
    )
    coded.pix_fmt, coded.time_base, coded.codec_context.time_base = "yuv420p", _CLOCK, _CLOCK
    sounding = None if sound_A is None else target.add_stream("aac", rate=_CODED_RATE_HZ, layout="mono")
    first: av.VideoFrame | None = None
    last_s = -1.0
    for frame, at_s in _shown(source, window):
        if first is None:
            coded.height = height // 2 * 2
            coded.width = max(2, round(frame.width * coded.height / frame.height / 2) * 2)
        if first is None or not frozen:
            first = frame.reformat(width=coded.width, height=coded.height, format="yuv420p")
        if at_s <= last_s:
            continue
        last_s, first.pts, first.time_base = at_s, round(at_s / _CLOCK), _CLOCK
        first.pict_type = 0  # pyright: ignore[reportAttributeAccessIssue]  # the coder decides what is a key frame
        target.mux(coded.encode(first))
    if first is None:
        raise InputError(f"{picture} shows nothing from {window.start_s:g} s on; it is too short")
    target.mux(coded.encode(None))
    if sounding is not None and sound_A is not None:
        _add_sound(target, sounding, sound_A)


def _shown(source: "InputContainer", window: Window) -> Iterator[tuple[av.VideoFrame, float]]:
    """Frames of a window with their seconds in it."""
    stream = source.streams.video[0]
    clock = source.streams.audio[0] if source.streams.audio else stream
    origin_s = float((clock.start_time or 0) * (clock.time_base or 0))
    for frame in source.decode(stream):
        if frame.pts is None:
            continue  # a frame without a place in time
        at_s = frame.time - origin_s - window.start_s
        if at_s >= window.seconds:
            return
        if at_s >= 0:
            yield frame, at_s


def _add_sound(target: "OutputContainer", stream: av.AudioStream, sound_A: NDArray[np.float32]) -> None:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound_A[None], np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE_HZ, 0, Fraction(1, AUDIO_RATE_HZ)
    resampler = av.AudioResampler("fltp", "mono", _CODED_RATE_HZ)
    for part in (*resampler.resample(frame), *resampler.resample(None)):
        target.mux(stream.encode(part))
    target.mux(stream.encode(None))
