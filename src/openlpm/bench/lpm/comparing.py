"""Statistics over cases: intervals by resampling characters and scripts, paired tests, and what many tests allow.

A case is the unit (the mean of its seeds). Cases of one character or of one script are not independent, so both are
resampled: where every character belongs to one script, or every script to one character, that is one bootstrap over
the larger of the two; where they hardly cross it is one over groups of cases that share nothing with any other group;
else the product of both (Owen 2007, "The pigeonhole bootstrap"), which is three times too wide where nothing is shared.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.seeds import generator

Values = NDArray[np.float64]
RESAMPLES = 10_000
_LEVEL = 0.95
_FEWEST = 3
_AT_ONCE = 500
_MOSTLY_APART = 0.5
"""Of the clusters, so many groups that share nothing are enough to resample."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """A case and the clusters that it belongs to."""

    case: str
    char: str
    script: str


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A mean with its 95 % interval; None where there are too few clusters for one."""

    mean: float
    low: float | None
    high: float | None
    n: int


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """System a less system b over the cases that both were given."""

    diff: float
    low: float | None
    high: float | None
    p: float
    """Of the paired sign-flip test; 1 where there is nothing to flip."""
    p_not_worse: float
    """Of the test that a is worse than b by ``margin`` or more; small: it is not."""
    p_equivalent: float
    """Of two one-sided tests; small: they are within ``margin`` of each other."""
    n: int

    @property
    def differs(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low is not None and self.high is not None and not self.low <= 0.0 <= self.high


def mean_interval(values_N: Values, units: Sequence[Unit], *, resamples: int = RESAMPLES) -> Interval:
    """Mean over cases with its BCa interval over clusters (Efron 1987), its level widened for few clusters.

    Raises:
        ConfigError: numbers of values and cases differ.
    """
    if values_N.shape != (len(units),):
        raise ConfigError(f"{values_N.shape} values for {len(units)} cases: give one a case")
    if not units:
        return Interval(mean=math.nan, low=None, high=None, n=0)
    ways = _ways([unit.char for unit in units], [unit.script for unit in units])
    mean = float(values_N.mean())
    count = min(int(way.max()) + 1 for way in ways)
    if count < _FEWEST:
        return Interval(mean=mean, low=None, high=None, n=len(units))
    resampled_E = _resampled(values_N, ways, resamples)
    if resampled_E.size == 0 or float(np.ptp(resampled_E)) < 1e-12:
        return Interval(mean=mean, low=mean, high=mean, n=len(units))
    levels = _bca_levels(mean, resampled_E, _left_out(values_N, ways), count)
    low, high = np.quantile(resampled_E, levels)
    return Interval(mean=mean, low=float(low), high=float(high), n=len(units))


def _ways(*names: Sequence[str]) -> list[NDArray[np.int64]]:
    """The clusterings that have to be resampled, as numbers from 0: the coarser one if one holds the other."""
    numbers = [np.unique(np.array(each), return_inverse=True)[1].astype(np.int64) for each in names]
    for coarse, fine in (numbers, numbers[::-1]):
        if len(set(zip(fine.tolist(), coarse.tolist(), strict=True))) == int(fine.max()) + 1:
            return [coarse]
    apart = _apart(numbers)
    if int(apart.max()) + 1 >= _MOSTLY_APART * min(int(each.max()) + 1 for each in numbers):
        return [apart]
    return numbers


def _apart(numbers: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Groups of cases that share no cluster with a case of another group."""
    from scipy import sparse

    char_N, script_N = numbers
    first = int(char_N.max()) + 1
    size = first + int(script_N.max()) + 1
    shared = sparse.coo_matrix((np.ones(char_N.size), (char_N, first + script_N)), shape=(size, size))
    _, group_C = sparse.csgraph.connected_components(shared, directed=False)
    return np.unique(group_C[char_N], return_inverse=True)[1].astype(np.int64)


def _resampled(values_N: Values, ways: Sequence[NDArray[np.int64]], resamples: int) -> Values:
    rng = generator("lpm", "bootstrap")
    found: list[Values] = []
    for start in range(0, resamples, _AT_ONCE):
        count = min(_AT_ONCE, resamples - start)
        weight_EN = np.ones((count, values_N.shape[0]))
        for way in ways:
            clusters = int(way.max()) + 1
            drawn_EC = rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=count)
            weight_EN *= drawn_EC[:, way]
        total_E = weight_EN.sum(axis=1)
        kept_E = total_E > 0
        found.append((weight_EN @ values_N)[kept_E] / total_E[kept_E])
    return np.concatenate(found)


def _left_out(values_N: Values, ways: Sequence[NDArray[np.int64]]) -> Values:
    """Means without one cluster each."""
    parts: list[Values] = []
    for way in ways:
        count_C = np.bincount(way)
        rest_C = values_N.size - count_C
        sum_C = values_N.sum() - np.bincount(way, weights=values_N)
        parts.append(sum_C[rest_C > 0] / rest_C[rest_C > 0])
    return np.concatenate(parts)


def _bca_levels(mean: float, resampled_E: Values, left_C: Values, count: int) -> tuple[float, float]:
    from scipy import stats

    below = float(np.mean(resampled_E < mean) + 0.5 * np.mean(resampled_E == mean))
    limit = 1.0 / resampled_E.size
    bias = float(stats.norm.ppf(min(max(below, limit), 1.0 - limit)))
    centred_C = left_C.mean() - left_C
    spread = float((centred_C**2).sum())
    acceleration = float((centred_C**3).sum()) / (6.0 * spread**1.5) if spread > 0 else 0.0
    width = math.sqrt(count / (count - 1)) * float(stats.t.ppf(0.5 + _LEVEL / 2, count - 1))
    levels = [
        float(stats.norm.cdf(bias + (bias + z) / max(1.0 - acceleration * (bias + z), 1e-3))) for z in (-width, width)
    ]
    return min(levels), max(levels)


def difference(
    a: Mapping[str, float], b: Mapping[str, float], units: Sequence[Unit], *, margin: float, higher_is_better: bool
) -> Difference:
    """Paired per case, over the cases that both have; ``margin`` is what counts as worse, in the metric's unit."""
    both = [unit for unit in units if unit.case in a and unit.case in b]
    apart_N = np.array([a[unit.case] - b[unit.case] for unit in both], dtype=np.float64)
    found = mean_interval(apart_N, both)
    gain_N = apart_N if higher_is_better else -apart_N
    return Difference(
        diff=found.mean,
        low=found.low,
        high=found.high,
        p=sign_flip(apart_N),
        p_not_worse=_not_worse(gain_N, margin),
        p_equivalent=equivalence(gain_N, margin),
        n=len(both),
    )


def sign_flip(apart_N: Values, *, resamples: int = RESAMPLES) -> float:
    """Two-sided p of the mean of paired differences when their signs are flipped at random."""
    from scipy import stats

    if apart_N.size < 2 or not np.any(apart_N):
        return 1.0

    def mean(sample: Values, axis: int = -1) -> Values:
        return np.asarray(sample.mean(axis=axis))

    found = stats.permutation_test(
        (apart_N,),
        mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        alternative="two-sided",
        rng=generator("lpm", "signs"),
    )
    return float(found.pvalue)


def _not_worse(gain_N: Values, margin: float) -> float:
    """One-sided t test of ``mean gain > -margin``."""
    from scipy import stats

    if gain_N.size < 2:
        return 1.0
    if float(np.ptp(gain_N)) < 1e-12:
        return 0.0 if float(gain_N[0]) > -margin else 1.0
    # (scipy tells no types of its results)
    found: Any = stats.ttest_1samp(gain_N, -margin, alternative="greater")
    return float(found.pvalue)


def equivalence(apart_N: Values, margin: float) -> float:
    """P of two one-sided tests that the mean difference lies within +-``margin``."""
    return max(_not_worse(apart_N, margin), _not_worse(-apart_N, margin))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted by Holm (1979): who rejects below a level makes no false discovery at it."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for place, index in enumerate(order):
        highest = max(highest, min((len(order) - place) * p_values[index], 1.0))
        adjusted[index] = highest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted for a false discovery rate (Benjamini and Hochberg 1995)."""
    from scipy import stats

    return stats.false_discovery_control(p_values).tolist() if p_values else []


def rank_intervals(systems: Sequence[str], better: Callable[[str, str], bool]) -> dict[str, tuple[int, int]]:
    """First and last rank that each may have; ``better(a, b)``: a is better and the interval leaves 0 out."""
    ranks: dict[str, tuple[int, int]] = {}
    for name in systems:
        above = sum(better(other, name) for other in systems if other != name)
        below = sum(better(name, other) for other in systems if other != name)
        ranks[name] = (1 + above, len(systems) - below)
    return ranks


def median_survival(minutes: Sequence[float], died: Sequence[bool]) -> float | None:
    """Of the Kaplan-Meier curve; None where more than half live on at the end."""
    from scipy import stats

    lives, dead = np.array(minutes, dtype=np.float64), np.array(died, dtype=np.bool_)
    if not dead.any():
        return None
    sample = stats.CensoredData(uncensored=lives[dead], right=lives[~dead])
    curve = stats.ecdf(sample).sf
    below = np.flatnonzero(curve.probabilities <= 0.5)
    return float(curve.quantiles[below[0]]) if below.size else None


def area_under_curve(better_N: Values, worse_N: Values) -> float:
    """How often one of the first is higher than one of the second; ties count half."""
    from scipy import stats

    if better_N.size == 0 or worse_N.size == 0:
        return math.nan
    found = stats.mannwhitneyu(better_N, worse_N, alternative="greater")
    return float(found.statistic) / (better_N.size * worse_N.size)
