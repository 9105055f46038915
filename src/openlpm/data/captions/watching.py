"""A unit looked at from its first to its last frame: what is read, and how likely each tag is."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.data.captions.filmed import FILMED_TAGS, filmed_readings
from openlpm.data.captions.part import Tag
from openlpm.data.captions.reading import PICTURE_SIDE, FaceReader, Readings, unit_face
from openlpm.data.captions.tags import TAGS, Group, TagKind
from openlpm.data.captions.telling import NetworkTeller, TellingConfig, tag_of, tags_in
from openlpm.data.pairing.part import Unit
from openlpm.data.pairing.pictures import unit_pictures
from openlpm.data.people.detectors import DetectorName
from openlpm.data.people.part import People
from openlpm.data.records import Record
from openlpm.data.stage import RawFiles

_HALF_BODY, _CLOSE_UP = 0.335, 0.47
"""Length of the face over the side of the picture, between the shots of the cast."""


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Watched:
    """What was seen of a unit."""

    readings: Readings
    seen_F: NDArray[np.bool_]
    tags: tuple[Tag, ...]
    shown: tuple[NDArray[np.uint8], ...]
    """Some of its pictures, evenly over its length."""


def watch(record: Record, raw: RawFiles, config: TellingConfig, *, num_shown: int = 0) -> Watched:
    """Look at a unit once.

    Raises:
        InputError: the record is no unit, or its source cannot be read any more.
    """
    unit, face = record.part(Unit), unit_face(record)
    drawn = record.part(People).detector == DetectorName.CAST
    wanted = np.linspace(0, unit.num_frames - 1, num_shown + 2).round().astype(int)[1:-1].tolist() if num_shown else []
    shown: list[NDArray[np.uint8]] = []

    def passing() -> Iterator[NDArray[np.uint8]]:
        for frame, picture_HWC in enumerate(unit_pictures(record, raw, PICTURE_SIDE)):
            if frame in wanted:
                shown.append(picture_HWC)
            yield picture_HWC

    readings = reader().read(passing(), face)
    if not drawn:
        readings = filmed_readings(face, readings)
    likely_FT = teller().likely(readings, unit.states.unpack())
    if not drawn:
        likely_FT = likely_FT * np.array([tag in FILMED_TAGS for tag in TAGS], np.float32)
    tags = (*tags_in(likely_FT, config), shot_of(readings, unit.num_frames))
    return Watched(readings=readings, seen_F=face.seen(), tags=tags, shown=tuple(shown))


def shot_of(readings: Readings, num_frames: int) -> Tag:
    """How near the camera is, by the size of the face in the unit's pictures."""
    size_F = (readings.box_F4[:, 2:] - readings.box_F4[:, :2]).max(axis=1)
    share = float(np.median(size_F)) / PICTURE_SIDE
    name = "half body" if share < _HALF_BODY else "close-up" if share > _CLOSE_UP else "portrait"
    return tag_of(TagKind(Group.SHOT, name), 0, num_frames, 1.0)


@cache
def reader() -> FaceReader:
    """The reader of this process."""
    return FaceReader()


@cache
def teller() -> NetworkTeller:
    """The teller of this process."""
    return NetworkTeller()
