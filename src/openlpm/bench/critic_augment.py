"""Disturbances that make a critic read generated and compressed pictures as well as rendered ones."""

import torch
from torch import Tensor
from torch.nn import functional

_UNTOUCHED = 0.2
_SHIFT_PIXELS = 1.5
_NOISE = 0.03
_BLOTCH = 0.04
_GAIN = 0.06
_OFFSET = 0.04
_COARSEST_STEP = 6 / 255


def disturb(frames_NCHW: Tensor, random: torch.Generator) -> Tensor:
    """Each picture softened, moved by under two pixels, recoloured, made noisy and quantised, or left as it is.

    Softening and blotches imitate an autoencoder, quantisation a codec. Pictures are in [0, 1] before and after.
    """
    count, device = frames_NCHW.shape[0], frames_NCHW.device

    def uniform(*shape: int, low: float = -1.0, high: float = 1.0) -> Tensor:
        return torch.rand(count, *shape, generator=random, device=device) * (high - low) + low

    def normal(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=random, device=device)

    size = frames_NCHW.shape[-2:]
    moved_NCHW = _shift(frames_NCHW, uniform(2) * _SHIFT_PIXELS)
    half_NCHW = functional.avg_pool2d(moved_NCHW, 2)
    half_NCHW = functional.interpolate(half_NCHW, size=size, mode="bilinear", align_corners=False)
    softness_N111 = uniform(1, 1, 1, low=0.0) * (uniform(1, 1, 1) > 0)
    soft_NCHW = moved_NCHW.lerp(half_NCHW, softness_N111)
    coloured_NCHW = soft_NCHW * (1 + _GAIN * uniform(3, 1, 1)) + _OFFSET * uniform(1, 1, 1)
    blotch_NCHW = functional.interpolate(normal(3, 16, 16), size=size, mode="bilinear", align_corners=False)
    coloured_NCHW = coloured_NCHW + _BLOTCH * uniform(1, 1, 1, low=0.0).square() * blotch_NCHW
    noisy_NCHW = coloured_NCHW + _NOISE * uniform(1, 1, 1, low=0.0).square() * normal(*frames_NCHW.shape[1:])
    step_N111 = uniform(1, 1, 1, low=1 / 255, high=_COARSEST_STEP)
    disturbed_NCHW = ((noisy_NCHW / step_N111).round() * step_N111).clamp(0, 1)
    untouched_N111 = uniform(1, 1, 1, low=0.0) < _UNTOUCHED
    return torch.where(untouched_N111, frames_NCHW, disturbed_NCHW)


def _shift(frames_NCHW: Tensor, pixels_N2: Tensor) -> Tensor:
    rows, columns = frames_NCHW.shape[-2:]
    theta_N23 = torch.zeros(frames_NCHW.shape[0], 2, 3, device=frames_NCHW.device, dtype=frames_NCHW.dtype)
    theta_N23[:, 0, 0] = theta_N23[:, 1, 1] = 1.0
    theta_N23[:, :, 2] = pixels_N2 * pixels_N2.new_tensor([2 / columns, 2 / rows])
    grid_NHW2 = functional.affine_grid(theta_N23, list(frames_NCHW.shape), align_corners=False)
    return functional.grid_sample(frames_NCHW, grid_NHW2, padding_mode="border", align_corners=False)
