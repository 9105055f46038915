"""The hair shapes: each is the same cap, hairline and leaves with other numbers."""

from dataclasses import dataclass
from math import cos, radians, sin
from typing import final

LeafRow = tuple[float, float, float, float, float, float, float, float, float]

NOWHERE: LeafRow = (90.0, 90.0, 1.0, 0.0, 0.1, 0.1, 0.0, 0.0, 0.0)
"""A leaf that draws nothing."""


def leaf(  # noqa: PLR0913 (the seven numbers of a row)
    x: float, y: float, degrees: float, length: float, width: float, *, bend: float = 0.0, taper: float = 0.0
) -> LeafRow:
    """A leaf in head units; ``degrees`` turn its long axis from picture right towards down, ``taper`` < 0 points its end."""
    angle = radians(degrees)
    return x, y, cos(angle), sin(angle), length, width, bend, taper, 0.0


def pair(row: LeafRow) -> LeafRow:
    """A leaf of the right side, drawn on both sides."""
    return (*row[:8], 1.0)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class HairShape:
    """A hair shape in head units; v is 0 in the middle of the face, -1 on top of the bare head."""

    caption: str
    volume: float = 0.07
    """How far the cap stands off the cranium at the sides."""
    height: float = 0.1
    """How far it stands off on top."""
    bottom: float = 0.2
    """Where the cap ends at the sides."""
    curl: float = 0.0
    curl_freq: float = 20.0
    part: float = 0.0
    hairline: float = -0.62
    left: tuple[float, float] = (0.75, 3.2)
    """Drop of the hairline from the parting to the left temple, and its power (1 straight, 4 a rounded box)."""
    right: tuple[float, float] = (0.75, 3.2)
    scallop: tuple[float, float] = (0.0, 6.0)
    """Depth and frequency of the locks of a fringe."""
    alpha: float = 1.0
    sheen: float = 1.0
    back: tuple[LeafRow, ...] = ()
    front: tuple[LeafRow, ...] = ()


_LONG_BACK = (pair(leaf(0.52, 0.65, 84, 1.15, 0.42, bend=-0.1)), leaf(0.0, 0.3, 90, 1.1, 0.75))
_CURTAINS = (pair(leaf(0.74, 0.45, 90, 1.0, 0.17, bend=0.04, taper=0.15)),)

HAIR_SHAPES: dict[str, HairShape] = {
    "bald": HairShape(caption="a bald head", volume=0.0, height=-0.3, hairline=-1.9, alpha=0.0),
    "fringe of hair": HairShape(
        caption="a bald top and {c} hair at the sides", volume=0.06, height=-0.1, hairline=-1.35, bottom=0.22,
        left=(1.5, 5.0), right=(1.5, 5.0), curl=0.012,
    ),
    "buzz": HairShape(caption="{c} buzzed hair", volume=0.012, height=0.015, hairline=-0.66, alpha=0.86, sheen=0.25, bottom=0.05, left=(0.7, 5.0), right=(0.7, 5.0)),
    "crop": HairShape(caption="short {c} hair", height=0.13, volume=0.04, bottom=0.1, scallop=(0.09, 7.0), hairline=-0.58, left=(0.66, 5.0), right=(0.66, 5.0)),
    "side part": HairShape(
        caption="side-parted {c} hair", part=-0.34, hairline=-0.74, left=(0.8, 1.6), right=(0.62, 1.5), height=0.17, bottom=0.12,
        front=(leaf(0.12, -0.86, 12, 0.62, 0.2, bend=-0.1),),
    ),
    "quiff": HairShape(
        caption="a {c} quiff", height=0.12, volume=0.03, bottom=0.08, hairline=-0.64, left=(0.7, 4.0), right=(0.7, 4.0),
        front=(leaf(0.05, -0.98, -8, 0.58, 0.27, bend=0.12), leaf(0.28, -0.92, -24, 0.42, 0.24), leaf(-0.3, -0.86, 12, 0.38, 0.2)),
    ),
    "spiky": HairShape(
        caption="spiky {c} hair", height=0.08, bottom=0.1, volume=0.05, scallop=(0.13, 5.2), hairline=-0.56, left=(0.62, 4.0), right=(0.62, 4.0),
        front=(leaf(0.0, -1.04, 272, 0.38, 0.18, taper=-0.85), pair(leaf(0.3, -0.98, 292, 0.36, 0.18, taper=-0.85)),
               pair(leaf(0.56, -0.78, 308, 0.34, 0.17, taper=-0.85)), pair(leaf(0.7, -0.52, 325, 0.28, 0.15, taper=-0.85))),
    ),
    "mohawk": HairShape(
        caption="a {c} mohawk", volume=0.005, height=0.01, hairline=-0.66, alpha=1.0, bottom=0.02, left=(0.66, 6.0), right=(0.66, 6.0), sheen=0.5,
        front=(leaf(0.0, -1.05, 90, 0.46, 0.27), leaf(0.0, -1.3, 90, 0.2, 0.2), leaf(0.04, -0.82, 90, 0.26, 0.2)),
    ),
    "pixie": HairShape(
        caption="a {c} pixie cut", part=0.36, hairline=-0.7, left=(0.58, 1.2), right=(0.9, 1.7), height=0.15, volume=0.06, bottom=0.3, scallop=(0.05, 5.0),
        front=(pair(leaf(0.72, 0.12, 96, 0.3, 0.09, taper=-0.7)),),
    ),
    "bob": HairShape(
        caption="a {c} bob", bottom=0.35, volume=0.12, height=0.14, part=-0.2, hairline=-0.7, left=(0.95, 1.9), right=(0.9, 1.7),
        back=(leaf(0.0, 0.2, 90, 0.85, 0.9), pair(leaf(0.6, 0.45, 80, 0.58, 0.3))), front=(pair(leaf(0.8, 0.35, 94, 0.56, 0.16, bend=0.1, taper=0.1)),),
    ),
    "bangs": HairShape(
        caption="{c} hair with bangs", bottom=0.4, volume=0.12, height=0.13, hairline=-0.3, left=(0.6, 6.0), right=(0.6, 6.0), scallop=(0.045, 9.0),
        back=(leaf(0.0, 0.25, 90, 0.95, 0.86), pair(leaf(0.56, 0.6, 84, 0.62, 0.3))), front=(pair(leaf(0.79, 0.4, 91, 0.68, 0.15, bend=0.06)),),
    ),
    "long straight": HairShape(
        caption="long straight {c} hair", bottom=0.4, volume=0.1, height=0.12, hairline=-0.76, left=(1.1, 1.25), right=(1.1, 1.25), back=_LONG_BACK,
        front=_CURTAINS,
    ),
    "long wavy": HairShape(
        caption="long wavy {c} hair", bottom=0.4, volume=0.14, height=0.16, part=0.25, hairline=-0.76, left=(0.9, 1.2), right=(1.05, 1.6), curl=0.03, curl_freq=8.5,
        back=(pair(leaf(0.62, 0.6, 80, 1.05, 0.46)), leaf(0.0, 0.3, 90, 1.0, 0.8)),
        front=(pair(leaf(0.8, 0.3, 90, 0.9, 0.2, bend=0.05)), pair(leaf(0.8, 1.0, 94, 0.5, 0.22))),
    ),
    "curly": HairShape(
        caption="curly {c} hair", bottom=0.3, volume=0.2, height=0.22, hairline=-0.6, left=(0.8, 2.6), right=(0.8, 2.6), curl=0.04, curl_freq=13.0, scallop=(0.1, 8.0), sheen=0.7,
        back=(leaf(0.0, 0.0, 90, 0.95, 1.02),), front=(pair(leaf(0.86, 0.1, 90, 0.4, 0.2)), pair(leaf(0.84, 0.5, 90, 0.28, 0.19))),
    ),
    "afro": HairShape(
        caption="a {c} afro", bottom=0.62, volume=0.36, height=0.36, hairline=-0.6, left=(0.8, 3.4), right=(0.8, 3.4), curl=0.022, curl_freq=17.0, sheen=0.5,
        back=(leaf(0.0, -0.3, 0, 1.2, 1.12),),
    ),
    "bun": HairShape(
        caption="{c} hair in a bun", volume=0.05, height=0.07, bottom=0.12, hairline=-0.68, left=(0.75, 2.3), right=(0.75, 2.3), back=(leaf(0.0, -1.2, 0, 0.38, 0.33),),
        front=(pair(leaf(0.71, 0.12, 93, 0.36, 0.05, bend=0.06, taper=-0.5)),),
    ),
    "space buns": HairShape(
        caption="{c} hair in two buns", volume=0.06, height=0.08, bottom=0.15, hairline=-0.4, left=(0.55, 5.0), right=(0.55, 5.0), scallop=(0.05, 8.0),
        back=(pair(leaf(0.62, -0.98, 0, 0.33, 0.31)),), front=(pair(leaf(0.73, 0.15, 93, 0.42, 0.07, bend=0.05, taper=-0.3)),),
    ),
    "ponytail": HairShape(
        caption="{c} hair in a ponytail", volume=0.05, height=0.09, bottom=0.1, part=-0.15, hairline=-0.7, left=(0.75, 2.2), right=(0.75, 2.0),
        back=(leaf(0.86, -0.1, 62, 0.75, 0.3, bend=-0.22), leaf(0.98, 0.75, 100, 0.6, 0.22, bend=0.1, taper=-0.4)),
        front=(leaf(-0.7, 0.08, 93, 0.34, 0.06, bend=-0.06, taper=-0.5),),
    ),
    "braids": HairShape(
        caption="{c} braids", volume=0.06, height=0.08, bottom=0.2, hairline=-0.72, left=(0.85, 1.7), right=(0.85, 1.7),
        front=(pair(leaf(0.76, 0.4, 96, 0.24, 0.15)), pair(leaf(0.78, 0.74, 86, 0.22, 0.16)), pair(leaf(0.78, 1.06, 94, 0.21, 0.15)), pair(leaf(0.77, 1.4, 88, 0.24, 0.11, taper=-0.3))),
    ),
    "pigtails": HairShape(
        caption="{c} pigtails", volume=0.07, height=0.09, bottom=0.2, hairline=-0.36, left=(0.6, 5.0), right=(0.6, 5.0), scallop=(0.05, 7.0),
        back=(pair(leaf(1.0, 0.05, 70, 0.5, 0.28, bend=-0.12)), pair(leaf(1.12, 0.5, 98, 0.4, 0.2, taper=-0.5))),
        front=(pair(leaf(0.73, 0.12, 92, 0.36, 0.07, taper=-0.3)),),
    ),
    "swept back": HairShape(caption="swept-back {c} hair", height=0.14, volume=0.07, bottom=0.3, hairline=-0.78, left=(0.9, 2.0), right=(0.9, 2.0), back=(leaf(0.0, 0.2, 90, 0.72, 0.74),)),
    "shaggy": HairShape(
        caption="shaggy {c} hair", bottom=0.4, volume=0.13, height=0.16, part=0.12, hairline=-0.42, left=(0.6, 2.2), right=(0.6, 2.4), scallop=(0.13, 5.0), curl=0.018, curl_freq=10.0,
        back=(leaf(0.0, 0.2, 90, 0.82, 0.84),), front=(pair(leaf(0.8, 0.3, 98, 0.5, 0.14, taper=-0.6)), pair(leaf(0.86, 0.6, 70, 0.28, 0.12, taper=-0.8))),
    ),
    "curtains": HairShape(
        caption="{c} curtain hair", bottom=0.3, volume=0.09, height=0.16, hairline=-0.8, left=(0.92, 0.85), right=(0.92, 0.85), front=(pair(leaf(0.7, -0.12, 74, 0.36, 0.11, bend=-0.08, taper=-0.6)),),
    ),
}  # fmt: skip

FEMININE = (
    "pixie",
    "bob",
    "bangs",
    "long straight",
    "long wavy",
    "curly",
    "afro",
    "bun",
    "space buns",
    "ponytail",
    "braids",
    "pigtails",
    "shaggy",
    "side part",
    "buzz",
)
MASCULINE = (
    "bald",
    "fringe of hair",
    "buzz",
    "crop",
    "side part",
    "quiff",
    "spiky",
    "mohawk",
    "curly",
    "afro",
    "swept back",
    "shaggy",
    "curtains",
    "bun",
    "long straight",
)
