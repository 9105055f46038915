"""In what the clips of a bank differ, and how often each is drawn for it.

Clips that were drawn are all alike: equally long, with every reference, and the rig behind them is known. Clips from
shards are as long as somebody spoke, have the references that were found, and nobody knows a rig.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError

SITUATIONS = ("speak", "listen", "idle", "conversation")
"""What happens in a clip: one person talks, the other does, nobody does, or both have their turns."""


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Traits:
    """Of N clips and J references, on the host: clips are drawn by them."""

    frames_N: NDArray[np.int64]
    """Latent frames that there are; behind them the bank holds zeros."""
    shown_NJ: NDArray[np.bool_]
    """Which references there are; in place of others the bank holds zeros."""
    rigged_N: NDArray[np.bool_]
    """Whether motion track and performance are known; where not, the bank holds zeros."""
    filmed_N: NDArray[np.bool_]
    """Whether a clip comes from shards."""
    filmed_share: float
    """Of all windows, those that come from shards."""
    weight_N: NDArray[np.float64]
    """How often a clip is drawn beside others like it: a long one holds more than a short one."""
    stratum_N: NDArray[np.int64]
    """Clips of a number are alike in mood and liveliness."""

    def __post_init__(self) -> None:
        if not 0 <= self.filmed_share <= 1:
            raise ConfigError(f"filmed_share={self.filmed_share}: give a share from 0 to 1")

    @classmethod
    def alike(cls, num_clips: int, num_frames: int, num_references: int) -> "Traits":
        """Those of clips that were drawn."""
        return cls(
            frames_N=np.full(num_clips, num_frames),
            shown_NJ=np.ones((num_clips, num_references), np.bool_),
            rigged_N=np.ones(num_clips, np.bool_),
            filmed_N=np.zeros(num_clips, np.bool_),
            filmed_share=0.0,
            weight_N=np.ones(num_clips),
            stratum_N=np.zeros(num_clips, np.int64),
        )

    def of(self, rows: NDArray[np.int64]) -> "Traits":
        """Those of rows that may be drawn by themselves, each as often as another of its kind."""
        return Traits(
            frames_N=self.frames_N[rows],
            shown_NJ=self.shown_NJ[rows],
            rigged_N=self.rigged_N[rows],
            filmed_N=self.filmed_N[rows],
            filmed_share=self.filmed_share,
            weight_N=np.ones(len(rows)),
            stratum_N=self.stratum_N[rows],
        )


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ClipMix:
    """How often windows come from clips of each situation, beside one another; 0 leaves them out.

    What is rare in the footage is drawn as often as what is common if both weigh the same.
    """

    speak: float = 1.0
    listen: float = 1.0
    idle: float = 0.5
    conversation: float = 1.5
    balance: float = 0.5
    """How far moods and liveliness that are rare within a situation are drawn as often as common ones: 0 as they come,
    1 all alike. LPM 1.0 rebalances its listeners, most of whom are neutral and hardly move; by how much is our choice.
    Drawn footage comes evenly and is left as it is."""

    def __post_init__(self) -> None:
        weights = [getattr(self, name) for name in SITUATIONS]
        if min(weights) < 0 or not any(weights):
            raise ConfigError(f"{self}: weights are 0 or more, and one of them is positive")
        if not 0 <= self.balance <= 1:
            raise ConfigError(f"balance={self.balance}: give a number from 0 to 1")

    def probabilities(
        self, situation_N: NDArray[np.int8], mass_N: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """How probable each clip is, in proportion to ``mass_N`` within its situation (None: all alike).

        A situation that the bank lacks gives its share to the others.
        """
        mass_N = np.ones(len(situation_N)) if mass_N is None else mass_N
        mass_S = np.bincount(situation_N, weights=mass_N, minlength=len(SITUATIONS))
        weight_S = np.array([getattr(self, name) for name in SITUATIONS]) * (mass_S > 0)
        if not weight_S.any():
            raise ConfigError(f"{self}: the bank has no clip of these situations; make more footage")
        share_S = weight_S / np.where(mass_S > 0, mass_S, 1) / weight_S.sum()
        return share_S[situation_N] * mass_N


def probabilities(
    mix: ClipMix, situation_N: NDArray[np.int8], traits: Traits, able_N: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """How probable each clip is among those that are able to serve; the others are never drawn.

    Raises:
        ConfigError: no able clip is of a wanted situation.
    """
    wanted_N = able_N & (np.array([getattr(mix, name) for name in SITUATIONS])[situation_N] > 0)
    pools = [wanted_N & traits.filmed_N, wanted_N & ~traits.filmed_N]
    shares = [traits.filmed_share, 1 - traits.filmed_share]
    there = sum(share for pool_N, share in zip(pools, shares, strict=True) if pool_N.any())
    if not there:
        situations = ", ".join(f"{name}={getattr(mix, name)}" for name in SITUATIONS)
        raise ConfigError(
            f"{situations}: the bank has no clip of these situations that is long enough; give more footage or shards"
        )
    total_N = np.zeros(len(situation_N))
    for pool_N, share in zip(pools, shares, strict=True):
        if share and pool_N.any():
            rows = np.flatnonzero(pool_N)
            mass_M = _balanced(traits.weight_N[rows], situation_N[rows], traits.stratum_N[rows], mix.balance)
            total_N[rows] = mix.probabilities(situation_N[rows], mass_M) * (share / there)
    return total_N


def _balanced(
    weight_M: NDArray[np.float64], situation_M: NDArray[np.int8], stratum_M: NDArray[np.int64], balance: float
) -> NDArray[np.float64]:
    """Weights under which a stratum of a situation has the mass m^(1 - balance) in place of m."""
    if (stratum_M == stratum_M[0]).all():
        return weight_M
    group_M = situation_M.astype(np.int64) * (stratum_M.max() + 1) + stratum_M
    mass_G = np.bincount(group_M, weights=weight_M)
    return weight_M * mass_G[group_M] ** -balance


def strata(emotions: Sequence[str], energy_N: NDArray[np.float64], num_levels: int = 4) -> NDArray[np.int64]:
    """A number for each clip: clips of a number share the emotion, and a level of how much they move.

    Levels are equally wide on a logarithmic scale between the calmest and the liveliest twentieth, not equally full: if
    most clips hardly move, most are on the lowest level.
    """
    if not len(emotions):
        return np.zeros(0, np.int64)
    names = {name: number for number, name in enumerate(sorted(set(emotions)))}
    log_N = np.log(np.maximum(energy_N, 1e-4))
    low, high = np.quantile(log_N, [0.05, 0.95])
    level_N = np.zeros(len(emotions), np.int64)
    if high - low > 1e-6:
        level_N = np.clip((log_N - low) / (high - low) * num_levels, 0, num_levels - 1).astype(np.int64)
    return np.array([names[name] for name in emotions]) * num_levels + level_N
