"""Augmentation changes how a voice sounds and never when."""

import numpy as np
import pytest
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.synth.sound.augment import AugmentConfig, augment, change_tract, room_response

pytestmark = pytest.mark.unit

NAMES = ("tract", "room", "tilt", "band", "noise", "clip", "codec")


def bursts() -> NDArray[np.float32]:
    """Two seconds with four bursts of a buzzing sound, rich in harmonics as voices are."""
    time_A = np.arange(32_000) / 16_000
    buzz_A = sum(np.sin(2 * np.pi * 140 * k * time_A) / k for k in range(1, 20))
    return (0.2 * buzz_A * ((time_A % 0.5) > 0.3)).astype(np.float32)


def envelope(samples_A: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.sqrt(np.convolve(samples_A**2, np.hanning(400), mode="same"))


@pytest.mark.parametrize("name", NAMES)
def test_each_change_keeps_length_range_and_timing(name: str) -> None:
    config = AugmentConfig(**{other: float(other == name) for other in NAMES})
    voice_A = bursts()
    for seed in range(4):
        changed_A = augment(voice_A, np.random.default_rng(seed), config)
        assert changed_A.shape == voice_A.shape
        assert changed_A.dtype == np.float32
        assert np.abs(changed_A).max() <= 1.0
        lags = np.arange(-640, 641, 32)
        heard, wanted = envelope(changed_A), envelope(voice_A)
        scores = [np.corrcoef(np.roll(heard, -lag)[1000:-1000], wanted[1000:-1000])[0, 1] for lag in lags]
        # A room's tail pulls the envelope back by a few milliseconds without delaying its onset.
        assert abs(lags[int(np.argmax(scores))]) <= 256


def test_a_changed_tract_moves_the_spectrum_by_its_factor() -> None:
    tone_A = np.sin(2 * np.pi * 800 * np.arange(16_000) / 16_000).astype(np.float32)
    peak_hz = int(np.abs(np.fft.rfft(change_tract(tone_A, 1.15))).argmax())
    assert peak_hz == pytest.approx(920, abs=15)


def test_the_direct_sound_of_a_room_comes_first() -> None:
    response_A = room_response(np.random.default_rng(1), 6400)
    assert response_A[0] == 1.0
    assert np.all(response_A[1:32] == 0.0)


def test_the_input_is_left_alone_and_the_same_seed_gives_the_same_sound() -> None:
    voice_A = bursts()
    kept_A = voice_A.copy()
    first_A = augment(voice_A, np.random.default_rng(7))
    np.testing.assert_array_equal(voice_A, kept_A)
    np.testing.assert_array_equal(first_A, augment(voice_A, np.random.default_rng(7)))


def test_a_silent_track_stays_quiet() -> None:
    for seed in range(20):
        assert np.abs(augment(np.zeros(16_000, np.float32), np.random.default_rng(seed))).max() < 0.08


def test_a_probability_outside_its_range_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"room=1\.5"):
        AugmentConfig(room=1.5)
