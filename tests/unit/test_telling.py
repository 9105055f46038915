"""A stretch of a clip is told as if it were a clip: what happens in it, in its own time, and nothing else."""

import re
from dataclasses import replace

import numpy as np
import pytest

from openlpm.core.emotion import EMOTIONS, NUM_EMOTIONS
from openlpm.core.record import Event, Truth
from openlpm.core.rig import NUM_RIG, State
from openlpm.synth.act.acting import ActionCue
from openlpm.synth.act.content import Content, content_of, stretch_of
from openlpm.synth.act.cues import Said
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.act.feelings import Course
from openlpm.synth.act.style import ClipStyle
from openlpm.synth.act.telling import Telling

pytestmark = pytest.mark.unit

FRAMES = 240
STYLE = ClipStyle(
    kind=ClipKind.LISTEN_THEN_SPEAK,
    persona_name="shy",
    actions=(ActionCue(action="bow", at_s=1.0), ActionCue(action="nod")),
)
EVENTS = (
    Event(kind="action:bow", start_frame=24, end_frame=64),
    Event(kind="blink", start_frame=30, end_frame=36),
    Event(kind="slow_nod", start_frame=60, end_frame=80),
    Event(kind="partner_phrase_end", start_frame=90, end_frame=91),
    Event(kind="action:nod", start_frame=180, end_frame=200),
)


def clip() -> tuple[np.ndarray, Truth]:
    """Listens for five seconds and is sad, then speaks and is happy."""
    state_F = np.full(FRAMES, State.LISTEN, np.int8)
    state_F[120:] = State.SPEAK
    emotion_FE = np.zeros((FRAMES, NUM_EMOTIONS), np.float32)
    emotion_FE[:120, EMOTIONS.index("sad")] = 0.6
    emotion_FE[120:, EMOTIONS.index("happy")] = 0.9
    truth = Truth(
        seed=0,
        rig_FR=np.arange(FRAMES, dtype=np.float32)[:, None].repeat(NUM_RIG, axis=1),
        viseme_F=np.zeros(FRAMES, np.int8),
        events=EVENTS,
        emotion_FE=emotion_FE,
    )
    return state_F, truth


def told(first: int, frames: int) -> Content:
    state_F, truth = clip()
    return content_of(STYLE, state_F[first : first + frames], stretch_of(truth, first, frames), appearance="a man")


def telling() -> Telling:
    state_F, truth = clip()
    return Telling(style=STYLE, state_F=state_F, truth=truth, said=(), seed=5, held_out=False, appearance="a man")


def actions(first: int, frames: int) -> list[tuple[str, float | None, float | None]]:
    return [(step.action, step.at_s, step.place) for step in told(first, frames).steps]


def test_an_action_is_told_where_most_of_it_is_seen() -> None:
    assert [name for name, _, _ in actions(0, FRAMES)] == ["bow", "nod"]
    assert [name for name, _, _ in actions(72, 96)] == []
    assert [name for name, _, _ in actions(0, 48)] == ["bow"]  # 24 of 40 frames
    assert [name for name, _, _ in actions(0, 47)] == []
    assert [name for name, _, _ in actions(40, 120)] == ["bow"]
    assert [name for name, _, _ in actions(41, 120)] == []


def test_times_and_places_count_from_the_first_frame_of_the_stretch() -> None:
    assert actions(12, 96) == [("bow", 0.5, 12 / 96)]
    assert actions(36, 96) == [("bow", 0.0, 0.0)]  # it is seen from the middle on
    assert actions(132, 96) == [("nod", 2.0, 0.5)]
    assert [step.timed for step in told(0, FRAMES).steps] == [True, False]


def test_states_reactions_and_moods_are_those_of_the_stretch() -> None:
    whole, early, late = told(0, FRAMES), told(0, 96), told(144, 96)
    assert [whole.states, early.states, late.states] == [
        (State.LISTEN, State.SPEAK), (State.LISTEN,), (State.SPEAK,)
    ]  # fmt: skip
    assert [whole.reactions, early.reactions, late.reactions] == [("slow_nod",), ("slow_nod",), ()]
    assert [whole.course, early.course, late.course] == [Course.CHANGE, Course.STEADY, Course.STEADY]
    assert [[mood.emotion for mood in each.moods] for each in (whole, early, late)] == [
        ["sad", "happy"], ["sad"], ["happy"]
    ]  # fmt: skip
    assert early.moods[0].intensity == pytest.approx(0.6)
    assert {each.persona for each in (whole, early, late)} == {"shy"}
    assert {each.appearance for each in (whole, early, late)} == {"a man"}


def test_a_stretch_of_a_truth_is_a_truth_of_its_frames() -> None:
    part = stretch_of(clip()[1], 30, 60)
    assert part.rig_FR[:, 0].tolist() == list(range(30, 90))
    assert part.viseme_F.shape == (60,)
    assert part.emotion_FE is not None
    assert part.emotion_FE.shape == (60, NUM_EMOTIONS)
    assert [(event.kind, event.start_frame, event.end_frame) for event in part.events] == [
        ("action:bow", 0, 34),
        ("slow_nod", 30, 50),
    ]


def test_the_caption_of_a_stretch_names_its_actions_at_its_times() -> None:
    bows = re.compile(r"\bbow|bend", re.IGNORECASE)
    for first, time in ((0, r"\b(1|one)\b"), (12, r"0\.5")):
        stretch = telling().stretch(first, 96)
        assert stretch.acts
        assert bows.search(stretch.caption), stretch.caption
        assert re.search(time, stretch.caption), stretch.caption
    quiet = telling().stretch(72, 96)
    assert not quiet.acts
    assert not bows.search(quiet.caption)


def test_stretches_have_words_of_their_own_and_always_the_same() -> None:
    captions = [telling().stretch(first, 96).caption for first in range(0, 145, 12)]
    assert captions == [telling().stretch(first, 96).caption for first in range(0, 145, 12)]
    assert len(set(captions)) > len(captions) // 2


def test_the_mood_of_a_voice_is_left_out_now_and_then_only_where_it_is_heard() -> None:
    said = (Said(start_s=6.0, end_s=9.0, emotion="happy"),)
    sad, happy = re.compile("sad|unhapp|sorrow"), re.compile("happ|cheer|glad")
    early, late = (
        [replace(telling(), said=said, seed=seed).stretch(first, 96).caption for seed in range(60)]
        for first in (0, 144)
    )
    assert all(sad.search(text) for text in early)
    assert 0.3 < np.mean([bool(happy.search(text)) for text in late]) < 0.9
