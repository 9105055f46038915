"""Named points of the face in the picture, exact for every rig, and boxes around groups of them."""

import torch
from torch import Tensor

from openlpm.core.rig import Rig
from openlpm.synth.look.eyes import eye_shape
from openlpm.synth.look.head import JAW_DROP
from openlpm.synth.look.layout import Look
from openlpm.synth.look.mouth import mouth_shape
from openlpm.synth.look.pose import PICTURE_SIZE, Controls, pose_of

LANDMARKS = (
    "mouth_left", "mouth_right", "lip_top", "lip_bottom", "gap_top", "gap_bottom",
    "eye_left_outer", "eye_left_inner", "eye_right_inner", "eye_right_outer",
    "lid_left_top", "lid_left_bottom", "lid_right_top", "lid_right_bottom", "pupil_left", "pupil_right",
    "brow_left_outer", "brow_left_inner", "brow_right_inner", "brow_right_outer",
    "nose_tip", "nose_bridge", "chin", "cheek_left", "cheek_right", "forehead",
)  # fmt: skip
"""Order of the points of ``Cast.landmarks``; left and right are the viewer's."""


def landmarks_of(parameters_NV: Tensor, rig_NR: Tensor) -> Tensor:
    """Points ``xy_NP2`` in pixels."""
    look, controls = Look(parameters_NV), Controls(rig_NR)
    pose, mouth, eyes = pose_of(look, controls), mouth_shape(look, controls), eye_shape(look, controls)
    zero = torch.zeros_like(look["eye_x"])
    corner_y = mouth.line_y + mouth.corner
    gap_top, gap_low = mouth.line_y - mouth.rise, mouth.line_y + mouth.fall
    points = [
        (-mouth.width, corner_y), (mouth.width, corner_y),
        (zero, gap_top - mouth.lip_up * (1.0 - look["bow"])), (zero, gap_low + mouth.lip_low), (zero, gap_top), (zero, gap_low),
    ]  # fmt: skip
    x, y, half, tilt = look["eye_x"], look["eye_y"], look["eye_w"], look["eye_tilt"] * look["eye_w"]
    points += [(-x - half, y - tilt), (-x + half, y + tilt), (x - half, y + tilt), (x + half, y - tilt)]
    for index, sign in ((0, -1.0), (1, 1.0)):
        upper, lower = eyes.upper[:, index : index + 1], eyes.lower[:, index : index + 1]
        points += [(sign * x, y - upper), (sign * x, y - lower)]
    points += [(eyes.iris_u[:, i : i + 1], eyes.iris_v[:, i : i + 1]) for i in (0, 1)]
    furrow = controls[Rig.FURROW]
    for sign, channel, ends in ((-1.0, Rig.BROW_LEFT, (1.0, -1.0)), (1.0, Rig.BROW_RIGHT, (-1.0, 1.0))):
        raised = controls[channel]
        for end in ends:
            across = x + 0.015 - 0.035 * furrow.clamp_min(0.0) + 0.85 * end * look["brow_w"]
            height = look["brow_y"] - 0.105 * raised - 0.03 * controls[Rig.WIDEN] - 0.85 * end * look["brow_tilt"]
            points.append((sign * across, height + 0.085 * furrow * (0.5 - 0.425 * end) ** 2))
    points += [
        (0.1 * pose.sin_yaw, look["nose_y"] - 0.09 * pose.sin_pitch),
        (zero, look["nose_y"] - look["nose_length"]),
    ]
    u = torch.cat([point[0] for point in points], 1)
    v = torch.cat([point[1] for point in points], 1)
    qx, qy = pose.unface(u, v)
    drop = JAW_DROP * controls[Rig.JAW]
    jaw_w = look["jaw_w"]
    outline_x = (0.44 * pose.sin_yaw, 0.2 * pose.sin_yaw - jaw_w, 0.2 * pose.sin_yaw + jaw_w, zero)
    outline_y = (look["chin_y"] + drop - 0.3 * pose.sin_pitch, zero + 0.3, zero + 0.3, zero - 0.9)
    qx, qy = torch.cat((qx, *outline_x), 1), torch.cat((qy, *outline_y), 1)
    px, py = pose.picture(qx, qy)
    return (torch.stack((px, py), -1)[:, :, 0, 0] + 1.0) * (0.5 * PICTURE_SIZE)


def _box(xy_BFP2: Tensor, names: tuple[str, ...], margin_xy: tuple[float, float]) -> Tensor:
    chosen = xy_BFP2[:, :, [LANDMARKS.index(name) for name in names]]
    low, high = chosen.amin(2), chosen.amax(2)
    size = (high - low).amax(-1, keepdim=True)
    margin = size * torch.tensor(margin_xy, dtype=size.dtype, device=size.device)
    return torch.cat((low - margin, high + margin), -1).clamp(0.0, float(PICTURE_SIZE))


def landmark_boxes(xy_BFP2: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes ``x0, y0, x1, y1`` around the mouth, the eyes with brows, and the face."""
    mouth = _box(xy_BFP2, LANDMARKS[:6], (0.18, 0.18))
    eyes = _box(xy_BFP2, LANDMARKS[6:20], (0.06, 0.06))
    face = _box(xy_BFP2, LANDMARKS, (0.06, 0.04))
    return mouth, eyes, face
