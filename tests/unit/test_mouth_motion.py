"""The mouth follows its visemes: lips meet, silence is closed, everything stays in range."""

import numpy as np
import pytest

from openlpm.core.rig import VISEMES
from openlpm.synth.act.mouth_motion import MouthTrack, VisemeSpans, frame_centres, loudness, mouth_motion

pytestmark = pytest.mark.unit

JAW, ROUNDING, PRESS, TEETH = 0, 2, 3, 4


def spans_of(*sounds: tuple[str, float, float]) -> VisemeSpans:
    names, starts, ends = zip(*sounds, strict=True)
    viseme_S = np.array([VISEMES.index(name) for name in names], np.int8)
    return VisemeSpans(np.array(starts), np.array(ends), viseme_S, np.zeros(len(names), np.bool_))


def moved(*sounds: tuple[str, float, float], num_frames: int = 48) -> MouthTrack:
    return mouth_motion(spans_of(*sounds), np.ones(num_frames, np.float32))


@pytest.mark.parametrize("start", np.linspace(0.5, 0.5 + 1 / 24, 9))
def test_a_short_closure_between_open_vowels_closes_wherever_it_falls_between_frames(start: float) -> None:
    track = moved(("aa", start - 0.2, start), ("PP", start, start + 0.045), ("aa", start + 0.045, start + 0.3))
    shut = int(track.mouth_F6[:, PRESS].argmax())
    assert track.mouth_F6[shut, PRESS] == 1.0
    assert track.mouth_F6[shut, JAW] == 0.0
    assert track.viseme_F[shut] == VISEMES.index("PP")
    assert abs(frame_centres(48)[shut] - (start + 0.0225)) < 0.06
    assert track.mouth_F6[shut - 3, JAW] > 0.3
    assert track.mouth_F6[shut + 3, JAW] > 0.3


def test_teeth_meet_the_lip_for_an_f() -> None:
    track = moved(("aa", 0.3, 0.5), ("FF", 0.5, 0.58), ("aa", 0.58, 0.8))
    bite = int(track.mouth_F6[:, TEETH].argmax())
    assert track.mouth_F6[bite, TEETH] == 1.0
    assert track.mouth_F6[bite, JAW] <= 0.12 + 1e-6


def test_lips_round_before_a_round_vowel_is_heard() -> None:
    round_F = moved(("SS", 0.4, 0.6), ("ou", 0.6, 0.8)).mouth_F6[:, ROUNDING]
    flat_F = moved(("SS", 0.4, 0.6), ("ih", 0.6, 0.8)).mouth_F6[:, ROUNDING]
    before = int(0.53 * 24)
    assert round_F[before] > flat_F[before] + 0.15


def test_silence_is_exactly_closed() -> None:
    track = moved(("aa", 0.5, 0.7), ("sil", 0.7, 1.3), ("aa", 1.3, 1.5))
    times_F = frame_centres(48)
    quiet_F = (times_F < 0.35) | ((times_F > 0.85) & (times_F < 1.15)) | (times_F > 1.65)
    assert np.all(track.mouth_F6[quiet_F] == 0.0)
    assert np.all(track.viseme_F[quiet_F] == 0)
    assert np.all(moved(("sil", 0.1, 1.0)).mouth_F6 == 0.0)


def test_loud_speech_opens_the_jaw_further() -> None:
    spans = spans_of(("aa", 0.5, 0.9))
    quiet = mouth_motion(spans, np.full(48, 0.2, np.float32)).mouth_F6[:, JAW].max()
    loud = mouth_motion(spans, np.full(48, 1.0, np.float32)).mouth_F6[:, JAW].max()
    assert loud > quiet * 1.1


def test_loudness_is_relative_to_the_clip_and_zero_in_silence() -> None:
    samples_A = np.zeros(32_000, np.float32)
    samples_A[8000:16_000] = 0.1 * np.sin(np.arange(8000) * 0.3)
    loudness_F = loudness(samples_A, 48)
    assert loudness_F[:11].max() == 0.0
    assert loudness_F[14:22] == pytest.approx(1.0, abs=0.15)  # phase of the tone within a frame
    np.testing.assert_allclose(loudness(samples_A * 0.3, 48), loudness_F, atol=1e-5)
