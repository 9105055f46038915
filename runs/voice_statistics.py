"""What each emotion and each sound without words measures like: the table behind the claim that they can be heard.

    python runs/voice_statistics.py [--utterances 40]

Needs the extra [tts]. The same voices say the same number of utterances in every emotion.
"""

import argparse
import time

import numpy as np

from openlpm.core.emotion import EMOTIONS
from openlpm.core.seeds import Split, generator
from openlpm.synth.acoustics import Acoustics, measured
from openlpm.synth.emotional_speech import say_with_emotion
from openlpm.synth.espeak import Synthesiser, Utterance
from openlpm.synth.nonverbal import make_sound
from openlpm.synth.vocal_kinds import EMOTIONS_OF, NON_VERBAL
from openlpm.synth.voices import voices_of

_COLUMNS = tuple(Acoustics.__dataclass_fields__)


def main() -> None:
    """Print a row for each emotion and each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--utterances", type=int, default=40, help="how many of each")
    count = parser.parse_args().utterances
    synthesiser, voices = Synthesiser(), voices_of(Split.VALIDATION)
    print("what".ljust(12), *(name.rjust(16) for name in (*_COLUMNS, "seconds", "ms_to_make")))
    for emotion in EMOTIONS:
        rng, start = generator("voice statistics", emotion), time.process_time()
        said = [say_with_emotion(synthesiser, voices[u % len(voices)], emotion, rng) for u in range(count)]
        _print(emotion, said, time.process_time() - start)
    for kind in NON_VERBAL:
        rng, start = generator("voice statistics", kind), time.process_time()
        felt = EMOTIONS_OF[kind]
        said = [make_sound(kind, voices[u % len(voices)], felt[u % len(felt)], rng, synthesiser) for u in range(count)]
        _print(kind, said, time.process_time() - start)


def _print(name: str, said: list[Utterance], spent_s: float) -> None:
    rows = [measured(utterance) for utterance in said]
    means = [float(np.nanmean([getattr(row, column) for row in rows])) for column in _COLUMNS]
    seconds = float(np.mean([utterance.samples_A.shape[0] for utterance in said])) / 16_000
    print(name.ljust(12), *(f"{value:16.2f}" for value in (*means, seconds, 1000 * spent_s / len(said))))


if __name__ == "__main__":
    main()
