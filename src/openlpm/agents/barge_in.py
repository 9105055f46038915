"""Whether somebody who begins to sound takes the turn, or only says "mm": mostly decided within a quarter of a second.

A small rule on what is heard since the onset. Words change their colour from syllable to syllable; hums, coughs and
noise do not. The rule is two layers on a few measures; ``runs/turn_detection.py fit`` makes ``data/barge_in.npz``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.agents.ear import MOMENT_S, NUM_BANDS, SLICES, Moment
from openlpm.core.errors import ConfigError

_LOUD_DB = 20.0  # slices within so much of the loudest one tell the colour
_DEEP_DB = 40.0  # bands are not looked at any deeper below their slice
_NUM_SHAPES = 5
_SHAPES_CM = np.cos(np.pi * np.outer(np.arange(1, _NUM_SHAPES + 1), np.arange(NUM_BANDS) + 0.5) / NUM_BANDS) / (
    NUM_BANDS / 2
)
"""The first cosines over the bands: tilt, bow and so on of a spectrum."""
_ABOVE_HUM, _ABOVE_VOWELS = 5, 13
"""Bands from about 0.8 kHz, where a hum has little, and from about 2.7 kHz, where only consonants have much."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class BargeInConfig:
    """When a sound in the character's speech is a turn."""

    earliest_s: float = 0.16
    """No decision before: clicks and breath are over by then."""
    latest_s: float = 1.6
    """Whoever sounds for so long takes the turn in any case."""
    threshold: float = 1.5
    """Of the rule's score: higher lets more back-channels and fewer turns pass."""

    def __post_init__(self) -> None:
        if not 0.1 <= self.earliest_s < self.latest_s:
            raise ConfigError(
                f"earliest_s={self.earliest_s}, latest_s={self.latest_s}: wait at least 0.1 s and less than latest_s"
            )


FEATURES: Final = (
    "speech", "speech_lately", "variety", "change",
    *(f"spread_{shape}" for shape in range(1, _NUM_SHAPES + 1)), "reach_1", "reach_2", "reach_3",
    "bright", "brightest", "hiss", "most_hiss", "loud", "loud_lately", "drop_db", "unevenness_db", "seconds",
)  # fmt: skip
"""What the rule looks at."""
WEIGHTS_FILE: Final = Path(__file__).parent / "data" / "barge_in.npz"
MOST_SPREADS: Final = 3.0
"""A measure counts as if it were at most so far from its mean."""


def takes_turn(since_onset: Sequence[Moment], config: BargeInConfig) -> bool:
    """Whether what has been heard since the onset is somebody who wants to speak; asked again with each moment."""
    seconds = len(since_onset) * MOMENT_S
    if seconds >= config.latest_s:
        return sum(moment.speech > 0.5 for moment in since_onset) * MOMENT_S > 0.7 * seconds
    return seconds >= config.earliest_s and score(since_onset) > config.threshold


def score(since_onset: Sequence[Moment]) -> float:
    """The rule's log odds that this is a turn, if the onset was not longer ago than about a second."""
    rule = _rule()
    unit_F = ((features(since_onset) - rule["mean"]) / rule["spread"]).clip(-MOST_SPREADS, MOST_SPREADS)
    hidden_H = np.tanh(rule["inner"] @ unit_F + rule["inner_bias"])
    return float(rule["outer"] @ hidden_H + rule["outer_bias"])


@cache
def _rule() -> dict[str, NDArray[np.float64]]:
    with np.load(WEIGHTS_FILE, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.float64) for name in stored.files}


def features(since_onset: Sequence[Moment]) -> NDArray[np.float64]:
    """What the rule looks at, as ``FEATURES`` names it."""
    speech_N = np.array([moment.speech for moment in since_onset])
    bands_KM = np.stack([moment.bands_KM for moment in since_onset]).reshape(-1, NUM_BANDS).astype(np.float64)
    level_K = _summed_db(bands_KM)
    loud_K = level_K > level_K.max() - _LOUD_DB
    colour_KM = np.maximum(bands_KM - level_K[:, None], -_DEEP_DB)
    shapes_KC = colour_KM @ _SHAPES_CM.T
    told_KC, told_KM = shapes_KC[loud_K], colour_KM[loud_K]
    bright_K = np.maximum(_summed_db(told_KM[:, _ABOVE_HUM:]), -_DEEP_DB)
    hiss_K = np.maximum(_summed_db(told_KM[:, _ABOVE_VOWELS:]), -_DEEP_DB)
    return np.array(
        [
            speech_N.mean(),
            speech_N[-3:].mean(),
            told_KM.std(axis=0).mean(),
            np.abs(np.diff(shapes_KC, axis=0)).mean(),
            *told_KC.std(axis=0),
            *np.ptp(told_KC, axis=0)[:3],
            bright_K.mean(),
            bright_K.max(),
            hiss_K.mean(),
            hiss_K.max(),
            loud_K.mean(),
            loud_K[-2 * SLICES :].mean(),
            max(level_K[-2 * SLICES :].max() - level_K.max(), -30.0),
            min(float(level_K.std()), 20.0),
            len(since_onset) * MOMENT_S,
        ]
    )


def _summed_db(bands_KM: NDArray[np.float64]) -> NDArray[np.float64]:
    return 10 * np.log10((10 ** (bands_KM / 10)).sum(axis=1) + 1e-12)
