"""The rule of LPM 1.0 (section 1): from speech and a mouth to speak, listen, idle or nothing, frame by frame."""

from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.rig import State
from openlpm.core.units import FRAME_RATE_HZ

DISCARD = -1
"""In a track of states: what was heard and seen does not fit; the other values are those of ``core.rig.State``."""

Mask = NDArray[np.bool_]


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class StateConfig:
    """How the two signals are read."""

    speech: float = 0.5
    """Somebody speaks where the voice detector is at least so sure."""
    pause_s: float = 0.6
    """Shorter silences belong to the speech around them."""
    listen_on_s: float = 1.2
    """A listener stays one for this long after the last word (the idle merge): nobody stops listening in a breath."""
    reach_s: float = 0.17
    """What the voice detector reports so near to one's own speech is one's own speech."""
    twitch_s: float = 0.35
    """A mouth that moves for less is still."""

    def __post_init__(self) -> None:
        if not 0 < self.speech < 1:
            raise ConfigError(f"speech={self.speech}: give a probability between 0 and 1")
        times = (self.pause_s, self.listen_on_s, self.reach_s, self.twitch_s)
        if min(times) < 0:
            raise ConfigError(f"pause_s, listen_on_s, reach_s, twitch_s = {times}: times are not negative")


def states_of(
    speech_F: NDArray[np.float32], speaks_F: Mask, articulates_F: Mask, seen_F: Mask, config: StateConfig | None = None
) -> NDArray[np.int8]:
    """The state of one person in each frame.

    ``speech_F`` is how likely anybody speaks, ``speaks_F`` whether this person does (mouth and voice in step),
    ``articulates_F`` whether the mouth moves as in speech at all, ``seen_F`` whether the face is seen.

    - speech and a mouth in step with it: speak
    - speech and a still mouth: listen
    - no speech and a still mouth: idle
    - anything else, and a face that is not seen: ``DISCARD``
    """
    config = config or StateConfig()
    # Pauses are closed for each party alone: the gap between two speakers is nobody's speech.
    somebody_F = speech_F >= config.speech
    own_F = _closed(speaks_F, config.pause_s)
    mine_F = _closed(own_F & _grown(somebody_F, config.reach_s), config.pause_s)
    others_F = somebody_F & ~_grown(mine_F, config.reach_s)
    heard_F = _lengthened(_closed(others_F, config.listen_on_s), config.listen_on_s)
    moving_F = _opened(articulates_F & ~_grown(own_F, config.reach_s), config.twitch_s)
    state_F = np.where(heard_F, int(State.LISTEN), int(State.IDLE))
    state_F = np.where(moving_F | (own_F & ~mine_F), DISCARD, state_F)
    state_F = np.where(mine_F, int(State.SPEAK), state_F)
    return np.where(seen_F, state_F, DISCARD).astype(np.int8)


def runs_of(mask_F: Mask) -> list[tuple[int, int]]:
    """Stretches of true frames as (first, end)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask_F.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _frames(seconds: float) -> int:
    return round(seconds * FRAME_RATE_HZ)


def _closed(mask_F: Mask, gap_s: float) -> Mask:
    """With gaps between true stretches filled that are shorter than ``gap_s``."""
    filled_F = mask_F.copy()
    stretches = runs_of(mask_F)
    for (_, end), (first, _) in pairwise(stretches):
        if first - end < _frames(gap_s):
            filled_F[end:first] = True
    return filled_F


def _opened(mask_F: Mask, least_s: float) -> Mask:
    """Without true stretches that are shorter than ``least_s``."""
    kept_F = np.zeros_like(mask_F)
    for first, end in runs_of(mask_F):
        if end - first >= _frames(least_s):
            kept_F[first:end] = True
    return kept_F


def _grown(mask_F: Mask, reach_s: float) -> Mask:
    """Wider by ``reach_s`` at both ends of every stretch."""
    reach, grown_F = _frames(reach_s), mask_F.copy()
    for first, end in runs_of(mask_F):
        grown_F[max(first - reach, 0) : end + reach] = True
    return grown_F


def _lengthened(mask_F: Mask, after_s: float) -> Mask:
    longer_F = mask_F.copy()
    for first, end in runs_of(mask_F):
        longer_F[first : end + _frames(after_s)] = True
    return longer_F
