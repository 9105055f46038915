"""Where in a sound the own voice is, and where somebody else's: stretches of samples, parted where it is quiet."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.units import AUDIO_RATE_HZ, samples_at_frame
from openlpm.data.pairing.part import Stretch
from openlpm.data.states.rule import runs_of

Mask = NDArray[np.bool_]
Runs = list[tuple[int, int]]

_HOP: Final = AUDIO_RATE_HZ // 100
_LOOK: Final = AUDIO_RATE_HZ // 4
"""Labels are right to about this: the quietest moment within it is where one voice ends and the other begins."""
_NEAR: Final = AUDIO_RATE_HZ // 2
_AROUND: Final = AUDIO_RATE_HZ * 3 // 20
"""A voice that nobody else's is near is given so much more at both ends: breaths and soft consonants."""


def voice_stretches(own_F: Mask, other_F: Mask, sound_A: NDArray[np.float32]) -> tuple[Runs, Runs]:
    """Stretches of samples of the own voice and of all others, from labels of frames and the sound of a clip.

    Where one voice takes over from the other (within half a second), the border is the quietest moment nearby, and
    neither is heard on the other's side of it. Where labels say that both speak for longer than that, both are heard.
    """
    power_H = _power(sound_A)
    end = sound_A.shape[0]
    own, other = ([_samples(run, end) for run in runs_of(mask_F)] for mask_F in (own_F, other_F))
    return _bordered(own, other, power_H, end), _bordered(other, own, power_H, end)


def cut_to(stretches: Sequence[tuple[int, int]], first_frame: int, num_frames: int) -> tuple[Stretch, ...]:
    """What of a clip's stretches lies within a unit, counted from the first frame of the unit."""
    # Samples of the unit's frames begin at its own zero: 16000/24 is no whole number.
    begin, length = samples_at_frame(first_frame), samples_at_frame(num_frames)
    found = [(max(first - begin, 0), min(end - begin, length)) for first, end in stretches]
    return tuple(Stretch(first_sample=first, end_sample=end) for first, end in found if end > first)


def _bordered(runs: Runs, others: Runs, power_H: NDArray[np.float64], end: int) -> Runs:
    found: Runs = []
    for first, last in runs:
        begin_here = max(
            (_border(o_last, first, power_H) for _, o_last in others if _take_over(o_last, first)), default=None
        )
        end_here = min(
            (_border(last, o_first, power_H) for o_first, _ in others if _take_over(last, o_first)), default=None
        )
        begin = max(first - _AROUND, 0) if begin_here is None else begin_here
        stop = min(last + _AROUND, end) if end_here is None else end_here
        if stop > begin:
            found.append((begin, stop))
    return _joined(found)


def _take_over(last: int, first: int) -> bool:
    """Whether a voice that ends at ``last`` gives way to one that begins at ``first``."""
    return abs(first - last) <= _NEAR


def _border(last: int, first: int, power_H: NDArray[np.float64]) -> int:
    """The quietest moment about the end of one voice and the beginning of the next, the middle one of equals."""
    low, high = (min(last, first) - _LOOK) // _HOP, (max(last, first) + _LOOK) // _HOP + 1
    low, high = max(low, 0), min(high, power_H.shape[0])
    if high <= low:
        return min(last, first)
    window_H = power_H[low:high]
    quiet_K = np.flatnonzero(window_H <= window_H.min() * 2 + 1e-9)
    return int(low + quiet_K[quiet_K.shape[0] // 2]) * _HOP + _HOP // 2


def _power(sound_A: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean square of every hundredth of a second, a little smoothed."""
    num_hops = max(-(-sound_A.shape[0] // _HOP), 1)
    padded_A = np.zeros(num_hops * _HOP, np.float64)
    padded_A[: sound_A.shape[0]] = sound_A
    power_H = np.square(padded_A.reshape(num_hops, _HOP)).mean(axis=1)
    return np.convolve(np.pad(power_H, 1, mode="edge"), np.array([0.25, 0.5, 0.25]), mode="valid")


def _samples(run: tuple[int, int], end: int) -> tuple[int, int]:
    return samples_at_frame(run[0]), min(samples_at_frame(run[1]), end)


def _joined(runs: Runs) -> Runs:
    """Rising stretches, those that touch made one."""
    joined: Runs = []
    for first, last in sorted(runs):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined
