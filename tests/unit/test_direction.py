"""Texts that order things are told one after the other; others stay as they are."""

import numpy as np
import pytest

from openlpm.core.rig import State
from openlpm.dit.condition import ReferenceKind
from openlpm.rollout.direction import TOLD_S, directed, directions
from openlpm.rollout.request import Prompt, Reference, StreamRequest
from openlpm.synth.act.actions import ACTION_NAMES, ACTIONS
from openlpm.synth.act.captions import caption
from openlpm.synth.act.content import Content, Step

pytestmark = pytest.mark.unit

NOBODY = Reference(kind=ReferenceKind.GLOBAL, picture_HWC=np.zeros((16, 16, 3), np.uint8))


def stream(text: str, *prompts: Prompt) -> StreamRequest:
    return StreamRequest(references=(NOBODY,), caption=text, prompts=prompts)


def told(text: str, *prompts: Prompt, end_s: float | None = None) -> list[tuple[float, str]]:
    request = directed(stream(text, *prompts), end_s=end_s)
    return [(0.0, request.caption), *((round(prompt.at_s, 2), prompt.caption) for prompt in request.prompts)]


def test_each_thing_is_told_in_its_turn_and_then_what_is_so_throughout() -> None:
    assert told("She looks sad. She first nods, then waves her hand and finally shrugs.", end_s=9.3) == [
        (0.0, "She looks sad."),
        (0.3, "She nods. She looks sad."),
        (2.3, "She looks sad."),
        (3.3, "A person waves her hand. She looks sad."),
        (5.3, "She looks sad."),
        (6.3, "A person shrugs. She looks sad."),
        (8.3, "She looks sad."),
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Nod at 2 seconds, then wave after 5.5 seconds.", [2.0, 5.5]),
        ("Nods at second one, after that waves four seconds in.", [1.0, 4.0]),
        ("A man nodding, next waving at the 6 second mark.", [0.3, 6.0]),
        ("Nod 0 seconds in, then wave at 4 s, then smile.", [0.0, 4.0, 6.0]),
    ],
)
def test_seconds_that_are_said_are_kept(text: str, seconds: list[float]) -> None:
    found = directions(text)
    assert found is not None
    starts = [prompt.at_s for prompt in found.prompts(begin_s=0.0, end_s=10.0) if prompt.caption != found.throughout]
    assert starts == seconds
    assert not any("second" in prompt.caption for prompt in found.prompts(begin_s=0.0, end_s=10.0))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "She nods.",
        "She nods and smiles.",
        "A woman listens, nods and then speaks happily.",
        "He waits and then talks to the camera.",
        "Looking at first sad, then happy.",
        "A person speaks, growing angry and then calm again.",
        "She looks tired at first and then rather amused.",
        "He turns his face left and then back to the camera.",
        "Laugh at the end.",
        "Next to a window.",
        "She sits next to a window and waves.",
        "He looks around now and then and smiles.",
        "A cup stands at the end of the table.",
        "The person then waves.",
    ],
)
def test_moods_turns_of_talk_and_single_things_stay_as_they_are(text: str) -> None:
    later = Prompt(at_s=3.0, caption=text)
    assert told(text, later) == [(0.0, text), (3.0, text)]


def test_an_order_may_go_over_several_sentences() -> None:
    found = directions("She is in love. She nods. Then she waves. Finally she smiles and winks. It rains.")
    assert found is not None
    assert [step.words for step in found.steps] == ["She nods", "she waves", "she smiles and winks"]
    assert found.throughout == "She is in love. It rains."


def test_whoever_does_it_may_stand_before_the_link() -> None:
    found = directions("He nods. He then waves. The man finally sits back.")
    assert found is not None
    assert [step.words for step in found.steps] == ["He nods", "He waves", "The man sits back"]


def test_a_stream_without_an_end_takes_its_time_and_the_next_prompt_ends_what_went_before() -> None:
    assert [at_s for at_s, _ in told("Nod, then wave, then smile.")] == [0.0, 0.3, 2.3, 3.5, 5.5, 6.7, 8.7]
    assert told("Nod, then wave.", Prompt(at_s=3.3, caption="Smile, then frown."), end_s=8.0) == [
        (0.0, "The person stays quiet."),
        (0.3, "Nod. The person stays quiet."),
        (1.8, "Wave. The person stays quiet."),
        (3.3, "The person stays quiet."),
        (3.6, "Smile. The person stays quiet."),
        (5.6, "The person stays quiet."),
        (5.8, "Frown. The person stays quiet."),
        (7.8, "The person stays quiet."),
    ]


def test_what_was_told_in_turn_is_not_taken_apart_again() -> None:
    request = directed(stream("She nods. Then she waves, after that she turns left and then back."), end_s=10.0)
    again = directed(request, end_s=10.0)
    assert (again.caption, again.prompts) == (request.caption, request.prompts)


@pytest.mark.parametrize("held_out", [False, True])
def test_all_orders_that_our_captions_give_are_understood(*, held_out: bool) -> None:
    rng = np.random.default_rng(3)
    for seed in range(400):
        names = [ACTION_NAMES[int(index)] for index in rng.choice(len(ACTION_NAMES), size=3, replace=False)]
        timed = bool(rng.random() < 0.4)
        steps = tuple(Step(action=name, at_s=1.0 + 3 * k, timed=timed) for k, name in enumerate(names))
        text = caption(Content(states=(State.IDLE,), steps=steps), seed=seed, held_out=held_out)
        found = directions(text)
        assert found is not None, text
        assert len(found.steps) == len(steps), (text, found)
        assert not timed or [step.at_s for step in found.steps] == [1.0, 4.0, 7.0], text
        for name, step in zip(names, found.steps, strict=True):
            says = ACTIONS[name].held_out if held_out else ACTIONS[name].says
            own = {word for each in says for word in each.lower().replace("{their}", "").split()}
            assert any(word[:3] in step.words.lower() for word in own), (name, step)


def test_no_two_prompts_share_a_time() -> None:
    request = directed(stream("Nod at 2 seconds, then wave at 2 seconds, then smile at 1 second."), end_s=4.0)
    times = [prompt.at_s for prompt in request.prompts]
    assert times == sorted(set(times))
    assert TOLD_S > 0
