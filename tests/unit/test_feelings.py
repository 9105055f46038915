"""Emotions rise, hold and fade, mix, and push each other aside."""

import numpy as np
import pytest

from openlpm.core.emotion import EMOTIONS
from openlpm.core.errors import ConfigError
from openlpm.core.rig import Rig
from openlpm.synth.act.feelings import Course, Feeling, emotion_track, felt_at, run_course
from openlpm.synth.act.moods import MANNERS, MOODS, REST_ER, manner_of
from openlpm.synth.act.mouth_motion import frame_centres

pytestmark = pytest.mark.unit

TIMES_F = frame_centres(240)


def column(emotion_FE: np.ndarray, emotion: str) -> np.ndarray:
    return emotion_FE[:, EMOTIONS.index(emotion)]


def test_a_feeling_has_an_onset_a_plateau_and_a_release() -> None:
    feeling = Feeling(emotion="sad", intensity=0.8, start_s=2.0, end_s=6.0, attack_s=1.0, release_s=1.0)
    sad_F = column(emotion_track(TIMES_F, (feeling,), ()), "sad")
    assert sad_F[:48].max() == 0.0
    assert sad_F[72:144] == pytest.approx(0.8, abs=1e-6)
    assert sad_F[170:].max() == pytest.approx(0.0, abs=1e-6)
    assert np.abs(np.diff(sad_F)).max() < 0.08


def test_neutral_is_what_the_others_leave() -> None:
    emotion_FE = emotion_track(TIMES_F, (Feeling(emotion="happy", intensity=0.7),), ())
    np.testing.assert_allclose(column(emotion_FE, "neutral"), 0.3)
    np.testing.assert_allclose(column(emotion_track(TIMES_F, (), ()), "neutral"), 1.0)


def test_a_passing_feeling_pushes_the_mood_aside_and_leaves_it_after() -> None:
    mood = Feeling(emotion="angry", intensity=1.0)
    passing = Feeling(emotion="surprised", intensity=1.0, start_s=4.0, end_s=5.0, attack_s=0.2, release_s=0.5)
    emotion_FE = emotion_track(TIMES_F, (mood,), (passing,))
    assert column(emotion_FE, "angry")[int(4.6 * 24)] == pytest.approx(0.1)
    assert column(emotion_FE, "angry")[[0, -1]].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("course", list(Course))
def test_every_course_shows_its_moods(course: Course) -> None:
    feelings = run_course(np.random.default_rng(0), course, ("happy", "afraid"), 0.9, 10.0)
    shown = {felt_at(feelings, time) for time in np.linspace(0, 10, 40)}
    wanted = {
        Course.STEADY: {"happy"}, Course.SWELL: {"neutral", "happy"}, Course.CHANGE: {"happy", "afraid"},
        Course.MIX: {"happy"},
    }  # fmt: skip
    assert shown - {"neutral"} == wanted[course] - {"neutral"}
    assert ("neutral" in shown) >= ("neutral" in wanted[course])


def test_every_emotion_has_a_face_of_its_own() -> None:
    assert set(MOODS) == set(MANNERS) == set(EMOTIONS)
    apart_EE = np.linalg.norm(REST_ER[:, None] - REST_ER[None], axis=2) + 9 * np.eye(len(EMOTIONS))
    assert apart_EE.min() > 0.45
    assert REST_ER[EMOTIONS.index("embarrassed"), Rig.BLUSH] > 0.8


def test_emotions_change_how_one_moves_as_far_as_they_are_felt() -> None:
    excited_FE = emotion_track(TIMES_F, (Feeling(emotion="excited", intensity=0.5),), ())
    manner = manner_of(excited_FE)
    assert manner["energy"] == pytest.approx(1 + 0.5 * (MANNERS["excited"].energy - 1))
    assert manner_of(emotion_track(TIMES_F, (), ()))["blinks"] == pytest.approx(1.0)


def test_a_feeling_that_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="hungry"):
        Feeling(emotion="hungry", intensity=0.5)
    with pytest.raises(ConfigError, match="intensity"):
        Feeling(emotion="sad", intensity=1.5)
