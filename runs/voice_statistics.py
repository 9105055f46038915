"""What each emotion and each sound without words measures like: the table behind the claim that they can be heard.

    python runs/voice_statistics.py [--utterances 40] [--recognise]

Needs the extra [tts]. The same voices say the same number of utterances in every emotion. With ``--recognise``, the
emotion of unseen utterances by unseen voices is guessed from the six numbers alone, relative to those of the same voice
when it is neutral: the nearest of the emotions' means, in the units of the spread within emotions.
"""

import argparse
import time

import numpy as np
from numpy.typing import NDArray

from openlpm.core.emotion import EMOTIONS
from openlpm.core.seeds import Split, generator
from openlpm.synth.sound.acoustics import Acoustics, measured
from openlpm.synth.sound.emotional_speech import say_with_emotion
from openlpm.synth.sound.espeak import Synthesiser, Utterance
from openlpm.synth.sound.nonverbal import make_sound
from openlpm.synth.sound.vocal_kinds import EMOTIONS_OF, NON_VERBAL
from openlpm.synth.sound.voices import Voice, voices_of

_COLUMNS = tuple(Acoustics.__dataclass_fields__)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--utterances", type=int, default=40, help="how many of each")
    parser.add_argument("--recognise", action="store_true", help="guess emotions instead")
    asked = parser.parse_args()
    if asked.recognise:
        recognise()
    else:
        tabulate(asked.utterances)


def tabulate(count: int) -> None:
    """A row for each emotion and each kind, means over ``count`` utterances."""
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


def recognise(num_train: int = 24, num_test: int = 12) -> None:
    """Share of emotions guessed right, each by name and in all."""
    train_NF, emotion_N = _relative(Split.TRAIN, num_train)
    test_NF, wanted_N = _relative(Split.TEST, num_test)
    means_EF = np.array([train_NF[emotion_N == emotion].mean(axis=0) for emotion in range(len(EMOTIONS))])
    precision_FF = np.linalg.inv(np.cov((train_NF - means_EF[emotion_N]).T))
    away_NEF = test_NF[:, None] - means_EF
    guess_N = np.einsum("nef,fg,neg->ne", away_NEF, precision_FF, away_NEF).argmin(axis=1)
    for number, emotion in enumerate(EMOTIONS):
        guesses = np.bincount(guess_N[wanted_N == number], minlength=len(EMOTIONS)) / (wanted_N == number).sum()
        others = [f"{EMOTIONS[g]} {guesses[g]:.2f}" for g in np.argsort(-guesses)[:3] if g != number and guesses[g]]
        print(emotion.ljust(12), f"{guesses[number]:.2f}", "taken for", ", ".join(others))
    print("all".ljust(12), f"{(guess_N == wanted_N).mean():.2f}", f"by chance {1 / len(EMOTIONS):.2f}")


def _relative(split: Split, num_voices: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """What is measured of two utterances a voice and emotion, less the mean of four neutral ones; and the emotions."""
    rng, synthesiser, voices = generator("recognise", split), Synthesiser(), voices_of(split)
    rows: list[NDArray[np.float64]] = []
    for voice in rng.choice(len(voices), size=num_voices, replace=False).tolist():

        def heard(emotion: str, voice: Voice = voices[voice]) -> NDArray[np.float64]:
            row = measured(say_with_emotion(synthesiser, voice, emotion, rng))
            logs = 12 * np.log2([row.pitch_hz, row.rate_hz])
            return np.array([*logs, row.range_semitones, row.energy_db, row.tilt_db, 10 * row.voiced_share])

        neutral_F = np.nanmean([heard("neutral") for _ in range(4)], axis=0)
        rows += [heard(emotion) - neutral_F for emotion in EMOTIONS for _ in range(2)]
    return np.nan_to_num(np.array(rows)), np.tile(np.repeat(np.arange(len(EMOTIONS)), 2), num_voices)


def _print(name: str, said: list[Utterance], spent_s: float) -> None:
    rows = [measured(utterance) for utterance in said]
    means = [float(np.nanmean([getattr(row, column) for row in rows])) for column in _COLUMNS]
    seconds = float(np.mean([utterance.samples_A.shape[0] for utterance in said])) / 16_000
    print(name.ljust(12), *(f"{value:16.2f}" for value in (*means, seconds, 1000 * spent_s / len(said))))


if __name__ == "__main__":
    main()
