"""Moments as the bytes that go through a socket."""

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from openlpm.engine.performer import Frame

PICTURE, SOUND, PICTURE_WITH_ALPHA = 1, 2, 3
HELD, ENDS_SPEECH = 1, 2
HEADER = struct.Struct("<BBHIQ")
QUALITY = 90
_EPOCHS = 1 << 16
_NUMBERS = 1 << 32


def header(kind: int, frame: Frame, *, held: bool) -> bytes:
    """What stands before a picture or a sound."""
    flags = (HELD if held else 0) | (ENDS_SPEECH if frame.ends_speech else 0)
    return HEADER.pack(kind, flags, frame.epoch % _EPOCHS, frame.number % _NUMBERS, round(frame.due_s * 1e6))


def sound(frame: Frame) -> bytes:
    """The sound of a moment as little-endian 16-bit samples."""
    return frame.sound_A.astype("<i2", copy=False).tobytes()


def jpeg(picture_HWC: NDArray[np.uint8]) -> bytes:
    """A picture with whole colours, about 10 kB and 44.7 dB; made in a thread."""
    file = io.BytesIO()
    Image.fromarray(picture_HWC).save(file, format="JPEG", quality=QUALITY, subsampling=0)
    return file.getvalue()


def webp(picture_HW4: NDArray[np.uint8]) -> bytes:
    """A picture with alpha, about 8 kB; made in a thread."""
    file = io.BytesIO()
    Image.fromarray(picture_HW4).save(file, format="WEBP", quality=QUALITY, method=2)
    return file.getvalue()
