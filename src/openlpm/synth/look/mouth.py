"""The mouth: four curves (lips outside and inside) moved by the rig, with teeth, tongue and depth between them."""

from dataclasses import dataclass
from typing import final

from torch import Tensor

from openlpm.core.rig import Rig
from openlpm.synth.look.layout import Look
from openlpm.synth.look.pose import Controls
from openlpm.synth.look.shapes import coverage, ellipse, glow, over, positive, smooth


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class MouthShape:
    """The mouth at this moment, ``(N, 1, 1, 1)`` each, in face units; y grows downwards."""

    width: Tensor
    """Half the distance of the corners."""
    line_y: Tensor
    """Height of the line of the lips in the middle, before it opens."""
    corner: Tensor
    """How far the corners lie below that line (negative: a smile)."""
    rise: Tensor
    """How far the upper lip lifts."""
    fall: Tensor
    """How far the lower lip drops."""
    oval: Tensor
    """0 an almond opening, 1 an ellipse."""
    lip_up: Tensor
    lip_low: Tensor
    teeth: Tensor
    """Length of upper teeth in view."""
    tongue: Tensor
    cat: Tensor
    """How deep the two lobes of an animal's upper lip hang."""


def mouth_shape(look: Look, controls: Controls) -> MouthShape:
    """The speech channels and the smile, made into lengths."""
    jaw, rounding, press = controls[Rig.JAW], controls[Rig.ROUNDING], controls[Rig.PRESS]
    spread, smile = controls[Rig.WIDTH], controls[Rig.SMILE]
    teeth, tongue = controls[Rig.TEETH], controls[Rig.TONGUE]
    joy = smile.clamp_min(0.0)
    width = look["mouth_w"] * (1.0 + 0.24 * spread + 0.2 * joy - 0.42 * rounding) * (1.0 - 0.1 * jaw)
    sealed = 1.0 - 0.96 * press
    open_ = (0.31 * jaw + 0.035 * rounding + 0.03 * spread.clamp_min(0.0) * jaw) * sealed
    rise = (0.22 * open_ + 0.028 * teeth + 0.015 * tongue + 0.02 * joy * jaw) * sealed
    fall = 0.8 * open_ + (0.024 * teeth + 0.035 * tongue) * sealed
    thin = (1.0 - 0.5 * press) * (1.0 - 0.18 * joy) * (1.0 - 0.12 * spread) * (1.0 + 0.3 * rounding)
    return MouthShape(
        width=width,
        line_y=look["mouth_y"] + 0.012 * press - 0.02 * joy,
        corner=(look["corner"] - 0.095 * smile) * (1.0 - 0.85 * rounding),
        rise=rise,
        fall=fall,
        oval=(0.4 + 0.6 * rounding + 0.25 * jaw).clamp(0.0, 1.0),
        lip_up=look["lip_up"] * thin,
        lip_low=look["lip_low"] * thin * (1.0 - 0.3 * teeth * (1.0 - jaw)),
        teeth=0.012 + 0.065 * teeth + 0.075 * jaw + 0.02 * spread.clamp_min(0.0) + 0.04 * joy * jaw,
        tongue=tongue,
        cat=look["cat"] * (1.0 - 0.6 * rounding - 0.25 * jaw),
    )


def draw_mouth(
    canvas: Tensor, look: Look, shape: MouthShape, u: Tensor, v: Tensor, edge: Tensor
) -> tuple[Tensor, Tensor]:
    """Shade around the lips, then the inside, then the lips; also returns the distance to the gap."""
    t = u / shape.width
    t2 = t.square()
    arc = 1.0 - t2
    bulge = arc + shape.oval * (arc.clamp_min(0.0).sqrt() - arc) * positive(arc)
    line = shape.line_y + shape.corner * t2
    lobes = shape.cat * (t2 * arc).clamp_min(0.0).sqrt() * 2.0
    opened = smooth(shape.rise + shape.fall, 0.02, 0.14)
    inner_top, inner_low = line + lobes - shape.rise * bulge, line + lobes * (1.0 - opened) + shape.fall * bulge
    notch = 1.0 - look["bow"] * (1.15 - shape.oval) * (1.0 - t2 * 9.0).clamp_min(0.0).square()
    outer_top = inner_top - shape.lip_up * (arc + 0.7 * (bulge - arc)) * notch * (1.0 + 0.25 * t2)
    plump = arc + 0.5 * (arc.clamp_min(0.0).sqrt() - arc) * positive(arc)
    outer_low = inner_low + shape.lip_low * plump
    steep = (1.0 + (2.2 * t * (shape.corner + shape.fall + shape.lip_low) / shape.width).square()).rsqrt()
    lips = coverage((outer_top - v).maximum(v - outer_low) * steep, edge)
    between = ((inner_top - v).maximum(v - inner_low) * steep + 0.004).maximum(u.abs() - shape.width)
    gap = coverage(between, edge)

    below = glow(t, v - outer_low - 0.055, 0.6, 0.035)
    canvas = over(canvas, look["skin_shade"], 0.5 * below + 0.2 * glow(t.abs() - 1.06, v - line, 0.09, 0.04))
    upper = smooth(v - inner_top - 0.35 * shape.fall, 0.02, -0.02)
    lower_light = glow(u - 0.03 * look["light"], v - inner_low - 0.42 * shape.lip_low, 0.5 * shape.width, 0.03)
    lip_colour = over(look["lips"], look["lips_shade"], 0.55 * upper)
    lip_colour = over(lip_colour, look["skin_light"], 0.42 * lower_light)
    canvas = over(canvas, lip_colour, lips * look["lipstick"])
    canvas = _draw_inside(canvas, look, shape, (u, v, t, inner_top), gap, edge)
    seam_y = 0.5 * (inner_top + inner_low)
    seam = (v - seam_y).abs() - 0.011 * look["seam"] * (1.0 - 0.5 * t2) - 0.002
    seam_alpha = coverage(seam * steep, edge * 1.2) * smooth(t.abs(), 1.1, 0.95) * (1.0 - gap)
    closed = smooth(shape.rise + shape.fall, 0.05, 0.005)
    corners = glow(t.abs() - 1.0, v - line, 0.07, 0.022)
    canvas = over(
        canvas, look["seam_colour"], (0.85 * seam_alpha * closed + 0.6 * corners * (1.0 - gap)).clamp_max(1.0)
    )
    return canvas, between


def _draw_inside(
    canvas: Tensor,
    look: Look,
    shape: MouthShape,
    where: tuple[Tensor, Tensor, Tensor, Tensor],
    gap: Tensor,
    edge: Tensor,
) -> Tensor:
    u, v, t, inner_top = where
    depth, rose, ivory = look["depth"], look["tongue_colour"], look["teeth_colour"]
    deep = depth * (0.75 + 1.6 * (v - shape.line_y).clamp(0.0, 0.35))
    canvas = over(canvas, deep, gap)
    bottom = shape.line_y + shape.fall
    low_teeth = coverage(bottom - 0.035 - v - 0.02 * t.square(), edge) * smooth(shape.fall, 0.1, 0.2)
    tip = 0.1 + 0.06 * shape.tongue
    tongue_y = bottom + 0.03 - (0.4 * shape.fall + 0.03) * shape.tongue
    tongue = ellipse(u, v - tongue_y, 0.62 * shape.width, tip + 0.25 * shape.fall * shape.tongue)
    canvas = over(canvas, ivory * 0.86, low_teeth * gap * coverage(t.abs() - 0.62, 0.1))
    canvas = over(canvas, rose * (1.04 - 0.9 * (v - tongue_y).clamp(0.0, 0.3)), coverage(tongue, edge * 2.0) * gap)
    bars = 0.5 * look["grille"] * smooth((u * 55.0).sin(), 0.1, 0.7)
    canvas = over(canvas, look["lips"], bars * gap)
    point = look["fang"] * (1.0 - ((t.abs() - 0.55) * 7.0).square()).clamp_min(0.0) * smooth(shape.fall, 0.02, 0.1)
    teeth_y = shape.line_y - shape.rise + shape.teeth * (1.0 - 0.35 * t.square()) + point
    teeth = coverage((v - teeth_y).maximum(t.abs() * 0.3 - 0.27), edge * 1.4) * gap
    teeth = teeth * (1.0 - 0.85 * smooth(shape.tongue, 0.5, 1.0) * coverage(tongue + 0.02, edge * 2.0))
    shaded = ivory * (1.0 - 0.2 * smooth(v - inner_top, 0.035, 0.0) - 0.12 * t.square())
    return over(canvas, shaded, teeth)
