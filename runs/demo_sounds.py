"""Make the two voices of ``openlpm demo``: a question and a reply by espeak-ng voices that no model is trained on.

    python runs/demo_sounds.py

Needs the extra [tts]. espeak-ng is not repeatable, so the files are kept in the package.
"""

from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from openlpm.core.seeds import Split
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.sound.espeak import Synthesiser
from openlpm.synth.sound.voices import Voice, voices_of

FOLDER = Path(__file__).resolve().parent.parent / "src" / "openlpm" / "cli" / "demo_sounds"
LINES = {
    "question.opus": ("f5", 160, 45, "Hello there! How was your day, and what are you working on?"),
    "reply.opus": (
        "m7",
        158,
        48,
        "It was lovely, thank you! I am learning to speak with my whole face, you see.",
    ),
}
_PEAK = 0.7
_QUIET = 0.01
_MARGIN_SAMPLES = AUDIO_RATE_HZ // 20
_BITS_A_SECOND = 32_000


def main() -> None:
    """Speak, trim and write both lines."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    # A process for each line: espeak-ng carries noise from one utterance into the next.
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        pool.map(make, LINES, chunksize=1)


def make(name: str) -> None:
    """Speak, trim and write one line."""
    variant, rate_wpm, pitch, text = LINES[name]
    test_variants = {voice.variant for voice in voices_of(Split.TEST)}
    if variant not in test_variants:
        raise SystemExit(f"{variant} is no test voice: choose one of {sorted(test_variants)}")
    language = "en-gb" if variant.startswith("f") else "en-us"
    spoken = Synthesiser().say(text, Voice(language=language, variant=variant, rate_wpm=rate_wpm, pitch=pitch))
    write_opus(FOLDER / name, trimmed(spoken.samples_A))


def trimmed(samples_A: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without the silence around the words, and at an even level."""
    loud = np.flatnonzero(np.abs(samples_A) > _QUIET)
    part_A = samples_A[max(int(loud[0]) - _MARGIN_SAMPLES, 0) : int(loud[-1]) + _MARGIN_SAMPLES]
    return (part_A * (_PEAK / np.abs(part_A).max())).astype(np.float32)


def write_opus(path: Path, samples_A: NDArray[np.float32]) -> None:
    """Mono Opus at 32 kbit/s."""
    with av.open(str(path), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=AUDIO_RATE_HZ, layout="mono")
        stream.bit_rate = _BITS_A_SECOND
        resampler = av.AudioResampler(stream.codec_context.format, "mono", AUDIO_RATE_HZ)
        frame = av.AudioFrame.from_ndarray(samples_A[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE_HZ, 0, Fraction(1, AUDIO_RATE_HZ)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main()
