"""Fine-tuning on what is rare: which clips of a bank are lively or show feelings, and how often each is drawn for it.

LPM 1.0 (section 1) found over 70 % of its listeners neutral and 90 % hardly moving, and fine-tuned on the expressive
ones, rebalanced. Here calm clips are drawn seldom, and moods and liveliness as often as each other.
"""

from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.rig import MOUTH_CHANNELS, Rig
from openlpm.training.clip_bank import ClipBank
from openlpm.training.traits import strata

_FACE: Final = (Rig.SMILE, Rig.SQUINT, Rig.WIDEN, Rig.BROW_LEFT, Rig.BROW_RIGHT, Rig.FURROW)
_CHANNELS: Final = int(Rig.TIME)
_NEUTRAL: Final = 0.15
"""A face of which no channel is further from rest than this on average shows nothing."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ExpressiveConfig:
    """How much more the expressive count."""

    keep: float = 0.4
    """Share of the clips of each situation, the liveliest, that are drawn as they are."""
    calm: float = 0.1
    """How often the others are drawn beside them."""

    def __post_init__(self) -> None:
        if not 0 < self.keep <= 1 or not 0 < self.calm <= 1:
            raise ConfigError(f"keep={self.keep}, calm={self.calm}: give shares above 0 and at most 1")


def expressive(bank: ClipBank, config: ExpressiveConfig) -> ClipBank:
    """The same clips, drawn otherwise; how far moods and levels are evened out says ``ClipMix.balance``.

    Clips without a known rig keep the moods and levels that they came with, and all of them count as lively.
    """
    traits = bank.traits
    rig_NFX = bank.performance_NTX.float().cpu().unflatten(2, (-1, _CHANNELS)).flatten(1, 2).numpy()
    energy_N, mood_N = energy_of(rig_NFX), moods_of(rig_NFX)
    lively_N = ~traits.rigged_N
    for situation in np.unique(bank.situation_N):
        own_N = traits.rigged_N & (bank.situation_N == situation)
        if own_N.any():
            lively_N |= own_N & (energy_N >= np.quantile(energy_N[own_N], 1 - config.keep))
    stratum_N = strata(mood_N, energy_N)
    # Numbers of their own for those that were filmed.
    stratum_N = np.where(traits.rigged_N, stratum_N, traits.stratum_N + stratum_N.max() + 1)
    weight_N = traits.weight_N * np.where(lively_N, 1.0, config.calm)
    return replace(bank, uneven=replace(traits, weight_N=weight_N, stratum_N=stratum_N))


def energy_of(rig_NFX: NDArray[np.float32]) -> NDArray[np.float64]:
    """How much head, hands and face move from frame to frame; what a mouth says is left out."""
    rest = [channel for channel in range(_CHANNELS) if channel not in MOUTH_CHANNELS]
    return np.abs(np.diff(rig_NFX[:, :, rest], axis=1)).mean(axis=(1, 2), dtype=np.float64)


def moods_of(rig_NFX: NDArray[np.float32]) -> list[str]:
    """What each face shows most over its clip, by channel and direction; "neutral" where it is hardly anything."""
    mean_NX = rig_NFX[:, :, list(_FACE)].mean(axis=1)
    most_N = np.abs(mean_NX).argmax(axis=1)
    found: list[str] = []
    for row, most in zip(mean_NX, most_N, strict=True):
        value = float(row[most])
        found.append("neutral" if abs(value) < _NEUTRAL else f"{_FACE[most].name.lower()}{'+' if value > 0 else '-'}")
    return found
