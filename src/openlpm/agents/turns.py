"""Who has the turn, from the microphone alone: onsets, ends, interruptions. Samples are its clock."""

from collections import deque
from enum import Enum, auto
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.agents.barge_in import takes_turn
from openlpm.agents.ear import MOMENT_S, Ear, Moment
from openlpm.agents.turn_events import Aside, TurnBegan, TurnConfig, TurnEvent, TurnOver, TurnPaused, TurnTaken

_SPEECH = 0.5
_LOOK_BACK = 3
"""Moments before the first certain one that may belong to it: the detector needs about 50 ms."""
_ONSET_RISE_DB = 8.0
_PREROLL_MOMENTS = 10
_BELOW_USUAL_DB = 14.0
"""How much quieter than usual a moment may be that counts while the character speaks."""
_MEAN_BELOW_USUAL_DB = 10.0
"""And all of a sound that takes the turn: what is quieter is the character's own voice coming back."""
_QUIETEST_DB = -60.0
_FADED_DB = 35.0
"""So much below the loudest of a turn, it is not that turn's voice."""


class _State(Enum):
    QUIET = auto()
    SOUND = auto()
    """Something sounds; whether it is a turn is not decided."""
    TURN = auto()


@final
class TurnDetector:
    """Sound in, events out; a pure function of what is pushed and of when the character is heard.

    Raises:
        ConfigError: the extra ``[live]`` is not installed.
    """

    def __init__(self, config: TurnConfig | None = None) -> None:
        self._config = config or TurnConfig()
        self._ear = Ear()
        self._state = _State.QUIET
        self._before: deque[Moment] = deque(maxlen=_PREROLL_MOMENTS)
        self._sound: list[Moment] = []
        self._preroll = 0  # moments of ``_sound`` before the onset
        self._silent = 0  # moments since the last voice
        self._over_character = False  # whether the sound began while the character was heard
        self._usual_db = self._config.usual_db
        self._heard = False
        self._since_heard = self._moments(10.0)

    @property
    def in_turn(self) -> bool:
        """Whether the user has the turn."""
        return self._state is _State.TURN

    @property
    def since_onset(self) -> list[Moment]:
        """The sound that is being followed, from its onset; empty when it is quiet."""
        return self._sound[self._preroll :]

    def character_is_heard(self, *, heard: bool) -> None:
        """Tell from when and until when the character's voice is played."""
        self._heard = heard

    def push(self, samples_A: NDArray[np.float32], rate_hz: int) -> list[TurnEvent]:
        """What ``samples_A``, mono in [-1, 1], lets one decide.

        Raises:
            InputError: the rate or the shape cannot be.
        """
        return [event for moment in self._ear.push(samples_A, rate_hz) if (event := self._hear(moment)) is not None]

    def _hear(self, moment: Moment) -> TurnEvent | None:
        self._since_heard = 0 if self._heard else self._since_heard + 1
        match self._state:
            case _State.QUIET:
                self._listen(moment)
                # The moment that begins a sound may decide it too: nothing is that short but a test's configuration.
                return None
            case _State.SOUND:
                self._take(moment)
                return self._decide()
            case _State.TURN:
                self._take(moment)
                return self._follow()

    def _listen(self, moment: Moment) -> None:
        self._before.append(moment)
        if not self._is_voice(moment):
            return
        earlier = list(self._before)[:-1]
        floor_db = min((each.level_db for each in earlier), default=moment.level_db)
        back = 0
        while back < min(_LOOK_BACK, len(earlier)) and earlier[-1 - back].level_db > floor_db + _ONSET_RISE_DB:
            back += 1
        self._sound = list(self._before)
        self._preroll = len(self._before) - 1 - back
        self._silent = 0
        self._before.clear()
        self._over_character = self._character_may_be_heard()
        self._state = _State.SOUND

    def _take(self, moment: Moment) -> None:
        self._sound.append(moment)
        self._silent = 0 if self._is_voice(moment) else self._silent + 1

    def _decide(self) -> TurnEvent | None:
        since_onset = self.since_onset
        onset_s = len(since_onset) * MOMENT_S
        loud = not self._over_character or _mean_db(since_onset) > self._usual_db - _MEAN_BELOW_USUAL_DB
        if self._character_may_be_heard():
            if loud and takes_turn(since_onset, self._config.barge_in):
                self._state = _State.TURN
                return TurnTaken(onset_s=onset_s)
        elif loud and sum(self._is_voice(each) for each in since_onset) >= self._moments(self._config.least_voice_s):
            self._state = _State.TURN
            return TurnBegan(onset_s=onset_s)
        if self._silent < self._moments(self._config.forget_s):
            return None
        length_s = (len(since_onset) - self._silent) * MOMENT_S
        self._rest()
        return Aside(length_s=length_s)

    def _follow(self) -> TurnEvent | None:
        length = len(self._sound) - self._preroll
        ended = self._silent >= self._moments(self._config.hangover_s)
        if ended or length >= self._moments(self._config.longest_s):
            return self._end()
        if self._silent == self._moments(self._config.pause_s):
            return TurnPaused(length_s=(length - self._silent) * MOMENT_S)
        return None

    def _end(self) -> TurnOver:
        kept = self._sound[: len(self._sound) - max(self._silent - _LOOK_BACK, 0)]
        level_db = _mean_db([each for each in self.since_onset if each.speech > _SPEECH])
        over = TurnOver(
            samples_A=np.concatenate([each.samples_A for each in kept]),
            length_s=(len(self._sound) - self._preroll - self._silent) * MOMENT_S,
            level_db=level_db,
            hangover_s=self._silent * MOMENT_S,
        )
        self._usual_db += 0.5 * (level_db - self._usual_db)
        self._rest()
        return over

    def _rest(self) -> None:
        self._before.extend(self._sound[-_PREROLL_MOMENTS:])
        self._sound, self._preroll, self._silent = [], 0, 0
        self._state = _State.QUIET

    def _is_voice(self, moment: Moment) -> bool:
        least_db = _QUIETEST_DB
        if self._state is _State.TURN:
            least_db = max(least_db, self._usual_db - _FADED_DB)
        elif self._character_may_be_heard():
            least_db = max(least_db, self._usual_db - _BELOW_USUAL_DB)
        return moment.speech > _SPEECH and moment.level_db > least_db

    def _character_may_be_heard(self) -> bool:
        return self._since_heard < self._moments(self._config.tail_s)

    @staticmethod
    def _moments(seconds: float) -> int:
        return max(round(seconds / MOMENT_S), 1)


def _mean_db(moments: list[Moment]) -> float:
    powers = [10 ** (moment.level_db / 10) for moment in moments]
    return float(10 * np.log10(np.mean(powers))) if powers else _QUIETEST_DB
