"""Intervals: bootstrap over clips, because frames of one clip are not independent."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.seeds import generator

Values = NDArray[np.float64]
OfSums = Callable[[Values], Values]
"""From sums over clips, (E, X), to E numbers."""

_NORMAL = NormalDist()
_CONFIDENCE = 0.95
_RESAMPLES = 4000
_FEWEST_TO_RESAMPLE = 6


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A number with its 95 % interval (None where the clips are too few for one) and the clips behind it."""

    value: float
    low: float | None
    high: float | None
    n: int

    @staticmethod
    def single(value: float, n: int = 1) -> "Estimate":
        """A number without an interval."""
        return Estimate(value=value, low=None, high=None, n=n)


def mean(values_N: Values, *, seed: int = 0) -> Estimate:
    """Mean over clips with its interval; NaN with n = 0 where there are none."""
    return ratio_of_sums(values_N, np.ones_like(values_N), seed=seed)


def ratio_of_sums(numerator_N: Values, denominator_N: Values, *, seed: int = 0) -> Estimate:
    """``sum(numerator) / sum(denominator)`` over N clips, with a BCa bootstrap interval over clips.

    The level is widened for few clips as Hesterberg (2015, "What teachers should know about the bootstrap", section
    4.1) proposes: resamples of n clips vary too little by (n - 1) / n, and the normal quantile stands for Student's.
    Under six clips, where resamples hardly differ, it is Student's interval of the linearised ratio: as wide as two to
    five clips deserve.

    Raises:
        ConfigError: the two arrays differ in shape or are not one number a clip.
    """
    if numerator_N.ndim != 1 or numerator_N.shape != denominator_N.shape:
        raise ConfigError(
            f"shapes {numerator_N.shape} and {denominator_N.shape}: give one number a clip in both arrays"
        )
    count = numerator_N.shape[0]
    value = _ratio(numerator_N.sum(), denominator_N.sum())
    if count < 2 or not math.isfinite(value):
        return Estimate.single(value, n=count)
    if count < _FEWEST_TO_RESAMPLE:
        residual_N = numerator_N - value * denominator_N
        error = math.sqrt(count / (count - 1) * float((residual_N**2).sum())) / abs(float(denominator_N.sum()))
        reach = error * student_quantile(0.5 + _CONFIDENCE / 2, count - 1)
        return Estimate(value=value, low=value - reach, high=value + reach, n=count)
    chosen_EN = generator("bench", "bootstrap", seed).integers(0, count, (_RESAMPLES, count))
    totals_E = denominator_N[chosen_EN].sum(axis=1)
    kept_E = totals_E != 0
    resampled_E = numerator_N[chosen_EN].sum(axis=1)[kept_E] / totals_E[kept_E]
    if resampled_E.size == 0 or np.ptp(resampled_E) == 0:
        return Estimate(value=value, low=value, high=value, n=count)
    low, high = np.quantile(resampled_E, _bca_levels(value, resampled_E, numerator_N, denominator_N))
    return Estimate(value=value, low=float(low), high=float(high), n=count)


def share(hits: int, n: int) -> Estimate:
    """Hits among n that are independent, with Wilson's interval, which is honest at 0 and at n; NaN with n = 0."""
    if n == 0:
        return Estimate.single(math.nan, n=0)
    z, value = _NORMAL.inv_cdf(0.5 + _CONFIDENCE / 2), hits / n
    middle = (value + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * math.sqrt(value * (1 - value) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Estimate(value=value, low=max(0.0, middle - reach), high=min(1.0, middle + reach), n=n)


def median(values_N: Values) -> Estimate:
    """Median with the interval of the sign test: the order statistics between which it lies in 95 % of cases.

    No interval under six values, which cannot promise so much; NaN with n = 0 where there are none.
    """
    count = values_N.shape[0]
    if count == 0:
        return Estimate.single(math.nan, n=0)
    value, rising_N = float(np.median(values_N)), np.sort(values_N)
    below, outside = 0.0, 0
    for index in range(count // 2):
        below += math.comb(count, index) / 2**count
        if below > (1 - _CONFIDENCE) / 2:
            break
        outside = index + 1
    if outside == 0:
        return Estimate.single(value, n=count)
    return Estimate(value=value, low=float(rising_N[outside - 1]), high=float(rising_N[-outside]), n=count)


def ratio_of_medians(numerator_N: Values, denominator_N: Values, *, seed: int = 0) -> Estimate:
    """Median of one sample over that of another, with a percentile bootstrap interval; ``n`` counts the fewer."""
    count = min(numerator_N.shape[0], denominator_N.shape[0])
    if count == 0:
        return Estimate.single(math.nan, n=0)
    value = _ratio(float(np.median(numerator_N)), float(np.median(denominator_N)))
    if count < _FEWEST_TO_RESAMPLE or not math.isfinite(value):
        return Estimate.single(value, n=count)
    rng = generator("bench", "bootstrap", seed)
    above_E, below_E = (
        np.median(values_N[rng.integers(0, values_N.shape[0], (_RESAMPLES, values_N.shape[0]))], axis=1)
        for values_N in (numerator_N, denominator_N)
    )
    low, high = np.quantile(above_E / below_E, [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
    return Estimate(value=value, low=float(low), high=float(high), n=count)


def per(number: float, estimate: Estimate) -> Estimate:
    """So many over an estimate that is positive throughout, such as frames over seconds."""
    low, high = (None if bound is None else number / bound for bound in (estimate.high, estimate.low))
    return Estimate(value=number / estimate.value, low=low, high=high, n=estimate.n)


def of_sums(terms_NX: Values, value: OfSums, *, seed: int = 0) -> Estimate:
    """Any function of sums over N clips, such as an F1 of counted hits, with its BCa interval over clips.

    Under six clips it is Student's interval with the jackknife's error, and none where clips cannot be left out. NaN
    with n = 0 where there are none.
    """
    count = terms_NX.shape[0]
    total_X = terms_NX.sum(axis=0)
    found = float(value(total_X[None])[0]) if count else math.nan
    if count < 2 or not math.isfinite(found):
        return Estimate.single(found, n=count)
    jackknife_N = value(total_X - terms_NX)
    if count < _FEWEST_TO_RESAMPLE:
        if not np.isfinite(jackknife_N).all():
            return Estimate.single(found, n=count)
        error = math.sqrt((count - 1) / count * float(((jackknife_N - jackknife_N.mean()) ** 2).sum()))
        reach = error * student_quantile(0.5 + _CONFIDENCE / 2, count - 1)
        return Estimate(value=found, low=found - reach, high=found + reach, n=count)
    chosen_EN = generator("bench", "bootstrap", seed).integers(0, count, (_RESAMPLES, count))
    times_EN = np.zeros((_RESAMPLES, count))
    np.add.at(times_EN, (np.arange(_RESAMPLES)[:, None], chosen_EN), 1.0)
    resampled_E = value(times_EN @ terms_NX)
    resampled_E = resampled_E[np.isfinite(resampled_E)]
    if resampled_E.size == 0 or np.ptp(resampled_E) == 0:
        return Estimate(value=found, low=found, high=found, n=count)
    low, high = np.quantile(resampled_E, _levels(found, resampled_E, jackknife_N))
    return Estimate(value=found, low=float(low), high=float(high), n=count)


def _bca_levels(value: float, resampled_E: Values, numerator_N: Values, denominator_N: Values) -> tuple[float, float]:
    left_N = denominator_N.sum() - denominator_N
    whole = not np.any(left_N == 0)
    jackknife_N = (numerator_N.sum() - numerator_N) / left_N if whole else np.full(left_N.shape, math.nan)
    return _levels(value, resampled_E, jackknife_N)


def _levels(value: float, resampled_E: Values, jackknife_N: Values) -> tuple[float, float]:
    """Quantile levels of the bias-corrected and accelerated bootstrap (Efron 1987).

    Without acceleration where a clip cannot be left out (its jackknife is not finite).
    """
    count = jackknife_N.shape[0]
    below = float(np.mean(resampled_E < value) + 0.5 * np.mean(resampled_E == value))
    limit = 1.0 / resampled_E.size
    bias = _NORMAL.inv_cdf(min(max(below, limit), 1.0 - limit))
    acceleration = 0.0
    if np.all(np.isfinite(jackknife_N)):
        centred_N = jackknife_N.mean() - jackknife_N
        spread = float((centred_N**2).sum())
        acceleration = float((centred_N**3).sum()) / (6.0 * spread**1.5) if spread > 0 else 0.0
    width = math.sqrt(count / (count - 1)) * student_quantile(0.5 + _CONFIDENCE / 2, count - 1)
    levels = [_NORMAL.cdf(bias + (bias + z) / max(1.0 - acceleration * (bias + z), 1e-3)) for z in (-width, width)]
    return min(levels), max(levels)


def student_quantile(level: float, freedom: int) -> float:
    """Quantile of Student's t: exact for 1 and 2 degrees of freedom, then Abramowitz and Stegun 26.7.5 (within 1 %)."""
    if freedom == 1:
        return math.tan(math.pi * (level - 0.5))
    if freedom == 2:
        return (2 * level - 1) / math.sqrt(2 * level * (1 - level))
    z = _NORMAL.inv_cdf(level)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def _ratio(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator != 0 else math.nan
