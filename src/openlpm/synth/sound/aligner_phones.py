"""Phones of English speech with their times, without a transcript: pocketsphinx decoding phones freely.

pocketsphinx (BSD, the extra ``[data]``) carries an English acoustic model and a trigram of phones in its wheel. Only
those who prepare recordings need it; nothing that runs a model imports this.
"""

import importlib
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.rig import VISEMES
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.sound.human_speech import VisemeSpan

_WINDOW_MIDDLE_S = 0.0128
"""Its frames are named by the beginning of a window of 25.6 ms. (In espeak-ng utterances, whose times are exact, 478
matched phones began 10 and ended 13 ms early in the median without this.)"""

_ARPABET = {
    "AA": "aa", "AE": "aa", "AH": "aa", "AO": "oh", "AW": "aa ou", "AY": "aa ih", "EH": "E", "ER": "RR", "EY": "E ih",
    "IH": "ih", "IY": "ih", "OW": "oh ou", "OY": "oh ih", "UH": "ou", "UW": "ou",
    "B": "PP", "CH": "DD CH", "D": "DD", "DH": "TH", "F": "FF", "G": "kk", "HH": "kk", "JH": "DD CH", "K": "kk",
    "L": "nn", "M": "PP", "N": "nn", "NG": "kk", "P": "PP", "R": "RR", "S": "SS", "SH": "CH", "T": "DD", "TH": "TH",
    "V": "FF", "W": "ou", "Y": "ih", "Z": "SS", "ZH": "CH",
    "+SPN+": "E",  # speech that fits no phone: in LibriSpeech four in five are loud, so the mouth stays half open
}  # fmt: skip
_FIRST_PART_OF_VOWEL, _FIRST_PART_OF_AFFRICATE = 0.6, 0.4


@final
@dataclass(frozen=True, slots=True)
class TimedPhone:
    """One phone as it was recognised: ARPAbet without stress, ``SIL`` or a noise such as ``+SPN+``."""

    symbol: str
    start_s: float
    end_s: float


@final
class PhoneRecogniser:
    """Finds phones in recordings; keep one and use it for many (loading it takes a second).

    The settings are those that were found to give plausible phones: the library's narrower beams drop many.

    Raises:
        ConfigError: pocketsphinx is not installed.
    """

    def __init__(self) -> None:
        if importlib.util.find_spec("pocketsphinx") is None:
            raise ConfigError("pocketsphinx is missing: install the extra with `pip install 'openlpm[data]'`")
        library: Any = importlib.import_module("pocketsphinx")
        folder = library.get_model_path("en-us")
        self._decoder: Any = library.Decoder(
            library.Config(
                hmm=f"{folder}/en-us",
                allphone=f"{folder}/en-us-phone.lm.bin",
                lm=None,
                dict=None,
                allphone_ci=True,
                beam=1e-20,
                pbeam=1e-20,
                lw=2.0,
                cmn="batch",
                loglevel="FATAL",
            )
        )

    def phones(self, samples_A: NDArray[np.float32]) -> tuple[TimedPhone, ...]:
        """Phones of a whole recording (mono, 16 kHz), end to end; empty for less than a tenth of a second."""
        if samples_A.shape[0] < AUDIO_RATE_HZ // 10:
            return ()
        sixteen_bit = np.rint(samples_A * 32767.0).clip(-32768, 32767).astype("<i2")
        # Without this the level and spectrum of the recording before would colour this one.
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        self._decoder.process_raw(sixteen_bit.tobytes(), full_utt=True)
        self._decoder.end_utt()
        return tuple(
            TimedPhone(
                segment.word, *(n / 100 + _WINDOW_MIDDLE_S for n in (segment.start_frame, segment.end_frame + 1))
            )
            for segment in self._decoder.seg()
        )


def visemes_of_phones(phones: Iterable[TimedPhone], num_samples: int) -> tuple[VisemeSpan, ...]:
    """The mouths of phones, in samples within the recording; silence and ``+NSN+`` (noise, never loud) become gaps."""
    spans: list[VisemeSpan] = []
    for phone in phones:
        names = _ARPABET.get(phone.symbol, "").split()
        if not names:
            continue
        start, end = (min(max(round(t * AUDIO_RATE_HZ), 0), num_samples) for t in (phone.start_s, phone.end_s))
        first = _FIRST_PART_OF_AFFRICATE if names[0] == "DD" else _FIRST_PART_OF_VOWEL
        middle = end if len(names) == 1 else start + round((end - start) * first)
        bounds = [start, middle, end] if len(names) > 1 else [start, end]
        for name, low, high in zip(names, bounds[:-1], bounds[1:], strict=True):
            if high > low:
                spans.append(VisemeSpan(VISEMES.index(name), low, high))
    return tuple(spans)
