"""The stage that says what each unit shows."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.rig import State
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.captions.answers import Answers
from openlpm.data.captions.describing import Describer, Description, MeasuredOnly, ServedDescriber, Showing
from openlpm.data.captions.endpoint import Server
from openlpm.data.captions.manner import voice_tags
from openlpm.data.captions.part import Captions, Segment, Tag
from openlpm.data.captions.segments import SegmentConfig, segments_of, sentences_in
from openlpm.data.captions.telling import TellingConfig
from openlpm.data.captions.transcribing import Sentence, ServedTranscriber, Transcriber, Unheard
from openlpm.data.captions.watching import watch
from openlpm.data.captions.wording import Person, Stretch, lasting, said_of
from openlpm.data.packed import pack
from openlpm.data.pairing.part import Unit, UnitKind
from openlpm.data.pairing.tracks import voices
from openlpm.data.pairing.turns import phrases_of
from openlpm.data.records import Record
from openlpm.data.stage import RawFiles, Stage

_SERVED: Final = "endpoint:"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class CaptionsConfig:
    """What captions are made of."""

    describer: str = "measured"
    """``measured``: nothing but what was measured; ``endpoint:MODEL``: a model that sees pictures, behind the server
    of ``OPENLPM_CAPTION_URL``."""
    transcriber: str = "none"
    """``none``, or ``endpoint:MODEL``: a model that hears speech, behind the same server."""
    pictures: int = 4
    """Frames that a describer is shown."""
    telling: TellingConfig = field(default_factory=TellingConfig)
    segments: SegmentConfig = field(default_factory=SegmentConfig)

    def __post_init__(self) -> None:
        for name, value, other in (
            ("describer", self.describer, "measured"),
            ("transcriber", self.transcriber, "none"),
        ):
            if value != other and not (value.startswith(_SERVED) and value.removeprefix(_SERVED).strip()):
                raise ConfigError(f"{name}={value!r}: give {other}, or {_SERVED}MODEL with the name of a model")
        if not 1 <= self.pictures <= 16:
            raise ConfigError(f"pictures={self.pictures}: give 1 to 16")


def caption_unit(record: Record, config: CaptionsConfig, raw: RawFiles) -> Sequence[Record]:
    """The unit with its captions."""
    unit = record.part(Unit)
    describer, transcriber = _describer(config.describer), _transcriber(config.transcriber)
    watched = watch(record, raw, config.telling, num_shown=config.pictures)
    own_A, _ = voices(record, raw)
    state_F = unit.states.unpack()
    tags = (*watched.tags, *voice_tags(own_A, phrases_of(unit.own)))
    tags = tuple(sorted(tags, key=lambda tag: (tag.start_s, tag.group, tag.name)))
    whole, seed = Stretch(first_frame=0, end_frame=unit.num_frames), _seed(record)
    measured = said_of(tags, state_F, Person(), whole, seed, dense=True)
    description = describer.describe(Showing(pictures=watched.shown, measured=measured))
    person = Person(appearance=description.appearance, persona=description.persona)
    stays = lasting(person, seed, relationship=_relationship(unit, description))
    caption = stays if unit.kind is UnitKind.LISTEN else said_of(tags, state_F, person, whole, seed)
    sentences = transcriber.transcribe(own_A)
    captions = Captions(
        caption=caption,
        dense=description.caption or said_of(tags, state_F, person, whole, seed, dense=True),
        lasting=stays,
        appearance=description.appearance,
        segments=_segments(unit, tags, person, sentences, (stays, seed, config.segments)),
        tags=tags,
        face=pack(np.where(watched.seen_F[:, None], watched.readings.face_FR, np.nan), step=0.01),
        sharpness=pack(watched.readings.sharp_F, step=1e-3),
        described_by=describer.name,
        heard_by=transcriber.name,
    )
    return [record.child("captions", captions)]


def _segments(
    unit: Unit, tags: Sequence[Tag], person: Person, sentences: Sequence[Sentence], rest: tuple[str, int, SegmentConfig]
) -> tuple[Segment, ...]:
    """Each segment in words; those in which the person only listens get the words that stay true."""
    stays, seed, config = rest
    state_F: NDArray[np.int8] = unit.states.unpack()
    found: list[Segment] = []
    held = sentences or sentences_in(phrases_of(unit.own))
    for number, part in enumerate(segments_of(held, unit.num_frames, config)):
        inside_F = state_F[part.first_frame : part.end_frame]
        # Silence between two things that are heard is part of listening.
        listens = unit.kind is UnitKind.LISTEN or bool((inside_F == State.LISTEN).all())
        words = [
            each.words
            for each in sentences
            if part.first_frame <= each.start_s * FRAME_RATE_HZ < part.end_frame and each.words
        ]
        found.append(
            Segment(
                first_frame=part.first_frame,
                end_frame=part.end_frame,
                caption=stays if listens else said_of(tags, state_F, person, part, seed + 1 + number),
                words=" ".join(words),
            )
        )
    return tuple(found)


def _relationship(unit: Unit, description: Description) -> str:
    if description.relationship or not unit.listens_to:
        return description.relationship
    return "The other person is in the same conversation."


def _seed(record: Record) -> int:
    """Chooses the words: another one for every unit, always the same one for the same."""
    return int.from_bytes(hashlib.sha256(record.id.encode()).digest()[:4], "big") >> 1


@cache
def _describer(name: str) -> Describer:
    if not name.startswith(_SERVED):
        return MeasuredOnly()
    return ServedDescriber(name.removeprefix(_SERVED), Server(), Answers())


@cache
def _transcriber(name: str) -> Transcriber:
    if not name.startswith(_SERVED):
        return Unheard()
    return ServedTranscriber(name.removeprefix(_SERVED), Server(), Answers())


def forget_models() -> None:
    """Make describers and transcribers anew: their server may be another one by now."""
    _describer.cache_clear()
    _transcriber.cache_clear()


CAPTIONS: Final = Stage(
    name="captions",
    version=2,
    purpose="measure emotion, expression, gaze, motion and voice, and say it in the words that training knows",
    config=CaptionsConfig(),
    work=caption_unit,
)
