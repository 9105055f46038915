"""What was put on top of the picture: subtitles, logos, pictures in the picture.

All three stand still to the pixel while what is below moves, and have edges that no lens makes.
"""

from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.data.filters.marks import mark_in
from openlpm.data.filters.rectangles import inset_of
from openlpm.data.filters.text import subtitle_in
from openlpm.data.pixels import grey_of


@final
class Overlays:
    """Evidence that is gathered from a few frames of a clip, sixteen or so: they are kept until it is judged."""

    def __init__(self) -> None:
        self._pictures: list[NDArray[np.uint8]] = []
        self._text: list[float] = []

    def add(self, picture_HWC: NDArray[np.uint8]) -> None:
        """One more of the frames that are looked at."""
        self._pictures.append(picture_HWC)
        self._text.append(subtitle_in(grey_of(picture_HWC)))

    @property
    def subtitle(self) -> float:
        """A line of letters in the lower part of the picture, 0 to 1: that of a quarter of the frames at least."""
        return float(np.percentile(self._text, 75)) if self._text else 0.0

    @property
    def logo(self) -> float:
        """Letters in a corner of what never changes."""
        return mark_in(np.median(np.stack(self._pictures), axis=0).astype(np.uint8)) if self._pictures else 0.0

    @property
    def inset(self) -> float:
        """A rectangle with a life of its own."""
        return inset_of(self._pictures)
