"""Who of the cast looks most like a picture, and whether the picture looks like the cast at all.

A picture becomes 8 x 8 mean colours in CIE Lab; a distance is the mean colour difference (CIE76) of the cells. The
whole picture says whether it belongs to the world a model was trained on; its middle, face and hair, says who. Smooth
pictures may differ more: few photographs are as smooth as a drawing.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.synth.look.identity import Identity, describe

INDEX_FILE = Path(__file__).parent / "data" / "character_index.npz"

_CELLS = 8
_MIDDLE_CELLS = 2.5
"""Spread of the weight on the middle, in cells."""
_LEAST_SMOOTH_SHARE = 0.3
_SMOOTH_LEVELS = 2.0
_DRAWN_SHARE = 0.7
"""Smoother than nearly all photographs."""
_ALLOWANCE = 10.0
"""By how much more a picture may differ, for each unit of smooth share beyond ``_DRAWN_SHARE``."""

_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], dtype=np.float32)
_WHITE = np.array([0.9505, 1.0, 1.089], dtype=np.float32)
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A cast member and how far from the picture it is in its middle (1 is a just visible difference of colour)."""

    seed: int
    distance: float
    description: str


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """What the cast has to say to a picture."""

    members: tuple[Member, ...]
    """Closest first."""
    outside: bool
    """The picture is unlike anything in the cast."""
    reason: str
    """In a few words; empty for a picture like the cast."""


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CharacterIndex:
    """Colours of some train identities; ``runs/character_index.py`` makes the one in the package."""

    seeds_N: NDArray[np.int32]
    grids_NYXC: NDArray[np.float32]
    limit: float
    """Distances less their allowance beyond this are rare between members; calibrated on validation identities."""

    def save(self, path: Path) -> None:
        """Write the index: a byte a colour value, compressed."""
        levels_NYXC = np.round(self.grids_NYXC).clip(-128, 127).astype(np.int8)
        np.savez_compressed(path, seeds_N=self.seeds_N, levels_NYXC=levels_NYXC, limit=np.float32(self.limit))

    @staticmethod
    def load(path: Path) -> "CharacterIndex":
        """Read what ``save`` wrote.

        Raises:
            ConfigError: there is no such file.
        """
        if not path.is_file():
            raise ConfigError(f"there is no index of the cast at {path}: make it with runs/character_index.py")
        with np.load(path, allow_pickle=False) as stored:
            return CharacterIndex(
                seeds_N=stored["seeds_N"],
                grids_NYXC=stored["levels_NYXC"].astype(np.float32),
                limit=float(stored["limit"]),
            )

    def nearest(self, image_HWC: NDArray[np.uint8], count: int) -> Match:
        """The ``count`` closest members to a square 8-bit RGB picture, and whether it is like the cast."""
        differences_NYX = colour_differences(colour_grid(image_HWC)[None], self.grids_NYXC)
        middle_N = (differences_NYX * _middle_weights()).sum(axis=(1, 2))
        order = np.argsort(middle_N, kind="stable")[:count]
        reason = self._reason(float(differences_NYX.mean(axis=(1, 2)).min()), smooth_share(image_HWC))
        members = tuple(
            Member(
                seed=int(self.seeds_N[i]),
                distance=float(middle_N[i]),
                description=describe(Identity.from_seed(int(self.seeds_N[i]))),
            )
            for i in order
        )
        return Match(members=members, outside=bool(reason), reason=reason)

    def _reason(self, distance: float, smooth: float) -> str:
        limit = self.limit + allowance(smooth)
        if distance > limit:
            return f"its colours differ by {distance:.1f} from the closest member, where {limit:.1f} is usual at most"
        if smooth < _LEAST_SMOOTH_SHARE:
            return f"only {smooth:.0%} of it is as smooth as a drawing"
        return ""


def nearest_members(image_HWC: NDArray[np.uint8], *, count: int) -> Match:
    """The closest members of the cast to a square 8-bit RGB picture (256 x 256), by the index in the package."""
    return _bundled().nearest(image_HWC, count)


@cache
def _bundled() -> CharacterIndex:
    return CharacterIndex.load(INDEX_FILE)


def colour_grid(image_HWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean colours of 8 x 8 cells, ``grid_YXC`` in CIE Lab (D65); the sides must be multiples of 8."""
    height, width, _ = image_HWC.shape
    cells = (_CELLS, height // _CELLS, _CELLS, width // _CELLS, 3)
    return lab(image_HWC).reshape(cells).mean(axis=(1, 3))


def colour_differences(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colour difference (CIE76) of two fields of Lab colours, broadcast against each other."""
    return np.sqrt(np.square(first - second).sum(axis=-1))


def lab(image_HWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    """8-bit sRGB as CIE Lab under D65 (CIE 15:2004, IEC 61966-2-1)."""
    level = image_HWC.astype(np.float32) / 255.0
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    ratio = (linear @ _TO_XYZ.T) / _WHITE
    root = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def smooth_share(image_HWC: NDArray[np.uint8]) -> float:
    """Share of pixels whose brightness is the mean of their neighbours' to within half a level: drawings lack grain."""
    bright_HW = image_HWC.astype(np.float32) @ _LUMA
    around_HW = bright_HW[:-2, 1:-1] + bright_HW[2:, 1:-1] + bright_HW[1:-1, :-2] + bright_HW[1:-1, 2:]
    return float((np.abs(4 * bright_HW[1:-1, 1:-1] - around_HW) < _SMOOTH_LEVELS).mean())


def allowance(smooth: float) -> float:
    """How much more than usual the colours of a picture may differ that is smooth to this share."""
    return _ALLOWANCE * max(0.0, smooth - _DRAWN_SHARE)


@cache
def _middle_weights() -> NDArray[np.float32]:
    offset = np.arange(_CELLS) - (_CELLS - 1) / 2
    line = np.exp(-np.square(offset / _MIDDLE_CELLS) / 2)
    weights_YX = np.outer(line, line)
    return (weights_YX / weights_YX.sum()).astype(np.float32)
