"""Styles are checked, and what is missing is said."""

import sys

import pytest

from openlpm.core.emotion import EMOTIONS
from openlpm.core.errors import ConfigError
from openlpm.core.seeds import Split
from openlpm.synth.act.actions import ACTION_NAMES
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.act.feelings import Course
from openlpm.synth.act.perform import ClipStyle, draw_style, perform
from openlpm.synth.sound import espeak
from openlpm.synth.sound.speech_bank import build

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("field", "value"),
    [("mood", "peckish"), ("second_mood", "odd"), ("intensity", 1.2), ("energy", -0.1), ("articulation", 3.0)],
)
def test_a_style_that_cannot_be_is_refused(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=field):
        ClipStyle(kind=ClipKind.IDLE, **{field: value})  # type: ignore[arg-type]


def test_every_kind_mood_course_and_action_is_drawn_sooner_or_later() -> None:
    styles = [draw_style(seed) for seed in range(2000)]
    assert {style.kind for style in styles} == set(ClipKind)
    assert {style.mood for style in styles} == set(EMOTIONS)
    assert {style.course for style in styles} == set(Course)
    assert {cue.action for style in styles for cue in style.actions} == set(ACTION_NAMES)


def test_a_clip_under_a_second_and_a_bank_of_one_voice_are_refused() -> None:
    bank = build(Split.VALIDATION, 1, seed=0)
    with pytest.raises(ConfigError, match="num_frames=23"):
        perform(800_000, 0, bank, num_frames=23)
    with pytest.raises(ConfigError, match="two"):
        perform(800_000, 0, bank, num_frames=48)


def test_without_the_extra_the_synthesiser_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(ConfigError, match=r"openlpm\[tts\]"):
        espeak._Engine()
