"""Who says what when: the kinds of clip, and plans that place utterances of a bank on the two audio tracks."""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

import numpy as np

from openlpm.core.emotion import EMOTIONS
from openlpm.core.errors import ConfigError
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.act.cues import Said
from openlpm.synth.act.speaker import MoodAt, Speaker, Turn
from openlpm.synth.sound.speech_bank import SpeechBank
from openlpm.synth.sound.vocal_kinds import VocalKind


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
    """The partner's track holds noise, tones or voices from elsewhere, nobody speaks: the mouth has to stay shut."""
    BACKCHANNEL = "backchannel"
    """The partner speaks, and now and then the performer says "mm-hm" (if the bank has such sounds)."""
    INTERRUPTED = "interrupted"
    """The partner breaks in, and the performer stops in the middle of a sentence."""


_ANY = ("neutral", "neutral")
_KINDS = list(VocalKind)
_SPEECH, _HUMS = _KINDS.index(VocalKind.SPEECH), [_KINDS.index(VocalKind.MM_HM), _KINDS.index(VocalKind.BACKCHANNEL)]
_BACKCHANNEL_PROBABILITY = 0.6
STOP_S = (0.15, 0.3)
"""Who is interrupted stops this long after."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The turns of both tracks in rising order; within a track they do not overlap."""

    kind: ClipKind
    own: tuple[Turn, ...]
    partner: tuple[Turn, ...]
    broken_in_s: tuple[float, ...] = ()
    """When the partner interrupts the performer."""


def plan_dialogue(
    rng: np.random.Generator, bank: SpeechBank, kind: ClipKind, num_samples: int, moods: tuple[MoodAt, MoodAt]
) -> Plan:
    """A clip of ``num_samples`` of the given kind, spoken by two different voices of the bank.

    ``moods`` are the performer's and the partner's; utterances in that emotion are preferred where the bank has them.

    Raises:
        ConfigError: the bank has a single voice.
    """
    own_voice, partner_voice = two_voices(
        rng, bank, (moods[0](num_samples // 2), moods[1](num_samples // 2)), hums=kind == ClipKind.BACKCHANNEL
    )
    own = Speaker(bank, own_voice, rng, moods[0])
    partner = Speaker(bank, partner_voice, rng, moods[1])
    # Half of the clips begin inside an utterance, as windows cut from a longer recording do.
    start = own.samples(-2.0, 0.0) if rng.random() < 0.5 else own.samples(0.1, 1.0)
    change = int(rng.uniform(0.35, 0.65) * num_samples)
    broken_in: tuple[int, ...] = ()
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
        case ClipKind.BACKCHANNEL:
            partner.fill(start, num_samples)
            _hum(rng, bank, own, partner, num_samples)
        case ClipKind.INTERRUPTED:
            own.fill(start, num_samples)
            at = _break_in(bank, own, change)
            broken_in = (at,)
            partner.fill(at, num_samples)
        case ClipKind.IDLE | ClipKind.TRAP:
            pass
    return Plan(
        kind=kind,
        own=tuple(own.turns),
        partner=tuple(partner.turns),
        broken_in_s=tuple(at / AUDIO_RATE_HZ for at in broken_in),
    )


def two_voices(
    rng: np.random.Generator, bank: SpeechBank, moods: tuple[str, str] = _ANY, *, hums: bool = False
) -> tuple[int, int]:
    """Two different voices of the bank that say sentences, if possible in ``moods``; the first hums, if ``hums``.

    Raises:
        ConfigError: the bank has a single voice.
    """
    says_U = bank.kind_index == _SPEECH
    voice_V = bank.voice_index[says_U]
    if voice_V.shape[0] == 0 or voice_V[0] == voice_V[-1]:
        raise ConfigError("bank: it has sentences of fewer than two voices, a dialogue needs two; build a larger bank")
    chosen: list[int] = []
    for mood in moods:
        wanted = [says_U & (bank.emotion_index == EMOTIONS.index(mood)), says_U]
        if hums and not chosen:
            wanted.insert(0, np.isin(bank.kind_index, _HUMS))
        for wanted_U in wanted:
            found = np.flatnonzero(wanted_U & (bank.voice_index != chosen[0]) if chosen else wanted_U)
            if found.shape[0] > 0:
                chosen.append(int(bank.voice_index[found[int(rng.integers(found.shape[0]))]]))
                break
    return chosen[0], chosen[1]


def _alternate(rng: np.random.Generator, own: Speaker, partner: Speaker, start: int, end: int) -> None:
    speakers = [own, partner] if rng.random() < 0.5 else [partner, own]
    turn = 0
    while start < end:
        start = speakers[turn % 2].say(start) + own.samples(0.1, 0.7)
        turn += 1


def _hum(rng: np.random.Generator, bank: SpeechBank, own: Speaker, partner: Speaker, end: int) -> None:
    """The performer's hums, each soon after an utterance of the partner, some of them into the next one."""
    free = 0
    for turn in partner.turns:
        at = turn.start_sample + bank.length(turn.utterance) + own.samples(0.2, 0.5)
        if free <= at < end and rng.random() < _BACKCHANNEL_PROBABILITY:
            free = own.utter((VocalKind.MM_HM, VocalKind.BACKCHANNEL), at)


def _break_in(bank: SpeechBank, own: Speaker, near: int) -> int:
    """Cut the performer's speech soon after a sample in the middle of an utterance, which is returned."""
    for index, turn in enumerate(own.turns):
        length = bank.length(turn.utterance)
        end = turn.start_sample + length
        if end >= near or index == len(own.turns) - 1:
            at = min(max(near, turn.start_sample + int(0.3 * length)), turn.start_sample + int(0.75 * length))
            at = max(at, own.samples(0.3, 0.5))
            cut = at + own.samples(*STOP_S)
            kept = [Turn(turn.utterance, turn.start_sample, cut if cut < end else None)]
            own.turns[index:] = kept if turn.start_sample < cut else []
            return at
    return near


def said_by(bank: SpeechBank, turns: tuple[Turn, ...]) -> tuple[Said, ...]:
    """Turns as they are heard."""
    return tuple(
        Said(
            start_s=turn.start_sample / AUDIO_RATE_HZ,
            end_s=end_of(bank, turn) / AUDIO_RATE_HZ,
            emotion=bank.emotion_of(turn.utterance),
            kind=bank.kind_of(turn.utterance),
            asks=bank.texts[turn.utterance].endswith("?") and turn.cut_sample is None,
        )
        for turn in turns
    )


def end_of(bank: SpeechBank, turn: Turn) -> int:
    """The sample at which a turn ends."""
    end = turn.start_sample + bank.length(turn.utterance)
    return end if turn.cut_sample is None else min(end, turn.cut_sample)
