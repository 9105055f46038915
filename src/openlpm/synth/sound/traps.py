"""Sounds that are nobody's turn: music, noise, and other people's voices. No mouth may move to them."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.sound import noises
from openlpm.synth.sound.augment import room_response
from openlpm.synth.sound.fourier import fast_size
from openlpm.synth.sound.music import draw_song, play
from openlpm.synth.sound.prosody import limited
from openlpm.synth.sound.speech_bank import SpeechBank

_FloatArray = NDArray[np.float32]


class TrapKind(StrEnum):
    """What is heard."""

    MUSIC = "music"
    STATIC = "static"
    """Steady noise of any colour, with or without the hum of the mains."""
    STREET = "street"
    RAIN = "rain"
    TYPING = "typing"
    CLATTER = "clatter"
    """Dishes, knocks, things set down."""
    RINGING = "ringing"
    """A telephone or an alarm."""
    BABBLE = "babble"
    """Several voices at once, none of them the performer's or the partner's."""
    FAR_VOICE = "far_voice"
    """One other voice, quiet and in a room."""


VOICED: Final = frozenset({TrapKind.BABBLE, TrapKind.FAR_VOICE})
"""Kinds that need a bank of voices."""

_LEVELS_DB: Final = {
    TrapKind.MUSIC: (-38.0, -15.0),
    TrapKind.STATIC: (-55.0, -24.0),
    TrapKind.STREET: (-45.0, -20.0),
    TrapKind.RAIN: (-48.0, -22.0),
    TrapKind.TYPING: (-48.0, -28.0),
    TrapKind.CLATTER: (-44.0, -24.0),
    TrapKind.RINGING: (-40.0, -20.0),
    TrapKind.BABBLE: (-45.0, -25.0),
    TrapKind.FAR_VOICE: (-48.0, -33.0),
}
"""Root mean square over the whole sound is drawn from here."""


def trap_sound(
    rng: np.random.Generator,
    num_samples: int,
    kind: TrapKind | str | None = None,
    *,
    bank: SpeechBank | None = None,
    avoid: Sequence[int] = (),
) -> _FloatArray:
    """``num_samples`` of sound at 16 kHz in [-1, 1]; without ``kind`` any one, with voices only if there is a bank.

    ``avoid`` are the numbers of the voices of ``bank`` that take part in the clip.

    Raises:
        ConfigError: ``kind`` needs voices and there are none but those to avoid.
    """
    if kind is None:
        kinds = [each for each in TrapKind if bank is not None or each not in VOICED]
        kind = kinds[int(rng.integers(len(kinds)))]
    kind = TrapKind(kind)
    sound_A = _voices(rng, num_samples, kind, bank, avoid) if kind in VOICED else _MAKERS[kind](rng, num_samples)
    level = 10 ** (rng.uniform(*_LEVELS_DB[kind]) / 20)
    return limited(sound_A * (level / (np.sqrt(np.square(sound_A).mean()) + 1e-9)))


def _music(rng: np.random.Generator, num_samples: int) -> _FloatArray:
    lead = int(rng.uniform(0, 2.0) * AUDIO_RATE_HZ)
    return play(draw_song(rng), rng, num_samples + lead)[lead:]


def _voices(
    rng: np.random.Generator, num_samples: int, kind: TrapKind, bank: SpeechBank | None, avoid: Sequence[int]
) -> _FloatArray:
    others = np.setdiff1d(bank.voice_index, np.array(avoid, dtype=np.int32)) if bank is not None else np.zeros(0)
    if bank is None or others.shape[0] == 0:
        raise ConfigError(f"kind={kind.value!r}: it needs a bank with a voice that is not to be avoided")
    count = int(rng.integers(4, 9)) if kind == TrapKind.BABBLE else 1
    mixed_A = np.zeros(num_samples, dtype=np.float32)
    for voice in rng.choice(others, size=count, replace=others.shape[0] < count).tolist():
        said_A = _said(rng, bank, int(voice), num_samples, gap_s=0.4 if count > 1 else 1.2)
        mixed_A += said_A * np.float32(rng.uniform(0.5, 1.0) / (np.abs(said_A).max() + 1e-6))
    return _far(rng, mixed_A)


def _said(rng: np.random.Generator, bank: SpeechBank, voice: int, num_samples: int, *, gap_s: float) -> _FloatArray:
    """One voice talking on, begun somewhere inside an utterance."""
    numbers = bank.utterances(voice)
    out_A = np.zeros(num_samples, dtype=np.float32)
    start = -int(rng.uniform(0, 2.0) * AUDIO_RATE_HZ)
    while start < num_samples:
        samples_A = bank.samples(int(numbers[int(rng.integers(numbers.shape[0]))]))
        first, end = max(start, 0), min(start + samples_A.shape[0], num_samples)
        if end > first:
            out_A[first:end] = samples_A[first - start : end - start]
        start += samples_A.shape[0] + int(rng.uniform(0.05, gap_s) * AUDIO_RATE_HZ)
    return out_A


def _far(rng: np.random.Generator, samples_A: _FloatArray) -> _FloatArray:
    """Heard from across a room: mostly echoes, and without its treble."""
    tail = int(0.4 * AUDIO_RATE_HZ)
    size = fast_size(samples_A.shape[0] + tail)
    response_A = room_response(rng, tail)
    response_A[0] *= np.float32(rng.uniform(0.1, 0.5))
    hertz = np.fft.rfftfreq(size, 1 / AUDIO_RATE_HZ)
    muffled = 1 / np.sqrt(1 + (hertz / rng.uniform(1200, 3500)) ** 4)
    spectrum = np.fft.rfft(samples_A, size) * np.fft.rfft(response_A, size) * muffled
    return np.fft.irfft(spectrum, size)[: samples_A.shape[0]].astype(np.float32)


_MAKERS: Final[dict[TrapKind, Callable[[np.random.Generator, int], _FloatArray]]] = {
    TrapKind.MUSIC: _music,
    TrapKind.STATIC: noises.static,
    TrapKind.STREET: noises.street,
    TrapKind.RAIN: noises.rain,
    TrapKind.TYPING: noises.typing,
    TrapKind.CLATTER: noises.clatter,
    TrapKind.RINGING: noises.ringing,
}
