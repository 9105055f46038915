"""Traps: music, noise and other people's voices, varied and of bounded loudness."""

import numpy as np
import pytest

from openlpm.core.errors import ConfigError
from openlpm.core.seeds import Split
from openlpm.synth.sound.music import draw_song, play
from openlpm.synth.sound.speech_bank import SpeechBank, build
from openlpm.synth.sound.traps import VOICED, TrapKind, trap_sound

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def bank() -> SpeechBank:
    return build(Split.TEST, 6, seed=1)


def centroid_hz(samples_A: np.ndarray) -> float:
    power = np.square(np.abs(np.fft.rfft(samples_A)))
    return float((power * np.fft.rfftfreq(samples_A.shape[0], 1 / 16_000)).sum() / power.sum())


@pytest.mark.parametrize("kind", TrapKind)
def test_every_trap_is_heard_within_bounds_and_never_the_same(kind: TrapKind, bank: SpeechBank) -> None:
    made = [trap_sound(np.random.default_rng(seed), 48_000, kind, bank=bank) for seed in range(5)]
    for sound_A in made:
        assert sound_A.shape == (48_000,)
        assert sound_A.dtype == np.float32
        assert np.abs(sound_A).max() < 1.0
        assert 0.001 < np.sqrt(np.square(sound_A).mean()) < 0.2
    assert len({float(np.abs(sound_A).sum()) for sound_A in made}) == 5
    again_A = trap_sound(np.random.default_rng(0), 48_000, kind, bank=bank)
    np.testing.assert_array_equal(again_A, made[0])


def test_rain_is_brighter_than_a_street() -> None:
    rain, street = (
        np.mean([centroid_hz(trap_sound(np.random.default_rng(seed), 48_000, kind)) for seed in range(4)])
        for kind in (TrapKind.RAIN, TrapKind.STREET)
    )
    assert rain > 2 * street


def test_typing_comes_in_strokes_and_static_does_not() -> None:
    def busy(kind: TrapKind) -> float:
        sound_A = trap_sound(np.random.default_rng(1), 80_000, kind)
        power = np.square(sound_A).reshape(-1, 320).mean(axis=1)
        return float(np.mean(power > 0.1 * power.max()))

    assert busy(TrapKind.TYPING) < 0.3
    assert busy(TrapKind.STATIC) > 0.9


def test_tunes_have_pitches_that_change() -> None:
    rng = np.random.default_rng(4)
    peaks: set[int] = set()
    for _ in range(4):
        tune_A = play(draw_song(rng), rng, 64_000)
        assert np.abs(tune_A).max() > 0.05
        for part in tune_A.reshape(8, -1):
            peaks.add(int(np.abs(np.fft.rfft(part * np.hanning(8000))).argmax()))
    assert len(peaks) > 8


def test_voices_to_be_avoided_are_not_heard(bank: SpeechBank) -> None:
    heard = sorted(set(bank.voice_index.tolist()))
    with pytest.raises(ConfigError, match="not to be avoided"):
        trap_sound(np.random.default_rng(0), 16_000, TrapKind.FAR_VOICE, bank=bank, avoid=heard)
    for kind in VOICED:
        with pytest.raises(ConfigError, match="bank"):
            trap_sound(np.random.default_rng(0), 16_000, kind)


def test_without_a_bank_any_trap_but_voices_is_drawn() -> None:
    for seed in range(12):
        assert np.any(trap_sound(np.random.default_rng(seed), 8000))
