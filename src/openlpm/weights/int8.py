"""Eight bits a weight, one scale an output row: half the size of bfloat16 at nearly its quality."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

MIN_ROWS, MIN_ROW_LENGTH = 16, 16
_CLIP_RATIOS = (1.0, 0.98, 0.96, 0.94, 0.92, 0.9, 0.87, 0.84, 0.8)
_SMALLEST_HALF = 6.2e-5
"""Below this float16 loses digits, and with them a scale."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Int8Rows:
    """A matrix as ``integers * scale`` row by row; rows are the first dimension."""

    integers: Tensor
    """int8, of the original shape."""
    scale: Tensor
    """float16, or float32 where a scale is too small for it; one a row."""


def worth_quantising(tensor: Tensor) -> bool:
    """Whether a tensor has rows: biases, norms, tables and small matrices stay as they are."""
    if not tensor.is_floating_point() or tensor.ndim < 2:
        return False
    return tensor.shape[0] >= MIN_ROWS and tensor.numel() >= MIN_ROW_LENGTH * tensor.shape[0]


def quantise(tensor: Tensor) -> Int8Rows:
    """The nearest int8 rows found: for each row several clip ratios are tried and the least squared error is kept.

    For given integers q the best scale is ``<w, q> / <q, q>``, so each candidate is refitted before it is judged.
    """
    rows = tensor.detach().float().flatten(1)
    largest = rows.abs().amax(dim=1)
    best_scale, best_error = largest / 127, torch.full_like(largest, torch.inf)
    for ratio in _CLIP_RATIOS:
        integers = _round(rows, largest * ratio / 127)
        fitted = (rows * integers).sum(dim=1) / integers.square().sum(dim=1).clamp_min(1.0)
        error = (rows - _round(rows, fitted) * fitted[:, None]).square().sum(dim=1)
        better = error < best_error
        best_scale, best_error = torch.where(better, fitted, best_scale), torch.where(better, error, best_error)
    used = best_scale[best_scale > 0]
    fits_half = used.numel() == 0 or (used.min() >= _SMALLEST_HALF and used.max() < torch.finfo(torch.float16).max)
    scale = best_scale.to(torch.float16 if fits_half else torch.float32)
    return Int8Rows(integers=_round(rows, scale.float()).to(torch.int8).reshape(tensor.shape), scale=scale)


def dequantise(stored: Int8Rows) -> Tensor:
    """The matrix in float32."""
    row_shape = (-1, *([1] * (stored.integers.ndim - 1)))
    return stored.integers.float() * stored.scale.float().reshape(row_shape)


def _round(rows: Tensor, scale: Tensor) -> Tensor:
    safe = torch.where(scale > 0, scale, torch.ones_like(scale))
    return (rows / safe[:, None]).round().clamp(-127, 127)
