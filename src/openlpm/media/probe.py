"""What a media file says about itself."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

import av
import av.error

from openlpm.core.errors import InputError
from openlpm.media.files import require_file

if TYPE_CHECKING:
    from av.container import InputContainer

_MICROSECONDS = 1_000_000


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """What the container claims; lengths may be missing or wrong, ``media.audio`` counts them."""

    container: str
    duration_s: float | None
    audio_codec: str | None
    audio_rate_hz: int | None
    audio_channels: int | None
    video_codec: str | None
    width: int | None
    height: int | None
    frame_rate_hz: float | None


def probe(path: Path) -> Probe:
    """Read the headers of a media file.

    Raises:
        InputError: no such file, or no container that is known.
    """
    with open_container(path) as container:
        audio = container.streams.audio[0] if container.streams.audio else None
        video = container.streams.video[0] if container.streams.video else None
        rate = video.average_rate if video else None
        return Probe(
            container=container.format.name,
            duration_s=container.duration / _MICROSECONDS if container.duration else None,
            audio_codec=audio.codec_context.name if audio else None,
            audio_rate_hz=audio.codec_context.sample_rate if audio else None,
            audio_channels=audio.codec_context.layout.nb_channels if audio else None,
            video_codec=video.codec_context.name if video else None,
            width=video.codec_context.width if video else None,
            height=video.codec_context.height if video else None,
            frame_rate_hz=float(rate) if rate else None,
        )


@contextmanager
def open_container(path: Path) -> "Generator[InputContainer, None, None]":
    """A local media file opened for reading.

    Raises:
        InputError: the file is missing, a folder, unreadable, empty, or in no known container.
    """
    require_file(path)
    try:
        # The explicit protocol keeps names with a colon from being taken for addresses, and playlists off the network.
        container = av.open(f"file:{path}", mode="r", options={"protocol_whitelist": "file"})
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError(
            f"{path} is not a sound or video file that can be read; give WAV, FLAC, MP3, Opus, MP4 ..."
        ) from error
    try:
        yield container
    finally:
        container.close()
