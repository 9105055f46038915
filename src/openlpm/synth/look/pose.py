"""Where the head and the body stand in the picture, and how a turned face maps onto the flat one.

Units: the picture is [-1, 1] (y downwards); *head units* make a head about 2 high, its middle at 0, its chin near
+1. The *plane* (qx, qy) is the picture seen from the head, without its roll. The *face* (u, v) is the plane of a head
that looks straight ahead: the plane is a view of an ellipsoid that has been turned, so features drawn in (u, v) turn
with it, the near ones further than the far ones.
"""

from dataclasses import dataclass
from typing import final

from torch import Tensor

from openlpm.core.rig import Rig
from openlpm.synth.look.layout import Look

_RADIUS_X, _RADIUS_Y = 1.0, 1.3
_TURN, _NOD = 0.62, 0.66
_PIVOT = 0.85
"""The head rolls about a point near its chin, in head units below its middle."""
_HIP, _SWAY = 3.6, 0.075
"""A sway leans the torso about the hip, this far below the middle of the head, by this much for each unit of height."""
PICTURE_SIZE = 256


@final
class Controls:
    """Named views ``(N, 1, 1, 1)`` into ``rig_NR``."""

    def __init__(self, rig_NR: Tensor) -> None:
        self._parts = rig_NR[:, :, None, None].split(1, dim=1)

    def __getitem__(self, channel: Rig) -> Tensor:
        return self._parts[channel.value]


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Pose:
    """The rigid placement of a performer; every member is ``(N, 1, 1, 1)``."""

    x: Tensor
    y: Tensor
    scale: Tensor
    cos_roll: Tensor
    sin_roll: Tensor
    sin_yaw: Tensor
    cos_yaw: Tensor
    sin_pitch: Tensor
    cos_pitch: Tensor
    body_x: Tensor
    body_y: Tensor
    body_scale: Tensor
    body_shear: Tensor

    @property
    def pixel(self) -> Tensor:
        """Width of a pixel in head units."""
        return (2.0 / PICTURE_SIZE) / self.scale

    def plane(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Picture to plane."""
        dx, dy = (x - self.x) / self.scale, (y - self.y) / self.scale
        return dx * self.cos_roll + dy * self.sin_roll, dy * self.cos_roll - dx * self.sin_roll

    def body(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Picture to the body's own plane, in which the torso stands upright."""
        bx, by = (x - self.body_x) / self.body_scale, (y - self.body_y) / self.body_scale
        return bx - self.body_shear * (_HIP - by), by

    def picture(self, qx: Tensor, qy: Tensor) -> tuple[Tensor, Tensor]:
        """Plane to picture, the inverse of ``plane``."""
        return (
            self.x + self.scale * (qx * self.cos_roll - qy * self.sin_roll),
            self.y + self.scale * (qy * self.cos_roll + qx * self.sin_roll),
        )

    def face(self, qx: Tensor, qy: Tensor) -> tuple[Tensor, Tensor]:
        """Plane to face."""
        a, b = qx * (1.0 / _RADIUS_X), qy * (1.0 / _RADIUS_Y)
        depth = (1.0 - a * a - b * b).clamp_min(0.03).sqrt()
        turned_y = b * self.cos_pitch + depth * self.sin_pitch
        turned_depth = depth * self.cos_pitch - b * self.sin_pitch
        return (a * self.cos_yaw - turned_depth * self.sin_yaw) * _RADIUS_X, turned_y * _RADIUS_Y

    def unface(self, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Face to plane, the inverse of ``face`` where the face is seen."""
        a, b = u * (1.0 / _RADIUS_X), v * (1.0 / _RADIUS_Y)
        depth = (1.0 - a * a - b * b).clamp_min(0.03).sqrt()
        turned_depth = depth * self.cos_yaw - a * self.sin_yaw
        return (
            (a * self.cos_yaw + depth * self.sin_yaw) * _RADIUS_X,
            (b * self.cos_pitch - turned_depth * self.sin_pitch) * _RADIUS_Y,
        )


def pose_of(look: Look, controls: Controls) -> Pose:
    """Place a performer by its framing and the rig's head and body channels."""
    lean, breath = controls[Rig.LEAN], controls[Rig.BREATH]
    scale = look["head_scale"] * (1.0 + 0.08 * lean)
    roll, yaw, pitch = controls[Rig.ROLL], controls[Rig.YAW], controls[Rig.PITCH]
    sin_roll, cos_roll = roll.sin(), roll.cos()
    body_scale = look["head_scale"] * look["body_size"] * (1.0 + 0.045 * lean)
    shear = _SWAY * controls[Rig.SWAY]
    x = look["head_x"] + 0.2 * controls[Rig.SHIFT_X] + scale * _PIVOT * sin_roll + body_scale * shear * _HIP
    y = look["head_y"] - 0.2 * controls[Rig.SHIFT_Y] + scale * _PIVOT * (1.0 - cos_roll)
    y = y - scale * 0.22 * pitch - 0.006 * breath + 0.02 * lean
    body_x = look["head_x"] + 0.04 * controls[Rig.SHIFT_X] + 0.03 * yaw
    body_y = (
        look["head_y"]
        - 0.02 * controls[Rig.SHIFT_Y]
        - 0.014 * breath
        - 0.07 * look["head_scale"] * controls[Rig.SHOULDER]
    )
    return Pose(
        x=x, y=y, scale=scale, cos_roll=cos_roll, sin_roll=sin_roll,
        sin_yaw=(_TURN * yaw).sin(), cos_yaw=(_TURN * yaw).cos(),
        sin_pitch=(_NOD * pitch).sin(), cos_pitch=(_NOD * pitch).cos(),
        body_x=body_x, body_y=body_y, body_scale=body_scale, body_shear=shear,
    )  # fmt: skip
