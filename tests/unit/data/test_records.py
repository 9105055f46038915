from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openlpm.core.errors import ConfigError, InputError
from openlpm.data.parts import Media, Rights, Source, Span
from openlpm.data.records import Decision, Record, plain, read_line
from openlpm.data.stage import place_of, seconds_of

pytestmark = pytest.mark.unit


def a_record(name: str = "a.mp4") -> Record:
    source = Source(name=name, sha256="00", size_bytes=7, rights=Rights(licence="CC0"))
    return Record(stage="ingest", parent=None, parts={Source.NAME: plain(source)})


def a_span(first: int = 0) -> Span:
    return Span(first_pts=first, end_pts=first + 3003, time_base=Fraction(1, 1001), first_frame=0, num_frames=72)


def test_a_line_gives_the_same_record_back() -> None:
    record = a_record("ünï/ço dé.mp4").child("shots", a_span(-5))
    assert read_line(record.line()) == record
    assert record.part(Span).duration_s == Fraction(3)
    assert record.part(Source).rights.licence == "CC0"


def test_the_same_content_has_the_same_name_and_other_content_another() -> None:
    assert a_record().id == a_record().id
    assert len({a_record().id, a_record("b").id, a_record().child("x").id, a_record().set_aside("x", "y").id}) == 4


def test_the_order_of_parts_and_reasons_makes_no_difference() -> None:
    one, other = (
        Record(stage="s", parent=None, parts=dict(parts)) for parts in ((("a", 1), ("b", 2)), (("b", 2), ("a", 1)))
    )
    assert one.id == other.id
    assert a_record().child("s", because=("b", "a", "b")).reasons == ("a", "b")


def test_a_line_that_was_changed_by_hand_is_refused() -> None:
    with pytest.raises(InputError, match="changed by hand"):
        read_line(a_record().line().replace("CC0", "CC1"))
    with pytest.raises(InputError, match="no record"):
        read_line('{"id": 1}')


def test_parts_of_stages_that_nobody_knows_go_through_unharmed() -> None:
    record = Record(stage="people", parent="p", parts={"tracks": [{"box": [1, 2.5]}], "future": {"a": None}})
    assert read_line(record.line()).child("x").parts["tracks"] == [{"box": [1, 2.5]}]


def test_a_part_with_fields_of_another_version_is_refused_in_words() -> None:
    record = Record(stage="s", parent=None, parts={"span": {"first_pts": 1, "colour": "red"}})
    with pytest.raises(InputError, match="part 'span'"):
        record.part(Span)
    with pytest.raises(InputError, match="no part 'media'"):
        record.part(Media)


def test_scores_that_are_no_numbers_are_refused() -> None:
    @dataclass(frozen=True)
    class Score:
        NAME: ClassVar[str] = "score"
        value: float

    with pytest.raises(ValueError, match="finite"):
        plain(Score(float("nan")))
    assert plain(Score(1 / 3)) == {"value": 0.333333}


def test_a_span_has_frames_and_a_beginning_before_its_end() -> None:
    with pytest.raises(ConfigError, match="it must have some"):
        Span(first_pts=3, end_pts=3, time_base=Fraction(1), first_frame=0, num_frames=1)


@given(st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=6))
def test_records_of_one_source_are_in_the_order_of_time(starts: list[int]) -> None:
    records = sorted((a_record().child("shots", a_span(start)) for start in starts), key=place_of)
    assert [record.part(Span).first_pts for record in records] == sorted(starts)


def test_dropping_and_setting_aside_keep_what_is_known() -> None:
    dropped = a_record().child("shots", a_span(), because=("shots.too_short",))
    assert (dropped.decision, seconds_of(dropped)) == (Decision.DROP, 3.0)
    aside = dropped.set_aside("filters", "filters.memory")
    assert aside.decision is Decision.QUARANTINE
    assert aside.parent == dropped.id
    assert aside.part(Span) == a_span()
