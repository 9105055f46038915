"""Intervals over clips."""

import numpy as np
import pytest
from scipy import stats

from openlpm.bench import statistics
from openlpm.core.errors import ConfigError

pytestmark = pytest.mark.unit


def test_many_clips_give_scipys_bca_interval() -> None:
    values_N = np.random.default_rng(0).exponential(size=300)
    ours = statistics.mean(values_N)
    theirs = stats.bootstrap((values_N,), np.mean, method="BCa", n_resamples=4000, rng=1).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.015)
    assert ours.high == pytest.approx(theirs.high, abs=0.015)


def test_few_clips_give_a_wider_interval_than_the_plain_bootstrap() -> None:
    values_N = np.random.default_rng(1).normal(size=4)
    ours = statistics.mean(values_N)
    theirs = stats.bootstrap((values_N,), np.mean, method="percentile", rng=1).confidence_interval
    assert ours.low is not None
    assert ours.high is not None
    assert ours.high - ours.low > theirs.high - theirs.low


@pytest.mark.parametrize("clips", [2, 4, 8, 24])
def test_the_interval_of_a_mean_holds_the_truth_about_95_times_in_100(clips: int) -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(200):
        estimate = statistics.mean(rng.normal(size=clips))
        assert estimate.low is not None
        assert estimate.high is not None
        held += estimate.low <= 0.0 <= estimate.high
    assert 180 <= held <= 200


def test_a_ratio_of_sums_is_not_ruled_by_a_still_clip() -> None:
    estimate = statistics.ratio_of_sums(np.array([2.0, 2.0, 1e-3]), np.array([2.0, 2.0, 1e-9]))
    assert estimate.value == pytest.approx(1.0, abs=1e-3)


def test_the_same_numbers_give_the_same_interval_and_no_clip_gives_nan() -> None:
    values_N = np.arange(10.0)
    assert statistics.mean(values_N) == statistics.mean(values_N)
    assert statistics.mean(np.full(5, 2.0)) == statistics.Estimate(value=2.0, low=2.0, high=2.0, n=5)
    empty = statistics.mean(np.array([]))
    assert np.isnan(empty.value)
    assert empty.n == 0
    assert statistics.mean(np.array([3.0])).low is None


def test_ragged_arrays_are_refused() -> None:
    with pytest.raises(ConfigError, match="one number a clip"):
        statistics.ratio_of_sums(np.ones(3), np.ones(4))


@pytest.mark.parametrize("freedom", [1, 2, 3, 8, 60])
def test_students_quantile_agrees_with_scipy(freedom: int) -> None:
    assert statistics.student_quantile(0.975, freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=0.01)
