"""Many pictures on one."""

import torch
from torch import Tensor


def contact_sheet(frames_NCHW: Tensor, columns: int) -> Tensor:
    """Pictures in rows of ``columns``, left to right; missing ones at the end are white. Returns ``image_CHW``."""
    count, channels, height, width = frames_NCHW.shape
    rows = -(-count // columns)
    padded = torch.ones(rows * columns, channels, height, width, dtype=frames_NCHW.dtype, device=frames_NCHW.device)
    padded[:count] = frames_NCHW
    grid = padded.view(rows, columns, channels, height, width).permute(2, 0, 3, 1, 4)
    return grid.reshape(channels, rows * height, columns * width)
