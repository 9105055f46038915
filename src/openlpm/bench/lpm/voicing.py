"""Two voices and what they may say, made for one case alone, so that any case can be made without the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from openlpm.core.errors import ConfigError
from openlpm.core.seeds import Split, generator
from openlpm.synth.sound.bank_parts import joined
from openlpm.synth.sound.bank_work import Job, run
from openlpm.synth.sound.speech_bank import SpeechBank, bank_of
from openlpm.synth.sound.vocal_kinds import EMOTIONS_OF, VocalKind
from openlpm.synth.sound.voices import voices_of

_NEUTRAL_EVERY = 3
_SPLIT = Split.TEST
_WORDLESS_SHARE = 0.25


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Cast:
    """Who speaks: a language, the emotions of the character and of the partner, and how much there is to say."""

    language: str
    own: str
    partner: str
    sounds: tuple[VocalKind, ...]
    """Sounds without words that either may make."""
    utterances: int
    """Of each voice."""


def cast_voices(cast: Cast, *, seed: int) -> SpeechBank:
    """A bank of two test voices of the language; the same arguments always give the same samples.

    Raises:
        ConfigError: fewer than two test voices speak the language, or espeak-ng is not installed.
    """
    voices = voices_of(_SPLIT)
    able = [index for index, voice in enumerate(voices) if voice.language == cast.language]
    if len(able) < 2:
        raise ConfigError(f"language={cast.language!r}: {len(able)} test voices speak it; choose one that two speak")
    chosen = sorted(able[int(k)] for k in generator("lpm", "voices", seed).choice(len(able), size=2, replace=False))
    jobs = [
        Job(_SPLIT, seed, voice, cast.utterances * place, _roles(cast, mood))
        for place, (voice, mood) in enumerate(zip(chosen, (cast.own, cast.partner), strict=True))
    ]
    return bank_of(_SPLIT, joined(list(run(jobs, 0, None))))


def _roles(cast: Cast, mood: str) -> tuple[tuple[VocalKind, str], ...]:
    """Sentences in a mood, some of them neutral, and a few sounds; every voice can hum."""
    sentences = [
        (VocalKind.SPEECH, "neutral" if index % _NEUTRAL_EVERY == _NEUTRAL_EVERY - 1 else mood)
        for index in range(cast.utterances)
    ]
    wordless: list[VocalKind] = [VocalKind.MM_HM, VocalKind.BACKCHANNEL, VocalKind.UH]
    wordless += _cycled(cast.sounds, round(_WORDLESS_SHARE * cast.utterances))
    return (*sentences, *((kind, _emotion_of(kind, mood)) for kind in wordless))


def _cycled(kinds: Sequence[VocalKind], count: int) -> list[VocalKind]:
    return [kinds[index % len(kinds)] for index in range(count)]


def _emotion_of(kind: VocalKind, mood: str) -> str:
    able = EMOTIONS_OF[kind]
    return mood if mood in able else able[0]
