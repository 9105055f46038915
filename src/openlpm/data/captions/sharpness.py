"""How sharp a face is."""

import numpy as np
from numpy.typing import NDArray

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def sharpness(picture_HWC: NDArray[np.uint8], box_4: NDArray[np.float32]) -> float:
    """Mean size of the finest detail (Laplacian) inside the box of a face, relative to its contrast."""
    rows, columns = picture_HWC.shape[:2]
    x0, y0 = (int(np.clip(box_4[k], 0, size - 8)) for k, size in ((0, columns), (1, rows)))
    x1, y1 = max(int(min(box_4[2], columns)), x0 + 8), max(int(min(box_4[3], rows)), y0 + 8)
    grey_HW = picture_HWC[y0:y1, x0:x1].astype(np.float32) @ _LUMA
    middle_HW = grey_HW[1:-1, 1:-1]
    around_HW = grey_HW[:-2, 1:-1] + grey_HW[2:, 1:-1] + grey_HW[1:-1, :-2] + grey_HW[1:-1, 2:]
    return float(np.abs(around_HW - 4 * middle_HW).mean() / (float(grey_HW.std()) + 8.0))
