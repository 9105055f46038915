import base64
from fractions import Fraction

import numpy as np
import pytest

from openlpm.data.ingest.likeness import Likeness, settle_likeness
from openlpm.data.ingest.stage import IngestConfig
from openlpm.data.parts import Media, Rights, Source
from openlpm.data.records import Record, plain

pytestmark = pytest.mark.unit

MEDIA = Media(
    container="mp4",
    codec="h264",
    stream=0,
    width=64,
    height=64,
    rotation=0,
    rate=Fraction(25),
    variable_rate=False,
    high_dynamic_range=False,
    num_packets=100,
    first_pts=0,
    end_pts=4,
    time_base=Fraction(1),
    damaged_frames=0,
    sound=None,
)


def a_source(name: str, seed: int, *, looks: str = "0f" * 128, strength: float = 9.0) -> Record:
    """A source that looks like all others, and moves as its seed says."""
    moving = np.random.default_rng(seed).normal(0, strength, 16 * 64).clip(-127, 127).astype(np.int8)
    likeness = Likeness(looks=looks, movement=base64.b64encode(moving.tobytes()).decode())
    source = Source(name=name, sha256=name, size_bytes=1, rights=Rights())
    return Record(stage="ingest", parent=None, parts={part.NAME: plain(part) for part in (source, MEDIA, likeness)})


def reasons(*records: Record) -> list[tuple[str, ...]]:
    return [record.reasons for record in settle_likeness(records, IngestConfig())]


def test_what_looks_alike_and_moves_alike_is_a_copy() -> None:
    assert reasons(a_source("a", 1), a_source("b", 1)) == [(), ("ingest.looks_like_another",)]


def test_one_person_in_one_room_who_moves_otherwise_is_no_copy() -> None:
    assert reasons(a_source("a", 1), a_source("b", 2)) == [(), ()]


def test_what_moves_alike_and_looks_otherwise_is_no_copy() -> None:
    assert reasons(a_source("a", 1), a_source("b", 1, looks="f0" * 128)) == [(), ()]


def test_stills_are_compared_by_their_looks_alone() -> None:
    assert reasons(a_source("a", 1, strength=0.3), a_source("b", 2, strength=0.3))[1] == ("ingest.looks_like_another",)
