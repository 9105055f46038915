"""From a plan to what is heard and seen of it: the sound of its turns and their visemes."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.act.dialogue import end_of
from openlpm.synth.act.mouth_motion import VisemeSpans
from openlpm.synth.act.speaker import Turn
from openlpm.synth.sound.speech_bank import SpeechBank
from openlpm.synth.sound.visemes import Share, is_stressed, shares_of

_FADE_SAMPLES = 640  # 40 ms, where somebody breaks off


def track(bank: SpeechBank, turns: tuple[Turn, ...], num_samples: int) -> NDArray[np.float32]:
    """The sound of turns on a track of ``num_samples``."""
    track_A = np.zeros(num_samples, dtype=np.float32)
    for turn in turns:
        first, end = max(turn.start_sample, 0), min(end_of(bank, turn), num_samples)
        if end > first:
            sound_A = bank.samples(turn.utterance)[first - turn.start_sample : end - turn.start_sample]
            if turn.cut_sample is not None:
                faded = min(_FADE_SAMPLES, sound_A.shape[0])
                sound_A[-faded:] *= np.linspace(1.0, 0.0, faded, dtype=np.float32)
            track_A[first:end] += sound_A
    return track_A


def viseme_spans(bank: SpeechBank, turns: tuple[Turn, ...]) -> VisemeSpans:
    """The timed visemes of turns, in seconds from the clip's start."""
    rows: list[tuple[float, float, int, bool]] = []
    shares_of_symbol, stressed = _symbol_tables(bank.symbols)
    for turn in turns:
        first, end = bank.first_phone[turn.utterance : turn.utterance + 2].tolist()
        starts = bank.phone_start[first:end].tolist()
        ends = bank.phone_end[first:end].tolist()
        limit = float(end_of(bank, turn))
        for start, stop, symbol in zip(starts, ends, bank.phone_symbol[first:end].tolist(), strict=True):
            begin = float(turn.start_sample + start)
            for part in shares_of_symbol[symbol]:
                finish = min(begin + part.share * (stop - start), limit)
                if finish > begin:
                    rows.append((begin, finish, part.viseme, stressed[symbol]))
                begin = finish
    if not rows:
        return VisemeSpans.empty()
    begins, finishes, visemes, stresses = zip(*rows, strict=True)
    return VisemeSpans(
        np.array(begins) / AUDIO_RATE_HZ,
        np.array(finishes) / AUDIO_RATE_HZ,
        np.array(visemes, dtype=np.int8),
        np.array(stresses, dtype=np.bool_),
    )


@cache
def _symbol_tables(symbols: tuple[str, ...]) -> tuple[tuple[tuple[Share, ...], ...], tuple[bool, ...]]:
    return tuple(map(shares_of, symbols)), tuple(map(is_stressed, symbols))
