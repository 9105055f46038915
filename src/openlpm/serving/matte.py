"""Characters without what is behind them: a background of one colour becomes transparent.

Only a colour can be keyed, so this is for characters that are drawn before a plain one. What is not joined to the edge
of the picture stays, whatever its colour is: eyes and teeth get no holes.
"""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

Colour = tuple[int, int, int]

COLOURS: Final[tuple[Colour, ...]] = (
    (95, 183, 181), (60, 170, 90), (35, 48, 92), (183, 160, 228), (236, 165, 182), (248, 194, 90),
)  # fmt: skip
"""Plain backgrounds to draw somebody before: whoever wears one of them is drawn before another. They are as muted as
those that nano learnt with: before brighter ones it draws noise, and into a blue sky it draws clouds."""
_FLAT = 10
"""Levels by which a plain background may differ from its colour: paper, compression."""
_FLAT_SHARE = 0.8
"""Of the edges; hair and ears may touch them."""
_LEAST_SHARE = 0.05
"""Of a picture that is background, and of one that is not."""
_MOST_LIKE, _LEAST_LIKE = 52, 26
"""Levels by which a drawn background may differ: nano's is within 20 nearly everywhere, and within 50 near edges."""
_OF_DISTANCE = 0.6
"""How much of the way from the key to what somebody wears still counts as background."""
_WORN_SHARE = 0.04
"""Of somebody that may look like the background: teeth, eyes."""
_EDGE_PX = 3
"""How far a soft edge reaches into the picture from what is surely behind."""
_MIX_PX = 6
_FAINT = 0.2
"""Alpha below which a pixel is too little of the figure to tell its colour."""
_NOISE, _WHOLE = 0.15, 0.9
_STANDS = 0.7
"""The part of somebody that stands on the lower edge; less, and it is somebody who floats."""
_SIDES = 0.55
"""The part of the sides that shoulders do not reach."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """What is behind a character."""

    colour: Colour
    like: int
    """Levels by which a channel may differ and still be of the background."""


def key_of(picture_HWC: NDArray[np.uint8]) -> Key | None:
    """How to key a character by a picture of it.

    None where that cannot be done well: behind it there is more than one colour, as far as the upper edges of the
    picture show, or it wears that colour itself.
    """
    border_KC = _border(picture_HWC)
    colour = _levels(np.median(border_KC, axis=0))
    if (np.abs(border_KC - colour).max(axis=1) <= _FLAT).mean() < _FLAT_SHARE:
        return None
    away_HW = _away(picture_HWC, colour)
    behind_HW = _joined_to_edge(away_HW <= _FLAT)
    if not _LEAST_SHARE < behind_HW.mean() < 1 - _LEAST_SHARE:
        return None
    figure_HW = _grown(behind_HW, _EDGE_PX) == 0
    worn = float(np.quantile(away_HW[figure_HW], _WORN_SHARE)) if figure_HW.any() else 0.0
    like = min(round(_OF_DISTANCE * worn), _MOST_LIKE)
    return None if like < _LEAST_LIKE else Key(colour=colour, like=like)


def cut_out(picture_HWC: NDArray[np.uint8], key: Key) -> NDArray[np.uint8]:
    """The picture with straight alpha, (H, W, 4): soft edges, and nothing of the key's colour left in them."""
    key_C = _key_here(picture_HWC, key)
    behind_HW = _joined_to_edge(_away(picture_HWC, _levels(key_C)) < key.like)
    behind_HW = behind_HW | _strewn(~behind_HW)
    surely_behind_HW = _grown(~behind_HW, 1) == 0
    inside_HW = _grown(behind_HW, _EDGE_PX) == 0
    found_HWC = np.dstack([picture_HWC, np.where(surely_behind_HW, 0, 255).astype(np.uint8)])
    edge_HW = ~(inside_HW | surely_behind_HW)
    own_KC = _nearby(Image.fromarray(picture_HWC), inside_HW, edge_HW)
    found_HWC[edge_HW] = _unmixed(picture_HWC[edge_HW], key_C, own_KC, behind_HW[edge_HW])
    return found_HWC


def _unmixed(
    mixed_KC: NDArray[np.uint8],
    key_C: NDArray[np.float32],
    own_KC: NDArray[np.float32],
    behind_K: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """Pixels of an edge as colour and alpha: how far each lies on the way from the key to the figure's own colour."""
    beyond_KC, way_KC = mixed_KC - key_C, own_KC - key_C
    length_K = np.square(way_KC).sum(axis=1)
    alpha_K = (beyond_KC * way_KC).sum(axis=1) / np.maximum(length_K, 1.0)
    # Where the figure looks like the key, or nothing of it is near, the hard edge is all that is known.
    alpha_K = np.where(length_K > _LEAST_LIKE**2, alpha_K, ~behind_K)
    # What a background differs from its colour is not a figure.
    alpha_K = ((alpha_K - _NOISE) / (_WHOLE - _NOISE)).clip(0.0, 1.0)
    colour_KC = key_C + beyond_KC / np.maximum(alpha_K, _FAINT)[:, None]
    colour_KC = np.where((alpha_K < _FAINT)[:, None], own_KC, colour_KC)
    return np.column_stack([colour_KC, 255 * alpha_K]).round().clip(0, 255).astype(np.uint8)


def _border(picture_HWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    height, strip = picture_HWC.shape[0], max(picture_HWC.shape[0] // 40, 1)
    sides = picture_HWC[: round(_SIDES * height)]
    parts = (picture_HWC[:strip], sides[:, :strip], sides[:, -strip:])
    return np.concatenate([part.reshape(-1, 3) for part in parts]).astype(np.float32)


def _key_here(picture_HWC: NDArray[np.uint8], key: Key) -> NDArray[np.float32]:
    """The colour as this picture has it: what draws hits it only nearly."""
    border_KC, key_C = _border(picture_HWC), np.array(key.colour, np.float32)
    like_K = np.abs(border_KC - key_C).max(axis=1) < key.like
    return np.median(border_KC[like_K], axis=0) if like_K.any() else key_C


def _away(picture_HWC: NDArray[np.uint8], colour: Colour) -> NDArray[np.uint8]:
    """How far every pixel is from a colour, by the channel that is furthest."""
    plain = Image.new("RGB", picture_HWC.shape[1::-1], colour)
    red, green, blue = ImageChops.difference(Image.fromarray(picture_HWC), plain).split()
    return np.asarray(ImageChops.lighter(ImageChops.lighter(red, green), blue))


def _grown(mask_HW: NDArray[np.bool_], by_px: int) -> NDArray[np.uint8]:
    """Above zero wherever a mask is, and within some pixels of it."""
    return np.asarray(Image.fromarray(mask_HW.astype(np.uint8) * 255).filter(ImageFilter.BoxBlur(by_px)))


def _joined_to_edge(near_HW: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The part of a mask that is joined to an edge of the picture."""
    edge_HW = near_HW.copy()
    edge_HW[1:-1, 1:-1] = False
    return _joined(near_HW, edge_HW)


def _strewn(figure_HW: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What floats beside a figure that stands on the lower edge: blots, and no part of anybody."""
    bottom_HW = figure_HW.copy()
    bottom_HW[:-1] = False
    standing_HW = _joined(figure_HW, bottom_HW)
    if standing_HW.sum() < _STANDS * figure_HW.sum():
        return np.zeros_like(figure_HW)
    return figure_HW & ~standing_HW


def _joined(near_HW: NDArray[np.bool_], found_HW: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The part of a mask that is joined to some of it: runs of rows and columns by turns, until nothing is new."""
    rows_HW, columns_WH = _runs(near_HW), _runs(near_HW.T)
    count = -1
    while count != (count := int(found_HW.sum())):
        found_HW = _filled(found_HW, near_HW, rows_HW)
        found_HW = _filled(found_HW.T, near_HW.T, columns_WH).T
    return found_HW


def _runs(near_HW: NDArray[np.bool_]) -> NDArray[np.intp]:
    """A number for each run of a row; what lies between belongs to the run before it."""
    begins_HW = near_HW.copy()
    begins_HW[:, 1:] &= ~near_HW[:, :-1]
    numbers_K: NDArray[np.intp] = np.cumsum(begins_HW, dtype=np.intp)
    return numbers_K.reshape(near_HW.shape)


def _filled(found_HW: NDArray[np.bool_], near_HW: NDArray[np.bool_], runs_HW: NDArray[np.intp]) -> NDArray[np.bool_]:
    reached_R = np.zeros(int(runs_HW[-1, -1]) + 1, np.bool_)
    reached_R[runs_HW[found_HW]] = True
    return reached_R[runs_HW] & near_HW


def _nearby(picture: Image.Image, inside_HW: NDArray[np.bool_], where_HW: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The mean colour of what is inside around some pixels; black where nothing of it is near."""
    mask = Image.fromarray(inside_HW.astype(np.uint8) * 255)
    blur = ImageFilter.BoxBlur(_MIX_PX)
    figure = ImageChops.multiply(picture, Image.merge("RGB", (mask, mask, mask))).filter(blur)
    weight_K = np.asarray(mask.filter(blur))[where_HW].astype(np.float32) / 255
    sums_KC: NDArray[np.float32] = np.asarray(figure, np.float32)[where_HW]
    return sums_KC / np.maximum(weight_K, 1 / 255).astype(np.float32)[:, None]


def _levels(colour_C: NDArray[np.float32]) -> Colour:
    red, green, blue = (round(float(level)) for level in colour_C)
    return red, green, blue
