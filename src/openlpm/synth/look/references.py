"""The poses in which a character's reference pictures are taken, and the pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.core.rig import NUM_RIG, Rig
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.render import Cast, render_frames

ReferenceKind = Literal["global", "view", "expression"]
VIEWS = ("left", "right", "up", "down")
EXPRESSIONS = ("smile", "open mouth", "eyes closed", "surprise", "sad")
SUBTYPES: dict[ReferenceKind, tuple[str, ...]] = {"global": ("frontal",), "view": VIEWS, "expression": EXPRESSIONS}


@final
@dataclass(frozen=True, slots=True)
class ReferenceKey:
    """Which reference picture: ``SUBTYPES[kind][subtype]`` is its name."""

    kind: ReferenceKind
    subtype: int

    @property
    def name(self) -> str:
        """Its name, for instance ``left``."""
        return SUBTYPES[self.kind][self.subtype]


_PEOPLE_AT_ONCE = 16

_POSES: dict[str, dict[Rig, float]] = {
    "frontal": {},
    "left": {Rig.YAW: -0.5, Rig.GAZE_X: -0.4},
    "right": {Rig.YAW: 0.5, Rig.GAZE_X: 0.4},
    "up": {Rig.PITCH: 0.32, Rig.GAZE_Y: 0.3},
    "down": {Rig.PITCH: -0.32, Rig.GAZE_Y: -0.3},
    "smile": {Rig.SMILE: 0.9, Rig.SQUINT: 0.45, Rig.JAW: 0.12, Rig.WIDTH: 0.3, Rig.TEETH: 0.5},
    "open mouth": {Rig.JAW: 0.85},
    "eyes closed": {Rig.BLINK_LEFT: 1.0, Rig.BLINK_RIGHT: 1.0},
    "surprise": {Rig.WIDEN: 0.9, Rig.BROW_LEFT: 0.9, Rig.BROW_RIGHT: 0.9, Rig.JAW: 0.4, Rig.ROUNDING: 0.4},
    "sad": {Rig.SMILE: -0.8, Rig.FURROW: -0.9, Rig.GAZE_Y: -0.35, Rig.PITCH: -0.08},
}


def reference_rigs() -> dict[ReferenceKey, NDArray[np.float32]]:
    """The rig ``rig_R`` of every reference picture, in a fixed order: global, views, expressions."""
    rigs: dict[ReferenceKey, NDArray[np.float32]] = {}
    for kind, names in SUBTYPES.items():
        for subtype, name in enumerate(names):
            rig_R = np.zeros(NUM_RIG, dtype=np.float32)
            for channel, value in _POSES[name].items():
                rig_R[channel] = value
            rigs[ReferenceKey(kind, subtype)] = rig_R
    return rigs


def reference_pictures_of(
    people: Sequence[Identity], *, kinds: Sequence[ReferenceKind] = tuple(SUBTYPES), device: torch.device | str = "cpu"
) -> list[Tensor]:
    """``reference_pictures`` of several performers, drawn a few at once where that is faster."""
    at_once = 1 if torch.device(device).type == "cpu" else _PEOPLE_AT_ONCE
    found: list[Tensor] = []
    for start in range(0, len(people), at_once):
        group = people[start : start + at_once]
        rigs_JR = _rigs_of(kinds).expand(len(group), -1, -1)
        found += Cast(group, device=device).render(rigs_JR).unbind(0)
    return found


def _rigs_of(kinds: Sequence[ReferenceKind]) -> Tensor:
    return torch.from_numpy(np.stack([rig_R for key, rig_R in reference_rigs().items() if key.kind in kinds]))


def reference_pictures(
    identity: Identity, *, kinds: Sequence[ReferenceKind] = tuple(SUBTYPES), device: torch.device | str = "cpu"
) -> Tensor:
    """The reference pictures of a performer, those of ``kinds`` in the order of ``reference_rigs()``.

    ``pictures_JCHW`` of 256 by 256 in [0, 1].
    """
    return reference_pictures_of([identity], kinds=kinds, device=device)[0]


def pictures_before(identity: Identity, colours: Sequence[tuple[int, int, int]], *, portrait: bool) -> Tensor:
    """Reference pictures in front of plain colours in place of the performer's own background.

    ``pictures_KJCHW`` in [0, 1] for K colours; of a ``portrait`` only the first picture.
    """
    rigs_JR = _rigs_of(tuple(SUBTYPES)[: 1 if portrait else None])
    parameters_JV = Cast([identity]).parameters_BV.expand(len(rigs_JR), -1)
    drawn_JCHW = render_frames(parameters_JV, rigs_JR, matte=True)
    figure_J1HW = drawn_JCHW[:, 3:]
    behind_K1CHW = torch.tensor(colours, dtype=torch.float32)[:, None, :, None, None] / 255
    return behind_K1CHW + (drawn_JCHW[:, :3] - behind_K1CHW) * figure_J1HW
