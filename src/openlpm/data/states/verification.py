"""A second look at states that were found: what contradicts itself is discarded. Pluggable; the default is offline."""

from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.rig import State
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.states.network import MOST_OFFSET
from openlpm.data.states.rule import DISCARD, runs_of
from openlpm.data.states.scorer import Scores


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Evidence:
    """All that is known of one person of a clip."""

    state_F: NDArray[np.int8]
    """States by the rule, ``DISCARD`` among them."""
    scores: Scores
    speech_F: NDArray[np.float32]
    """How likely anybody is heard."""


class Verifier(Protocol):
    """Judges stretches of states, for instance with an audio-visual language model."""

    def keeps(self, evidence: Evidence) -> NDArray[np.bool_]:
        """Which frames are to be kept; frames that are discarded already stay so."""
        ...


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ConsistencyCheck:
    """The default verifier: sound, mouth and state of a whole stretch have to agree, by numbers alone."""

    least_s: float = 1.0
    """Shorter stretches say too little to be doubted."""
    most_late_frames: int = 3
    """Mouth and sound of a stretch of speech must not fit clearly better further apart than this."""
    clearly: float = 1.5
    """By how much better, in units of agreement."""
    least_speech: float = 0.3
    """Share of frames with speech in a stretch of speaking."""
    most_moving: float = 0.4
    """Share of frames in which the mouth of a listener or idler moves as in speech."""

    def __post_init__(self) -> None:
        if not 0 <= self.most_late_frames < MOST_OFFSET:
            raise ConfigError(f"most_late_frames={self.most_late_frames}: give 0 to {MOST_OFFSET - 1}")

    def keeps(self, evidence: Evidence) -> NDArray[np.bool_]:
        """Which frames are in stretches that agree with themselves."""
        kept_F = evidence.state_F != DISCARD
        for state in (State.IDLE, State.LISTEN, State.SPEAK):
            for first, end in runs_of(evidence.state_F == state):
                long_enough = end - first >= self.least_s * FRAME_RATE_HZ
                if long_enough and not self._agrees(state, evidence, slice(first, end)):
                    kept_F[first:end] = False
        return kept_F

    def _agrees(self, state: State, evidence: Evidence, frames: slice) -> bool:
        if state is State.SPEAK:
            mean_K = evidence.scores.agreement_FK[frames].mean(axis=0)
            near_K = np.abs(np.arange(mean_K.shape[0]) - MOST_OFFSET) <= self.most_late_frames
            in_step = bool(mean_K[near_K].max() >= mean_K[~near_K].max() - self.clearly)
            return in_step and float((evidence.speech_F[frames] > 0.5).mean()) >= self.least_speech
        return float((evidence.scores.articulates_F[frames] > 0).mean()) <= self.most_moving
