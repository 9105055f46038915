"""How much of what the agent says has been heard, reckoned from the frames that came due."""

from collections import deque
from dataclasses import dataclass
from typing import final

from openlpm.core.units import FRAME_RATE_HZ
from openlpm.engine.performer import Frame


@dataclass(slots=True)
class _Utterance:
    total_s: float = 0.0
    complete: bool = False
    heard_s: float = 0.0
    begun: bool = False


@final
class Playback:
    """Follows the utterances that were pushed, oldest first."""

    def __init__(self) -> None:
        self._utterances: deque[_Utterance] = deque()
        self._quiet_frames = 0

    def pushed(self, seconds: float, *, last: bool) -> None:
        """A piece of voice went to the performer."""
        if not self._utterances or self._utterances[-1].complete:
            self._utterances.append(_Utterance())
        running = self._utterances[-1]
        running.total_s += seconds
        running.complete = last
        if last and not running.total_s:
            self._utterances.pop()

    def interrupted(self) -> None:
        """Nothing of it will be heard any more."""
        self._utterances.clear()

    def due(self, frame: Frame) -> None:
        """A moment is heard now."""
        sounds = bool(frame.sound_A.any())
        self._quiet_frames = 0 if sounds else self._quiet_frames + 1
        if not self._utterances:
            return
        running = self._utterances[0]
        running.begun = running.begun or sounds
        if running.begun:
            running.heard_s = min(running.heard_s + 1 / FRAME_RATE_HZ, running.total_s)
        if frame.ends_speech and running.complete:
            self._utterances.popleft()

    def settle(self, queued_voice_s: float) -> None:
        """Forget what must be over: nothing waits and a second was silent.

        Where two utterances end in one moment, only one end is told.
        """
        if not queued_voice_s and self._quiet_frames >= FRAME_RATE_HZ:
            while self._utterances and self._utterances[0].complete:
                self._utterances.popleft()

    @property
    def heard_s(self) -> float:
        """Of the running utterance; 0 where none runs."""
        return self._utterances[0].heard_s if self._utterances else 0.0

    @property
    def left_s(self) -> float:
        """Of the running utterance, as far as it was pushed; 0 where none runs."""
        return self._utterances[0].total_s - self._utterances[0].heard_s if self._utterances else 0.0
