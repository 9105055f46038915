"""Small things that are done to pictures everywhere, with the types that OpenCV leaves open."""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

cv2.setNumThreads(1)  # a worker is one core; more would only disturb the others


def grey_of(picture_HWC: NDArray[np.uint8]) -> Grey:
    """A BGR picture without its colours."""
    return cast("Grey", cv2.cvtColor(picture_HWC, cv2.COLOR_BGR2GRAY))


def shrunk(grey_HW: Grey, width: int, height: int) -> Grey:
    """A grey picture at another size, every pixel of it counted."""
    return cast("Grey", cv2.resize(grey_HW, (width, height), interpolation=cv2.INTER_AREA))


def means_of(values_HW: NDArray[np.float32] | Grey, columns: int, rows: int | None = None) -> NDArray[np.float64]:
    """Means over so many parts of a picture in either direction."""
    return cv2.resize(values_HW, (columns, rows or columns), interpolation=cv2.INTER_AREA).astype(np.float64)
