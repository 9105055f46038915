"""Styles are checked, captions read like sentences, and what is missing is said."""

import sys

import numpy as np
import pytest

from openlpm.core.errors import ConfigError
from openlpm.core.record import Event
from openlpm.core.rig import State
from openlpm.core.seeds import Split
from openlpm.synth import espeak
from openlpm.synth.dialogue import ClipKind
from openlpm.synth.perform import ClipStyle, caption_of, draw_style, perform
from openlpm.synth.speech_bank import build

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("field", "value"), [("mood", "peckish"), ("intensity", 1.2), ("energy", -0.1), ("articulation", 3.0)]
)
def test_a_style_that_cannot_be_is_refused(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=field):
        ClipStyle(kind=ClipKind.IDLE, **{field: value})  # type: ignore[arg-type]


def test_every_kind_of_clip_is_drawn_sooner_or_later() -> None:
    assert {draw_style(seed).kind for seed in range(200)} == set(ClipKind)


@pytest.mark.parametrize(
    ("states", "kinds", "mood", "wanted"),
    [
        ([State.SPEAK], [], "neutral", "A person speaks."),
        ([State.LISTEN, State.SPEAK], ["nod"], "happy", "A person listens, nods and then speaks happily."),
        (
            [State.SPEAK, State.LISTEN],
            ["nod", "smile"],
            "sad",
            "A person speaks sadly and then listens, nods and smiles.",
        ),
        ([State.IDLE], [], "thoughtful", "A person waits thoughtfully."),
        ([State.LISTEN], ["brow_raise"], "happy", "A person listens happily and raises the brows."),
    ],
)
def test_a_caption_reads_like_a_sentence(states: list[State], kinds: list[str], mood: str, wanted: str) -> None:
    state_F = np.repeat(np.array(states, np.int8), 30)
    events = [Event(kind=kind, start_frame=0, end_frame=1) for kind in kinds]
    assert caption_of(ClipStyle(kind=ClipKind.DIALOGUE, mood=mood), state_F, events) == wanted


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
