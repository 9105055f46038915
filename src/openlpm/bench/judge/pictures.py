"""What a vision-language model is shown of a clip: a strip of frames, and who it should look like."""

import base64
import io
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from openlpm.media.picture import read_picture
from openlpm.media.video import read_video

FRAMES: Final = 8
_SIDE = 256
_MOST_FRAMES = 24 * 30
_QUALITY = 88


def strip(video: Path) -> bytes:
    """Evenly spread frames side by side, in time from left to right, as JPEG; the same for the same file.

    Raises:
        InputError: the video cannot be read.
    """
    frames_FHWC = read_video(video, most_frames=_MOST_FRAMES).frames_FHWC
    chosen = np.linspace(0, frames_FHWC.shape[0] - 1, FRAMES).round().astype(np.intp)
    height, width = frames_FHWC.shape[1:3]
    side = _SIDE, max(1, round(_SIDE * width / height))
    sheet = Image.new("RGB", (FRAMES * side[1], side[0]))
    for place, frame in enumerate(chosen):
        picture = Image.fromarray(frames_FHWC[frame]).resize((side[1], side[0]), Image.Resampling.LANCZOS)
        sheet.paste(picture, (place * side[1], 0))
    return _jpeg(sheet)


def reference(path: Path) -> bytes:
    """A reference picture as JPEG.

    Raises:
        InputError: it cannot be read.
    """
    picture = Image.fromarray(read_picture(path))
    picture.thumbnail((_SIDE, _SIDE))
    return _jpeg(picture)


def as_address(jpeg: bytes) -> str:
    """A picture within a message."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def _jpeg(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, format="JPEG", quality=_QUALITY)
    return written.getvalue()
