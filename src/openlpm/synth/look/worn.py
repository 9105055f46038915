"""Glasses and what is worn on the head."""

from torch import Tensor

from openlpm.synth.look.head import Fields
from openlpm.synth.look.layout import Look
from openlpm.synth.look.paint import tone
from openlpm.synth.look.pose import Pose
from openlpm.synth.look.shapes import coverage, ellipse, glow, over, positive, smooth


def draw_glasses(canvas: Tensor, look: Look, pose: Pose, fields: Fields) -> Tensor:
    """Two rounded frames (a superellipse each), a bridge, temples and a glint."""
    u, v = fields.u - 0.05 * pose.sin_yaw, fields.v + 0.03 * pose.sin_pitch
    worn, thick = look["glasses_alpha"], look["glasses_thick"]
    width, height, power = look["glasses_w"], look["glasses_h"], look["glasses_power"]
    gx, gy = u.abs() - look["eye_x"] - 0.015, v - look["eye_y"] - 0.01
    norm = ((gx.abs() / width + 1e-3).pow(power) + (gy.abs() / height + 1e-3).pow(power)).pow(1.0 / power)
    frame = (norm - 1.0) * (0.5 * (width + height)) * 0.95
    lens = coverage(frame, fields.edge)
    canvas = over(canvas, look["glasses"] * 0.35 + 0.6, lens * worn * look["lens"])
    glint = smooth((gx - 0.45 * gy - 0.06).abs(), 0.06, 0.02) * smooth(gy, 0.1, -0.12)
    canvas = over(canvas, canvas.new_ones(1, 1, 1, 1), 0.22 * glint * lens * worn)
    inner = look["eye_x"] + 0.015 - width
    bridge = (gy + 0.045 + 0.03 * (1.0 - (u / inner).square())).abs() - 0.8 * thick
    bridge = bridge.maximum(u.abs() - inner)
    temple = (
        ((gy + 0.05).abs() - thick)
        .maximum(look["eye_x"] + width - u.abs())
        .maximum(fields.qx.abs() - look["cranium_w"])
    )
    rim = (frame.abs() - thick).minimum(bridge).minimum(temple)
    canvas = over(canvas, look["skin_shade"] * 0.8, 0.3 * worn * coverage(rim - 0.01, 0.06) * (1.0 - lens))
    return over(canvas, look["glasses"], coverage(rim, fields.edge) * worn)


def hat_distance(look: Look, pose: Pose, fields: Fields) -> tuple[Tensor, Tensor]:
    """Distance to the headwear, and the height of every pixel above its lower line."""
    qx, qy = fields.qx, fields.qy
    yaw, pitch = pose.sin_yaw, pose.sin_pitch
    crown = ellipse(qx + 0.06 * yaw, qy - look["hat_y"] - 0.07 * pitch, look["hat_w"], look["hat_h"])
    line = look["hat_line"] + look["hat_curve"] * fields.u.square()
    above = (line - fields.v) * 0.8
    return crown.maximum(-above).maximum(above - look["hat_top"]), above


def draw_headwear(canvas: Tensor, look: Look, pose: Pose, fields: Fields) -> Tensor:
    """Hats, beanies, bands and scarves are one crown between two lines, with a trim, a brim and a bobble."""
    worn, light = look["hat_alpha"], look["light"]
    shape, above = hat_distance(look, pose, fields)
    lit = smooth(fields.qx * light - 0.5 * fields.qy, -0.7, 0.9)
    qx, qy = fields.qx, fields.qy
    bob = ellipse(qx + 0.16 * pose.sin_yaw, qy + 1.4 - 0.1 * pose.sin_pitch, look["hat_pom"], look["hat_pom"])
    canvas = over(
        canvas,
        over(look["headwear_shade"], look["headwear_trim"], 0.25 + 0.75 * lit),
        coverage(bob, fields.edge) * worn * positive(look["hat_pom"] - 0.01),
    )
    colour = over(look["headwear_shade"], look["headwear"], 1.0 - tone(look, 0.9 - 0.9 * lit))
    rim = smooth((above - look["hat_trim"]).abs(), 0.07, 0.0)
    colour = over(colour, look["headwear_shade"], 0.5 * rim)
    trim = coverage(above - look["hat_trim"], fields.edge)
    colour = over(colour, over(look["headwear_shade"], look["headwear_trim"], 0.35 + 0.65 * lit), trim)
    canvas = over(canvas, colour, coverage(shape, fields.edge) * worn)
    wide = look["hat_brim_w"]
    by = fields.v - look["hat_line"] - 0.02 - look["hat_curve"] * (0.8 * fields.u).square() * 0.5
    worn = worn * positive(wide - 0.01)
    brim = ellipse(qx - 0.1 * pose.sin_yaw, by, wide, look["hat_brim"])
    canvas = over(
        canvas, over(look["headwear_shade"], look["headwear"], 0.55 * lit), coverage(brim, fields.edge) * worn
    )
    return over(canvas, look["headwear"], 0.4 * worn * coverage(brim, fields.edge) * glow(qx, by + 0.03, wide, 0.03))


def draw_veil(canvas: Tensor, look: Look, pose: Pose, fields: Fields, head: Tensor) -> tuple[Tensor, Tensor]:
    """A scarf around head, face and neck: everything of its outline but an opening for the face; also its distance."""
    qx, qy, yaw = fields.qx, fields.qy, pose.sin_yaw
    crown = ellipse(qx + 0.05 * yaw, qy + 0.12, 0.93, 1.06)
    drape = ellipse(qx, qy - 1.2, 0.98 + 0.0 * qy, 0.62)
    blend = (0.45 - (crown - drape).abs()).clamp_min(0.0)
    outline = crown.minimum(drape) - blend.square() * 0.55
    opening = ellipse(fields.u, fields.v - 0.16, 0.645, 0.885)
    shape = outline.maximum(-opening.maximum(head + 0.02))
    lit = smooth(qx * look["light"] - 0.35 * qy, -0.8, 0.9)
    colour = over(look["headwear_shade"], look["headwear"], 1.0 - tone(look, 0.85 - 0.85 * lit))
    fold = smooth((qy - 1.12 - 0.35 * (qx * 0.9).square() - 0.12 * qx).abs(), 0.1, 0.0)
    colour = over(colour, look["headwear_shade"], (0.6 * fold + 0.5 * smooth(opening, 0.1, 0.0)).clamp_max(1.0))
    colour = over(colour, look["headwear_trim"], 0.8 * smooth((opening - 0.02).abs(), 0.022, 0.01) * look["veil"])
    return over(canvas, colour, coverage(shape, fields.edge) * look["veil"]), shape
