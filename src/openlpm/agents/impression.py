"""What can be told of a spoken turn without understanding its words."""

from dataclasses import dataclass
from typing import final

import numpy as np

from openlpm.agents.turn_events import TurnOver
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.sound.acoustics import pitch_track

_MOST_S = 8.0
"""Of the end of a turn: what came before was long ago, and costs time."""
_HOP_S = 0.016
_ENDING_WINDOWS = 22  # voiced ones, 0.35 s
_LEAST_WINDOWS = 12
_RISE_SEMITONES = 2.0
_LIVELY_SEMITONES = 2.6
_FLAT_SEMITONES = 1.3
_LOUD_DB, _QUIET_DB = 6.0, -6.0


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Impression:
    """How a turn sounded."""

    length_s: float
    loudness_db: float
    """Against how this user usually speaks."""
    rises: bool
    """Whether the pitch rose at the end, as it does in many questions."""
    lively: bool
    flat: bool

    @property
    def loud(self) -> bool:
        """Louder than this user usually is."""
        return self.loudness_db > _LOUD_DB

    @property
    def quiet(self) -> bool:
        """Quieter than this user usually is."""
        return self.loudness_db < _QUIET_DB


def impression_of(turn: TurnOver, usual_db: float) -> Impression:
    """Measure ``turn``; takes some milliseconds, so not for the event loop."""
    pitch_K, _ = pitch_track(turn.samples_A[-int(_MOST_S * AUDIO_RATE_HZ) :])
    semitones_K = 12 * np.log2(pitch_K[pitch_K > 0] / 100.0)
    enough = semitones_K.shape[0] >= _LEAST_WINDOWS
    spread = float(np.subtract(*np.percentile(semitones_K, [80, 20]))) / 1.68 if enough else 2.0
    return Impression(
        length_s=turn.length_s,
        loudness_db=turn.level_db - usual_db,
        rises=enough and _rise(semitones_K) > _RISE_SEMITONES,
        lively=spread > _LIVELY_SEMITONES,
        flat=spread < _FLAT_SEMITONES,
    )


def _rise(semitones_K: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """From the middle of the last voiced third of a second to its end, in semitones."""
    ending_K = semitones_K[-_ENDING_WINDOWS:]
    quarter = max(ending_K.shape[0] // 4, 2)
    return float(np.median(ending_K[-quarter:]) - np.median(ending_K[:-quarter]))
