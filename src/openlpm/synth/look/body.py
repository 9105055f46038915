"""Neck, shoulders and clothes."""

import torch
from torch import Tensor

from openlpm.core.rig import Rig
from openlpm.synth.look.arms import Arms
from openlpm.synth.look.layout import Look
from openlpm.synth.look.paint import tone
from openlpm.synth.look.pose import Controls, Pose
from openlpm.synth.look.shapes import coverage, ellipse, over, positive, smooth, smooth_max, smooth_union


def body_light(look: Look, bx: Tensor, by: Tensor) -> Tensor:
    """How lit torso and arms are: 1 towards the light; cel shading moves the border to the far side and bends it."""
    hard = 1.0 - look["soft"]
    across = bx * look["light"] + hard * (0.42 + 0.1 * (2.6 * by).sin() - 0.1 * by)
    return 1.0 - tone(look, smooth(across, 0.6, -0.9))


def draw_body(
    canvas: Tensor, look: Look, controls: Controls, pose: Pose, where: tuple[Tensor, Tensor], arms: Arms
) -> tuple[Tensor, Tensor]:
    """Paint the body and the upper arms; also returns the distance to them ``(N, 1, H, W)``.

    The body has head units of its own around the resting head; the neck joins the two, so it stretches and bends.
    """
    bx, by = where
    edge = 1.35 * pose.pixel
    sway_x = pose.body_shear * 3.6
    top_x = (pose.x - pose.body_x) / pose.body_scale - sway_x - 0.8 * pose.sin_roll + 0.1 * pose.sin_yaw
    t = ((by - 0.45) * 1.05).clamp(0.0, 1.0)
    centre = top_x * (1.0 - t * t * (3.0 - 2.0 * t))
    shoulder_y = look["shoulder_y"]
    neck_w = look["neck_w"] * (1.0 + 0.12 * t)
    neck = ((bx - centre).abs() - neck_w).maximum(0.3 - by)
    half = look["shoulder_w"] * (1.0 + 0.015 * controls[Rig.BREATH])
    ax = (bx.abs() + 1e-4) / half
    round_off = (ax - 0.55).clamp_min(0.0).square() * half
    torso = (shoulder_y + look["shoulder_slope"] * ax.square() + 0.8 * round_off - by) * 0.85
    waist = look["torso_flare"] * (by - shoulder_y - 1.7).square().clamp_max(3.0)
    torso = smooth_max(torso, (bx.abs() - look["torso_side"] * half - waist) * 0.9, 0.3)
    body = smooth_union(smooth_union(neck, torso, 0.42), arms.upper, 0.2)
    alpha = coverage(body, edge)

    lit = body_light(look, bx, by)
    skin = over(look["skin"], look["skin_shade"], 0.6 - 0.45 * lit)
    chin_x = bx - top_x - 0.2 * pose.sin_yaw + 0.06 * look["light"]
    chin_y = by - (pose.y - pose.body_y) / pose.body_scale - 0.55 - 0.12 * controls[Rig.JAW]
    under_chin = smooth(ellipse(chin_x, chin_y, 0.62, 0.74), 0.06, -0.14)
    skin = over(skin, look["skin_shade"] * 0.9, 0.85 * tone(look, under_chin))
    collarbone = (by - shoulder_y - 0.13 - 0.1 * (bx.abs() - 0.45)).abs() - 0.012
    bone = coverage(collarbone, 0.06) * smooth((bx.abs() - 0.42).abs(), 0.3, 0.1) * look["soft"]
    skin = over(skin, look["skin_shade"], 0.35 * bone)
    dressed = _dress(skin, look, (bx, by, centre), lit, edge)
    bare = over(look["hand"], look["hand_shade"], 0.5 * (1.0 - lit))
    dressed = over(dressed, bare, coverage(arms.upper - 0.1 * smooth(by, 2.3, 1.5), edge) * look["bare_arm"])
    canvas = over(canvas, dressed, alpha)
    canvas = _draw_outer(canvas, look, (bx, by), body, lit, edge)
    pit = smooth(arms.upper.abs(), 0.05, 0.0) * smooth(by - shoulder_y, 0.6, 0.9) * coverage(body + 0.05, edge)
    canvas = over(canvas, look["sleeve_shade"] * 0.8, 0.6 * pit * (1.0 - look["bare_arm"]))
    return canvas, body


def _dress(skin: Tensor, look: Look, where: tuple[Tensor, Tensor, Tensor], lit: Tensor, edge: Tensor) -> Tensor:
    bx, by, centre = where
    high = look["inner_high"]
    nx = ((bx - centre * high).abs() + 1e-4) / look["inner_neck"]
    dip = look["inner_depth"] * (1.0 - nx.pow(look["inner_power"]))
    neckline = look["shoulder_y"] - 0.02 - 0.42 * high + dip - 0.05 * high * nx.square()
    cloth = (neckline - by) * 0.72
    broad = smooth((by * look["stripe_freq"]).sin(), -0.16, 0.16) * look["stripe"]
    fold = smooth((bx.abs() - 0.55 - 0.35 * (by - 1.2)).abs(), 0.16, 0.0)
    colour = over(look["inner"], look["trim"], broad)
    colour = over(colour, look["inner_shade"], 0.8 * (1.0 - lit) + 0.08 * fold * look["soft"])
    colour = over(colour, look["inner_shade"], 0.5 * look["soft"] * smooth(cloth, -0.28, 0.0))
    worn = over(over(skin, look["skin_shade"] * 0.9, 0.5 * smooth(cloth, 0.07, -0.02)), colour, coverage(cloth, edge))
    band = (cloth + look["inner_band"]).abs() - look["inner_band"]
    banded = coverage(band, edge) * positive(look["inner_band"] - 0.005)
    button = (bx.square() + ((by * 2.2 - (by * 2.2).floor() - 0.5) / 2.2).square() + 1e-6).sqrt() - 0.05
    button = coverage(button.maximum(neckline + 0.12 - by), edge) * look["buttons"]
    worn = over(worn, look["trim"], button)
    ex, ey = bx, by - look["shoulder_y"] - 0.95
    heart = ((ex.square() + (ey + 0.75 * (ex.square() + 1e-4).sqrt()).square() + 1e-6).sqrt() - 0.28) * 0.8
    worn = over(worn, look["trim"], coverage(heart, edge) * look["emblem"])
    return over(worn, over(look["trim"], look["inner_shade"], 0.2 + 0.3 * (1.0 - lit)), banded)


def _draw_outer(
    canvas: Tensor, look: Look, where: tuple[Tensor, Tensor], body: Tensor, lit: Tensor, edge: Tensor
) -> Tensor:
    bx, by = where
    side = bx.abs()
    start = look["shoulder_y"] - 0.16
    opening = look["outer_neck"] * (1.0 - (by - start) / look["outer_depth"]).clamp_min(0.0)
    coat = ((opening - side) * 0.85).maximum(start - 0.25 - by)
    grown = body - 0.035
    inside = coat.maximum(grown)
    canvas = over(
        canvas,
        look["inner_shade"] * 0.75,
        0.5 * look["outer_alpha"] * smooth(inside, 0.09, -0.02) * coverage(body, edge),
    )
    colour = over(
        look["outer"],
        look["outer_shade"],
        0.85 * (1.0 - lit) + 0.15 * look["soft"] * smooth((side - 0.75).abs(), 0.15, 0.0),
    )
    canvas = over(canvas, colour, coverage(inside, edge) * look["outer_alpha"])
    width = look["collar"] * (0.35 + 0.65 * smooth(by - start, 0.95, 0.25)) * smooth(by - start, -0.25, 0.12)
    flap = torch.maximum(inside, side - opening - width)
    flap = flap.maximum(by - start - 0.62 * look["outer_depth"] - 0.3 * (side - opening))
    worn = look["outer_alpha"] * positive(look["collar"] - 0.01)
    canvas = over(canvas, look["outer_shade"] * 0.8, 0.55 * coverage(flap - 0.02, 0.06) * worn * coverage(inside, edge))
    return over(canvas, over(look["outer"], look["outer_shade"], 0.12 + 0.5 * (1.0 - lit)), coverage(flap, edge) * worn)
