"""Videos with sound: written frame by frame, whole or not at all, and read back."""

import contextlib
import errno
import os
import secrets
from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self, cast, final

import av
import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ
from openlpm.media.audio import open_audio
from openlpm.media.probe import open_container

SUFFIXES = (".mp4", ".m4v", ".mov")

BT709 = 1
TV_RANGE = 1
"""The colours that files are written in, by FFmpeg's numbers."""
_CODED_RATE_HZ = 48_000
"""AAC begins with 1024 samples of priming: 21 ms at this rate, so that even a player that shows them stays in step."""
_AUDIO_BITS = 128_000
_REASONS = {
    errno.ENOSPC: "no space is left there",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "no file may become that large there",
    errno.EACCES: "writing there is not allowed",
    errno.EROFS: "the disk is read-only",
    errno.ENOTDIR: "a part of that path is a file, not a folder",
}


@final
class VideoWriter:
    """H.264 and AAC in an MP4, pushed block by block; a context manager.

    Everything goes to a hidden file beside the target, which takes the target's name when the ``with`` block ends. If
    that ends with an exception (Ctrl-C too), or if the disk is full, nothing is left and an older target is untouched.
    ``size`` is the side of a square picture, or its rows and columns.

    Raises:
        InputError: an unknown suffix, a place that cannot be written, or no space left.
    """

    def __init__(
        self, path: Path, *, size: int | tuple[int, int], rate: int = FRAME_RATE_HZ, audio_rate: int = AUDIO_RATE_HZ
    ) -> None:
        if path.suffix.lower() not in SUFFIXES:
            raise InputError(f"{path}: videos are written as MP4; give a name that ends in {', '.join(SUFFIXES)}")
        if path.is_dir():
            raise InputError(f"{path} is a folder; give the name of a video file")
        self._path = path
        self._rate = rate
        self._audio_rate = audio_rate
        self._num_frames = 0
        self._num_samples = 0
        # Named by chance, not by the target: long target names stay legal and two writers never meet.
        self._draft = path.with_name(f".openlpm-{secrets.token_hex(8)}.part")
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._draft.open("xb").close()
            try:
                self._open((size, size) if isinstance(size, int) else size)
            except BaseException:
                self._draft.unlink(missing_ok=True)
                raise

    @property
    def num_frames(self) -> int:
        return self._num_frames

    def write(self, frames_FHWC: NDArray[np.uint8], samples_A: NDArray[np.float32]) -> None:
        """Add frames (uint8 RGB) and the sound that belongs to them (mono, about [-1, 1]).

        Raises:
            ValueError: picture and sound would be more than one frame apart after this call.
        """
        frames_end = (self._num_frames + frames_FHWC.shape[0]) / self._rate
        sound_end = (self._num_samples + samples_A.shape[0]) / self._audio_rate
        if abs(frames_end - sound_end) > 1 / self._rate:
            raise ValueError(f"picture ends at {frames_end:.3f} s and sound at {sound_end:.3f} s: push them in step")
        with self._explained():
            for image_HWC in frames_FHWC:
                self._encode_picture(image_HWC)
            self._encode_sound(samples_A)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                with self._explained():
                    self._finish()
        finally:
            with contextlib.suppress(Exception):
                self._container.close()
            self._draft.unlink(missing_ok=True)

    def _open(self, size: tuple[int, int]) -> None:
        # movflags go to the muxer only: the index is moved to the front so that the file plays while it downloads.
        self._container = av.open(f"file:{self._draft}", mode="w", format="mp4", options={"movflags": "+faststart"})
        # Without B-frames decoding order is showing order: no start offset for a player to get wrong.
        picture = self._container.add_stream(
            "libx264", rate=self._rate, options={"crf": "16", "preset": "medium", "bf": "0"}
        )
        picture.height, picture.width = size
        picture.pix_fmt = "yuv420p"
        context = picture.codec_context
        context.color_range, context.colorspace = TV_RANGE, BT709
        context.color_primaries, context.color_trc = BT709, BT709
        sound = self._container.add_stream("aac", rate=_CODED_RATE_HZ, layout="mono")
        sound.bit_rate = _AUDIO_BITS
        self._picture, self._sound = picture, sound
        self._resampler = av.AudioResampler("fltp", "mono", _CODED_RATE_HZ)

    def _encode_picture(self, image_HWC: NDArray[np.uint8]) -> None:
        rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(image_HWC), format="rgb24")
        frame = rgb.reformat(format="yuv420p", dst_colorspace=BT709, dst_color_range=TV_RANGE)
        frame.pts, frame.time_base = self._num_frames, Fraction(1, self._rate)
        self._container.mux(self._picture.encode(frame))
        self._num_frames += 1

    def _encode_sound(self, samples_A: NDArray[np.float32]) -> None:
        if samples_A.shape[0] == 0:
            return
        samples_CA = np.ascontiguousarray(samples_A, dtype=np.float32)[None]
        frame = av.AudioFrame.from_ndarray(samples_CA, format="fltp", layout="mono")
        frame.sample_rate = self._audio_rate
        frame.pts, frame.time_base = self._num_samples, Fraction(1, self._audio_rate)
        for coded in self._resampler.resample(frame):
            self._container.mux(self._sound.encode(coded))
        self._num_samples += samples_A.shape[0]

    def _finish(self) -> None:
        if self._num_frames == 0:
            raise InputError(f"{self._path} was not written: there was not one frame to show")
        for coded in self._resampler.resample(None):
            self._container.mux(self._sound.encode(coded))
        self._container.mux(self._sound.encode(None))
        self._container.mux(self._picture.encode(None))
        self._container.close()
        with self._draft.open("rb") as written:
            os.fsync(written.fileno())
        self._draft.replace(self._path)

    @contextlib.contextmanager
    def _explained(self) -> Generator[None, None, None]:
        try:
            yield
        except OSError as error:
            reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
            raise InputError(f"{self._path} cannot be written: {reason}") from error


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """A video in memory."""

    frames_FHWC: NDArray[np.uint8]
    rate_hz: float
    samples_A: NDArray[np.float32]
    """Mono, 16 kHz, beginning with the first frame; empty if the file has no sound."""


def read_video(path: Path, *, most_frames: int | None = None) -> Clip:
    """All of a (short) video, or its first frames; for tests, benchmarks and pictures in documents.

    Raises:
        InputError: no such file, or no picture in it.
    """
    with open_container(path) as container:
        if not container.streams.video:
            raise InputError(f"{path} has no picture in it; give a video file")
        picture = container.streams.video[0]
        rate = picture.average_rate
        frames = [rgb_of(frame) for frame in islice(container.decode(picture), most_frames)]
        sound = container.streams.audio[0] if container.streams.audio else None
        late_s = _start_s(sound) - _start_s(picture) if sound else 0.0
    if not frames or rate is None:
        raise InputError(f"{path} has no picture that can be decoded")
    samples_A = np.zeros(0, dtype=np.float32)
    if sound:
        source = open_audio(path)
        lead = round(late_s * AUDIO_RATE_HZ)
        samples_A = source.read(-lead, source.num_samples + lead)
    return Clip(frames_FHWC=np.stack(frames), rate_hz=float(rate), samples_A=samples_A)


def rgb_of(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """A decoded picture as 8-bit RGB, by the colours that its file says it has."""
    # Frames of unknown colours are read as BT.601, which is what small untagged videos are by custom.
    rgb = frame.reformat(format="rgb24", src_colorspace=frame.colorspace)
    return cast("NDArray[np.uint8]", rgb.to_ndarray())


def _start_s(stream: av.VideoStream | av.AudioStream) -> float:
    return float((stream.start_time or 0) * (stream.time_base or 0))
