"""Rows about states: on synthetic conversations through a detector, and on conversations composed of real clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench import statistics
from openlpm.bench.dialogue_clips import DialogueClip
from openlpm.bench.people import switch_row, switches_of, track_of_each_frame
from openlpm.bench.result import Bar, Row
from openlpm.core.rig import State
from openlpm.data.people.faces import Detector
from openlpm.data.people.tracking import Track, TrackingConfig, follow
from openlpm.data.states.judging import JudgingConfig, judge
from openlpm.data.states.rule import DISCARD
from openlpm.data.states.scorer import SpeakerScorer, TrackMotion
from openlpm.data.states.verification import Verifier
from openlpm.synth.look.render import Render, render_frames

ACCURACY, LISTEN, REAL = "state_accuracy", "listen_recall", "state_accuracy_real"
ACCURACY_BAR, LISTEN_BAR, REAL_BAR = Bar(at_least=0.95), Bar(at_least=0.93), Bar(at_least=0.85)


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Watched:
    """A clip with what a detector and the tracker made of it."""

    clip: DialogueClip
    tracks: tuple[Track, ...]


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class JudgedPerson:
    """True and found states of one person of one clip, frame by frame."""

    clip: str
    group: str
    """What rows are made of besides those of all: a layout and a style, for instance."""
    true_F: NDArray[np.int8]
    found_F: NDArray[np.int8]
    """With ``DISCARD`` where the pipeline gives nothing."""


def watch(
    clip: DialogueClip, detector: Detector, *, render: Render = render_frames, config: TrackingConfig | None = None
) -> Watched:
    """Draw a clip, find its faces and follow them."""
    frames_FHWC = clip.pictures(render)
    return Watched(clip=clip, tracks=tuple(follow(frames_FHWC, detector.find(frames_FHWC), config)))


def motion_of(tracks: Sequence[Track], num_frames: int) -> list[TrackMotion]:
    """What the scorer needs of tracks."""
    return [TrackMotion(points_FP2=track.points(num_frames), turn_F3=track.turns(num_frames)) for track in tracks]


def judged_people(
    watched: Watched, scorer: SpeakerScorer, *, verifier: Verifier | None = None, config: JudgingConfig | None = None
) -> list[JudgedPerson]:
    """The states of everybody in a clip; somebody whom no track follows is discarded in those frames."""
    clip = watched.clip
    states_TF = np.full((len(watched.tracks) + 1, clip.num_frames), DISCARD, np.int8)
    if watched.tracks:
        motion = motion_of(watched.tracks, clip.num_frames)
        states_TF[:-1] = judge(motion, clip.sound(), scorer, verifier=verifier, config=config).states
    found: list[JudgedPerson] = []
    for person in clip.people:
        track_F = track_of_each_frame(person, watched.tracks)
        found.append(
            JudgedPerson(
                clip=clip.name,
                group=f"{clip.layout}/{person.style}",
                true_F=person.state_F,
                found_F=states_TF[track_F, np.arange(clip.num_frames)],  # -1 is the row of nobody
            )
        )
    return found


def state_rows(people: Sequence[JudgedPerson]) -> list[Row]:
    """``state_accuracy`` (frames that were discarded count as wrong) and ``listen_recall``, with what they are made of.

    Intervals are over persons of clips. ``kept`` is the share of frames with a state, ``among_kept`` the accuracy of
    those alone, which is what training sees.
    """
    right, kept = [each.found_F == each.true_F for each in people], [each.found_F != DISCARD for each in people]
    listens = [each.true_F == State.LISTEN for each in people]
    rows = [
        Row.of(ACCURACY, _share(right), bar=ACCURACY_BAR),
        Row.of(f"{ACCURACY}/kept", _share(kept)),
        Row.of(f"{ACCURACY}/among_kept", _share(right, kept)),
        Row.of(LISTEN, _share(right, listens), bar=LISTEN_BAR),
    ]
    for state in (State.SPEAK, State.IDLE):
        chosen = [each.true_F == state for each in people]
        rows.append(Row.of(f"{state.name.lower()}_recall", _share(right, chosen)))
    parts = [each.group.split("/") for each in people]
    for name in sorted({part for group in parts for part in group}):
        members = [index for index, group in enumerate(parts) if name in group]
        rows.append(Row.of(f"{ACCURACY}/{name}", _share([right[index] for index in members])))
    return rows


def tracking_row(watched: Sequence[Watched]) -> Row:
    """``identity_switches_per_10min`` of clips."""
    switches = [sum(switches_of(person, each.tracks) for person in each.clip.people) for each in watched]
    return switch_row(switches, [each.clip.num_frames for each in watched])


def real_rows(people: Sequence[JudgedPerson]) -> list[Row]:
    """``state_accuracy_real``: conversations composed of real clips, which nobody ever had. Discarded is wrong."""
    right, kept = [each.found_F == each.true_F for each in people], [each.found_F != DISCARD for each in people]
    rows = [
        Row.of(REAL, _share(right), bar=REAL_BAR),
        Row.of(f"{REAL}/kept", _share(kept)),
        Row.of(f"{REAL}/among_kept", _share(right, kept)),
    ]
    for state in (State.SPEAK, State.LISTEN, State.IDLE):
        chosen = [each.true_F == state for each in people]
        rows.append(Row.of(f"{REAL}/{state.name.lower()}", _share(right, chosen)))
    return rows


def _share(right: Sequence[NDArray[np.bool_]], among: Sequence[NDArray[np.bool_]] | None = None) -> statistics.Estimate:
    """Frames that are right over all, or over those chosen, with the interval over persons."""
    among = among or [np.ones_like(each) for each in right]
    counts = [(float((r & a).sum()), float(a.sum())) for r, a in zip(right, among, strict=True)]
    table_N2 = np.array([count for count in counts if count[1] > 0]).reshape(-1, 2)
    return statistics.ratio_of_sums(table_N2[:, 0], table_N2[:, 1])
