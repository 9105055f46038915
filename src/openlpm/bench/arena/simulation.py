"""Raters of known taste: votes drawn from known strengths, to see whether the statistics find them again."""

from dataclasses import dataclass
from itertools import combinations
from typing import final

import numpy as np

from openlpm.bench.arena.strength import Ballots, Numbers, chances
from openlpm.core.errors import ConfigError


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Crowd:
    """How votes come about."""

    strength_K: tuple[float, ...]
    cases: int
    pairs_a_case: int = 7
    votes_a_pair: int = 3
    raters: int = 30
    case_spread: float = 1.0
    """How much systems differ from case to case: the deviation of a system's strength in one case, in logits."""
    slope_spread: float = 0.3
    side: float = 0.1
    nu: float = 0.85
    """Equals are called the same in nu / (2 + nu): 0.3."""

    def __post_init__(self) -> None:
        pairs = len(self.strength_K) * (len(self.strength_K) - 1) // 2
        if not 1 <= self.pairs_a_case <= pairs:
            raise ConfigError(f"pairs_a_case={self.pairs_a_case}: these systems make 1 to {pairs} pairs")


def votes_of(crowd: Crowd, rng: np.random.Generator) -> Ballots:
    """What such raters say."""
    count = len(crowd.strength_K)
    pairs_PK = np.array(list(combinations(range(count), 2)))
    chosen_CP = rng.random((crowd.cases, pairs_PK.shape[0])).argsort(axis=1)[:, : crowd.pairs_a_case]
    case_N = np.repeat(np.arange(crowd.cases), crowd.pairs_a_case * crowd.votes_a_pair)
    pair_N = np.repeat(chosen_CP.ravel(), crowd.votes_a_pair)
    flipped_N = rng.random(pair_N.shape[0]) < 0.5
    left_N = np.where(flipped_N, pairs_PK[pair_N, 1], pairs_PK[pair_N, 0])
    right_N = np.where(flipped_N, pairs_PK[pair_N, 0], pairs_PK[pair_N, 1])
    shown_CK = np.array(crowd.strength_K) + crowd.case_spread * rng.standard_normal((crowd.cases, count))
    log_slope_R = crowd.slope_spread * rng.standard_normal(crowd.raters)
    slope_R = np.exp(log_slope_R - log_slope_R.mean())
    rater_N = rng.integers(0, crowd.raters, pair_N.shape[0])
    gap_N = slope_R[rater_N] * (shown_CK[case_N, left_N] - shown_CK[case_N, right_N]) + crowd.side
    return Ballots(
        left_N=left_N,
        right_N=right_N,
        outcome_N=_drawn(chances(gap_N, float(np.log(crowd.nu))), rng),
        rater_N=rater_N,
        case_N=case_N,
        num_systems=count,
    )


def _drawn(chance_N3: Numbers, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    below_N = (rng.random(chance_N3.shape[0])[:, None] > chance_N3.cumsum(axis=1)).sum(axis=1)
    return np.minimum(below_N, 2).astype(np.intp)
