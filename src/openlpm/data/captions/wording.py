"""Tags in the words of captions: the same grammar as that of synthetic performances, so that both teach one language.

What is said of a stretch is a pure function of its tags, its states and a seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.emotion import EMOTIONS, NUM_EMOTIONS
from openlpm.core.rig import State
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.captions.part import Tag
from openlpm.data.captions.tags import Group
from openlpm.synth.act.actions import ACTIONS
from openlpm.synth.act.captions import MAX_WORDS, caption, shortened
from openlpm.synth.act.content import Content, Step, moods_of, order_of
from openlpm.synth.act.phrasing import REACTIONS

DENSE_WORDS: Final = 120
"""More than anything comes to."""
_MOST_STEPS: Final = 4
"""As many as a synthetic caption has at most."""
_MOST_TRIES = 50
_MOSTLY = 0.6
"""A tag is in a stretch that holds this share of it."""
_REACTION_OF: Final = {
    "nod": "nod", "nod_slowly": "slow_nod", "smile": "smile", "raise_brows": "brow_raise", "frown": "frown",
    "tilt_left": "head_tilt", "tilt_right": "head_tilt", "startle": "startle", "laugh": "laugh_along",
    "chuckle": "laugh_along",
}  # fmt: skip
"""What an action is called when somebody else speaks."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """What is known of somebody apart from what happens."""

    appearance: str = ""
    persona: str = ""
    """A key of ``synth.act.phrasing.PERSONAS``."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """Frames of a unit."""

    first_frame: int
    end_frame: int


def said_of(
    tags: Sequence[Tag], state_F: NDArray[np.int8], person: Person, stretch: Stretch, seed: int, *, dense: bool = False
) -> str:
    """The caption of a stretch; times count from its beginning."""
    content = content_of(tags, state_F, person, stretch)
    if not dense:
        content = replace(content, steps=content.steps[:_MOST_STEPS])
    return caption(content, seed=seed, max_words=DENSE_WORDS if dense else MAX_WORDS)


def lasting(person: Person, seed: int, *, relationship: str = "") -> str:
    """What stays true of somebody who listens, whatever is heard: looks, character, relationship."""
    content = Content(appearance=person.appearance, states=(State.LISTEN,), persona=person.persona)
    texts = (caption(content, seed=seed + number) for number in range(_MOST_TRIES))
    # Some ways to put it (orders, pronouns) say nothing of the looks, which is most of what there is to say here.
    said = next((text for text in texts if shortened(person.appearance).lower() in text.lower()), "")
    return f"{said} {relationship}".strip()


def content_of(tags: Sequence[Tag], state_F: NDArray[np.int8], person: Person, stretch: Stretch) -> Content:
    """What there is to say of a stretch."""
    inside_F = state_F[stretch.first_frame : stretch.end_frame]
    moods, course = moods_of(emotions_in(tags, stretch))
    reactions, steps = _happening(tags, inside_F, stretch)
    return Content(
        appearance=person.appearance,
        states=order_of(inside_F),
        moods=moods,
        course=course,
        reactions=reactions,
        steps=steps,
        persona=person.persona,
    )


def emotions_in(tags: Sequence[Tag], stretch: Stretch) -> NDArray[np.float32]:
    """The emotion track that tags stand for, (F, E)."""
    emotion_FE = np.zeros((stretch.end_frame - stretch.first_frame, NUM_EMOTIONS), np.float32)
    for tag in tags:
        if tag.group is Group.EMOTION:
            first, end = _frames(tag, stretch)
            column_F = emotion_FE[first:end, EMOTIONS.index(tag.name)]
            np.maximum(column_F, np.float32(tag.certainty), out=column_F)
    emotion_FE[:, 0] = 1 - emotion_FE[:, 1:].max(axis=1)
    return emotion_FE


def _happening(
    tags: Sequence[Tag], state_F: NDArray[np.int8], stretch: Stretch
) -> tuple[tuple[str, ...], tuple[Step, ...]]:
    """Reactions of a listener by their kinds, and all other actions in their order."""
    reactions, steps = set[str](), list[Step]()
    for tag in tags:
        if tag.group is not Group.ACTION or not _is_mostly_in(tag, stretch):
            continue
        first, end = _frames(tag, stretch)
        listens = float((state_F[first:end] == State.LISTEN).mean()) > 0.5
        if listens and tag.name in _REACTION_OF:
            reactions.add(_REACTION_OF[tag.name])
        elif tag.name in ACTIONS:
            at_s = first / FRAME_RATE_HZ
            steps.append(Step(action=tag.name, at_s=at_s, place=first / max(state_F.shape[0], 1)))
    return tuple(kind for kind in REACTIONS if kind in reactions), tuple(steps)


def _frames(tag: Tag, stretch: Stretch) -> tuple[int, int]:
    """First and end of a tag within a stretch, counted from its beginning."""
    length = stretch.end_frame - stretch.first_frame
    first, end = (round(at_s * FRAME_RATE_HZ) - stretch.first_frame for at_s in (tag.start_s, tag.end_s))
    return min(max(first, 0), length), min(max(end, 0), length)


def _is_mostly_in(tag: Tag, stretch: Stretch) -> bool:
    first, end = _frames(tag, stretch)
    return end - first >= max(_MOSTLY * (tag.end_s - tag.start_s) * FRAME_RATE_HZ, 1)
