"""The rules of pairing: what becomes a unit, whose voice is whose, who is who, and who listens to whom."""

from typing import Any

import numpy as np
import pytest

from openlpm.core.errors import ConfigError
from openlpm.core.units import samples_at_frame
from openlpm.data.packed import pack
from openlpm.data.pairing.config import PairingConfig
from openlpm.data.pairing.identities import Seen, people_of
from openlpm.data.pairing.part import Stretch, UnitKind
from openlpm.data.pairing.partners import Appearance, partner_of
from openlpm.data.pairing.stretches import bridged, kind_of, known_stretches
from openlpm.data.pairing.tracks import FADE_SAMPLES, within
from openlpm.data.pairing.turns import cut_to, voice_stretches
from openlpm.data.people.composition import CompositionConfig, cut_off_share, faults_of, faults_of_clip
from openlpm.data.people.part import Person

pytestmark = pytest.mark.unit

IDLE, LISTEN, SPEAK, UNKNOWN = 0, 1, 2, -1


def states(*runs: tuple[int, int]) -> np.ndarray:
    return np.concatenate([np.full(count, state, np.int8) for state, count in runs])


def mask(length: int, *runs: tuple[int, int]) -> np.ndarray:
    mask_F = np.zeros(length, np.bool_)
    for first, end in runs:
        mask_F[first:end] = True
    return mask_F


@pytest.mark.parametrize(
    ("runs", "kind"),
    [
        ([(SPEAK, 80)], UnitKind.SPEAK),
        ([(SPEAK, 80), (LISTEN, 5)], UnitKind.SPEAK),
        ([(LISTEN, 50), (IDLE, 30)], UnitKind.LISTEN),
        ([(LISTEN, 50), (SPEAK, 30)], UnitKind.CONVERSATION),
        ([(IDLE, 90)], UnitKind.IDLE),
    ],
)
def test_a_unit_is_of_the_kind_that_its_states_are(runs: list[tuple[int, int]], kind: UnitKind) -> None:
    assert kind_of(states(*runs), PairingConfig()) is kind


def test_units_hold_no_unknown_frame_and_short_ones_are_none_but_listeners_may_be_shorter() -> None:
    state_F = states((SPEAK, 80), (UNKNOWN, 20), (SPEAK, 60), (UNKNOWN, 20), (LISTEN, 55), (UNKNOWN, 20), (LISTEN, 40))
    found = list(known_stretches(state_F, PairingConfig()))
    assert [(first, part_F.shape[0]) for first, part_F in found] == [(0, 80), (180, 55)]
    assert all((part_F != UNKNOWN).all() for _, part_F in found)


def test_a_moment_of_doubt_within_one_state_parts_nothing_between_two_states_it_does() -> None:
    assert (bridged(states((SPEAK, 50), (UNKNOWN, 5), (SPEAK, 50)), 6) == SPEAK).all()
    assert (bridged(states((SPEAK, 50), (UNKNOWN, 7), (SPEAK, 50)), 6) == UNKNOWN).sum() == 7
    assert (bridged(states((SPEAK, 50), (UNKNOWN, 5), (LISTEN, 50)), 6) == UNKNOWN).sum() == 5


def test_where_one_voice_follows_the_other_neither_reaches_into_the_other() -> None:
    own, other = voice_stretches(mask(200, (0, 60), (120, 200)), mask(200, (60, 118)))
    assert abs(own[0][1] - samples_at_frame(59)) <= 1
    assert abs(own[1][0] - samples_at_frame(121)) <= 1
    assert np.abs(np.array(other) - [[samples_at_frame(61), samples_at_frame(117)]]).max() <= 1
    assert own[0][0] == 0  # what is cut by the edge of the clip goes on to it
    assert own[1][1] == samples_at_frame(200)


def test_a_voice_that_is_alone_keeps_its_breaths() -> None:
    own, other = voice_stretches(mask(200, (50, 100)), mask(200))
    ((first, end),) = own
    assert first < samples_at_frame(50) - 1000
    assert end > samples_at_frame(100) + 1000
    assert other == []


def test_stretches_of_a_clip_are_cut_to_a_unit_and_counted_from_its_beginning() -> None:
    clip = [(0, samples_at_frame(30)), (samples_at_frame(40), samples_at_frame(90))]
    first, second = cut_to(clip, 24, 48)
    assert first == Stretch(first_sample=0, end_sample=samples_at_frame(30) - samples_at_frame(24))
    assert second.end_sample == samples_at_frame(48)
    assert cut_to(clip, 100, 20) == ()


def test_fades_lie_inside_and_stretches_that_meet_are_heard_once() -> None:
    ones_A = np.ones(4000, np.float32)
    heard_A = within(ones_A, [Stretch(first_sample=500, end_sample=1500), Stretch(first_sample=1400, end_sample=2500)])
    assert not heard_A[:500].any()
    assert not heard_A[2500:].any()
    assert float(heard_A.max()) == 1
    assert (heard_A[500 + FADE_SAMPLES : 1500 - FADE_SAMPLES] == 1).all()
    assert np.abs(np.diff(heard_A)).max() < 0.01
    assert within(ones_A, [Stretch(first_sample=10, end_sample=11)]).shape == (4000,)


def seen(colour: float, first_s: float, end_s: float) -> Seen:
    return Seen(looks_X=np.full(75, colour, np.float32), first_s=first_s, end_s=end_s)


def test_alike_tracks_are_one_person_unless_they_are_seen_together() -> None:
    clips = [[seen(0.5, 0, 4)], [seen(0.2, 4, 8)], [seen(0.51, 8, 12)], [seen(0.2, 12, 16), seen(0.21, 12, 16)]]
    assert people_of(clips, 0.06) == [(0,), (1,), (0,), (1, 2)]


def test_of_two_in_one_clip_the_closest_match_is_settled_first() -> None:
    clips = [[seen(0.50, 0, 4)], [seen(0.54, 4, 8), seen(0.50, 4, 8)]]
    assert people_of(clips, 0.06) == [(0,), (1, 0)]


def appearance(clip: int, person: int, first_s: float, end_s: float, *speaks: tuple[float, float]) -> Appearance:
    return Appearance(clip=clip, person=person, first_s=first_s, end_s=end_s, speaks_s=speaks)


def test_a_partner_is_who_is_beside_and_speaks_else_who_speaks_in_the_nearest_shot() -> None:
    who = appearance(0, 0, 0, 10, (0, 4))
    beside = [appearance(0, 1, 0, 10), appearance(0, 2, 0, 10, (5, 9)), appearance(0, 3, 0, 3, (0, 3))]
    found = partner_of(who, 0, 10, [who, *beside], 60)
    assert (found.person, found.beside) == (2, True)
    shots = [appearance(1, 4, 10, 14, (11, 14)), appearance(2, 5, 30, 40, (30, 40)), appearance(3, 0, 14, 20, (14, 20))]
    found = partner_of(who, 0, 10, [who, *shots], 60)
    assert (found.person, found.beside) == (4, False)
    assert partner_of(who, 0, 10, [who, shots[1]], 15).person is None
    assert partner_of(who, 0, 10, [who, appearance(1, 6, 12, 16)], 60).person == 6
    assert partner_of(who, 0, 10, [who, shots[2]], 60).person is None


def person(*, face_share: float = 0.4, cut_off: float = 0.0, num_frames: int = 96) -> Person:
    nothing = pack(np.zeros((num_frames, 4), np.float32), step=1.0)
    return Person(
        first_frame=0, num_frames=num_frames, points=nothing, turns=nothing, boxes=nothing, crops=nothing,
        looks=nothing, score=0.9, face_share=face_share, cut_off_share=cut_off,
    )  # fmt: skip


def test_a_clip_is_dropped_only_if_nobody_in_it_is_shown_well_enough() -> None:
    config = CompositionConfig()
    assert faults_of_clip([], config) == ("nobody",)
    assert faults_of_clip([person(face_share=0.02), person(cut_off=0.9)], config) == ("cut_off", "small_face")
    assert faults_of_clip([person(face_share=0.02), person()], config) == ()
    assert faults_of(person(num_frames=10), config) == ("brief",)


def test_a_box_leaves_the_picture_by_more_than_landmarks_are_wrong() -> None:
    boxes_K4 = np.array([[-1, 0, 99, 100], [-10, 0, 90, 100], [50, 50, 150, 150], [60, 190, 160, 290]], np.float32)
    assert cut_off_share(boxes_K4, (256, 256)) == 0.5


@pytest.mark.parametrize("changes", [{"shortest_s": 0.1}, {"bridge_s": -1.0}, {"most_different": 0.0}])
def test_numbers_that_make_no_sense_are_refused_with_a_remedy(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"give|times"):
        PairingConfig(**changes)
