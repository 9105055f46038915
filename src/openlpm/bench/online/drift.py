"""What becomes of a stream over minutes: five scores against its truth, and their slopes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench import statistics
from openlpm.bench.online.faults import Fault
from openlpm.bench.online.meter import StreamReading
from openlpm.bench.result import Bar, Row
from openlpm.core.errors import ConfigError

ASPECTS = ("identity", "sharpness", "colour", "background", "motion")
SLOPE_BAR = Bar(at_least=-0.001, at_most=0.001)
CATCHES = {
    "identity": Fault.MORPH,
    "sharpness": Fault.FADE,
    "colour": Fault.TINT,
    "background": Fault.BACKDROP,
    "motion": Fault.FREEZE,
}
"""The broken stream that each slope has to see."""
UNLIKE = 0.5
"""How far apart (red, green and blue together) the cells of two test characters are on average: a score of 0."""
WORTH_KEEPING = 0.5
"""Of the truth: a slope counts only where the mean score is this or more, for nothing is steadier than the dead."""
_FIGURE, _EMPTY = 0.5, 0.01
"""A cell is the character's if that much of it is, and the background's if no more than that is."""

Series = NDArray[np.float64]


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrueStream:
    """One round of a conversation as it should be."""

    reading: StreamReading
    figure_GG: NDArray[np.float64]
    """How much of each cell is the character on average."""

    def scores(self, seen: StreamReading) -> dict[str, Series]:
        """``ASPECTS`` of each bin of a stream: 1 as the truth in the same bin of the round; what is not known is 0."""
        truth, phase_M = self.reading, np.arange(seen.num_bins) % self.reading.num_bins
        apart_MGG = np.linalg.norm(seen.cells_MGGC - truth.cells_MGGC[phase_M], axis=3)

        def alike(cells_GG: NDArray[np.bool_]) -> Series:
            return 1.0 - apart_MGG[:, cells_GG].mean(axis=1) / UNLIKE if cells_GG.any() else np.full(seen.num_bins, 1.0)

        found = {
            "identity": seen.cosine_M / truth.cosine_M[phase_M],
            "sharpness": seen.sharpness_M / truth.sharpness_M[phase_M],
            "colour": alike(self.figure_GG > _FIGURE),
            "background": alike(self.figure_GG <= _EMPTY),
            "motion": seen.energy_M / truth.energy_M[phase_M],
        }
        return {name: np.nan_to_num(series_M, nan=0.0, posinf=0.0) for name, series_M in found.items()}


def slope(series_M: Series, *, bin_minutes: float, round_bins: int) -> float:
    """Change of a score a minute, by least squares within the bins that hold the same part of the round.

    What a stream hears and does differs between the bins of a round and not between rounds, so only what changes from
    round to round counts; a stream of a single round is one line through all of its bins. NaN for a single bin.
    """
    bins = series_M.shape[0]
    minute_M = np.arange(bins) * bin_minutes
    phase_M = np.arange(bins) % round_bins if bins > round_bins else np.zeros(bins, np.int64)
    means_M = [[float(values[phase_M == phase].mean()) for phase in phase_M] for values in (minute_M, series_M)]
    time_M, value_M = minute_M - means_M[0], series_M - means_M[1]
    leverage = float((time_M**2).sum())
    return float((time_M * value_M).sum()) / leverage if leverage > 0 else float("nan")


def slope_rows(
    scores: Sequence[Mapping[str, Series]], *, bin_minutes: float, round_bins: int, suffix: str = ""
) -> list[Row]:
    """Mean slope over streams of each aspect; the bar must hold the whole interval, of a score ``WORTH_KEEPING``."""
    if not scores:
        raise ConfigError("scores=(): give at least one stream")
    rows: list[Row] = []
    for aspect in ASPECTS:
        slopes = [slope(each[aspect], bin_minutes=bin_minutes, round_bins=round_bins) for each in scores]
        name, estimate = f"{aspect}_slope_per_min{suffix}", statistics.mean(np.array(slopes))
        worthy = _level(scores, aspect).value >= WORTH_KEEPING
        rows.append(Row.of(name, estimate, unit="1/min", bar=SLOPE_BAR, guard=worthy, whole=True))
    return rows


def level_rows(scores: Sequence[Mapping[str, Series]], suffix: str = "") -> list[Row]:
    """Mean of each score over streams, so that one who has nothing left to lose is not taken for steady."""
    return [Row.of(f"{aspect}_score{suffix}", _level(scores, aspect)) for aspect in ASPECTS]


def _level(scores: Sequence[Mapping[str, Series]], aspect: str) -> statistics.Estimate:
    return statistics.mean(np.array([float(each[aspect].mean()) for each in scores]))
