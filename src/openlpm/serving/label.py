"""The words "Made by AI" in every picture that leaves for a stream or a file, where no page can show them."""

from dataclasses import replace
from typing import final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from openlpm.engine.performer import Frame
from openlpm.serving.outputs import Output

TEXT = "Made by AI"
_HEIGHT_SHARE = 18
"""Of a picture's height one part is the label's letters."""
_OPACITY = 150


@final
class Label:
    """Draws the label into a corner of pictures of one size."""

    def __init__(self, size: int) -> None:
        letters = max(9, size // _HEIGHT_SHARE)
        font = ImageFont.load_default(letters)
        left, top, right, bottom = (round(each) for each in font.getbbox(TEXT))
        border = letters // 3
        mark = Image.new("RGBA", (right - left + 2 * border, bottom - top + 2 * border), (0, 0, 0, _OPACITY))
        ImageDraw.Draw(mark).text((border - left, border - top), TEXT, font=font, fill=(255, 255, 255, 255))
        pixels_HWC = np.asarray(mark, dtype=np.float32)
        self._alpha_HW1 = pixels_HWC[..., 3:] / 255.0
        self._colour_HWC = pixels_HWC[..., :3] * self._alpha_HW1
        height, width = pixels_HWC.shape[:2]
        self.place = (slice(size - border - height, size - border), slice(border, border + width))
        """Rows and columns that it covers."""
        self._last: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None

    def drawn(self, picture_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture with the label; the same array again for the same array."""
        if self._last is None or self._last[0] is not picture_HWC:
            labelled_HWC = picture_HWC.copy()
            under_HWC = labelled_HWC[self.place].astype(np.float32)
            labelled_HWC[self.place] = np.rint(under_HWC * (1.0 - self._alpha_HW1) + self._colour_HWC).astype(np.uint8)
            self._last = picture_HWC, labelled_HWC
        return self._last[1]


@final
class Labelled:
    """An ``Output`` that shows every picture with the label to another."""

    def __init__(self, inner: Output, size: int) -> None:
        self._inner, self._label = inner, Label(size)

    @property
    def waiting(self) -> int:
        return self._inner.waiting

    def show(self, frame: Frame) -> None:
        self._inner.show(replace(frame, picture_HWC=self._label.drawn(frame.picture_HWC)))
