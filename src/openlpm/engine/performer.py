"""The one seam between a running character and whoever shows it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.units import FRAME_RATE_HZ
from openlpm.engine.silencing import Silencing

SOUND_RATE_HZ = 48_000
"""Of the sound that comes with pictures: whole samples a frame, and what WebRTC sends."""
SAMPLES_A_FRAME = SOUND_RATE_HZ // FRAME_RATE_HZ


class Activity(StrEnum):
    """What a character is doing."""

    IDLE = "idle"
    LISTEN = "listen"
    SPEAK = "speak"
    BOTH = "both"
    """Both voices sound: overlap, or a back-channel."""


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Frame:
    """A moment of a performance, 1/24 s long."""

    number: int
    """Since the performance began; no number is left out and none comes twice."""
    due_s: float
    """When it is to be shown and heard, on the engine's clock (``time.monotonic``)."""
    picture_HWC: NDArray[np.uint8]
    """RGB. Not to be written to: a held picture is the same array again."""
    fresh: bool
    """False: the picture of this moment was not ready and the one before it is shown again; sound goes on."""
    sound_A: NDArray[np.int16]
    """The character's own voice, ``SAMPLES_A_FRAME`` samples at ``SOUND_RATE_HZ``."""
    activity: Activity
    epoch: int
    """How often the character had been interrupted when the sound of this moment was given."""
    ends_speech: bool = False
    """Whether the last sound of an utterance lies in this moment."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class PerformerMetrics:
    """How a performance has gone so far; seconds are None until there is something to measure."""

    frames: int
    """Moments that have come due."""
    held: int
    """Of these, moments whose picture was late."""
    render_fps: float | None
    """Pictures a second while one is made."""
    chunk_ms: float | None
    """How long a chunk takes, lately."""
    first_frame_s: float | None
    """From joining to the first picture."""
    voice_delay_s: float | None
    """From the first sample of the last utterance to the moment at which it is due."""
    queued_voice_s: float
    """Agent sound that waits for its moment."""
    dropped_user_s: float
    """Microphone sound that came faster than it can be heard."""
    missing_user_s: float
    """Microphone sound that had not come when its moment was made."""
    interruptions: int
    restarts: int
    """How often the worker had to be started again under this performance."""
    state: Activity
    epoch: int
    silencing: Silencing | None = None
    """What became of the last interruption."""


class Performer(Protocol):
    """A running character. Every method returns at once and may be called from any thread."""

    @property
    def id(self) -> str:
        """Tells performances apart."""
        ...

    @property
    def size(self) -> int:
        """Height and width of a picture in pixels."""
        ...

    def push_agent_audio(self, samples_A: NDArray[np.float32], rate_hz: int, *, last: bool = False) -> int:
        """Add to what the character says: mono in [-1, 1], 8 to 192 kHz, in pieces of any length.

        ``last`` ends the utterance; the next piece begins another. Returns the epoch that the piece belongs to: after
        an interruption what was pushed before is gone. Sound beyond five minutes is refused.

        Raises:
            InputError: the rate, the shape or the amount cannot be.
        """
        ...

    def push_user_audio(self, samples_A: NDArray[np.float32], rate_hz: int) -> None:
        """Add to what the character hears, as ``push_agent_audio``; sound that comes faster than real time is dropped.

        Raises:
            InputError: the rate or the shape cannot be.
        """
        ...

    def set_prompt(self, text: str) -> None:
        """Other words about the performance, from the next chunk on."""
        ...

    def set_emotion(self, name: str, intensity: float = 1.0) -> None:
        """One of ``core.emotion.EMOTIONS``, 0 to 1; from the next chunk on.

        Raises:
            ConfigError: there is no such emotion, or intensity.
        """
        ...

    def interrupt(self) -> int:
        """Say no more: of what was pushed nothing is heard beyond the chunk that is being shown. Returns the epoch."""
        ...

    def read(self, now_s: float) -> list[Frame]:
        """Moments that have come due since the last call, in order; does not wait.

        Where nobody reads for longer than two seconds the performance stands still until somebody does.

        Raises:
            PerformanceEnded: it was closed, or failed; the text says why.
        """
        ...

    def next_due_s(self) -> float | None:
        """When the next moment comes due; None as long as there is no first picture."""
        ...

    def metrics(self) -> PerformerMetrics:
        """How it has gone so far."""
        ...

    def snapshot(self) -> bytes:
        """The performance as it is between two chunks, for ``Engine.join(..., resume=)``; waits for it.

        Raises:
            PerformanceEnded: it was closed, or failed.
        """
        ...

    def close(self) -> None:
        """End it; its place is free. A second call does nothing."""
        ...
