"""How strong systems are by the comparisons that raters made: Davidson's model of paired comparisons with ties.

Davidson (1970, "On extending the Bradley-Terry model to accommodate ties in paired comparison experiments"), with a
term for the side and a slope for every rater. With d = a (s_left - s_right) + b, the logits of left, same and right are
d / 2, log nu and -d / 2: for known slopes a multinomial logit, linear in strengths s, side b and log nu, with one
optimum.
"""

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError

Numbers = NDArray[np.float64]
Indices = NDArray[np.intp]

ELO: Final = 400.0 / math.log(10.0)
"""Elo points in a unit of strength."""
_WEAK = 0.05
"""Precision of the prior of strengths, side and log nu: a system that wins always stays finite."""
_SLOPE_SPREAD = 0.3
"""Of the logarithm of raters' slopes: two thirds of the raters are within a factor of 1.35 of the middle."""
_STEPS, _ROUNDS, _DONE = 30, 6, 1e-8
_MOST_STEP = 2.0


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Ballots:
    """N comparisons as numbers: systems by index, outcome 0 left, 1 same, 2 right."""

    left_N: Indices
    right_N: Indices
    outcome_N: Indices
    rater_N: Indices
    case_N: Indices
    num_systems: int

    def __post_init__(self) -> None:
        count = self.left_N.shape
        for name in ("right_N", "outcome_N", "rater_N", "case_N"):
            if getattr(self, name).shape != count:
                raise ConfigError(f"{name} has shape {getattr(self, name).shape}, left_N {count}: give one a vote")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """The model at its optimum."""

    strength_K: Numbers
    """Of K systems, with mean 0; ``ELO`` points each."""
    side: float
    """Log odds that the left side has for being on the left."""
    nu: float
    """Davidson's: how readily raters say "same"; equals are called so with probability nu / (2 + nu)."""
    slope_R: Numbers
    """Of the raters; their scale is such that strengths are as large as without them."""
    covariance_KK: Numbers
    """Of the strengths, as if votes were independent: for choosing pairs, not for publishing."""


def fit(ballots: Ballots, *, weight_N: Numbers | None = None, start: Fit | None = None, prior: float = _WEAK) -> Fit:
    """The most probable strengths.

    ``weight_N`` counts votes more than once or not at all; with ``start`` its slopes are kept and it is where the
    search begins, as resamples want it. ``prior`` is the precision of the prior of every strength.
    """
    weight_N = np.ones(ballots.left_N.shape[0]) if weight_N is None else weight_N
    num_raters = int(ballots.rater_N.max(initial=-1)) + 1
    slope_R = np.ones(num_raters) if start is None else start.slope_R
    beta_X = np.zeros(ballots.num_systems + 2)
    if start is not None:
        beta_X[:-2], beta_X[-2], beta_X[-1] = start.strength_K, start.side, math.log(start.nu)
    rounds = _ROUNDS if start is None and num_raters > 1 else 0
    beta_X, curve_XX = _newton(ballots, weight_N, slope_R, beta_X, prior)
    count, plain_X = ballots.num_systems, beta_X
    for _ in range(rounds):
        slope_R = _slopes(ballots, weight_N, slope_R, beta_X)
        beta_X, curve_XX = _newton(ballots, weight_N, slope_R, beta_X, prior)
    if rounds:
        slope_R = slope_R * _stretch(beta_X[:count], plain_X[:count])
        beta_X, curve_XX = _newton(ballots, weight_N, slope_R, beta_X, prior)
    centre_KK = np.eye(count) - 1.0 / count
    return Fit(
        strength_K=beta_X[:count] - beta_X[:count].mean(),
        side=float(beta_X[-2]),
        nu=float(np.exp(beta_X[-1])),
        slope_R=slope_R,
        covariance_KK=centre_KK @ np.linalg.inv(curve_XX)[:count, :count] @ centre_KK,
    )


def _stretch(strength_K: Numbers, plain_K: Numbers) -> float:
    """How much larger strengths are with slopes than without.

    Slopes are fitted to chance, too: whoever was consistent by luck gets a steep one, and strengths grow (by an eighth
    with fifty votes a rater). The scale is free, so it is the one of the model without slopes.
    """
    ours_K, theirs_K = strength_K - strength_K.mean(), plain_K - plain_K.mean()
    shared, size = float(ours_K @ theirs_K), float(theirs_K @ theirs_K)
    return shared / size if size > 0 and shared > 0 else 1.0


def _newton(
    ballots: Ballots, weight_N: Numbers, slope_R: Numbers, beta_X: Numbers, prior: float
) -> tuple[Numbers, Numbers]:
    """Strengths, side and log nu for known slopes, and the curvature there."""
    count, votes = ballots.num_systems, ballots.left_N.shape[0]
    rows, slope_N = np.arange(votes), slope_R[ballots.rater_N]
    design_NX = np.zeros((votes, count + 1))
    np.add.at(design_NX, (rows, ballots.left_N), slope_N)
    np.add.at(design_NX, (rows, ballots.right_N), -slope_N)
    design_NX[:, count] = 1.0
    prior_X = np.full(count + 2, _WEAK)
    prior_X[:count] = prior
    curve_XX = np.diag(prior_X)
    for _ in range(_STEPS):
        chance_N3 = chances(design_NX @ beta_X[:-1], beta_X[-1])
        push_N, tie_N = _residuals(ballots.outcome_N, chance_N3)
        slant_N, same_N = chance_N3[:, 0] - chance_N3[:, 2], chance_N3[:, 1]
        gradient_X = -prior_X * beta_X
        gradient_X[:-1] += design_NX.T @ (weight_N * push_N)
        gradient_X[-1] += float(weight_N @ tie_N)
        curve_XX = np.diag(prior_X)
        curve_XX[:-1, :-1] += design_NX.T @ (design_NX * (weight_N * (1 - same_N - slant_N**2) / 4)[:, None])
        curve_XX[-1, -1] += float(weight_N @ (same_N * (1 - same_N)))
        cross_X = design_NX.T @ (weight_N * -slant_N * same_N / 2)
        curve_XX[:-1, -1] += cross_X
        curve_XX[-1, :-1] += cross_X
        step_X = np.linalg.solve(curve_XX, gradient_X)
        beta_X = beta_X + step_X * min(1.0, _MOST_STEP / max(float(np.abs(step_X).max()), _DONE))
        if np.abs(step_X).max() < _DONE**0.5:
            break
    return beta_X, curve_XX


def _slopes(ballots: Ballots, weight_N: Numbers, slope_R: Numbers, beta_X: Numbers) -> Numbers:
    """A step of Newton's method for the logarithm of every rater's slope, about its normal prior."""
    gap_N = beta_X[ballots.left_N] - beta_X[ballots.right_N]
    scaled_N = slope_R[ballots.rater_N] * gap_N
    chance_N3 = chances(scaled_N + beta_X[-2], beta_X[-1])
    push_N, _tie_N = _residuals(ballots.outcome_N, chance_N3)
    slant_N, same_N = chance_N3[:, 0] - chance_N3[:, 2], chance_N3[:, 1]
    log_R, precision = np.log(slope_R), _SLOPE_SPREAD**-2

    def summed(values_N: Numbers) -> Numbers:
        return np.bincount(ballots.rater_N, weights=weight_N * values_N, minlength=slope_R.shape[0]).astype(np.float64)

    gradient_R = summed(push_N * scaled_N) - precision * log_R
    curve_R = summed((1 - same_N - slant_N**2) / 4 * scaled_N**2) + precision
    log_R = log_R + np.clip(gradient_R / curve_R, -1.0, 1.0)
    return np.exp(log_R - log_R.mean())


def chances(gap_N: Numbers, log_nu: float) -> Numbers:
    """Probabilities of left, same and right, (N, 3)."""
    logit_N3 = np.stack([gap_N / 2, np.full(gap_N.shape, log_nu), -gap_N / 2], axis=-1)
    chance_N3 = np.exp(logit_N3 - logit_N3.max(axis=-1, keepdims=True))
    return chance_N3 / chance_N3.sum(axis=-1, keepdims=True)


def _residuals(outcome_N: Indices, chance_N3: Numbers) -> tuple[Numbers, Numbers]:
    """What was observed less what was expected: half of left less right, and same."""
    seen_N3 = np.eye(3)[outcome_N]
    left_N3 = seen_N3 - chance_N3
    return (left_N3[:, 0] - left_N3[:, 2]) / 2, left_N3[:, 1]
