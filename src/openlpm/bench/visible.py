"""What of a performance a picture shows: where a channel of the rig is hidden, nobody can read it, and nobody is asked.

The rule follows from how ``synth.look`` draws, and from the true rig alone. Critics are trained and measured by it.
"""

import torch
from torch import Tensor

from openlpm.core.rig import Rig

ASKED = 0.5
"""A channel is measured in the frames that show at least so much of it."""

_RAISED_FROM, _RAISED = 0.2, 0.5
"""An arm below the first hangs out of the picture; from the second on its hand is in most framings."""
_HANDS = (
    (Rig.ARM_LEFT, (Rig.REACH_LEFT, Rig.SWING_LEFT, Rig.HAND_LEFT)),
    (Rig.ARM_RIGHT, (Rig.REACH_RIGHT, Rig.SWING_RIGHT, Rig.HAND_RIGHT)),
)


def shown(rig_NR: Tensor) -> Tensor:
    """How much N pictures show of every channel, (N, R): 0 hidden, 1 in full view.

    - Gaze, while an eye is open; how wide or narrow the eyes are, while both are.
    - Tongue, in an open mouth; teeth, unless lips are pressed together. The jaw, unless it opens behind pressed lips.
    - Where an arm reaches, how it swings and what its hand does, while it is raised.
    - The clock of the background: never.
    """
    # Column by column: a list of indices would be copied to the device, which a recorded step must not.
    part_R = list(torch.ones_like(rig_NR).unbind(1))
    left_N, right_N = rig_NR[:, Rig.BLINK_LEFT], rig_NR[:, Rig.BLINK_RIGHT]
    part_R[Rig.GAZE_X] = part_R[Rig.GAZE_Y] = 1 - torch.minimum(left_N, right_N)
    part_R[Rig.SQUINT] = part_R[Rig.WIDEN] = 1 - torch.maximum(left_N, right_N)
    parted_N, open_N = 1 - rig_NR[:, Rig.PRESS], (4 * rig_NR[:, Rig.JAW]).clamp(0, 1)
    part_R[Rig.JAW] = 1 - open_N * rig_NR[:, Rig.PRESS]
    part_R[Rig.TEETH], part_R[Rig.TONGUE] = parted_N, parted_N * open_N
    for arm, channels in _HANDS:
        for channel in channels:
            part_R[channel] = (rig_NR[:, arm] - _RAISED_FROM) / (_RAISED - _RAISED_FROM)
    part_R[Rig.TIME] = torch.zeros_like(left_N)
    return torch.stack(part_R, dim=1).clamp(0, 1)
