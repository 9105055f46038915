"""What only the course of time shows: flicker, frozen and doubled frames, bars that never change."""

from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.data.pixels import Grey, means_of, shrunk

_TILES: Final = 8
_SEEN: Final = 128
_SAME: Final = 0.35
"""Grey levels of change in the liveliest part of a picture under which nothing moves: coders alone do less."""
_FLAT: Final = 1.5
"""Spread of grey levels along a row or column of a bar, and of its mean over time."""
_BLACK, _WHITE = 30.0, 235.0
"""A flat edge of any other tone is a wall or a sky."""


@final
class Course:
    """Scores that are gathered frame by frame, in memory that does not grow with the clip."""

    def __init__(self) -> None:
        self._num = 0
        self._before: NDArray[np.float64] | None = None
        self._steps: list[NDArray[np.float64]] = []
        self._picture_HW: NDArray[np.int16] | None = None
        self._flickers: list[float] = []
        self._doubled = 0
        self._frozen = self._longest = 0
        self._rows: list[NDArray[np.float64]] = []
        self._columns: list[NDArray[np.float64]] = []

    def add(self, grey_HW: Grey) -> None:
        """The next frame."""
        self._num += 1
        self._add_flicker(means_of(grey_HW, _TILES))
        small_HW = shrunk(grey_HW, _SEEN, _SEEN).astype(np.int16)
        if self._picture_HW is not None:
            changes_HW = np.abs(small_HW - self._picture_HW).astype(np.float32)
            liveliest = float(means_of(changes_HW, _TILES).max())
            if liveliest < _SAME:
                self._doubled += 1
                self._frozen += 1
                self._longest = max(self._longest, self._frozen)
            else:
                self._frozen = 0
        self._picture_HW = small_HW

    def add_sample(self, grey_HW: Grey) -> None:
        """One of the few frames whose edges are looked at for bars."""
        self._rows.append(np.stack([grey_HW.std(axis=1), grey_HW.mean(axis=1)]))
        self._columns.append(np.stack([grey_HW.std(axis=0), grey_HW.mean(axis=0)]))

    @property
    def flicker(self) -> float:
        """Share of brightness by which the whole picture swings to and fro between frames (root mean square)."""
        return float(np.sqrt(np.mean(np.square(self._flickers)))) if self._flickers else 0.0

    @property
    def doubled(self) -> float:
        """Share of frames that are the one before."""
        return self._doubled / max(1, self._num - 1)

    @property
    def longest_frozen(self) -> int:
        """Frames of the longest standstill."""
        return self._longest

    @property
    def bars(self) -> float:
        """Share of the picture that bars at its edges cover."""
        return 1.0 - _inside(self._rows) * _inside(self._columns) if self._rows else 0.0

    def _add_flicker(self, means: NDArray[np.float64]) -> None:
        """What all parts of the picture have in common in a step there and back; movement changes only some."""
        if self._before is not None:
            step = (means - self._before) / np.maximum(means + self._before, 16.0)
            if self._steps:
                there_and_back = (step - self._steps[-1]) / 2
                self._flickers.append(float(np.median(there_and_back)))
            self._steps = [step]
        self._before = means


def _inside(seen: list[NDArray[np.float64]]) -> float:
    """Share of rows or columns between the bars; 1 where the whole picture is flat."""
    spreads, means = np.stack(seen).swapaxes(0, 1)
    tone = means.mean(axis=0)
    flat = (spreads.max(axis=0) <= _FLAT) & (np.ptp(means, axis=0) <= _FLAT)
    bar = flat & ((tone <= _BLACK) | (tone >= _WHITE))
    if bar.all():
        return 1.0
    before, behind = int(np.argmin(bar)), int(np.argmin(bar[::-1]))
    # Paper and bright walls are white at one edge; bars come in pairs.
    if (before and not behind and tone[0] >= _WHITE) or (behind and not before and tone[-1] >= _WHITE):
        before = behind = 0
    return float(bar.size - before - behind) / bar.size
