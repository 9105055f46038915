"""The statistics of the arena find strengths, sides, slopes and agreement that are known."""

import math
from dataclasses import replace

import numpy as np
import pytest

from openlpm.bench.arena.agreement import Level, alpha
from openlpm.bench.arena.intervals import resampled, standings
from openlpm.bench.arena.simulation import Crowd, votes_of
from openlpm.bench.arena.strength import ELO, Ballots, chances, fit
from openlpm.core.errors import ConfigError

pytestmark = pytest.mark.unit

EIGHT = tuple(np.linspace(-0.6, 0.6, 8))
# Krippendorff (2011), the data of its section on missing values: four observers, twelve units.
OBSERVERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
    (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
)
UNITS = [[value for value in unit if value is not None] for unit in zip(*OBSERVERS, strict=True)]


def half_width(crowd: Crowd, seed: int) -> float:
    ballots = votes_of(crowd, np.random.default_rng(seed))
    drawn_EK = resampled(ballots, fit(ballots), resamples=120)
    assert drawn_EK is not None
    return float(1.96 * ELO * drawn_EK.std(axis=0).mean())


def test_known_strengths_side_ties_and_slopes_are_found_again() -> None:
    crowd = Crowd(strength_K=EIGHT, cases=3_000, case_spread=0.0, raters=12, slope_spread=0.4, side=0.3)
    rng = np.random.default_rng(3)
    ballots = votes_of(crowd, rng)
    found = fit(ballots)
    # Standard errors here are 0.02 for strengths; four of them.
    np.testing.assert_allclose(found.strength_K, EIGHT, atol=0.08)
    assert found.side == pytest.approx(0.3, abs=0.05)
    assert found.nu == pytest.approx(0.85, abs=0.05)
    # Sharper raters get steeper slopes: their own, drawn first thing, are not kept, but their spread is known.
    assert np.log(found.slope_R).std() == pytest.approx(0.4, abs=0.15)
    assert np.log(found.slope_R).mean() == pytest.approx(0.0, abs=0.1)


def test_davidsons_ties_are_as_likely_as_the_paper_says() -> None:
    nu = 0.7
    left, same, right = chances(np.array([0.0]), math.log(nu))[0]
    assert same == pytest.approx(nu / (2 + nu))
    assert left == right
    left, _same, right = chances(np.array([1.2]), math.log(nu))[0]
    assert math.log(left / right) == pytest.approx(1.2)


def test_turning_every_pair_round_turns_the_side_and_leaves_the_strengths() -> None:
    ballots = votes_of(Crowd(strength_K=EIGHT[:4], cases=60, pairs_a_case=4), np.random.default_rng(0))
    turned = replace(ballots, left_N=ballots.right_N, right_N=ballots.left_N, outcome_N=2 - ballots.outcome_N)
    here, there = fit(ballots), fit(turned)
    np.testing.assert_allclose(here.strength_K, there.strength_K, atol=1e-6)
    assert here.side == pytest.approx(-there.side, abs=1e-6)


def test_a_system_that_always_wins_stays_finite_and_first() -> None:
    left_N = np.zeros(50, np.intp)
    ballots = Ballots(
        left_N=left_N, right_N=left_N + 1, outcome_N=left_N, rater_N=left_N, case_N=np.arange(50), num_systems=2
    )
    found = fit(ballots)
    assert np.isfinite(found.strength_K).all()
    assert found.strength_K[0] > found.strength_K[1]


@pytest.mark.parametrize(("cases", "votes_a_pair", "design"), [(100, 3, 39), (300, 3, 22), (1_000, 1, 16)])
def test_half_widths_are_those_that_the_design_expects(cases: int, votes_a_pair: int, design: float) -> None:
    # Eight systems, seven pairs a case, systems that differ by a logit from case to case; a tenth for chance.
    wide = half_width(Crowd(strength_K=EIGHT, cases=cases, votes_a_pair=votes_a_pair), seed=1)
    assert wide == pytest.approx(design, rel=0.12)


def test_intervals_that_ignore_cases_are_too_narrow() -> None:
    ballots = votes_of(Crowd(strength_K=EIGHT, cases=100), np.random.default_rng(1))
    found = fit(ballots)
    naive = float(1.96 * ELO * np.sqrt(np.diag(found.covariance_KK)).mean())
    assert naive < 32 < half_width(Crowd(strength_K=EIGHT, cases=100), seed=1)


@pytest.mark.long
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    # What is estimated is the strength over all cases: spread from case to case flattens it, so it is read off a
    # population of cases first. 60 studies of four systems are 240 intervals: 95 % of them give or take 2.8.
    crowd = Crowd(strength_K=(-0.5, -0.1, 0.2, 0.4), cases=60, pairs_a_case=6, votes_a_pair=2, raters=15)
    truth_K = fit(votes_of(replace(crowd, cases=6_000), np.random.default_rng(99))).strength_K
    held = 0
    for study in range(60):
        ballots = votes_of(crowd, np.random.default_rng(study))
        found = standings(ballots, fit(ballots), resamples=200, seed=study)
        held += sum(
            each.low <= ELO * truth <= each.high
            for each, truth in zip(found, truth_K, strict=True)
            if each.low is not None and each.high is not None
        )
    assert 0.89 <= held / 240 <= 0.985


def test_ranks_leave_open_what_the_votes_leave_open() -> None:
    ballots = votes_of(Crowd(strength_K=(-1.5, 1.5, 1.5), cases=60, pairs_a_case=3), np.random.default_rng(4))
    worst, second, first = standings(ballots, fit(ballots), resamples=200)
    assert (worst.rank_low, worst.rank_high) == (3, 3)
    assert (first.rank_low, first.rank_high) == (second.rank_low, second.rank_high) == (1, 2)


def test_few_cases_give_no_interval() -> None:
    ballots = votes_of(Crowd(strength_K=(0.0, 1.0), cases=5, pairs_a_case=1), np.random.default_rng(2))
    assert all(each.low is None and each.high is None for each in standings(ballots, fit(ballots)))


def test_ballots_of_unequal_length_are_refused() -> None:
    two, three = np.zeros(2, np.intp), np.zeros(3, np.intp)
    with pytest.raises(ConfigError, match="case_N has shape"):
        Ballots(left_N=two, right_N=two, outcome_N=two, rater_N=two, case_N=three, num_systems=2)


@pytest.mark.parametrize(("level", "published"), [(Level.NOMINAL, 0.743), (Level.ORDINAL, 0.815)])
def test_alpha_is_what_krippendorff_publishes_for_his_example(level: Level, published: float) -> None:
    assert alpha(UNITS, (1, 2, 3, 4, 5), level) == pytest.approx(published, abs=5e-4)


def test_alpha_of_perfect_agreement_is_one_and_of_chance_about_zero() -> None:
    assert alpha([[1, 1], [0, 0], [-1, -1]], (-1, 0, 1), Level.NOMINAL) == 1.0
    rng = np.random.default_rng(0)
    by_chance = [rng.choice([-1, 0, 1], 3).tolist() for _ in range(2_000)]
    assert alpha(by_chance, (-1, 0, 1), Level.ORDINAL) == pytest.approx(0.0, abs=0.04)


def test_alpha_of_what_nobody_judged_twice_is_unknown() -> None:
    assert math.isnan(alpha([[1], [0]], (-1, 0, 1), Level.NOMINAL))
    assert math.isnan(alpha([[1, 1], [1, 1]], (-1, 0, 1), Level.NOMINAL))
