"""Pictures as H.264 files in memory, the same bytes from the same pictures, quick to enter anywhere."""

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Final

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.media.video import BT709, TV_RANGE, rgb_of

_KEY_EVERY: Final = FRAME_RATE_HZ
"""Frames between those that can be decoded by themselves: what is read from the middle costs a second at most."""


def encoded(frames: Iterable[NDArray[np.uint8]], size: int, *, crf: int) -> bytes:
    """An MP4 of square pictures (8-bit RGB, ``size`` each way), 24 a second, without sound.

    ``crf`` is x264's: 0 loses nothing but half of the colour's resolution, 16 hardly anything, 23 is its default. One
    thread and no word about who wrote it and when: the bytes depend on the pictures and the version of the coder alone.
    """
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        settings = {"crf": str(crf), "preset": "veryfast", "bf": "0", "g": str(_KEY_EVERY)}
        stream = container.add_stream("libx264", rate=FRAME_RATE_HZ, options=settings)
        stream.height = stream.width = size
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        context = stream.codec_context
        context.color_range, context.colorspace = TV_RANGE, BT709
        context.color_primaries, context.color_trc = BT709, BT709
        for index, picture_HWC in enumerate(frames):
            rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture_HWC), format="rgb24")
            frame = rgb.reformat(format="yuv420p", dst_colorspace=BT709, dst_color_range=TV_RANGE)
            frame.pts, frame.time_base = index, Fraction(1, FRAME_RATE_HZ)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def decoded(data: bytes, *, first_frame: int = 0, num_frames: int | None = None) -> NDArray[np.uint8]:
    """Pictures of what ``encoded`` has written, 8-bit RGB (F, H, W, 3): all, or ``num_frames`` from ``first_frame``.

    Raises:
        InputError: damaged, or shorter than that.
    """
    try:
        frames = list(_from(data, first_frame, num_frames))
    except av.error.FFmpegError as error:
        raise InputError(f"a film of {len(data)} bytes cannot be decoded ({error}); make its shard again") from error
    if not frames or (num_frames is not None and len(frames) < num_frames):
        raise InputError(f"a film has {len(frames)} frames from {first_frame} on, not {num_frames}; make it again")
    return np.stack(frames)


def _from(data: bytes, first_frame: int, num_frames: int | None) -> Iterator[NDArray[np.uint8]]:
    with av.open(io.BytesIO(data), "r", format="mp4") as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        assert stream.time_base is not None
        tick = 1 / (stream.time_base * FRAME_RATE_HZ)
        if first_frame:
            container.seek(round(first_frame * tick), stream=stream, backward=True)
        found = 0
        for frame in container.decode(stream):
            if frame.pts is None or round(frame.pts / tick) < first_frame:
                continue
            if num_frames is not None and found == num_frames:
                return
            found += 1
            yield rgb_of(frame)
