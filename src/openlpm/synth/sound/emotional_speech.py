"""Speech in an emotion: words that suit it, the voice's way of saying them, and the colour of the sound."""

from dataclasses import replace

import numpy as np

from openlpm.synth.sound.augment import change_tract
from openlpm.synth.sound.espeak import Synthesiser, Utterance
from openlpm.synth.sound.prosody import Prosody, coloured, prosody_of
from openlpm.synth.sound.sentences import backchannel, sentence
from openlpm.synth.sound.visemes import is_stressed
from openlpm.synth.sound.vocal_kinds import VocalKind
from openlpm.synth.sound.voices import Voice

INTENSITIES = (0.65, 1.0)
"""How strongly an emotion sounds is drawn from here, utterance by utterance."""
_EMPHASIS_EDGE = 1200  # samples, 75 ms
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


def emphasised(said: Utterance, share: float, rng: np.random.Generator) -> Utterance:
    """``said`` with some of its stressed vowels, and what is next to them, louder by 3 to 6 dB.

    ``share`` of them on average. (espeak-ng has an emphasis of its own, in SSML, but some of its variants crash on it.)
    """
    stressed = [phone for phone in said.phones if is_stressed(phone.ipa)]
    chosen = [phone for phone in stressed if rng.random() < share]
    if not chosen:
        return said
    gain_A = np.ones(said.samples_A.shape[0], dtype=np.float32)
    for phone in chosen:
        half = (phone.end_sample - phone.start_sample) // 2 + _EMPHASIS_EDGE
        middle = (phone.start_sample + phone.end_sample) // 2
        first, end = max(middle - half, 0), min(middle + half, gain_A.shape[0])
        bump_A = np.hanning(2 * half)[first - middle + half : end - middle + half]
        gain_A[first:end] += (10 ** (rng.uniform(3.0, 6.0) / 20) - 1) * bump_A.astype(np.float32)
    return replace(said, samples_A=said.samples_A * gain_A)


def finished(said: Utterance, prosody: Prosody, rng: np.random.Generator) -> Utterance:
    """``said`` with what ``prosody`` asks of the sound itself; its timing is unchanged."""
    samples_A = emphasised(said, prosody.emphasis, rng).samples_A
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
