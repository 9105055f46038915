"""Captions are English, say what happens in its order, and keep their held-out words out of training."""

import re
from dataclasses import replace

import numpy as np
import pytest

from openlpm.core.emotion import EMOTIONS
from openlpm.core.rig import State
from openlpm.synth.act import phrasing
from openlpm.synth.act.actions import ACTION_NAMES, ACTIONS
from openlpm.synth.act.captions import caption, shortened
from openlpm.synth.act.content import Content, Mood, Step, moods_of
from openlpm.synth.act.feelings import Course, Feeling, emotion_track
from openlpm.synth.act.mouth_motion import frame_centres
from openlpm.synth.act.phrasing import Choice
from openlpm.synth.sound.inflection import Form, Pronoun, inflected, of_verb, pronoun_of

pytestmark = pytest.mark.unit

WOMAN = "a woman with red hair, wearing a blue coat"
FULL = Content(
    appearance=WOMAN,
    states=(State.LISTEN, State.SPEAK),
    moods=(Mood(emotion="happy", intensity=0.9),),
    reactions=("nod",),
    steps=(Step(action="look_left", at_s=2.0), Step(action="smile", at_s=6.5)),
    persona="shy",
)


def captions(content: Content, *, number: int = 300, held_out: bool = False, max_words: int = 32) -> list[str]:
    return [caption(content, seed=seed, held_out=held_out, max_words=max_words) for seed in range(number)]


@pytest.mark.parametrize(
    ("verb", "third", "gerund"),
    [
        ("nod", "nods", "nodding"), ("wave", "waves", "waving"), ("go", "goes", "going"),
        ("blush", "blushes", "blushing"),
        ("bow", "bows", "bowing"), ("put", "puts", "putting"), ("have", "has", "having"), ("open", "opens", "opening"),
        ("squint", "squints", "squinting"), ("pay", "pays", "paying"), ("shrug", "shrugs", "shrugging"),
        ("roll", "rolls", "rolling"), ("sigh", "sighs", "sighing"), ("purse", "purses", "pursing"),
    ],
)  # fmt: skip
def test_verbs_have_their_forms(verb: str, third: str, gerund: str) -> None:
    assert (of_verb(verb, Form.THIRD), of_verb(verb, Form.GERUND)) == (third, gerund)


def test_all_verbs_of_a_phrase_are_inflected_and_the_pronoun_is_filled_in() -> None:
    phrase = "turn {their} head to the left and ~look back"
    assert inflected(phrase, Form.THIRD, Pronoun.SHE) == "turns her head to the left and looks back"
    assert inflected("slowly ~shake {their} head", Form.GERUND, Pronoun.HE) == "slowly shaking his head"
    assert inflected(phrase, Form.BASE, Pronoun.YOU) == "turn your head to the left and look back"


@pytest.mark.parametrize(
    ("appearance", "pronoun"),
    [(WOMAN, Pronoun.SHE), ("an old man", Pronoun.HE), ("a robot", Pronoun.THEY), ("", Pronoun.THEY)],
)
def test_the_pronoun_follows_from_the_appearance(appearance: str, pronoun: Pronoun) -> None:
    assert pronoun_of(appearance) is pronoun


def test_one_content_has_hundreds_of_captions() -> None:
    assert len(set(captions(FULL, number=400))) > 300


@pytest.mark.parametrize("held_out", [False, True])
def test_every_caption_is_clean_english_with_a_full_stop(held_out: bool) -> None:
    people = (WOMAN, "a man", "")
    for index in range(600):
        rng = np.random.default_rng(index)
        moods = tuple(Mood(emotion=str(rng.choice(EMOTIONS)), intensity=float(rng.random())) for _ in range(2))
        course = list(Course)[index % 4]
        content = replace(
            FULL,
            appearance=people[index % 3],
            moods=moods if course in (Course.CHANGE, Course.MIX) else moods[:1],
            course=course,
            steps=tuple(Step(action=str(name), at_s=float(rng.uniform(0, 9))) for name in rng.choice(ACTION_NAMES, 2)),
        )
        text = caption(content, seed=index, held_out=held_out)
        assert re.fullmatch(r"[A-Z0-9][\w ,.'\"-]*\.", text), text
        assert not re.search(r"[{}~]|  |,,|\.\.| ,|\ba [aeiou]|\ban [^aeiou]|\ba a |\b1 seconds|\b0 seconds", text), (
            text
        )


def test_actions_are_named_in_their_order_with_their_times() -> None:
    content = Content(steps=(Step(action="nod"), Step(action="yawn", at_s=4.0, timed=True)))
    for text in captions(content, number=60):
        assert text.lower().index("nod") < text.lower().index("yawn") or "yes" in text
        assert re.search(r"\b(4|four)\b", text), text


def test_the_time_of_an_action_is_said_only_if_it_was_asked_for_or_sometimes() -> None:
    texts = captions(Content(steps=(Step(action="nod", at_s=7.0), Step(action="bow", at_s=9.0))))
    assert 0.15 < np.mean([bool(re.search("7|seven", text)) for text in texts]) < 0.5


def test_moods_are_worded_by_their_strength_and_course() -> None:
    weak, strong = (
        captions(Content(states=(State.IDLE,), moods=(Mood(emotion="sad", intensity=level),))) for level in (0.3, 0.95)
    )
    slight = re.compile("slightly|a little|a bit|somewhat")
    assert any(slight.search(text) for text in weak)
    assert not any(slight.search(text) for text in strong)
    assert any(re.search("very|extremely|really", text) for text in strong)
    change = Content(
        moods=(Mood(emotion="happy", intensity=0.6), Mood(emotion="angry", intensity=0.6)), course=Course.CHANGE
    )
    happy, angry = (re.compile("|".join(phrasing.ADJECTIVES[name].usual)) for name in ("happy", "angry"))
    for text in captions(change, number=60):
        first, second = happy.search(text.lower()), angry.search(text.lower())
        assert first
        assert second
        assert first.start() < second.start()


def choices() -> list[Choice]:
    found = [value for value in vars(phrasing).values() if isinstance(value, Choice)]
    for table in (phrasing.STATES, phrasing.REACTIONS, phrasing.ADJECTIVES, phrasing.ADVERBS, phrasing.PERSONAS):
        found += table.values()
    return [*found, *phrasing.DEGREES, *(Choice(action.says, action.held_out) for action in ACTIONS.values())]


def test_no_phrase_is_both_usual_and_held_out() -> None:
    for choice in choices():
        assert not set(choice.usual) & set(choice.held_out) - {""}
        assert choice.held_out


def test_held_out_captions_share_no_wording_with_usual_ones() -> None:
    usual, held_out = set(captions(FULL)), set(captions(FULL, held_out=True))
    assert not usual & held_out
    assert len(held_out) > 60


def test_a_caption_keeps_to_its_number_of_words_if_it_can() -> None:
    lengths = [len(text.split()) for text in captions(FULL)]
    assert max(lengths) <= 36
    assert np.mean(np.array(lengths) <= 32) > 0.95
    assert max(len(text.split()) for text in captions(FULL, max_words=60)) > 36
    assert shortened(WOMAN) == "a woman"


@pytest.mark.parametrize(
    ("feelings", "emotions", "course"),
    [
        ((), (), Course.STEADY),
        ((Feeling(emotion="sad", intensity=0.8),), ("sad",), Course.STEADY),
        (
            (Feeling(emotion="sad", intensity=0.8), Feeling(emotion="angry", intensity=0.5)),
            ("sad", "angry"),
            Course.MIX,
        ),
        (
            (Feeling(emotion="sad", intensity=0.8, end_s=4.5), Feeling(emotion="angry", intensity=0.8, start_s=5.0)),
            ("sad", "angry"),
            Course.CHANGE,
        ),
        ((Feeling(emotion="proud", intensity=0.9, start_s=5.0),), ("neutral", "proud"), Course.CHANGE),
        ((Feeling(emotion="proud", intensity=0.9, start_s=3.2, end_s=6.0),), ("proud",), Course.SWELL),
    ],
)
def test_moods_are_read_off_the_emotion_track(
    feelings: tuple[Feeling, ...], emotions: tuple[str, ...], course: Course
) -> None:
    emotion_FE = emotion_track(frame_centres(240), feelings, ())
    moods, found = moods_of(emotion_FE.astype(np.float32))
    assert tuple(mood.emotion for mood in moods) == emotions
    assert found == course
