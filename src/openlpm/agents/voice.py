"""Text to speech without a server: espeak-ng in a thread of its own."""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from openlpm.agents.agent import Feeling
from openlpm.agents.sentences import split_sentences
from openlpm.core.seeds import Split, generator
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.sound.emotional_speech import finished
from openlpm.synth.sound.espeak import Synthesiser
from openlpm.synth.sound.prosody import prosody_of
from openlpm.synth.sound.voices import Voice as SpeakerVoice
from openlpm.synth.sound.voices import voices_of

_HIGH_VARIANTS = ("f1", "f2", "f3", "Alicia", "Annie", "anika", "belinda", "steph")
_LOW_VARIANTS = ("m1", "m3", "m4", "Alex", "Andy", "Mike", "adam", "david", "edward", "john")
_COLOUR = 0.6
"""How much of an emotion's way of speaking is used: whole, it is theatre."""
_EDGE_DB = -45.0
_LEAD_S, _TRAIL_S = 0.02, 0.18
_LEVEL = 0.10
"""Root mean square of the voice where it sounds, 20 dB below full scale."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """Something to say, in one breath, and how it is meant."""

    text: str
    feeling: Feeling | None = None


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sound:
    """A piece of spoken sound, mono in [-1, 1]."""

    samples_A: NDArray[np.float32]
    rate_hz: int


class Mouth(Protocol):
    """Makes speech of text."""

    def speak(self, line: Line) -> AsyncGenerator[Sound, None]:
        """The sound of ``line`` as it is made; whoever closes it stops the making.

        Raises:
            AgentError: the voice cannot be had now.
        """
        ...

    async def close(self) -> None:
        """Let go of threads and connections. A second call does nothing."""
        ...


@final
class EspeakMouth:
    """``Mouth`` with one voice of espeak-ng; sentences are made one by one in a thread, never in the event loop.

    Raises:
        ConfigError: espeak-ng is not installed.
    """

    def __init__(self, voice: SpeakerVoice) -> None:
        self._voice = voice
        self._synthesiser = Synthesiser()
        self._thread = ThreadPoolExecutor(1, "openlpm-voice")

    async def speak(self, line: Line) -> AsyncGenerator[Sound, None]:
        loop = asyncio.get_running_loop()
        for sentence in split_sentences(line.text):
            samples_A = await loop.run_in_executor(self._thread, self._say, sentence, line.feeling)
            if samples_A.shape[0]:
                yield Sound(samples_A=samples_A, rate_hz=AUDIO_RATE_HZ)

    async def close(self) -> None:
        # A sentence takes milliseconds, and what waits is dropped: this does not hold the loop up.
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _say(self, sentence: str, feeling: Feeling | None) -> NDArray[np.float32]:
        emotion, intensity = (feeling.emotion, feeling.intensity) if feeling else ("neutral", 0.0)
        prosody = prosody_of(emotion, _COLOUR * intensity)
        said = self._synthesiser.say(sentence, self._voice, prosody)
        return _trimmed(finished(said, prosody, generator("agent voice", sentence)).samples_A)


def voice_for(seed: int, *, high: bool | None = None) -> SpeakerVoice:
    """The English voice of the character ``seed``; ``high`` asks for a woman's or a man's, else chance decides."""
    rng = generator("agent voice", seed)
    drawn = bool(rng.random() < 0.5)
    variants = _HIGH_VARIANTS if (drawn if high is None else high) else _LOW_VARIANTS
    fitting = [v for v in voices_of(Split.TRAIN) if v.variant in variants and v.language.startswith("en")]
    chosen = fitting[int(rng.integers(len(fitting)))]
    # A pace that is followed easily.
    return SpeakerVoice(language=chosen.language, variant=chosen.variant, pitch=chosen.pitch, rate_wpm=165)


def _trimmed(samples_A: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without most of the silence around it, at the level of all sentences."""
    heard = np.flatnonzero(np.abs(samples_A) > 10 ** (_EDGE_DB / 20))
    if heard.shape[0] == 0:
        return np.zeros(0, np.float32)
    first = max(int(heard[0]) - int(_LEAD_S * AUDIO_RATE_HZ), 0)
    sound_A = samples_A[first : int(heard[-1]) + 1]
    loud_A = sound_A[np.abs(sound_A) > 0.1 * np.abs(sound_A).max()]
    gain = min(_LEVEL / float(np.sqrt(np.square(loud_A).mean())), 0.95 / float(np.abs(sound_A).max()))
    trail_A = np.zeros(int(_TRAIL_S * AUDIO_RATE_HZ), np.float32)
    return np.concatenate([sound_A * np.float32(gain), trail_A])
