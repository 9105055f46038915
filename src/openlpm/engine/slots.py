"""A chunk's worth of time in a performance: what is heard in it, what its pictures are told, and how it is silenced."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.units import AUDIO_RATE_HZ, samples_at_frame
from openlpm.engine.performer import SAMPLES_A_FRAME, SOUND_RATE_HZ, Activity

_FADE_S = 0.03
"""For how long a voice that is interrupted fades."""
_SILENCED = {Activity.SPEAK: Activity.IDLE, Activity.BOTH: Activity.LISTEN}


@final
@dataclass(kw_only=True, slots=True, eq=False)
class Slot:
    """The frames of a chunk and what belongs to them."""

    number: int
    first_frame: int
    """Where it begins in the performance."""
    ticket: int | None
    """Of the order that its pictures come from; None: none were ordered, or they were taken back."""
    sound_A: NDArray[np.int16]
    """The own voice as it is heard in these frames."""
    speak_A: NDArray[np.float32]
    """The same as the model hears it, at 16 kHz and as far ahead as it does."""
    listen_A: NDArray[np.float32]
    motion_FM: NDArray[np.float32] | None
    voiced: bool
    """Whether it holds voice that an interruption would end."""
    activities: list[Activity]
    epochs: list[int]
    end_frame: int | None
    """The frame in which an utterance ends, if one does."""
    pictures_FHWC: NDArray[np.uint8] | None = None

    @property
    def num_frames(self) -> int:
        """How long it is; a chunk, or less where it has no pictures."""
        return len(self.activities)

    def silence(self, frame: int, epoch: int) -> None:
        """The voice was interrupted: in ``frame`` of the performance it fades, and nothing of it follows."""
        place = max(frame - self.first_frame, 0)
        fades = self.voiced and frame >= self.first_frame
        self.epochs = [epoch if number >= place + fades else old for number, old in enumerate(self.epochs)]
        if not self.voiced or place >= len(self.activities):
            return
        self.voiced = False
        self.activities = [
            _SILENCED.get(each, each) if number >= place else each for number, each in enumerate(self.activities)
        ]
        if self.end_frame is not None and self.end_frame >= place:
            self.end_frame = None
        heard = samples_at_frame(self.first_frame + place) - samples_at_frame(self.first_frame)
        self.sound_A = np.rint(_faded(self.sound_A, place * SAMPLES_A_FRAME, SOUND_RATE_HZ, fades=fades)).astype(
            np.int16
        )
        self.speak_A = _faded(self.speak_A, heard, AUDIO_RATE_HZ, fades=fades)


def _faded(
    samples_A: NDArray[np.int16] | NDArray[np.float32], start: int, rate_hz: int, *, fades: bool
) -> NDArray[np.float32]:
    """The samples until ``start``, and what follows as it fades, if it does; the array itself is not written to."""
    gain_A = np.ones(samples_A.shape[0], np.float32)
    gain_A[start:] = np.clip(1 - np.arange(samples_A.shape[0] - start) / (_FADE_S * rate_hz), 0, 1) * fades
    return samples_A * gain_A
