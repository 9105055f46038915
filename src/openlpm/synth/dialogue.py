"""Who says what when: the kinds of clip, and plans that place utterances of a bank on the two audio tracks."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.mouth_motion import VisemeSpans
from openlpm.synth.speech_bank import SpeechBank
from openlpm.synth.visemes import Share, is_stressed, shares_of


class ClipKind(StrEnum):
    """What a clip is about."""

    SPEAK = "speak"
    LISTEN = "listen"
    IDLE = "idle"
    LISTEN_THEN_SPEAK = "listen_then_speak"
    SPEAK_THEN_LISTEN = "speak_then_listen"
    DIALOGUE = "dialogue"
    OVERLAP = "overlap"
    """One begins before the other has ended."""
    TRAP = "trap"
    """The partner's track holds noise or tones, nobody speaks: the mouth has to stay shut."""


@final
@dataclass(frozen=True, slots=True)
class Turn:
    """An utterance of the bank placed in a clip; ``start_sample`` is negative if the clip begins inside it."""

    utterance: int
    start_sample: int


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The turns of both tracks in rising order; within a track they do not overlap."""

    kind: ClipKind
    own: tuple[Turn, ...]
    partner: tuple[Turn, ...]


@final
class _Speaker:
    """Draws utterances of one voice and lays them one after another."""

    def __init__(self, bank: SpeechBank, utterances: range, rng: np.random.Generator) -> None:
        self._bank, self._utterances, self._rng = bank, utterances, rng
        self.turns: list[Turn] = []

    def say(self, start: int) -> int:
        """Add an utterance at sample ``start``; returns its end."""
        utterance = self._utterances[int(self._rng.integers(len(self._utterances)))]
        self.turns.append(Turn(utterance, start))
        return start + self._bank.length(utterance)

    def fill(self, start: int, end: int) -> None:
        """Utterances with small gaps from ``start`` until one ends at or after ``end``."""
        while start < end:
            start = self.say(start) + self.samples(0.1, 0.7)

    def fill_back(self, end: int) -> None:
        """Utterances with small gaps backward from ``end`` until the clip's start is covered."""
        placed: list[Turn] = []
        while end > 0:
            utterance = self._utterances[int(self._rng.integers(len(self._utterances)))]
            start = end - self._bank.length(utterance)
            placed.append(Turn(utterance, start))
            end = start - self.samples(0.1, 0.7)
        self.turns.extend(reversed(placed))

    def samples(self, low_s: float, high_s: float) -> int:
        """A random time in samples."""
        return int(self._rng.uniform(low_s, high_s) * AUDIO_RATE_HZ)


def plan_dialogue(rng: np.random.Generator, bank: SpeechBank, kind: ClipKind, num_samples: int) -> Plan:
    """A clip of ``num_samples`` of the given kind, spoken by two different voices of the bank.

    Raises:
        ConfigError: the bank has a single voice.
    """
    present = np.unique(bank.voice_index)
    if present.shape[0] < 2:
        raise ConfigError(f"bank: it holds {present.shape[0]} voice, a dialogue needs two; build a larger bank")
    own_voice, partner_voice = rng.choice(present, size=2, replace=False).tolist()
    own = _Speaker(bank, bank.utterances_of(own_voice), rng)
    partner = _Speaker(bank, bank.utterances_of(partner_voice), rng)
    # Half of the clips begin inside an utterance, as windows cut from a longer recording do.
    start = own.samples(-2.0, 0.0) if rng.random() < 0.5 else own.samples(0.1, 1.0)
    change = int(rng.uniform(0.35, 0.65) * num_samples)
    match kind:
        case ClipKind.SPEAK:
            own.fill(start, num_samples)
        case ClipKind.LISTEN:
            partner.fill(start, num_samples)
        case ClipKind.LISTEN_THEN_SPEAK:
            partner.fill_back(change)
            own.fill(change + own.samples(0.15, 0.7), num_samples)
        case ClipKind.SPEAK_THEN_LISTEN:
            own.fill_back(change)
            partner.fill(change + own.samples(0.15, 0.7), num_samples)
        case ClipKind.DIALOGUE:
            _alternate(rng, own, partner, start, num_samples)
        case ClipKind.OVERLAP:
            first, second = (own, partner) if rng.random() < 0.5 else (partner, own)
            first.fill_back(change)
            second.fill(change - own.samples(0.4, 2.0), num_samples)
        case ClipKind.IDLE | ClipKind.TRAP:
            pass
    return Plan(kind=kind, own=tuple(own.turns), partner=tuple(partner.turns))


def _alternate(rng: np.random.Generator, own: _Speaker, partner: _Speaker, start: int, end: int) -> None:
    speakers = [own, partner] if rng.random() < 0.5 else [partner, own]
    turn = 0
    while start < end:
        start = speakers[turn % 2].say(start) + own.samples(0.1, 0.7)
        turn += 1


def track(bank: SpeechBank, turns: tuple[Turn, ...], num_samples: int) -> NDArray[np.float32]:
    """The sound of turns on a track of ``num_samples``."""
    track_A = np.zeros(num_samples, dtype=np.float32)
    for turn in turns:
        first, end = max(turn.start_sample, 0), min(turn.start_sample + bank.length(turn.utterance), num_samples)
        if end > first:
            track_A[first:end] += bank.samples(turn.utterance)[first - turn.start_sample : end - turn.start_sample]
    return track_A


def viseme_spans(bank: SpeechBank, turns: tuple[Turn, ...]) -> VisemeSpans:
    """The timed visemes of turns, in seconds from the clip's start."""
    rows: list[tuple[float, float, int, bool]] = []
    shares_of_symbol, stressed = _symbol_tables(bank.symbols)
    for turn in turns:
        first, end = bank.first_phone[turn.utterance : turn.utterance + 2].tolist()
        starts = bank.phone_start[first:end].tolist()
        ends = bank.phone_end[first:end].tolist()
        for start, stop, symbol in zip(starts, ends, bank.phone_symbol[first:end].tolist(), strict=True):
            begin = float(turn.start_sample + start)
            for part in shares_of_symbol[symbol]:
                finish = begin + part.share * (stop - start)
                rows.append((begin, finish, part.viseme, stressed[symbol]))
                begin = finish
    if not rows:
        return VisemeSpans.empty()
    begins, finishes, visemes, stresses = zip(*rows, strict=True)
    return VisemeSpans(
        np.array(begins) / AUDIO_RATE_HZ,
        np.array(finishes) / AUDIO_RATE_HZ,
        np.array(visemes, dtype=np.int8),
        np.array(stresses, dtype=np.bool_),
    )


@cache
def _symbol_tables(symbols: tuple[str, ...]) -> tuple[tuple[tuple[Share, ...], ...], tuple[bool, ...]]:
    return tuple(map(shares_of, symbols)), tuple(map(is_stressed, symbols))
