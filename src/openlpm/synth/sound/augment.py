"""Changes to a voice that leave its timing alone, so that the mouth that belongs to it stays true.

A model trained on a synthesiser hears one kind of sound; noise, rooms, telephones, codecs, loudness, colour and the
length of the vocal tract widen it towards voices as people record them. Every delay is zero: a room's direct sound
comes first, filters are of zero phase.
"""

from dataclasses import dataclass
from functools import cache
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.sound.fourier import fast_size

_FloatArray = NDArray[np.float32]
_SILENCE = 1e-4


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class AugmentConfig:
    """How often each change is made, as probabilities; they are drawn independently of each other."""

    tract: float = 0.35
    """Vocal tract made longer or shorter: pitch and formants move together, timing stays."""
    room: float = 0.35
    tilt: float = 0.6
    """Bass against treble."""
    band: float = 0.15
    """Telephone, or a narrow microphone."""
    noise: float = 0.6
    clip: float = 0.08
    codec: float = 0.15
    """Logarithmic or plain quantisation to a few bits."""

    def __post_init__(self) -> None:
        for name in ("tract", "room", "tilt", "band", "noise", "clip", "codec"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"{name}={getattr(self, name)}: a probability is between 0 and 1")


STANDARD = AugmentConfig()
"""What training uses."""


def augment(samples_A: _FloatArray, rng: np.random.Generator, config: AugmentConfig = STANDARD) -> _FloatArray:
    """A changed copy of a mono 16 kHz track, as long as it was and in [-1, 1]; a silent track gets noise only."""
    voice_A = samples_A.astype(np.float32, copy=True)
    silent = not np.any(np.abs(voice_A) > _SILENCE)
    if not silent:
        if rng.random() < config.tract:
            voice_A = change_tract(voice_A, float(np.exp(rng.uniform(-0.18, 0.18))))
        voice_A = _filtered(voice_A, rng, config)
        voice_A *= np.float32(10 ** (rng.uniform(-36, -14) / 20) / _speech_rms(voice_A))
    if rng.random() < config.noise:
        level = (
            10 ** (rng.uniform(-70, -42) / 20) if silent else _speech_rms(voice_A) * 10 ** (-rng.uniform(8, 38) / 20)
        )
        voice_A += np.float32(level) * noise(rng, voice_A.shape[0])
    if rng.random() < config.clip:
        limit = np.float32(np.abs(voice_A).max() * rng.uniform(0.3, 0.8) + 1e-6)
        voice_A = np.clip(voice_A, -limit, limit)
    if rng.random() < config.codec:
        voice_A = _quantised(voice_A, rng)
    return np.clip(voice_A, -1.0, 1.0)


def _speech_rms(samples_A: _FloatArray) -> float:
    """Root mean square over the loud tenths of a second, so pauses do not count."""
    hop = AUDIO_RATE_HZ // 10
    num_blocks = max(samples_A.shape[0] // hop, 1)
    power_N = np.square(samples_A[: num_blocks * hop]).reshape(num_blocks, -1).mean(axis=1)
    return float(np.sqrt(power_N[power_N >= 0.1 * power_N.max()].mean())) + 1e-7


def _filtered(samples_A: _FloatArray, rng: np.random.Generator, config: AugmentConfig) -> _FloatArray:
    """Room, tilt and band in one pass through the spectrum."""
    has_room, has_tilt, has_band = (rng.random(3) < (config.room, config.tilt, config.band)).tolist()
    if not (has_room or has_tilt or has_band):
        return samples_A
    num_samples = samples_A.shape[0]
    tail = int(0.4 * AUDIO_RATE_HZ)
    size = fast_size(num_samples + tail)
    spectrum = np.fft.rfft(samples_A, size)
    # Gains are smooth: drawn on a coarse grid and interpolated, which is several times cheaper.
    hertz = np.linspace(0, AUDIO_RATE_HZ / 2, 513, dtype=np.float32)
    gain = np.ones(hertz.shape, dtype=np.float32)
    if has_tilt:
        # Decibels an octave about 1 kHz, with a slow wave over it.
        octaves = np.log2(np.maximum(hertz, 60.0) / 1000.0)
        wave = np.sin(rng.uniform(0.5, 2) * octaves + rng.uniform(0, 6))
        gain_db = rng.uniform(-4.0, 3.0) * octaves + rng.uniform(0, 4) * wave
        gain *= np.exp(np.clip(gain_db, -24, 18) * 0.1151).astype(np.float32)
    if has_band:
        telephone = rng.random() < 0.5
        low_hz, high_hz = (300.0, 3400.0) if telephone else (rng.uniform(60, 250), rng.uniform(3000, 7000))
        gain /= np.sqrt((1 + (low_hz / np.maximum(hertz, 1.0)) ** 8) * (1 + (hertz / high_hz) ** 12))
    gain = np.interp(np.linspace(0, 512, spectrum.shape[0]), np.arange(513), gain).astype(np.float32)
    spectrum *= gain
    if has_room:
        spectrum *= np.fft.rfft(room_response(rng, tail), size)
    return np.fft.irfft(spectrum, size)[:num_samples].astype(np.float32)


def room_response(rng: np.random.Generator, num_samples: int) -> _FloatArray:
    """A small room: the direct sound at sample 0, then a few echoes and a tail that dies away in 0.1 to 0.5 s."""
    decay_s = rng.uniform(0.1, 0.5)
    time_s = np.arange(num_samples, dtype=np.float32) / AUDIO_RATE_HZ
    tail_A = rng.standard_normal(num_samples, dtype=np.float32) * np.exp(-6.9 * time_s / decay_s)
    start = int(rng.uniform(0.002, 0.012) * AUDIO_RATE_HZ)
    tail_A[:start] = 0.0
    echoes = start + rng.integers(0, int(0.03 * AUDIO_RATE_HZ), size=4)
    tail_A[echoes] += rng.uniform(-3.0, 3.0, size=4) * np.exp(-6.9 * time_s[echoes] / decay_s)
    tail_A *= np.float32(10 ** (-rng.uniform(2, 16) / 20) / (np.sqrt(np.square(tail_A).sum()) + 1e-6))
    tail_A[0] = 1.0
    return tail_A


def noise(rng: np.random.Generator, num_samples: int) -> _FloatArray:
    """Noise of unit power: white, pink to brown, or swelling like voices far away."""
    kind = rng.random()
    if kind < 0.25:
        return rng.standard_normal(num_samples, dtype=np.float32)
    # A second and a half is drawn and repeated: colour needs a transform, and nobody hears the seam in a mixture.
    size = 24_000
    hertz = np.fft.rfftfreq(size, 1 / AUDIO_RATE_HZ).astype(np.float32)
    spectrum = np.fft.rfft(rng.standard_normal(size, dtype=np.float32))
    if kind < 0.65:
        spectrum *= np.maximum(hertz, 40.0) ** np.float32(-rng.uniform(0.4, 1.1))
        colour_A = np.fft.irfft(spectrum, size)
    else:
        spectrum *= np.exp(-(((np.log2(np.maximum(hertz, 20.0)) - 8.9) / 1.1) ** 2))
        swell = 1.0 + np.sin(2 * np.pi * np.arange(size) / size * rng.integers(3, 8) + rng.uniform(0, 6)) * 0.7
        colour_A = np.fft.irfft(spectrum, size) * swell
    colour_A = (colour_A / (np.sqrt(np.square(colour_A).mean()) + 1e-9)).astype(np.float32)
    return np.resize(colour_A, num_samples)


def _quantised(samples_A: _FloatArray, rng: np.random.Generator) -> _FloatArray:
    peak = np.float32(np.abs(samples_A).max() + 1e-6)
    unit_A = samples_A / peak
    if rng.random() < 0.6:
        return _mu_law_table(int(rng.integers(4, 8)))[(unit_A * 32767).astype(np.int32) + 32768] * peak
    steps = 2.0 ** rng.integers(6, 10)
    return (np.rint(unit_A * steps) / steps * peak).astype(np.float32)


@cache
def _mu_law_table(bits: int) -> _FloatArray:
    """What each 16-bit value becomes after mu-law (ITU-T G.711) with ``bits`` bits beside the sign."""
    unit = np.arange(-32768, 32768) / 32768
    coded = np.rint(np.log1p(255 * np.abs(unit)) / np.log(256.0) * 2.0**bits) / 2.0**bits
    return (np.sign(unit) * np.expm1(coded * np.log(256.0)) / 255).astype(np.float32)


def change_tract(samples_A: _FloatArray, factor: float) -> _FloatArray:
    """Move pitch and formants by ``factor`` (1.1 is a smaller speaker) without moving anything in time.

    Windows of 40 ms are resampled about their own middles and laid back where they were; each is shifted by at most
    6 ms to fit what lies there already (overlap-add by waveform similarity, Verhelst and Roelands, 1993).
    """
    num_samples = samples_A.shape[0]
    hop, frame, reach = 320, 640, 96
    window = np.hanning(frame + 1)[:-1].astype(np.float32)
    num_windows = -(-num_samples // hop) + 1
    pad = frame + reach
    source_A = np.concatenate([np.zeros(pad, np.float32), samples_A, np.zeros(2 * pad + hop, np.float32)])
    # Windows are cut from a version resampled as a whole, where time runs ``factor`` times as fast.
    num_fast = int(source_A.shape[0] / factor)
    fast_A = np.interp(np.arange(num_fast) * factor, np.arange(source_A.shape[0]), source_A).astype(np.float32)
    fast_A = np.concatenate([fast_A, np.zeros(frame + 2 * reach, np.float32)])
    out_A = np.zeros(num_windows * hop + frame, dtype=np.float32)
    for index in range(num_windows):
        middle = index * hop + pad  # in the source
        first = max(int(middle / factor) - frame // 2, reach)
        if index:
            wanted = out_A[index * hop : index * hop + hop]
            near = fast_A[first - reach : first + reach + hop]
            if wanted.any():
                first += int(np.correlate(near, wanted, mode="valid").argmax()) - reach
        piece = fast_A[first : first + frame]
        out_A[index * hop : index * hop + piece.shape[0]] += piece * window[: piece.shape[0]]
    return out_A[frame // 2 : frame // 2 + num_samples]
