"""How precisely sums are taken: in float32 at least, whatever comes in."""

import torch
from torch import Tensor


def widened(x: Tensor) -> Tensor:
    """``x`` in float32, or as it is in float64: statistics and rotations never lose precision that was asked for."""
    return x if x.dtype == torch.float64 else x.float()
