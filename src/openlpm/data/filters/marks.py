"""Marks: letters in a corner of what stands still, which a small network finds.

Rules that count letters on a line see neither two of them, nor those that touch, nor white on cream.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

_BESIDE, _ENDS = 0.36, 0.22
"""Shares of the columns and of the rows at each edge in which a corner lies."""
_TALL, _WIDE = 2, 3
"""Cells of the smallest word, over which sureness is averaged; a cell is four of 192 rows."""


def mark_in(median_HWC: NDArray[np.uint8]) -> float:
    """How sure it is that there are letters in a corner of what a clip shows most of the time, 0 to 1.

    Raises:
        WeightsError: the network's weights are missing or damaged.
    """
    from openlpm.data.filters.letters_network import letters_in  # torch: seconds that a recipe need not wait

    sure_HW = cv2.blur(letters_in(median_HWC), (_WIDE, _TALL), borderType=cv2.BORDER_REPLICATE)
    rows, columns = ((np.arange(count) + 0.5) / count for count in sure_HW.shape)
    corners_HW = ((rows < _ENDS) | (rows > 1 - _ENDS))[:, None] & ((columns < _BESIDE) | (columns > 1 - _BESIDE))
    return float(sure_HW[corners_HW].max())
