"""From a recording to the mouth that says it: what an aligner finds, made into the spans that move a mouth."""

import numpy as np
from numpy.typing import NDArray

from openlpm.core.units import AUDIO_RATE_HZ, samples_at_frame
from openlpm.synth.act.mouth_motion import MouthTrack, VisemeSpans, loudness, mouth_motion
from openlpm.synth.sound.aligner_phones import PhoneRecogniser, visemes_of_phones
from openlpm.synth.sound.espeak import Utterance
from openlpm.synth.sound.human_speech import Aligner, VisemeSpan, human_utterance
from openlpm.synth.sound.visemes import is_stressed, shares_of
from openlpm.synth.sound.voices import HumanVoice

_ANYBODY = HumanVoice(name="anybody")


def load_aligner() -> Aligner:
    """The aligner that the project uses for English speech.

    Raises:
        ConfigError: the extra ``[data]`` is not installed.
    """
    recogniser = PhoneRecogniser()

    def align(samples_A: NDArray[np.float32]) -> tuple[VisemeSpan, ...]:
        return visemes_of_phones(recogniser.phones(samples_A), samples_A.shape[0])

    return align


def spans_of(utterance: Utterance) -> VisemeSpans:
    """The visemes of one utterance, in seconds from its start; pauses are left out."""
    rows: list[tuple[float, float, int, bool]] = []
    for phone in utterance.phones:
        begin = float(phone.start_sample)
        for part in shares_of(phone.ipa) if phone.ipa else ():
            end = begin + part.share * (phone.end_sample - phone.start_sample)
            rows.append((begin / AUDIO_RATE_HZ, end / AUDIO_RATE_HZ, part.viseme, is_stressed(phone.ipa)))
            begin = end
    if not rows:
        return VisemeSpans.empty()
    starts, ends, visemes, stressed = zip(*rows, strict=True)
    return VisemeSpans(
        np.array(starts), np.array(ends), np.array(visemes, dtype=np.int8), np.array(stressed, dtype=np.bool_)
    )


def follow(samples_A: NDArray[np.float32], align: Aligner, num_frames: int) -> MouthTrack:
    """The mouth that a performer would be given for a recording (mono, 16 kHz), one row a frame (24 fps)."""
    count = samples_at_frame(num_frames)
    heard_A = np.zeros(count, dtype=np.float32)
    heard_A[: min(count, samples_A.shape[0])] = samples_A[:count]
    spans = spans_of(human_utterance(heard_A, align(heard_A), _ANYBODY))
    return mouth_motion(spans, loudness(heard_A, num_frames))
