"""Somebody who talks: utterances of one voice of a bank, laid one after another."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from openlpm.core.emotion import EMOTIONS
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.sound.speech_bank import SpeechBank
from openlpm.synth.sound.vocal_kinds import EMOTIONS_OF, VocalKind

_WORDLESS = (VocalKind.LAUGH, VocalKind.CHUCKLE, VocalKind.SIGH, VocalKind.GASP, VocalKind.CRY, VocalKind.YAWN)
_SOUNDS_OF_MOOD = {emotion: tuple(kind for kind in _WORDLESS if emotion in EMOTIONS_OF[kind]) for emotion in EMOTIONS}
_SOUND_PROBABILITY, _FILLED_PROBABILITY, _LONG_GAP_PROBABILITY = 0.25, 0.5, 0.3
_SUITS_PROBABILITY = 0.9  # an utterance is in the speaker's mood if there is one

MoodAt = Callable[[int], str]
"""The emotion that a speaker is in at a sample."""


@final
@dataclass(frozen=True, slots=True)
class Turn:
    """An utterance of the bank placed in a clip; ``start_sample`` is negative if the clip begins inside it."""

    utterance: int
    start_sample: int
    cut_sample: int | None = None
    """Where the clip's speaker breaks off, if before the utterance's end."""


@final
class Speaker:
    """Draws utterances of one voice and lays them one after another."""

    def __init__(self, bank: SpeechBank, voice_index: int, rng: np.random.Generator, mood_at: MoodAt) -> None:
        self._bank, self._rng, self._mood_at = bank, rng, mood_at
        self._speech: list[int] = []
        self._by_mood: dict[str, list[int]] = {}
        self._by_kind: dict[VocalKind, list[int]] = {}
        for utterance in bank.utterances(voice_index).tolist():
            kind = bank.kind_of(utterance)
            if kind == VocalKind.SPEECH:
                self._speech.append(utterance)
                self._by_mood.setdefault(bank.emotion_of(utterance), []).append(utterance)
            else:
                self._by_kind.setdefault(kind, []).append(utterance)
        self.turns: list[Turn] = []

    def _words(self, at: int) -> int:
        mood = self._mood_at(at)
        suited = self._by_mood.get(mood) or self._by_mood.get("neutral") or self._speech
        return self._one_of(suited if self._rng.random() < _SUITS_PROBABILITY else self._speech)

    def _one_of(self, utterances: list[int]) -> int:
        return utterances[int(self._rng.integers(len(utterances)))]

    def say(self, start: int) -> int:
        """Add an utterance at sample ``start``; returns its end."""
        return self._add(self._words(start), start)

    def _add(self, utterance: int, start: int) -> int:
        self.turns.append(Turn(utterance, start))
        return start + self._bank.length(utterance)

    def break_off(self, at: int) -> None:
        """Stop the last utterance at sample ``at``."""
        self.turns[-1] = Turn(self.turns[-1].utterance, self.turns[-1].start_sample, at)

    def utter(self, kinds: tuple[VocalKind, ...], start: int) -> int:
        """Add a sound without words of one of ``kinds``, if the voice has one; returns its end, or ``start``."""
        present = [kind for kind in kinds if kind in self._by_kind]
        return self._add(self._one_of(self._by_kind[self._pick(present)]), start) if present else start

    def _pick(self, names: list[VocalKind]) -> VocalKind:
        return names[int(self._rng.integers(len(names)))]

    def fill(self, start: int, end: int) -> None:
        """Utterances with gaps from ``start`` until one ends at or after ``end``."""
        while start < end:
            start = self.pause(self.say(start))

    def pause(self, start: int) -> int:
        """What is between two utterances: a short gap, or a long one in which the turn is held; returns its end."""
        if self._rng.random() < _SOUND_PROBABILITY:
            sounds = _SOUNDS_OF_MOOD[self._mood_at(start)]
            start = self.utter(sounds, start + self.samples(0.1, 0.35))
        if self._rng.random() >= _LONG_GAP_PROBABILITY:
            return start + self.samples(0.1, 0.7)
        if self._rng.random() < _FILLED_PROBABILITY:
            start = self.utter((VocalKind.UH,), start + self.samples(0.15, 0.4))
        return start + self.samples(0.5, 1.3)

    def fill_back(self, end: int) -> None:
        """Utterances with small gaps backward from ``end`` until the clip's start is covered."""
        placed: list[Turn] = []
        while end > 0:
            utterance = self._words(end)
            start = end - self._bank.length(utterance)
            placed.append(Turn(utterance, start))
            end = start - self.samples(0.1, 0.7)
        self.turns.extend(reversed(placed))

    def samples(self, low_s: float, high_s: float) -> int:
        """A random time in samples."""
        return int(self._rng.uniform(low_s, high_s) * AUDIO_RATE_HZ)
