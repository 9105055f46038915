"""How long streams live: deaths, the Kaplan-Meier curve, and what so few streams can promise."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.online.meter import StreamReading
from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import Estimate

SHARP_ENOUGH, LIVELY_ENOUGH = 0.7, 0.3
"""Of the truth, over a bin; less is death."""
BAR = Bar(at_least=1.0)
_CONFIDENCE = 0.95


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Life:
    """How long a stream lived, and what it died of; None: it was alive when nobody looked any more."""

    minutes: float
    cause: str | None


def life_of(
    seen: StreamReading, scores: Mapping[str, NDArray[np.float64]], *, threshold: float, bin_minutes: float
) -> Life:
    """The first of its deaths.

    Identity dies in the first second in which the mean cosine over 24 frames was below ``threshold``; sharpness and
    motion at the end of the first bin in which they are too little of the truth. What could not be read is dead.
    """
    second_minutes = 1 / 60
    whole = seen.lowest_S.shape[0] * second_minutes
    deaths: list[tuple[float, str]] = []
    unknown_F = np.isnan(seen.lowest_S)
    # Of a stream that is read in excerpts, the seconds between them are not known; where nothing is, it is dead.
    below_S = np.where(unknown_F, unknown_F.all(), seen.lowest_S < threshold)
    if below_S.any():
        deaths.append(((int(np.argmax(below_S)) + 1) * second_minutes, "identity"))
    for aspect, least in (("sharpness", SHARP_ENOUGH), ("motion", LIVELY_ENOUGH)):
        below_M = ~(scores[aspect] >= least)
        if below_M.any():
            deaths.append((min((int(np.argmax(below_M)) + 1) * bin_minutes, whole), aspect))
    minutes, cause = min(deaths, default=(whole, None))
    return Life(minutes=minutes, cause=cause)


def kaplan_meier(lives: Sequence[Life]) -> list[tuple[float, float]]:
    """Steps (minute, share that lives on from then) of the product-limit estimate, from (0, 1) on."""
    steps, alive = [(0.0, 1.0)], 1.0
    for minute in sorted({life.minutes for life in lives if life.cause is not None}):
        at_risk = sum(life.minutes >= minute for life in lives)
        died = sum(life.cause is not None and life.minutes == minute for life in lives)
        alive *= 1 - died / at_risk
        steps.append((minute, alive))
    return steps


def survival(lives: Sequence[Life]) -> Estimate:
    """Share of streams that live to the end with its exact (Clopper-Pearson) 95 % interval.

    All streams are watched equally long, so the end of the Kaplan-Meier curve is a binomial share: its usual interval
    (Greenwood's) would be empty where nobody died.
    """
    count, alive = len(lives), sum(life.cause is None for life in lives)
    tail = (1 - _CONFIDENCE) / 2
    low = 0.0 if alive == 0 else _share_at(tail, alive, count)
    high = 1.0 if alive == count else _share_at(1 - tail, alive + 1, count)
    return Estimate(value=kaplan_meier(lives)[-1][1], low=low, high=high, n=count)


def survival_rows(lives: Sequence[Life], *, minutes: float, suffix: str = "") -> list[Row]:
    """The share that lives on, and how many died of what."""
    name = f"survival_{minutes:g}min{suffix}"
    rows = [Row.of(name, survival(lives), bar=BAR)]
    for cause in ("identity", "sharpness", "motion"):
        died = sum(life.cause == cause for life in lives)
        rows.append(Row.of(f"{name}/died_of_{cause}", Estimate.single(float(died), n=len(lives))))
    return rows


def _share_at(probability: float, successes: int, trials: int) -> float:
    """The share with which ``successes`` or more of ``trials`` have the given probability, which rises with it."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        terms = (math.comb(trials, k) * middle**k * (1 - middle) ** (trials - k) for k in range(successes, trials + 1))
        low, high = (middle, high) if math.fsum(terms) < probability else (low, middle)
    return (low + high) / 2
