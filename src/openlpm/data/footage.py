"""Frames of a source as stages see them: shown upright, at the size that was asked for, with exact time stamps.

Everything about a file is taken for a lie until a decoder has said it: frames without stamps are counted, damaged ones
passed over, sizes that change in the middle brought to one.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast, final

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.data.parts import Media, Span
from openlpm.media.files import require_file

if TYPE_CHECKING:
    from av.container import InputContainer

FORMATS: Final = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,gif,flv,asf,ogg,mpegvideo,h264,hevc,dv,rm,mxf,nut,ivf"
)
"""Containers that hold video. Playlists, scripts that name other files, text and pictures are none."""
_MOST_DAMAGED: Final = 1000
_OPTIONS: Final = {
    # No address, no other file; a header may not make the search for streams endless.
    "protocol_whitelist": "file",
    "format_whitelist": FORMATS,
    "probesize": "5000000",
    "analyzeduration": "5000000",
}


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """One frame."""

    pts: int
    index: int
    """How many frames of the source were decoded before it, if decoding began at its beginning."""
    picture_HWC: NDArray[np.uint8]
    """Blue, green, red, as OpenCV has it."""


@contextmanager
def opened(path: Path, *, most_streams: int = 64) -> "Generator[InputContainer]":
    """A source opened for reading.

    Raises:
        InputError: no file, empty, no container of video, or more streams than any video has.
    """
    require_file(path)
    options = {**_OPTIONS, "max_streams": str(most_streams + 1)}
    try:
        container = av.open(f"file:{path}", mode="r", options=options, container_options=options)
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError(f"{path} is no video that can be read: {error}") from error
    try:
        yield container
    finally:
        container.close()


def upright(width: int, height: int, rotation: int) -> tuple[int, int]:
    """Width and height as shown."""
    return (height, width) if rotation % 180 else (width, height)


def fitted(width: int, height: int, most_side: int | None) -> tuple[int, int]:
    """Width and height with the longer side at most so long; even, for decoders' sake, and never 0."""
    scale = 1.0 if most_side is None else min(1.0, most_side / max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def read_pictures(
    path: Path, media: Media, span: Span | None = None, *, most_side: int | None = None
) -> Iterator[Picture]:
    """Frames of a stretch (or of all) in the order in which they are shown.

    Raises:
        InputError: the file cannot be opened any more.
    """
    if span is not None and span.first_frame > 0:
        began = False
        for picture in _read(path, media, span, most_side, seek=True):
            # A seek that lands behind its goal has lost frames: then there is only the long way.
            if not began and picture.pts > span.first_pts:
                break
            began = True
            yield picture
        if began:
            return
    yield from _read(path, media, span, most_side, seek=False)


def _read(path: Path, media: Media, span: Span | None, most_side: int | None, *, seek: bool) -> Iterator[Picture]:
    coded = upright(media.width, media.height, media.rotation)
    width, height = fitted(*coded, most_side)
    with opened(path) as container:
        stream = container.streams[media.stream]
        if not isinstance(stream, av.VideoStream):
            raise InputError(f"{path} has changed since it was ingested; build the dataset again")
        stream.thread_type = "NONE"
        if seek and span is not None:
            try:
                container.seek(span.first_pts, stream=stream, backward=True, any_frame=False)
            except av.error.FFmpegError:
                return
        index = (span.first_frame if span else 0) if seek else 0
        for pts, frame in stamped(decoded(container, stream), media):
            if span is not None and pts >= span.end_pts:
                return
            if span is not None and pts < span.first_pts:
                index += 0 if seek else 1
                continue
            picture = frame.reformat(width=width, height=height, format="bgr24", interpolation="AREA")
            turned_HWC = np.rot90(cast("NDArray[np.uint8]", picture.to_ndarray()), k=media.rotation // 90)
            yield Picture(pts=pts, index=index, picture_HWC=np.ascontiguousarray(turned_HWC))
            index += 1


def decoded(container: "InputContainer", stream: av.VideoStream) -> Iterator[av.VideoFrame | None]:
    """All frames that can be decoded; None for each packet that cannot be."""
    damaged = 0
    packets = container.demux(stream)
    while damaged < _MOST_DAMAGED:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            frames = packet.decode()
        except av.error.EOFError:
            return
        except av.error.MemoryError:
            raise MemoryError from None
        except av.error.FFmpegError:
            damaged += 1
            yield None
            continue
        yield from frames


def stamped(frames: Iterator[av.VideoFrame | None], media: Media) -> Iterator[tuple[int, av.VideoFrame]]:
    """Frames with time stamps that only rise: one without, or one that goes back, follows the one before it."""
    step = max(1, int(1 / (media.rate * media.time_base)))
    last: int | None = None
    for frame in frames:
        if frame is None:
            continue
        pts = frame.pts
        if pts is None or (last is not None and pts <= last):
            pts = media.first_pts if last is None else last + step
        last = pts
        yield pts, frame


def rate_of(stream: av.VideoStream) -> Fraction:
    """Frames a second as the container claims, or 25 where it claims nonsense."""
    rate: Any = stream.average_rate or stream.guessed_rate
    return Fraction(rate) if rate and 0 < rate <= 1000 else Fraction(25)
