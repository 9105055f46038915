"""What is behind the performer: a gradient, soft lights, a hill and a window."""

from torch import Tensor

from openlpm.synth.layout import SPOT_SIZE, Look
from openlpm.synth.shapes import coverage, over, smooth


def draw_background(look: Look, x: Tensor, y: Tensor) -> Tensor:
    """The opaque background ``(N, 3, H, W)``."""
    top, glow_colour = look["background_top"], look["background_glow"]
    canvas = over(top, look["background_bottom"], smooth(y + 0.25 * x, -1.1, 1.2))
    wx, wy = x - look["window_x"], y + 0.25
    frame = (wx.abs() - 0.42).maximum(wy.abs() - 0.62)
    bars = (wx.abs() - 0.025).minimum((wy + 0.08).abs() - 0.025)
    pane = coverage(frame.maximum(-bars), 0.016) * look["window"]
    canvas = over(canvas, glow_colour, pane * (0.75 - 0.3 * wy))
    spot_x, spot_y, radius, softness, opacity = look.table("spots", SPOT_SIZE)[:, :, :, None, None].unbind(2)
    distance = ((x - spot_x).square() + (y - spot_y).square() + 1e-6).sqrt() - radius
    lit = (coverage(distance, softness) * opacity).sum(1, keepdim=True).clamp_max(1.0)
    canvas = over(canvas, glow_colour, lit)
    ridge = y - look["hill"] - look["hill_slope"] * x + 0.14 * (1.0 - x.square())
    return over(canvas, look["background_hill"], coverage(-ridge, 0.02) * 0.85)
