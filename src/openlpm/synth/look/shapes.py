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
    t = (value * (1.0 / (high - low)) - low / (high - low)).clamp(0.0, 1.0)
    return t * t * torch.rsub(t, 3.0, alpha=2.0)


def positive(value: Tensor) -> Tensor:
    """1 where ``value`` is above 0, else 0 (arithmetic, several times faster on a CPU than a comparison)."""
    return (value * 1e9).clamp(0.0, 1.0)


def over(canvas: Tensor, colour: Tensor, alpha: Tensor | float) -> Tensor:
    """Paint ``colour`` over ``canvas`` with opacity ``alpha``."""
    if torch.compiler.is_compiling():
        # The compiler takes `lerp` apart into four times as many nodes; eagerly it is the fastest form.
        return canvas + (colour - canvas) * alpha
    return torch.lerp(canvas, colour, alpha)


def glow(x: Tensor, y: Tensor, width: Tensor | float, height: Tensor | float) -> Tensor:
    """A soft spot, 1 in the middle and exactly 0 from ``sqrt(3)`` radii on (cheaper than exp)."""
    a, b = x * (0.57735 / width), y * (0.57735 / height)
    t = (1.0 - torch.addcmul(a * a, b, b)).clamp_min(0.0)
    return t * t * t


def ellipse(x: Tensor, y: Tensor, width: Tensor | float, height: Tensor | float) -> Tensor:
    """Distance to an ellipse with the given radii: first order near the edge, very negative deep inside."""
    over_width, over_height = 1.0 / width, 1.0 / height
    a, b = x * over_width, y * over_height
    a2, b2 = a * a, b * b
    slope = a2 * (4.0 * over_width * over_width) + b2 * (4.0 * over_height * over_height) + 1e-4
    return (a2 + b2 - 1.0) * slope.rsqrt()


def smooth_union(a: Tensor, b: Tensor, blend: float) -> Tensor:
    """Union of two shapes with a fillet about ``blend`` wide."""
    h = (blend - (a - b).abs()).clamp_min(0.0) * (1.0 / blend)
    return torch.minimum(a, b) - h * h * (0.25 * blend)


def smooth_max(a: Tensor, b: Tensor, blend: float) -> Tensor:
    """Intersection of two shapes with a rounded corner about ``blend`` wide."""
    h = (blend - (a - b).abs()).clamp_min(0.0) * (1.0 / blend)
    return torch.maximum(a, b) + h * h * (0.25 * blend)


def capsule(
    where: tuple[Tensor, Tensor],
    start: tuple[Tensor, Tensor],
    end: tuple[Tensor, Tensor],
    *,
    radii: tuple[Tensor, Tensor],
) -> Tensor:
    """Distance to a limb from ``start`` to ``end`` whose radius goes from the first of ``radii`` to the second."""
    (x, y), (ax, ay), (bx, by) = where, start, end
    dx, dy = bx - ax, by - ay
    scale = 1.0 / (dx.square() + dy.square() + 1e-6)
    px, py = x - ax, y - ay
    share = torch.addcmul(px * (dx * scale), py, dy * scale).clamp(0.0, 1.0)
    away_x, away_y = torch.addcmul(px, share, -dx), torch.addcmul(py, share, -dy)
    return (away_x.square() + away_y.square() + 1e-6).sqrt() - torch.addcmul(radii[0], share, radii[1] - radii[0])


def rounded_box(x: Tensor, y: Tensor, width: Tensor | float, height: Tensor | float, radius: Tensor | float) -> Tensor:
    """Distance to a box with the given half sides and rounded corners."""
    across, down = x.abs() - (width - radius), y.abs() - (height - radius)
    outside = (across.clamp_min(0.0).square() + down.clamp_min(0.0).square() + 1e-8).sqrt()
    return outside + across.maximum(down).clamp_max(0.0) - radius


def fraction(value: Tensor) -> Tensor:
    """What is left of a number above the next whole one below it."""
    return value - value.floor()


def line_of(distance: Tensor, width: Tensor, edge: Tensor) -> Tensor:
    """Coverage of a line along the edge of a shape, ``width`` to either side."""
    return coverage(distance.abs() - width, edge)


LEAF_SIZE = 9
"""Numbers of a leaf: centre x, centre y, cosine, sine, half length, half width, bend, taper, mirror."""


def leaves(x: Tensor, y: Tensor, table_NPK: Tensor) -> Tensor:
    """Distance to each of P leaves, ``(N, P, H, W)``: bent, tapered ellipses that make locks, buns and brims.

    ``table_NPK`` has ``LEAF_SIZE`` numbers a leaf; a leaf far outside the picture draws nothing, and one with
    ``mirror`` 1 is drawn on both sides of x = 0 (its centre is on the right).
    """
    cx, cy, cos, sin, length, width, bend, taper, mirror = table_NPK[:, :, :, None, None].unbind(2)
    x = torch.addcmul(x, x.abs() - x, mirror)
    shift = cx * cos + cy * sin
    along = torch.addcmul(torch.addcmul(-shift / length, x, cos / length), y, sin / length)
    along2 = along * along
    across = torch.addcmul(torch.addcmul(cx * sin - cy * cos, x, -sin), y, cos)
    across = torch.addcmul(across, along2, bend) / torch.addcmul(width, along, width * taper).clamp_min(0.01)
    across2 = across * across
    slope = torch.addcmul(
        torch.addcmul(1e-4 + 0.0 * width, along2, 4.0 / length.square()), across2, 4.0 / width.square()
    )
    return (along2 + across2 - 1.0) * slope.rsqrt()


def pixel_grid(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Pixel centres ``x_11HW``, ``y_11HW`` of a square picture in [-1, 1], y downwards."""
    line = (torch.arange(size, dtype=torch.float32, device=device) + 0.5) * (2.0 / size) - 1.0
    return line.view(1, 1, 1, size), line.view(1, 1, size, 1)
