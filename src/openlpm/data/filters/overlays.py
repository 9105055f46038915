"""What was put on top of the picture: subtitles, logos, pictures in the picture.

All three stand still to the pixel while what is below moves, and have edges that no lens makes.
"""

from typing import final

import numpy as np

from openlpm.data.filters.rectangles import inset_of
from openlpm.data.filters.text import lines_of
from openlpm.data.pixels import Grey


@final
class Overlays:
    """Evidence that is gathered from a few frames of a clip."""

    def __init__(self) -> None:
        self._text: list[float] = []
        self._marks: list[float] = []
        self._greys: list[Grey] = []

    def add(self, grey_HW: Grey) -> None:
        """One more of the frames that are looked at."""
        found = lines_of(grey_HW)
        self._text.append(found.below)
        self._marks.append(found.corners)
        self._greys.append(grey_HW)

    @property
    def subtitle(self) -> float:
        """Letters in a line in the lower part of the picture, 0 to 1: the second strongest of the frames counts."""
        return _second(self._text)

    @property
    def logo(self) -> float:
        """Letters or a mark in a corner, in most of the frames."""
        return float(np.median(self._marks)) if self._marks else 0.0

    @property
    def inset(self) -> float:
        """A rectangle with a life of its own."""
        return inset_of(self._greys)


def _second(values: list[float]) -> float:
    return sorted(values)[-2] if len(values) > 1 else 0.0
