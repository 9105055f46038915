"""Recorded people in a bank of voices: visemes found by an aligner instead of phones known from a synthesiser."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.core.rig import VISEMES
from openlpm.core.seeds import Split
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.sound.espeak import Phone, Utterance
from openlpm.synth.sound.visemes import viseme_symbol
from openlpm.synth.sound.vocal_kinds import VocalKind
from openlpm.synth.sound.voices import HumanVoice, split_of_human

_VOWELS = range(VISEMES.index("aa"), len(VISEMES))
_STRESSED_SHARE = 0.3
_CUT_PAUSE_S = 0.18  # silences at least this long are places to cut
_EDGE_S = 0.12  # silence left around a piece
_LEVEL = 0.15  # root mean square of speech, as of a neutral synthetic voice
_PEAK = 0.95
_SUFFIXES = (".flac", ".ogg", ".opus", ".wav")


@final
@dataclass(frozen=True, slots=True)
class VisemeSpan:
    """A mouth held from one sample to another (16 kHz); ``viseme`` is an index into ``core.rig.VISEMES``."""

    viseme: int
    start_sample: int
    end_sample: int


Aligner = Callable[[NDArray[np.float32]], Sequence[VisemeSpan]]
"""Finds the visemes of a recording (mono, 16 kHz)."""


def human_utterances(
    folder: Path, split: Split, align: Aligner, *, corpus: str, on_progress: Callable[[int, int], None] | None = None
) -> tuple[Utterance, ...]:
    """What the speakers of ``split`` say in a folder of recordings, aligned, at an even level and cut in its pauses.

    A file's name begins with its speaker, up to the first ``-``; the voice is named ``corpus-speaker``, and that name
    alone decides the split, so a speaker is never heard in two.

    Raises:
        InputError: there are no recordings in the folder.
    """
    from openlpm.media.audio import open_audio  # machines that only train do without PyAV

    paths = sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES) if folder.is_dir() else []
    if not paths:
        raise InputError(f"{folder}: there are no recordings here; give a folder of {', '.join(_SUFFIXES)} files")
    chosen = [(path, HumanVoice(name=f"{corpus}-{path.stem.split('-')[0]}")) for path in paths]
    chosen = [(path, voice) for path, voice in chosen if split_of_human(voice.name) == split]
    found: list[Utterance] = []
    for done, (path, voice) in enumerate(chosen, start=1):
        source = open_audio(path)
        samples_A = levelled(source.read(0, source.num_samples))
        found += pieces(human_utterance(samples_A, align(samples_A), voice, text=path.stem))
        if on_progress is not None:
            on_progress(done, len(chosen))
    return tuple(found)


def human_utterance(
    samples_A: NDArray[np.float32] | NDArray[np.int16],
    spans: Sequence[VisemeSpan],
    voice: HumanVoice,
    *,
    text: str = "",
    emotion: str = "neutral",
    kind: VocalKind = VocalKind.SPEECH,
) -> Utterance:
    """A recording (mono, 16 kHz, float32 in [-1, 1] or 16 bit) with its visemes, fit for ``speech_bank.with_human``.

    ``spans`` rise in time and do not overlap; what lies between them is silence. The loudest three tenths of the vowels
    count as stressed.

    Raises:
        InputError: spans overlap, or reach out of the recording.
    """
    if samples_A.dtype == np.int16:
        samples_A = samples_A.astype(np.float32) / np.float32(32768.0)
    held = [span for span in spans if span.end_sample > span.start_sample and VISEMES[span.viseme] != "sil"]
    if any(before.end_sample > after.start_sample for before, after in pairwise(held)):
        raise InputError(f"{voice.name}: spans of visemes overlap; give them in rising order")
    if held and not (held[0].start_sample >= 0 and held[-1].end_sample <= samples_A.shape[0]):
        raise InputError(f"{voice.name}: spans of visemes reach out of the {samples_A.shape[0]} samples")
    return Utterance(
        samples_A=samples_A.astype(np.float32),
        phones=tuple(_gapless(held, _stressed(samples_A, held), samples_A.shape[0])),
        text=text,
        voice=voice,
        emotion=emotion,
        kind=kind,
    )


def pieces(utterance: Utterance, *, least_s: float = 1.5, most_s: float = 6.0) -> tuple[Utterance, ...]:
    """A long recording cut in its pauses into pieces of ``least_s`` to about ``most_s``.

    A stretch without a pause stays whole however long it is, and a rest that is too short is dropped.
    """
    pauses = [
        p for p in utterance.phones if not p.ipa and p.end_sample - p.start_sample >= _CUT_PAUSE_S * AUDIO_RATE_HZ
    ]
    ends = [p.start_sample for p in pauses if p.start_sample > 0]
    if not pauses or pauses[-1] != utterance.phones[-1]:
        ends.append(utterance.samples_A.shape[0])
    begins = {pause.start_sample: pause.end_sample for pause in pauses}
    start = begins.get(0, 0)
    cuts: list[tuple[int, int]] = []
    last = start
    for end in ends:
        if end - start > most_s * AUDIO_RATE_HZ and last > start:
            cuts.append((start, last))
            start = begins.get(last, last)
        last = end
    cuts.append((start, last))
    return tuple(_cut(utterance, first, end) for first, end in cuts if end - first >= least_s * AUDIO_RATE_HZ)


def levelled(samples_A: NDArray[np.float32]) -> NDArray[np.float32]:
    """A recording at the level of a synthetic voice where it is loud, without clipping."""
    hop = AUDIO_RATE_HZ // 20
    num_blocks = max(samples_A.shape[0] // hop, 1)
    power_N = np.square(samples_A[: num_blocks * hop]).reshape(num_blocks, -1).mean(axis=1)
    rms = np.sqrt(power_N[power_N >= 0.1 * power_N.max()].mean()) + 1e-6
    gain = min(_LEVEL / rms, _PEAK / (np.abs(samples_A).max() + 1e-6))
    return samples_A * np.float32(gain)


def _cut(utterance: Utterance, first: int, end: int) -> Utterance:
    edge = int(_EDGE_S * AUDIO_RATE_HZ)
    first, end = max(first - edge, 0), min(end + edge, utterance.samples_A.shape[0])
    phones = tuple(
        Phone(max(p.start_sample, first) - first, min(p.end_sample, end) - first, p.ipa)
        for p in utterance.phones
        if p.end_sample > first and p.start_sample < end
    )
    return replace(utterance, samples_A=utterance.samples_A[first:end], phones=phones)


def _stressed(samples_A: NDArray[np.float32] | NDArray[np.int16], spans: list[VisemeSpan]) -> set[int]:
    vowels = [index for index, span in enumerate(spans) if span.viseme in _VOWELS]
    if not vowels:
        return set()
    loud = [
        float(np.sqrt(np.square(samples_A[spans[v].start_sample : spans[v].end_sample].astype(np.float32)).mean()))
        for v in vowels
    ]
    least = float(np.quantile(loud, 1.0 - _STRESSED_SHARE))
    return {vowel for vowel, power in zip(vowels, loud, strict=True) if power >= least}


def _gapless(spans: list[VisemeSpan], stressed: set[int], num_samples: int) -> Iterator[Phone]:
    end = 0
    for index, span in enumerate(spans):
        if span.start_sample > end:
            yield Phone(end, span.start_sample, "")
        yield Phone(span.start_sample, span.end_sample, viseme_symbol(span.viseme, stressed=index in stressed))
        end = span.end_sample
    if end < num_samples:
        yield Phone(end, num_samples, "")
