"""Signed distances, coverage and mixing: the few strokes that every picture of the cast is drawn with.

Fields are ``(N, 1, H, W)`` and what varies by performer only is ``(N, K, 1, 1)``, so everything broadcasts.
Distances are negative inside. All of it is plain float32 arithmetic without a branch on data.
"""

import torch
from torch import Tensor


def coverage(distance: Tensor, softness: Tensor | float) -> Tensor:
    """How much of a pixel a shape covers: 1 inside, 0 outside, a ramp ``softness`` wide on the edge."""
    return (0.5 - distance / softness).clamp(0.0, 1.0)


def smooth(value: Tensor, low: float, high: float) -> Tensor:
    """0 below ``low``, 1 above ``high``, a cubic between (``high`` < ``low`` falls instead of rising)."""
    t = ((value - low) * (1.0 / (high - low))).clamp(0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def over(canvas: Tensor, colour: Tensor, alpha: Tensor) -> Tensor:
    """Paint ``colour`` over ``canvas`` with opacity ``alpha``."""
    return canvas + (colour - canvas) * alpha


def glow(x: Tensor, y: Tensor, width: Tensor | float, height: Tensor | float) -> Tensor:
    """A round soft spot, 1 in the middle and exactly 0 from ``sqrt(3)`` radii on (a cubed parabola, cheaper than exp)."""
    t = (1.0 - ((x / width).square() + (y / height).square()) * (1.0 / 3.0)).clamp_min(0.0)
    return t * t * t


def ellipse(x: Tensor, y: Tensor, width: Tensor | float, height: Tensor | float) -> Tensor:
    """Distance to an axis-aligned ellipse with the given radii, first order near the edge."""
    a, b = x / width, y / height
    k0 = (a * a + b * b + 1e-8).sqrt()
    k1 = ((a / width).square() + (b / height).square() + 1e-8).sqrt()
    return k0 * (k0 - 1.0) / k1


def smooth_union(a: Tensor, b: Tensor, blend: float) -> Tensor:
    """Union of two shapes with a fillet about ``blend`` wide."""
    h = (blend - (a - b).abs()).clamp_min(0.0) * (1.0 / blend)
    return torch.minimum(a, b) - h * h * (0.25 * blend)


LEAF_SIZE = 8
"""Numbers of a leaf: centre x, centre y, cosine, sine, half length, half width, bend, taper."""


def leaves(x: Tensor, y: Tensor, table_NPK: Tensor) -> Tensor:
    """Distance to each of P leaves, ``(N, P, H, W)``: bent, tapered ellipses that make locks, buns and brims.

    ``table_NPK`` has ``LEAF_SIZE`` numbers a leaf; a leaf far outside the picture draws nothing.
    """
    cx, cy, cos, sin, length, width, bend, taper = table_NPK[:, :, :, None, None].unbind(2)
    dx, dy = x - cx, y - cy
    along = (dx * cos + dy * sin) / length
    across = dy * cos - dx * sin + bend * along.square()
    return ellipse(along * length, across, length, width * (1.0 + taper * along).clamp_min(0.12))


def pixel_grid(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Pixel centres ``x_11HW``, ``y_11HW`` of a square picture in [-1, 1], y downwards."""
    line = (torch.arange(size, dtype=torch.float32, device=device) + 0.5) * (2.0 / size) - 1.0
    return line.view(1, 1, 1, size), line.view(1, 1, size, 1)
