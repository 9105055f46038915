"""Still pictures of characters: read with care, cropped to the square the model knows."""

import secrets
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from openlpm.core.errors import InputError
from openlpm.media.files import require_file

MAX_PICTURE_BYTES = 16 * 2**20
MAX_PICTURE_PIXELS = 40_000_000
MIN_PICTURE_SIDE = 32

_FORMATS = ("PNG", "JPEG", "WEBP")
_BACKDROP = (232, 228, 222)
"""A warm light grey behind transparent pictures: like the cast's own backgrounds, and never a hard black edge."""
_DEPTH_16 = 65535
_UPPER_SHARE = 0.3
"""Of what a crop cuts from a tall picture, the share cut above: faces sit above the middle."""


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a PNG, JPEG or WebP file as ``image_HWC`` uint8 RGB.

    Turned as its EXIF says, laid on a light backdrop where it is transparent; of an animation the first frame. Size in
    bytes and in pixels is checked before anything is decoded.

    Raises:
        InputError: no such file, no picture, a damaged one, or one that is too large or too small.
    """
    require_file(path)
    size_bytes = path.stat().st_size
    if size_bytes > MAX_PICTURE_BYTES:
        raise InputError(
            f"{path} has {size_bytes / 2**20:.0f} MiB; pictures may have {MAX_PICTURE_BYTES // 2**20}: save it smaller"
        )
    return decode_picture(path, str(path))


def decode_picture(source: Path | BinaryIO, name: str, *, most_pixels: int | None = None) -> NDArray[np.uint8]:
    """A picture as ``read_picture`` reads it, from a file or from memory; ``name`` is what the errors call it.

    ``most_pixels``: another limit than ``MAX_PICTURE_PIXELS``.

    Raises:
        InputError: no picture, a damaged one, or one that has too many pixels or too few.
    """
    most_pixels = MAX_PICTURE_PIXELS if most_pixels is None else most_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(source, formats=_FORMATS) as picture:
                _check_size(name, picture.size, most_pixels)
                picture.seek(0)
                upright = ImageOps.exif_transpose(picture)
                return np.array(_on_backdrop(upright))
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(name, most_pixels) from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise InputError(f"{name} is not a picture that can be read; give a PNG, JPEG or WebP file") from error


def _check_size(name: str, size: tuple[int, int], most_pixels: int) -> None:
    width, height = size
    if width * height > most_pixels:
        raise _too_many_pixels(name, most_pixels)
    if min(size) < MIN_PICTURE_SIDE:
        raise InputError(
            f"{name} is {width} x {height} pixels; a character needs at least {MIN_PICTURE_SIDE} x {MIN_PICTURE_SIDE}"
        )


def _too_many_pixels(name: str, most_pixels: int) -> InputError:
    return InputError(f"{name} has too many pixels; at most {most_pixels // 10**6} million are read: save it smaller")


def _on_backdrop(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I") or picture.mode == "F":
        # Pillow's own conversion cuts 16-bit grey off at 255 instead of scaling it.
        grey_HW = np.asarray(picture, dtype=np.float64) * (255.0 / _DEPTH_16)
        return Image.fromarray(grey_HW.clip(0, 255).round().astype(np.uint8)).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (*_BACKDROP, 255))
        return Image.alpha_composite(ground, layer).convert("RGB")
    return picture.convert("RGB")


def square(image_HWC: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The largest square of a picture, resized to ``size`` x ``size``.

    Cut in the middle across; of a tall picture less is cut above than below.
    """
    height, width = image_HWC.shape[:2]
    side = min(height, width)
    left, top = (width - side) // 2, round((height - side) * _UPPER_SHARE)
    picture = Image.fromarray(image_HWC).crop((left, top, left + side, top + side))
    if side != size:
        picture = picture.resize((size, size), Image.Resampling.LANCZOS)
    return np.array(picture)


def write_picture(path: Path, image_HWC: NDArray[np.uint8]) -> None:
    """Write a PNG, whole or not at all; the folder is made where it is missing.

    Raises:
        InputError: another suffix than ``.png``, or a place that cannot be written.
    """
    if path.suffix.lower() != ".png":
        raise InputError(f"{path}: pictures are written as PNG; give a name that ends in .png")
    draft = path.with_name(f".openlpm-{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            Image.fromarray(image_HWC).save(draft, format="PNG", optimize=True)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
