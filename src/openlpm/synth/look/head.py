"""The bare head: silhouette, ears, skin with its light and shade, cheeks, nose and the marks of age."""

from dataclasses import dataclass
from typing import final

from torch import Tensor

from openlpm.core.rig import Rig
from openlpm.synth.look.layout import Look
from openlpm.synth.look.paint import tone
from openlpm.synth.look.pose import Controls, Pose
from openlpm.synth.look.shapes import coverage, ellipse, glow, over, positive, rounded_box, smooth, smooth_union

JAW_DROP = 0.15
"""How far a wide-open jaw lowers the chin, in head units."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Fields:
    """Coordinates that everything on the head is drawn in, ``(N, 1, H, W)``, and the width of an edge."""

    qx: Tensor
    qy: Tensor
    u: Tensor
    v: Tensor
    edge: Tensor


def head_fields(pose: Pose, x: Tensor, y: Tensor) -> Fields:
    """Coordinates of every pixel in the plane and on the face."""
    qx, qy = pose.plane(x, y)
    u, v = pose.face(qx, qy)
    return Fields(qx=qx, qy=qy, u=u, v=v, edge=1.35 * pose.pixel)


def head_distance(look: Look, controls: Controls, pose: Pose, fields: Fields) -> Tensor:
    """Distance to the silhouette: cranium, jaw and chin, which lie at different depths and so turn differently."""
    qx, qy, yaw, pitch = fields.qx, fields.qy, pose.sin_yaw, pose.sin_pitch
    cranium = ellipse(qx - 0.03 * yaw, qy + 0.2 - 0.06 * pitch, look["cranium_w"], look["cranium_h"])
    drop = JAW_DROP * controls[Rig.JAW] - 0.006 * controls[Rig.PRESS]
    jaw_w = look["jaw_w"] * (1.0 + 0.02 * controls[Rig.SMILE])
    jaw = ellipse(qx - 0.2 * yaw, qy - 0.24 - 0.3 * drop + 0.1 * pitch, jaw_w, look["jaw_h"] + 0.3 * drop)
    chin_h = 0.3
    chin = ellipse(qx - 0.44 * yaw, qy - (look["chin_y"] - chin_h) - drop + 0.3 * pitch, look["chin_w"], chin_h)
    grown = smooth_union(smooth_union(cranium, jaw, 0.25), chin, 0.4)
    bottom = look["chin_y"] + drop
    middle, half = 0.5 * (bottom - look["box_h"]), 0.5 * (bottom + look["box_h"])
    box = rounded_box(qx - 0.14 * yaw, qy - middle + 0.12 * pitch, look["box_w"], half, look["box_r"])
    return grown + (box - grown) * look["box"]


def draw_ears(canvas: Tensor, look: Look, pose: Pose, fields: Fields) -> tuple[Tensor, Tensor]:
    """Both ears and their earrings, behind the face; the near one comes forward in a turn.

    Returns the picture and the distance to the ears.
    """
    size, side = look["ear_size"], look["cranium_w"]
    worn = positive(look["earring_size"] - 0.011)
    inward = 0.06 * pose.sin_yaw.abs()
    ex = (fields.qx + 0.13 * pose.sin_yaw).abs() - side * (0.98 - inward)
    ey = fields.qy - look["ear_y"] - 0.12 * pose.sin_pitch
    ear = ellipse(ex + 0.16 * ey, ey, 0.12 * size, 0.2 * size)
    seen = look["ears_alpha"]
    canvas = over(canvas, over(look["skin"], look["skin_shade"], 0.25), coverage(ear, fields.edge) * seen)
    canvas = over(canvas, look["skin_shade"], 0.75 * coverage(ear + 0.055 * size, 0.07) * seen)
    ring_y = ey - 0.2 * size - look["earring_drop"]
    ring = ellipse(ex + 0.02, ring_y, look["earring_size"], look["earring_size"] * 1.1)
    return over(canvas, look["earring"], coverage(ring, fields.edge) * worn), ear


def draw_skin(canvas: Tensor, look: Look, controls: Controls, fields: Fields, head: Tensor, hair: Tensor) -> Tensor:
    """The face without its features; ``hair`` is the distance to the hair in front, which shades the forehead."""
    u, v = fields.u, fields.v
    light = look["light"]
    side = smooth(0.25 * fields.qy - fields.qx * light - 0.1, 0.75, -0.55)
    soft = look["soft"]
    skin = over(look["skin"], look["skin_light"], 0.55 * soft * glow(u - 0.2 * light, v + 0.15, 0.55, 0.6))
    skin = over(skin, look["skin_shade"], (0.55 + 0.25 * (1.0 - soft)) * tone(look, 1.0 - side))
    skin = over(skin, look["skin_shade"], 0.5 * soft * smooth(head, -0.2, 0.02))
    skin = over(skin, look["skin_shade"], 0.75 * tone(look, smooth(hair - 0.015, 0.13, 0.0)))
    smile = controls[Rig.SMILE].clamp_min(0.0)
    rise = 0.05 * smile + 0.03 * controls[Rig.SQUINT]
    cheek = glow(u.abs() - 0.42, v - 0.42 + rise, 0.17, 0.12)
    skin = over(skin, look["blush"], cheek * (0.5 + 0.25 * smile) * look["cheeks_alpha"])
    skin = over(skin, look["skin_light"], 0.32 * soft * glow(u.abs() - 0.42, v - 0.29 + rise, 0.1, 0.055))
    return over(canvas, skin, coverage(head, fields.edge))


def draw_blush(canvas: Tensor, look: Look, controls: Controls, fields: Fields) -> Tensor:
    """The red that rises to the cheeks."""
    side = fields.u.abs() - 0.44
    red = glow(side, fields.v - 0.36, 0.24, 0.15) * (0.85 * controls[Rig.BLUSH]).clamp(0.0, 1.0)
    return over(canvas, look["flush"], red)


def draw_marks(canvas: Tensor, look: Look, controls: Controls, fields: Fields) -> Tensor:
    """Lines of age and expression: forehead, between the brows, from nose to mouth, beneath the eyes."""
    u, v = fields.u, fields.v
    side = u.abs()
    smile, age = controls[Rig.SMILE].clamp_min(0.0), look["wrinkle"]
    raised = (0.5 * (controls[Rig.BROW_LEFT] + controls[Rig.BROW_RIGHT])).clamp_min(0.0)
    fold_x = 0.27 + 0.12 * (v - 0.45) + 0.03 * smile
    fold = glow(side - fold_x, v - 0.55, 0.022, 0.12) * (0.1 + 0.45 * smile + 0.5 * age)
    lines = glow(v + 0.44 + 0.05 * (1.0 - 6.0 * u.square()), u, 0.016, 0.24) + glow(v + 0.54, u, 0.014, 0.2)
    lines = lines * (0.5 * raised + 0.45 * age)
    frown = glow(side - 0.045, v + 0.2, 0.017, 0.07) * (controls[Rig.FURROW].clamp_min(0.0) + 0.25 * age)
    bags = glow(side - look["eye_x"], v - 0.25, 0.12, 0.016) * (0.6 * age + 0.3 * controls[Rig.SQUINT])
    total = (fold + lines + frown + bags).clamp(0.0, 1.0)
    return over(canvas, look["skin_shade"] * 0.94, 0.75 * total)


def draw_nose(canvas: Tensor, look: Look, pose: Pose, fields: Fields) -> Tensor:
    """The nose stands out of the face, so a turn moves it further than what is around it."""
    u, v = fields.u - 0.1 * pose.sin_yaw, fields.v + 0.09 * pose.sin_pitch
    width, tip, light = look["nose_w"], look["nose_y"], look["light"]
    shade, bright, strength, length = look["skin_shade"], look["skin_light"], look["nose_shade"], look["nose_length"]
    strength, alpha, soft = strength * look["nose_alpha"], look["nose_alpha"], look["soft"]
    bridge = glow(u + light * 0.075, v - tip + 0.55 * length, 0.042, 0.5 * length)
    canvas = over(canvas, shade, 0.4 * strength * soft * bridge)
    canvas = over(canvas, shade, 0.75 * strength * glow(u, v - tip - 0.075, width * 0.8, 0.035))
    wing_x = u.abs() - width * 0.78
    wing = (ellipse(wing_x, v - tip - 0.01, 0.055, 0.06).abs() - 0.008) + 0.05 * smooth(wing_x, 0.02, -0.02)
    canvas = over(canvas, shade * 0.92, 0.42 * strength * coverage(wing, 0.035))
    nostril_x = u.abs() - width * 0.45
    nostril = ellipse(nostril_x, v - tip - 0.05 - 0.2 * nostril_x, width * 0.24, 0.02)
    canvas = over(canvas, shade * 0.62, 0.8 * alpha * coverage(nostril, 0.03))
    canvas = over(canvas, bright, 0.75 * alpha * soft * glow(u - 0.02 * light, v - tip + 0.03, 0.05, 0.045))
    return over(
        canvas, bright, 0.45 * alpha * soft * glow(u - 0.02 * light, v - tip + 0.55 * length, 0.028, 0.4 * length)
    )
