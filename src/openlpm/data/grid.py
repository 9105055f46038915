"""The clock of a clip: 24 frames a second from its beginning, whatever rate (or none) its source has.

Frame f of a clip is shown at ``span.start_s + f / 24``: it is the picture of the source whose time stamp is nearest.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.footage import Picture, read_pictures
from openlpm.data.parts import Media, Span


def frames_on_grid(span: Span) -> int:
    """How many frames a clip has at 24 a second; containers round time stamps, so the nearest whole number counts."""
    return max(int(span.duration_s * FRAME_RATE_HZ + Fraction(1, 2)), 1)


def pictures_on_grid(
    path: Path, media: Media, span: Span, *, first_frame: int = 0, most_side: int | None = None
) -> Iterator[NDArray[np.uint8]]:
    """The pictures (8-bit RGB) of a clip from ``first_frame`` on, ``frames_on_grid(span)`` less those before it.

    A clip of which not one frame can be decoded any more has no pictures.

    Raises:
        InputError: the file cannot be opened any more.
    """
    frame, end = 0, frames_on_grid(span)
    shown: Picture | None = None
    for picture in read_pictures(path, media, span, most_side=most_side):
        while shown is not None and frame < end and _nearer(shown.pts, picture.pts, span, frame):
            if frame >= first_frame:
                yield _red_first(shown)
            frame += 1
        if frame >= end:
            return
        shown = picture
    while shown is not None and frame < end:
        if frame >= first_frame:
            yield _red_first(shown)
        frame += 1


def _nearer(pts: int, next_pts: int, span: Span, frame: int) -> bool:
    """Whether the first of two time stamps is nearer to a frame's moment."""
    moment = span.start_s + Fraction(frame, FRAME_RATE_HZ)
    return moment - pts * span.time_base <= next_pts * span.time_base - moment


def _red_first(picture: Picture) -> NDArray[np.uint8]:
    return np.ascontiguousarray(picture.picture_HWC[..., ::-1])
