"""The colours of the cast, chosen so that they sit well together; RGB in [0, 1]."""

import colorsys
from typing import NamedTuple

import numpy as np

Colour = tuple[float, float, float]


def from_hex(code: str) -> Colour:
    """``"f2c9a0"`` as RGB in [0, 1]."""
    red, green, blue = bytes.fromhex(code)
    return red / 255.0, green / 255.0, blue / 255.0


def mix(a: Colour, b: Colour, amount: float) -> Colour:
    """``a`` at 0, ``b`` at 1."""
    return tuple(x + (y - x) * amount for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


def shift(colour: Colour, *, hue: float = 0.0, saturation: float = 1.0, value: float = 1.0) -> Colour:
    """Turn the hue (1 is a full turn) and scale saturation and value."""
    h, s, v = colorsys.rgb_to_hsv(*colour)
    return colorsys.hsv_to_rgb((h + hue) % 1.0, min(1.0, s * saturation), min(1.0, v * value))


def shade_of(colour: Colour) -> Colour:
    """The colour in shadow: darker, richer and cooler, so that shade never looks like dirt."""
    h, s, v = colorsys.rgb_to_hsv(*colour)
    dark = colorsys.hsv_to_rgb(h, min(1.0, s * 1.12 + 0.04), v * 0.68)
    return mix(dark, (0.26, 0.16, 0.38), 0.16)


_SKIN_RAMP = tuple(
    from_hex(c) for c in ("fddcc6", "f9ceb0", "f3c09e", "e2a77e", "c98a60", "a86c46", "835033", "5f3926")
)


class SkinTones(NamedTuple):
    """A skin and what follows from it."""

    skin: Colour
    shade: Colour
    light: Colour
    blush: Colour
    lips: Colour


def skin_tones(tone: float, warmth: float) -> SkinTones:
    """Skin from ``tone`` (0 fair, 1 deep) and ``warmth`` (-1 rosy, 1 golden)."""
    place = tone * (len(_SKIN_RAMP) - 1.001)
    index = int(place)
    skin = mix(_SKIN_RAMP[index], _SKIN_RAMP[index + 1], place - index)
    skin = shift(skin, hue=0.012 * warmth, saturation=1.0 + 0.08 * warmth)
    shade = mix(shift(skin, hue=-0.02, saturation=1.38, value=0.77), (0.45, 0.13, 0.2), 0.12)
    light = mix(skin, (1.0, 0.93, 0.82), 0.4 - 0.12 * tone)
    blush = mix(skin, (0.93, 0.3, 0.28), 0.5 - 0.22 * tone)
    lips = mix(shift(skin, hue=-0.03, saturation=1.3, value=0.86), (0.78, 0.25, 0.3), 0.48)
    return SkinTones(skin, shade, light, blush, lips)


HAIR_COLOURS: dict[str, Colour] = {
    "black": from_hex("2b2430"), "dark brown": from_hex("4a2f28"), "brown": from_hex("6f452f"),
    "chestnut": from_hex("8a4b2f"), "auburn": from_hex("9c4326"), "red": from_hex("c9582b"),
    "strawberry blonde": from_hex("dd9355"), "blonde": from_hex("e6b964"), "platinum": from_hex("f1dfb6"),
    "dark blonde": from_hex("b58a55"), "grey": from_hex("a9a7ad"), "white": from_hex("e9e6e4"),
    "pink": from_hex("ef86a8"), "teal": from_hex("2f9c9c"), "blue": from_hex("4a6fc4"), "lavender": from_hex("a48ad4"),
}  # fmt: skip

EYE_COLOURS: dict[str, Colour] = {
    "dark brown": from_hex("3f2418"), "brown": from_hex("6b3f20"), "amber": from_hex("a8691f"),
    "hazel": from_hex("7a6a2c"), "green": from_hex("3d7d4e"), "blue": from_hex("3172b4"), "grey": from_hex("647a8c"),
}  # fmt: skip

CLOTH_COLOURS: dict[str, Colour] = {
    "white": from_hex("f6f1ea"), "cream": from_hex("f3dfbd"), "mustard": from_hex("e5ac3d"), "orange": from_hex("ec8043"),
    "coral": from_hex("f1756a"), "red": from_hex("cf3f45"), "burgundy": from_hex("83293f"), "pink": from_hex("f2a1b3"),
    "lilac": from_hex("b59fdc"), "purple": from_hex("6f4aa0"), "navy": from_hex("2b3a67"), "blue": from_hex("3f74c9"),
    "sky blue": from_hex("8cc3ea"), "teal": from_hex("23888c"), "mint": from_hex("9edcc2"), "green": from_hex("3f9260"),
    "olive": from_hex("7f8145"), "brown": from_hex("7d5540"), "grey": from_hex("8b8f9c"), "charcoal": from_hex("3b3c48"),
}  # fmt: skip


class Backdrop(NamedTuple):
    """Colours of a background: gradient from top to bottom, its lights, its hill."""

    top: Colour
    bottom: Colour
    glow: Colour
    hill: Colour


def _backdrop(*codes: str) -> Backdrop:
    top, bottom, glow, hill = (from_hex(code) for code in codes)
    return Backdrop(top, bottom, glow, hill)


BACKDROPS: dict[str, Backdrop] = {
    "peach": _backdrop("ffd9b8", "f7a889", "fff1dc", "ee9177"),
    "sky": _backdrop("bfe3f7", "8fc4ea", "f6fcff", "79b4d8"),
    "mint": _backdrop("d3f1e1", "96d3bd", "f5fff6", "7cc2a8"),
    "lilac": _backdrop("e2d6f8", "b7a0e4", "fbf3ff", "a189d6"),
    "sunset": _backdrop("ffc58f", "ee7f83", "fff0c0", "c2607e"),
    "dusk": _backdrop("4b4a86", "8f5f98", "ffd3a8", "3b386c"),
    "night": _backdrop("23305c", "3f5590", "ffe2a0", "1c264b"),
    "sand": _backdrop("f6e8d2", "e4c9a4", "fffaf0", "d6b58b"),
    "sage": _backdrop("dbe4cc", "a9bf9b", "fafdf0", "8fa982"),
    "rose": _backdrop("fbdbe0", "eca5b6", "fff5f3", "dd8ba2"),
    "teal": _backdrop("5fb7b5", "2c7f8b", "dcf7ea", "246a78"),
    "sunny": _backdrop("ffe79f", "f8c25a", "fffbe0", "efac3f"),
    "stone": _backdrop("e3e4ea", "b3b8c6", "ffffff", "9da3b4"),
    "coral": _backdrop("ffb8a3", "f27b72", "ffeadb", "dd6463"),
}


def pick(rng: np.random.Generator, names: tuple[str, ...], weights: tuple[float, ...] | None = None) -> str:
    """One of ``names``, by weight."""
    share = None if weights is None else np.asarray(weights) / np.sum(weights)
    return names[int(rng.choice(len(names), p=share))]
