"""Clips that must score badly.

They are made from readings: a critic knows no time, so a held frame or another clip reads exactly as the same change
to the pictures would.
"""

from collections.abc import Sequence

import numpy as np

from openlpm.bench.metrics import speaking
from openlpm.bench.reading import ClipReading
from openlpm.core.record import PerformanceRecord
from openlpm.core.rig import MOUTH_CHANNELS, Rig
from openlpm.core.seeds import generator

_JITTER_RADIANS = 0.06
_OPEN, _SYLLABLES_A_FRAME = 0.5, 4 / 24


def frozen(readings: Sequence[ClipReading]) -> list[ClipReading]:
    """Every clip holds its first frame."""
    return [reading.held() for reading in readings]


def another_clip(count: int) -> list[int]:
    """For each of ``count`` clips the index of another one (the one before; the last for the first)."""
    return [(index - 1) % count for index in range(count)]


def chattering(readings: Sequence[ClipReading], records: Sequence[PerformanceRecord]) -> list[ClipReading]:
    """Every clip moves its mouth all the time, as the clip with the most speech does while it speaks.

    Where nobody speaks, jaws open and close four times a second.
    """
    talker = int(np.argmax([int(speaking(record.state_F).sum()) for record in records]))
    talk_SX = readings[talker].rig_FR[speaking(records[talker].state_F)][:, list(MOUTH_CHANNELS)]
    changed: list[ClipReading] = []
    for reading in readings:
        rig_FR = reading.rig_FR.copy()
        if talk_SX.shape[0] > 0:
            rig_FR[:, list(MOUTH_CHANNELS)] = np.resize(talk_SX, (reading.num_frames, len(MOUTH_CHANNELS)))
        else:
            rig_FR[:, Rig.JAW] = _OPEN * np.sin(np.pi * _SYLLABLES_A_FRAME * np.arange(reading.num_frames)) ** 2
        changed.append(ClipReading(rig_FR=rig_FR, viseme_F=reading.viseme_F, identity_FD=reading.identity_FD))
    return changed


def jittering(readings: Sequence[ClipReading]) -> list[ClipReading]:
    """Every head trembles by a few degrees from frame to frame."""
    changed: list[ClipReading] = []
    for index, reading in enumerate(readings):
        rig_FR = reading.rig_FR.copy()
        shape = (reading.num_frames, 3)
        rig_FR[:, [Rig.YAW, Rig.PITCH, Rig.ROLL]] += generator("jitter", index).normal(
            scale=_JITTER_RADIANS, size=shape
        )
        changed.append(ClipReading(rig_FR=rig_FR, viseme_F=reading.viseme_F, identity_FD=reading.identity_FD))
    return changed
