"""The sixth stage: a unit for each person of a clip and stretch of known states, and the voices of both parties."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.rig import State
from openlpm.data.packed import pack
from openlpm.data.pairing.config import PairingConfig
from openlpm.data.pairing.part import Filming, Unit
from openlpm.data.pairing.settling import settle_sources
from openlpm.data.pairing.stretches import kind_of, known_stretches
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


def make_units(record: Record, config: PairingConfig, _raw: RawFiles) -> Sequence[Record]:
    """A record for every unit of a clip; one that says why if there is none."""
    people, states = record.part(People), record.part(States)
    state_PF = _over_clip(people, states)
    speech_F = states.speech.unpack() >= _HEARD
    made: list[Record] = []
    for index, person in enumerate(people.persons):
        if not faults_of(person, config.composition):
            made += [record.child("pairing", unit) for unit in _units(index, people, state_PF, speech_F, config)]
    return made or [record.child("pairing", because=("pairing.too_short",))]


def _units(
    index: int, people: People, state_PF: NDArray[np.int8], speech_F: Mask, config: PairingConfig
) -> Iterator[Unit]:
    person: Person = people.persons[index]
    own_F = state_PF[index] == State.SPEAK
    seen_F = (np.delete(state_PF, index, axis=0) == State.SPEAK).any(axis=0)
    other_F = (speech_F & ~_grown(own_F, _OWN_REACH)) | seen_F
    own, other = voice_stretches(own_F, other_F)
    state_F = state_PF[index] if config.keep_overlap else np.where(own_F & seen_F, DISCARD, state_PF[index])
    crop_F3 = person.crops.unpack()
    for first, known_F in known_stretches(state_F.astype(np.int8), config):
        length = known_F.shape[0]
        partner = cut_to(other, first, length)
        yield Unit(
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
    version=1,
    purpose="make a unit of every person and stretch of known states, with the voices of both parties and who they are",
    config=PairingConfig(),
    work=make_units,
    settle=settle_sources,
)
