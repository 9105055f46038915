"""What judges see in pictures that came over the wire: closed mouths, and whose face it is."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench.live.visitor import Seen
from openlpm.bench.reading import Judges, read_frames
from openlpm.core.rig import Rig

_OPEN = 0.15
"""Of the jaw; while speaking it is above a third of the time and hardly ever below for long."""
_LASTING_FRAMES = 6


def closed_from_s(judges: Judges, seen: Sequence[Seen]) -> float | None:
    """When the mouth was closed for a quarter of a second for the first time; None if it never was."""
    if len(seen) < _LASTING_FRAMES:
        return None
    jaw_F = read_frames(judges.critic, pictures_of(seen)).rig_FR[:, Rig.JAW]
    for first in range(len(seen) - _LASTING_FRAMES + 1):
        if (jaw_F[first : first + _LASTING_FRAMES] < _OPEN).all():
            return seen[first].at_s
    return None


def jaws(judges: Judges, seen: Sequence[Seen]) -> NDArray[np.float32]:
    """How far the mouth is open in each picture."""
    return read_frames(judges.critic, pictures_of(seen)).rig_FR[:, Rig.JAW]


def faces(judges: Judges, seen: Sequence[Seen]) -> NDArray[np.float32]:
    """Whose face it is, as unit vectors (F, D)."""
    return read_frames(judges.critic, pictures_of(seen)).identity_FD


def mixed(faces_FD: NDArray[np.float32], own_D: NDArray[np.float32], other_D: NDArray[np.float32]) -> int:
    """Pictures that look more like the other character than like their own."""
    return int((faces_FD @ other_D > faces_FD @ own_D).sum())


def pictures_of(seen: Sequence[Seen]) -> torch.Tensor:
    """As a critic reads them: (F, 3, 256, 256) in [0, 1]."""
    return torch.from_numpy(np.stack([one.picture_HWC for one in seen])).permute(0, 3, 1, 2).float() / 255
