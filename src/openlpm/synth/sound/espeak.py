"""Speech with exact phone times from espeak-ng, through ctypes.

espeak-ng is GPL and comes with the optional extra ``[tts]``; it is loaded when a ``Synthesiser`` is made, never
at import. It is not thread-safe, so a process has one engine behind a lock: use processes to make many utterances. It
keeps noise and filters of one utterance for the next, even when it is started again, so it is loaded anew for each: the
same words in the same voice always sound the same.
"""

import _ctypes
import ctypes
import importlib
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.sound.prosody import PLAIN, Prosody
from openlpm.synth.sound.vocal_kinds import VocalKind
from openlpm.synth.sound.voices import Speaker, Voice

_SYNTH_RATE_HZ = 22_050
_RETRIEVAL = 2  # AUDIO_OUTPUT_SYNCHRONOUS: espeak_Synth returns after the callback has had everything
_OPTIONS = 0x8003  # phoneme events | as IPA | do not end the process on errors
_UTF8, _PHONEMES = 0x001, 0x100  # text is UTF-8; text between [[ and ]] names phonemes
_EVENT_LIST_END, _EVENT_PHONEME = 0, 7
_PARAMETER_RATE, _PARAMETER_PITCH, _PARAMETER_RANGE = 1, 3, 4
_NOISE_SEED = 1  # otherwise breath is drawn by the time of day
_RATES_WPM = (80, 400)
_LANGUAGE_NAMES = {"en-gb": "en"}  # espeak's name of the British voice


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


@final
@dataclass(frozen=True, slots=True)
class Phone:
    """One sound of speech, in samples at 16 kHz from the start of its utterance; ``ipa`` is empty in a pause."""

    start_sample: int
    end_sample: int
    ipa: str


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Utterance:
    """Something said or uttered: mono float32 at 16 kHz in [-1, 1], and the phones in it without gaps between them."""

    samples_A: NDArray[np.float32]
    phones: tuple[Phone, ...]
    text: str
    """The words, or the kind in brackets where there are none."""
    voice: Speaker
    emotion: str = "neutral"
    """One of ``core.emotion.EMOTIONS``."""
    kind: VocalKind = VocalKind.SPEECH


@final
class Synthesiser:
    """The speech synthesiser of this process; all instances share it and may be used from any thread."""

    def __init__(self) -> None:
        self._engine = _engine()

    def say(self, text: str, voice: Voice, prosody: Prosody = PLAIN) -> Utterance:
        """``text`` in ``voice``; the leading and trailing silence that espeak-ng adds stays in.

        Pitch, range, rate and tilt of ``prosody`` are applied; the rest is for ``synth.emotional_speech``. Text between
        ``[[`` and ``]]`` is taken as the phoneme mnemonics of espeak-ng.

        Raises:
            ConfigError: espeak-ng does not know the voice, or fails.
        """
        return self._engine.say(text, voice, prosody)


@final
class _Engine:
    """The library with its global state: one voice and one callback, so one speaker at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks: list[bytes] = []
        self._events: list[tuple[int, str]] = []
        callback_type = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
        )
        # The library keeps only the address: the reference here keeps the callback alive.
        self._callback = callback_type(self._receive)
        with _fresh_library():
            pass  # fails now where it is missing, not at the first word

    def say(self, text: str, voice: Voice, prosody: Prosody) -> Utterance:
        flags = _UTF8 | (_PHONEMES if "[[" in text else 0)
        with self._lock, _fresh_library() as library:
            library.espeak_SetSynthCallback(self._callback)
            _select(library, voice, prosody)
            self._blocks.clear()
            self._events.clear()
            encoded = text.encode()
            if library.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, flags, None, None) != 0:
                raise ConfigError(f"text={text!r}: espeak-ng could not say it with {voice.name}; try another voice")
            samples_A = np.frombuffer(b"".join(self._blocks), dtype=np.int16).astype(np.float32) / 32768.0
            phones = _phones(self._events, samples_A.shape[0])
        heard_A = resampled(samples_A, tilt_db=prosody.tilt_db)
        return Utterance(samples_A=heard_A, phones=phones, text=text, voice=voice)

    def _receive(self, wave: Any, num_samples: int, events: Any) -> int:
        index = 0
        while events[index].type != _EVENT_LIST_END:
            if events[index].type == _EVENT_PHONEME:
                # The field holds at most eight bytes, which may cut the last character in two.
                ipa = events[index].id.string.decode(errors="ignore")
                # "(en)" says that a word is read as of another language; it is no sound.
                self._events.append((int(events[index].sample), "" if ipa.startswith("(") else ipa))
            index += 1
        if wave and num_samples:
            self._blocks.append(ctypes.string_at(wave, num_samples * 2))
        return 0


@cache
def _engine() -> _Engine:
    return _Engine()


@contextmanager
def _fresh_library() -> Generator[ctypes.CDLL]:
    """The library as it is when nothing has been said yet."""
    try:
        loader = importlib.import_module("espeakng_loader")
    except ImportError as error:
        raise ConfigError("espeak-ng is missing: install the extra with `pip install 'openlpm[tts]'`") from error
    library = ctypes.CDLL(str(loader.get_library_path()))
    try:
        rate_hz = library.espeak_Initialize(_RETRIEVAL, 0, str(loader.get_data_path()).encode(), _OPTIONS)
        if rate_hz != _SYNTH_RATE_HZ:
            raise ConfigError(
                f"espeak-ng started with {rate_hz}, not {_SYNTH_RATE_HZ} Hz: install espeakng-loader 0.2.4"
            )
        # It has a generator of its own, and its Klatt voices use that of the C library.
        library.espeak_ng_SetRandSeed(ctypes.c_long(_NOISE_SEED))
        ctypes.CDLL(None).srand(_NOISE_SEED)
        try:
            yield library
        finally:
            library.espeak_Terminate()
    finally:
        _ctypes.dlclose(library._handle)  # noqa: SLF001 (there is no public way to unload)


def _select(library: ctypes.CDLL, voice: Voice, prosody: Prosody) -> None:
    name = f"{_LANGUAGE_NAMES.get(voice.language, voice.language)}+{voice.variant}"
    if library.espeak_SetVoiceByName(name.encode()) != 0:
        raise ConfigError(f"voice={name}: espeak-ng does not know it; choose one of synth.voices.voices_of")
    # A voice may carry its own rate and pitch, so these follow it.
    rate_wpm = int(np.clip(voice.rate_wpm * prosody.rate, *_RATES_WPM))
    library.espeak_SetParameter(_PARAMETER_RATE, rate_wpm, 0)
    library.espeak_SetParameter(_PARAMETER_PITCH, int(np.clip(voice.pitch + prosody.pitch, 0, 99)), 0)
    library.espeak_SetParameter(_PARAMETER_RANGE, int(np.clip(prosody.range, 0, 100)), 0)


def _phones(events: list[tuple[int, str]], num_samples: int) -> tuple[Phone, ...]:
    """Phones of events (22 050 Hz) in 16 kHz samples: each ends where the next begins."""
    starts = [start * AUDIO_RATE_HZ // _SYNTH_RATE_HZ for start, _ in events]
    starts.append(num_samples * AUDIO_RATE_HZ // _SYNTH_RATE_HZ)
    pairs = zip(events, starts[:-1], starts[1:], strict=True)
    return tuple(Phone(start, end, ipa) for (_, ipa), start, end in pairs if end > start)


_UP, _DOWN = 320, 441  # 22 050 * 320 / 441 = 16 000
_PASS_HZ = 7_500  # from here the spectrum fades out up to 8 kHz
_REACH = 96  # a sample of the result sees so many on either side
_PERIOD = 256  # of the kernel's grid of frequencies, in samples; more than twice the reach
_GROUPS = 8  # results of a block of 320 are made 40 at a time, which see nearly the same samples
_ROWS = 16  # blocks multiplied at once: a product so small is never shared among threads, who would wait for each other
_STEPS_A_DB = 4  # tilts are rounded to quarters of a decibel, so that few kernels are made


def resampled(samples_A: NDArray[np.float32], *, tilt_db: float = 0.0) -> NDArray[np.float32]:
    """Samples at 22 050 Hz to 16 kHz by kernels of zero phase, which delay nothing: sample 0 stays at time 0.

    ``tilt_db`` brightens by so many decibels an octave about 1 kHz, within 12 dB.
    """
    num_blocks = -(-samples_A.shape[0] // (_DOWN * _ROWS)) * _ROWS
    padded_A = np.zeros((num_blocks + 2) * _DOWN + 2 * _REACH, dtype=np.float32)
    padded_A[_REACH : _REACH + samples_A.shape[0]] = samples_A
    heard = np.empty((num_blocks // _ROWS, _ROWS, _UP), dtype=np.float32)
    each = _UP // _GROUPS
    for group, (first, kernel) in enumerate(_kernels(round(tilt_db * _STEPS_A_DB))):
        # Rows overlap in memory: the stretch of each block that these results see.
        seen = np.lib.stride_tricks.sliding_window_view(padded_A[first:], kernel.shape[0])[::_DOWN][:num_blocks]
        rows = seen.reshape(-1, _ROWS, kernel.shape[0])
        np.matmul(rows, kernel, out=heard[:, :, group * each : (group + 1) * each])
    return heard.reshape(-1)[: samples_A.shape[0] * _UP // _DOWN]


@cache
def _kernels(tilt_steps: int) -> tuple[tuple[int, NDArray[np.float32]], ...]:
    """For each group of results of a block: where what it sees begins, and the weights (seen by results)."""
    hertz = np.arange(_PERIOD // 2 + 1) * _SYNTH_RATE_HZ / _PERIOD
    fade = np.clip((hertz - _PASS_HZ) / (AUDIO_RATE_HZ / 2 - _PASS_HZ), 0.0, 1.0)
    octaves = np.log2(np.maximum(hertz, 60.0) / 1000.0)
    gain_db = np.clip(tilt_steps / _STEPS_A_DB * octaves, -12.0, 12.0)
    gain = (0.5 + 0.5 * np.cos(np.pi * fade)) * 10 ** (gain_db / 20)
    # The kernel on a grid 320 times as fine as the samples, on which every result lies.
    fine = np.fft.irfft(gain, _PERIOD * _UP) * _UP
    reach = _REACH * _UP
    fine[:reach] *= np.cos(0.5 * np.pi * np.arange(reach) / reach) ** 2
    fine[reach:] = 0.0
    each = _UP // _GROUPS
    groups: list[tuple[int, NDArray[np.float32]]] = []
    for result in np.arange(_UP).reshape(_GROUPS, each):
        first = int(result[0]) * _DOWN // _UP
        seen = first - _REACH + np.arange(each * _DOWN // _UP + 2 * _REACH + 2)
        distance = np.abs(result * _DOWN - seen[:, None] * _UP)
        groups.append((first, fine[np.minimum(distance, reach)].astype(np.float32)))
    return tuple(groups)
