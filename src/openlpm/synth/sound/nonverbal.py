"""Laughs, sighs, gasps and the like, made of short syllables of the synthesiser and of breath, with true phone times.

Breath in and out is written with the mouth it is made with: ``h`` for a mouth a little open, ``ə̥`` for an open one and
``ɑ̥`` for a wide one (voiceless vowels), ``m̥`` through the nose with closed lips.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.seeds import generator
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.sound.augment import change_tract
from openlpm.synth.sound.espeak import Phone, Synthesiser, Utterance
from openlpm.synth.sound.prosody import Prosody, coloured, limited
from openlpm.synth.sound.vocal_kinds import NON_VERBAL, VocalKind
from openlpm.synth.sound.voices import Voice

_FloatArray = NDArray[np.float32]
_LITTLE_OPEN, _OPEN, _WIDE, _THROUGH_NOSE = "h", "ə̥", "ɑ̥", "m̥"
_LEVEL = 0.09  # root mean square of a hum or a laugh where it is loud


@final
@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of sound with its phones in samples from its start, gapless; pieces are laid end to end."""

    samples_A: _FloatArray
    phones: tuple[Phone, ...]


@final
class _Throat:
    """One voice making sounds without words."""

    def __init__(self, synthesiser: Synthesiser, voice: Voice, rng: np.random.Generator) -> None:
        self.rng = rng
        self._synthesiser = synthesiser
        # Phonemes are those of English in the voice's own timbre, whatever it speaks.
        self._voice = replace(voice, language="en-us", rate_wpm=150)
        # A tract of its own for the breath of each variant.
        self._breath_scale = float(np.exp(generator("breath", voice.variant).uniform(-0.15, 0.2)))

    def syllables(
        self,
        phonemes: str,
        prosody: Prosody,
        *,
        level: float = _LEVEL,
        stretch: float = 1.0,
        seconds: float | None = None,
        closed: bool = False,
    ) -> Piece:
        """espeak-ng phonemes without the silence around them, ``stretch`` times as long, at an even ``level``.

        With ``seconds`` they are stretched to that length. ``closed``: lips stay shut, breath goes through the nose.
        """
        said = self._synthesiser.say(f"[[{phonemes}]]", self._voice, prosody)
        first = said.phones[0].start_sample if said.phones[0].ipa else said.phones[0].end_sample
        end = said.phones[-1].end_sample if said.phones[-1].ipa else said.phones[-1].start_sample
        if end <= first:
            raise ConfigError(f"phonemes={phonemes!r}: espeak-ng says nothing for it; use mnemonics of its English")
        samples_A = said.samples_A[first:end]
        phones = [
            Phone(phone.start_sample - first, phone.end_sample - first, phone.ipa)
            for phone in said.phones
            if phone.end_sample > first and phone.start_sample < end
        ]
        if closed:
            phones = [replace(phone, ipa=_THROUGH_NOSE if phone.ipa in ("h", "") else phone.ipa) for phone in phones]
        piece = Piece(samples_A, tuple(phones))
        if seconds is not None:
            stretch = float(np.clip(seconds * AUDIO_RATE_HZ / samples_A.shape[0], 0.6, 2.0))
        if stretch != 1.0:
            longer = played(piece, np.full(samples_A.shape[0], 1.0 / stretch))
            piece = replace(longer, samples_A=change_tract(longer.samples_A, stretch))
        loud = np.sqrt(np.square(piece.samples_A).mean()) + 1e-6
        samples_A = coloured(piece.samples_A * np.float32(level / loud), prosody, self.rng)
        return replace(piece, samples_A=samples_A)

    def breath(self, seconds: float, mouth: str, *, level: float, rising: float) -> Piece:
        """Turbulent air: loudest after the share ``rising`` of its time; the mouth opens first and shuts last."""
        num_samples = max(int(seconds * AUDIO_RATE_HZ), 320)
        hertz = np.fft.rfftfreq(num_samples, 1 / AUDIO_RATE_HZ) / self._breath_scale
        # Two broad resonances of an open tract over a floor that falls at both ends.
        gain = 0.15 * np.exp(-(((np.log2(np.maximum(hertz, 30)) - 11.0) / 1.4) ** 2))
        for centre_hz, width in ((self.rng.uniform(1000, 1500), 0.35), (self.rng.uniform(2300, 3000), 0.3)):
            gain += np.exp(-((np.log2(np.maximum(hertz, 30) / centre_hz) / width) ** 2))
        spectrum = np.fft.rfft(self.rng.standard_normal(num_samples, dtype=np.float32)) * gain
        hiss_A = np.fft.irfft(spectrum, num_samples)
        share_A = np.linspace(0, 1, num_samples)
        swell_A = np.minimum(share_A / max(rising, 0.02), (1 - share_A) / max(1 - rising, 0.02)) ** 1.3
        hiss_A *= swell_A * level / (np.sqrt(np.square(hiss_A).mean()) + 1e-9)
        if mouth == _WIDE:  # a wide mouth passes through a less open one
            opened = num_samples // 4
            return _piece(hiss_A, (Phone(0, opened, _OPEN), Phone(opened, num_samples, mouth)))
        return _piece(hiss_A, (Phone(0, num_samples, mouth),))

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def choose(self, *names: str) -> str:
        return names[int(self.rng.integers(len(names)))]


def make_sound(
    kind: VocalKind, voice: Voice, emotion: str, rng: np.random.Generator, synthesiser: Synthesiser
) -> Utterance:
    """One sound without words, never twice the same.

    Raises:
        ConfigError: ``kind`` has words.
    """
    if kind not in NON_VERBAL:
        raise ConfigError(f"kind={kind.value!r}: choose one of {', '.join(NON_VERBAL)}")
    pieces = _MAKERS[kind](_Throat(synthesiser, voice, rng), emotion)
    edge = silence(0.02)
    whole = joined([edge, *pieces, edge])
    return Utterance(
        samples_A=limited(whole.samples_A),
        phones=whole.phones,
        text=f"[{kind.value}]",
        voice=voice,
        emotion=emotion,
        kind=kind,
    )


def silence(seconds: float) -> Piece:
    """Nothing for a while."""
    num_samples = int(seconds * AUDIO_RATE_HZ)
    return Piece(np.zeros(num_samples, np.float32), (Phone(0, num_samples, ""),))


def joined(pieces: list[Piece]) -> Piece:
    """Pieces end to end."""
    phones: list[Phone] = []
    start = 0
    for piece in pieces:
        phones += [Phone(p.start_sample + start, p.end_sample + start, p.ipa) for p in piece.phones]
        start += piece.samples_A.shape[0]
    return Piece(np.concatenate([piece.samples_A for piece in pieces]), tuple(phones))


def played(piece: Piece, speed_A: NDArray[np.float64]) -> Piece:
    """``piece`` played at a changing speed, one value a sample: pitch moves with it, and the phones' times too."""
    num_samples = piece.samples_A.shape[0]
    time_A = np.concatenate([[0.0], np.cumsum(1.0 / speed_A)])  # when each sample of the piece is heard
    length = max(int(time_A[-1]), 1)
    place_A = np.interp(np.arange(length), time_A, np.arange(num_samples + 1))
    heard_A = np.interp(place_A, np.arange(num_samples), piece.samples_A).astype(np.float32)
    edges = np.minimum(np.rint(time_A), length).astype(int)
    phones = tuple(
        Phone(int(edges[p.start_sample]), int(edges[min(p.end_sample, num_samples)]), p.ipa) for p in piece.phones
    )
    return Piece(heard_A, tuple(phone for phone in phones if phone.end_sample > phone.start_sample))


def shaped(piece: Piece, first: float, last: float, *, pitch: tuple[float, float] = (1.0, 1.0)) -> Piece:
    """``piece`` with a loudness that goes from ``first`` to ``last``, and a pitch between two factors, evenly."""
    num_samples = piece.samples_A.shape[0]
    gain_A = np.geomspace(first, last, num_samples).astype(np.float32)
    return played(replace(piece, samples_A=piece.samples_A * gain_A), np.linspace(*pitch, num_samples))


def _piece(samples_A: NDArray[np.floating], phones: tuple[Phone, ...]) -> Piece:
    return Piece(samples_A.astype(np.float32), phones)


def _laugh(throat: _Throat, emotion: str) -> list[Piece]:
    vowel = throat.choose("a", "a", "0", "@", "V", "E")
    syllables = [f"h{vowel}"] * int(throat.rng.integers(3, 9))
    drawn = int(throat.rng.integers(len(syllables)))  # one syllable is drawn out; espeak-ng would always take the last
    syllables[drawn] = f"h'{vowel}"
    high = {"excited": 30.0, "happy": 22.0}.get(emotion, 16.0)
    prosody = Prosody(pitch=high + throat.between(-4, 6), range=70, rate=0.85, breath=0.15)
    period_s = throat.between(0.21, 0.3)
    body = throat.syllables(
        "_".join(syllables), prosody, level=throat.between(0.08, 0.14), seconds=period_s * len(syllables)
    )
    body = shaped(body, 1.15, throat.between(0.25, 0.6), pitch=(throat.between(1.08, 1.3), throat.between(0.82, 0.98)))
    pieces = [body]
    if throat.rng.random() < 0.4:  # out of breath
        pieces += [throat.breath(throat.between(0.25, 0.45), _OPEN, level=0.02, rising=0.6)]
    if throat.rng.random() < 0.3:  # and once more
        again = syllables[: int(throat.rng.integers(2, 4))]
        again = throat.syllables("_".join(again), prosody, level=0.07, seconds=period_s * len(again))
        pieces += [shaped(again, 1.0, 0.3, pitch=(1.1, 0.85))]
    return pieces


def _chuckle(throat: _Throat, emotion: str) -> list[Piece]:
    closed = throat.rng.random() < 0.45 or emotion == "embarrassed"
    syllables = ["hm" if closed else f"h{throat.choose('@', '@', 'I')}"] * int(throat.rng.integers(2, 5))
    prosody = Prosody(pitch=throat.between(-8, 2), range=40, rate=0.85, breath=0.25)
    body = throat.syllables(
        "_".join(syllables),
        prosody,
        level=throat.between(0.03, 0.06),
        seconds=throat.between(0.19, 0.28) * len(syllables),
        closed=closed,
    )
    return [shaped(body, 1.0, throat.between(0.3, 0.6), pitch=(throat.between(1.0, 1.15), throat.between(0.85, 0.98)))]


def _sigh(throat: _Throat, emotion: str) -> list[Piece]:
    pieces = [throat.breath(throat.between(0.35, 0.7), _LITTLE_OPEN, level=throat.between(0.012, 0.03), rising=0.7)]
    if emotion == "disgusted" or throat.rng.random() < 0.55:
        prosody = Prosody(pitch=throat.between(-14, -4), range=15, rate=0.7, tilt_db=-1.5, breath=0.6)
        voiced = throat.syllables(throat.choose("h@:", "h@:", "h3:", "hV:"), prosody, level=0.09, stretch=1.6)
        pieces += [shaped(voiced, 1.0, 0.08, pitch=(1.08, 0.75))]
    else:
        pieces += [throat.breath(throat.between(0.7, 1.3), _OPEN, level=throat.between(0.03, 0.06), rising=0.15)]
    return pieces


def _gasp(throat: _Throat, emotion: str) -> list[Piece]:
    mouth = _OPEN if emotion == "afraid" and throat.rng.random() < 0.5 else _WIDE
    pieces = [throat.breath(throat.between(0.22, 0.45), mouth, level=throat.between(0.04, 0.09), rising=0.75)]
    if throat.rng.random() < 0.35:
        prosody = Prosody(pitch=throat.between(28, 42), range=30, rate=1.0, breath=0.4)
        pieces += [shaped(throat.syllables(throat.choose("'0", "'oU", "'V"), prosody, level=0.06), 1.0, 0.3)]
    return pieces


def _mm_hm(throat: _Throat, emotion: str) -> list[Piece]:
    rise = (0.92, 1.15) if emotion != "bored" else (1.0, 0.9)
    prosody = Prosody(pitch=throat.between(-6, 4), range=40, rate=throat.between(0.5, 0.75))
    level = throat.between(0.05, 0.09)
    draw = throat.rng.random()
    if draw < 0.5:
        hum = throat.syllables("mm_hmm", prosody, level=level, stretch=throat.between(1.2, 1.6), closed=True)
        return [shaped(hum, 0.7, 1.0, pitch=rise)]
    if draw < 0.8:
        hum = throat.syllables("mm", prosody, level=level, stretch=throat.between(1.3, 1.8), closed=True)
        fall = (throat.between(1.0, 1.15), throat.between(0.8, 0.95))
        return [shaped(hum, 1.0, 0.35, pitch=fall)]
    return [shaped(throat.syllables("V_h'V", prosody, level=level), 0.8, 1.0, pitch=rise)]


def _cry(throat: _Throat, emotion: str) -> list[Piece]:
    pieces: list[Piece] = []
    pitch = throat.between(6, 16) + (6 if emotion == "afraid" else 0)
    for _ in range(int(throat.rng.integers(2, 5))):
        for _ in range(int(throat.rng.integers(1, 4))):  # the breath comes in jerks
            pieces += [throat.breath(throat.between(0.09, 0.16), _LITTLE_OPEN, level=0.03, rising=0.5)]
        prosody = Prosody(pitch=pitch, range=20, rate=throat.between(0.55, 0.9), breath=0.3, tremor=0.6, jitter=0.01)
        wail = throat.syllables(
            throat.choose("h@", "hu:", "hA:", "h3:", "E:"), prosody, level=0.13, stretch=throat.between(1.0, 1.7)
        )
        pieces += [shaped(wail, 1.0, 0.25, pitch=(throat.between(1.1, 1.3), throat.between(0.85, 0.95)))]
        pieces += [silence(throat.between(0.03, 0.25))]
    return pieces


def _uh(throat: _Throat, emotion: str) -> list[Piece]:
    prosody = Prosody(pitch=throat.between(-8, 0), range=10, rate=throat.between(0.5, 0.8))
    drawn = throat.syllables(
        throat.choose("V:", "V:m", "3:", "3:m", "E:", "@:", "@:", "@:m", "@:m"),
        prosody,
        level=throat.between(0.05, 0.08) if emotion != "embarrassed" else 0.035,
        stretch=throat.between(1.0, 1.5),
    )
    return [shaped(drawn, 1.0, 0.5, pitch=(1.03, 0.95))]


def _yawn(throat: _Throat, emotion: str) -> list[Piece]:
    prosody = Prosody(pitch=throat.between(-10, 4), range=10, rate=0.53, tilt_db=-2.0, breath=0.5)
    draw_in = throat.breath(throat.between(0.9, 1.6), _WIDE, level=throat.between(0.025, 0.05), rising=0.8)
    voiced = throat.rng.random() < (0.8 if emotion == "tired" else 0.5)
    if voiced:
        out = throat.syllables(throat.choose("A:", "hA:", "a:"), prosody, level=0.09, stretch=throat.between(1.9, 2.6))
        out = shaped(out, 1.0, 0.08, pitch=(1.12, 0.72))
    else:
        out = throat.breath(throat.between(0.9, 1.4), _WIDE, level=0.04, rising=0.2)
    return [draw_in, out, throat.breath(throat.between(0.2, 0.4), _OPEN, level=0.008, rising=0.1)]


_MAKERS: Final[dict[VocalKind, Callable[[_Throat, str], list[Piece]]]] = {
    VocalKind.MM_HM: _mm_hm,
    VocalKind.LAUGH: _laugh,
    VocalKind.CHUCKLE: _chuckle,
    VocalKind.SIGH: _sigh,
    VocalKind.GASP: _gasp,
    VocalKind.CRY: _cry,
    VocalKind.UH: _uh,
    VocalKind.YAWN: _yawn,
}
