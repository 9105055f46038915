"""The fifth stage: who speaks, listens or idles in every frame, and whether sound and picture belong together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.units import AUDIO_RATE_HZ, samples_at_frame
from openlpm.data.packed import pack
from openlpm.data.parts import Media, Span
from openlpm.data.people.faces import NUM_POINTS
from openlpm.data.people.part import People, Person
from openlpm.data.records import Record
from openlpm.data.soundtrack import read_sound
from openlpm.data.stage import RawFiles, Stage
from openlpm.data.states.judging import Judgement, JudgingConfig, judge
from openlpm.data.states.part import States
from openlpm.data.states.rule import DISCARD
from openlpm.data.states.scorer import NetworkScorer, SpeakerScorer, TrackMotion

_SPEECH_STEP: Final = 0.01


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class StatesConfig:
    """How states are found."""

    judging: JudgingConfig = field(default_factory=JudgingConfig)
    heard_before_s: float = 8.0
    """So much of the source before a clip prepares the voice detector: a shot often begins within a word."""

    def __post_init__(self) -> None:
        if not 0 <= self.heard_before_s <= 60:
            raise ConfigError(f"heard_before_s={self.heard_before_s}: give seconds, 0 to 60")


def find_states(record: Record, config: StatesConfig, raw: RawFiles) -> Sequence[Record]:
    """The clip with the states of everybody in it; dropped if the sound is out of step or nothing is known."""
    people = record.part(People)
    judged = _judged(record, people, config, raw)
    states = tuple(
        state_F[person.first_frame :][: person.num_frames]
        for person, state_F in zip(people.persons, judged.states, strict=True)
    )
    part = States(
        states=tuple(pack(state_F) for state_F in states),
        speech=pack(judged.speech_F, step=_SPEECH_STEP),
        offset_frames=judged.sync.late_frames or 0,
        offset_margin=judged.sync.margin,
    )
    because: list[str] = []
    if not judged.sync.kept:
        because.append("states.out_of_sync")
    if all((state_F == DISCARD).all() for state_F in states):
        because.append("states.nothing_known")
    return [record.child("states", part, because=tuple(because))]


def motion_of(person: Person, num_frames: int) -> TrackMotion:
    """How a person's face moves, over a clip of so many frames."""
    frames = slice(person.first_frame, person.first_frame + person.num_frames)
    points_FP2 = np.full((num_frames, NUM_POINTS, 2), np.nan, np.float32)
    turn_F3 = np.full((num_frames, 3), np.nan, np.float32)
    points_FP2[frames], turn_F3[frames] = person.points.unpack(), person.turns.unpack()
    return TrackMotion(points_FP2=points_FP2, turn_F3=turn_F3)


def _judged(record: Record, people: People, config: StatesConfig, raw: RawFiles) -> Judgement:
    before = round(config.heard_before_s * AUDIO_RATE_HZ)
    start_s = record.part(Span).start_s - Fraction(before, AUDIO_RATE_HZ)
    count = before + samples_at_frame(people.num_frames)
    sound_A: NDArray[np.float32] = read_sound(raw.source(record), record.part(Media), start_s, count)
    motion = [motion_of(person, people.num_frames) for person in people.persons]
    return judge(motion, sound_A[before:], _scorer(), config=config.judging, before_A=sound_A[:before])


@cache
def _scorer() -> SpeakerScorer:
    """The network, once a process."""
    return NetworkScorer()


STATES: Final = Stage(
    name="states",
    version=3,
    purpose="find who speaks, listens or idles in every frame; drop clips whose sound is out of step",
    config=StatesConfig(),
    work=find_states,
)
