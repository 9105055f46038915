"""Emotions can be heard: pitch, its range, rate, energy and colour follow them, and timing stays true."""

import dataclasses
from statistics import mean

import numpy as np
import pytest

from openlpm.core.emotion import EMOTIONS
from openlpm.core.errors import ConfigError
from openlpm.synth.sound.acoustics import Acoustics, measured, pitch_track
from openlpm.synth.sound.emotional_speech import emphasised, finished, say_with_emotion
from openlpm.synth.sound.espeak import Synthesiser
from openlpm.synth.sound.prosody import PLAIN, PROSODY, Prosody, coloured, limited, prosody_of
from openlpm.synth.sound.voices import Voice

pytestmark = pytest.mark.unit

VOICES = (
    Voice(language="en-us", variant="m3"),
    Voice(language="en-gb", variant="f2", pitch=60),
    Voice(language="de", variant="Alex", rate_wpm=150),
)
LINE = "We opened the blue box before Emma came home, and nobody knew about it."


@pytest.fixture(scope="module")
def heard() -> dict[str, Acoustics]:
    """Every emotion measured over the same words, said by the same voices.

    Each utterance has a generator of its own: how much colouring draws depends on the length of the sound, which
    differs by some samples each time, so what is drawn for the next would too.
    """
    synthesiser = Synthesiser()
    found: dict[str, Acoustics] = {}
    for emotion in EMOTIONS:
        rows = [
            measured(say_with_emotion(synthesiser, voice, emotion, np.random.default_rng((5, index, take)), text=LINE))
            for index, voice in enumerate(VOICES)
            for take in range(2)
        ]
        names = [field.name for field in dataclasses.fields(Acoustics)]
        found[emotion] = Acoustics(**{name: mean(getattr(row, name) for row in rows) for name in names})
    return found


def test_every_emotion_has_a_way_of_speaking() -> None:
    assert tuple(PROSODY) == EMOTIONS
    assert len(set(PROSODY.values())) == len(EMOTIONS)


@pytest.mark.parametrize("emotion", ["happy", "excited", "afraid", "surprised", "angry"])
def test_aroused_voices_are_higher_than_plain_ones_and_drooping_ones_lower(
    heard: dict[str, Acoustics], emotion: str
) -> None:
    assert heard[emotion].pitch_hz > 1.05 * heard["neutral"].pitch_hz
    for low in ("sad", "tired", "bored"):
        assert heard[low].pitch_hz < 0.95 * heard["neutral"].pitch_hz


def test_the_melody_is_wide_in_joy_and_anger_and_flat_in_sadness_and_boredom(heard: dict[str, Acoustics]) -> None:
    flat = max(heard[name].range_semitones for name in ("sad", "bored", "tired"))
    wide = min(heard[name].range_semitones for name in ("happy", "excited", "angry", "surprised"))
    assert flat < heard["neutral"].range_semitones < wide


def test_excitement_is_fast_and_fatigue_slow(heard: dict[str, Acoustics]) -> None:
    assert heard["excited"].rate_hz > 1.1 * heard["neutral"].rate_hz
    for slow in ("sad", "tired", "thoughtful", "tender"):
        assert heard[slow].rate_hz < 0.93 * heard["neutral"].rate_hz


def test_anger_is_loud_and_bright_and_embarrassment_quiet(heard: dict[str, Acoustics]) -> None:
    assert heard["angry"].energy_db > heard["neutral"].energy_db + 2
    assert heard["angry"].tilt_db > heard["neutral"].tilt_db + 1
    for quiet in ("sad", "tired", "embarrassed", "tender"):
        assert heard[quiet].energy_db < heard["neutral"].energy_db - 3
    assert heard["sad"].tilt_db < heard["neutral"].tilt_db - 1


def test_any_two_emotions_can_be_told_apart_by_what_is_measured(heard: dict[str, Acoustics]) -> None:
    steps = np.array([[  # in units that a listener just notices
        12 * np.log2(row.pitch_hz), row.range_semitones, 12 * np.log2(row.rate_hz), row.energy_db, row.tilt_db,
    ] for row in heard.values()])  # fmt: skip
    distance = np.linalg.norm(steps[:, None] - steps[None], axis=-1) + 10 * np.eye(len(EMOTIONS))
    assert distance.min() > 1.0  # sad and tired: 1.4, within .05 whatever was said before


def test_emphasis_raises_stressed_vowels_and_moves_nothing() -> None:
    plain = Synthesiser().say("We should open it before Emma comes.", VOICES[0])
    loud = emphasised(plain, 1.0, np.random.default_rng(8))
    assert loud.phones == plain.phones
    for phone in plain.phones:
        middle = (phone.start_sample + phone.end_sample) // 2
        before, after = (np.abs(said.samples_A[middle - 80 : middle + 80]).sum() for said in (plain, loud))
        if phone.ipa.startswith("ˈ"):
            assert 1.3 < after / before < 2.6  # neighbours may overlap
        elif not phone.ipa:
            assert after <= 1.6 * before
    assert emphasised(plain, 0.0, np.random.default_rng(8)) is plain


def test_colour_moves_no_phone() -> None:
    said = Synthesiser().say("Papa, papa. Papa!", VOICES[0])
    strong = Prosody(tremor=0.6, jitter=0.02, breath=0.4, gain_db=3.0, tract=1.03)
    changed = finished(said, strong, np.random.default_rng(0))
    assert changed.phones == said.phones
    assert changed.samples_A.shape == said.samples_A.shape
    smooth = np.hanning(160)
    before, after = (np.convolve(np.abs(sound), smooth, mode="same") for sound in (said.samples_A, changed.samples_A))
    lags = np.arange(-480, 481, 16)
    scores = [np.corrcoef(np.roll(after, -lag)[500:-500], before[500:-500])[0, 1] for lag in lags]
    # A fifth of a frame; windows of the tract are shifted by at most 6 ms.
    assert abs(lags[int(np.argmax(scores))]) <= 128


def test_plain_prosody_changes_nothing() -> None:
    sound_A = np.sin(np.arange(4000) / 9).astype(np.float32) * np.float32(0.5)
    np.testing.assert_array_equal(coloured(sound_A, PLAIN, np.random.default_rng(0)), sound_A)
    assert prosody_of("angry", 0.0) == PLAIN


def test_a_tremor_shakes_loudness_five_to_seven_times_a_second() -> None:
    tone_A = (0.3 * np.sin(2 * np.pi * 200 * np.arange(64_000) / 16_000)).astype(np.float32)
    shaken_A = coloured(tone_A, Prosody(tremor=0.5), np.random.default_rng(2))
    level = np.sqrt(np.square(shaken_A).reshape(-1, 160).mean(axis=1))
    assert level.std() / level.mean() > 0.15  # a half-deep sine would give 0.24
    spectrum = np.abs(np.fft.rfft(level - level.mean()))
    assert 4.5 <= np.fft.rfftfreq(level.shape[0], 0.01)[int(spectrum.argmax())] <= 7.5


def test_limiting_keeps_quiet_parts_and_never_reaches_one() -> None:
    ramp_A = np.linspace(-4, 4, 801, dtype=np.float32)
    bent_A = limited(ramp_A)
    assert np.abs(bent_A).max() < 1.0
    assert np.all(np.diff(bent_A) >= 0)
    quiet = np.abs(ramp_A) < 0.7
    np.testing.assert_array_equal(bent_A[quiet], ramp_A[quiet])


def test_pitch_is_measured_within_two_percent() -> None:
    time_A = np.arange(16_000) / 16_000
    for hertz in (82.0, 150.0, 310.0):
        buzz_A = sum(np.sin(2 * np.pi * hertz * k * time_A) / k for k in range(1, 12))
        pitch_K, heard = pitch_track(np.asarray(buzz_A, dtype=np.float32))
        assert np.median(pitch_K[pitch_K > 0]) == pytest.approx(hertz, rel=0.02)
        assert (pitch_K > 0).sum() > 0.9 * heard


def test_an_unknown_emotion_is_refused() -> None:
    with pytest.raises(ConfigError, match="hangry"):
        prosody_of("hangry")
