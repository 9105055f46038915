"""A pretended performance for the development server: espeak says what is asked, drawn frames follow its loudness."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray
from pictures import pose

from openlpm.synth.sound.espeak import Synthesiser
from openlpm.synth.sound.voices import voices_of

RATE_HZ = 48_000
FRAME = 2_000
FPS = 24
BEEP = "beep"
"""Said, it gives three tones with a white picture to each: how far sound and picture are apart can be seen."""
_BEEP_LEVEL = 12_345


@dataclass(kw_only=True)
class Moment:
    """One frame: its picture, sound and times."""

    number: int
    due_s: float
    picture_HWC: NDArray[np.uint8]
    sound_A: NDArray[np.int16]
    epoch: int
    ends: bool


class Performance:
    """Makes a moment 24 times a second and gives it to whoever listens."""

    def __init__(self, seed: int, tell: Any) -> None:
        self._seed = seed
        self._tell = tell
        self._engine = Synthesiser()
        self._voice = voices_of("train")[seed % 40]
        self._left = np.zeros(0, dtype=np.int16)
        self.epoch = 0
        self.activity = "idle"
        self.heard_s = 0.0
        self.listeners: list[Any] = []
        self._emotion = "neutral"

    def say(self, text: str) -> None:
        """Speak these words after what is being said."""
        if text == BEEP:
            self._left = np.concatenate([self._left, _beeps()])
            return
        spoken = self._engine.say(text, self._voice)
        rate_hz = 16_000
        sound = soxr.resample(spoken.samples_A, rate_hz, RATE_HZ)
        self._left = np.concatenate([self._left, (np.clip(sound, -1, 1) * 30_000).astype(np.int16)])
        self._tell({"type": "words", "who": "agent", "text": text, "final": True})

    def interrupt(self, by: str) -> None:
        """Fall silent."""
        self._left = self._left[:0]
        self.epoch += 1
        self._tell({"type": "interrupted", "epoch": self.epoch, "by": by})

    def _state(self, activity: str) -> None:
        if activity != self.activity:
            self.activity = activity
            self._tell({"type": "state", "activity": activity, "epoch": self.epoch})

    def _moment(self, number: int, due_s: float) -> Moment:
        sound_A = np.zeros(FRAME, dtype=np.int16)
        speaking = len(self._left) > 0
        taken = self._left[:FRAME]
        sound_A[: len(taken)] = taken
        self._left = self._left[FRAME:]
        listening = time.monotonic() - self.heard_s < 0.5
        self._state({(1, 1): "both", (1, 0): "speak", (0, 1): "listen"}.get((speaking, listening), "idle"))
        loudness = min(1.0, float(np.sqrt(np.mean((sound_A / 32768.0) ** 2))) * 6)
        picture_HWC = pose(self._seed, number, loudness)
        if int(sound_A.max()) == _BEEP_LEVEL:
            picture_HWC = np.full_like(picture_HWC, 255)
        ends = speaking and not len(self._left)
        return Moment(number=number, due_s=due_s, picture_HWC=picture_HWC, sound_A=sound_A, epoch=self.epoch, ends=ends)

    async def run(self) -> None:
        """Make moments until cancelled."""
        begin_s = time.monotonic() + 0.1
        number = 0
        while True:
            due_s = begin_s + number / FPS
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            moment = self._moment(number, due_s)
            for listener in list(self.listeners):
                listener(moment)
            if number % FPS == 0:
                self._tell(self._numbers(number))
            number += 1

    def _numbers(self, number: int) -> dict[str, Any]:
        waiting_s = len(self._left) / RATE_HZ
        numbers = {"render_fps": 31.2 + (number % 7) / 10, "chunk_ms": 166.0 + number % 11, "held": 0, "frames": number}
        numbers |= {"voice_delay_s": 0.42, "queued_voice_s": waiting_s, "av_drift_ms": 0.0, "queue_depth": 0}
        return {"type": "numbers", **numbers}


def _beeps() -> NDArray[np.int16]:
    tone = np.where(np.arange(6 * FRAME) % 48 < 24, _BEEP_LEVEL, -_BEEP_LEVEL)
    rest = np.zeros(18 * FRAME, dtype=np.int16)
    return np.concatenate([rest, tone] * 3).astype(np.int16)
