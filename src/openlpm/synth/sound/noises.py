"""Noises of a house and a street; each function gives ``num_samples`` at 16 kHz, of no particular loudness."""

import numpy as np
from numpy.typing import NDArray

from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.sound.fourier import fast_size

_FloatArray = NDArray[np.float32]


def static(rng: np.random.Generator, num_samples: int) -> _FloatArray:
    """Steady noise of any colour, sometimes with the hum of the mains."""
    noise_A = _noise(rng, num_samples, slope_db=float(rng.uniform(-7, 1)))
    if rng.random() < 0.4:
        time_A = np.arange(num_samples) / AUDIO_RATE_HZ
        mains_hz = float(rng.choice([50.0, 60.0]))
        for number in (1, 2, 3, 5, 7):
            noise_A += rng.uniform(0.1, 1.2) / number * np.sin(2 * np.pi * number * mains_hz * time_A)
    return noise_A


def street(rng: np.random.Generator, num_samples: int) -> _FloatArray:
    """Traffic far away, cars that pass, sometimes a horn."""
    street_A = 0.4 * _noise(rng, num_samples, slope_db=-6.0)
    time_A = np.arange(num_samples) / AUDIO_RATE_HZ
    seconds = num_samples / AUDIO_RATE_HZ
    for _ in range(int(rng.poisson(seconds / 5)) + 1):  # cars pass by
        near_A = 1 / (1 + ((time_A - rng.uniform(-1, seconds + 1)) / rng.uniform(0.6, 2.0)) ** 2)
        car_A = _noise(rng, num_samples, slope_db=-4.0, low_hz=80, high_hz=float(rng.uniform(1500, 4000)))
        street_A += rng.uniform(0.5, 2.0) * near_A * car_A
    if rng.random() < 0.3:  # a horn
        start, hertz = rng.uniform(0, seconds), rng.uniform(300, 480)
        on_A = (time_A > start) & (time_A < start + rng.uniform(0.2, 0.9))
        for factor in (1.0, 1.26):
            street_A += 0.5 * on_A * np.tanh(2 * np.sin(2 * np.pi * factor * hertz * time_A))
    return street_A.astype(np.float32)


def rain(rng: np.random.Generator, num_samples: int) -> _FloatArray:
    """A hiss and many drops."""
    hiss_A = _noise(rng, num_samples, slope_db=-1.0, low_hz=600)
    return hiss_A * np.float32(rng.uniform(0.1, 0.6)) + _strikes(
        rng, num_samples, starts_s=rng.uniform(0, num_samples / AUDIO_RATE_HZ, 30 * num_samples // AUDIO_RATE_HZ),
        seconds=(0.002, 0.012), hertz=(900, 5000), ring=3.0,
    )  # fmt: skip


def typing(rng: np.random.Generator, num_samples: int) -> _FloatArray:
    """Keys in bursts, with pauses for thought."""
    starts: list[float] = []
    time_s, end_s = float(rng.uniform(0, 0.5)), num_samples / AUDIO_RATE_HZ
    while time_s < end_s:
        starts += [time_s, time_s + float(rng.uniform(0.05, 0.09))]  # down and up
        pause = rng.random() < 0.12
        time_s += float(rng.uniform(0.5, 1.8) if pause else rng.gamma(6.0, 0.03))
    return _strikes(rng, num_samples, starts_s=np.array(starts), seconds=(0.006, 0.02), hertz=(700, 4000), ring=1.0)


def clatter(rng: np.random.Generator, num_samples: int) -> _FloatArray:
    """A few hard things that hit each other."""
    starts_s = rng.uniform(0, num_samples / AUDIO_RATE_HZ, int(rng.integers(3, 14)))
    return _strikes(rng, num_samples, starts_s=starts_s, seconds=(0.03, 0.25), hertz=(150, 3800), ring=12.0)


def ringing(rng: np.random.Generator, num_samples: int) -> _FloatArray:
    """A telephone, a bell or an alarm, on and off."""
    time_A = np.arange(num_samples) / AUDIO_RATE_HZ
    hertz = rng.uniform(380, 2200)
    on_s, off_s = (0.08, 0.08) if rng.random() < 0.5 else (rng.uniform(0.5, 1.5), rng.uniform(0.4, 2.0))
    on_A = ((time_A + rng.uniform(0, 2)) % (on_s + off_s)) < on_s
    swing_A = np.sin(2 * np.pi * rng.uniform(12, 26) * time_A)
    tone_A = np.sin(2 * np.pi * hertz * time_A + rng.uniform(0, 1.5) * swing_A) + np.sin(2.5 * np.pi * hertz * time_A)
    edges_A = np.convolve(on_A.astype(np.float32), np.full(80, 1 / 80, np.float32), mode="same")
    return (tone_A * edges_A).astype(np.float32)


def _noise(
    rng: np.random.Generator, num_samples: int, *, slope_db: float, low_hz: float = 30.0, high_hz: float = 8000.0
) -> _FloatArray:
    """Noise of unit power between two edges that falls by ``slope_db`` an octave."""
    size = fast_size(num_samples)
    hertz = np.maximum(np.fft.rfftfreq(size, 1 / AUDIO_RATE_HZ), 1.0)
    gain = (np.maximum(hertz, 30.0) / 1000.0) ** (slope_db / 6.02)
    gain /= np.sqrt((1 + (low_hz / hertz) ** 6) * (1 + (hertz / high_hz) ** 8))
    noise_A = np.fft.irfft(np.fft.rfft(rng.standard_normal(size, dtype=np.float32)) * gain, size)[:num_samples]
    return (noise_A / (np.sqrt(np.square(noise_A).mean()) + 1e-9)).astype(np.float32)


def _strikes(
    rng: np.random.Generator,
    num_samples: int,
    *,
    starts_s: NDArray[np.float64],
    seconds: tuple[float, float],
    hertz: tuple[float, float],
    ring: float,
) -> _FloatArray:
    """Something is struck at each of ``starts_s``: noise that dies away, and tones, the more the greater ``ring``."""
    out_A = np.zeros(num_samples, dtype=np.float32)
    for start in (starts_s * AUDIO_RATE_HZ).astype(int).tolist():
        if start >= num_samples:
            continue
        decay_s = rng.uniform(*seconds)
        time_A = np.arange(int(5 * decay_s * AUDIO_RATE_HZ) + 1) / AUDIO_RATE_HZ
        tones = np.exp(rng.uniform(*np.log(hertz), size=3))
        sound_A = rng.standard_normal(time_A.shape[0]) * np.exp(-time_A / (0.2 * decay_s))
        sound_A += ring * np.sin(2 * np.pi * tones[:, None] * time_A).mean(axis=0)
        sound_A *= np.exp(-time_A / decay_s) * rng.lognormal(0, 0.5)
        heard = min(num_samples - start, time_A.shape[0])
        out_A[start : start + heard] += sound_A[:heard].astype(np.float32)
    return out_A
