"""Letters and signs as broadcasters draw them."""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from openlpm.core.seeds import generator

_WORDS: Final = (
    "the you and that was for are with his they this have from one had word but not what all were when your can said "
    "there use each which she how their will other about out many then them these some her would make like him into "
    "time has look two more write go see number no way could people my than first water been call who"
).split()
_NAMES: Final = ("NEWS", "LIVE", "TV 4", "CANAL", "Nova", "bright", "Kino+", "ARENA", "one", "FLUX", "daily", "HD")


def a_sentence(rng: np.random.Generator) -> str:
    """Four to seven words."""
    words = [str(rng.choice(_WORDS)) for _ in range(int(rng.integers(4, 8)))]
    return " ".join(words).capitalize() + str(rng.choice([".", "?", "!", "..."]))


def draw_subtitle(picture_HWC: NDArray[np.uint8], words: str, *, size: float, style: int) -> NDArray[np.uint8]:
    """Words at the foot of a picture: white with an outline, on a dark box, or yellow; ``size`` in picture heights."""
    layer_HWC = _words_layer(picture_HWC.shape[:2], words, size, style)
    return _over(picture_HWC, layer_HWC, 1.0)


def draw_logo(
    picture_HWC: NDArray[np.uint8], *, corner: int, kind: int, size: float, opacity: float, seed: int
) -> NDArray[np.uint8]:
    """Letters, a sign with letters, or letters on a plate, in one of four corners."""
    return _over(picture_HWC, _logo_layer(picture_HWC.shape[:2], corner, kind, size, seed), opacity)


def _over(picture_HWC: NDArray[np.uint8], layer_HWC: NDArray[np.uint8], opacity: float) -> NDArray[np.uint8]:
    share_HW1 = layer_HWC[..., 3:].astype(np.float32) / 255 * opacity
    mixed = picture_HWC * (1 - share_HW1) + layer_HWC[..., :3] * share_HW1
    return np.rint(mixed).astype(np.uint8)


@lru_cache(maxsize=8)
def _words_layer(shape: tuple[int, int], words: str, size: float, style: int) -> NDArray[np.uint8]:
    height, width = shape
    layer = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(layer)
    font = ImageFont.load_default(max(9, round(size * height)))
    while font.getlength(words) > 0.94 * width and " " in words:
        words = words.rpartition(" ")[0]
    left, _, right, _ = draw.textbbox((0, 0), words, font=font)
    place = ((width - (right - left)) / 2, 0.97 * height - 1.6 * size * height)
    if style == 1:
        box = draw.textbbox(place, words, font=font)
        draw.rectangle((box[0] - 6, box[1] - 3, box[2] + 6, box[3] + 3), fill=(0, 0, 0, 200))
    colour = (250, 230, 60, 255) if style == 2 else (250, 250, 250, 255)
    outline = 0 if style == 1 else max(1, round(size * height / 14))
    draw.text(place, words, font=font, fill=colour, stroke_width=outline, stroke_fill=(0, 0, 0, 255))
    return np.asarray(layer)


@lru_cache(maxsize=8)
def _logo_layer(shape: tuple[int, int], corner: int, kind: int, size: float, seed: int) -> NDArray[np.uint8]:
    height, width = shape
    rng = generator("logo", seed)
    layer = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(layer)
    tall = max(10, round(size * height))
    font = ImageFont.load_default(tall)
    name = str(rng.choice(_NAMES))
    colour = tuple(int(level) for level in rng.integers(0, 256, 3))
    sign = tall * 1.1 if kind == 1 else 0.0
    long = font.getlength(name) + sign
    margin = 0.035 * min(height, width)
    x = margin if corner % 2 == 0 else width - margin - long
    y = margin if corner < 2 else height - margin - 1.3 * tall
    if kind == 1:
        draw.ellipse((x, y + 0.15 * tall, x + tall, y + 1.15 * tall), fill=(*colour, 255))
        draw.polygon(
            [(x + 0.35 * tall, y + 0.4 * tall), (x + 0.35 * tall, y + 0.9 * tall), (x + 0.8 * tall, y + 0.65 * tall)],
            fill="white",
        )
    if kind == 2:
        draw.rectangle((x - 4, y, x + long + 4, y + 1.3 * tall), fill=(*colour, 255))
    light = kind != 2 or sum(colour) < 384
    draw.text((x + sign, y), name, font=font, fill=(255, 255, 255, 255) if light else (15, 15, 15, 255))
    return np.asarray(layer)
