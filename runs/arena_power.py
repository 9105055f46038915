"""How wide the arena's intervals are: votes of simulated raters about eight systems, and the intervals that they give.

    python runs/arena_power.py --resamples 1000

Half-widths in Elo points, over cases and as if votes were independent, and what would be told apart with them.
"""

import argparse

import numpy as np

from openlpm.bench.arena.intervals import resampled
from openlpm.bench.arena.simulation import Crowd, votes_of
from openlpm.bench.arena.strength import ELO, fit

STUDIES = ((100, 3), (300, 3), (1_000, 1), (1_000, 3))
SYSTEMS = tuple(np.linspace(-0.6, 0.6, 8))


def main() -> None:
    """Print a line a study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resamples", type=int, default=1_000)
    parser.add_argument("--case-spread", type=float, default=1.0, help="logits by which systems differ case by case")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    for cases, votes in STUDIES:
        crowd = Crowd(strength_K=SYSTEMS, cases=cases, votes_a_pair=votes, case_spread=chosen.case_spread)
        ballots = votes_of(crowd, np.random.default_rng(chosen.seed))
        found = fit(ballots)
        drawn_EK = resampled(ballots, found, resamples=chosen.resamples)
        assert drawn_EK is not None
        clustered = 1.96 * ELO * drawn_EK.std(axis=0).mean()
        naive = 1.96 * ELO * np.sqrt(np.diag(found.covariance_KK)).mean()
        count = ballots.left_N.shape[0]
        print(f"{cases} cases x {votes}: {count} votes, +-{clustered:.1f} over cases, +-{naive:.1f} as if independent")


if __name__ == "__main__":
    main()
