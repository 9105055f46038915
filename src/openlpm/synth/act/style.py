"""What a clip is like: its kind, mood, persona and actions, given or drawn from a seed."""

from dataclasses import dataclass, field, replace
from typing import TypeVar, final

import numpy as np

from openlpm.core.emotion import EMOTIONS
from openlpm.core.errors import ConfigError
from openlpm.core.seeds import generator
from openlpm.synth.act.acting import ActionCue
from openlpm.synth.act.actions import ACTION_NAMES, ACTIONS
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.act.feelings import Course
from openlpm.synth.act.persona import Persona, draw_persona

_KIND_WEIGHTS = {
    ClipKind.SPEAK: 0.28, ClipKind.LISTEN: 0.15, ClipKind.IDLE: 0.10, ClipKind.LISTEN_THEN_SPEAK: 0.13,
    ClipKind.SPEAK_THEN_LISTEN: 0.08, ClipKind.DIALOGUE: 0.11, ClipKind.OVERLAP: 0.04, ClipKind.TRAP: 0.04,
    ClipKind.BACKCHANNEL: 0.04, ClipKind.INTERRUPTED: 0.03,
}  # fmt: skip
_NEUTRAL = 0.25
_COURSE_WEIGHTS = {Course.STEADY: 0.5, Course.SWELL: 0.18, Course.CHANGE: 0.2, Course.MIX: 0.12}
_ACTS_PROBABILITY = {ClipKind.IDLE: 0.8, ClipKind.SPEAK: 0.3, ClipKind.LISTEN: 0.25}
_OTHER_ACTS_PROBABILITY = 0.2
_ACTS_IN_SILENCE, _ACTS_CALMLY = 0.7, 0.6
_NUM_ACTS_WEIGHTS = (0.4, 0.3, 0.2, 0.1)  # one to four
_TIMED_PROBABILITY = 0.2
_DISTURBED_PROBABILITY = 0.015  # few, because such sounds take long to make

_Choice = TypeVar("_Choice")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ClipStyle:
    """What a clip is like; ``draw_style`` draws one from a seed."""

    kind: ClipKind
    mood: str = "neutral"
    """One of ``core.emotion.EMOTIONS``."""
    second_mood: str = "neutral"
    """The other emotion of a ``course`` that has two."""
    course: Course = Course.STEADY
    intensity: float = 0.8
    """0 to 1: how strongly the mood shows."""
    energy: float = 1.0
    """Scale of head and body movement, 0 to 2."""
    articulation: float = 1.0
    """Scale of the jaw, 0.5 to 1.5."""
    persona: Persona = field(default_factory=Persona)
    persona_name: str = ""
    """A key of ``synth.persona.PERSONAS`` that captions may mention, or empty."""
    actions: tuple[ActionCue, ...] = ()
    """In their order."""
    disturbed: bool = False
    """Whether a sound that is nobody's turn (``synth.traps``) lies under the partner's voice."""

    def __post_init__(self) -> None:
        for name, mood in (("mood", self.mood), ("second_mood", self.second_mood)):
            if mood not in EMOTIONS:
                raise ConfigError(f"{name}={mood!r}: choose one of {', '.join(EMOTIONS)}")
        for name, value, low, high in (
            ("intensity", self.intensity, 0.0, 1.0),
            ("energy", self.energy, 0.0, 2.0),
            ("articulation", self.articulation, 0.5, 1.5),
        ):
            if not low <= value <= high:
                raise ConfigError(f"{name}={value}: choose {low} to {high}")


def draw_style(clip_seed: int) -> ClipStyle:
    """The style of a clip that was given none."""
    rng = generator("style", clip_seed)
    kind = _weighted(rng, _KIND_WEIGHTS)
    course = _weighted(rng, _COURSE_WEIGHTS)
    first, second = (EMOTIONS[1 + int(index)] for index in rng.choice(len(EMOTIONS) - 1, size=2, replace=False))
    name, persona = draw_persona(rng)
    return ClipStyle(
        kind=kind,
        mood="neutral" if course == Course.STEADY and rng.random() < 2 * _NEUTRAL else first,
        second_mood=second,
        course=course,
        intensity=float(rng.uniform(0.4, 1.0)),
        energy=float(rng.uniform(0.75, 1.25)),
        articulation=float(rng.uniform(0.85, 1.15)),
        persona=persona,
        persona_name=name,
        actions=_draw_actions(rng, kind),
        disturbed=kind != ClipKind.TRAP and rng.random() < _DISTURBED_PROBABILITY,
    )


def draw_acting_style(clip_seed: int) -> ClipStyle:
    """A style of its own for clips in which one to four actions are done, mostly in silence and in no mood."""
    rng, drawn = generator("acting style", clip_seed), draw_style(clip_seed)
    kind = ClipKind.IDLE if rng.random() < _ACTS_IN_SILENCE else drawn.kind
    calm = rng.random() < _ACTS_CALMLY
    return replace(
        drawn,
        kind=kind,
        mood="neutral" if calm else drawn.mood,
        course=Course.STEADY if calm else drawn.course,
        actions=_some_actions(rng, kind),
        disturbed=drawn.disturbed and kind != ClipKind.TRAP,
    )


def _weighted(rng: np.random.Generator, weights: dict[_Choice, float]) -> _Choice:
    bounds = np.cumsum(list(weights.values()))
    return list(weights)[int(np.searchsorted(bounds, rng.random() * bounds[-1], side="right"))]


def _draw_actions(rng: np.random.Generator, kind: ClipKind) -> tuple[ActionCue, ...]:
    """Some actions for a clip; the mouth acts only in clips where nobody is heard."""
    if rng.random() >= _ACTS_PROBABILITY.get(kind, _OTHER_ACTS_PROBABILITY):
        return ()
    return _some_actions(rng, kind)


def _some_actions(rng: np.random.Generator, kind: ClipKind) -> tuple[ActionCue, ...]:
    number = 1 + int(np.searchsorted(np.cumsum(_NUM_ACTS_WEIGHTS), rng.random(), side="right"))
    may = [name for name in ACTION_NAMES if kind == ClipKind.IDLE or not ACTIONS[name].uses_mouth]
    chosen = [may[int(index)] for index in rng.choice(len(may), size=number, replace=False)]
    if number == 1 and rng.random() < _TIMED_PROBABILITY:
        return (ActionCue(action=chosen[0], at_s=round(float(rng.uniform(0.0, 3.0)) * 2) / 2),)
    return tuple(ActionCue(action=name) for name in chosen)
