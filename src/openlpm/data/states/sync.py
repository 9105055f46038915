"""Clips whose sound is not in step with the mouths in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.states.network import MOST_OFFSET
from openlpm.data.states.scorer import Scores, best_offset


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class SyncConfig:
    """When a clip is out of step."""

    most_late_frames: int = 2
    """83 ms either way: about what viewers notice (ITU-R BT.1359 accepts 90 ms early to 185 ms late)."""
    least_margin: float = 0.3
    """An offset is only believed if it fits so much better than all others."""
    least_s: float = 1.0
    """Of mouths that speak while somebody is heard, or would be in another step; with less there is nothing to
    compare."""

    def __post_init__(self) -> None:
        if not 0 <= self.most_late_frames < MOST_OFFSET:
            raise ConfigError(f"most_late_frames={self.most_late_frames}: give 0 to {MOST_OFFSET - 1}")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class SyncVerdict:
    """Whether a clip may be kept, and why."""

    kept: bool
    late_frames: int | None
    """How many frames the sound comes after the mouths; None where nothing could be compared."""
    margin: float
    reason: str


def check_sync(
    scores: Sequence[Scores], speech_F: NDArray[np.float32], config: SyncConfig | None = None
) -> SyncVerdict:
    """Whether picture and sound of a clip belong together in time.

    Compared are the frames in which a mouth articulates while speech is heard, whoever's it is: a clip in which sound
    and picture are apart has no frame in which somebody is believed to speak. Speech counts that is heard as much
    earlier or later as is looked for: what was moved away from its mouth is not heard where the mouth is.
    """
    config = config or SyncConfig()
    near = np.ones(2 * MOST_OFFSET + 1)
    heard_F = np.convolve(speech_F > 0.5, near)[MOST_OFFSET : MOST_OFFSET + speech_F.shape[0]] > 0.5
    masks = [(score.articulates_F > 0) & heard_F for score in scores]
    compared_s = float(sum(int(mask_F.sum()) for mask_F in masks)) / FRAME_RATE_HZ
    offset = best_offset(scores, masks) if compared_s >= config.least_s else None
    if offset is None:
        return SyncVerdict(kept=True, late_frames=None, margin=0.0, reason="nobody speaks for long enough to compare")
    if abs(offset.late_frames) <= config.most_late_frames or offset.margin < config.least_margin:
        return SyncVerdict(kept=True, late_frames=offset.late_frames, margin=offset.margin, reason="in step")
    late_ms = round(1000 * offset.late_frames / FRAME_RATE_HZ)
    return SyncVerdict(
        kept=False, late_frames=offset.late_frames, margin=offset.margin, reason=f"sound {late_ms} ms late"
    )
