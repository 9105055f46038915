"""H.264 at a sixth of the work: a server's cores are for making pictures."""

import fractions
from collections.abc import Iterator
from typing import Any, final

import av
from aiortc import codecs
from aiortc.codecs import h264
from av.video.codeccontext import VideoCodecContext

_OPTIONS = {"level": "31", "tune": "zerolatency", "preset": "ultrafast"}
"""aiortc's, and a preset: x264's own choice takes 6.1 ms of a core for a picture of 256 x 256, this one .7, and at a
bitrate that keeps them clean the pictures are as good."""


@final
class QuickEncoder(h264.H264Encoder):
    """In place of aiortc's, which has no way to choose how hard x264 tries."""

    def _encode_frame(self, frame: av.VideoFrame, force_keyframe: bool) -> Iterator[bytes]:  # noqa: FBT001 (aiortc's signature)
        if self.codec is None or (frame.width, frame.height) != (self.codec.width, self.codec.height):
            self.codec = self._made(frame.width, frame.height)
        yield from super()._encode_frame(frame, force_keyframe)

    def _made(self, width: int, height: int) -> VideoCodecContext:
        codec = av.CodecContext.create("libx264", "w")
        codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
        codec.bit_rate = self.target_bitrate
        codec.framerate = fractions.Fraction(h264.MAX_FRAME_RATE, 1)
        codec.time_base = fractions.Fraction(1, h264.MAX_FRAME_RATE)
        codec.options = dict(_OPTIONS)
        codec.profile = "Baseline"
        return codec


def encode_quickly() -> None:
    """Have every connection of this process encode so; with an aiortc that has none to replace all stays as it is."""
    modules: Any = codecs
    if hasattr(modules, "H264Encoder"):
        modules.H264Encoder = QuickEncoder
