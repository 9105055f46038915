"""Whether somebody is shown well enough to learn from: large enough, and not cut off by the edge of the picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.people.part import Person

_OUTSIDE = 0.05
"""A box leaves the picture if more of its longer side than this is outside: landmarks are not exact."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class CompositionConfig:
    """How a person has to be in the picture."""

    least_face_share: float = 0.1
    """Longer side of the face over the shorter side of the picture, median over the track."""
    most_cut_off_share: float = 0.3
    """Of the frames with the face, those in which its box leaves the picture."""
    least_s: float = 1.0
    """A track that is shorter is somebody who passes by."""

    def __post_init__(self) -> None:
        if not 0 <= self.least_face_share < 1 or not 0 <= self.most_cut_off_share <= 1:
            raise ConfigError(
                f"least_face_share={self.least_face_share}, most_cut_off_share={self.most_cut_off_share}: "
                "give shares from 0 to 1"
            )


def faults_of(person: Person, config: CompositionConfig) -> tuple[str, ...]:
    """What is wrong with how a person is shown: ``small_face``, ``cut_off``, ``brief``, or nothing."""
    faults = {
        "small_face": person.face_share < config.least_face_share,
        "cut_off": person.cut_off_share > config.most_cut_off_share,
        "brief": person.num_frames < config.least_s * FRAME_RATE_HZ,
    }
    return tuple(name for name, is_so in faults.items() if is_so)


def faults_of_clip(persons: Sequence[Person], config: CompositionConfig) -> tuple[str, ...]:
    """Why nobody of a clip can be used; nothing if somebody can."""
    if not persons:
        return ("nobody",)
    found = [faults_of(person, config) for person in persons]
    return () if not all(found) else tuple(sorted({fault for each in found for fault in each}))


def cut_off_share(box_K4: NDArray[np.float32], size: tuple[int, int]) -> float:
    """Share of K boxes that leave a picture of (rows, columns)."""
    rows, columns = size
    side_K = (box_K4[:, 2:] - box_K4[:, :2]).max(axis=1)
    outside_K = np.max([-box_K4[:, 0], -box_K4[:, 1], box_K4[:, 2] - columns, box_K4[:, 3] - rows], axis=0)
    return float((outside_K > _OUTSIDE * side_K).mean())
