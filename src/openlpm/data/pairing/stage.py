"""The sixth stage: a unit for each person of a clip and stretch of known states, and the voices of both parties."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.rig import State
from openlpm.data.packed import pack
from openlpm.data.pairing.apart import Who
from openlpm.data.pairing.config import PairingConfig
from openlpm.data.pairing.part import Filming, Unit
from openlpm.data.pairing.settling import settle_sources
from openlpm.data.pairing.stretches import kind_of, known_stretches
from openlpm.data.pairing.timbre import TIMBRE_STEP, Timbre, timbre_of
from openlpm.data.pairing.tracks import unit_sound
from openlpm.data.pairing.turns import Mask, cut_to, voice_stretches
from openlpm.data.people.composition import faults_of
from openlpm.data.people.part import People, Person
from openlpm.data.people.stage import CROP_STEP
from openlpm.data.records import Record
from openlpm.data.stage import RawFiles, Stage
from openlpm.data.states.part import States
from openlpm.data.states.rule import DISCARD

_HEARD: Final = 0.5
_OWN_REACH: Final = 4
"""Frames about one's own speech in which the voice detector hears oneself."""
_SURE_WITHIN: Final = 2
"""Labels of who speaks are sure so many frames inside of their stretches."""


def make_units(record: Record, config: PairingConfig, raw: RawFiles) -> Sequence[Record]:
    """A record for every unit of a clip, with what is heard in it (``Timbre``); one that says why if there is none."""
    people, states = record.part(People), record.part(States)
    state_PF = _over_clip(people, states)
    speech_F = states.speech.unpack() >= _HEARD
    made: list[Record] = []
    for index, person in enumerate(people.persons):
        if not faults_of(person, config.composition):
            for unit, who_F in _units(index, people, state_PF, speech_F, config):
                heard = (_timbre(record, raw, unit, who_F),) if config.by_voice else ()
                made.append(record.child("pairing", unit, *heard))
    return made or [record.child("pairing", because=("pairing.too_short",))]


def _units(
    index: int, people: People, state_PF: NDArray[np.int8], speech_F: Mask, config: PairingConfig
) -> Iterator[tuple[Unit, NDArray[np.int8]]]:
    """Units of a person, with of whom labels are sure in each frame."""
    person: Person = people.persons[index]
    own_F = state_PF[index] == State.SPEAK
    seen_F = (np.delete(state_PF, index, axis=0) == State.SPEAK).any(axis=0)
    other_F = (speech_F & ~_grown(own_F, _OWN_REACH)) | seen_F
    own, other = voice_stretches(own_F, other_F)
    who_F = _who(own_F, other_F, seen_F)
    state_F = state_PF[index] if config.keep_overlap else np.where(own_F & seen_F, DISCARD, state_PF[index])
    crop_F3 = person.crops.unpack()
    for first, known_F in known_stretches(state_F.astype(np.int8), config):
        length = known_F.shape[0]
        partner = cut_to(other, first, length)
        unit = Unit(
            person=index,
            first_frame=first,
            num_frames=length,
            kind=kind_of(known_F, config),
            filming=Filming.ALONE,
            states=pack(known_F),
            crops=pack(crop_F3[first - person.first_frame :][:length], step=CROP_STEP),
            own=cut_to(own, first, length),
            partner=partner,
            identity="",
            listens_to="",
        )
        yield unit, who_F[first : first + length]


def _who(own_F: Mask, other_F: Mask, seen_F: Mask) -> NDArray[np.int8]:
    """``Who`` is labelled to speak in each frame, as far as labels are sure."""
    alone_F, others_F = (~_grown(~mask_F, _SURE_WITHIN) for mask_F in (own_F & ~seen_F, other_F & ~own_F))
    who_F = np.where(alone_F, int(Who.OWN), np.where(others_F, int(Who.OTHER), int(Who.NOBODY)))
    return np.where(own_F & seen_F, int(Who.BOTH), who_F).astype(np.int8)


def _timbre(record: Record, raw: RawFiles, unit: Unit, who_F: NDArray[np.int8]) -> Timbre:
    sound_A = unit_sound(record.with_part(unit), raw)
    columns_LX = timbre_of(sound_A, unit.num_frames)
    return Timbre(columns=pack(columns_LX, step=TIMBRE_STEP), who=pack(who_F))


def _over_clip(people: People, states: States) -> NDArray[np.int8]:
    """States of everybody in every frame of the clip; unknown where somebody is not there."""
    state_PF = np.full((len(people.persons), people.num_frames), DISCARD, np.int8)
    for index, (person, packed) in enumerate(zip(people.persons, states.states, strict=True)):
        state_PF[index, person.first_frame :][: person.num_frames] = packed.unpack()
    return state_PF


def _grown(mask_F: Mask, reach: int) -> Mask:
    wide = np.ones(2 * reach + 1)
    return np.convolve(mask_F.astype(np.float64), wide, mode="same") > 0.5


PAIRING: Final = Stage(
    name="pairing",
    version=2,
    purpose="make a unit of every person and stretch of known states, with the voices of both parties and who they are",
    config=PairingConfig(),
    work=make_units,
    settle=settle_sources,
)
