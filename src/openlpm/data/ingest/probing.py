"""What a file really holds: its headers, and every packet of its picture, without decoding."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

import av
import av.error
from av.stream import Disposition

from openlpm.core.errors import InputError, OpenLPMError
from openlpm.data.footage import opened, rate_of, upright
from openlpm.data.parts import Media, Sound

if TYPE_CHECKING:
    from av.container import InputContainer

_HIGH_RANGE: Final = (16, 18)
"""Transfer curves of SMPTE ST 2084 (PQ) and ARIB STD-B67 (HLG), as ISO/IEC 23091-2 numbers them."""
_EVEN: Final = 0.25
"""Frames of a constant rate may be off by so much of a frame (coarse clocks round)."""


class Refused(OpenLPMError):  # noqa: N818 (a decision)
    """A file goes to quarantine; ``reason`` is the word for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What no honest video exceeds."""

    most_streams: int
    most_pixels: int
    longest_s: float
    fastest_hz: float
    most_damaged: float


def look_into(path: Path, limits: Limits) -> Media:
    """Headers and packets of a file.

    Raises:
        Refused: it is nothing that the pipeline can use.
    """
    try:
        size = path.stat().st_size
    except OSError:
        raise Refused("unreadable") from None
    if size == 0:
        raise Refused("empty")
    try:
        with opened(path, most_streams=limits.most_streams) as container:
            if len(container.streams) > limits.most_streams:
                raise Refused("too_many_streams")
            stream = _picture(container)
            return _counted(container, stream, limits)
    except InputError:
        raise Refused("not_a_video") from None
    except av.error.FFmpegError:
        raise Refused("broken") from None


def _picture(container: "InputContainer") -> av.VideoStream:
    """The first moving picture; covers of songs are none."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise Refused("no_video")


def _counted(container: "InputContainer", stream: av.VideoStream, limits: Limits) -> Media:
    context = stream.codec_context
    if context.width <= 0 or context.height <= 0:
        raise Refused("no_picture")
    if context.width * context.height > limits.most_pixels:
        raise Refused("too_many_pixels")
    time_base, rate = stream.time_base or Fraction(1, 90_000), rate_of(stream)
    seen = _Packets(time_base=time_base, rate=rate)
    most_packets = limits.longest_s * limits.fastest_hz
    try:
        for packet in container.demux(stream):
            if packet.size == 0 and packet.pts is None:  # the end
                continue
            seen.add(packet)
            if seen.num > most_packets or seen.span * time_base > limits.longest_s:
                raise Refused("too_long")
    except av.error.MemoryError:
        raise MemoryError from None
    except av.error.FFmpegError:
        seen.damaged += 1
    if seen.num == 0:
        raise Refused("no_picture")
    if seen.damaged > limits.most_damaged * seen.num:
        raise Refused("broken")
    rotation = _rotation(container, stream)
    width, height = upright(context.width, context.height, rotation)
    first, end = seen.bounds()
    return Media(
        container=container.format.name,
        codec=context.name,
        stream=stream.index,
        width=width,
        height=height,
        rotation=rotation,
        rate=seen.true_rate(),
        variable_rate=seen.uneven(),
        high_dynamic_range=context.color_trc in _HIGH_RANGE,
        num_packets=seen.num,
        first_pts=first,
        end_pts=end,
        time_base=time_base,
        damaged_frames=seen.damaged,
        sound=_sound(container),
    )


@final
class _Packets:
    """Counts packets; of their stamps only the ends and how even they are."""

    def __init__(self, *, time_base: Fraction, rate: Fraction) -> None:
        self.num = self.damaged = 0
        self._time_base, self._rate = time_base, rate
        self._first: int | None = None
        self._last: int | None = None
        self._last_ticks = 0
        self._stamps: list[int] = []

    @property
    def span(self) -> int:
        return 0 if self._first is None or self._last is None else self._last - self._first

    def add(self, packet: "av.Packet[av.VideoStream]") -> None:
        self.num += 1
        self.damaged += bool(packet.is_corrupt)
        pts = packet.pts if packet.pts is not None else packet.dts
        if pts is None:
            return
        if len(self._stamps) < _MOST_STAMPS:
            self._stamps.append(pts)
        self._first = pts if self._first is None else min(self._first, pts)
        if self._last is None or pts > self._last:
            self._last, self._last_ticks = pts, packet.duration or 0

    def bounds(self) -> tuple[int, int]:
        step = self._last_ticks or max(1, round(1 / (self._rate * self._time_base)))
        if self._first is None or self._last is None:  # a bare stream: frames are counted
            return 0, self.num * max(1, round(1 / (self._rate * self._time_base)))
        return self._first, self._last + step

    def true_rate(self) -> Fraction:
        """The container's rate if the packets bear it out, else what they say."""
        first, end = self.bounds()
        counted = Fraction(self.num) / ((end - first) * self._time_base)
        return self._rate if abs(counted / self._rate - 1) < 0.02 else counted.limit_denominator(1001)

    def uneven(self) -> bool:
        stamps = sorted(self._stamps)
        steps = [later - earlier for earlier, later in pairwise(stamps)]
        if len(steps) < 2 or self.num > 2 * len(stamps):
            return False
        usual = sorted(steps)[len(steps) // 2]
        odd = sum(abs(step - usual) > max(_EVEN * usual, 1) for step in steps)
        return odd > 0.02 * len(steps)


_MOST_STAMPS: Final = 20_000


def _rotation(container: "InputContainer", stream: av.VideoStream) -> int:
    """How a player turns the picture: only a decoded frame knows."""
    stream.thread_type = "NONE"
    try:
        container.seek(0, backward=True, any_frame=False)
        for packet in container.demux(stream):
            for frame in packet.decode():
                return round(frame.rotation / 90) * 90 % 360
    except av.error.MemoryError:
        raise MemoryError from None
    except av.error.FFmpegError:
        pass
    return 0


def _sound(container: "InputContainer") -> Sound | None:
    for stream in container.streams.audio:
        context = stream.codec_context
        return Sound(
            stream=stream.index,
            codec=context.name,
            rate_hz=context.sample_rate,
            channels=context.layout.nb_channels,
        )
    return None
