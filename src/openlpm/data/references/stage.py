"""The stage that finds references: each unit offers frames, and takes those of other moments of the same person."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.captions.part import Captions, Tag
from openlpm.data.captions.tags import Group
from openlpm.data.pairing.part import Unit
from openlpm.data.parts import Media, Source, Span
from openlpm.data.people.part import People
from openlpm.data.records import Record
from openlpm.data.references.judging import fits_of
from openlpm.data.references.part import ORDER, Candidates, Reference, References
from openlpm.data.stage import RawFiles, Stage
from openlpm.dit.condition import ReferenceKind

_HIDING: Final = frozenset({"cover_mouth", "think", "blow_kiss", "clap"})
"""Actions that bring a hand before the face."""
_FULL_SHARPNESS = 0.5
"""Sharper than this is of no use."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ReferencesConfig:
    """What makes a reference."""

    least_pixels: float = 48.0
    """Longer side of the face in the source; smaller faces are none."""
    sharper_than: float = 0.3
    """Share of the frames of its own unit that a frame has to be sharper than."""
    apart_s: float = 0.5
    """Two references of a person are further from one another, and from the unit that takes them."""
    offers: int = 3
    """How many frames of each name a unit offers: its own neighbours may be too near."""

    def __post_init__(self) -> None:
        if self.least_pixels < 8 or not 0 <= self.sharper_than < 1 or self.apart_s < 0 or self.offers < 1:
            raise ConfigError(f"{self}: give 8 pixels, a share below 1, no negative time and one offer at least")


def offer(record: Record, config: ReferencesConfig, _raw: RawFiles) -> Sequence[Record]:
    """The unit with the frames that others may take. Everything needed was measured for the captions."""
    unit, captions, span = record.part(Unit), record.part(Captions), record.part(Span)
    squares_F3, sharp_F = unit.crops.unpack(), captions.sharpness.unpack()
    pixels_F, whole_F = _faces(record, unit)
    usable_F = whole_F & (pixels_F >= config.least_pixels) & ~_hidden(captions.tags, unit.num_frames)
    found: list[Reference] = []
    if usable_F.any():
        usable_F &= np.nan_to_num(sharp_F) >= np.nanquantile(sharp_F, config.sharper_than)
    for (kind, subtype), fit_F in fits_of(captions.face.unpack()).items():
        quality_F = 0.75 + 0.25 * np.clip(np.nan_to_num(sharp_F) / _FULL_SHARPNESS, 0, 1)
        score_F = np.where(usable_F, fit_F * quality_F, 0.0)
        found += [
            Reference(
                kind=kind,
                subtype=subtype,
                span=span,
                frame=unit.first_frame + frame,
                square=(float(squares_F3[frame, 0]), float(squares_F3[frame, 1]), float(squares_F3[frame, 2])),
                fit=float(fit_F[frame]),
                sharpness=float(sharp_F[frame]),
                face_pixels=float(pixels_F[frame]),
                score=float(score_F[frame]),
            )
            for frame in _best(score_F, config)
        ]
    return [record.child("references", Candidates(references=tuple(found)))]


def choose(records: Iterable[Record], config: ReferencesConfig) -> Iterator[Record]:
    """Every unit with what it takes of the offers of the same person in the same source, its own moments left out."""
    for _, group in groupby(records, key=lambda record: record.part(Source).sha256):
        units = list(group)
        offers: dict[str, list[Reference]] = {}
        for record in units:
            if record.has(Candidates):
                held = offers.setdefault(record.part(Unit).identity, [])
                held += record.part(Candidates).references
        for record in units:
            if not record.has(Candidates):
                yield record
                continue
            taken = References(references=taken_of(record, offers[record.part(Unit).identity], config))
            parts = {name: part for name, part in record.parts.items() if name != Candidates.NAME}
            yield replace(record, parts=parts).with_part(taken)


def taken_of(record: Record, offers: Sequence[Reference], config: ReferencesConfig) -> tuple[Reference, ...]:
    """At most one of each name, best first come, none within or near the unit or near one another."""
    unit, span = record.part(Unit), record.part(Span)
    start_s = span.start_s + Fraction(unit.first_frame, FRAME_RATE_HZ)
    end_s = start_s + Fraction(unit.num_frames, FRAME_RATE_HZ)
    apart_s = Fraction(config.apart_s).limit_denominator(1000)
    taken: dict[tuple[str, str], Reference] = {}
    # The global picture chooses first: every clip needs one.
    for each in sorted(offers, key=lambda each: (each.kind is not ReferenceKind.GLOBAL, -each.score, each.at_s)):
        if start_s - apart_s < each.at_s < end_s + apart_s or (each.kind, each.subtype) in taken:
            continue
        if all(abs(other.at_s - each.at_s) >= apart_s for other in taken.values()):
            taken[each.kind, each.subtype] = each
    return tuple(sorted(taken.values(), key=lambda each: ORDER.index((each.kind, each.subtype))))


def _faces(record: Record, unit: Unit) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Longer side of the face in each frame of a unit, and whether all of it is in the picture."""
    media, person = record.part(Media), record.part(People).persons[unit.person]
    boxes_F4 = np.full((unit.num_frames, 4), np.nan, np.float32)
    first = unit.first_frame - person.first_frame
    part_F4 = person.boxes.unpack()[max(first, 0) : first + unit.num_frames]
    boxes_F4[max(-first, 0) : max(-first, 0) + part_F4.shape[0]] = part_F4
    size_F = np.nan_to_num((boxes_F4[:, 2:] - boxes_F4[:, :2]).max(axis=1))
    left_F, top_F, right_F, bottom_F = boxes_F4.T
    inside_F = (left_F >= 0) & (top_F >= 0) & (right_F <= media.width) & (bottom_F <= media.height)
    return size_F, inside_F


def _hidden(tags: Sequence[Tag], num_frames: int) -> NDArray[np.bool_]:
    hidden_F = np.zeros(num_frames, np.bool_)
    for tag in tags:
        if tag.group is Group.ACTION and tag.name in _HIDING:
            hidden_F[max(round(tag.start_s * FRAME_RATE_HZ) - 6, 0) : round(tag.end_s * FRAME_RATE_HZ) + 6] = True
    return hidden_F


def _best(score_F: NDArray[np.float64], config: ReferencesConfig) -> list[int]:
    """The best frames, so far from one another that they differ."""
    left_F, found, apart = score_F.copy(), list[int](), max(round(config.apart_s * FRAME_RATE_HZ), 1)
    while len(found) < config.offers and left_F.max(initial=0.0) > 0:
        frame = int(left_F.argmax())
        found.append(frame)
        left_F[max(frame - apart, 0) : frame + apart + 1] = 0
    return found


REFERENCES: Final = Stage(
    name="references",
    version=1,
    purpose="choose a global picture, views and expressions of the same person from other moments",
    config=ReferencesConfig(),
    work=offer,
    settle=choose,
)
