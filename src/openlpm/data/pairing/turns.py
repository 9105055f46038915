"""Where in a sound the own voice is, and where somebody else's: stretches of samples, from labels of frames."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.units import AUDIO_RATE_HZ, samples_at_frame
from openlpm.data.pairing.part import Stretch
from openlpm.data.states.rule import runs_of

Mask = NDArray[np.bool_]
Runs = list[tuple[int, int]]

_INSIDE: Final = samples_at_frame(1)
"""Where the other voice is near, an edge is moved inwards by so much: labels are right to about a frame (on validation
conversations their spread is .8 of a frame at beginnings, 1.1 at ends), and of the other voice nothing should stay."""
_AROUND: Final = AUDIO_RATE_HZ * 3 // 20
"""A voice that nobody else's is near is given so much more at both ends: breaths and soft consonants."""
_PAUSE: Final = AUDIO_RATE_HZ // 4
"""A shorter hole in what somebody says is no pause, whoever is heard in it."""


def voice_stretches(own_F: Mask, other_F: Mask) -> tuple[Runs, Runs]:
    """Stretches of samples of the own voice and of all others in a clip, from who is labelled to speak in its frames.

    Where labels say that both speak, both are heard.
    """
    own, other = (
        [(samples_at_frame(first), samples_at_frame(end)) for first, end in runs_of(mask_F)]
        for mask_F in (own_F, other_F)
    )
    end = samples_at_frame(own_F.shape[0])
    return _edged(own, other, end), _edged(other, own, end)


def cut_to(stretches: Sequence[tuple[int, int]], first_frame: int, num_frames: int) -> tuple[Stretch, ...]:
    """What of a clip's stretches lies within a unit, counted from the first frame of the unit."""
    begin, length = samples_at_frame(first_frame), samples_at_frame(num_frames)
    found = [(max(first - begin, 0), min(end - begin, length)) for first, end in stretches]
    return tuple(Stretch(first_sample=first, end_sample=end) for first, end in found if end > first)


def phrases_of(stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """Stretches of a voice with the holes closed in which somebody else is heard for a moment."""
    phrases: list[Stretch] = []
    for stretch in stretches:
        goes_on = bool(phrases) and stretch.first_sample - phrases[-1].end_sample < _PAUSE
        first = phrases.pop().first_sample if goes_on else stretch.first_sample
        phrases.append(Stretch(first_sample=first, end_sample=stretch.end_sample))
    return tuple(phrases)


def _edged(runs: Runs, others: Runs, end: int) -> Runs:
    found: Runs = []
    for first, last in runs:
        begin = 0 if first == 0 else _edge(first, -1, others)
        stop = end if last >= end else _edge(last, 1, others)
        if stop > begin:
            found.append((max(begin, 0), min(stop, end)))
    return _joined(found)


def _edge(sample: int, way: int, others: Runs) -> int:
    """Where a voice that begins (``way`` -1) or ends (1) at a sample is cut."""
    near = any(first - 2 * _AROUND < sample < last + 2 * _AROUND for first, last in others)
    return sample - way * _INSIDE if near else sample + way * _AROUND


def _joined(runs: Runs) -> Runs:
    """Rising stretches, those that touch made one."""
    joined: Runs = []
    for first, last in sorted(runs):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined
