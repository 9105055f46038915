"""Arms and hands: an upper arm, a forearm that turns about the elbow, and a hand that opens, closes and points."""

from dataclasses import dataclass
from math import pi
from typing import final

import torch
from torch import Tensor

from openlpm.core.rig import Rig
from openlpm.synth.look.layout import Look
from openlpm.synth.look.paint import Sheet
from openlpm.synth.look.pose import Controls, Pose
from openlpm.synth.look.shapes import capsule, coverage, ellipse, over, smooth

_FINGERS = ((0.17, 0.40, 0.16), (0.06, 0.46, 0.05), (-0.055, 0.42, -0.07), (-0.165, 0.32, -0.2))
"""Place across the palm, length and slant of the four fingers, from the thumb's side, in sizes of a hand."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Arms:
    """Distances in body units, ``(N, 1, H, W)``: the nearer of both arms."""

    upper: Tensor
    fore: Tensor
    hand: Tensor
    elbow: Tensor
    """Distance to the round end of the upper arm, to which a short sleeve reaches."""
    folds: Tensor
    """Distance to the edge of what is bent over the palm."""
    along: Tensor
    """Height that runs along the forearms, for stripes."""


def _both(controls: Controls, left: Rig, right: Rig) -> Tensor:
    return torch.cat((controls[left], controls[right]), 1)


def arms_of(look: Look, controls: Controls, pose: Pose, x: Tensor, y: Tensor) -> Arms:
    """Where both arms are; each is computed in a plane in which outward is positive."""
    bx, by = pose.body(x, y)
    mx = torch.cat((-bx, bx), 1)
    arm, reach = _both(controls, Rig.ARM_LEFT, Rig.ARM_RIGHT), _both(controls, Rig.REACH_LEFT, Rig.REACH_RIGHT)
    swing, shape = _both(controls, Rig.SWING_LEFT, Rig.SWING_RIGHT), _both(controls, Rig.HAND_LEFT, Rig.HAND_RIGHT)
    thick, out = look["arm_w"], look["arm_x"]
    top_y = look["shoulder_y"] + 0.62 + 0.0 * arm
    elbow_x = out + 0.24 + (0.2 * reach - look["arm_pull"]) * arm
    elbow_y = top_y + 1.3 - (0.42 + 0.6 * look["arm_pull"]) * arm - 0.1 * arm * reach.abs()
    turn = 0.16 + pi * arm * (0.95 + 0.2 * reach) + swing * (0.06 + 0.5 * arm)
    sine, cosine = turn.sin(), turn.cos()
    length = 1.12 - 0.12 * sine.square()
    wrist_x, wrist_y = elbow_x - sine * length, elbow_y + cosine * length
    upper = capsule((mx, by), (out + 0.0 * arm, top_y), (elbow_x, elbow_y), radii=(thick, 0.8 * thick))
    fore = capsule((mx, by), (elbow_x, elbow_y), (wrist_x, wrist_y), radii=(0.8 * thick, 0.56 * thick))
    elbow = ((mx - elbow_x).square() + (by - elbow_y).square() + 1e-6).sqrt() - 0.8 * thick
    bent = turn + (pi - turn) * 0.45 * arm
    along_x, along_y = -bent.sin(), bent.cos()
    dx, dy = (mx - wrist_x) / look["hand_size"], (by - wrist_y) / look["hand_size"]
    hand, folds = _hand(
        dx * along_x + dy * along_y,
        dx * along_y - dy * along_x,
        (shape.clamp(0.0, 1.0), ((arm - 0.7) * 6.0).clamp(-1.0, 1.0)),
        look,
    )
    scale = look["hand_size"]
    return Arms(
        upper=upper.amin(1, keepdim=True), fore=fore.amin(1, keepdim=True), elbow=elbow.amin(1, keepdim=True),
        hand=hand.amin(1, keepdim=True) * scale, folds=folds.amin(1, keepdim=True) * scale, along=by,
    )  # fmt: skip


def _hand(along: Tensor, across: Tensor, how: tuple[Tensor, Tensor], look: Look) -> tuple[Tensor, Tensor]:
    """Distances to the hand and to its bent fingers, ``(N, 2, H, W)``, in sizes of a hand.

    ``how`` is the shape (the rig's) and which way the palm faces: 1 the thumb is inward, -1 it is on the other side.
    """
    shape_N2, facing = how
    straight = (1.0 - 2.0 * shape_N2).clamp_min(0.0)
    pointing = (1.0 - 2.0 * shape_N2).abs()
    wide = look["finger_wide"]
    palm = ellipse(along - 0.27, across, 0.31, 0.22 + 0.12 * wide)
    hand, bent = palm, palm + 9.0
    for index, (place, length, slant) in enumerate(_FINGERS):
        open_ = pointing if index == 0 else straight
        reach = look["finger_long"] * length * open_ + 0.06 * open_
        radius = wide * (1.0 + 0.25 * (1.0 - open_))
        base = (0.44 + 0.0 * open_, place * (1.0 + 0.0 * open_))
        tip = (0.44 + reach - 0.16 * (1.0 - open_), place + slant * reach)
        finger = capsule((along, across), base, tip, radii=(radius, radius * 0.86))
        hand, bent = hand.minimum(finger), bent.minimum(finger + 2.0 * open_)
    tip = (0.4 + 0.1 * straight, facing * (0.4 * straight - 0.02 * (1.0 - straight)))
    base = (0.18 + 0.0 * straight, facing * 0.15 + 0.0 * straight)
    thumb = capsule((along, across), base, tip, radii=(wide * 1.25 + 0.0 * straight, wide + 0.0 * straight))
    return hand.minimum(thumb), bent.minimum(thumb + 2.0 * straight)


def draw_forearms(sheet: Sheet, look: Look, arms: Arms, lit: Tensor, behind: Tensor) -> Sheet:
    """Forearms with or without sleeves, and hands, in front of everything; they shade ``behind``, a distance."""
    edge = sheet.edge
    away = smooth(arms.upper, 0.01, 0.12)
    dark = 0.8 * (1.0 - lit) + 0.35 * look["soft"] * smooth(arms.fore, -0.12, 0.0) * away
    striped = smooth((arms.along * look["stripe_freq"]).sin(), -0.16, 0.16) * look["stripe"]
    cloth = over(over(look["sleeve"], look["trim"], striped), look["sleeve_shade"], dark.clamp_max(1.0))
    skin_dark = (0.5 * (1.0 - lit) + 0.34 * look["soft"] * smooth(arms.hand, -0.07, 0.0) * away).clamp_max(1.0)
    skin = over(look["hand"], look["hand_shade"], skin_dark)
    fold = smooth(arms.folds.abs(), 0.03, 0.008) * coverage(arms.hand, edge)
    skin = over(skin, look["hand_shade"] * 0.88, 0.85 * fold)
    sleeved = torch.maximum(coverage(arms.fore, edge), coverage(arms.fore - arms.hand, edge))
    short = (1.0 - look["long_sleeve"]) * (1.0 - look["bare_arm"])
    elbow = arms.elbow - 2.0 * edge  # no skin shines through where it ends in the sleeve
    colour = over(skin, cloth, sleeved * look["long_sleeve"] + coverage(elbow, edge) * short)
    shape = arms.fore.minimum(arms.hand)
    cast = 0.3 * look["soft"] * smooth(shape, 0.12, 0.0) * away * coverage(behind, edge)
    sheet = sheet.painted(over(sheet.colour, look["hand_shade"] * 0.5, cast))
    sheet = sheet.painted(over(sheet.colour, colour, coverage(shape, edge)))
    cuff = coverage((arms.fore.abs() - sheet.pen), edge) * coverage(arms.hand, edge) * look["long_sleeve"]
    hem = coverage(elbow.abs() - sheet.pen, edge) * coverage(arms.fore, edge) * coverage(-arms.upper, edge) * short
    cuff = torch.maximum(cuff, hem)
    sheet = sheet.covered(shape, line=away)
    return Sheet(
        colour=sheet.colour, ink=torch.maximum(sheet.ink, torch.maximum(cuff, 0.7 * fold)), pen=sheet.pen, edge=edge
    )
