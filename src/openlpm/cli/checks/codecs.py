"""Whether the FFmpeg inside PyAV can write and read what we do."""

import io
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, final

import numpy as np

from openlpm.cli.checks.finding import Finding, missing, ok, one_line, weak

_SIDE = 64
_RATE_HZ = 48_000
_FORCE = "pip install --force-reinstall av"
_PICTURES = ("PNG", "JPEG", "WebP")
_PROTOCOLS = ("rtmp", "rtmps", "https")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Codec:
    """One that is tried: FFmpeg's names of its encoder and decoder."""

    encoder: str
    decoder: str
    pixels: str = ""
    """Empty for sound."""
    samples: str = ""


CODECS: Final = {
    "h264": Codec(encoder="libx264", decoder="h264", pixels="yuv420p"),
    "aac": Codec(encoder="aac", decoder="aac", samples="fltp"),
    "jpeg": Codec(encoder="mjpeg", decoder="mjpeg", pixels="yuvj420p"),
    "vp8": Codec(encoder="libvpx", decoder="vp8", pixels="yuv420p"),
    "opus": Codec(encoder="libopus", decoder="opus", samples="s16"),
}


def pictures() -> Finding:
    """Whether Pillow writes and reads the three kinds of pictures that characters may come as."""
    from PIL import Image

    picture_HWC = np.full((_SIDE, _SIDE, 3), 30, np.uint8)
    picture_HWC[:, _SIDE // 2 :] = 220
    absent: list[str] = []
    for kind in _PICTURES:
        file = io.BytesIO()
        try:
            Image.fromarray(picture_HWC).save(file, format=kind)
            back_HWC = np.asarray(Image.open(file).convert("RGB"))
        except (OSError, KeyError, ValueError):
            absent.append(kind)
        else:
            absent += [kind] if np.abs(back_HWC.astype(int) - picture_HWC).mean() > 8 else []
    if absent:
        return missing(f"Pillow cannot do {', '.join(absent)}", "pip install --force-reinstall pillow")
    return ok(", ".join(_PICTURES))


def codec(name: str) -> Finding:
    """Encode and decode: a picture that is still a picture, a tone that is still heard."""
    import av

    chosen = CODECS[name]
    try:
        value = _picture(chosen) if chosen.pixels else _tone(chosen)
    except (av.FFmpegError, ValueError) as error:  # an unknown codec is a ValueError
        found = one_line(f"{chosen.encoder} to {chosen.decoder}: {type(error).__name__}: {error}")
        return missing(found, _FORCE)
    if not value:
        return missing(f"{chosen.encoder} to {chosen.decoder}: what comes back is not what went in", _FORCE)
    return ok(f"{chosen.encoder} to {chosen.decoder}")


def _picture(chosen: Codec) -> bool:
    """Whether bright and dark halves of a picture come back."""
    from av import VideoFrame

    picture_HWC = np.full((_SIDE, _SIDE, 3), 30, np.uint8)
    picture_HWC[:, _SIDE // 2 :] = 220
    encoder: Any = _context(chosen.encoder, "w")
    encoder.width = encoder.height = _SIDE
    encoder.pix_fmt, encoder.time_base = chosen.pixels, Fraction(1, 24)
    frame = VideoFrame.from_ndarray(picture_HWC, format="rgb24").reformat(format=chosen.pixels)
    frame.pts, frame.time_base = 0, encoder.time_base
    for back in _there_and_back(encoder, chosen, [frame]):
        back_HW = back.to_ndarray(format="gray").astype(np.float32)
        dark, bright = back_HW[:, : _SIDE // 2 - 8].mean(), back_HW[:, _SIDE // 2 + 8 :].mean()
        return bool(bright - dark > 120)
    return False


def _tone(chosen: Codec) -> bool:
    """Whether 0.1 s of a tone come back with about its loudness."""
    from av import AudioFrame

    encoder: Any = _context(chosen.encoder, "w")
    encoder.sample_rate, encoder.layout, encoder.format = _RATE_HZ, "mono", chosen.samples
    encoder.open()
    size = encoder.frame_size
    count = -(-_RATE_HZ // 10 // size) * size
    tone_A = 0.5 * np.sin(2 * np.pi * 440 * np.arange(count) / _RATE_HZ).astype(np.float32)
    if chosen.samples == "s16":
        tone_A = (32_767 * tone_A).astype(np.int16)
    frames: list[Any] = []
    for start in range(0, count, size):
        frame = AudioFrame.from_ndarray(tone_A[None, start : start + size], format=chosen.samples, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = _RATE_HZ, start, Fraction(1, _RATE_HZ)
        frames.append(frame)
    heard = [_level(back) for back in _there_and_back(encoder, chosen, frames)]
    return bool(heard) and max(heard) > 0.2


def _level(frame: Any) -> float:
    """Root mean square, 1 being full scale."""
    sound = frame.to_ndarray()
    full = 32_768.0 if sound.dtype == np.int16 else 1.0
    return float(np.sqrt(np.square(sound.astype(np.float32) / full).mean()))


def _there_and_back(encoder: Any, chosen: Codec, frames: list[Any]) -> Iterator[Any]:
    packets = [packet for frame in [*frames, None] for packet in encoder.encode(frame)]
    decoder: Any = _context(chosen.decoder, "r")
    if encoder.extradata:
        decoder.extradata = encoder.extradata
    if chosen.samples:
        decoder.sample_rate, decoder.layout = _RATE_HZ, "mono"
    for packet in [*packets, None]:
        yield from decoder.decode(packet)


def _context(name: str, mode: Any) -> Any:
    from av.codec import CodecContext

    return CodecContext.create(name, mode)


def protocols() -> Finding:
    """Which ways of publishing FFmpeg knows: it is asked to open an address of this machine where nobody listens."""
    absent = [name for name in _PROTOCOLS if not _knows(name)]
    known = [name for name in _PROTOCOLS if name not in absent]
    if absent:
        return weak(f"no {', '.join(absent)}", f"`openlpm stream` cannot publish there: {_FORCE}")
    return ok(", ".join(known))


def _knows(name: str) -> bool:
    import av

    with socket.socket() as nobody:  # bound and not listening: whoever connects is refused
        nobody.bind(("127.0.0.1", 0))
        address = f"{name}://127.0.0.1:{nobody.getsockname()[1]}/x/y"
        try:
            av.open(address, "r", timeout=(2.0, 2.0)).close()
        except av.ProtocolNotFoundError:
            return False
        except (av.FFmpegError, OSError):
            return True
        return True
