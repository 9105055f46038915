"""Eyes and brows. The two sides are mirrored and never overlap, so each pixel belongs to the side it is on."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from openlpm.core.rig import Rig
from openlpm.synth.look.layout import Look
from openlpm.synth.look.pose import Controls
from openlpm.synth.look.shapes import coverage, glow, over, positive, smooth


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class EyeShape:
    """The lids at this moment, ``(N, 2, 1, 1)`` each, left eye first; heights are above the line of the corners."""

    sign: Tensor
    upper: Tensor
    lower: Tensor
    blink: Tensor
    iris_u: Tensor
    iris_v: Tensor


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class _LidFields:
    """Per pixel: place between the corners, height, height of the upper lid, and the open part."""

    t: Tensor
    height: Tensor
    top: Tensor
    low: Tensor
    steep: Tensor
    opening: Tensor


def _both(left: Tensor, right: Tensor) -> Tensor:
    return torch.cat((left, right), 1)


def _signs(like: Tensor) -> Tensor:
    return _both(torch.full_like(like, -1.0), torch.ones_like(like))


def _side(pair_N211: Tensor, right: Tensor) -> Tensor:
    """The left or the right value, by which side of the face a pixel is on (``right`` is 0 or 1)."""
    left_value, right_value = pair_N211[:, :1], pair_N211[:, 1:]
    return torch.addcmul(left_value, right_value - left_value, right)


def eye_shape(look: Look, controls: Controls) -> EyeShape:
    """Lid heights and iris centres from the rig."""
    blink = _both(controls[Rig.BLINK_LEFT], controls[Rig.BLINK_RIGHT]).clamp(0.0, 1.0)
    sign = _signs(look["eye_x"])
    gaze_x, gaze_y = controls[Rig.GAZE_X], controls[Rig.GAZE_Y]
    smile, squint, widen = controls[Rig.SMILE].clamp_min(0.0), controls[Rig.SQUINT], controls[Rig.WIDEN]
    up = look["eye_up"] * (1.0 + 0.38 * widen - 0.18 * squint + 0.16 * gaze_y)
    low = look["eye_low"] * (1.0 - 0.75 * squint - 0.25 * smile * (1.0 - squint) + 0.2 * widen)
    closed = -0.6 * look["eye_low"] * (1.0 - 0.9 * squint)
    return EyeShape(
        sign=sign,
        upper=up + (closed - up) * blink,
        lower=-low + (closed + low) * blink,
        blink=blink,
        iris_u=sign * look["eye_x"] + 0.37 * look["eye_w"] * gaze_x,
        iris_v=look["eye_y"] - 0.018 - 0.42 * look["eye_up"] * gaze_y + torch.zeros_like(sign),
    )


def _steepness(height: Tensor, t: Tensor, width: Tensor) -> Tensor:
    """Turns a vertical distance to a lid of this height into a distance."""
    return (1.0 + (2.0 * height * t / width).square()).rsqrt()


def draw_eyes(canvas: Tensor, look: Look, shape: EyeShape, u: Tensor, v: Tensor, edge: Tensor) -> Tensor:
    """Socket, lid colour, white, iris with its light, lid shadow, lashes and crease."""
    width = look["eye_w"]
    right = positive(u)
    upper, lower = _side(shape.upper, right), _side(shape.lower, right)
    t = (u.abs() - look["eye_x"]) / width
    height = look["eye_y"] - v + look["eye_tilt"] * t * -width
    canvas = over(canvas, look["skin_shade"], look["socket"] * (glow(t, height - 0.06, 1.05, 0.13)))
    arc = 1.0 - t.square()
    arc = arc + look["eye_round"] * (arc.clamp_min(0.0).sqrt() - arc) * positive(arc)
    top = upper * arc * (1.0 + look["eye_skew"] * t)
    steep = _steepness(upper, t, width)
    inside_top = (height - top) * steep
    inside_low = (lower * arc - height) * _steepness(lower, t, width)
    opening = coverage(inside_top.maximum(inside_low).maximum((t.abs() - 1.0) * width), edge)
    lid = coverage(inside_top - 0.07, 0.06) * glow(t, height - top, 1.0, 0.12)
    canvas = over(canvas, look["lips_shade"], lid * look["eyeshadow"])
    white = look["sclera"] * (1.0 - look["lid_shadow"] * smooth(inside_top, -0.075, 0.0))
    canvas = over(canvas, white, opening)
    fields = _LidFields(t=t, height=height, top=top, steep=steep, opening=opening, low=lower * arc)
    canvas = _draw_iris(canvas, look, fields, u - _side(shape.iris_u, right), v - shape.iris_v[:, :1], edge)
    return _draw_lashes(canvas, look, _side(shape.blink, right), fields, edge)


def _draw_iris(canvas: Tensor, look: Look, lid: _LidFields, du: Tensor, dv: Tensor, edge: Tensor) -> Tensor:
    radius, opening = look["iris_r"], lid.opening
    dv = dv / look["iris_tall"]
    away = (du.square() + dv.square() + 1e-8).sqrt()
    iris = coverage(away - radius, edge) * opening
    canvas = over(canvas, look["iris"], (iris))
    canvas = over(canvas, look["iris_light"], (iris * smooth(dv / radius, -0.55, 0.95)) * 0.95)
    rim = (iris * smooth(away / radius, 0.72, 1.0)) * 0.6
    narrow = ((du * look["slit"]).square() + dv.square() + 1e-8).sqrt()
    pupil = coverage(narrow - look["pupil"] * radius, edge) * opening
    canvas = over(canvas, look["iris"] * 0.25, (rim + pupil).clamp_max(1.0) * 0.94)
    canvas = over(canvas, look["iris"] * 0.2, 0.6 * (iris * smooth(lid.height - lid.top, -0.1, 0.0)))
    lean = radius * look["light"].sign()
    big = ((du - 0.36 * lean).square() + (dv + 0.38 * radius).square() + 1e-8).sqrt() - 0.27 * radius * look["catch"]
    small = ((du + 0.38 * lean).square() + (dv - 0.42 * radius).square() + 1e-8).sqrt() - 0.14 * radius * look["catch"]
    catch = coverage(big, edge) + 0.6 * coverage(small, edge)
    return over(canvas, look["background_glow"] * 0.1 + 0.9, (catch * opening) * 0.96)


def _draw_lashes(canvas: Tensor, look: Look, blink: Tensor, lid: _LidFields, edge: Tensor) -> Tensor:
    t, height, top = lid.t, lid.height, lid.top
    ends = ((1.1 - t.abs()) * 5.0).clamp(0.0, 1.0)
    thick = look["lash"] * (0.5 + 0.28 * (t + 1.0)) * ends
    line = top * positive(1.0 - t.abs()) + look["wing"] * (t - 0.72).clamp_min(0.0)
    upper = coverage((height - line - 0.3 * thick).abs() * lid.steep - thick, edge) * positive(1.1 - t.abs())
    under = coverage((height - lid.low).abs() - 0.006, edge * 1.6) * smooth(t.abs(), 1.0, 0.7) * 0.4
    canvas = over(canvas, look["lash_colour"], (upper + under * (1.0 - upper)))
    fold = top + (0.055 - 0.025 * blink) * (1.0 - 0.5 * t.square())
    crease = coverage((height - fold).abs() * lid.steep - 0.007, edge * 1.5) * smooth(t.abs(), 1.05, 0.6)
    return over(canvas, look["skin_shade"] * 0.78, (crease) * look["crease"])


def draw_brows(canvas: Tensor, look: Look, controls: Controls, u: Tensor, v: Tensor, edge: Tensor) -> Tensor:
    """Brows: an arched, tapering stroke each, which the rig raises, lowers and tilts."""
    raised = _side(_both(controls[Rig.BROW_LEFT], controls[Rig.BROW_RIGHT]), positive(u))
    furrow = controls[Rig.FURROW]
    t = (u.abs() - look["eye_x"] - 0.015 + 0.035 * furrow.clamp_min(0.0)) / look["brow_w"]
    inner = (0.5 - 0.5 * t).clamp(0.0, 1.6)
    arch = look["brow_arch"] * (1.0 + 0.35 * raised) * (1.0 - 0.8 * (t - 0.15).square())
    line = look["brow_y"] - 0.105 * raised - 0.03 * controls[Rig.WIDEN] + 0.02 * controls[Rig.SQUINT]
    line = line - arch - look["brow_tilt"] * t + (0.085 * furrow - 0.01 * raised) * inner.square()
    ends = ((1.0 - t.abs()) * 2.6).clamp(0.0, 1.0)
    thick = look["brow_thick"] * (1.0 - 0.42 * t) * ends.sqrt()
    stroke = coverage((v - line).abs() - thick, edge * 1.3) * positive(1.0 - t.abs())
    return over(canvas, look["brow"], (stroke) * 0.92)
