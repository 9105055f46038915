"""Intervals of strengths: the bootstrap over cases, because votes about one case are not independent."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, final

import numpy as np

from openlpm.bench.arena.strength import ELO, Ballots, Fit, Numbers, fit
from openlpm.bench.statistics import student_quantile
from openlpm.core.seeds import generator

RESAMPLES: Final = 1000
FEWEST_CASES: Final = 6
"""Under so many cases resamples hardly differ, and no interval is given."""
_TAIL = 0.025


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A system on a board, in Elo points about the mean of the board's systems; ranks count from 1."""

    elo: float
    low: float | None
    high: float | None
    rank_low: int
    """One more than the systems that are better beyond doubt."""
    rank_high: int
    """As many as are not worse beyond doubt."""


def standings(ballots: Ballots, found: Fit, *, resamples: int = RESAMPLES, seed: int = 0) -> list[Standing]:
    """Every system's strength with its 95 % interval and the ranks that the differences leave open.

    Raters' slopes are those of all votes: a resample of cases says little about one rater.
    """
    count = ballots.num_systems
    drawn_EK = resampled(ballots, found, resamples=resamples, seed=seed)
    if drawn_EK is None:
        return [
            Standing(elo=float(value), low=None, high=None, rank_low=1, rank_high=count)
            for value in ELO * found.strength_K
        ]
    tail = _tail(np.unique(ballots.case_N).shape[0])
    low_K, high_K = ELO * np.quantile(drawn_EK, [tail, 1 - tail], axis=0)
    above_KK = np.quantile(drawn_EK[:, :, None] - drawn_EK[:, None, :], tail, axis=0) > 0
    better_K, worse_K = above_KK.sum(axis=0), above_KK.sum(axis=1)
    return [
        Standing(
            elo=float(ELO * found.strength_K[system]),
            low=float(low_K[system]),
            high=float(high_K[system]),
            rank_low=int(1 + better_K[system]),
            rank_high=int(count - worse_K[system]),
        )
        for system in range(count)
    ]


def _tail(count: int) -> float:
    """What is cut off at either end; less for few cases, whose resamples vary too little (see ``bench.statistics``)."""
    width = math.sqrt(count / (count - 1)) * student_quantile(1 - _TAIL, count - 1)
    return NormalDist().cdf(-width)


def resampled(ballots: Ballots, found: Fit, *, resamples: int, seed: int = 0) -> Numbers | None:
    """Strengths of resampled cases, (E, K); None where the cases are too few for it."""
    clusters, case_N = np.unique(ballots.case_N, return_inverse=True)
    if clusters.shape[0] < FEWEST_CASES:
        return None
    rng = generator("arena", "bootstrap", seed)
    drawn_EK = np.zeros((resamples, ballots.num_systems))
    for index in range(resamples):
        chosen = rng.integers(0, clusters.shape[0], clusters.shape[0])
        times_C = np.bincount(chosen, minlength=clusters.shape[0]).astype(np.float64)
        drawn_EK[index] = fit(ballots, weight_N=times_C[case_N], start=found).strength_K
    return drawn_EK
