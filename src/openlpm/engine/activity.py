"""Who is speaking, by loudness: an ear for each voice, and the state of the performance that follows."""

from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.rig import State
from openlpm.engine.performer import Activity

_QUIET = 0.004
_ABOVE_FLOOR = 3.0
_FLOOR_RISES = 1.02
"""A frame; the floor follows a steady noise within two seconds."""
_HOLD_FRAMES = 8
_BEGIN_FRAMES = 2

STATES = {
    Activity.IDLE: State.IDLE,
    Activity.LISTEN: State.LISTEN,
    Activity.SPEAK: State.SPEAK,
    Activity.BOTH: State.BOTH,
}
"""As the truth of the cast names them."""


@final
class Ear:
    """Whether a voice sounds, frame by frame: louder than its floor, with pauses of a third of a second bridged."""

    def __init__(self) -> None:
        self._floor = _QUIET
        self._loud = 0
        self._hold = 0

    def hear(self, loudness: float) -> bool:
        """One frame of root mean square."""
        self._floor = min(max(self._floor * _FLOOR_RISES, _QUIET / 4), max(loudness, _QUIET / 4))
        sounds = loudness > max(_QUIET, _ABOVE_FLOOR * self._floor)
        self._loud = self._loud + 1 if sounds else 0
        goes_on = sounds and (self._hold > 0 or self._loud >= _BEGIN_FRAMES)
        self._hold = _HOLD_FRAMES if goes_on else max(self._hold - 1, 0)
        return self._hold > 0


def activity(*, own: bool, partner: bool) -> Activity:
    """The state of a frame by who sounds in it."""
    if own:
        return Activity.BOTH if partner else Activity.SPEAK
    return Activity.LISTEN if partner else Activity.IDLE


def loudness(samples_A: NDArray[np.float32], num_frames: int) -> NDArray[np.float32]:
    """Root mean square of ``num_frames`` pieces of a sound, as equal as whole samples allow."""
    edges = np.arange(num_frames) * samples_A.shape[0] // num_frames
    power_F = np.add.reduceat(np.square(samples_A, dtype=np.float64), edges) * num_frames / samples_A.shape[0]
    return np.sqrt(power_F).astype(np.float32)
