"""Speech in an emotion: words that suit it, the voice's way of saying them, and the colour of the sound."""

from dataclasses import replace

import numpy as np

from openlpm.synth.augment import change_tract
from openlpm.synth.espeak import Synthesiser, Utterance
from openlpm.synth.prosody import Prosody, coloured, prosody_of
from openlpm.synth.sentences import backchannel, sentence
from openlpm.synth.vocal_kinds import VocalKind
from openlpm.synth.voices import Voice

INTENSITIES = (0.65, 1.0)
"""How strongly an emotion sounds is drawn from here, utterance by utterance."""
_SPREAD = 0.12  # of the rate; nobody says two sentences alike


def say_with_emotion(
    synthesiser: Synthesiser,
    voice: Voice,
    emotion: str,
    rng: np.random.Generator,
    *,
    kind: VocalKind = VocalKind.SPEECH,
    text: str | None = None,
) -> Utterance:
    """``text``, or words that suit ``emotion``, said as one does who feels it; phones lie where they are heard.

    ``kind`` is ``SPEECH`` or ``BACKCHANNEL``.
    """
    if text is None:
        text = (
            backchannel(voice.language, rng)
            if kind == VocalKind.BACKCHANNEL
            else sentence(voice.language, rng, emotion=emotion)
        )
    prosody = _varied(prosody_of(emotion, float(rng.uniform(*INTENSITIES))), rng)
    said = synthesiser.say(text, voice, prosody)
    return replace(finished(said, prosody, rng), emotion=emotion, kind=kind)


def finished(said: Utterance, prosody: Prosody, rng: np.random.Generator) -> Utterance:
    """``said`` with what ``prosody`` asks of the sound itself; its timing is unchanged."""
    samples_A = said.samples_A
    if abs(prosody.tract - 1.0) > 1e-3:
        samples_A = change_tract(samples_A, prosody.tract)
    return replace(said, samples_A=coloured(samples_A, prosody, rng))


def _varied(prosody: Prosody, rng: np.random.Generator) -> Prosody:
    return replace(
        prosody,
        pitch=prosody.pitch + float(rng.normal(0, 2.0)),
        rate=prosody.rate * float(np.exp(rng.uniform(-_SPREAD, _SPREAD) / 2)),
        gain_db=prosody.gain_db + float(rng.normal(0, 0.7)),
    )
