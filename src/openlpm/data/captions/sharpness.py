"""How sharp a face is."""

import numpy as np
from numpy.typing import NDArray

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def sharpness(picture_HWC: NDArray[np.uint8]) -> float:
    """Mean size of the finest detail (Laplacian), relative to the contrast of the picture."""
    grey_HW = picture_HWC.astype(np.float32) @ _LUMA
    middle_HW = grey_HW[1:-1, 1:-1]
    around_HW = grey_HW[:-2, 1:-1] + grey_HW[2:, 1:-1] + grey_HW[1:-1, :-2] + grey_HW[1:-1, 2:]
    return float(np.abs(around_HW - 4 * middle_HW).mean() / (float(grey_HW.std()) + 8.0))
