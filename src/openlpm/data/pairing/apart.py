"""Two voices of a source told apart by how they sound, learnt where labels are sure that one party alone speaks."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.data.pairing.mixture import Mixture
from openlpm.data.pairing.timbre import COLUMN_RATE_HZ, NUM_CEPSTRA, PITCH, VOICING, loudness_of
from openlpm.encoders.mel import COLUMNS_PER_FRAME

Mask = NDArray[np.bool_]


class Who(IntEnum):
    """Of whom labels are sure in a frame."""

    NOBODY = 0
    OWN = 1
    OTHER = 2
    BOTH = 3
    """Both are labelled to speak, and both are in the picture."""


LEAST_LEARNT_S: Final = 0.6
"""Of either voice; else nothing can be learnt."""
MOST_LEARNT_S: Final = 30.0
"""Of either voice, the first that comes: more costs memory and teaches little."""
_LOUD, _ACTIVE, _SOFT = -4.0, -7.0, 3.0
"""Log power against what is loud: louder columns are learnt from; softer ones than ``_ACTIVE`` say nothing of whose
they are, and ``_SOFT`` above it columns count in full."""
_COMPONENTS: Final = 8
_NEAR, _WIDE, _SMOOTH = 6, 12, 4
"""Columns to either side: of what is learnt from linearly, and of the answer."""
_NUM_MOMENT: Final = NUM_CEPSTRA
"""Of a row what mixtures see: cepstra without loudness, and pitch."""
_MOST: Final = 4.0
"""Evidence of one column is never stronger."""
_RIDGE: Final = 100.0
_NEWTON: Final = 30
_OCTAVES: Final = 2.0
"""Weight of pitch beside cepstra in the mixtures."""
_HELD_OUT: Final = 0.6
"""Share of held-out columns of each voice that must be found to be that voice's (.5 is chance)."""
_BLOCK: Final = 144
"""Columns that are held out or learnt from together."""


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Features:
    """What is known of the columns of a unit."""

    rows_LX: NDArray[np.float32]
    weight_L: NDArray[np.float32]
    """0 where nothing is heard, to 1."""
    loud_L: Mask


@final
@dataclass(kw_only=True, slots=True)
class Examples:
    """Columns of one voice, ``MOST_LEARNT_S`` at most."""

    pieces: list[NDArray[np.float32]] = field(default_factory=list[NDArray[np.float32]])
    count: int = 0

    def add(self, features: Features, mask_L: Mask) -> None:
        """Take the loud columns of a mask."""
        room = round(MOST_LEARNT_S * COLUMN_RATE_HZ) - self.count
        rows_NX = features.rows_LX[mask_L & features.loud_L][:room]
        if rows_NX.shape[0]:
            self.pieces.append(rows_NX)
            self.count += rows_NX.shape[0]

    def extend(self, other: "Examples") -> "Examples":
        """These and those of another, as many as there is room for."""
        joined = Examples(pieces=list(self.pieces), count=self.count)
        for rows_NX in other.pieces:
            taken_NX = rows_NX[: round(MOST_LEARNT_S * COLUMN_RATE_HZ) - joined.count]
            joined.pieces.append(taken_NX)
            joined.count += taken_NX.shape[0]
        return joined

    def rows(self) -> NDArray[np.float64]:
        """All of them, (N, X)."""
        return np.concatenate(self.pieces).astype(np.float64)


@final
class Ear:
    """Tells one voice from all others of its source."""

    def __init__(self, own_NX: NDArray[np.float64], other_NX: NDArray[np.float64]) -> None:
        both_NX = np.concatenate([own_NX, other_NX])[:, _NUM_MOMENT:]
        self._mean_X, self._spread_X = both_NX.mean(axis=0), both_NX.std(axis=0) + 1e-3
        is_own_N = np.arange(both_NX.shape[0]) < own_NX.shape[0]
        self._slope_X, self._offset = _logistic((both_NX - self._mean_X) / self._spread_X, is_own_N)
        self._own, self._other = (Mixture(rows_NX[:, :_NUM_MOMENT], _COMPONENTS) for rows_NX in (own_NX, other_NX))

    def evidence(self, rows_NX: NDArray[np.floating]) -> NDArray[np.float64]:
        """Log odds of each column by itself: the mean of what mixtures and a line think."""
        rows_NX = rows_NX.astype(np.float64)
        moment_NX, linear_NX = rows_NX[:, :_NUM_MOMENT], rows_NX[:, _NUM_MOMENT:]
        mixed_N = self._own.log_likelihood(moment_NX) - self._other.log_likelihood(moment_NX)
        linear_N = (linear_NX - self._mean_X) / self._spread_X @ self._slope_X + self._offset
        return 0.5 * (np.clip(mixed_N, -_MOST, _MOST) + np.clip(linear_N, -_MOST, _MOST))

    def odds(self, features: Features) -> NDArray[np.float32]:
        """How surely each column of a unit is the own voice (above 0) or another's; 0 where nothing is heard."""
        weight_L = features.weight_L.astype(np.float64)
        told_L = _averaged(self.evidence(features.rows_LX) * weight_L, _SMOOTH)
        return (told_L / (_averaged(weight_L, _SMOOTH) + 0.25)).astype(np.float32)


def ear_for(own: Examples, other: Examples) -> Ear | None:
    """What tells a voice from the others; None if there is too little to learn from, or they sound alike.

    Whether they do is asked of what was held out: half of the blocks, by turns.
    """
    if min(own.count, other.count) < LEAST_LEARNT_S * COLUMN_RATE_HZ:
        return None
    own_NX, other_NX = own.rows(), other.rows()
    if min(own.count, other.count) >= 2 * _BLOCK and _alike(own_NX, other_NX):
        return None
    return Ear(own_NX, other_NX)


def features_of(timbre_LX: NDArray[np.float32]) -> Features:
    """What voices are told by: each column's cepstra and pitch, then means and spread of those around it."""
    loudness_L = loudness_of(timbre_LX)
    cepstra_LC = timbre_LX[:, 1:NUM_CEPSTRA].astype(np.float64)
    octaves_L, voicing_L = timbre_LX[:, PITCH].astype(np.float64), timbre_LX[:, VOICING].astype(np.float64)
    moment_LX = np.concatenate([cepstra_LC, _OCTAVES * (octaves_L * (voicing_L > 0.5))[:, None]], axis=1)
    power_L1 = np.exp(np.clip(loudness_L.astype(np.float64), -6, 0))[:, None] + 1e-6
    near_L1, shape_LC = _averaged(power_L1, _NEAR), cepstra_LC[:, :-1]
    mean_LC = _averaged(shape_LC * power_L1, _NEAR) / near_L1
    wide_LC = _averaged(shape_LC * power_L1, _WIDE) / _averaged(power_L1, _WIDE)
    spread_LC = np.sqrt(np.maximum(_averaged(shape_LC**2 * power_L1, _NEAR) / near_L1 - mean_LC**2, 0))
    voiced_L = 1 / (1 + np.exp(-12 * (voicing_L - 0.5)))
    share_L = _averaged(voiced_L, _NEAR)
    pitch_L = _averaged(voiced_L * octaves_L, _NEAR) / (share_L + 0.01)
    pitch_L3 = np.stack([pitch_L, pitch_L**2, share_L], axis=1)
    return Features(
        rows_LX=np.concatenate([moment_LX, mean_LC, wide_LC, spread_LC, pitch_L3], axis=1).astype(np.float32),
        weight_L=np.clip((loudness_L - _ACTIVE) / _SOFT, 0, 1),
        loud_L=loudness_L > _LOUD,
    )


def columns_of(mask_F: Mask) -> Mask:
    """A mask of frames as one of columns."""
    return np.repeat(mask_F, COLUMNS_PER_FRAME)


def _alike(own_NX: NDArray[np.float64], other_NX: NDArray[np.float64]) -> bool:
    halves = [[np.arange(rows.shape[0]) // _BLOCK % 2 == half for half in range(2)] for rows in (own_NX, other_NX)]
    right: list[NDArray[np.bool_]] = []
    wrong: list[NDArray[np.bool_]] = []
    for learnt, held in ((0, 1), (1, 0)):
        ear = Ear(own_NX[halves[0][learnt]], other_NX[halves[1][learnt]])
        right.append(_averaged(ear.evidence(own_NX[halves[0][held]]), _SMOOTH) > 0)
        wrong.append(_averaged(ear.evidence(other_NX[halves[1][held]]), _SMOOTH) < 0)
    return min(np.concatenate(right).mean(), np.concatenate(wrong).mean()) < _HELD_OUT


def _averaged(values_L: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Means over a Hann window of so many columns to either side, along the first axis."""
    window = np.hanning(2 * reach + 3)[1:-1]
    window /= window.sum()
    padded_L = np.pad(values_L, [(reach, reach)] + [(0, 0)] * (values_L.ndim - 1))
    around = np.lib.stride_tricks.sliding_window_view(padded_L, 2 * reach + 1, axis=0)
    return around @ window


def _logistic(rows_NX: NDArray[np.float64], is_own_N: Mask) -> tuple[NDArray[np.float64], float]:
    """Slope and offset of logistic regression (Newton), both voices of equal weight, the slope kept small."""
    rows_NX = np.concatenate([rows_NX, np.ones((rows_NX.shape[0], 1))], axis=1)
    share = is_own_N.mean()
    weight_N = np.where(is_own_N, 0.5 / share, 0.5 / (1 - share))
    ridge_X = np.full(rows_NX.shape[1], _RIDGE)
    ridge_X[-1] = 1e-3
    line_X = np.zeros(rows_NX.shape[1])
    for _ in range(_NEWTON):
        likely_N = 1 / (1 + np.exp(-np.clip(rows_NX @ line_X, -30, 30)))
        slope_X = rows_NX.T @ (weight_N * (likely_N - is_own_N)) + ridge_X * line_X
        bend_N = weight_N * np.maximum(likely_N * (1 - likely_N), 1e-4)
        step_X = np.linalg.solve((rows_NX * bend_N[:, None]).T @ rows_NX + np.diag(ridge_X), slope_X)
        line_X = line_X - step_X
        if np.abs(step_X).max() < 1e-3:
            break
    return line_X[:-1], float(line_X[-1])
