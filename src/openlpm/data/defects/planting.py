"""Each defect as a function of clean frames and chance, in strengths from what one just sees to what nobody misses."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from openlpm.data.defects.lettering import a_sentence, draw_logo, draw_subtitle

Frames = NDArray[np.uint8]
"""``frames_FHWC``, red, green, blue."""


class Defect(StrEnum):
    """What can be planted."""

    BLUR = "blur"
    SUBTITLE = "subtitle"
    LOGO = "logo"
    FLICKER = "flicker"
    FREEZE = "freeze"
    INSET = "inset"
    """A picture in the picture."""
    EXPOSURE = "exposure"


SCORES: Final[Mapping[Defect, tuple[str, ...]]] = {
    Defect.BLUR: ("blur",),
    Defect.SUBTITLE: ("subtitle",),
    Defect.LOGO: ("logo",),
    Defect.FLICKER: ("flicker",),
    Defect.FREEZE: ("frozen_s", "doubled"),
    Defect.INSET: ("inset",),
    Defect.EXPOSURE: ("brightness", "dark", "bright", "contrast"),
}
"""The scores of ``filters`` that are there to find it: one of them is enough."""


def plant(frames_FHWC: Frames, defect: Defect, rng: np.random.Generator, other_FHWC: Frames, rate_hz: float) -> Frames:
    """The frames with a defect; ``other_FHWC`` is another clip, for what shows two at once."""
    match defect:
        case Defect.INSET:
            return _inset(frames_FHWC, rng, other_FHWC)
        case Defect.FREEZE:
            return _freeze(frames_FHWC, rng, rate_hz)
        case _:
            return _PLANTERS[defect](frames_FHWC, rng)


def _blur(frames_FHWC: Frames, rng: np.random.Generator) -> Frames:
    """Out of focus, or a small picture blown up."""
    height, width = frames_FHWC.shape[1:3]
    strength = rng.uniform(1.6, 4.0) * min(height, width) / 256
    if rng.random() < 0.5:
        return np.stack([cv2.GaussianBlur(each, (0, 0), strength) for each in frames_FHWC]).astype(np.uint8)
    small = (max(8, round(width / (2 * strength))), max(8, round(height / (2 * strength))))
    return np.stack(
        [
            cv2.resize(
                cv2.resize(each, small, interpolation=cv2.INTER_AREA), (width, height), interpolation=cv2.INTER_CUBIC
            )
            for each in frames_FHWC
        ]
    ).astype(np.uint8)


def _subtitle(frames_FHWC: Frames, rng: np.random.Generator) -> Frames:
    """One or two sentences in turn, for at least half of the clip."""
    made = frames_FHWC.copy()
    count = len(made)
    first, end = int(rng.uniform(0, 0.2) * count), int(rng.uniform(0.75, 1.0) * count)
    change = int(rng.uniform(first + 0.3 * (end - first), end))
    style = int(rng.integers(3))
    size = rng.uniform(0.045, 0.075)
    for begin, stop in ((first, change), (change, end)):
        words = a_sentence(rng)
        for index in range(begin, stop):
            made[index] = draw_subtitle(made[index], words, size=size, style=style)
    return made


def _logo(frames_FHWC: Frames, rng: np.random.Generator) -> Frames:
    """Letters or a sign with letters in one corner, more or less see-through."""
    corner, kind = int(rng.integers(4)), int(rng.integers(3))
    size, opacity = rng.uniform(0.06, 0.11), rng.uniform(0.6, 1.0)
    seed = int(rng.integers(1 << 30))
    return np.stack(
        [draw_logo(each, corner=corner, kind=kind, size=size, opacity=opacity, seed=seed) for each in frames_FHWC]
    )


def _flicker(frames_FHWC: Frames, rng: np.random.Generator) -> Frames:
    """Brightness that swings every second to fourth frame, or by chance."""
    depth, period = rng.uniform(0.03, 0.12), int(rng.integers(2, 5))
    count = len(frames_FHWC)
    if rng.random() < 0.5:
        swing_F = np.where(np.arange(count) // (period // 2) % 2, 1.0, -1.0)
    else:
        swing_F = rng.choice([-1.0, 1.0], count)
    gains_F = 1.0 + depth * swing_F
    return np.stack(
        [np.clip(each * gain, 0, 255).astype(np.uint8) for each, gain in zip(frames_FHWC, gains_F, strict=True)]
    )


def _freeze(frames_FHWC: Frames, rng: np.random.Generator, rate_hz: float) -> Frames:
    """One picture stands for more than a second, or every frame is shown three times or more."""
    made = frames_FHWC.copy()
    count = len(made)
    if rng.random() < 0.3:
        times = int(rng.integers(3, 6))
        return made[np.arange(count) // times * times]
    length = min(count - 2, int(rng.uniform(1.3, 2.5) * rate_hz))
    first = int(rng.integers(1, count - length))
    made[first : first + length] = made[first]
    return made


def _inset(frames_FHWC: Frames, rng: np.random.Generator, other_FHWC: Frames) -> Frames:
    """Another clip in a corner, with or without a border."""
    made = frames_FHWC.copy()
    height, width = made.shape[1:3]
    rows = int(height * rng.uniform(0.22, 0.4))
    columns = min(int(rows * rng.uniform(1.0, 1.6)), int(0.5 * width))
    margin = int(rng.uniform(0.02, 0.08) * min(height, width))
    top = margin if rng.random() < 0.5 else height - rows - margin
    left = margin if rng.random() < 0.5 else width - columns - margin
    border = int(rng.integers(0, 2)) * max(1, round(min(height, width) / 200))
    for index in range(len(made)):
        small_HWC = cv2.resize(other_FHWC[index % len(other_FHWC)], (columns, rows), interpolation=cv2.INTER_AREA)
        made[index, top : top + rows, left : left + columns] = 240
        inner = made[index, top + border : top + rows - border, left + border : left + columns - border]
        inner[:] = small_HWC[border : rows - border, border : columns - border]
    return made


def _exposure(frames_FHWC: Frames, rng: np.random.Generator) -> Frames:
    """Far too dark, or blown out."""
    image = frames_FHWC.astype(np.float32) / 255
    mean = float(image.mean())
    if rng.random() < 0.5:
        wanted = rng.uniform(0.02, 0.07)
        return np.rint(255 * image * min(1.0, wanted / mean)).astype(np.uint8)
    wanted = rng.uniform(0.9, 0.97)
    gain = 1.0
    while float(np.clip(image[:: max(1, len(image) // 4)] * gain, 0, 1).mean()) < wanted and gain < 40:
        gain *= 1.1
    return np.rint(255 * np.clip(image * gain, 0, 1)).astype(np.uint8)


def shrunk_frames(frames_FHWC: Frames, most_side: int) -> Frames:
    """Frames with the longer side at most so long, even in rows and columns."""
    height, width = frames_FHWC.shape[1:3]
    scale = min(1.0, most_side / max(height, width))
    size = (round(width * scale / 2) * 2, round(height * scale / 2) * 2)
    return np.stack([np.asarray(Image.fromarray(each).resize(size, Image.Resampling.LANCZOS)) for each in frames_FHWC])


_PLANTERS: Final[Mapping[Defect, Callable[[Frames, np.random.Generator], Frames]]] = {
    Defect.BLUR: _blur,
    Defect.SUBTITLE: _subtitle,
    Defect.LOGO: _logo,
    Defect.FLICKER: _flicker,
    Defect.EXPOSURE: _exposure,
}
