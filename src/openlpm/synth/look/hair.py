"""Hair: leaves behind the head, a cap with a hairline, leaves in front, and beards."""

from dataclasses import dataclass
from typing import final

from torch import Tensor

from openlpm.synth.look.head import Fields
from openlpm.synth.look.layout import Look
from openlpm.synth.look.paint import tone
from openlpm.synth.look.pose import Pose
from openlpm.synth.look.shapes import (
    LEAF_SIZE,
    coverage,
    ellipse,
    leaves,
    over,
    positive,
    smooth,
    smooth_max,
    smooth_union,
)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class HairFields:
    """Distances ``(N, 1, H, W)`` to the parts of the hair, and the coordinate that runs across its strands."""

    back: Tensor
    front: Tensor
    ring: Tensor
    strand: Tensor


def hair_fields(look: Look, pose: Pose, fields: Fields, head: Tensor) -> HairFields:
    """Where the hair is, before anything is drawn (its shade falls on the face)."""
    qx, qy, u, v = fields.qx, fields.qy, fields.u, fields.v
    yaw, pitch = pose.sin_yaw, pose.sin_pitch
    frequency = look["curl_freq"]
    curl = look["curl_amp"] * (frequency * (qx + 0.13 * yaw)).sin() * (frequency * (qy + 0.2)).sin()
    back = leaves(qx + 0.2 * yaw, qy - 0.12 * pitch, look.table("back_leaves", LEAF_SIZE)).amin(1, keepdim=True) + curl
    cap_x, cap_y = qx + 0.07 * yaw, qy - look["cap_y"] - 0.07 * pitch
    cap = ellipse(cap_x, cap_y, look["cap_w"], look["cap_h"])
    ring = ((cap_x / look["cap_w"]).square() + (cap_y / look["cap_h"]).square() + 1e-8).sqrt()
    du = u - look["part"]
    left = positive(-du)
    drop = look["right_drop"] + (look["left_drop"] - look["right_drop"]) * left
    power = look["right_power"] + (look["left_power"] - look["right_power"]) * left
    reach = 0.74 + look["part"] * (2.0 * left - 1.0)
    lowered = drop * (du.abs() / reach + 1e-4).pow(power)
    lobe = 1.0 - (look["scallop_freq"] * du).sin().square()
    line = look["hairline"] + lowered + look["scallop_amp"] * (lobe - 0.5)
    below = (v - line) * 0.62
    cap = smooth_max(cap + curl, below.minimum(0.01 - head).maximum(qy - look["cap_bottom"]), 0.06)
    locks = (
        leaves(qx - 0.16 * yaw, qy + 0.08 * pitch, look.table("front_leaves", LEAF_SIZE)).amin(1, keepdim=True) + curl
    )
    strand = (qx + 0.07 * yaw - 0.6 * look["part"]) / (0.5 + 0.55 * (qy + 1.1).clamp(0.0, 1.4))
    return HairFields(back=back, front=smooth_union(cap, locks, 0.16), ring=ring, strand=strand)


def _strands(look: Look, hair: HairFields) -> Tensor:
    wave = (hair.strand * look["strand_freq"]).sin() + 0.6 * (hair.strand * look["strand_freq"] * 1.9 + 1.3).sin()
    return wave * 0.5


def draw_back_hair(canvas: Tensor, look: Look, fields: Fields, hair: HairFields) -> Tensor:
    """Everything behind neck and face, darker than what is in front."""
    colour = over(look["hair_shade"], look["hair"], 0.4 + 0.26 * _strands(look, hair) * look["soft"])
    colour = over(colour, look["hair"], 0.45 * smooth(hair.back, -0.16, 0.0))
    return over(canvas, colour, coverage(hair.back, fields.edge))


def draw_front_hair(canvas: Tensor, look: Look, fields: Fields, hair: HairFields) -> Tensor:
    """Cap and locks with strands, a ring of light and a darker rim."""
    wave = _strands(look, hair)
    lit = smooth(fields.qx * look["light"] - 0.7 * fields.qy, -0.7, 1.1)
    colour = over(look["hair_shade"], look["hair"], 1.0 - tone(look, (0.7 - 0.75 * lit - 0.22 * wave).clamp(0.0, 1.0)))
    ring = (1.0 - ((hair.ring - 0.77 + 0.035 * wave) * 7.5).square()).clamp_min(0.0).square()
    ring = ring * smooth(fields.qy, 0.0, -0.5) * (0.6 + 0.5 * wave).clamp(0.0, 1.0)
    ring = ring + (((ring - 0.42) * 9.0).clamp(0.0, 1.0) - ring) * (1.0 - look["soft"])
    colour = over(colour, look["hair_light"], (ring * look["sheen"] * (0.45 + 0.55 * lit)).clamp(0.0, 1.0))
    colour = over(colour, look["hair_shade"], 0.45 * look["soft"] * smooth(hair.front, -0.07, 0.0) * (1.0 - lit))
    return over(canvas, colour, coverage(hair.front, fields.edge) * look["cap_alpha"])


def draw_beard(canvas: Tensor, look: Look, fields: Fields, head: Tensor, mouth_y: Tensor) -> Tensor:
    """Beard (below a line that sinks towards the middle) and moustache."""
    u, v = fields.u, fields.v
    side = u.abs()
    line = look["beard_y"] - look["beard_side"] * (side / 0.66 + 1e-4).pow(look["beard_power"])
    beard = smooth_max(head - look["beard_volume"] * smooth(v, 0.35, 0.95), (line - v) * 0.8, 0.06)
    colour = over(look["hair"], look["hair_shade"], 0.35 + 0.3 * smooth(v, 0.6, 1.1))
    canvas = over(canvas, colour, coverage(beard, fields.edge * 2.2) * look["beard_alpha"])
    mx = side / look["moustache_w"]
    my = v - mouth_y + 0.098 - look["moustache_droop"] * mx.square()
    hair = my.abs() - 0.04 * (1.0 - mx.square() * 0.9) * (0.75 + 0.4 * smooth(mx, 0.0, 0.35))
    shape = hair.maximum((side - look["moustache_w"]) * 0.5)
    return over(
        canvas, over(look["hair"], look["hair_shade"], 0.3), coverage(shape, fields.edge * 1.6) * look["moustache"]
    )
