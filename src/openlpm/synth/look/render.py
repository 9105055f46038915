"""The cast in front of the camera: packed performers, and the one graph that draws them all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.core.rig import NUM_RIG
from openlpm.synth.look.arms import arms_of, draw_forearms
from openlpm.synth.look.background import draw_background
from openlpm.synth.look.body import body_light, draw_body
from openlpm.synth.look.casting import parameters_of
from openlpm.synth.look.eyes import draw_brows, draw_eyes, eye_shape
from openlpm.synth.look.hair import draw_back_hair, draw_beard, draw_front_hair, hair_fields
from openlpm.synth.look.head import (
    Fields,
    draw_blush,
    draw_ears,
    draw_marks,
    draw_nose,
    draw_skin,
    head_distance,
    head_fields,
)
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.landmarks import landmark_boxes, landmarks_of
from openlpm.synth.look.layout import NUM_PARAMETERS, Look
from openlpm.synth.look.markings import draw_fur, draw_inner_ears, draw_machine, draw_snout
from openlpm.synth.look.mouth import draw_mouth, mouth_shape
from openlpm.synth.look.paint import Sheet, finish, texture
from openlpm.synth.look.pose import PICTURE_SIZE, Controls, Pose, pose_of
from openlpm.synth.look.shapes import coverage, pixel_grid, smooth
from openlpm.synth.look.worn import draw_glasses, draw_headwear, draw_veil, hat_distance

Render = Callable[[Tensor, Tensor], Tensor]
"""``render_frames``, or the same compiled: ``parameters_NV`` and ``rig_NR``, with N always the same."""
RENDER_BATCH = 8


def render_frames(parameters_NV: Tensor, rig_NR: Tensor, *, matte: bool = False) -> Tensor:
    """Draw N performers in N poses: ``(N, 3, 256, 256)`` float32 RGB in [0, 1], or with ``matte`` a fourth channel.

    A pure function without a branch on data: ``torch.compile(render_frames, dynamic=False)`` makes it one graph.
    """
    look, controls = Look(parameters_NV), Controls(rig_NR)
    pose = pose_of(look, controls)
    x, y = pixel_grid(PICTURE_SIZE, parameters_NV.device)
    blots = texture(x, y)
    shaken = look["wobble"] * texture(1.9 * y + 0.3, 1.9 * x)
    pen = look["ink_width"] * pose.pixel * (1.0 + look["ink_vary"] * texture(2.1 * x + 0.9, 2.3 * y))
    fields = head_fields(pose, x + shaken, y + shaken)
    head = head_distance(look, controls, pose, fields)
    hair = hair_fields(look, pose, fields, head)
    arms = arms_of(look, controls, pose, x, y)
    hat, _ = hat_distance(look, pose, fields)

    canvas = draw_background(look, controls, x, y)
    sheet = Sheet(colour=canvas, ink=torch.zeros_like(head), pen=pen, edge=fields.edge)
    canvas = draw_back_hair(canvas, look, fields, hair)
    sheet = sheet.painted(draw_inner_ears(canvas, look, pose, fields)).covered(hair.back)
    where = pose.body(x, y)
    canvas, body = draw_body(sheet.colour, look, controls, pose, where, arms)
    sheet = sheet.painted(canvas).covered(body)
    canvas, ears = draw_ears(sheet.colour, look, pose, fields)
    sheet = sheet.painted(canvas).covered(ears, look["ears_alpha"])
    shading = torch.minimum(hair.front + 9.0 * (look["cap_alpha"] < 0.5), hat + 9.0 * (look["hat_alpha"] < 0.5))
    sheet = sheet.painted(draw_skin(sheet.colour, look, controls, fields, head, shading))
    bearded = look["beard_alpha"] * smooth(fields.v, 0.3, 0.6)
    sheet = _draw_face(sheet.covered(head, line=1.0 - bearded), look, controls, pose, fields, head)
    sheet = sheet.painted(draw_front_hair(sheet.colour, look, fields, hair)).covered(hair.front, look["cap_alpha"])
    canvas, veil = draw_veil(sheet.colour, look, pose, fields, head)
    sheet = sheet.painted(canvas).covered(veil, look["veil"])
    sheet = sheet.painted(draw_headwear(sheet.colour, look, pose, fields)).covered(hat, look["hat_alpha"])
    sheet = draw_forearms(sheet, look, arms, body_light(look, *where), torch.minimum(head, body))
    solid = torch.minimum(
        torch.minimum(head, hair.back), torch.minimum(hair.front, hat + 9.0 * (1.0 - look["hat_alpha"]))
    )
    figure = coverage(torch.minimum(solid, torch.minimum(body, torch.minimum(arms.fore, arms.hand))), fields.edge)
    face = coverage(head, fields.edge) * (1.0 - coverage(hair.front, fields.edge) * look["cap_alpha"])
    on_head = coverage(solid, fields.edge)
    hatch_x, hatch_y = (at + on_head * (plane * pose.scale - at) for at, plane in ((x, fields.qx), (y, fields.qy)))
    sheet = sheet.painted(sheet.colour * look["tint"])
    canvas = finish(sheet, look, blots, (figure, face), (x, y, hatch_x, hatch_y)).clamp(0.0, 1.0)
    return torch.cat((canvas, figure), 1) if matte else canvas


def drawn(
    parameters_NV: Tensor, rig_NR: NDArray[np.float32], render: Render = render_frames, *, at_once: int = RENDER_BATCH
) -> NDArray[np.uint8]:
    """Pictures ``NHWC`` of performers in poses, always ``at_once`` at a time: a compiled graph takes that only."""
    rig, parts = torch.from_numpy(rig_NR).to(parameters_NV), list[NDArray[np.uint8]]()
    with torch.no_grad():
        for first in range(0, rig.shape[0], at_once):
            rows = torch.arange(first, first + at_once, device=rig.device).clamp_max(rig.shape[0] - 1)
            frames_NCHW = render(parameters_NV[rows].contiguous(), rig[rows].contiguous())
            parts.append(frames_NCHW.mul(255).round().byte().permute(0, 2, 3, 1).contiguous().cpu().numpy())
    return np.concatenate(parts)[: rig.shape[0]]


def _draw_face(sheet: Sheet, look: Look, controls: Controls, pose: Pose, fields: Fields, head: Tensor) -> Sheet:
    """Everything that the hair may fall over: fur or metal, marks, beard, mouth, nose, eyes, brows and glasses."""
    u, v, edge = fields.u, fields.v, fields.edge
    eyes, mouth = eye_shape(look, controls), mouth_shape(look, controls)
    canvas = draw_machine(draw_fur(sheet.colour, look, fields, head), look, fields, head)
    canvas = draw_marks(canvas, look, controls, fields)
    canvas = draw_blush(canvas, look, controls, fields)
    canvas = draw_beard(canvas, look, fields, head, mouth.line_y - mouth.rise)
    canvas, gap = draw_mouth(canvas, look, mouth, u, v, edge)
    canvas = draw_nose(canvas, look, pose, fields)
    canvas = draw_snout(canvas, look, pose, fields, mouth)
    canvas = draw_eyes(canvas, look, eyes, u, v, edge)
    canvas = draw_brows(canvas, look, controls, u, v, edge)
    canvas = draw_glasses(canvas, look, pose, fields)
    return sheet.painted(canvas).covered(gap, smooth(mouth.rise + mouth.fall, 0.03, 0.1))


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Regions:
    """Pixel boxes x0, y0, x1, y1 around what matters, clipped to the picture."""

    mouth_BF4: Tensor
    eyes_BF4: Tensor
    face_BF4: Tensor


@final
class Cast:
    """Some performers, packed into tensors, and what they look like when a rig moves them."""

    def __init__(self, identities: Sequence[Identity], *, device: torch.device | str = "cpu") -> None:
        packed = np.stack([parameters_of(identity) for identity in identities])
        self.parameters_BV = torch.from_numpy(packed).to(device)

    @staticmethod
    def from_parameters(parameters_BV: Tensor) -> "Cast":
        """A cast from rows of another cast's ``parameters_BV``."""
        if parameters_BV.shape[-1] != NUM_PARAMETERS:
            raise ConfigError(f"parameters_BV has {parameters_BV.shape[-1]} columns; a look has {NUM_PARAMETERS}")
        cast = object.__new__(Cast)
        cast.parameters_BV = parameters_BV
        return cast

    def __len__(self) -> int:
        return self.parameters_BV.shape[0]

    def select(self, indices: Sequence[int] | Tensor) -> "Cast":
        """The performers at ``indices``, in that order."""
        index = torch.as_tensor(indices, dtype=torch.int64, device=self.parameters_BV.device)
        return Cast.from_parameters(self.parameters_BV[index])

    def _rows(self, rig_BFR: Tensor) -> tuple[Tensor, Tensor, tuple[int, int]]:
        if rig_BFR.ndim != 3 or rig_BFR.shape[0] != len(self) or rig_BFR.shape[2] != NUM_RIG:
            raise ConfigError(f"rig_BFR has shape {tuple(rig_BFR.shape)}; this cast needs ({len(self)}, F, {NUM_RIG})")
        batch, frames = rig_BFR.shape[:2]
        rig_NR = rig_BFR.reshape(batch * frames, NUM_RIG).to(self.parameters_BV)
        return self.parameters_BV.repeat_interleave(frames, 0), rig_NR, (batch, frames)

    def render(self, rig_BFR: Tensor) -> Tensor:
        """``frames_BFCHW``, float32 RGB in [0, 1], 256 by 256: one rig track a performer."""
        parameters_NV, rig_NR, shape = self._rows(rig_BFR)
        with torch.no_grad():
            return render_frames(parameters_NV, rig_NR).unflatten(0, shape)

    def landmarks(self, rig_BFR: Tensor) -> Tensor:
        """``xy_BFP2`` in pixels (0 to 256), in the order of ``landmarks.LANDMARKS``."""
        parameters_NV, rig_NR, shape = self._rows(rig_BFR)
        return landmarks_of(parameters_NV, rig_NR).unflatten(0, shape)

    def regions(self, rig_BFR: Tensor) -> Regions:
        """Boxes around the mouth, the eyes with their brows, and the face; they follow the head."""
        mouth_BF4, eyes_BF4, face_BF4 = landmark_boxes(self.landmarks(rig_BFR))
        return Regions(mouth_BF4=mouth_BF4, eyes_BF4=eyes_BF4, face_BF4=face_BF4)
