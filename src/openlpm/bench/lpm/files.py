"""Small files that are the same, byte for byte, whenever they are written: sound, pictures, arrays, and their hash."""

import hashlib
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.core.units import AUDIO_RATE_HZ

_FULL_SCALE = 32767


def write_sound(path: Path, samples_A: NDArray[np.float32]) -> None:
    """Mono, 16 bits, 16 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(AUDIO_RATE_HZ)
        file.writeframes(np.rint(samples_A.clip(-1.0, 1.0) * _FULL_SCALE).astype("<i2").tobytes())


def read_sound(path: Path) -> NDArray[np.float32]:
    """What ``write_sound`` wrote, or any sound of that form.

    Raises:
        InputError: it is none.
    """
    try:
        with wave.open(str(path), "rb") as file:
            form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            content = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise InputError(f"{path} is no sound of the benchmark: {error}; make the benchmark again") from error
    if form != (1, 2, AUDIO_RATE_HZ):
        raise InputError(f"{path} has {form} channels, bytes and Hz: sounds here are (1, 2, {AUDIO_RATE_HZ})")
    return np.frombuffer(content, "<i2").astype(np.float32) / np.float32(_FULL_SCALE)


def write_picture(path: Path, picture_HWC: NDArray[np.uint8]) -> None:
    """PNG."""
    from PIL import Image

    Image.fromarray(picture_HWC).save(path, format="PNG")


def read_picture(path: Path) -> NDArray[np.uint8]:
    """RGB of a picture file.

    Raises:
        InputError: it is none.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except OSError as error:
        raise InputError(f"{path} is no picture: {error}") from error


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Arrays by name, compressed; whole or not at all."""
    draft = path.with_name(f".{path.name}.part")
    with draft.open("wb") as file:
        # numpy's types leave keyword arrays and `allow_pickle` in one place.
        np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]
    draft.replace(path)


def sha256_of(paths: list[Path]) -> str:
    """Of names and contents, in the given order."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
