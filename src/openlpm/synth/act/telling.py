"""What captions say of a clip, and of stretches of it as if each were a clip."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.emotion import EMOTIONS
from openlpm.core.record import Truth
from openlpm.core.seeds import generator
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.synth.act.captions import caption
from openlpm.synth.act.content import Content, content_of, stretch_of
from openlpm.synth.act.cues import Said
from openlpm.synth.act.style import ClipStyle

_SAYS_REACTIONS, _SAYS_HEARD_MOOD = 0.5, 0.6  # how often a caption says what can be heard


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """The caption of a stretch."""

    caption: str
    acts: bool
    """Whether it names an action."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Telling:
    """A clip as captions tell it."""

    style: ClipStyle
    state_F: NDArray[np.int8]
    truth: Truth
    """With its emotions."""
    said: tuple[Said, ...]
    """What the performer says."""
    seed: int
    """Names the words."""
    held_out: bool
    """Whether they are those that no training has seen."""
    appearance: str = ""

    def whole(self, rng: np.random.Generator) -> str:
        """The caption of the clip; ``rng`` says how much of what can be heard is said."""
        content = content_of(self.style, self.state_F, self.truth, appearance=self.appearance)
        return caption(_worth_saying(rng, content, self.said), seed=self.seed, held_out=self.held_out)

    def stretch(self, first_frame: int, num_frames: int) -> Told:
        """The caption of some frames by themselves, always in the same words; times count from the first of them."""
        rng = generator("stretch", self.seed, first_frame, num_frames)
        state_F = self.state_F[first_frame : first_frame + num_frames]
        truth = stretch_of(self.truth, first_frame, num_frames)
        content = content_of(self.style, state_F, truth, appearance=self.appearance)
        start_s, end_s = first_frame / FRAME_RATE_HZ, (first_frame + num_frames) / FRAME_RATE_HZ
        said = tuple(one for one in self.said if one.start_s < end_s and one.end_s > start_s)
        text = caption(_worth_saying(rng, content, said), seed=int(rng.integers(2**31)), held_out=self.held_out)
        return Told(caption=text, acts=bool(content.steps))


def _worth_saying(rng: np.random.Generator, content: Content, said: tuple[Said, ...]) -> Content:
    """``content``, often without what can be heard: the answers to a voice, and the mood of the performer's own."""
    draw = rng.random(2)
    heard = any(one.emotion != EMOTIONS[0] for one in said)
    return replace(
        content,
        reactions=content.reactions if draw[0] < _SAYS_REACTIONS else (),
        moods=content.moods if draw[1] < _SAYS_HEARD_MOOD or not heard else (),
    )
