"""Statistics over cases, against scipy where it has them and against known numbers where it does not."""

import numpy as np
import pytest
from scipy import stats

from openlpm.bench.lpm.comparing import (
    Unit,
    area_under_curve,
    benjamini_hochberg,
    difference,
    equivalence,
    holm,
    mean_interval,
    median_survival,
    rank_intervals,
    sign_flip,
)

pytestmark = pytest.mark.unit


def alone(count: int) -> list[Unit]:
    return [Unit(case=f"k{k}", char=f"c{k}", script=f"s{k}") for k in range(count)]


@pytest.fixture
def skewed() -> np.ndarray:
    return np.random.default_rng(3).exponential(size=40)


def test_an_interval_of_independent_cases_is_that_of_scipy(skewed: np.ndarray) -> None:
    ours = mean_interval(skewed, alone(40))
    theirs = stats.bootstrap((skewed,), np.mean, n_resamples=10_000, method="BCa", rng=1).confidence_interval
    assert ours.low is not None
    assert ours.high is not None
    # Ours is wider by the correction for few clusters, 1.05 at forty.
    assert ours.low == pytest.approx(theirs.low, abs=0.04)
    assert ours.high == pytest.approx(theirs.high, abs=0.04)


def test_the_same_scripts_in_four_domains_are_no_more_evidence_than_once(skewed: np.ndarray) -> None:
    four = [Unit(case=f"k{k}-{d}", char=f"c{k}-{d}", script=f"s{k}") for k in range(40) for d in range(4)]
    once, repeated = mean_interval(skewed, alone(40)), mean_interval(np.repeat(skewed, 4), four)
    assert (repeated.low, repeated.high) == pytest.approx((once.low, once.high))
    assert repeated.n == 160


def test_crossed_characters_and_scripts_make_an_interval_wider_than_either_alone() -> None:
    rng = np.random.default_rng(0)
    units = [Unit(case=f"{c}-{s}", char=str(c), script=str(s)) for c in range(12) for s in range(12)]
    values = (rng.normal(size=(12, 1)) + rng.normal(size=(1, 12)) + rng.normal(size=(12, 12))).ravel()
    by_char = [Unit(case=unit.case, char=unit.char, script=unit.char) for unit in units]
    crossed, one_way = mean_interval(values, units), mean_interval(values, by_char)
    assert crossed.high is not None
    assert crossed.low is not None
    assert one_way.high is not None
    assert one_way.low is not None
    assert crossed.high - crossed.low > 1.15 * (one_way.high - one_way.low)


def test_characters_and_scripts_that_hardly_cross_cost_hardly_anything(skewed: np.ndarray) -> None:
    units = alone(40)
    # One character has two scripts, and one script two characters: product weights alone would triple the variance.
    units[1] = Unit(case="k1", char="c0", script="s1")
    units[3] = Unit(case="k3", char="c3", script="s2")
    nearly, without = mean_interval(skewed, units), mean_interval(skewed, alone(40))
    assert nearly.low is not None
    assert nearly.high is not None
    assert without.low is not None
    assert without.high is not None
    assert nearly.high - nearly.low == pytest.approx(without.high - without.low, rel=0.15)


def test_two_clusters_promise_no_interval() -> None:
    units = [Unit(case=str(k), char=str(k % 2), script=str(k % 2)) for k in range(10)]
    found = mean_interval(np.arange(10.0), units)
    assert found.low is None
    assert found.mean == 4.5


def test_signs_of_five_equal_differences_can_be_flipped_in_two_of_thirty_two_ways() -> None:
    assert sign_flip(np.ones(5) + 1e-3 * np.arange(5)) == pytest.approx(2 / 32)
    assert sign_flip(np.zeros(5)) == 1.0


def test_sign_flips_find_what_a_t_test_finds() -> None:
    apart = np.random.default_rng(1).normal(0.4, 1.0, size=60)
    assert sign_flip(apart) == pytest.approx(stats.ttest_1samp(apart, 0.0).pvalue, abs=0.01)


def test_holm_is_that_of_his_paper_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_benjamini_and_hochberg_allow_more_than_holm() -> None:
    p_values = [0.01, 0.02, 0.03, 0.04]
    assert benjamini_hochberg(p_values) == pytest.approx([0.04] * 4)
    assert max(benjamini_hochberg(p_values)) < max(holm(p_values))


def test_equivalence_is_the_larger_of_two_one_sided_tests() -> None:
    apart = np.random.default_rng(2).normal(0.0, 1.0, size=80)
    low = stats.ttest_1samp(apart, -0.5, alternative="greater").pvalue
    high = stats.ttest_1samp(apart, 0.5, alternative="less").pvalue
    assert equivalence(apart, 0.5) == pytest.approx(max(low, high))
    assert equivalence(apart + 2.0, 0.5) > 0.99


def test_a_difference_is_paired_and_leaves_out_what_one_side_lacks() -> None:
    units = alone(30)
    a = {unit.case: float(k) for k, unit in enumerate(units)}
    b = {case: value - 0.5 for case, value in a.items() if case != "k7"}
    found = difference(a, b, units, margin=0.1, higher_is_better=True)
    assert found.n == 29
    assert found.diff == pytest.approx(0.5)
    assert found.differs
    assert found.p_not_worse == 0.0
    assert difference(b, a, units, margin=0.1, higher_is_better=True).p_not_worse == 1.0
    assert difference(b, a, units, margin=0.1, higher_is_better=False).p_not_worse == 0.0


def test_systems_that_cannot_be_told_apart_share_their_ranks() -> None:
    better = {("a", "c"), ("b", "c")}
    found = rank_intervals(["a", "b", "c"], lambda x, y: (x, y) in better)
    assert found == {"a": (1, 2), "b": (1, 2), "c": (3, 3)}


def test_the_median_of_a_life_is_that_of_the_product_limit_curve() -> None:
    # Shares that live on: 0.75 after 1, 0.5 after 2; one was alive when nobody looked any more.
    assert median_survival([1.0, 2.0, 3.0, 3.0], [True, True, False, True]) == 2.0
    assert median_survival([5.0, 5.0, 5.0], [False, False, False]) is None
    assert median_survival([1.0, 5.0, 5.0, 5.0], [True, False, False, False]) is None


def test_the_area_under_a_curve_counts_ties_half() -> None:
    assert area_under_curve(np.array([2.0, 3.0]), np.array([1.0, 2.0])) == pytest.approx(3.5 / 4)
    assert np.isnan(area_under_curve(np.array([]), np.array([1.0])))
