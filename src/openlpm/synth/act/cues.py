"""Cues: what a listener hears in the partner's voice that may be answered."""

from dataclasses import dataclass
from typing import final

import numpy as np

from openlpm.synth.act.gestures import FloatArray
from openlpm.synth.sound.vocal_kinds import VocalKind

PAUSE_S = 0.25
"""The shortest silence in the partner's voice that counts as the end of a phrase."""

TONE_CUES = {
    "happy": "partner_warm", "tender": "partner_warm", "proud": "partner_warm", "amused": "partner_laugh",
    "sad": "partner_sad", "afraid": "partner_sad", "excited": "partner_excited", "surprised": "partner_excited",
    "angry": "partner_angry", "disgusted": "partner_angry",
}  # fmt: skip
"""What the tone of an utterance means to the listener; other emotions are just heard."""
_KIND_CUES = {
    VocalKind.LAUGH: "partner_laugh", VocalKind.CHUCKLE: "partner_laugh", VocalKind.CRY: "partner_sad",
    VocalKind.GASP: "partner_sudden", VocalKind.SIGH: "partner_sad",
}  # fmt: skip
_TONE_HEARD_S = 0.5  # a tone is known this long after it begins
_SUDDEN = ("excited", "angry", "afraid", "surprised")
_SUDDEN_AFTER_S = 1.2  # silence before it


@final
@dataclass(frozen=True, slots=True)
class Phrase:
    """A stretch of speech without a pause, in seconds."""

    start_s: float
    end_s: float


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """An utterance as it is heard, in seconds from the clip's start."""

    start_s: float
    end_s: float
    emotion: str = "neutral"
    kind: VocalKind = VocalKind.SPEECH
    asks: bool = False
    """Whether it is a question."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Cue:
    """Something heard that may be answered."""

    kind: str
    at_s: float


def phrases(start_S: FloatArray, end_S: FloatArray, *, pause_s: float = PAUSE_S) -> tuple[Phrase, ...]:
    """Stretches of the given sounds (rising in time) that are not broken by ``pause_s`` or more."""
    if start_S.shape[0] == 0:
        return ()
    broken = np.flatnonzero(start_S[1:] - end_S[:-1] >= pause_s)
    first = np.concatenate([[0], broken + 1])
    last = np.concatenate([broken, [start_S.shape[0] - 1]])
    return tuple(Phrase(float(start_S[f]), float(end_S[k])) for f, k in zip(first, last, strict=True))


def find_cues(said: tuple[Said, ...], partner: tuple[Phrase, ...]) -> tuple[Cue, ...]:
    """All cues in the partner's voice, in the order of time."""
    cues = [Cue(kind="partner_phrase_end", at_s=phrase.end_s) for phrase in partner]
    before_s, before = -10.0, ""
    for utterance in said:
        kind = _KIND_CUES.get(utterance.kind, TONE_CUES.get(utterance.emotion, ""))
        sudden = utterance.emotion in _SUDDEN and utterance.start_s - before_s >= _SUDDEN_AFTER_S
        if kind == "partner_sudden" or (sudden and before != utterance.emotion):
            cues.append(Cue(kind="partner_sudden", at_s=utterance.start_s))
        elif utterance.kind in _KIND_CUES:
            cues.append(Cue(kind=kind, at_s=utterance.start_s + 0.1))
        elif kind:
            heard_s = min(_TONE_HEARD_S, 0.5 * (utterance.end_s - utterance.start_s))
            cues.append(Cue(kind=kind, at_s=utterance.start_s + heard_s))
        if utterance.asks:
            cues.append(Cue(kind="partner_question", at_s=utterance.end_s))
        before_s, before = utterance.end_s, utterance.emotion
    return tuple(sorted(cues, key=lambda cue: cue.at_s))
