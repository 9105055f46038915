"""What there is to say about a clip: the content of captions, apart from their words."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.emotion import EMOTIONS
from openlpm.core.record import Event, Truth
from openlpm.core.rig import State
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.synth.act import phrasing
from openlpm.synth.act.feelings import Course, mean_by_part
from openlpm.synth.act.gestures import FloatArray
from openlpm.synth.act.style import ClipStyle

_SHOWS = 0.22  # an emotion of this mean intensity is worth a word
_MOSTLY = 0.6  # an event is in a stretch that holds this share of it
_ACTION = "action:"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Mood:
    """An emotion and how strong it is, 0 to 1."""

    emotion: str
    intensity: float


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """An action of ``synth.actions`` and when it begins."""

    action: str
    at_s: float | None = None
    place: float | None = None
    """0 at the clip's start, 1 at its end."""
    timed: bool = False
    """Whether the time has to be said."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What a caption says; all of it may be left out."""

    appearance: str = ""
    """Such as "a man with a hat"."""
    states: tuple[State, ...] = ()
    moods: tuple[Mood, ...] = ()
    """One, or two of which ``course`` says how they belong together."""
    course: Course = Course.STEADY
    reactions: tuple[str, ...] = ()
    """Keys of ``phrasing.REACTIONS``: what the listener does."""
    steps: tuple[Step, ...] = ()
    persona: str = ""
    """A key of ``phrasing.PERSONAS``."""


def content_of(style: ClipStyle, state_F: NDArray[np.int8], truth: Truth, *, appearance: str = "") -> Content:
    """What there is to say about a clip."""
    num_frames = state_F.shape[0]
    kinds = {event.kind for event in truth.events}
    timed = {cue.action for cue in style.actions if cue.at_s is not None}
    steps = tuple(
        Step(
            action=event.kind.removeprefix(_ACTION),
            at_s=event.start_frame / FRAME_RATE_HZ,
            place=event.start_frame / num_frames,
            timed=event.kind.removeprefix(_ACTION) in timed,
        )
        for event in truth.events
        if event.kind.startswith(_ACTION)
    )
    assert truth.emotion_FE is not None
    moods, course = moods_of(truth.emotion_FE)
    return Content(
        appearance=appearance,
        states=order_of(state_F),
        moods=moods,
        course=course,
        reactions=tuple(kind for kind in phrasing.REACTIONS if kind in kinds),
        steps=steps,
        persona=style.persona_name,
    )


def stretch_of(truth: Truth, first_frame: int, num_frames: int) -> Truth:
    """A stretch of a truth by itself: frames count from its first, and of events those are kept that can be told.

    An action or a reaction is told where at least 60 % of it lies inside; what began before begins with the stretch.
    """
    inside = slice(first_frame, first_frame + num_frames)
    return replace(
        truth,
        rig_FR=truth.rig_FR[inside],
        viseme_F=truth.viseme_F[inside],
        emotion_FE=None if truth.emotion_FE is None else truth.emotion_FE[inside],
        events=tuple(
            Event(
                kind=event.kind,
                start_frame=max(event.start_frame - first_frame, 0),
                end_frame=min(event.end_frame - first_frame, num_frames),
            )
            for event in truth.events
            if _can_be_told(event) and _is_mostly_in(event, inside)
        ),
    )


def _can_be_told(event: Event) -> bool:
    return event.kind in phrasing.REACTIONS or event.kind.startswith(_ACTION)


def _is_mostly_in(event: Event, inside: slice) -> bool:
    shared = min(event.end_frame, inside.stop) - max(event.start_frame, inside.start)
    return shared >= _MOSTLY * (event.end_frame - event.start_frame)


def moods_of(emotion_FE: NDArray[np.float32]) -> tuple[tuple[Mood, ...], Course]:
    """The one or two emotions that a clip shows, and their course; none if it shows nothing."""
    parts_PE = mean_by_part(emotion_FE[:, 1:], 3)
    mean_E = parts_PE.mean(axis=0)
    start, middle, end = (_mood(int(part_E.argmax()), float(part_E.max())) for part_E in parts_PE)
    begins, ends = start.intensity > _SHOWS, end.intensity > _SHOWS
    second, top = np.argsort(mean_E)[-2:].tolist()
    calm = Mood(emotion=EMOTIONS[0], intensity=0.5)
    if begins and ends and start.emotion != end.emotion and _fades(parts_PE, start):
        return (start, end), Course.CHANGE
    if not begins and not ends and middle.intensity > 1.5 * _SHOWS:
        return (middle,), Course.SWELL
    if mean_E[second] > _SHOWS:
        return (_mood(top, mean_E[top]), _mood(second, mean_E[second])), Course.MIX
    if mean_E[top] > _SHOWS and begins != ends:
        return (start, calm) if begins else (calm, end), Course.CHANGE
    return ((_mood(top, mean_E[top]),) if mean_E[top] > _SHOWS else ()), Course.STEADY


def _fades(parts_PE: FloatArray, mood: Mood) -> bool:
    """Whether the mood of the first part is much weaker in the last."""
    return bool(parts_PE[-1, EMOTIONS.index(mood.emotion) - 1] < 0.6 * mood.intensity)


def _mood(index: int, intensity: float) -> Mood:
    return Mood(emotion=EMOTIONS[1 + index], intensity=float(min(intensity, 1.0)))


def order_of(state_F: NDArray[np.int8]) -> tuple[State, ...]:
    """States in the order in which they first come up; waiting counts only if it is most of the clip."""
    values, first, counts = np.unique(state_F, return_index=True, return_counts=True)
    seen = [State(int(values[index])) for index in np.argsort(first)]
    waits = int(counts[values == int(State.IDLE)].sum())
    if waits < 0.6 * state_F.shape[0]:
        seen = [state for state in seen if state != State.IDLE] or seen
    if State.BOTH in seen and State.SPEAK in seen:
        seen.remove(State.BOTH)
    return tuple(seen[:3])
