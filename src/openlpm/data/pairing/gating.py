"""What of a voice's stretches is heard as somebody else's, taken out of them."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.data.pairing.apart import Mask
from openlpm.data.pairing.part import Stretch
from openlpm.data.pairing.timbre import COLUMN_RATE_HZ
from openlpm.data.states.rule import runs_of
from openlpm.encoders.mel import column_start

_SURE, _LIKELY = 1.2, 0.4
"""Log odds that somebody else's voice must reach somewhere in a run, and have in all of it."""
_LEAST_COLUMNS: Final = 6
"""Shorter runs are no voice: 60 ms."""
_TOGETHER: Final = 0.6
"""Where both are seen to speak, their voices are mixed, and more evidence is asked for."""
_CUT_S, _CUT_ODDS = 0.2, 1.5
"""Films are cut as somebody begins to speak: next to a cut less evidence is asked for, by so much."""
_LEAST_SAMPLES: Final = AUDIO_RATE_HZ // 50
"""What is left of a stretch and has no room for a fade is dropped."""


def without_others(stretches: Sequence[Stretch], odds_L: NDArray[np.float32], together_L: Mask) -> tuple[Stretch, ...]:
    """Stretches of a voice less the runs of columns that sound like another one.

    ``odds_L`` are above 0 where this voice is heard and below where another one is; ``together_L`` says where both are
    seen to speak. Columns count from the first sample of the unit.
    """
    found: list[Stretch] = list(stretches)
    for first, end in _runs(odds_L, together_L):
        begin, stop = column_start(first), column_start(end)
        found = [left for stretch in found for left in _less(stretch, begin, stop)]
    return tuple(found)


def _runs(odds_L: NDArray[np.float32], together_L: Mask) -> list[tuple[int, int]]:
    near_cut = round(_CUT_S * COLUMN_RATE_HZ)
    asked_L = np.where(together_L, np.float32(_TOGETHER), np.float32(0))
    asked_L[:near_cut] -= np.float32(_CUT_ODDS)
    asked_L[max(asked_L.shape[0] - near_cut, near_cut) :] -= np.float32(_CUT_ODDS)
    judged_L = np.where(odds_L == 0, np.float32(0), odds_L + asked_L)
    return [
        (first, end)
        for first, end in runs_of(judged_L < -_LIKELY)
        if end - first >= _LEAST_COLUMNS and judged_L[first:end].min() < -_SURE
    ]


def _less(stretch: Stretch, begin: int, stop: int) -> list[Stretch]:
    """What of a stretch lies outside of some samples."""
    if begin >= stretch.end_sample or stop <= stretch.first_sample:
        return [stretch]
    pieces = ((stretch.first_sample, begin), (stop, stretch.end_sample))
    return [Stretch(first_sample=first, end_sample=end) for first, end in pieces if end - first > _LEAST_SAMPLES]
