"""The two voices of a conversation as they wait for their moment."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.core.units import AUDIO_RATE_HZ, samples_at_frame
from openlpm.engine.performer import SAMPLES_A_FRAME, SOUND_RATE_HZ
from openlpm.engine.sound import Resampler, SampleQueue, checked

_MOST_VOICE_S = 300
_WAIT_S = 0.45
"""For how long the beginning of an utterance waits for as much sound as a chunk hears: a voice that comes as fast as it
is played has that much by then, and is not torn."""
_MOST_BACKLOG_S = 0.25
"""How far behind the microphone the character may hear, beyond what chunks need."""
_MICROPHONE_GONE_S = 1.0
_MICROPHONE_QUEUE = 2 * AUDIO_RATE_HZ


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Spoken:
    """The character's own voice in the frames of a chunk."""

    sound_A: NDArray[np.float32]
    """At ``SOUND_RATE_HZ``, as long as the frames."""
    heard_A: NDArray[np.float32]
    """The same at 16 kHz and as far ahead as the model hears."""
    voiced_frames: int
    """Frames from the first on that hold sound of an utterance."""
    end_frame: int | None
    """The frame in which an utterance ends, if one does."""
    waited_since_s: float | None
    """When the first sample of an utterance that begins here was pushed."""


@final
class AgentVoice:
    """What the character says: queued as it comes, handed out by the chunk.

    An utterance begins at the beginning of a chunk, as soon as the chunk and what the model hears ahead of it are
    there, or the utterance is complete, or a short time has gone by. Where it comes too slowly it is torn, and goes on
    when there is as much again: nothing is lost.
    """

    def __init__(self, ahead_samples: int, chunk_frames: int) -> None:
        """``ahead_samples``: how much the model hears beyond a chunk, at 16 kHz."""
        self._ahead, self._chunk_frames = ahead_samples, chunk_frames
        self._sound, self._heard = SampleQueue(), SampleQueue()
        self._ends: list[int] = []
        """Ends of complete utterances, in samples of sound from the first that was ever queued."""
        self._taken = 0
        self._rate_hz: int | None = None
        self._since_s: float | None = None
        self._flowing = False
        """Whether the last chunk was full of an utterance that goes on."""

    @property
    def queued_s(self) -> float:
        """Sound that waits."""
        return len(self._sound) / SOUND_RATE_HZ

    def push(self, samples_A: NDArray[np.float32], rate_hz: int, *, last: bool, now_s: float) -> None:
        """Add a piece; see ``Performer.push_agent_audio``."""
        piece_A = checked(samples_A, rate_hz)
        if self.queued_s + piece_A.shape[0] / rate_hz > _MOST_VOICE_S:
            raise InputError(
                f"{self.queued_s + piece_A.shape[0] / rate_hz:.0f} s of agent sound would wait: push it as it is said, "
                f"at most {_MOST_VOICE_S} s ahead"
            )
        if self._rate_hz is not None and rate_hz != self._rate_hz:
            self._flush()
        if self._rate_hz is None:
            self._rate_hz = rate_hz
            self._to_sound = Resampler(rate_hz, SOUND_RATE_HZ)
            self._to_heard = Resampler(SOUND_RATE_HZ, AUDIO_RATE_HZ)
        if self._since_s is None and piece_A.shape[0]:
            self._since_s = now_s
        sound_A = self._to_sound.push(piece_A, last=last)
        self._sound.append(sound_A)
        self._heard.append(self._to_heard.push(sound_A, last=last))
        if last:
            self._rate_hz = None
            self._ends.append(self._taken + len(self._sound))

    def take(self, first_frame: int, num_frames: int, now_s: float) -> Spoken:
        """What is said in the next frames; ``first_frame`` counts from the beginning of the performance."""
        count = num_frames * SAMPLES_A_FRAME
        heard = samples_at_frame(first_frame + num_frames) - samples_at_frame(first_frame)
        if not len(self._sound) or not (self._flowing or self._may_begin(now_s)):
            self._flowing = False
            return Spoken(
                sound_A=np.zeros(count, np.float32),
                heard_A=np.zeros(heard + self._ahead, np.float32),
                voiced_frames=0,
                end_frame=None,
                waited_since_s=None,
            )
        began_s = None if self._flowing else self._since_s
        sound_A, heard_A = self._sound.take(count), self._heard.take(heard)
        self._taken += sound_A.shape[0]
        ends = [each for each in self._ends if each <= self._taken]
        self._ends = self._ends[len(ends) :]
        self._flowing = sound_A.shape[0] == count and self._taken not in ends
        self._since_s = now_s if len(self._sound) else None
        return Spoken(
            sound_A=_filled(sound_A, count),
            heard_A=np.concatenate([_filled(heard_A, heard), _filled(self._heard.peek(self._ahead), self._ahead)]),
            voiced_frames=-(-sound_A.shape[0] // SAMPLES_A_FRAME),
            end_frame=(ends[-1] - self._taken + sound_A.shape[0] - 1) // SAMPLES_A_FRAME if ends else None,
            waited_since_s=began_s,
        )

    def _may_begin(self, now_s: float) -> bool:
        chunk = self._chunk_frames * SAMPLES_A_FRAME
        heard = -(-chunk * AUDIO_RATE_HZ // SOUND_RATE_HZ)
        enough = len(self._sound) >= chunk and len(self._heard) >= heard + self._ahead
        waited = self._since_s is not None and now_s - self._since_s >= _WAIT_S
        return enough or waited or (bool(self._ends) and self._ends[0] > self._taken)

    def forget(self) -> None:
        """Nothing that was pushed is said any more."""
        self._sound.clear()
        self._heard.clear()
        self._ends.clear()
        self._rate_hz = self._since_s = None
        self._flowing = False

    def _flush(self) -> None:
        """The end of a piece of one rate where a piece of another follows."""
        sound_A = self._to_sound.push(np.zeros(0, np.float32), last=True)
        self._sound.append(sound_A)
        self._heard.append(self._to_heard.push(sound_A, last=True))
        self._rate_hz = None


@final
class UserVoice:
    """What the character hears: the microphone in order, as late as chunks need it and hardly later.

    What has not come when its moment is made is silence there and is heard in the next; what comes faster than real
    time is dropped from the oldest on.
    """

    def __init__(self, ahead_samples: int) -> None:
        self._ahead = ahead_samples
        self._heard = SampleQueue()
        self._rate_hz: int | None = None
        self._pushed_s = float("-inf")
        self.dropped = self.missing = 0
        """Samples so far, at 16 kHz."""

    def push(self, samples_A: NDArray[np.float32], rate_hz: int, *, now_s: float) -> None:
        """Add a piece; see ``Performer.push_user_audio``."""
        piece_A = checked(samples_A, rate_hz)
        if rate_hz != self._rate_hz:
            self._rate_hz, self._to_heard = rate_hz, Resampler(rate_hz, AUDIO_RATE_HZ)
        self._heard.append(self._to_heard.push(piece_A))
        self._pushed_s = now_s
        surplus = len(self._heard) - _MICROPHONE_QUEUE
        if surplus > 0:
            self._drop(surplus)

    def take(self, first_frame: int, num_frames: int, now_s: float) -> NDArray[np.float32]:
        """What is heard in the next frames and as far ahead as the model hears, at 16 kHz."""
        count = samples_at_frame(first_frame + num_frames) - samples_at_frame(first_frame)
        heard_A = self._heard.take(count)
        if now_s - self._pushed_s < _MICROPHONE_GONE_S:
            self.missing += count - heard_A.shape[0]
        backlog = len(self._heard) - round(_MOST_BACKLOG_S * AUDIO_RATE_HZ)
        if backlog > 0:
            self._drop(backlog)
        late_A = np.zeros(count - heard_A.shape[0], np.float32)
        return np.concatenate([late_A, heard_A, _filled(self._heard.peek(self._ahead), self._ahead)])

    def _drop(self, count: int) -> None:
        self.dropped += self._heard.take(count).shape[0]


def _filled(samples_A: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    return np.pad(samples_A, (0, count - samples_A.shape[0]))
