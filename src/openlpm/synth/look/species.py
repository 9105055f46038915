"""Who is not human: animals, by the shape of head, ears and markings, and robots."""

from dataclasses import dataclass
from typing import final

from openlpm.core.seeds import generator
from openlpm.synth.look.hairstyles import NOWHERE, LeafRow, leaf, pair
from openlpm.synth.look.palette import Colour, from_hex


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Coat:
    """A coat of fur (or feathers): its name and its colours."""

    name: str
    fur: str
    light: str
    dark: str
    stripes: float = 0.0


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Animal:
    """The head of an animal, in head units; leaves are those of ``hairstyles``."""

    coats: tuple[Coat, ...]
    ears: tuple[LeafRow, ...]
    """Behind the head, in the colour of the fur."""
    inner_ear: LeafRow = NOWHERE
    flaps: tuple[LeafRow, ...] = ()
    """Ears and tufts in front of the head, in the dark colour if ``dark_flaps``."""
    dark_flaps: bool = False
    dark_ears: bool = False
    light_marks: tuple[LeafRow, ...] = ()
    dark_marks: tuple[LeafRow, ...] = ()
    width: float = 0.82
    jaw: float = 0.8
    chin: float = 0.4
    chin_y: float = 0.88
    snout: tuple[float, float, float] = (0.11, 0.075, 0.4)
    """Half width and half height of the nose, and where it is."""
    mouth: tuple[float, float, float] = (0.25, 0.62, 0.045)
    """Half width, height, depth of the lobes."""
    slit: float = 1.0
    tilt: float = 0.05
    fang: float = 0.0
    nose: str = "3a2a2c"
    curl: float = 0.0


_MUZZLE = leaf(0.0, 0.62, 0, 0.43, 0.28)
_BIB = pair(leaf(0.5, 0.5, 55, 0.45, 0.3))
_POINTED = pair(leaf(0.56, -0.82, -62, 0.52, 0.3, taper=-0.75))
_POINTED_IN = pair(leaf(0.56, -0.79, -62, 0.38, 0.18, taper=-0.75))
_ROUND = pair(leaf(0.66, -0.72, 0, 0.29, 0.29))
_ROUND_IN = pair(leaf(0.66, -0.71, 0, 0.18, 0.18))
_TUFT = (pair(leaf(0.66, 0.34, 0, 0.3, 0.13, taper=-0.5)), pair(leaf(0.62, 0.56, 24, 0.3, 0.15, taper=-0.5)))
_WIDE_TUFT = (pair(leaf(0.68, 0.3, 2, 0.38, 0.16, taper=-0.5)), pair(leaf(0.62, 0.56, 26, 0.38, 0.18, taper=-0.5)))

ANIMALS: dict[str, Animal] = {
    "cat": Animal(
        coats=(Coat(name="grey tabby", fur="a7a3a3", light="f1ece6", dark="5f5a60", stripes=1.0), Coat(name="ginger", fur="e89a4c", light="fdf0dc", dark="b9662a", stripes=1.0),
               Coat(name="black", fur="3b3742", light="57525f", dark="2a2730"), Coat(name="white", fur="f4efe9", light="fffdf9", dark="d9cfc8"),
               Coat(name="cream", fur="f0d9b8", light="fff6e6", dark="8a6650"), Coat(name="blue-grey", fur="8393a8", light="c3ccd8", dark="5c6a80")),
        ears=(_POINTED, *_TUFT), inner_ear=_POINTED_IN, light_marks=(_MUZZLE,), slit=2.0, tilt=0.22, snout=(0.085, 0.06, 0.44), nose="d98a8c", fang=0.02, mouth=(0.22, 0.62, 0.06),
    ),
    "fox": Animal(
        coats=(Coat(name="red", fur="e07a33", light="fff3e4", dark="5a2f24"), Coat(name="white", fur="eef0f4", light="ffffff", dark="b9c1d0"), Coat(name="silver", fur="59606e", light="d9dde6", dark="343846")),
        ears=(pair(leaf(0.56, -0.88, -66, 0.6, 0.33, taper=-0.8)), *_WIDE_TUFT), inner_ear=pair(leaf(0.56, -0.86, -66, 0.44, 0.2, taper=-0.8)),
        light_marks=(_MUZZLE, _BIB), slit=1.6, tilt=0.3, chin=0.28, chin_y=0.94, snout=(0.09, 0.07, 0.44), mouth=(0.22, 0.66, 0.04), fang=0.02,
    ),
    "wolf": Animal(
        coats=(Coat(name="grey", fur="8a8e98", light="eceef1", dark="4f535e"), Coat(name="brown", fur="8d6f58", light="f2e6d6", dark="4d392f"), Coat(name="white", fur="e9e8ea", light="ffffff", dark="a9abb6")),
        ears=(pair(leaf(0.54, -0.86, -70, 0.52, 0.28, taper=-0.75)), *_WIDE_TUFT), inner_ear=pair(leaf(0.54, -0.84, -70, 0.38, 0.17, taper=-0.75)),
        light_marks=(_MUZZLE, pair(leaf(0.46, 0.42, 60, 0.42, 0.26))), dark_marks=(leaf(0.0, -0.72, 90, 0.5, 0.2, taper=-0.6),), tilt=0.22, fang=0.03, chin=0.32, chin_y=0.93, snout=(0.12, 0.085, 0.4), slit=1.2,
    ),
    "dog": Animal(
        coats=(Coat(name="brown", fur="b97a48", light="fbeede", dark="6d4328"), Coat(name="golden", fur="e8b66a", light="fff1d8", dark="b97f3a"), Coat(name="black and tan", fur="3f3a40", light="d29a5c", dark="29252c"),
               Coat(name="white and brown", fur="f6eee2", light="fffaf2", dark="8a5836"), Coat(name="grey", fur="9aa0a8", light="eef0f2", dark="5e646e")),
        ears=(), flaps=(pair(leaf(0.8, -0.02, 76, 0.56, 0.24, bend=-0.18, taper=0.3)),), dark_flaps=True, light_marks=(leaf(0.0, 0.6, 0, 0.44, 0.32), leaf(0.0, -0.3, 90, 0.55, 0.13)),
        dark_marks=(leaf(0.36, 0.04, 70, 0.3, 0.24),), snout=(0.14, 0.095, 0.4), mouth=(0.27, 0.66, 0.05), chin=0.44, chin_y=0.92,
    ),
    "bear": Animal(
        coats=(Coat(name="brown", fur="9a6540", light="e3c39a", dark="6d432a"), Coat(name="polar", fur="f3f1ec", light="ffffff", dark="d0cdc8"), Coat(name="black", fur="453c3e", light="b08d6c", dark="2c2528"), Coat(name="honey", fur="d9a65e", light="fbe7c4", dark="a67436")),
        ears=(_ROUND,), inner_ear=_ROUND_IN, light_marks=(leaf(0.0, 0.58, 0, 0.4, 0.32),), width=0.86, jaw=0.84, chin=0.46, snout=(0.14, 0.09, 0.42), mouth=(0.23, 0.66, 0.04),
    ),
    "panda": Animal(
        coats=(Coat(name="black and white", fur="f6f3ee", light="ffffff", dark="37323a"), Coat(name="red", fur="c9643a", light="fff1e2", dark="5e2a22")),
        ears=(_ROUND,), dark_ears=True, light_marks=(_MUZZLE, pair(leaf(0.4, -0.2, 14, 0.2, 0.09))), dark_marks=(pair(leaf(0.37, 0.13, 128, 0.31, 0.23)),), width=0.86, jaw=0.86, chin=0.46, snout=(0.11, 0.07, 0.43), mouth=(0.22, 0.63, 0.04),
    ),
    "rabbit": Animal(
        coats=(Coat(name="white", fur="f7f2ee", light="ffffff", dark="e0d3cc"), Coat(name="brown", fur="b58c68", light="f6e8d8", dark="84603f"), Coat(name="grey", fur="a3a6b2", light="eceef2", dark="73778a"), Coat(name="sandy", fur="e6cba0", light="fff5e2", dark="bf9c68")),
        ears=(pair(leaf(0.36, -1.2, -80, 0.72, 0.2, bend=0.05)),), inner_ear=pair(leaf(0.36, -1.16, -80, 0.58, 0.1, bend=0.05)), light_marks=(leaf(0.0, 0.6, 0, 0.36, 0.24),),
        width=0.76, jaw=0.78, chin=0.4, snout=(0.075, 0.05, 0.44), nose="e59a9c", mouth=(0.18, 0.6, 0.055), fang=0.0,
    ),
    "mouse": Animal(
        coats=(Coat(name="grey", fur="a8aab4", light="eeeef2", dark="777a88"), Coat(name="brown", fur="b59576", light="f5e8da", dark="866a4e"), Coat(name="white", fur="f4f0ee", light="ffffff", dark="dccfcf")),
        ears=(pair(leaf(0.82, -0.72, 0, 0.46, 0.46)),), inner_ear=pair(leaf(0.82, -0.71, 0, 0.33, 0.33)), light_marks=(_MUZZLE,), width=0.74, jaw=0.74, chin=0.32, snout=(0.08, 0.065, 0.42), nose="d9868a", mouth=(0.2, 0.62, 0.04),
    ),
    "raccoon": Animal(
        coats=(Coat(name="grey", fur="8f8d92", light="f3efea", dark="3b373f"), Coat(name="brown", fur="92775f", light="f6ead8", dark="3f2f2a")),
        ears=(pair(leaf(0.6, -0.78, -58, 0.36, 0.27, taper=-0.3)), *_TUFT), inner_ear=pair(leaf(0.6, -0.76, -58, 0.24, 0.16, taper=-0.3)), light_marks=(_MUZZLE, pair(leaf(0.4, -0.26, 14, 0.36, 0.09))),
        dark_marks=(pair(leaf(0.42, 0.16, 24, 0.42, 0.23)),), tilt=0.12, snout=(0.1, 0.07, 0.44),
    ),
    "tiger": Animal(
        coats=(Coat(name="orange", fur="f0953f", light="fff4e2", dark="3c2a28", stripes=1.0), Coat(name="white", fur="f2f0ee", light="ffffff", dark="4b4a55", stripes=1.0)),
        ears=(_ROUND, *_TUFT), inner_ear=_ROUND_IN, light_marks=(leaf(0.0, 0.62, 0, 0.46, 0.3), pair(leaf(0.36, -0.22, 0, 0.2, 0.09))), width=0.86, jaw=0.86, chin=0.42, slit=1.2, tilt=0.18, snout=(0.12, 0.08, 0.42), nose="c9787a", fang=0.03,
    ),
    "lion": Animal(
        coats=(Coat(name="golden", fur="e9b45f", light="fff0d2", dark="a05a2a"), Coat(name="white", fur="f4ead8", light="fffaf0", dark="c9a878")),
        ears=(leaf(0.0, 0.05, 90, 1.3, 1.22), pair(leaf(0.6, 0.7, 70, 0.7, 0.5))), flaps=(_ROUND, leaf(0.0, -0.92, 0, 0.42, 0.2)), dark_ears=True, light_marks=(_MUZZLE,), curl=0.05, width=0.8, jaw=0.78, snout=(0.13, 0.08, 0.42), tilt=0.15, fang=0.03,
    ),
    "koala": Animal(
        coats=(Coat(name="grey", fur="9ea3ae", light="f0f0f2", dark="6c717e"),),
        ears=(pair(leaf(0.86, -0.5, 0, 0.42, 0.4)),), inner_ear=pair(leaf(0.88, -0.46, 0, 0.26, 0.24)), curl=0.015, width=0.84, jaw=0.84, chin=0.46, snout=(0.15, 0.21, 0.36), mouth=(0.2, 0.7, 0.02), light_marks=(leaf(0.0, 0.84, 0, 0.34, 0.16),),
    ),
}  # fmt: skip

SHELLS: dict[str, Colour] = {
    "white": from_hex("eef0f4"), "silver": from_hex("b9c0cc"), "steel blue": from_hex("7f9bb8"), "mint": from_hex("a9dcc9"), "coral": from_hex("ee8a76"),
    "yellow": from_hex("f2c14e"), "graphite": from_hex("535866"), "lilac": from_hex("b8a8e0"), "copper": from_hex("c98a62"), "red": from_hex("d2504e"),
}  # fmt: skip
GLOWS: dict[str, Colour] = {
    "cyan": from_hex("6fe8f5"), "green": from_hex("8df5a4"), "amber": from_hex("ffc460"), "pink": from_hex("ff9ad0"), "white": from_hex("f2f8ff"), "blue": from_hex("86b4ff"),
}  # fmt: skip
SPECIES = ("human", *ANIMALS, "robot")


def draw_species(seed: int) -> tuple[str, str, str]:
    """Species, the name of its coat or shell, and a robot's glow (``human``: empty names)."""
    rng = generator(seed, "species")
    chance = rng.random()
    if chance < 0.66:
        return "human", "", ""
    if chance < 0.88:
        names = tuple(ANIMALS)
        kind = names[int(rng.integers(len(names)))]
        coats = ANIMALS[kind].coats
        return kind, coats[int(rng.integers(len(coats)))].name, ""
    shells, glows = tuple(SHELLS), tuple(GLOWS)
    return "robot", shells[int(rng.integers(len(shells)))], glows[int(rng.integers(len(glows)))]


def coat_of(species: str, name: str) -> Coat:
    """The coat of an animal by its name."""
    return next(coat for coat in ANIMALS[species].coats if coat.name == name)
