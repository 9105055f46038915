"""How an emotion sounds: settings of the synthesiser, and changes to its sound that move no phone in time.

The directions follow what listeners agree on (Scherer, 2003, Vocal communication of emotion): joy, anger and fear are
higher, wider, faster and brighter; sadness, boredom and fatigue lower, narrower, slower and duller.
"""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.emotion import EMOTIONS
from openlpm.core.errors import ConfigError
from openlpm.core.units import AUDIO_RATE_HZ

_FloatArray = NDArray[np.float32]
_LINEAR = 0.7
_WOBBLE_HZ = 100  # rate at which slow changes are drawn before they are interpolated


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Prosody:
    """A way of speaking, relative to the voice's own; the defaults change nothing."""

    pitch: float = 0.0
    """Added to the voice's pitch of 0 to 99; ten are about a semitone and a half."""
    range: float = 50.0
    """How far the pitch moves, 0 (monotone) to 100."""
    rate: float = 1.0
    """Factor of the words a minute."""
    gain_db: float = 0.0
    tilt_db: float = 0.0
    """Decibels an octave about 1 kHz: positive is brighter, as of a voice that is pressed."""
    breath: float = 0.0
    """Noise of the breath beside the voice, as a share of its envelope."""
    tremor: float = 0.0
    """Trembling five to seven times a second: depth of the loudness, and a fifteenth of that of the pitch."""
    jitter: float = 0.0
    """Roughness: random deviation of the pitch from cycle to cycle, as a share of it."""
    emphasis: float = 0.0
    """Share of the stressed syllables that stand out above the others."""
    tract: float = 1.0
    """Formants and pitch times this, without a change of timing: a smile shortens the vocal tract."""

    def mixed(self, intensity: float) -> "Prosody":
        """This way of speaking at ``intensity`` 0 (plain) to 1 (whole)."""
        plain = Prosody()
        return Prosody(**{name: _between(getattr(plain, name), getattr(self, name), intensity) for name in _FIELDS})


_FIELDS = tuple(Prosody.__dataclass_fields__)

PLAIN: Final = Prosody()
"""The voice as it is."""

PROSODY: Final[dict[str, Prosody]] = {
    "neutral": PLAIN,
    "happy": Prosody(pitch=12, range=80, rate=1.08, gain_db=1.5, tilt_db=0.8, tract=1.03, emphasis=0.25),
    "amused": Prosody(pitch=9, range=85, rate=1.02, breath=0.12, tilt_db=0.4, tremor=0.2, tract=1.03, emphasis=0.2),
    "excited": Prosody(pitch=22, range=100, rate=1.28, gain_db=4.0, tilt_db=1.5, tract=1.02, emphasis=0.35),
    "tender": Prosody(pitch=-2, range=42, rate=0.84, gain_db=-6.0, tilt_db=-1.6, breath=0.35),
    "proud": Prosody(pitch=-5, range=70, rate=0.92, gain_db=2.5, tilt_db=0.5, emphasis=0.35),
    "sad": Prosody(pitch=-13, range=18, rate=0.77, gain_db=-6.0, tilt_db=-2.0, breath=0.2, tremor=0.15),
    "afraid": Prosody(pitch=20, range=35, rate=1.2, gain_db=-2.0, breath=0.3, tremor=0.5, jitter=0.015),
    "angry": Prosody(pitch=5, range=92, rate=1.12, gain_db=5.5, tilt_db=2.2, jitter=0.012, emphasis=0.45),
    "disgusted": Prosody(
        pitch=-11, range=65, rate=0.86, gain_db=-0.5, tilt_db=-0.6, jitter=0.02, tract=0.96, emphasis=0.35
    ),
    "surprised": Prosody(pitch=27, range=100, rate=0.95, gain_db=2.0, tilt_db=0.3, emphasis=0.3),
    "confused": Prosody(pitch=6, range=72, rate=0.84, gain_db=-1.5, emphasis=0.2),
    "thoughtful": Prosody(pitch=-5, range=34, rate=0.77, gain_db=-3.0, tilt_db=-0.5, emphasis=0.1),
    "bored": Prosody(pitch=-10, range=5, rate=0.83, gain_db=-4.0, tilt_db=-1.0),
    "tired": Prosody(pitch=-14, range=14, rate=0.72, gain_db=-7.0, tilt_db=-2.2, breath=0.3, jitter=0.006),
    "embarrassed": Prosody(pitch=7, range=26, rate=1.0, gain_db=-7.0, tilt_db=-1.0, breath=0.2, tremor=0.12),
}
"""One for each of ``core.emotion.EMOTIONS``, at full intensity."""


def prosody_of(emotion: str, intensity: float = 1.0) -> Prosody:
    """How ``emotion`` sounds at ``intensity`` 0 to 1.

    Raises:
        ConfigError: the emotion has no name in ``core.emotion.EMOTIONS``.
    """
    if emotion not in PROSODY:
        raise ConfigError(f"emotion={emotion!r}: choose one of {', '.join(EMOTIONS)}")
    return PROSODY[emotion].mixed(intensity)


def coloured(samples_A: _FloatArray, prosody: Prosody, rng: np.random.Generator) -> _FloatArray:
    """Gain, tremor, jitter and breath of ``prosody``; every phone stays in place.

    Pitch wobbles by reading at most 1 ms early or late.
    """
    num_samples = samples_A.shape[0]
    if num_samples == 0 or not (prosody.tremor or prosody.jitter or prosody.breath or prosody.gain_db):
        return samples_A
    voice_A = samples_A
    if prosody.tremor or prosody.jitter:
        swing_N, rough_N = _swing(rng, num_samples), _rough(rng, num_samples)
        # A delay of d sin(wt) seconds bends the pitch by d w.
        late_s = prosody.tremor / 15 / (2 * np.pi * 6.0) * swing_N + prosody.jitter / (2 * np.pi * 25.0) * rough_N
        place_A = np.arange(num_samples) + _spread(late_s * AUDIO_RATE_HZ, num_samples)
        voice_A = np.interp(place_A, np.arange(num_samples), voice_A)
        voice_A = voice_A * (1.0 - prosody.tremor * (0.5 + 0.5 * _spread(swing_N, num_samples)))
    if prosody.breath:
        # The difference of white noise rises by 6 dB an octave, as breath does against a voice.
        hiss_A = np.diff(rng.standard_normal(num_samples + 1, dtype=np.float32)) * np.float32(0.35)
        voice_A = voice_A * (1.0 - 0.4 * prosody.breath) + prosody.breath * envelope(samples_A) * hiss_A
    return limited(voice_A * np.float32(10 ** (prosody.gain_db / 20)))


def envelope(samples_A: _FloatArray, window_s: float = 0.02) -> _FloatArray:
    """Root mean square over ``window_s``, at each sample."""
    hop = int(window_s * AUDIO_RATE_HZ)
    starts = np.arange(0, samples_A.shape[0], hop)
    power_N = np.add.reduceat(np.square(samples_A), starts) / hop
    return _spread(np.sqrt(power_N), samples_A.shape[0])


def limited(samples_A: NDArray[np.floating]) -> _FloatArray:
    """Loud parts bent so that nothing reaches 1; quieter ones are untouched."""
    heard_A = samples_A.astype(np.float32, copy=False)
    loud = np.flatnonzero(np.abs(heard_A) > _LINEAR)
    if loud.shape[0] == 0:
        return heard_A
    bent_A = heard_A.copy()
    over = (np.abs(heard_A[loud]) - _LINEAR) / (0.99 - _LINEAR)
    bent_A[loud] = np.sign(heard_A[loud]) * (_LINEAR + (0.99 - _LINEAR) * np.tanh(over))
    return bent_A


def _swing(rng: np.random.Generator, num_samples: int) -> NDArray[np.float64]:
    """A wave of five to seven hertz that is never quite regular."""
    num = num_samples * _WOBBLE_HZ // AUDIO_RATE_HZ + 2
    hertz_N = rng.uniform(5.2, 6.8) + np.cumsum(rng.normal(0, 0.12, num))
    return np.sin(2 * np.pi * np.cumsum(hertz_N.clip(4.0, 8.0)) / _WOBBLE_HZ + rng.uniform(0, 6.28))


def _rough(rng: np.random.Generator, num_samples: int) -> NDArray[np.float64]:
    return rng.normal(0, 1.0, num_samples * _WOBBLE_HZ // AUDIO_RATE_HZ + 2).clip(-2, 2)


def _spread(values_N: NDArray[np.floating], num_samples: int) -> _FloatArray:
    """Evenly spaced values at every one of ``num_samples`` samples."""
    place_A = np.linspace(0, values_N.shape[0] - 1, num_samples)
    return np.interp(place_A, np.arange(values_N.shape[0]), values_N).astype(np.float32)


def _between(plain: float, full: float, intensity: float) -> float:
    return plain + intensity * (full - plain)
