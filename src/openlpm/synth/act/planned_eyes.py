"""Eyes of the planner: fixations, saccades and blinks that are drawn frame by frame."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.rig import State
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.synth.act.persona import Persona

_CAMERA = {State.IDLE: 0.4, State.LISTEN: 0.88, State.SPEAK: 0.74, State.BOTH: 0.8}
_BLINKS = {State.IDLE: 1.0, State.LISTEN: 0.9, State.SPEAK: 1.3, State.BOTH: 1.2}
_AVERTED_STD, _CAMERA_STD = np.array([0.5, 0.28]), np.array([0.035, 0.03])
_LIDS = (0.45, 1.0, 1.0, 0.75, 0.4, 0.12)  # a blink, frame by frame
_SACCADE = 0.75  # of the way to the target in one frame
_LARGE = 0.45
_THINK_PROBABILITY, _MEETS_PROBABILITY = 0.5, 0.8


@final
@dataclass(frozen=True, slots=True)
class EyesNow:
    """Where the eyes look, relative to the camera, and how far they are shut."""

    gaze_2: NDArray[np.float64]
    lids: float


@final
class PlannedEyes:
    """The eyes of one planner; they share its random stream."""

    def __init__(self, rng: np.random.Generator, persona: Persona) -> None:
        self._rng, self._persona = rng, persona
        self._target_2, self._gaze_2 = np.zeros(2), np.zeros(2)
        self._until_saccade, self._until_blink, self._blinking = 0, 0.0, len(_LIDS)
        self._before = State.IDLE

    def step(self, state: State, *, camera: float, blinks: float) -> EyesNow:
        """The next frame; ``camera`` and ``blinks`` scale the chance of eye contact and the rate of blinking."""
        self._fixate(state, camera)
        self._gaze_2 = self._gaze_2 + _SACCADE * (self._target_2 - self._gaze_2)
        self._until_blink -= _BLINKS[state] * blinks
        if self._until_blink <= 0:
            self._until_blink = max(3.2 * float(np.exp(0.45 * self._rng.standard_normal())), 1.2) * FRAME_RATE_HZ
            self._blinking = 0
        lids = _LIDS[self._blinking] if self._blinking < len(_LIDS) else 0.0
        self._blinking = min(self._blinking + 1, len(_LIDS))
        return EyesNow(self._gaze_2, lids)

    def _fixate(self, state: State, camera: float) -> None:
        """A new target when the old one is stale, or when somebody begins to speak."""
        rng, before, self._before = self._rng, self._before, state
        self._until_saccade -= 1
        begins = state != before and state in (State.SPEAK, State.LISTEN)
        if self._until_saccade > 0 and not begins:
            return
        contact = 1.0 if state == State.IDLE else min(self._persona.eye_contact, 1.4)
        chance = min(_CAMERA[state] * camera * contact, 0.96)
        if begins:
            chance = 1.0 - _THINK_PROBABILITY if state == State.SPEAK else max(chance, _MEETS_PROBABILITY * contact)
        to_camera = rng.random() < chance
        target_2 = (rng.standard_normal(2) * (_CAMERA_STD if to_camera else _AVERTED_STD)).clip(-0.9, 0.9)
        large = float(np.abs(target_2 - self._target_2).max()) > _LARGE
        self._target_2 = target_2
        self._until_saccade = max(int(0.9 * float(np.exp(0.6 * rng.standard_normal())) * FRAME_RATE_HZ), 6)
        if large and rng.random() < 0.5 and self._until_blink > 0.6 * FRAME_RATE_HZ:
            self._until_blink = 0.0
