from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from openlpm.core.errors import ConfigError
from openlpm.core.rig import Rig, State
from openlpm.data.captions.tags import FACE_CHANNELS
from openlpm.data.packed import pack
from openlpm.data.pairing.part import Filming, Unit, UnitKind
from openlpm.data.parts import Rights, Source, Span
from openlpm.data.records import Record, plain
from openlpm.data.references.judging import fits_of
from openlpm.data.references.part import ORDER, Candidates, Reference, References, names_of
from openlpm.data.references.stage import REFERENCES, ReferencesConfig, choose, taken_of
from openlpm.dit.condition import ReferenceKind
from openlpm.synth.look.references import reference_rigs

pytestmark = pytest.mark.unit

SECOND = 90_000


def span(start_s: int, end_s: int) -> Span:
    return Span(
        first_pts=start_s * SECOND,
        end_pts=end_s * SECOND,
        time_base=Fraction(1, SECOND),
        first_frame=24 * start_s,
        num_frames=24 * (end_s - start_s),
    )


def offer(kind: ReferenceKind, subtype: str, clip: Span, frame: int, score: float = 0.5) -> Reference:
    return Reference(
        kind=kind, subtype=subtype, span=clip, frame=frame, square=(0.0, 0.0, 100.0), fit=score, sharpness=0.3,
        face_pixels=90.0, score=score,
    )  # fmt: skip


def unit_record(clip: Span, first: int, count: int, offers: Sequence[Reference], identity: str = "a") -> Record:
    unit = Unit(
        person=0, first_frame=first, num_frames=count, kind=UnitKind.IDLE, filming=Filming.ALONE,
        states=pack(np.full(count, State.IDLE, np.int8)), crops=pack(np.zeros((count, 3)), step=1.0), own=(),
        partner=(), identity=identity, listens_to="",
    )  # fmt: skip
    source = Source(name="a/film.mp4", sha256="0" * 64, size_bytes=1, rights=Rights())
    record = Record(stage="captions", parent=None, parts={Source.NAME: plain(source), Span.NAME: plain(clip)})
    return record.child("references", unit, Candidates(references=tuple(offers)))


def chosen(records: Sequence[Record]) -> list[tuple[Reference, ...]]:
    return [record.part(References).references for record in choose(records, ReferencesConfig())]


def test_the_poses_of_synthetic_references_are_what_they_are_called() -> None:
    for key, rig_R in reference_rigs().items():
        fits = fits_of(rig_R[None, list(FACE_CHANNELS)])
        found = {subtype for (kind, subtype), fit_F in fits.items() if fit_F[0] > 0 and kind.value == key.kind}
        assert found == {key.name}


def test_a_face_that_was_not_seen_is_no_reference() -> None:
    unseen = np.full((1, len(FACE_CHANNELS)), np.nan, np.float32)
    assert all(fit_F[0] == 0 for fit_F in fits_of(unseen).values())


def test_shut_eyes_are_no_view_and_a_turned_smile_is_no_expression() -> None:
    face_FR = np.zeros((2, len(FACE_CHANNELS)), np.float32)
    face_FR[:, FACE_CHANNELS.index(Rig.YAW)] = 0.5
    face_FR[0, [FACE_CHANNELS.index(Rig.BLINK_LEFT), FACE_CHANNELS.index(Rig.BLINK_RIGHT)]] = 1
    face_FR[1, FACE_CHANNELS.index(Rig.SMILE)] = 1
    fits = fits_of(face_FR)
    assert fits[ReferenceKind.VIEW, "right"].tolist() == [0, 1]
    assert fits[ReferenceKind.EXPRESSION, "smile"][1] == 0


def test_nobody_takes_a_frame_of_the_own_unit_or_near_it() -> None:
    clip = span(0, 20)
    near = [offer(ReferenceKind.GLOBAL, "frontal", clip, frame) for frame in (10, 94, 95, 245, 251)]
    far = offer(ReferenceKind.GLOBAL, "frontal", clip, 253, score=0.1)
    record = unit_record(clip, 96, 144, [*near[1:4], far])
    assert taken_of(record, near[1:4], ReferencesConfig()) == ()
    assert taken_of(record, [*near[1:], far], ReferencesConfig())[0].frame in (252, 253)
    assert taken_of(record, near, ReferencesConfig())[0].frame == 10


def test_units_of_one_person_take_from_one_another_and_from_nobody_else() -> None:
    first, second, third = span(0, 5), span(6, 11), span(12, 17)
    records = [
        unit_record(first, 0, 120, [offer(ReferenceKind.GLOBAL, "frontal", first, 60)]),
        unit_record(second, 0, 120, [offer(ReferenceKind.GLOBAL, "frontal", second, 60, 0.9)]),
        unit_record(third, 0, 120, [offer(ReferenceKind.GLOBAL, "frontal", third, 60, 1.0)], identity="b"),
    ]
    taken = chosen(records)
    assert [[each.span.first_pts // SECOND for each in references] for references in taken] == [[6], [0], []]
    assert not any(record.has(Candidates) for record in choose(records, ReferencesConfig()))


def test_references_are_of_different_names_and_moments_and_in_their_order() -> None:
    clip, other = span(0, 5), span(10, 20)
    offers = [
        offer(ReferenceKind.EXPRESSION, "smile", other, 100, 0.9),
        offer(ReferenceKind.VIEW, "left", other, 104, 0.8),  # too near to the smile
        offer(ReferenceKind.VIEW, "left", other, 150, 0.6),
        offer(ReferenceKind.GLOBAL, "frontal", other, 96, 0.2),  # comes first all the same
        offer(ReferenceKind.EXPRESSION, "smile", other, 200, 0.3),
    ]
    taken = taken_of(unit_record(clip, 0, 120, []), offers, ReferencesConfig())
    assert [(each.subtype, each.frame) for each in taken] == [("frontal", 96), ("left", 150), ("smile", 200)]


def test_every_name_has_its_place() -> None:
    assert [names_of(kind).index(name) for kind, name in ORDER] == [0, 0, 1, 2, 3, 0, 1, 2, 3, 4]


def test_a_configuration_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ConfigError, match="pixels"):
        ReferencesConfig(least_pixels=1)
    assert REFERENCES.settle is choose
